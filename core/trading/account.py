"""Holds the state of a run, and does what an entry and an exit do to it.

The account is the whole state of a run. It changes only through `core.trading.step` and
`core.trading.quotes`; both are made of the movements here: `enter`, `add`, `reduce` and `close`.
It notes what happened until `told` is asked for it. One that tells nothing keeps closed trades as
`Closed`: a run of a sweep is asked for neither its events nor its trades, and making them would be
most of its work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.market.candles.timeframes import DAY, MINUTE
from core.market.filters import NO_FILTERS
from core.strategy.config.orders import Outcome, within_hours
from core.text import counted, per_cent
from core.trading.position import Closed, Position, Resting, joined, left_after
from core.trading.rules import DUST, Plan, Rules
from core.trading.values import (
    Added,
    Addition,
    Entered,
    Event,
    Exited,
    ExitReason,
    Obstacle,
    OpenTrade,
    Quote,
    Reduced,
    Refused,
    Side,
    Trade,
    TradePart,
    WaitingOrder,
)

# What every trade asks for: looked up on its class, a member costs a call in Python 3.11.
_LONG: Side = Side.LONG
_LIQUIDATION: ExitReason = ExitReason.LIQUIDATION
_DUST: float = DUST

_PAUSED, _BLOCKED = "entries are paused", "entries of the symbol are blocked by hand"

Levels = tuple[float, ...]
DueEntry = tuple[Side, int, Levels]
"""A side, the open time of the candle that decided, and the levels of that candle."""


class Account:
    """Free balance, positions, orders that are due, and the trades so far, of one run.

    Lists have one entry a slot (the position of a symbol in `rules.symbols`). `due_exits` and
    `due_entries` hold what the last decision ordered and no price has filled yet; an entry is
    (side, open time of the candle that decided). What happens is noted as events only where the
    account `tells` it; where it does not, `closed` are the trades so far, in exit order.
    `closed_count`: how many there are.
    """

    __slots__ = (
        "_trades",
        "asked_in",
        "asked_out",
        "blocked",
        "capped",
        "closed",
        "closed_count",
        "day",
        "day_start_equity",
        "due_entries",
        "due_exits",
        "entries_day",
        "entries_from",
        "entries_paused",
        "entries_today",
        "filled_until",
        "free",
        "halted_day",
        "happened",
        "last_equity",
        "peak_equity",
        "positions",
        "realized_pnl",
        "refused",
        "resting",
        "rules",
        "stopped",
        "tells",
        "unpriced",
    )

    def __init__(self, rules: Rules, tells: bool = True) -> None:
        slots = len(rules.symbols)
        self.rules = rules
        self.tells = tells
        self.happened: list[Event] = []
        self.free: float = rules.starting_balance
        self.positions: list[Position | None] = [None] * slots
        self.due_exits: list[ExitReason | None] = [None] * slots
        self.due_entries: list[DueEntry | None] = [None] * slots
        self.resting: list[Resting | None] = [None] * slots
        self.filled_until = [0] * slots  # the venue's time of the last price that filled anything
        self.entries_from = [0] * slots  # the first candle that may decide after a cooldown
        self.entries_day: int | None = None  # of the newest entry
        self.entries_today = 0  # how many that day has
        self.capped = 0  # entries for which the free balance was less than they asked for
        self.asked_out: set[int] = set()  # slots whose exit a person asked for
        self.asked_in: dict[int, DueEntry] = {}  # entries a person asked for, by slot
        self.blocked: set[int] = set()  # slots in which a person forbade entries
        self.closed: list[Closed] = []
        self.closed_count: int = 0
        self._trades: list[Trade] = []  # all that it told; of `closed`, those that were asked for
        self.refused: dict[Obstacle, int] = {}  # entries that came to nothing
        self.realized_pnl = 0.0
        self.entries_paused = False
        # Risk limits: `last_equity` is marked at the last candle close.
        self.last_equity: float = rules.starting_balance
        self.peak_equity: float = rules.starting_balance
        self.day: int | None = None
        self.day_start_equity: float = rules.starting_balance
        self.halted_day: int | None = None  # whose loss limit was reached; counted as `day`
        self.stopped = False
        # Places in `trades` of those that a quote closed in a candle still forming, each with the
        # stop it closed at, None for any other exit, and the order that had rested to enter.
        self.unpriced: list[tuple[int, float | None, Resting | None]] = []

    @property
    def trades(self) -> list[Trade]:
        """The closed trades, in exit order."""
        made = self._trades
        for number in range(len(made), len(self.closed)):
            made.append(self.closed[number].trade(self.rules, number + 1))
        return made

    def told(self) -> list[Event]:
        """What has happened since this was asked last, in order."""
        events = self.happened
        self.happened = []
        return events

    def equity(self) -> float:
        """Free balance, margins and unrealised P&L at the positions' marks."""
        total = self.free
        position: Position | None
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

    def order_entry(self, slot: int, side: Side, signal_time: int, levels: Levels) -> None:
        """Ask for an entry of a person's (docs/rules.md §3.21).

        The next quote fills it, or else the open of the candle after the one that is forming now.
        `signal_time` and `levels` are those of the symbol's last closed candle.
        """
        self.asked_in[slot] = (side, signal_time, levels)
        self.resting[slot] = None

    def barred(self, slot: int) -> str | None:
        """Why nothing may be entered in a slot for now, where a person has forbidden it."""
        if self.entries_paused:
            return _PAUSED
        return _BLOCKED if self.blocked and slot in self.blocked else None

    def open_trades(self, prices: Mapping[str, float] | None = None) -> tuple[OpenTrade, ...]:
        """The open positions, marked at `prices` (by symbol) or else where the last candle did."""
        return tuple(
            position.shown(self.rules, (prices or {}).get(self.rules.symbols[position.slot]))
            for position in self.positions
            if position is not None
        )

    def waiting_orders(self) -> tuple[WaitingOrder, ...]:
        """The orders that wait to enter, in the order of the symbols."""
        return tuple(
            WaitingOrder(symbol, one.side, one.kind, one.price, one.left)
            for symbol, one in zip(self.rules.symbols, self.resting, strict=True)
            if one is not None
        )

    def refuse(self, slot: int, side: Side, time: int, obstacle: Obstacle, why: str) -> bool:
        """Count an entry that comes to nothing, and say why. Returns False: what came of it."""
        self.refused[obstacle] = self.refused.get(obstacle, 0) + 1
        if self.tells:
            symbol = self.rules.symbols[slot]
            self.happened.append(Refused(time, symbol, side, obstacle, why))
        return False

    def expire(self, slot: int, order: Resting, time: int) -> None:
        """Count an order that was not reached in its time."""
        why = f"the {order.kind} order at {order.price:.8g} was not reached in time"
        self.refuse(slot, order.side, time, Obstacle.UNFILLED, why)

    def enter(
        self,
        slot: int,
        side: Side,
        price: float,
        time: int,
        signal_time: int,
        quote: Quote | None,
        levels: Sequence[float] = (),
        rested: Resting | None = None,
    ) -> bool:
        """Open a position at `price` (slippage included), sized by docs/rules.md §3.4.

        `time` is the open time of the candle concerned, `quote` what fills it, if not that candle,
        `levels` those of the candle that decided, `rested` the order that waited, if one did.
        Returns whether it was opened; it is refused where nothing can be bought.
        """
        rules = self.rules
        by_hand = bool(self.asked_in) and self.asked_in.pop(slot, None) is not None
        if barred := self.barred(slot):
            return self.refuse(slot, side, time, Obstacle.PAUSED, barred)
        moment = time  # the exact one is asked for only where a limit looks at it
        if rules.bounded or self.halted_day is not None:
            moment = rules.fill_moment(time, at_price=rested is not None)
            if quote is not None:
                moment = max(time, quote.time)
        if self.halted_day is not None and self._halted(moment):
            limit = per_cent(rules.max_daily_loss_pct or 0)
            why = f"the daily loss limit of {limit} was reached; entries resume with the UTC day"
            return self.refuse(slot, side, time, Obstacle.RISK_LIMIT, why)
        if rules.bounded and (bound := self._bound(slot, signal_time, moment)):
            return self.refuse(slot, side, time, *bound)
        sign: int = 1 if side is _LONG else -1
        plan: Plan | None = None
        if rules.plans:
            planned = rules.plan(sign, price, levels)
            if isinstance(planned, str):
                return self.refuse(slot, side, time, Obstacle.PRICE, planned)
            plan = planned
        equity = self.equity()
        per_unit = price * (1 + rules.fees * rules.leverage)
        by_equity = rules.sized_by_equity
        asked: float = (
            equity * rules.trade_size_pct / 100 * rules.leverage / per_unit
            if by_equity
            else self._asked(sign, price, equity, plan)
        )
        most = self.free * rules.leverage / per_unit
        if self.free <= equity * _DUST or asked <= 0:
            why = f"no free balance: {self.free:.8g} of an equity of {equity:.8g}"
            return self.refuse(slot, side, time, Obstacle.BALANCE, why)
        quantity: float = min(asked, most)
        market = rules.filters[slot]
        if market is not NO_FILTERS or quantity <= 0:
            quantity = market.floor_quantity(quantity)
            if why_not := market.refusal(quantity, price):
                return self.refuse(slot, side, time, Obstacle.FILTER, why_not)
        wanted = None
        if not by_equity and asked > most:
            wanted = asked
            self.capped += 1
        notional = quantity * price
        margin = notional / rules.leverage
        fee = notional * rules.fees
        self.free -= margin + fee
        if abs(self.free) < equity * _DUST:
            self.free = 0.0
        filled_at = None if quote is None else quote.time
        self.positions[slot] = position = Position(  # by place, as `Entered` below
            slot,
            side,
            sign,
            quantity,
            price,
            margin,
            fee,
            signal_time,
            time,
            filled_at,
            rules.stop_price(sign, price),
            rules.target_price(sign, price),
            rules.liquidation_price(slot, sign, price),
            price,
            price,
        )
        position.by_hand = by_hand
        if quote is not None:
            position.low_before, position.high_before = quote.low, quote.high
        position.rested = rested
        if rules.bounded:
            self._count_entry(moment // DAY)
        if plan is not None:
            position.take(rules, plan)
        if rules.adds:
            position.await_adds(rules)
        if rules.roi:
            position.roi_place = rules.roi_at(0)
            position.target_price = rules.roi_price(sign, price, position.roi_place)
        if self.tells:
            symbol = rules.symbols[slot]
            self.happened.append(
                Entered(  # by place: Python takes many by name only with a detour
                    time,
                    symbol,
                    side,
                    price,
                    quantity,
                    margin,
                    fee,
                    signal_time,
                    filled_at,
                    wanted,
                    by_hand,
                )
            )
        return True

    def _asked(self, sign: int, price: float, equity: float, plan: Plan | None) -> float:
        """The quantity of an entry before the free balance caps it (docs/rules.md §3.17)."""
        rules = self.rules
        orders = rules.orders
        if orders.trade_amount is not None:
            per_unit = price * (1 + rules.fees * rules.leverage)
            amount: float = orders.trade_amount
            return amount * rules.leverage / per_unit
        assert orders.risk_pct is not None
        assert plan is not None
        out = rules.exit_price(sign, plan.first_stop)
        loss = (price - out) * sign + rules.fees * (price + out)
        risk_pct: float = orders.risk_pct
        return equity * risk_pct / 100 / loss

    def _bound(self, slot: int, signal_time: int, moment: int) -> tuple[Obstacle, str] | None:
        """Which limit of the strategy forbids an entry that fills at `moment`, and why."""
        orders = self.rules.orders
        if signal_time < self.entries_from[slot]:
            assert orders.cooldown is not None
            return (
                Obstacle.COOLDOWN,
                f"within the cooldown of {counted(orders.cooldown.candles, 'candle')}",
            )
        minute = moment // MINUTE % (DAY // MINUTE)
        if orders.weekdays and (moment // DAY + 3) % 7 + 1 not in orders.weekdays:
            return Obstacle.HOURS, "not on a weekday of the strategy"
        if orders.hours and not within_hours(minute, orders.hours):
            return Obstacle.HOURS, "outside the hours of the strategy"
        if orders.flat_at is not None and minute >= orders.flat_at:
            return Obstacle.HOURS, "the strategy stays flat for the rest of the UTC day"
        most = orders.max_trades_per_day
        today = self.entries_day == moment // DAY
        if most is not None and today and self.entries_today >= most:
            return Obstacle.TRADES_PER_DAY, f"{most} of its UTC day's entries have filled"
        return None

    def _count_entry(self, day: int) -> None:
        if day != self.entries_day:
            self.entries_day, self.entries_today = day, 0
        self.entries_today += 1

    def add(
        self,
        position: Position,
        number: int,
        price: float,
        time: int,
        filled_at: int | None = None,
    ) -> bool:
        """Add to `position` at `price` (slippage included), once; refused where nothing can be.

        What is measured in per cent of the entry price is then measured by the mean of the entries.
        Returns whether it was added to.
        """
        rules, slot, side = self.rules, position.slot, position.side
        position.below = tuple(one for one in position.below if one[1] != number)
        position.above = tuple(one for one in position.above if one[1] != number)
        if barred := self.barred(slot):
            return self.refuse(slot, side, time, Obstacle.PAUSED, barred)
        at_price = rules.orders.adds[number].at_pct is not None
        if self._halted(rules.fill_moment(time, at_price=at_price)):
            limit = per_cent(rules.max_daily_loss_pct or 0)
            why = f"the daily loss limit of {limit} was reached"
            return self.refuse(slot, side, time, Obstacle.RISK_LIMIT, why)
        size_pct: float = rules.orders.adds[number].size_pct
        asked = position.entered * size_pct / 100
        most = self.free * rules.leverage / (price * (1 + rules.fees * rules.leverage))
        market = rules.filters[slot]
        afforded = min(asked, most)
        if afforded <= asked * DUST:
            why = f"no free balance to add to a position: {self.free:.8g}"
            return self.refuse(slot, side, time, Obstacle.BALANCE, why)
        quantity: float = market.floor_quantity(afforded)
        if why_not := market.refusal(quantity, price):
            return self.refuse(slot, side, time, Obstacle.FILTER, why_not)
        notional = quantity * price
        margin, fee = notional / rules.leverage, notional * rules.fees
        self.free -= margin + fee
        if abs(self.free) < notional * DUST:
            self.free = 0.0
        if not position.entries:
            first = Addition(
                position.entry_time,
                position.entry_price,
                position.quantity,
                position.margin,
                position.entry_fee,
                position.entry_filled_at,
            )
            position.entries = (first,)
        more = Addition(time, price, quantity, margin, fee, filled_at)
        position.entries += (more,)
        position.entry_price, position.quantity, position.margin = joined(
            position.entry_price, position.quantity, position.margin, more
        )
        position.entry_fee += fee
        position.measure_again(rules)
        self.capped += asked > most
        wanted = asked if asked > most else None
        if self.tells:
            symbol = rules.symbols[slot]
            self.happened.append(
                Added(time, symbol, side, price, quantity, margin, fee, filled_at, wanted)
            )
        return True

    def _halted(self, moment: int) -> bool:
        """Whether the daily loss limit was reached on the UTC day of `moment`."""
        return moment // DAY == self.halted_day

    def reduce(
        self, position: Position, price: float, time: int, filled_at: int | None = None
    ) -> None:
        """Close the part of `position` that its nearest target is for, at `price`.

        It frees its share of the margin. The rest keeps its stop and its other targets.
        """
        rules = self.rules
        quantity: float
        _, quantity = position.targets[0]
        fee = price * quantity * rules.fees
        gross = (price - position.entry_price) * quantity * position.sign
        left: float
        margin: float
        left, margin = left_after(position.quantity, position.margin, quantity)
        self.free += position.margin - margin + gross - fee
        position.quantity, position.margin = left, margin
        position.part_gross += gross
        reason = ExitReason.TAKE_PROFIT
        position.parts += (TradePart(time, price, quantity, fee, reason, filled_at),)
        position.targets = position.targets[1:]
        position.aim_at_next()
        if self.tells:
            symbol, side, pnl = rules.symbols[position.slot], position.side, gross - fee
            self.happened.append(
                Reduced(time, symbol, side, price, quantity, reason, fee, pnl, filled_at)
            )

    def close(
        self,
        position: Position,
        price: float,
        reason: ExitReason,
        time: int,
        ambiguous: bool = False,
        seen_late: bool = False,
        filled_at: int | None = None,
    ) -> None:
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
            exit_fee = 0.0
            gross = -position.margin
        else:
            self.free += returned
        quantity = position.quantity
        margin = position.margin
        fees: float = position.entry_fee + exit_fee
        parts = position.parts
        exit_price: float = price
        if parts:
            parts += (TradePart(time, price, quantity, exit_fee, reason, filled_at),)
            position.parts = parts
            quantity = position.entered
            margin = position.put_up
            fees = position.entry_fee + sum([part.fee for part in parts])
            gross += position.part_gross
            exit_price = sum([part.price * part.quantity for part in parts]) / quantity
        pnl = gross - fees - position.funding
        if rules.cooldown_ms and _cools(rules, pnl):
            self.entries_from[position.slot] = time + rules.cooldown_ms
        closed = Closed(
            position,
            time,
            exit_price,
            quantity,
            margin,
            fees,
            pnl,
            reason,
            ambiguous,
            seen_late,
            filled_at,
        )
        self.closed_count += 1
        self.realized_pnl += pnl
        self.positions[position.slot] = None
        self.due_exits[position.slot] = None
        if self.asked_out:
            self.asked_out.discard(position.slot)
        if self.tells:  # a session lives long: the position of the trade is let go
            trade = closed.trade(rules, self.closed_count)
            self._trades.append(trade)
            self.happened.append(Exited(time, trade))
        else:
            self.closed.append(closed)


def _cools(rules: Rules, pnl: float) -> bool:
    """Whether a trade with this result begins a cooldown."""
    cooldown = rules.orders.cooldown
    assert cooldown is not None
    if cooldown.after is Outcome.LOSS:
        return pnl < 0
    if cooldown.after is Outcome.WIN:
        return pnl > 0
    return True
