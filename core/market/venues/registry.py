"""The venues whose market streams are spoken, by name, and any exchange's public data.

A new venue is a module with its `VenueDialect` and one line in `VENUES`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from core.market.history.exchange_api import ExchangeApi, exchange_api
from core.market.venues.binance.addresses import embedded
from core.market.venues.binance.dialect import BinanceDialect
from core.market.venues.clock import ServerClock
from core.market.venues.dialect import VenueDialect

DEFAULT_VENUE = "binance"
"""The venue where none is named; the addresses of a configuration file are its own."""

DialectMaker = Callable[[Mapping[str, str]], VenueDialect]
"""Makes a venue's dialect, with some of its addresses replaced; may raise `VenueError`."""

VENUES: dict[str, DialectMaker] = {
    DEFAULT_VENUE: BinanceDialect.at,
}


def venue_dialect(
    name: str = DEFAULT_VENUE, addresses: Mapping[str, str] | None = None
) -> VenueDialect:
    """The dialect of a venue. `addresses` replace the default venue's, and no other's.

    Raises:
        KeyError: if it has none (see `VENUES`).
        VenueError: if an address is not one.
    """
    return VENUES[name]((addresses or {}) if name == DEFAULT_VENUE else {})


def embedded_dialect(spot_url: str, futures_url: str) -> VenueDialect:
    """The dialect of an embedded exchange, by the addresses of its spot and of its USDⓈ-M."""
    return BinanceDialect(embedded(spot_url, futures_url))


def public_api(exchange: str | None, addresses: Mapping[str, str] | None = None) -> ExchangeApi:
    """The public data of an exchange, by its ccxt name (None: of the default venue).

    Raises:
        VenueError: if an address is not one.
    """
    name = exchange or DEFAULT_VENUE
    if name in VENUES:
        return venue_dialect(name, addresses).api(ServerClock())
    return exchange_api(name, ServerClock())
