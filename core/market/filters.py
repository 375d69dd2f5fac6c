"""The order limits of a market: price and quantity steps, smallest quantity and notional."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

DEFAULT_MAINTENANCE_MARGIN_RATE = 0.005


@dataclass(frozen=True, slots=True)
class MarketFilters:
    """A market's order limits, as inputs of a run. `None` means the market sets no such limit.

    `lot_step`, `min_quantity`: base currency. `min_notional`: quote currency. `tick_size`: the
    price step, used only for orders that reach a venue. `maintenance_margin_rate`: fraction of
    notional (docs/rules.md §3.8).
    """

    lot_step: Decimal | None = None
    min_quantity: Decimal | None = None
    min_notional: Decimal | None = None
    tick_size: Decimal | None = None
    maintenance_margin_rate: float = DEFAULT_MAINTENANCE_MARGIN_RATE

    def floor_quantity(self, quantity: float) -> float:
        """`quantity` (base currency) floored to the lot step, in Decimal (docs/rules.md §3.4)."""
        if self.lot_step is None or self.lot_step == 0:
            return quantity
        steps = (Decimal(repr(quantity)) / self.lot_step).to_integral_value(ROUND_DOWN)
        return float(steps * self.lot_step)

    def refusal(self, quantity: float, price: float) -> str | None:
        """Why an order of `quantity` at `price` is too small for this market; None if it is not."""
        if quantity <= 0:
            return f"quantity is 0 after flooring to the lot step {self.lot_step}"
        if self.min_quantity is not None and quantity < float(self.min_quantity):
            return f"quantity {quantity:g} is below the market's minimum {self.min_quantity}"
        if self.min_notional is not None and quantity * price < float(self.min_notional):
            return (
                f"notional {quantity * price:.8g} is below the market's minimum {self.min_notional}"
            )
        return None


NO_FILTERS = MarketFilters()
