"""Writes what happened as log messages, one sentence an event."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from datetime import UTC, datetime

from core.journal.records import (
    Begun,
    CandleRevised,
    Commanded,
    GapSeen,
    MomentPassed,
    OrderAnswered,
    QuoteFilled,
    Record,
    Returned,
    Stopped,
)
from core.market.candles.candles import Candle
from core.market.symbols import money_decimals
from core.session.snapshot import Level
from core.text import basis_points, counted, number, per_cent, prices, signed_per_cent
from core.trading.orders import Execution, OrderSide, VenueOrder, difference_bp
from core.trading.values import (
    Added,
    Decided,
    Entered,
    Event,
    Exited,
    ExitReason,
    FundingPaid,
    Halted,
    Obstacle,
    Priced,
    Reduced,
    Refused,
    Side,
    Trade,
)

_WORDS = {
    ExitReason.SIGNAL: "signal",
    ExitReason.STOP_LOSS: "stop loss",
    ExitReason.TAKE_PROFIT: "take profit",
    ExitReason.TRAILING_STOP: "trailing stop",
    ExitReason.MAX_HOLD: "held for the maximum time",
    ExitReason.LIQUIDATION: "liquidation",
    ExitReason.REVERSE: "reversal",
    ExitReason.MANUAL: "by hand",
    ExitReason.BREAK_EVEN: "stop at the entry",
    ExitReason.ROI: "target of that time",
    ExitReason.FLAT_AT: "time to be flat",
}


_BY_THE_STRATEGY = frozenset(
    {Obstacle.HOURS, Obstacle.COOLDOWN, Obstacle.TRADES_PER_DAY, Obstacle.UNFILLED}
)
"""What keeps an order from becoming a trade because its strategy wants it so: no cause to warn."""


def clock_text(time: int) -> str:
    """A time (UTC ms) as the log writes it."""
    return datetime.fromtimestamp(time / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def state_text(state: str, why: str | None) -> str:
    """The state a session has come to, and why; what says both (`stopped by hand`) stands alone."""
    word = state.replace("_", " ")
    return word if why is None else why if why.startswith(word) else f"{word}: {why}"


def tells_nothing(event: Event) -> bool:
    """Whether an event has nothing to tell: candles do not price what a person entered and left."""
    if not isinstance(event, Priced):
        return False
    return event.trade.candle_entry_price is None and event.trade.candle_exit_price is None


def tell(event: Event, symbols: Sequence[str] = ()) -> tuple[Level, str]:
    """An event as a sentence, and how loud it is; `symbols`: of its session."""
    match event:
        case Decided(time, symbol, side, None, price, adds):
            verb = "add to" if adds else "enter"
            at = "" if price is None else f" at {number(price)}"
            return Level.INFO, (f"{symbol}: {verb} {side}{at}, candle {clock_text(time)}")
        case Decided(time, symbol, side, reason) if reason is not None:
            why = _WORDS[reason]
            return (
                Level.INFO,
                f"{symbol}: leave {side}, {why}, candle {clock_text(time)}",
            )
        case Entered():
            return Level.INFO, (
                f"{event.symbol}: entered {event.side} {number(event.quantity)} at "
                f"{number(event.price)}{' by hand' * event.by_hand}, fee {event.fee:.4g}"
                f"{_capped(event)}"
            )
        case Added():
            return Level.INFO, (
                f"{event.symbol}: added to {event.side}, {number(event.quantity)} at "
                f"{number(event.price)}, fee {event.fee:.4g}{_capped(event)}"
            )
        case Reduced():
            return Level.INFO, (
                f"{event.symbol}: left a part of {event.side}, {number(event.quantity)} at "
                f"{number(event.price)}, {_WORDS[event.reason]}: "
                f"{event.pnl:+z.{money_decimals(event.symbol)}f} before the fee of the entry"
            )
        case Exited(_, trade):
            return Level.INFO, _trade_text(trade)
        case Priced(_, trade):
            priced = {"entry": trade.candle_entry_price, "exit": trade.candle_exit_price}
            if trade.entries:  # of several the candles price the first and the last alone
                priced = {"first entry": priced["entry"], "exit": priced["exit"]}
            if trade.parts:
                priced["last exit"] = priced.pop("exit")
            known = (f"{what} {number(one)}" for what, one in priced.items() if one is not None)
            return Level.DEBUG, f"{trade.symbol}: trade {trade.id} by candles: {', '.join(known)}"
        case Refused():
            level = Level.INFO if event.obstacle in _BY_THE_STRATEGY else Level.WARNING
            return level, f"{event.symbol}: no {event.side} entry: {event.why}"
        case FundingPaid():
            verb = "paid" if event.amount > 0 else "received"
            digits = max(4, money_decimals(event.symbol))
            return Level.INFO, f"{event.symbol}: funding {verb}: {abs(event.amount):.{digits}f}"
        case Halted():
            return Level.WARNING, (
                f"{event.limit_name} of {per_cent(event.limit)} reached: equity fell to "
                f"{event.equity:.{money_decimals(*symbols)}f}"
            )
    raise TypeError(f"expected an event of core.trading.values, got {event!r}")


def tell_order(order: VenueOrder, came: Execution) -> tuple[Level, str]:
    """What a venue made of an order, as a sentence, and how loud that is."""
    bought = order.side is OrderSide.BUY
    difference = difference_bp(order, came)
    if came.quantity is None:
        verb = "bought" if bought else "sold"
        return Level.WARNING, (
            f"{order.symbol}: whether the testnet {verb} {number(order.quantity)} is not known: "
            f"{came.why}; the session goes on by the rules"
        )
    if not came.quantity or came.price is None or difference is None:
        verb = "buy" if bought else "sell"
        return Level.WARNING, (
            f"{order.symbol}: the testnet did not {verb} {number(order.quantity)}: {came.why}; the "
            "session goes on by the rules"
        )
    word = "worse" if difference >= 0 else "better"
    took = "" if came.latency is None else f", after {came.latency} ms"
    part = "" if came.why is None else f" ({came.why})"
    theirs, ours = prices(came.price, order.price)
    return Level.INFO if came.why is None else Level.WARNING, (
        f"{order.symbol}: the testnet {'bought' if bought else 'sold'} {number(came.quantity)} at "
        f"{theirs}, {basis_points(abs(difference))} bp {word} than the session's {ours}{took}{part}"
    )


class Refusals:
    """Which refused entries only repeat what was told? Those of a pause come at every candle."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, Side], Refused] = {}

    def repeated(self, event: Event) -> bool:
        """Whether an event is a refusal like the last one told of its symbol and side."""
        if isinstance(event, Decided):
            self._told.pop((event.symbol, event.side), None)
        if not isinstance(event, Refused):
            return False
        key = (event.symbol, event.side)
        before, self._told[key] = self._told.get(key), event
        return before is not None and before.why == event.why

    def resumed(self, blocked: Container[str] = ()) -> None:
        """Entries are allowed but in the symbols `blocked`: the next pause is told of again."""
        if self._told:  # asked at every candle
            self._told = {
                key: one
                for key, one in self._told.items()
                if one.obstacle is not Obstacle.PAUSED or one.symbol in blocked
            }


def gap_text(symbol: str, first: int, last: int, step: int, why: str) -> str:
    """A gap: open times of its first and last candle, `step` ms apart."""
    count = (last - first) // step + 1
    return f"{symbol}: {counted(count, 'candle')} missing from {clock_text(first)} on: {why}"


def revision_text(symbol: str, old: Candle, new: Candle) -> str:
    """A candle that the venue tells differently from what was acted on."""
    return (
        f"{symbol}: the venue revised the {clock_text(old.time)} candle, close "
        f"{' → '.join(prices(old.close, new.close))}; what was decided stands"
    )


def retell(
    lines: Iterable[Record], step: int, symbols: Sequence[str] = ()
) -> Iterator[tuple[int, Level, str]]:
    """A session's journal as a log: when (UTC ms), how loud, and what.

    `step`: ms of a candle; `symbols`: of the session. What the journal does not keep, such as
    troubles of the feed, is not told; what happened at a candle is told at its close.
    """
    now = 0
    refusals = Refusals()
    blocked: set[str] = set()
    orders: list[VenueOrder] = []
    for line in lines:
        match line:
            case MomentPassed() | QuoteFilled():
                orders += line.orders
            case OrderAnswered():
                yield now, *tell_order(orders[line.number - 1], line.execution)
        match line:
            case Begun():
                now = line.since
                yield now, Level.INFO, "begun"
            case MomentPassed(time, _, events, away):
                now = time + step
                for event in events:
                    if refusals.repeated(event) or tells_nothing(event):
                        continue
                    level, text = tell(event, symbols)
                    yield now, level, f"while away: {text}" if away else text
            case QuoteFilled():
                now = line.quote.time
                for event in line.events:
                    yield now, *tell(event, symbols)
            case GapSeen(symbol, first, last, why):
                yield last + step, Level.WARNING, gap_text(symbol, first, last, step, why)
            case CandleRevised(symbol, old, new):
                yield max(now, old.time + step), Level.WARNING, revision_text(symbol, old, new)
            case Commanded(at, _, do, symbol, flatten, scheduled, side):
                what = " ".join(filter(None, (do, symbol, side, "flatten" if flatten else None)))
                who = "at its scheduled end" if scheduled else "by hand"
                yield at, Level.INFO, f"{what}, {who}"
                if do in ("pause", "resume") and symbol is not None:
                    (blocked.add if do == "pause" else blocked.discard)(symbol)
                if do == "resume":
                    refusals.resumed(blocked)
            case Returned():
                yield line.at, Level.INFO, "taken up again"
            case Stopped():
                level = Level.ERROR if line.state == "error" else Level.INFO
                yield line.now, level, state_text(line.state, line.why)


def _capped(event: Entered | Added) -> str:
    if event.wanted is None:
        return ""
    return f"; {number(event.wanted)} was wanted, the free balance allowed no more"


def _trade_text(trade: Trade) -> str:
    marks = [name for name in ("ambiguous", "seen_late") if getattr(trade, name)]
    also = f" ({', '.join(mark.replace('_', ' ') for mark in marks)})" if marks else ""
    why = _WORDS[trade.exit_reason]
    made = f"{trade.pnl:+z.{money_decimals(trade.symbol)}f} ({signed_per_cent(trade.pnl_pct)})"
    if trade.parts:  # its price is their mean, at which nothing was traded; its P&L is of all
        last = trade.parts[-1]
        return (
            f"{trade.symbol}: left the rest of {trade.side}, {number(last.quantity)} at "
            f"{number(last.price)}, {why}: the whole trade {made}{also}"
        )
    return f"{trade.symbol}: left {trade.side} at {number(trade.exit_price)}, {why}: {made}{also}"
