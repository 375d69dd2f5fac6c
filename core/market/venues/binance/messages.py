"""Reads the messages of Binance's market streams.

Keys that are not known are ignored: Binance adds some every few months.
"""

from __future__ import annotations

import math

import orjson

from core.market.candles.candle import LEAST, MOST, Candle
from core.market.candles.timeframes import Timeframe
from core.market.venues.stream_messages import (
    BestPrices,
    Kline,
    MalformedMessageError,
    MarkPrice,
    Message,
    Shutdown,
    StreamEvent,
    StreamReply,
)

_LARGEST = 1 << 62  # of times and numbers


def read_message(raw: str | bytes) -> Message | None:
    """A message of a combined stream; None for a kind that is of no interest.

    Raises:
        MalformedMessageError: if it is no JSON object, or an event lacks what it should carry.
    """
    try:
        message = orjson.loads(raw)
        if not isinstance(message, dict):
            raise MalformedMessageError(f"a stream message is a {type(message).__name__}")
        data = message.get("data", message)
        if not isinstance(data, dict):
            return None
        kind = data.get("e")
        if kind == "serverShutdown":
            return Shutdown()
        stream = message.get("stream")
        if stream is None:
            return _reply(message)
        return _event(str(stream), kind, data)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, OverflowError) as error:
        if isinstance(error, MalformedMessageError):
            raise
        raise MalformedMessageError(
            f"a stream message lacks {error}"
            if isinstance(error, KeyError)
            else f"a stream message cannot be read: {error}"
        ) from error


def _event(stream: str, kind: object, data: dict[str, object]) -> StreamEvent | None:
    market, _, topic = stream.partition("@")
    if (symbol := data.get("s")) is not None and str(symbol).lower() != market:
        raise ValueError(f"a message of {stream} is about {symbol!r:.40}")
    if kind == "kline":
        return _kline(stream, data)
    if topic == "bookTicker":
        time, bid, ask = data.get("E"), _price(data["b"]), _price(data["a"])
        if bid > ask:
            raise ValueError(f"bid {bid:g} is above ask {ask:g}")
        return BestPrices(
            stream, None if time is None else _whole(time), _whole(data["u"]), bid, ask
        )
    if kind == "markPriceUpdate":
        rate = data.get("r")
        return MarkPrice(
            stream,
            _whole(data["E"]),
            _price(data["p"]),
            None if rate in (None, "") else _rate(rate),
            _whole(data["T"]),
        )
    return None


def _kline(stream: str, data: dict[str, object]) -> Kline:
    bar = data["k"]
    if not isinstance(bar, dict):
        raise TypeError("k is no object")
    candle = Candle(
        _whole(bar["t"]),
        _price(bar["o"]),
        _price(bar["h"]),
        _price(bar["l"]),
        _price(bar["c"]),
        _number(bar["v"]),
    )
    if not stream.endswith(f"@kline_{bar['i']}"):
        raise ValueError(f"a message of {stream} is about candles of {bar['i']!r:.40}")
    if Timeframe(bar["i"]).floor(candle.time) != candle.time or not candle.sound:
        raise MalformedMessageError(f"a candle of {stream} is none: {candle}")
    return Kline(stream, _whole(data["E"]), candle, bar["x"] is True)


def _reply(message: dict[str, object]) -> StreamReply | None:
    request = message.get("id")
    number = request if isinstance(request, int) else None
    error = message.get("error", message if "code" in message else None)
    if isinstance(error, dict):
        return StreamReply(number, f"{error.get('code')} {error.get('msg')}")
    return StreamReply(number, None) if "result" in message else None


def _whole(value: object) -> int:
    if type(value) is not int or not 0 <= value < _LARGEST:
        raise TypeError(f"{value!r:.40} is no whole number")
    return value


def _number(value: object) -> float:
    if isinstance(value, str):
        plain = value.isascii() and "_" not in value  # as JSON's numbers are, and not Python's
    else:
        plain = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not plain:
        raise TypeError(f"{value!r:.40} is no number")
    number = float(value)  # type: ignore[arg-type]  # a number or text, as was just seen
    if not math.isfinite(number):
        raise ValueError(f"{value!r:.40} is not finite")
    return number


def _rate(value: object) -> float:
    rate = _number(value)
    if abs(rate) > 1:
        raise ValueError(f"funding rate {rate} is more than the notional")
    return rate


def _price(value: object) -> float:
    price = _number(value)
    if not LEAST <= price <= MOST:
        raise ValueError(f"price {price} is none of a market")
    return price
