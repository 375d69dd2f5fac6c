"""Binance's dialect: stream names, requests, and its REST API through ccxt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from core.market.candles.timeframes import Timeframe
from core.market.history.exchange_api import Ask, ExchangeApi, UnknownMarketError
from core.market.public_session import public_session, verified
from core.market.symbols import is_perpetual, venue_symbol
from core.market.venues.addresses import is_loopback
from core.market.venues.binance.addresses import BINANCE, Channel, Venue
from core.market.venues.binance.messages import read_message
from core.market.venues.clock import ServerClock
from core.market.venues.dialect import VenueStream
from core.market.venues.stream_messages import Message


@dataclass(frozen=True, slots=True)
class BinanceDialect:
    """Binance at some addresses, spot and USDⓈ-M. See `VenueDialect`."""

    venue: Venue = BINANCE

    @classmethod
    def at(cls, addresses: Mapping[str, str]) -> BinanceDialect:
        """Binance with some addresses replaced, as a configuration file gives them.

        Raises:
            VenueError: if a key is no address of Binance, or a value no URL of its kind.
        """
        return cls(BINANCE.with_addresses(addresses))

    @property
    def name(self) -> str:
        """See `VenueDialect.name`."""
        return self.venue.name

    @property
    def own_time(self) -> bool:
        """See `VenueDialect.own_time`."""
        return self.venue.own_time

    def candles(self, symbol: str, timeframe: Timeframe) -> VenueStream:
        """See `VenueDialect.candles`."""
        return self._stream(symbol, Channel.FUTURES_MARKET, f"kline_{timeframe}")

    def quotes(self, symbol: str) -> VenueStream:
        """See `VenueDialect.quotes`."""
        return self._stream(symbol, Channel.FUTURES_PUBLIC, "bookTicker")

    def mark_price(self, symbol: str) -> VenueStream:
        """See `VenueDialect.mark_price`."""
        return self._stream(symbol, Channel.FUTURES_MARKET, "markPrice")

    def address(self, url: str, names: Sequence[str]) -> str:
        """See `VenueDialect.address`."""
        return f"{url}?streams={'/'.join(names)}" if names else url

    def names_in_address(self) -> bool:
        """See `VenueDialect.names_in_address`."""
        return True

    def request(self, names: Sequence[str], number: int, *, subscribe: bool) -> str:
        """See `VenueDialect.request`."""
        method = "SUBSCRIBE" if subscribe else "UNSUBSCRIBE"
        return orjson.dumps({"method": method, "params": names, "id": number}).decode()

    def keep_alive(self) -> str | None:
        """See `VenueDialect.keep_alive`."""
        return None

    def read(self, raw: str | bytes) -> Sequence[Message]:
        """See `VenueDialect.read`."""
        message = read_message(raw)
        return () if message is None else (message,)

    def api(self, clock: ServerClock) -> ExchangeApi:
        """See `VenueDialect.api`."""
        return binance_api(self.venue, clock)

    def probes(self) -> Sequence[tuple[str, VenueStream]]:
        """See `VenueDialect.probes`."""
        perpetual = "BTC/USDT:USDT"
        return (
            (f"{Channel.SPOT} stream", self.candles("BTC/USDT", Timeframe.M1)),
            (f"{Channel.FUTURES_PUBLIC} stream", self.quotes(perpetual)),
            (f"{Channel.FUTURES_MARKET} stream", self.candles(perpetual, Timeframe.M1)),
        )

    def time_addresses(self) -> Sequence[tuple[str, str, str]]:
        """See `VenueDialect.time_addresses`."""
        return (
            ("spot REST", self.venue.spot_rest, "/api/v3/time"),
            ("futures REST", self.venue.futures_rest, "/fapi/v1/time"),
        )

    def time_of(self, answer: object) -> int | None:
        """See `VenueDialect.time_of`."""
        time = answer.get("serverTime") if isinstance(answer, dict) else None
        return time if isinstance(time, int) else None

    def _stream(self, symbol: str, futures: Channel, topic: str) -> VenueStream:
        """A stream sent to the wrong kind of connection is acknowledged and silent."""
        channel = futures if is_perpetual(symbol) else Channel.SPOT
        return VenueStream(
            self.venue.stream_url(channel), f"{venue_symbol(symbol).lower()}@{topic}"
        )


class BinanceMarkets:
    """Loads one market alone: Binance's whole list takes a second to take in."""

    def __init__(self) -> None:
        self._perpetuals: dict[str, Any] | None = None

    def forget(self) -> None:
        """Ask anew the next time."""
        self._perpetuals = None

    async def load(self, client: Any, ask: Ask, symbol: str) -> Any:
        """A market as ccxt has it, or None where there is none of that name."""
        if is_perpetual(symbol):
            if self._perpetuals is None:
                answer = await ask(client.fapipublic_get_exchangeinfo)
                self._perpetuals = {row["symbol"]: row for row in _rows(answer)}
            raw = self._perpetuals.get(venue_symbol(symbol))
        else:
            try:
                wanted = {"symbol": venue_symbol(symbol)}
                answer = await ask(client.public_get_exchangeinfo, wanted)
            except UnknownMarketError:
                return None
            raw = next((row for row in _rows(answer) if row["symbol"] == wanted["symbol"]), None)
        return None if raw is None else client.parse_market(raw)


def _rows(answer: Any) -> list[dict[str, Any]]:
    """The markets in an answer of exchangeInfo.

    Raises:
        ValueError: it is none.
    """
    rows = answer.get("symbols") if isinstance(answer, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        found = type(answer).__name__ if not isinstance(answer, dict) else "an object without them"
        raise ValueError(f"expected the exchange's markets, found {found}")
    return [row for row in rows if isinstance(row.get("symbol"), str)]


def binance_api(venue: Venue, clock: ServerClock) -> ExchangeApi:
    """Public data of Binance, spot and USDⓈ-M, at the addresses of `venue`."""

    def make(ccxt: Any) -> Any:
        client = ccxt.binance(
            {
                "enableRateLimit": True,
                "options": {
                    "fetchCurrencies": False,
                    "fetchMargins": False,
                    # What fetch_markets would have put there; parse_market reads it.
                    "crossMarginPairsData": [],
                    "isolatedMarginPairsData": [],
                },
            }
        )
        client.session = public_session(
            proxies=not is_loopback(venue.spot_rest), certificates=client.cafile
        )
        client.ssl_context = verified(client.cafile)
        client.own_session = False
        for key, url in client.urls["api"].items():
            path = url.split("/", 3)[3]
            base = venue.futures_rest if key.startswith("fapi") else venue.spot_rest
            client.urls["api"][key] = f"{base}/{path}"
        return client

    return ExchangeApi(venue.name, make, clock, markets=BinanceMarkets())
