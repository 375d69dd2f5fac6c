"""Holds one open position, an order that waits to become one, and what is kept of a closed one.

Values that change only as `core.trading.step` and `core.trading.quotes` say.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite, nan

import msgspec

from core.market.filters import MarketFilters
from core.trading.rules import DUST, Plan, Rules
from core.trading.values import Addition, ExitReason, OpenTrade, Side, Trade, TradePart

_STOP_LOSS = ExitReason.STOP_LOSS  # looked up on its class, a member costs a call in Python 3.11
_MANUAL = ExitReason.MANUAL


class Position(msgspec.Struct, eq=False, gc=False):
    """One open position. Money in quote currency, quantity in base currency, times in UTC ms.

    `best` is the best price (high for long, low for short) since entry up to the previous candle;
    `held` counts the closed candles since entry, the candle of entry included; `mark` is the last
    price a candle gave it. `low_before` and `high_before`: what the candle of entry had reached
    before a quote entered, as far as known. A stop, target or liquidation price that does not exist
    is an infinity that no price reaches, so that the rules compare without asking.

    Where there are several targets, or one for a part, `targets` has the price and the quantity of
    each that is left, the nearest first; `target_price` is the first of them. At `break_even_at`
    the stop moves to the entry. `parts` are the exits so far, which made `part_gross` before fees;
    `entered` and `put_up` are the quantity and the margin of the whole. `rested` is the order that
    entered, if one waited; `inside`: it was filled inside its candle, not at the open. `by_hand`:
    as in `core.trading.values.Trade`.

    `below` and `above` are the adds that wait at a price, against the position and in its favour,
    the nearest first, each with its place in `Orders.adds`; `when` those that wait for conditions,
    `due_adds` those whose conditions have held. `entries` is empty before the first add.
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
    stop_reason: ExitReason = _STOP_LOSS
    break_even_at: float = nan
    targets: tuple[tuple[float, float], ...] = ()
    roi_place: int = -1
    parts: tuple[TradePart, ...] = ()
    part_gross: float = 0.0
    rested: Resting | None = None
    inside: bool = False
    entries: tuple[Addition, ...] = ()
    first_price: float = nan
    below: tuple[tuple[float, int], ...] = ()
    above: tuple[tuple[float, int], ...] = ()
    when: tuple[int, ...] = ()
    due_adds: tuple[int, ...] = ()
    entered: float = 0.0
    put_up: float = 0.0
    by_hand: bool = False

    def take(self, rules: Rules, plan: Plan) -> None:
        """Take the prices of a plan, as the position has just been entered."""
        self.stop_price = plan.stop
        self.break_even_at = plan.break_even_at
        self.entered, self.put_up = self.quantity, self.margin
        self.targets = self._quantities(rules.filters[self.slot], plan.targets)
        self.aim_at_next()

    def _quantities(
        self, market: MarketFilters, targets: Sequence[tuple[float, float | None]]
    ) -> tuple[tuple[float, float], ...]:
        """How much each target closes, in steps of the market's lot (docs/rules.md §3.15)."""
        left, carried = self.quantity, 0.0
        parts: list[tuple[float, float]] = []
        for price, close_pct in targets:
            part = left
            if close_pct is not None:
                carried += self.quantity * close_pct / 100
                part = min(market.floor_quantity(carried), left)
                if market.refusal(part, price):
                    continue
                if left - part <= self.quantity * DUST or market.refusal(left - part, price):
                    part = left
            carried = 0.0
            parts.append((price, part))
            left -= part
            if left <= 0:
                break
        return tuple(parts)

    def aim_at_next(self) -> None:
        """Have the nearest target that is left be the one that rests."""
        self.target_price = self.targets[0][0] if self.targets else inf * self.sign

    def await_adds(self, rules: Rules) -> None:
        """Put the adds at their prices, as the position has just been entered."""
        sign, entry, adds = self.sign, self.entry_price, rules.orders.adds
        self.entered, self.first_price = self.quantity, entry
        waiting = [
            (entry * (1 + sign * add.at_pct / 100), number)
            for number, add in enumerate(adds)
            if add.at_pct is not None
        ]
        nearest = sorted(waiting, key=lambda one: abs(one[0] - entry))
        self.above = tuple(one for one in nearest if (one[0] - entry) * sign > 0)
        self.below = tuple(one for one in nearest if (one[0] - entry) * sign < 0)
        self.when = tuple(number for number, add in enumerate(adds) if add.when)

    def measure_again(self, rules: Rules) -> None:
        """Take the prices that follow from the entry price, which an add has changed."""
        sign, entry = self.sign, self.entry_price
        if rules.stop_loss_pct is not None and self.stop_reason is _STOP_LOSS:
            self.stop_price = rules.stop_price(sign, entry)
        if rules.take_profit_pct is not None:
            self.target_price = rules.target_price(sign, entry)
        if rules.roi:
            self.target_price = rules.roi_price(sign, entry, self.roi_place)
        if self.targets:
            self.targets = ((self.target_price, self.quantity),)
        self.liquidation_price = rules.liquidation_price(self.slot, sign, entry)

    def value(self, price: float) -> float:
        """Margin plus unrealised P&L at `price`: what the position adds to equity."""
        return self.margin + (price - self.entry_price) * (self.quantity * self.sign)

    def stop(self, trailing_stop_pct: float | None) -> tuple[float, ExitReason]:
        """The effective stop price, and the reason an exit there has (docs/rules.md §3.5)."""
        if trailing_stop_pct is not None:
            pct: float = trailing_stop_pct
            trailing = self.best * (1 - self.sign * pct / 100)
            if (trailing - self.stop_price) * self.sign > 0:
                return trailing, ExitReason.TRAILING_STOP
        return self.stop_price, self.stop_reason

    def pass_over(self, candles: int, best: float, close: float) -> None:
        """Live through `candles` in which nothing happened: `best` and `close` as at their end.

        `best` is the highest high (lowest low for a short) among them.
        """
        self.held += candles
        if (best - self.best) * self.sign > 0:
            self.best = best
        self.mark = close

    @property
    def takes_part(self) -> bool:
        """Whether the nearest target closes only a part."""
        return bool(self.targets) and self.targets[0][1] < self.quantity

    def entered_at(self, rules: Rules) -> int:
        """When it was entered, UTC ms, as far as its candles tell."""
        return rules.fill_moment(self.entry_time, at_price=self.rested is not None)

    def let_target_fall(self, rules: Rules, time: int) -> bool:
        """Take the target of `roi` that holds in the candle that opens at `time`.

        Returns whether it fell with this candle.
        """
        place = rules.roi_at(time - self.entered_at(rules))
        fell = place > self.roi_place
        if fell:
            self.roi_place = place
            self.target_price = rules.roi_price(self.sign, self.entry_price, place)
        return fell

    def move_stop(self, rules: Rules, levels: Sequence[float]) -> None:
        """At a close: to the entry once the price was far enough, and after a level that trails."""
        if (self.best - self.break_even_at) * self.sign >= 0:
            self.break_even_at = nan
            self._nearer(self.entry_price, ExitReason.BREAK_EVEN)
        if rules.trails_level:
            self.trail(rules.trailing_level(self.sign, self.best, levels))

    def trail(self, stop: float) -> None:
        """Have the stop follow a level, where that is nearer to the price."""
        self._nearer(stop, ExitReason.TRAILING_STOP)

    @property
    def aim(self) -> float:
        """The nearest price in favour of the position at which something happens to it."""
        nearer = min if self.sign > 0 else max
        aim = self.target_price
        if self.break_even_at == self.break_even_at:
            aim = nearer(aim, self.break_even_at)
        return nearer(aim, self.above[0][0]) if self.above else aim

    def _nearer(self, stop: float, reason: ExitReason) -> None:
        if (stop - self.stop_price) * self.sign > 0:
            self.stop_price, self.stop_reason = stop, reason

    def shown(self, rules: Rules, price: float | None = None) -> OpenTrade:
        """The position as it is shown, marked at `price` or else where the last candle did."""
        mark = self.mark if price is None else price
        fees = self.entry_fee + sum(part.fee for part in self.parts)
        return OpenTrade(
            symbol=rules.symbols[self.slot],
            side=self.side,
            signal_time=self.signal_time,
            entry_time=self.entry_time,
            entry_price=self.entry_price,
            quantity=self.quantity,
            leverage=rules.leverage,
            margin=self.margin,
            fees=fees,
            funding=self.funding,
            mark_price=mark,
            unrealized_pnl=(mark - self.entry_price) * self.quantity * self.sign
            + self.part_gross
            - fees
            - self.funding,
            stop_price=_known(self.stop(rules.trailing_stop_pct)[0]),
            target_price=_known(self.target_price),
            liquidation_price=_known(self.liquidation_price),
            entry_filled_at=self.entry_filled_at,
            parts=self.parts,
            entries=self.entries,
            by_hand=self.by_hand,
        )


def _known(price: float) -> float | None:
    return price if isfinite(price) else None


def joined(price: float, quantity: float, margin: float, more: Addition) -> tuple[float, ...]:
    """Mean entry price, quantity and margin of a position that gets larger."""
    total = quantity + more.quantity
    mean = (price * quantity + more.price * more.quantity) / total
    return mean, total, margin + more.margin


def left_after(quantity: float, margin: float, part: float) -> tuple[float, float]:
    """What is left of a quantity and of its margin once `part` of the quantity is closed."""
    return quantity - part, margin - margin * (part / quantity)


class Closed(msgspec.Struct, eq=False, gc=False):
    """A closed trade as the account keeps it: the position as it was left, and its exit.

    The facts of the exit are called as in `core.trading.values.Trade`.
    """

    position: Position
    exit_time: int
    exit_price: float
    quantity: float
    margin: float
    fees: float
    pnl: float
    exit_reason: ExitReason
    ambiguous: bool
    seen_late: bool
    exit_filled_at: int | None

    def trade(self, rules: Rules, number: int) -> Trade:
        """The trade, the `number`-th of its account."""
        position = self.position
        return Trade(  # by place: Python takes many by name only with a detour
            number,
            rules.symbols[position.slot],
            position.side,
            position.signal_time,
            position.entry_time,
            position.entry_price,
            self.exit_time,
            self.exit_price,
            self.quantity,
            rules.leverage,
            self.margin,
            self.fees,
            position.funding,
            self.pnl,
            self.pnl / self.margin * 100,
            self.exit_reason,
            self.ambiguous,
            self.seen_late,
            position.entry_filled_at,
            self.exit_filled_at,
            position.candle_entry_price,
            None,
            position.parts,
            position.entries,
            position.by_hand,
        )


class Resting(msgspec.Struct):
    """An order that waits to enter at `price`, for `left` candles more.

    `signal_time` and `levels` are those of the candle that decided.
    """

    side: Side
    signal_time: int
    levels: tuple[float, ...]
    price: float
    limit: bool
    left: int

    @property
    def kind(self) -> str:
        """The word for it."""
        return "limit" if self.limit else "stop"

    def fill(
        self, rules: Rules, open_: float, low: float, high: float
    ) -> tuple[float, bool] | None:
        """What a candle fills it at, and whether inside the candle; None: it is not reached."""
        sign = self.side.sign
        toward = -sign if self.limit else sign  # the way in which the price comes to it
        far = high if toward > 0 else low
        if (open_ - self.price) * toward >= 0:
            return (open_ if self.limit else rules.entry_price(sign, open_)), False
        if (far - self.price) * toward >= 0:
            return (self.price if self.limit else rules.entry_price(sign, self.price)), True
        return None


FIGURES = (
    "entry_time",
    "exit_time",
    "entry_price",
    "exit_price",
    "quantity",
    "margin",
    "fees",
    "pnl",
    "sign",
    "held",
    "at_open",
    "staged",
)
"""What `write_figures` writes: see `core.report.trade_columns.TradeColumns`."""


def write_figures(trades: list[Closed], table: memoryview[float]) -> None:
    """Write the figures of closed trades as rows of a `table` of them, one row after another."""
    count = len(trades)
    closed: Closed
    for place, closed in enumerate(trades):
        position: Position = closed.position
        table[place] = position.entry_time
        table[place + count] = closed.exit_time
        table[place + 2 * count] = position.entry_price
        table[place + 3 * count] = closed.exit_price
        table[place + 4 * count] = closed.quantity
        table[place + 5 * count] = closed.margin
        table[place + 6 * count] = closed.fees
        table[place + 7 * count] = closed.pnl
        table[place + 8 * count] = position.sign
        table[place + 9 * count] = seconds_held(
            position.entry_time, closed.exit_time, position.entry_filled_at, closed.exit_filled_at
        )
        table[place + 10 * count] = left_at_open(closed.exit_reason, closed.exit_filled_at)
        table[place + 11 * count] = 1.0 if position.parts or position.entries else 0.0


def seconds_held(
    entry_time: int, exit_time: int, entry_filled_at: int | None, exit_filled_at: int | None
) -> float:
    """How long a trade was held, between its fills where both moments are known.

    Else between the open times of its candles: one known and one not would mix two clocks.
    """
    if entry_filled_at is not None and exit_filled_at is not None:
        return (exit_filled_at - entry_filled_at) / 1000
    return (exit_time - entry_time) / 1000


def left_at_open(reason: ExitReason, filled_at: int | None) -> bool:
    """Whether a candle's open filled an exit: that candle holds the position no more.

    What a close decides leaves at the market's first price behind it, too (`filled_at` is known
    then), so that a session's exposure is its backtest's. What is asked for by hand meanwhile was
    held until then.
    """
    return reason.at_open and (filled_at is None or reason is not _MANUAL)
