"""Writes candles, quotes, depth and markets as Binance does."""

from __future__ import annotations

from decimal import Decimal

from core.exchange.market.instruments import MAX_QUANTITY, Instrument
from core.exchange.market.quotes import BookLevel
from core.market.candles.candles import Candle
from core.market.candles.timeframes import Timeframe

SPOT_WEIGHT_LIMIT = 6000
FUTURES_WEIGHT_LIMIT = 2400

_SPOT_ORDER_TYPES = [
    "LIMIT",
    "LIMIT_MAKER",
    "MARKET",
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT",
]
_FUTURES_ORDER_TYPES = [
    "LIMIT",
    "MARKET",
    "STOP",
    "STOP_MARKET",
    "TAKE_PROFIT",
    "TAKE_PROFIT_MARKET",
]


def exchange_number(value: float | Decimal) -> str:
    """A number in full, without exponent, that reads back as the same number."""
    if isinstance(value, Decimal):
        return format(value, "f")
    text = repr(value)
    return format(Decimal(text), "f") if "e" in text or "E" in text else text


def eight(value: float | Decimal) -> str:
    """A number with eight digits after its point, as Binance writes money."""
    return f"{value:.8f}"


def price_text(instrument: Instrument, price: float) -> str:
    """A price on the instrument's price step."""
    return f"{price:.{instrument.price_digits}f}"


def quantity_text(instrument: Instrument, quantity: float) -> str:
    """A quantity on the instrument's lot step."""
    return f"{quantity:.{instrument.quantity_digits}f}"


def kline_row(candle: Candle, timeframe: Timeframe) -> list[object]:
    """A row of GET klines. Trade count and taker volume are made up from the volume."""
    quote_volume = _quote_volume(candle)
    return [
        candle.time,
        exchange_number(candle.open),
        exchange_number(candle.high),
        exchange_number(candle.low),
        exchange_number(candle.close),
        exchange_number(candle.volume),
        candle.time + timeframe.ms - 1,
        f"{quote_volume:.8f}",
        _trade_count(candle),
        f"{candle.volume / 2:.8f}",
        f"{quote_volume / 2:.8f}",
        "0",
    ]


def kline_event(
    instrument: Instrument, timeframe: Timeframe, candle: Candle, now: int, *, closed: bool
) -> dict[str, object]:
    """The event of a kline stream. `closed` is its `x`: this candle is final."""
    quote_volume = _quote_volume(candle)
    return {
        "e": "kline",
        "E": now,
        "s": instrument.venue_symbol,
        "k": {
            "t": candle.time,
            "T": candle.time + timeframe.ms - 1,
            "s": instrument.venue_symbol,
            "i": timeframe.value,
            "f": candle.time // 10,
            "L": candle.time // 10 + _trade_count(candle) - 1,
            "o": exchange_number(candle.open),
            "c": exchange_number(candle.close),
            "h": exchange_number(candle.high),
            "l": exchange_number(candle.low),
            "v": exchange_number(candle.volume),
            "n": _trade_count(candle),
            "x": closed,
            "q": f"{quote_volume:.8f}",
            "V": f"{candle.volume / 2:.8f}",
            "Q": f"{quote_volume / 2:.8f}",
            "B": "0",
        },
    }


def on_steps(instrument: Instrument, candle: Candle) -> Candle:
    """A forming candle whose prices and volume lie on the instrument's steps."""
    digits = instrument.price_digits
    return Candle(
        candle.time,
        round(candle.open, digits),
        round(candle.high, digits),
        round(candle.low, digits),
        round(candle.close, digits),
        round(candle.volume, 8),
    )


def level_rows(instrument: Instrument, levels: tuple[BookLevel, ...]) -> list[list[str]]:
    """Order book levels as [price, quantity]."""
    return [
        [price_text(instrument, level.price), quantity_text(instrument, level.quantity)]
        for level in levels
    ]


def rate_limits(weight: int) -> list[dict[str, object]]:
    """The limits as exchangeInfo tells them."""
    return [
        _rate_limit("REQUEST_WEIGHT", "MINUTE", 1, weight),
        _rate_limit("ORDERS", "SECOND", 10, 100 if weight == SPOT_WEIGHT_LIMIT else 300),
        _rate_limit("RAW_REQUESTS", "MINUTE", 5, 300_000),
    ]


def spot_market(instrument: Instrument, *, trading: bool) -> dict[str, object]:
    """A market as spot exchangeInfo tells it."""
    return {
        "symbol": instrument.venue_symbol,
        "status": "TRADING" if trading else "BREAK",
        "baseAsset": instrument.base,
        "baseAssetPrecision": 8,
        "quoteAsset": instrument.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": _SPOT_ORDER_TYPES,
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": False,
        "amendAllowed": False,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            *_common_filters(instrument),
            {
                "filterType": "NOTIONAL",
                "minNotional": exchange_number(instrument.min_notional),
                "applyMinToMarket": True,
                "maxNotional": "9000000.00000000",
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
            },
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
        ],
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"],
    }


def futures_market(instrument: Instrument, onboarded: int, *, trading: bool) -> dict[str, object]:
    """A perpetual as futures exchangeInfo tells it."""
    return {
        "symbol": instrument.venue_symbol,
        "pair": instrument.venue_symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": 4133404800000,
        "onboardDate": onboarded,
        "status": "TRADING" if trading else "SETTLING",
        "maintMarginPercent": "0.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": instrument.base,
        "quoteAsset": instrument.quote,
        "marginAsset": instrument.quote,
        "pricePrecision": instrument.price_digits,
        "quantityPrecision": instrument.quantity_digits,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10000,
        "filters": [
            *_common_filters(instrument),
            {"filterType": "MAX_NUM_ORDERS", "limit": 200},
            {"filterType": "MIN_NOTIONAL", "notional": exchange_number(instrument.min_notional)},
        ],
        "orderTypes": _FUTURES_ORDER_TYPES,
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
    }


def _common_filters(instrument: Instrument) -> list[dict[str, object]]:
    tick, step, most = (
        exchange_number(value)
        for value in (instrument.tick_size, instrument.lot_step, MAX_QUANTITY)
    )
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": tick,
            "maxPrice": "10000000",
            "tickSize": tick,
        },
        {"filterType": "LOT_SIZE", "minQty": step, "maxQty": most, "stepSize": step},
        {"filterType": "MARKET_LOT_SIZE", "minQty": step, "maxQty": most, "stepSize": step},
    ]


def _rate_limit(kind: str, interval: str, count: int, limit: int) -> dict[str, object]:
    return {
        "rateLimitType": kind,
        "interval": interval,
        "intervalNum": count,
        "limit": limit,
    }


def _quote_volume(candle: Candle) -> float:
    return candle.volume * (candle.open + candle.high + candle.low + candle.close) / 4


def _trade_count(candle: Candle) -> int:
    return 1 + int(candle.volume * candle.close / 1000)
