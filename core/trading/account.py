"""Holds the state of a run, and does what an entry and an exit do to it.

The account is the whole state of a run. It changes only through `core.trading.step` and
`core.trading.quotes`; both are made of the two movements here, `enter` and `close`.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, isfinite

import msgspec

from core.market.candles.timeframes import DAY
from core.trading.rules import Rules
from core.trading.values import (
    Entered,
    Event,
    Exited,
    ExitReason,
    FillOn,
    Obstacle,
    OpenTrade,
    Quote,
    Refused,
    Side,
    Trade,
)

# A budget below this share of equity is what rounding left over, not money to trade with.
_DUST = 1e-12

# What every candle asks for: looked up on its class, a member costs a call in Python 3.11.
_STOP_LOSS, _LIQUIDATION = ExitReason.STOP_LOSS, ExitReason.LIQUIDATION

PAUSED = "entries are paused"


class Position(msgspec.Struct, eq=False):
    """One open position. Money in quote currency, quantity in base currency, times in UTC ms.

    `best` is the best price (high for long, low for short) since entry up to the previous candle;
    `held` counts the closed candles since entry, the candle of entry included; `mark` is the last
    price a candle gave it. `low_before` and `high_before`: what the candle of entry had reached
    before a quote entered, as far as known. A stop, target or liquidation price that does not exist
    is an infinity that no price reaches, so that the rules compare without asking.
    """

    slot: int
    side: Side
    sign: int
    quantity: float
    entry_price: float
    margin: float
    entry_fee: float
    signal_time: int
    entry_time: int
    entry_filled_at: int | None
    stop_price: float
    target_price: float
    liquidation_price: float
    best: float
    mark: float
    funding: float = 0.0
    held: int = 0
    candle_entry_price: float | None = None
    low_before: float | None = None
    high_before: float | None = None

    def value(self, price: float) -> float:
        """Margin plus unrealised P&L at `price`: what the position adds to equity."""
        return self.margin + (price - self.entry_price) * (self.quantity * self.sign)

    def stop(self, trailing_stop_pct: float | None) -> tuple[float, ExitReason]:
        """The effective stop price, and the reason an exit there has (docs/rules.md §3.5)."""
        if trailing_stop_pct is not None:
            trailing = self.best * (1 - self.sign * trailing_stop_pct / 100)
            if (trailing - self.stop_price) * self.sign > 0:
                return trailing, ExitReason.TRAILING_STOP
        return self.stop_price, _STOP_LOSS

    def pass_over(self, candles: int, best: float, close: float) -> None:
        """Live through `candles` in which nothing happened: `best` and `close` as at their end.

        `best` is the highest high (lowest low for a short) among them.
        """
        self.held += candles
        if (best - self.best) * self.sign > 0:
            self.best = best
        self.mark = close


class Account:
    """Free balance, positions, orders that are due, and the trades so far, of one run.

    Lists have one entry a slot (the position of a symbol in `rules.symbols`). `due_exits` and
    `due_entries` hold what the last decision ordered and no price has filled yet; an entry is
    (side, open time of the candle that decided).
    """

    __slots__ = (
        "asked_out",
        "day",
        "day_start_equity",
        "due_entries",
        "due_exits",
        "entries_paused",
        "free",
        "halted_day",
        "last_equity",
        "peak_equity",
        "positions",
        "realized_pnl",
        "refused",
        "rules",
        "stopped",
        "trades",
        "unpriced",
    )

    def __init__(self, rules: Rules) -> None:
        slots = len(rules.symbols)
        self.rules = rules
        self.free = rules.starting_balance
        self.positions: list[Position | None] = [None] * slots
        self.due_exits: list[ExitReason | None] = [None] * slots
        self.due_entries: list[tuple[Side, int] | None] = [None] * slots
        self.asked_out: set[int] = set()  # slots whose exit a person asked for
        self.trades: list[Trade] = []
        self.refused: dict[Obstacle, int] = {}  # entries that came to nothing
        self.realized_pnl = 0.0
        self.entries_paused = False
        # Risk limits: `last_equity` is marked at the last candle close.
        self.last_equity = rules.starting_balance
        self.peak_equity = rules.starting_balance
        self.day: int | None = None
        self.day_start_equity = rules.starting_balance
        self.halted_day: int | None = None  # whose loss limit was reached; counted as `day`
        self.stopped = False
        # Places in `trades` of those that a quote closed in a candle still forming, each with the
        # stop it closed at, None for any other exit.
        self.unpriced: list[tuple[int, float | None]] = []

    def equity(self) -> float:
        """Free balance, margins and unrealised P&L at the positions' marks."""
        total = self.free
        for position in self.positions:
            if position is not None:
                total += position.value(position.mark)
        return total

    def order_exit(self, symbol: str | None = None) -> list[str]:
        """Ask for the exit of the position in `symbol` (of all positions: None) as `manual`.

        The next quote fills it, or else the open of the candle after the one that is forming now:
        the forming candle's own open is past. Returns the symbols whose exit was asked for.
        """
        ordered = []
        for slot, position in enumerate(self.positions):
            name = self.rules.symbols[slot]
            if position is not None and symbol in (None, name):
                self.asked_out.add(slot)
                ordered.append(name)
        return ordered

    def open_trades(self, prices: Mapping[str, float] | None = None) -> tuple[OpenTrade, ...]:
        """The open positions, marked at `prices` (by symbol) or else where the last candle did."""
        return tuple(
            self._open_trade(position, (prices or {}).get(self.rules.symbols[position.slot]))
            for position in self.positions
            if position is not None
        )

    def _open_trade(self, position: Position, price: float | None) -> OpenTrade:
        mark = position.mark if price is None else price
        return OpenTrade(
            symbol=self.rules.symbols[position.slot],
            side=position.side,
            signal_time=position.signal_time,
            entry_time=position.entry_time,
            entry_price=position.entry_price,
            quantity=position.quantity,
            leverage=self.rules.leverage,
            margin=position.margin,
            fees=position.entry_fee,
            funding=position.funding,
            mark_price=mark,
            unrealized_pnl=(mark - position.entry_price) * position.quantity * position.sign
            - position.entry_fee
            - position.funding,
            stop_price=_known(position.stop(self.rules.trailing_stop_pct)[0]),
            target_price=_known(position.target_price),
            liquidation_price=_known(position.liquidation_price),
            entry_filled_at=position.entry_filled_at,
        )

    def refuse(self, slot: int, side: Side, time: int, obstacle: Obstacle, why: str) -> Refused:
        """Count an entry that comes to nothing, and say why."""
        self.refused[obstacle] = self.refused.get(obstacle, 0) + 1
        return Refused(time, self.rules.symbols[slot], side, obstacle, why)

    def enter(
        self,
        slot: int,
        side: Side,
        price: float,
        time: int,
        signal_time: int,
        quote: Quote | None,
    ) -> Event:
        """Open a position at `price` (slippage included), sized by docs/rules.md §3.4.

        `time` is the open time of the candle concerned, `quote` what fills it, if not that candle.
        Returns Entered, or Refused where nothing can be bought.
        """
        rules = self.rules
        symbol = rules.symbols[slot]
        if self.entries_paused:
            return self.refuse(slot, side, time, Obstacle.PAUSED, PAUSED)
        if self.halted_day is not None and self._fill_day(time, quote) == self.halted_day:
            limit = rules.max_daily_loss_pct
            why = (
                f"the daily loss limit of {limit:g} % was reached; entries resume with the UTC day"
            )
            return self.refuse(slot, side, time, Obstacle.RISK_LIMIT, why)
        equity = self.equity()
        budget = min(equity * rules.trade_size_pct / 100, self.free)
        if budget <= equity * _DUST:
            why = f"no free balance: {self.free:.8g} of an equity of {equity:.8g}"
            return self.refuse(slot, side, time, Obstacle.BALANCE, why)
        market = rules.filters[slot]
        wanted = budget * rules.leverage / (price * (1 + rules.fees * rules.leverage))
        quantity = market.floor_quantity(wanted)
        if why_not := market.refusal(quantity, price):
            return self.refuse(slot, side, time, Obstacle.FILTER, why_not)
        notional = quantity * price
        margin = notional / rules.leverage
        fee = notional * rules.fees
        self.free -= margin + fee
        if abs(self.free) < equity * _DUST:
            self.free = 0.0
        sign = side.sign
        filled_at = None if quote is None else quote.time
        never = -inf * sign  # below (for a short: above) any price
        stop = rules.stop_price(sign, price)
        target = rules.target_price(sign, price)
        liquidation = rules.liquidation_price(slot, sign, price)
        self.positions[slot] = Position(
            slot=slot,
            side=side,
            sign=sign,
            quantity=quantity,
            entry_price=price,
            margin=margin,
            entry_fee=fee,
            signal_time=signal_time,
            entry_time=time,
            entry_filled_at=filled_at,
            stop_price=never if stop is None else stop,
            target_price=-never if target is None else target,
            liquidation_price=never if liquidation is None else liquidation,
            best=price,
            mark=price,
            low_before=None if quote is None else quote.low,
            high_before=None if quote is None else quote.high,
        )
        return Entered(time, symbol, side, price, quantity, margin, fee, signal_time, filled_at)

    def _fill_day(self, time: int, quote: Quote | None) -> int:
        """The UTC day of an entry's fill: by `quote`, or by the candle that opened at `time`."""
        if quote is not None:
            return max(time, quote.time) // DAY
        at_close = self.rules.fill_on is FillOn.CLOSE
        return (time + (self.rules.timeframe_ms - 1 if at_close else 0)) // DAY

    def close(
        self,
        position: Position,
        price: float,
        reason: ExitReason,
        time: int,
        *,
        ambiguous: bool = False,
        seen_late: bool = False,
        filled_at: int | None = None,
    ) -> Exited:
        """Close `position` at `price` (slippage included) and count the trade.

        A liquidation costs the margin, and so does any exit that would cost more: an isolated
        position loses no more than was put up for it (docs/rules.md §3.8).
        """
        rules = self.rules
        notional = price * position.quantity
        exit_fee = notional * rules.fees
        gross = (price - position.entry_price) * position.quantity * position.sign
        returned = position.margin + gross - exit_fee
        if reason is _LIQUIDATION or returned <= 0:
            fees = position.entry_fee
            pnl = -(position.margin + fees) - position.funding
        else:
            self.free += returned
            fees = position.entry_fee + exit_fee
            pnl = gross - fees - position.funding
        trade = Trade(  # its first fields by place: Python takes few by name without a detour
            len(self.trades) + 1,
            rules.symbols[position.slot],
            position.side,
            position.signal_time,
            position.entry_time,
            position.entry_price,
            time,
            price,
            quantity=position.quantity,
            leverage=rules.leverage,
            margin=position.margin,
            fees=fees,
            funding=position.funding,
            pnl=pnl,
            pnl_pct=pnl / position.margin * 100,
            exit_reason=reason,
            ambiguous=ambiguous,
            seen_late=seen_late,
            entry_filled_at=position.entry_filled_at,
            exit_filled_at=filled_at,
            candle_entry_price=position.candle_entry_price,
        )
        self.trades.append(trade)
        self.realized_pnl += pnl
        self.positions[position.slot] = None
        self.due_exits[position.slot] = None
        self.asked_out.discard(position.slot)
        return Exited(time, trade)


def _known(price: float) -> float | None:
    return price if isfinite(price) else None
