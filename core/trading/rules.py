"""The numbers a run trades by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.market.filters import NO_FILTERS, MarketFilters
from core.strategy.config.config import StrategyConfig
from core.trading.values import FillOn, Fills

RULES_VERSION = 1


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
    watches_equity: bool = field(init=False)
    """Whether a risk limit looks at the equity of every close."""

    def __post_init__(self) -> None:
        limited = self.max_daily_loss_pct is not None or self.max_drawdown_pct is not None
        object.__setattr__(self, "watches_equity", limited)

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
        )

    def stop_price(self, sign: int, entry_price: float) -> float | None:
        """The fixed stop of a position (sign +1 long, -1 short) entered at `entry_price`."""
        if self.stop_loss_pct is None:
            return None
        return entry_price * (1 - sign * self.stop_loss_pct / 100)

    def target_price(self, sign: int, entry_price: float) -> float | None:
        """The target of a position entered at `entry_price`, or None."""
        if self.take_profit_pct is None:
            return None
        return entry_price * (1 + sign * self.take_profit_pct / 100)

    def liquidation_price(self, slot: int, sign: int, entry_price: float) -> float | None:
        """The price of liquidation (docs/rules.md §3.8); an unleveraged long: None."""
        if sign > 0 and self.leverage <= 1:
            return None
        rate = self.filters[slot].maintenance_margin_rate
        return entry_price * (1 - sign * (1 / self.leverage - rate))

    def entry_price(self, sign: int, price: float) -> float:
        """What a market order that opens a position gets at a candle's `price`."""
        return price * (1 + sign * self.slippage_pct / 100)

    def exit_price(self, sign: int, price: float) -> float:
        """What a market order that closes a position gets at a candle's `price`."""
        return price * (1 - sign * self.slippage_pct / 100)
