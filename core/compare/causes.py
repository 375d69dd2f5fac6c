"""Explains why a session traded otherwise than its backtest, from what is known of it.

Values only, taken from the session's journal by whoever reads it. Times are open times of candles,
UTC ms.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from core.compare.matching import Pair
from core.market.candles.timeframes import Timeframe
from core.text import number, prices, reason_text
from core.time_format import short_time
from core.trading.values import ExitReason, Obstacle, OpenTrade, Refused, Trade


@dataclass(frozen=True, slots=True)
class Span:
    """Candles from `first` to `last`, both included, of one symbol or (None) of all.

    `note` says what happened in words, if there is more to say than the dates.
    """

    first: int
    last: int
    symbol: str | None = None
    note: str = ""

    def meets(self, symbol: str, first: int, last: int) -> bool:
        """Whether it has a candle of `symbol` in common with `first` to `last`, both included."""
        return self.symbol in (None, symbol) and self.first <= last and first <= self.last


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that happened to a session, and to the backtest it is compared with.

    Attributes:
        timeframe: of the strategy.
        gaps: candles the session never had.
        revised: candles the exchange now tells otherwise than the session saw them.
        away: candles that closed while no host ran the session.
        by_hand: candles over which the session held a position that a person had entered.
        refused: orders of the session that were due and did not become trades: for a risk limit, a
            pause, a filter, the balance.
        backtest_refused: the same of the backtest.
        backtest_halted: since when a risk limit had stopped the backtest for good.
        same_warmup: whether both began their indicators with the same candle.
        lookback: how many candles back an indicator still feels one, for gaps and revisions.
    """

    timeframe: Timeframe
    gaps: tuple[Span, ...] = ()
    revised: tuple[Span, ...] = ()
    away: tuple[Span, ...] = ()
    by_hand: tuple[Span, ...] = ()
    refused: tuple[Refused, ...] = ()
    backtest_refused: tuple[Refused, ...] = ()
    backtest_halted: tuple[Span, ...] = ()
    same_warmup: bool = True
    lookback: int = 200


def first_met(spans: Iterable[Span], symbol: str, first: int, last: int) -> Span | None:
    """The first of `spans` that has a candle in common with `first` to `last`, or None."""
    for span in spans:
        if span.meets(symbol, first, last):
            return span
    return None


_SAME = 1e-9  # relative: closer prices, quantities and amounts are the same
_LATE = 5_000  # ms after its candle's open: a market order filled after that was late


class CauseKind(StrEnum):
    """The causes of docs/rules.md §6; then two parts a trade may differ by alone; then the rest."""

    DATA_GAP = "data gap"
    REVISED = "candle revised"
    WARM_UP = "warm-up"
    AMBIGUOUS = "ambiguous candle"
    SLIPPAGE = "slippage"
    LATENCY = "latency"
    SEEN_LATE = "seen late"
    FILTER = "filter reject"
    BALANCE = "balance"
    RISK_LIMIT = "risk limit"
    DOWNTIME = "downtime"
    MANUAL = "manual"
    FEES = "fees"
    FUNDING = "funding"
    UNEXPLAINED = "unexplained"


_OF_A_REFUSAL = {
    Obstacle.PAUSED: CauseKind.MANUAL,
    Obstacle.RISK_LIMIT: CauseKind.RISK_LIMIT,
    Obstacle.BALANCE: CauseKind.BALANCE,
    Obstacle.FILTER: CauseKind.FILTER,
    Obstacle.PRICE: CauseKind.RISK_LIMIT,
    Obstacle.HOURS: CauseKind.RISK_LIMIT,
    Obstacle.COOLDOWN: CauseKind.RISK_LIMIT,
    Obstacle.TRADES_PER_DAY: CauseKind.RISK_LIMIT,
    Obstacle.UNFILLED: CauseKind.SLIPPAGE,
}


class Cause(msgspec.Struct, frozen=True, gc=False):
    """Why a trade differs; `detail` is the evidence in words."""

    kind: CauseKind
    detail: str

    @property
    def text(self) -> str:
        """Both in words."""
        return f"{reason_text(self.kind)}: {self.detail}"


def pair_cause(pair: Pair, evidence: Evidence) -> Cause | None:
    """Why the trades of a pair differ, or None where they are the same."""
    before, after = pair.backtest, pair.paper
    entry = not _same(before.entry_price, after.entry_price)
    moved = before.exit_reason is not after.exit_reason or before.exit_time != after.exit_time
    exit_ = moved or not _same(before.exit_price, after.exit_price)
    if exit_ and after.exit_reason is ExitReason.MANUAL:
        return Cause(CauseKind.MANUAL, "closed by hand")
    if after.seen_late and exit_ and (moved or not entry):
        away = first_met(evidence.away, after.symbol, after.exit_time, after.exit_time)
        if away is not None:
            return Cause(CauseKind.DOWNTIME, _told(away, "no host was running"))
        return Cause(CauseKind.SEEN_LATE, "the touch was found only in the closed candle")
    if before.exit_reason is not after.exit_reason and (before.ambiguous or after.ambiguous):
        return Cause(
            CauseKind.AMBIGUOUS,
            f"stop and target in one candle: {reason_text(before.exit_reason)} in the replay, "
            f"{reason_text(after.exit_reason)} in the session",
        )
    if entry or exit_:
        remembered = None
        if before.exit_time != after.exit_time:
            last = min(before.exit_time, after.exit_time)
            remembered = _remembered(before.symbol, before.signal_time, last, evidence)
        first = before if before.exit_time < after.exit_time else after
        # An exit signal does not depend on the price of entry, a stop does.
        by_signal = first.exit_reason in (
            ExitReason.SIGNAL,
            ExitReason.REVERSE,
            ExitReason.FLAT_AT,
        )
        return (
            _on_its_candles(pair, evidence, entry=entry, exit_=exit_)
            or (remembered if by_signal else None)
            or _filled_otherwise(pair, evidence)
            or remembered
            or _inferred(pair, evidence)
        )
    if not _same(before.quantity, after.quantity):
        return Cause(
            CauseKind.BALANCE,
            f"quantity {number(after.quantity)} against {number(before.quantity)}: "
            "the account stood differently",
        )
    if not _same(before.funding, after.funding):
        return Cause(CauseKind.FUNDING, f"{_flow(after.funding)} against {_flow(before.funding)}")
    if not _same(before.fees, after.fees):
        return Cause(CauseKind.FEES, f"{number(after.fees)} paid against {number(before.fees)}")
    if not _same(before.pnl, after.pnl):
        return Cause(CauseKind.UNEXPLAINED, "the P&L differs although nothing else does")
    return None


def missing_cause(trade: Trade, evidence: Evidence) -> Cause | None:
    """Why the session did not make a trade of the backtest; None without direct evidence."""
    return (
        _refusal(evidence.refused, trade, evidence)
        or _held_by_hand(trade.symbol, trade.signal_time, evidence)
        or _at_its_signal(trade, evidence)
    )


def extra_cause(trade: Trade, evidence: Evidence) -> Cause | None:
    """Why the session made a trade that the backtest did not; None without direct evidence."""
    if trade.by_hand:
        return Cause(CauseKind.MANUAL, "entered by hand")
    return (
        _refusal(evidence.backtest_refused, trade, evidence)
        or _after_the_backtest_stopped(trade, evidence)
        or _at_its_signal(trade, evidence)
    )


def left_open_cause(trade: Trade, other: OpenTrade, evidence: Evidence) -> Cause | None:
    """Why only one run closed `trade`, where the other still held it (`other`) at the end.

    None without direct evidence.
    """
    if trade.exit_reason is ExitReason.MANUAL:
        return Cause(CauseKind.MANUAL, "closed by hand")
    last = trade.exit_time
    found = _evidence(trade.symbol, last - evidence.timeframe.ms, last, evidence)
    if found is not None:
        return found
    if not _same(trade.entry_price, other.entry_price):
        ours, theirs = prices(trade.entry_price, other.entry_price)
        return Cause(CauseKind.SLIPPAGE, f"entered at {ours} and {theirs}")
    if trade.exit_filled_at is not None:
        (left_at,) = prices(trade.parts[-1].price if trade.parts else trade.exit_price)
        return Cause(CauseKind.SLIPPAGE, f"left at {left_at}, between two candles")
    return None


def decision_cause(symbol: str, time: int, evidence: Evidence) -> Cause:
    """Why a session and its replay decided differently at the close of one candle."""
    step = evidence.timeframe.ms
    for refused, where in ((evidence.refused, "session"), (evidence.backtest_refused, "replay")):
        for one in refused:
            if one.symbol == symbol and time <= one.time <= time + step:
                return Cause(_OF_A_REFUSAL[one.obstacle], f"refused in the {where}: {one.why}")
    halted = first_met(evidence.backtest_halted, symbol, time, time)
    if halted is not None:
        words = "the replay's entries were halted"
        return Cause(CauseKind.RISK_LIMIT, _told(halted, words))
    return (
        _held_by_hand(symbol, time, evidence)
        or _evidence(symbol, time - step, time + step, evidence)
        or _remembered(symbol, time, time, evidence)
        or (
            Cause(CauseKind.UNEXPLAINED, "nothing recorded explains it")
            if evidence.same_warmup
            else Cause(
                CauseKind.WARM_UP, "the indicators of the two runs began with different candles"
            )
        )
    )


def knock_on(trade: Trade, other: Trade, cause: Cause | None) -> Cause | None:
    """The cause `cause` of another trade, where that one kept its run from making `trade`.

    `other` is the last trade the other run decided before `trade`, in the same symbol.
    """
    if cause is None or other.exit_time <= trade.signal_time:
        return None
    return Cause(cause.kind, f"follows from trade {other.id}: {cause.detail}")


def last_resort(trade: Trade, evidence: Evidence) -> Cause:
    """The cause of an unmatched trade that nothing direct explains."""
    return _remembered(trade.symbol, trade.signal_time, trade.signal_time, evidence) or (
        Cause(CauseKind.WARM_UP, "the indicators of the two runs began with different candles")
        if not evidence.same_warmup
        else Cause(CauseKind.UNEXPLAINED, "nothing recorded explains it")
    )


def _flow(paid: float) -> str:
    """Funding by its direction, as the session's log says it."""
    return f"{number(abs(paid))} {'received' if paid < 0 else 'paid'}"


def _same(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_SAME, abs_tol=1e-12)


def _refusal(refused: Sequence[Refused], trade: Trade, evidence: Evidence) -> Cause | None:
    """What the refusal of an order of the same decision says.

    It was due on the candle after the signal's (or the first there was), at the latest on the one
    the other run filled it on.
    """
    for one in refused:
        due = trade.signal_time <= one.time <= trade.signal_time + evidence.timeframe.ms
        due = due or one.time == trade.entry_time
        if due and one.symbol == trade.symbol and one.side is trade.side:
            return Cause(_OF_A_REFUSAL[one.obstacle], one.why)
    return None


def _held_by_hand(symbol: str, time: int, evidence: Evidence) -> Cause | None:
    """Whether the session held what a person had entered, so that it could not enter itself."""
    if first_met(evidence.by_hand, symbol, time, time) is None:
        return None
    return Cause(CauseKind.MANUAL, "a position entered by hand was held")


def _after_the_backtest_stopped(trade: Trade, evidence: Evidence) -> Cause | None:
    decided = trade.signal_time
    span = first_met(evidence.backtest_halted, trade.symbol, decided, decided)
    if span is None:
        return None
    return Cause(CauseKind.RISK_LIMIT, _told(span, "the replay's entries were halted"))


def _at_its_signal(trade: Trade, evidence: Evidence) -> Cause | None:
    """Evidence on the candle that decided, the one before (for crossings) and the entry's."""
    first = trade.signal_time - evidence.timeframe.ms
    return _evidence(trade.symbol, first, trade.entry_time, evidence)


def _on_its_candles(pair: Pair, evidence: Evidence, *, entry: bool, exit_: bool) -> Cause | None:
    """Evidence on the candles of those fills of a pair that differ."""
    before, after = pair.backtest, pair.paper
    found = None
    if entry:
        last = max(before.entry_time, after.entry_time)
        found = _evidence(before.symbol, before.signal_time, last, evidence)
    if exit_ and found is None:
        # What parts two exits is what happened at the earlier one.
        last = min(before.exit_time, after.exit_time)
        found = _evidence(before.symbol, last - evidence.timeframe.ms, last, evidence)
    return found


def _evidence(symbol: str, first: int, last: int, evidence: Evidence) -> Cause | None:
    """What happened to the candles `first` to `last` of a symbol."""
    if not (evidence.gaps or evidence.revised or evidence.away):
        return None
    for spans, kind, words in (
        (evidence.gaps, CauseKind.DATA_GAP, "no candles in the session"),
        (evidence.revised, CauseKind.REVISED, "the exchange tells the candle otherwise now"),
        (evidence.away, CauseKind.DOWNTIME, "no host was running"),
    ):
        span = first_met(spans, symbol, first, last)
        if span is not None:
            return Cause(kind, _told(span, words))
    return None


def _filled_otherwise(pair: Pair, evidence: Evidence) -> Cause | None:
    """Slippage or latency, where the session's fill came from the market and not from a candle."""
    before, after = pair.backtest, pair.paper
    at_market = after.exit_reason in (
        ExitReason.SIGNAL,
        ExitReason.MAX_HOLD,
        ExitReason.FLAT_AT,
        ExitReason.REVERSE,
    )
    fills = [
        (
            after.entry_filled_at,
            after.entry_time,
            before.entry_price,
            after.entry_price,
            True,
            bool(before.entries or after.entries),
        ),
        (
            after.exit_filled_at,
            after.exit_time,
            before.exit_price,
            after.exit_price,
            at_market,
            bool(before.parts or after.parts),
        ),
    ]
    differing = [
        (abs(paper - backtest), filled_at - candle if timed else 0, backtest, paper, several)
        for filled_at, candle, backtest, paper, timed, several in fills
        if filled_at is not None and not _same(backtest, paper)
    ]
    if not differing:
        return None
    _, delay, backtest, paper, several = max(differing)
    ours, theirs = prices(paper, backtest)
    filled = f"filled at {ours} against {theirs}{' on average' * several}"
    if delay > _LATE:
        return Cause(CauseKind.LATENCY, f"{filled}, {delay / 1000:.1f} s after the candle opened")
    return Cause(CauseKind.SLIPPAGE, filled)


def _remembered(symbol: str, signal: int, last: int, evidence: Evidence) -> Cause | None:
    """A gap or revision before the decision that its indicators still feel."""
    first = signal - evidence.lookback * evidence.timeframe.ms
    for spans, kind in (
        (evidence.gaps, CauseKind.DATA_GAP),
        (evidence.revised, CauseKind.REVISED),
    ):
        span = first_met(reversed(spans), symbol, first, last)
        if span is not None:
            return Cause(kind, _told(span, "within what the indicators look back on"))
    return None


def _inferred(pair: Pair, evidence: Evidence) -> Cause:
    """The likeliest cause of prices that differ without any record of why."""
    before, after = pair.backtest, pair.paper
    if not evidence.same_warmup:
        return Cause(
            CauseKind.WARM_UP, "the indicators of the two runs began with different candles"
        )
    if before.entry_time == after.entry_time and (
        before.exit_time == after.exit_time or not _same(before.entry_price, after.entry_price)
    ):
        entered, otherwise = prices(after.entry_price, before.entry_price)
        left_at, elsewhere = prices(after.exit_price, before.exit_price)
        return Cause(
            CauseKind.SLIPPAGE,
            f"entered at {entered} against {otherwise}"
            f"{' on average' * bool(before.entries or after.entries)}, "
            f"left at {left_at} against {elsewhere}"
            f"{' on average' * bool(before.parts or after.parts)}",
        )
    return Cause(
        CauseKind.UNEXPLAINED,
        f"left {short_time(after.exit_time)} ({reason_text(after.exit_reason)}) against "
        f"{short_time(before.exit_time)} ({reason_text(before.exit_reason)})",
    )


def _told(span: Span, words: str) -> str:
    when = short_time(span.first)
    if span.last != span.first:
        when += f" to {short_time(span.last)}"
    note = f": {span.note}" if span.note else ""
    return f"{words}{note} ({when})"
