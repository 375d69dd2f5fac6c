"""The dialect of a venue: everything about its streams and REST API that is its own.

Another exchange's live feed is one module with a class of this protocol, and one line in
`core.market.venues.registry` that registers it. Connections, reconnection, watching for silence,
back-fill, order of candles and funding are the same for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from core.market.candles.timeframes import Timeframe
from core.market.history.exchange_api import ExchangeApi
from core.market.venues.clock import ServerClock
from core.market.venues.stream_messages import Message


@dataclass(frozen=True, slots=True)
class VenueStream:
    """A stream: `name` as messages carry it, and the `url` of the connections that can carry it."""

    url: str
    name: str


class VenueDialect(Protocol):
    """How one venue is spoken to. Symbols are ccxt unified names."""

    @property
    def name(self) -> str:
        """The venue's name, as ccxt has it, in candle journals, cache and messages."""
        ...

    @property
    def own_time(self) -> bool:
        """Whether its time may be any: an embedded exchange, and no venue in the world."""
        ...

    def candles(self, symbol: str, timeframe: Timeframe) -> VenueStream:
        """The stream of a market's candles (`Kline`)."""
        ...

    def quotes(self, symbol: str) -> VenueStream:
        """The stream of a market's best bid and ask (`BestPrices`)."""
        ...

    def mark_price(self, symbol: str) -> VenueStream:
        """The stream of a perpetual's mark price and funding rate (`MarkPrice`)."""
        ...

    def address(self, url: str, names: Sequence[str]) -> str:
        """Where to connect for these streams; `url` where they cannot be named at connection."""
        ...

    def names_in_address(self) -> bool:
        """Whether `address` subscribes to the streams, so that no request is needed for them."""
        ...

    def request(self, names: Sequence[str], number: int, *, subscribe: bool) -> str:
        """The message that subscribes to streams, or ends their subscription."""
        ...

    def keep_alive(self) -> str | None:
        """A message to send now and then, beside WebSocket pings; None where none is wanted."""
        ...

    def read(self, raw: str | bytes) -> Sequence[Message]:
        """What a message says; nothing where it is of no interest. Unknown keys are ignored.

        Raises:
            MalformedMessageError: it is not of the shape that the venue documents.
        """
        ...

    def api(self, clock: ServerClock) -> ExchangeApi:
        """The venue's public REST data; `clock` is set by it."""
        ...

    def probes(self) -> Sequence[tuple[str, VenueStream]]:
        """(what, a busy stream) of each kind of connection, to see whether they speak."""
        ...

    def time_addresses(self) -> Sequence[tuple[str, str, str]]:
        """(what, address, path) of what tells the venue's time, to see whether it answers."""
        ...

    def time_of(self, answer: object) -> int | None:
        """The venue's time (UTC ms) in the JSON of such an answer; None where it has none."""
        ...
