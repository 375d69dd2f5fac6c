"""The part of a strategy config that says where its orders lie, how large they are and when not.

Values only, units as in docs/rules.md §1; `core.strategy.config.order_parsing` reads them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from core.strategy.config.conditions import Operand, Rule

ORDER_KEYS = (
    "entry",
    "stop",
    "break_even_at_r",
    "target",
    "roi",
    "adds",
    "risk_pct",
    "trade_amount",
    "cooldown",
    "max_trades_per_day",
    "hours",
    "weekdays",
    "flat_at",
)
"""The keys of a config that are read into `Orders`."""


class Basis(StrEnum):
    """What a price is measured by; the values are the keys of a config."""

    PCT = "pct"  # per cent of the entry price
    R = "r"  # multiples of the risk: the distance from the entry to the first stop
    ATR = "atr"  # multiples of the average true range, from the entry price
    SWING = "swing"  # the lowest low (for a short: the highest high) of some candles
    LEVEL = "level"  # a price by itself


@dataclass(frozen=True, slots=True)
class Atr:
    """A distance: the average true range of `candles` candles × `multiplier`."""

    candles: int
    multiplier: float

    def __str__(self) -> str:
        return f"{self.multiplier!r} * atr({self.candles})"


@dataclass(frozen=True, slots=True)
class Swing:
    """The lowest low of the last `candles`, the newest included; the `highest` high of them."""

    candles: int
    highest: bool

    def __str__(self) -> str:
        return f"{'highest high' if self.highest else 'lowest low'} of {self.candles}"


LevelSpec: TypeAlias = "Atr | Swing | Operand"
"""What an order needs to know of a candle; an operand is a price by itself."""


@dataclass(frozen=True, slots=True)
class PriceRule:
    """Where a price lies: by `number` (PCT, R), or by a level for longs and one for shorts."""

    basis: Basis
    number: float = 0.0
    long: LevelSpec | None = None
    short: LevelSpec | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """Where a position is given up; with `trail` the same price, anew at every close."""

    price: PriceRule
    trail: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """Where profit is taken; `close_pct` of the entered quantity, None: all that is left."""

    price: PriceRule
    close_pct: float | None = None


@dataclass(frozen=True, slots=True)
class RestingEntry:
    """An entry that waits at a price for `valid` candles: a limit order, or else a stop order."""

    price: PriceRule
    limit: bool
    valid: int


@dataclass(frozen=True, slots=True)
class Add:
    """More of a position, once: `size_pct` of the quantity that was entered first.

    At `at_pct` per cent from the first entry price, in favour of the position or (negative) against
    it; or, where that is None, at the open after all of `when` hold.
    """

    size_pct: float
    at_pct: float | None = None
    when: tuple[Rule, ...] = ()


class Outcome(StrEnum):
    """How a trade ended."""

    LOSS = "loss"
    WIN = "win"


@dataclass(frozen=True, slots=True)
class Cooldown:
    """Candles after an exit in which nothing is entered; `after`: only after such a trade."""

    candles: int
    after: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Orders:
    """How a strategy trades beyond the plain keys of `StrategyConfig`.

    `roi`: (milliseconds since the entry, per cent), by time. `hours`: from and to, in minutes of
    the UTC day, the end beyond midnight where it is smaller. `weekdays`: 1 is Monday. `flat_at`: a
    minute of the UTC day, 1 to 1440.
    """

    entry: RestingEntry | None = None
    stop: Stop | None = None
    break_even_at_r: float | None = None
    targets: tuple[Target, ...] = ()
    roi: tuple[tuple[int, float], ...] = ()
    adds: tuple[Add, ...] = ()
    risk_pct: float | None = None
    trade_amount: float | None = None
    cooldown: Cooldown | None = None
    max_trades_per_day: int | None = None
    hours: tuple[tuple[int, int], ...] = ()
    weekdays: tuple[int, ...] = ()
    flat_at: int | None = None

    @property
    def sized_by_equity(self) -> bool:
        """Whether an entry's budget is `trade_size_pct` of equity, not by risk or an amount."""
        return self.risk_pct is None and self.trade_amount is None

    @property
    def fixed_amount(self) -> bool:
        """Whether every entry puts up the same amount of money, whatever the account grows to."""
        return self.trade_amount is not None

    @property
    def enters_at_limits(self) -> bool:
        """Whether entries are limit orders, which fill without slippage."""
        return self.entry is not None and self.entry.limit

    @property
    def adds_at_limits(self) -> tuple[float, ...]:
        """The `at_pct` of the adds that are limit orders: against the position, nearest first."""
        prices = [add.at_pct for add in self.adds if add.at_pct is not None and add.at_pct < 0]
        return tuple(sorted(prices, reverse=True))

    @property
    def levels(self) -> tuple[LevelSpec, ...]:
        """The series that the orders need, each once, in the order in which the rules count."""
        return tuple(dict.fromkeys(self._levels()))

    @property
    def operands(self) -> tuple[Operand, ...]:
        """The levels that are expressions of the config."""
        return tuple(one for one in self.levels if not isinstance(one, Atr | Swing))

    def _levels(self) -> Iterator[LevelSpec]:
        rules = [one.price for one in (self.entry, self.stop) if one is not None]
        for rule in (*rules, *(target.price for target in self.targets)):
            if rule.long is not None and rule.short is not None:
                yield rule.long
                yield rule.short


def within_hours(minute: int, hours: Iterable[tuple[int, int]]) -> bool:
    """Whether a minute of the UTC day lies in any of `hours`, as `Orders` has them."""
    return any(
        begin <= minute < end if begin < end else minute >= begin or minute < end
        for begin, end in hours
    )


NO_ORDERS = Orders()
