"""The addresses of Binance and of exchanges that speak as it does.

Addresses are configuration: sources disagree on some, and an embedded exchange has its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from core.market.venues.addresses import VenueError


class Channel(StrEnum):
    """The kinds of stream connection; a stream sent to the wrong one is acknowledged and silent."""

    SPOT = "spot"
    FUTURES_PUBLIC = "futures public"  # bookTicker, depth
    FUTURES_MARKET = "futures market"  # kline, markPrice, aggTrade


@dataclass(frozen=True, slots=True)
class Venue:
    """Addresses without a trailing slash, to be followed by Binance's own paths.

    `own_time`: its time may be any, as that of an embedded exchange is.
    """

    name: str
    spot_rest: str
    futures_rest: str
    spot_stream: str
    futures_public_stream: str
    futures_market_stream: str
    own_time: bool = False

    def with_addresses(self, addresses: Mapping[str, str]) -> Venue:
        """This venue with some addresses replaced, as a configuration file gives them.

        Raises:
            VenueError: if a key is no address of a venue, or a value no URL of its kind.
        """
        known = {field.name for field in fields(self)} - {"name", "own_time"}
        for key, address in addresses.items():
            if key not in known:
                raise VenueError(
                    f"venue address {key!r} is not known: use {', '.join(sorted(known))}"
                )
            schemes = ("https", "http") if key.endswith("rest") else ("wss", "ws")
            parts = urlsplit(address)
            if parts.scheme not in schemes or not parts.hostname or parts.query:
                raise VenueError(f"{key} {address!r} is no address: write {schemes[0]}://HOST")
        changed: dict[str, Any] = {key: value.rstrip("/") for key, value in addresses.items()}
        return replace(self, **changed)

    def stream_url(self, channel: Channel) -> str:
        """The address of combined streams on a channel."""
        base = {
            Channel.SPOT: self.spot_stream,
            Channel.FUTURES_PUBLIC: self.futures_public_stream,
            Channel.FUTURES_MARKET: self.futures_market_stream,
        }[channel]
        return f"{base}/stream"


BINANCE = Venue(
    name="binance",
    spot_rest="https://api.binance.com",
    futures_rest="https://fapi.binance.com",
    spot_stream="wss://stream.binance.com:9443",
    futures_public_stream="wss://fstream.binance.com/public",
    futures_market_stream="wss://fstream.binance.com/market",
)


def embedded(spot_url: str, futures_url: str) -> Venue:
    """The venue of an embedded exchange that answers at two addresses (`http://127.0.0.1:PORT`)."""
    spot, futures = spot_url.rstrip("/"), futures_url.rstrip("/")
    futures_stream = "ws" + futures.removeprefix("http")
    return Venue(
        name="embedded",
        spot_rest=spot,
        futures_rest=futures,
        spot_stream="ws" + spot.removeprefix("http"),
        futures_public_stream=f"{futures_stream}/public",
        futures_market_stream=f"{futures_stream}/market",
        own_time=True,
    )
