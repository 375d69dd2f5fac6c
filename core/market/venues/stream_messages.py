"""What the messages of market streams say, whatever the venue."""

from __future__ import annotations

from dataclasses import dataclass

from core.market.candles.candle import Candle


class MalformedMessageError(ValueError):
    """A message of a stream is not of the shape that the venue documents."""


@dataclass(frozen=True, slots=True)
class Kline:
    """A candle as it stands, or, when `closed`, as it is for good. `time`: of the event, UTC ms."""

    stream: str
    time: int
    candle: Candle
    closed: bool


@dataclass(frozen=True, slots=True)
class BestPrices:
    """Best bid and ask. `time` is None where the venue tells none; `update` only rises."""

    stream: str
    time: int | None
    update: int
    bid: float
    ask: float


@dataclass(frozen=True, slots=True)
class MarkPrice:
    """A perpetual's mark price, and the funding rate as it stands for `next_funding` (UTC ms)."""

    stream: str
    time: int
    mark: float
    rate: float | None
    next_funding: int


@dataclass(frozen=True, slots=True)
class Shutdown:
    """The server is about to close the connection."""


@dataclass(frozen=True, slots=True)
class StreamReply:
    """An answer to a request; `error` is None for an acknowledgement."""

    request: int | None
    error: str | None


StreamEvent = Kline | BestPrices | MarkPrice
Message = StreamEvent | Shutdown | StreamReply
