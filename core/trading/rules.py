"""The numbers a run trades by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isfinite

from core.market.candles.candles import Floats
from core.market.candles.timeframes import DAY, MINUTE
from core.market.filters import NO_FILTERS, MarketFilters
from core.strategy.config.config import StrategyConfig
from core.strategy.config.orders import NO_ORDERS, Basis, Orders, PriceRule, RestingEntry
from core.trading.values import ExitReason, FillOn, Fills

RULES_VERSION = 1
_INF: float = inf

# Below this share of what it is a part of, an amount is what rounding left over, not money.
DUST = 1e-12


@dataclass(frozen=True, slots=True)
class Plan:
    """The prices of a position, fixed when it is entered (docs/rules.md §3.13).

    What does not exist is an infinity that no price reaches. `targets`: price and share of the
    entered quantity (None: the rest), the nearest first. `first_stop`: `stop`, or where a trailing
    stop begins, if that is nearer.
    """

    stop: float
    targets: tuple[tuple[float, float | None], ...]
    first_stop: float
    break_even_at: float


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything about a run that never changes while it lasts.

    A symbol is known by its slot, its position in `symbols`; `filters` has one entry a slot. Units
    are those of docs/rules.md §1. `target_first` decides an ambiguous candle for the target
    instead of the stop: it exists to say what the ambiguity is worth, not to trade by.
    """

    symbols: tuple[str, ...]
    filters: tuple[MarketFilters, ...]
    timeframe_ms: int
    starting_balance: float
    trade_size_pct: float
    leverage: float
    fees: float
    slippage_pct: float
    stop_loss_pct: float | None = None
    take_profit_pct: float | None = None
    trailing_stop_pct: float | None = None
    max_hold: int | None = None
    max_daily_loss_pct: float | None = None
    max_drawdown_pct: float | None = None
    fill_on: FillOn = FillOn.NEXT_OPEN
    fills: Fills = Fills.CANDLE
    target_first: bool = False
    orders: Orders = NO_ORDERS
    watches_equity: bool = field(init=False)
    """Whether a risk limit looks at the equity of every close."""
    plans: bool = field(init=False)
    """Whether entries ask for more than `stop_price` and `target_price` (then: `plan`)."""
    sized_by_equity: bool = field(init=False)
    """Whether `trade_size_pct` sizes entries."""
    adds: bool = field(init=False)
    """Whether positions may get larger."""
    bounded: bool = field(init=False)
    """Whether hours, a cooldown or a number of trades may refuse an entry."""
    trails_level: bool = field(init=False)
    """Whether the stop follows a level from close to close."""
    trails: bool = field(init=False)
    """Whether the stop follows the best price or a level."""
    timed: bool = field(init=False)
    """Whether the time since the entry alone can do something to a position."""
    moves_stop: bool = field(init=False)
    """Whether a close may move a stop: to the entry, or after a level."""
    entry: RestingEntry | None = field(init=False)
    """The order that entries rest with, where they do not fill at once."""
    target_reason: ExitReason = field(init=False)
    """Why a position is left at its target."""
    cooldown_ms: int = field(init=False)
    roi: tuple[tuple[int, float], ...] = field(init=False)
    flat_at_ms: int | None = field(init=False)
    _level_at: Mapping[object, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        orders = self.orders
        trails = orders.stop is not None and orders.stop.trail
        moves = trails or orders.break_even_at_r is not None
        clock = orders.hours or orders.weekdays or orders.flat_at or orders.max_trades_per_day
        cooldown = 0 if orders.cooldown is None else orders.cooldown.candles
        derived = {
            "watches_equity": (self.max_daily_loss_pct, self.max_drawdown_pct) != (None, None),
            "plans": moves or bool(orders.stop or orders.targets or orders.risk_pct),
            "sized_by_equity": orders.sized_by_equity,
            "adds": bool(orders.adds),
            "bounded": bool(clock or orders.cooldown),
            "trails_level": trails,
            "trails": trails or self.trailing_stop_pct is not None,
            "timed": bool(orders.roi or orders.flat_at),
            "moves_stop": moves,
            "entry": orders.entry,
            "target_reason": ExitReason.ROI if orders.roi else ExitReason.TAKE_PROFIT,
            "cooldown_ms": cooldown * self.timeframe_ms,
            "roi": orders.roi,
            "flat_at_ms": None if orders.flat_at is None else orders.flat_at * MINUTE,
            "_level_at": {level: place for place, level in enumerate(orders.levels)},
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    @classmethod
    def of(
        cls,
        config: StrategyConfig,
        filters: Mapping[str, MarketFilters] | None = None,
        *,
        fill_on: FillOn = FillOn.NEXT_OPEN,
        fills: Fills = Fills.CANDLE,
        target_first: bool = False,
    ) -> Rules:
        """The rules of a strategy on markets with these `filters` (by symbol; none: no limits)."""
        known = filters or {}
        return cls(
            symbols=config.symbols,
            filters=tuple(known.get(symbol, NO_FILTERS) for symbol in config.symbols),
            timeframe_ms=config.timeframe.ms,
            starting_balance=config.starting_balance,
            trade_size_pct=config.trade_size_pct,
            leverage=config.leverage,
            fees=config.fees,
            slippage_pct=config.slippage_pct,
            stop_loss_pct=config.stop_loss_pct,
            take_profit_pct=config.take_profit_pct,
            trailing_stop_pct=config.trailing_stop_pct,
            max_hold=config.max_hold,
            max_daily_loss_pct=config.max_daily_loss_pct,
            max_drawdown_pct=config.max_drawdown_pct,
            fill_on=fill_on,
            fills=fills,
            target_first=target_first,
            orders=config.orders,
        )

    def stop_price(self, sign: int, entry_price: float) -> float:
        """The fixed stop of a position (sign +1 long, -1 short) entered at `entry_price`.

        What does not exist is an infinity that no price reaches; so it is of the two below.
        """
        if self.stop_loss_pct is None:
            return -_INF * sign
        pct: float = self.stop_loss_pct
        return entry_price * (1 - sign * pct / 100)

    def target_price(self, sign: int, entry_price: float) -> float:
        """The target of a position entered at `entry_price`."""
        if self.take_profit_pct is None:
            return _INF * sign
        pct: float = self.take_profit_pct
        return entry_price * (1 + sign * pct / 100)

    def plan(self, sign: int, entry_price: float, levels: Sequence[float]) -> Plan | str:
        """The prices of a position entered at `entry_price`, or why there can be none.

        `levels` are the values of `orders.levels` at the candle that decided.
        """
        stop = self.stop_price(sign, entry_price)
        given = self.orders.stop
        if given is not None:
            stop = self.price_of(given.price, sign, entry_price, 0.0, levels)
            if not (entry_price - stop) * sign > 0:
                return _wrong_side("stop", stop, -sign, entry_price)
        first = stop
        if self.trailing_stop_pct is not None:
            pct: float = self.trailing_stop_pct
            trailing = entry_price * (1 - sign * pct / 100)
            first = max(first, trailing) if sign > 0 else min(first, trailing)
        risk = (entry_price - first) * sign
        targets = []
        for target in self.orders.targets:
            price = self.price_of(target.price, sign, entry_price, risk, levels)
            if not (price - entry_price) * sign > 0:
                return _wrong_side("target", price, sign, entry_price)
            targets.append((price, target.close_pct))
        if not targets and self.take_profit_pct is not None:
            targets = [(self.target_price(sign, entry_price), None)]
        targets.sort(key=lambda one: one[0] * sign)
        at_r = self.orders.break_even_at_r
        return Plan(
            stop,
            tuple(targets),
            first,
            inf * sign if at_r is None else entry_price + sign * at_r * risk,
        )

    def trailing_level(self, sign: int, best: float, levels: Sequence[float]) -> float:
        """Where a stop that trails a level belongs after a close, NaN where that is not known.

        `best`: the best price since the entry, that candle included; `levels`: of that candle.
        """
        stop = self.orders.stop
        assert stop is not None
        level: float = levels[self.level_of(stop.price, sign)]
        return best - sign * level if stop.price.basis is Basis.ATR else level

    def trailing_levels(self, sign: int, bests: Floats, levels: Sequence[Floats]) -> Floats:
        """`trailing_level` of many closes at once."""
        stop = self.orders.stop
        assert stop is not None
        level = levels[self.level_of(stop.price, sign)]
        return bests - sign * level if stop.price.basis is Basis.ATR else level

    def level_of(self, rule: PriceRule, sign: int) -> int:
        """The place among `orders.levels` of the level that a price of a side lies at."""
        return self._level_at[rule.long if sign > 0 else rule.short]

    def price_of(
        self, rule: PriceRule, sign: int, entry: float, risk: float, levels: Sequence[float]
    ) -> float:
        """A price on the losing side of `entry` for a stop (never R), else on the winning one."""
        number: float = rule.number
        if rule.basis is Basis.PCT:
            return entry * (1 + sign * number / 100)
        if rule.basis is Basis.R:
            return entry + sign * number * risk
        level: float = levels[self.level_of(rule, sign)]
        if rule.basis is not Basis.ATR:
            return level
        stop = self.orders.stop
        away = -sign if stop is not None and rule is stop.price else sign
        return entry + away * level

    def fill_moment(self, time: int, *, at_price: bool) -> int:
        """When what the candle that opened at `time` fills was filled, UTC ms.

        That is its open, for a market order under `fill_on: close` its close. What waited
        `at_price` was filled somewhere within it and counts at its open.
        """
        at_close = self.fill_on is FillOn.CLOSE and not at_price
        return time + (self.timeframe_ms if at_close else 0)

    def flat_candle(self, entered_at: int) -> int:
        """A candle that opens then or later closes at the time to be flat (`flat_at`), or behind.

        The time of day counts that comes next after the entry at `entered_at`.
        """
        assert self.flat_at_ms is not None
        days = (entered_at - self.flat_at_ms) // DAY + 1
        return days * DAY + self.flat_at_ms - self.timeframe_ms

    def roi_at(self, held_ms: int) -> int:
        """The place in `roi` of the target that holds so long after the entry; -1: none yet."""
        place = -1
        for since, _ in self.roi:
            if since > held_ms:
                break
            place += 1
        return place

    def roi_price(self, sign: int, entry_price: float, place: int) -> float:
        """The target at a place of `roi`."""
        if place < 0:
            return inf * sign
        pct: float = self.roi[place][1]
        return entry_price * (1 + sign * pct / 100)

    def liquidation_price(self, slot: int, sign: int, entry_price: float) -> float:
        """The price of liquidation (docs/rules.md §3.8); an unleveraged long has none."""
        if sign > 0 and self.leverage <= 1:
            return -_INF
        rate: float = self.filters[slot].maintenance_margin_rate
        return entry_price * (1 - sign * (1 / self.leverage - rate))

    def entry_price(self, sign: int, price: float) -> float:
        """What a market order that opens a position gets at a candle's `price`."""
        return price * (1 + sign * self.slippage_pct / 100)

    def exit_price(self, sign: int, price: float) -> float:
        """What a market order that closes a position gets at a candle's `price`."""
        return price * (1 - sign * self.slippage_pct / 100)


def _wrong_side(what: str, price: float, wanted: int, entry_price: float) -> str:
    """Why an entry comes to nothing: a price is not known, or not on the `wanted` side of it."""
    if not isfinite(price):
        return f"the price of its {what} is not known at the candle that decided"
    side = "above" if wanted > 0 else "below"
    return f"its {what} at {price:.8g} is not {side} the entry at {entry_price:.8g}"
