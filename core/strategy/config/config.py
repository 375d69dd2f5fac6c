"""The types of a strategy config (docs/rules.md §1).

Values only: `core.strategy.config.parsing` makes them from JSON, YAML and STRATEGY.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.market.candles.timeframes import HigherTimeframe, Timeframe
from core.strategy.config.conditions import Direction, Operand, Rule
from core.strategy.config.orders import NO_ORDERS, Orders

ParameterValue = float | int | str
Parameters = Mapping[str, ParameterValue]


@dataclass(frozen=True, slots=True)
class IndicatorSpec:
    """One indicator as configured: canonical `name`, its unique `key`, every parameter filled in.

    `offset`: the values of that many candles ago. `sources`: what it is computed of, where not of
    the prices that it usually is. `timeframe`: a higher one than the strategy's, of whose candles
    it is computed and whose candles `offset` counts.
    """

    name: str
    key: str
    params: Parameters
    offset: int = 0
    sources: tuple[Operand, ...] = ()
    timeframe: HigherTimeframe | None = None


@dataclass(frozen=True, slots=True)
class StrategyConfig:
    """A valid strategy.

    Units are those of docs/rules.md §1: per cent for `*_pct`, a fraction for `fees`, candles for
    `max_hold`, quote currency for `starting_balance`. `signals`: where the signals come from, its
    "source" a name of `core.strategy.signals.sources` and the rest that source's settings (JSON
    values); None: from the conditions. `orders`: what goes beyond these keys. `extras` keeps the
    accepted keys without effect on trading (description, risk, the document's keys).
    """

    name: str
    symbols: tuple[str, ...]
    timeframe: Timeframe
    indicators: tuple[IndicatorSpec, ...]
    entry_conditions: tuple[Rule, ...]
    exit_conditions: tuple[Rule, ...] = ()
    direction: Direction = Direction.LONG
    stop_loss_pct: float | None = None
    take_profit_pct: float | None = None
    trailing_stop_pct: float | None = None
    max_hold: int | None = None
    trade_size_pct: float = 100.0
    leverage: float = 1.0
    fees: float = 0.0006
    slippage_pct: float = 0.0
    starting_balance: float = 10_000.0
    max_daily_loss_pct: float | None = None
    max_drawdown_pct: float | None = None
    signals: Mapping[str, object] | None = None
    orders: Orders = NO_ORDERS
    extras: Mapping[str, object] = field(default_factory=dict)

    @property
    def sides(self) -> tuple[Direction, ...]:
        """The sides it trades: LONG, SHORT or both."""
        if self.direction is Direction.BOTH:
            return Direction.LONG, Direction.SHORT
        return (self.direction,)

    @property
    def grouped_conditions(self) -> tuple[tuple[str, Rule], ...]:
        """Every rule with its group: "entry", "exit", "add 1" (of `Orders.adds`), … in order."""
        return (
            *(("entry", one) for one in self.entry_conditions),
            *(("exit", one) for one in self.exit_conditions),
            *(
                (f"add {number}", one)
                for number, add in enumerate(self.orders.adds, start=1)
                for one in add.when
            ),
        )
