"""The markets that can be traded on the exchange, with their price and quantity steps."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from core.market.candles.candles import Candles
from core.market.filters import MarketFilters
from core.market.symbols import is_perpetual, quote_currency, unified_symbol, venue_symbol

MAX_QUANTITY = Decimal(9_000_000)


@dataclass(frozen=True, slots=True)
class Instrument:
    """One market. Steps and minima are as in Binance's filters; fees are fractions of notional."""

    symbol: str  # unified: BTC/USDT, or BTC/USDT:USDT for the perpetual
    tick_size: Decimal
    lot_step: Decimal
    min_notional: Decimal
    maker_fee: Decimal
    taker_fee: Decimal

    @property
    def venue_symbol(self) -> str:
        """Binance's name: BTCUSDT."""
        return venue_symbol(self.symbol)

    @property
    def base(self) -> str:
        """The currency that is traded."""
        return self.symbol.partition("/")[0]

    @property
    def quote(self) -> str:
        """The currency in which it is priced."""
        return quote_currency(self.symbol)

    @property
    def perpetual(self) -> bool:
        """Whether this is a USDⓈ-M perpetual and not a spot market."""
        return is_perpetual(self.symbol)

    @property
    def price_digits(self) -> int:
        """Digits after the point in a price."""
        return decimals(self.tick_size)

    @property
    def quantity_digits(self) -> int:
        """Digits after the point in a quantity."""
        return decimals(self.lot_step)

    @property
    def filters(self) -> MarketFilters:
        """The limits in the form that strategies and rules take."""
        return MarketFilters(
            lot_step=self.lot_step,
            min_quantity=self.lot_step,
            min_notional=self.min_notional,
            tick_size=self.tick_size,
        )


def decimals(step: Decimal) -> int:
    """Digits after the point that a step needs: 2 for 0.01, 0 for 1."""
    return max(0, -int(step.normalize().as_tuple().exponent))


# (tick, lot, minimum notional) as Binance lists them, spot and perpetual.
_SPOT = {
    "BTC": ("0.01", "0.00001", "5"),
    "ETH": ("0.01", "0.0001", "5"),
    "SOL": ("0.01", "0.001", "5"),
    "BNB": ("0.01", "0.001", "5"),
    "XRP": ("0.0001", "0.1", "5"),
    "ADA": ("0.0001", "0.1", "5"),
    "DOGE": ("0.00001", "1", "1"),
}
_PERPETUAL = {
    "BTC": ("0.1", "0.001", "100"),
    "ETH": ("0.01", "0.001", "20"),
    "SOL": ("0.01", "0.01", "5"),
    "BNB": ("0.01", "0.01", "5"),
    "XRP": ("0.0001", "0.1", "5"),
    "ADA": ("0.0001", "1", "5"),
    "DOGE": ("0.00001", "1", "5"),
}
_SPOT_FEES = (Decimal("0.001"), Decimal("0.001"))
_PERPETUAL_FEES = (Decimal("0.0002"), Decimal("0.0005"))


def instrument(symbol: str, price: float = 1.0, price_digits: int = 0) -> Instrument:
    """The market of a unified symbol.

    One that Binance's list above does not hold gets steps that suit its `price` (quote currency).
    `price_digits`: the tick is at least this fine, so that every price of a series is a tick.

    Raises:
        SymbolError: if `symbol` is no market's name.
    """
    symbol = unified_symbol(symbol)
    base = symbol.partition("/")[0]
    perpetual = is_perpetual(symbol)
    known = (_PERPETUAL if perpetual else _SPOT).get(base)
    tick, lot, notional = known or (_step(price / 10_000), _step(1 / price), "5")
    maker, taker = _PERPETUAL_FEES if perpetual else _SPOT_FEES
    tick_size = min(Decimal(tick), Decimal(1).scaleb(-price_digits))
    return Instrument(symbol, tick_size, Decimal(lot), Decimal(notional), maker, taker)


def digits_of(candles: Candles) -> int:
    """Most digits after the point among the last thousand closes and opens."""
    tail = candles.slice(-1000)
    prices = (*tail.close.tolist(), *tail.open.tolist())
    return max((decimals(Decimal(repr(price))) for price in prices), default=0)


def _step(size: float) -> str:
    """The power of ten at or below `size`, at most 1."""
    exponent = min(0, Decimal(repr(size)).adjusted())
    return str(Decimal(1).scaleb(max(exponent, -8)))
