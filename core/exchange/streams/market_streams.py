"""The market streams: what each of them shows, and how often."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from core.exchange.errors import ExchangeError
from core.exchange.market.instruments import Instrument
from core.exchange.market.quotes import MarketQuotes
from core.exchange.rest.market_data import day_so_far
from core.exchange.rest.payloads import (
    exchange_number,
    kline_event,
    level_rows,
    on_steps,
    price_text,
    quantity_text,
)
from core.exchange.streams.connections import Category
from core.market.candles.timeframes import Timeframe

_SPOT_KINDS = frozenset(
    ("kline", "bookTicker", "aggTrade", "trade", "miniTicker", "ticker", "depth")
)
# Which category of a USDⓈ-M connection delivers a kind of stream; elsewhere it stays silent.
_FUTURES_CATEGORY = {
    "bookTicker": Category.PUBLIC,
    "depth": Category.PUBLIC,
    "kline": Category.MARKET,
    "aggTrade": Category.MARKET,
    "markPrice": Category.MARKET,
    "miniTicker": Category.MARKET,
    "ticker": Category.MARKET,
}
_PACES = {  # exchange ms, by kind and what the name says; absent from a name: the first
    ("depth", False): {"1000ms": 1000, "100ms": 100},
    ("depth", True): {"250ms": 250, "500ms": 500, "100ms": 100},
    ("markPrice", True): {"3s": 3000, "1s": 1000},
}
_NAME = re.compile(
    r"(?P<symbol>[a-z0-9]+)@(?P<kind>kline_(?P<timeframe>\w+)|bookTicker|aggTrade|trade|miniTicker"
    r"|ticker|markPrice|depth(?P<levels>5|10|20)?)(?:@(?P<pace>\w+))?"
)


@dataclass(frozen=True, slots=True)
class _StreamName:
    """What a stream's name says. `pace`: exchange ms between two messages, where it can be said."""

    symbol: str
    kind: str
    timeframe: str | None
    levels: int | None
    pace: int | None

    @classmethod
    def read(cls, name: str, *, perpetual: bool) -> _StreamName | None:
        """The name's parts; None where that market type has no such stream here."""
        match = _NAME.fullmatch(name)
        if match is None:
            return None
        kind = match["kind"].partition("_")[0].rstrip("0125")
        if kind not in (_FUTURES_CATEGORY if perpetual else _SPOT_KINDS):
            return None
        paces = _PACES.get((kind, perpetual), {})
        if match["pace"] is not None and match["pace"] not in paces:
            return None
        pace = paces[match["pace"]] if match["pace"] else next(iter(paces.values()), None)
        levels = int(match["levels"]) if match["levels"] else None
        return cls(match["symbol"].upper(), kind, match["timeframe"], levels, pace)


@dataclass(frozen=True, slots=True)
class ServedStream:
    """One stream that exists: what it shows now, and how often (exchange ms).

    `look` is called at every moment at which the exchange looks at its market. `final`: every
    message must arrive, since it says what changed after the one before.
    """

    category: Category
    name: str
    instrument: Instrument
    interval: int
    show: Callable[[int], dict[str, object] | None]
    timeframe: Timeframe | None = None  # of a kline stream
    look: Callable[[int], None] | None = None
    final: bool = False


def unserved(venue: MarketQuotes, category: Category, name: str) -> str | None:
    """Why this exchange can never serve a stream to a connection of that category.

    None for a stream that is served, for one that only another category carries, and for one of a
    market that is not there: to both of them Binance agrees and stays silent.
    """
    perpetual = category is not Category.SPOT
    parts = _StreamName.read(name, perpetual=perpetual)
    if parts is None:
        return f"stream {name[:60]!r} is not served here"
    if category is Category.UNROUTED and _FUTURES_CATEGORY[parts.kind] is not Category.PUBLIC:
        kind = _FUTURES_CATEGORY[parts.kind].value
        return f"stream {name[:60]!r} is carried below /{kind} alone"
    market = (venue.perpetuals if perpetual else venue.spot).get(parts.symbol)
    if market is not None and parts.timeframe is not None:
        try:
            venue.timeframe(market, parts.timeframe)
        except ExchangeError:
            return f"stream {name[:60]!r} is not served here: there are no such candles"
    return None


def open_stream(
    venue: MarketQuotes, category: Category, name: str, now: int
) -> ServedStream | None:
    """The stream of that name on a connection of that category; `now`: it begins to be shown.

    None where there is none: such a one stays silent (see `unserved`).
    """
    perpetual = category is not Category.SPOT
    parts = _StreamName.read(name, perpetual=perpetual)
    if parts is None:
        return None
    carrier = Category.PUBLIC if category is Category.UNROUTED else category
    if perpetual and _FUTURES_CATEGORY[parts.kind] is not carrier:
        return None
    try:
        instrument = venue.instrument(parts.symbol, perpetual=perpetual)
        timeframe = (
            None if parts.timeframe is None else venue.timeframe(instrument, parts.timeframe)
        )
    except ExchangeError:
        return None
    screen = _Screen(venue, instrument)
    if parts.kind == "depth" and parts.levels is None:
        book = _BookChanges(venue, instrument, now)
        return ServedStream(
            category, name, instrument, parts.pace or 1000, book.show, look=book.look, final=True
        )
    shows: dict[str, tuple[int, Callable[[int], dict[str, object] | None]]] = {
        "kline": (250 if perpetual else 2000, lambda now: screen.kline(timeframe, now)),
        "bookTicker": (100, screen.book_ticker),
        "aggTrade": (100, screen.aggregate_trade),
        "trade": (100, screen.trade),
        "miniTicker": (1000, screen.mini_ticker),
        "ticker": (1000, screen.ticker),
        "markPrice": (parts.pace or 3000, screen.mark_price),
        "depth": (parts.pace or 1000, lambda now: screen.depth(parts.levels or 0, now)),
    }
    interval, show = shows[parts.kind]
    return ServedStream(category, name, instrument, interval, show, timeframe)


class _Screen:
    """One instrument as the streams show it."""

    def __init__(self, venue: MarketQuotes, instrument: Instrument) -> None:
        self._venue = venue
        self._instrument = instrument

    def kline(self, timeframe: Timeframe | None, now: int) -> dict[str, object] | None:
        if timeframe is None:
            return None
        forming = self._venue.replay.forming(self._instrument.symbol, timeframe, now)
        if forming is None:
            return None
        candle = on_steps(self._instrument, forming)
        return kline_event(self._instrument, timeframe, candle, now, closed=False)

    def book_ticker(self, now: int) -> dict[str, object]:
        item = self._instrument
        bid, ask = self._venue.best(item, now)
        quote: dict[str, object] = {
            "u": now,
            "s": item.venue_symbol,
            "b": price_text(item, bid.price),
            "B": quantity_text(item, bid.quantity),
            "a": price_text(item, ask.price),
            "A": quantity_text(item, ask.quantity),
        }
        if item.perpetual:
            quote |= {"e": "bookTicker", "E": now, "T": now, "ps": item.venue_symbol, "st": 1}
        return quote

    def aggregate_trade(self, now: int) -> dict[str, object]:
        count = now // 100
        trade = self.trade(now) | {"e": "aggTrade", "a": count, "f": count, "l": count}
        del trade["t"]
        if self._instrument.perpetual:
            del trade["M"]
            trade |= {"nq": trade["q"], "st": 1}
        return trade

    def trade(self, now: int) -> dict[str, object]:
        item = self._instrument
        bid, ask = self._venue.best(item, now)
        return {
            "e": "trade",
            "E": now,
            "s": item.venue_symbol,
            "t": now // 100,
            "p": price_text(item, self._venue.last(item, now)),
            "q": quantity_text(item, min(bid.quantity, ask.quantity)),
            "T": now,
            "m": bid.quantity < ask.quantity,
            "M": True,
        }

    def mini_ticker(self, now: int) -> dict[str, object]:
        item = self._instrument
        day = day_so_far(self._venue, item, now)
        return {
            "e": "24hrMiniTicker",
            "E": now,
            "s": item.venue_symbol,
            "c": price_text(item, day.close),
            "o": price_text(item, day.open),
            "h": price_text(item, day.high),
            "l": price_text(item, day.low),
            "v": exchange_number(round(day.volume, 8)),
            "q": f"{day.volume * day.close:.8f}",
        }

    def ticker(self, now: int) -> dict[str, object]:
        item = self._instrument
        mini = self.mini_ticker(now)
        day = day_so_far(self._venue, item, now)
        bid, ask = self._venue.best(item, now)
        return mini | {
            "e": "24hrTicker",
            "p": price_text(item, day.close - day.open),
            "P": f"{(day.close / day.open - 1) * 100:.3f}",
            "w": price_text(item, (day.open + day.high + day.low + day.close) / 4),
            "Q": quantity_text(item, bid.quantity),
            "b": price_text(item, bid.price),
            "B": quantity_text(item, bid.quantity),
            "a": price_text(item, ask.price),
            "A": quantity_text(item, ask.quantity),
            "O": day.time,
            "C": now,
            "F": day.time // 100,
            "L": now // 100,
            "n": (now - day.time) // 100,
        }

    def mark_price(self, now: int) -> dict[str, object]:
        item = self._instrument
        mark = price_text(item, self._venue.mark(item, now))
        return {
            "e": "markPriceUpdate",
            "E": now,
            "s": item.venue_symbol,
            "p": mark,
            "ap": mark,
            "i": price_text(item, self._venue.index(item, now)),
            "P": price_text(item, self._venue.index(item, now)),
            "r": f"{self._venue.funding_rate(item, now):.8f}",
            "T": self._venue.next_funding(now),
            "st": 1,
        }

    def depth(self, levels: int, now: int) -> dict[str, object]:
        item = self._instrument
        book = self._venue.book(item, now, levels)
        bids, asks = level_rows(item, book.bids), level_rows(item, book.asks)
        if not item.perpetual:
            return {"lastUpdateId": now, "bids": bids, "asks": asks}
        return _depth_update(item, bids, asks, first=now, last=now, previous=now - 1)


class _BookChanges:
    """What changes in the order book, as `@depth` tells it.

    A copy that starts from GET depth and applies every message is the book, whichever moment at
    which the exchange looked at its market the copy is of: so what was there at any of them is
    told, if only as gone.
    """

    def __init__(self, venue: MarketQuotes, instrument: Instrument, now: int) -> None:
        self._venue = venue
        self._instrument = instrument
        self._levels = self._book(now)
        self._changed: set[tuple[bool, str]] = set()
        self._told = now - 1

    def look(self, now: int) -> None:
        """Note what is not as it was at the last look."""
        before, self._levels = self._levels, self._book(now)
        self._changed |= {key for key, _ in before.items() ^ self._levels.items()}

    def show(self, now: int) -> dict[str, object]:
        """What has changed since the last message, to be added to a copy of the book."""
        item = self._instrument
        sides: dict[bool, list[list[str]]] = {True: [], False: []}
        gone = quantity_text(item, 0.0)
        for bid, price in sorted(self._changed, key=lambda key: float(key[1])):
            sides[bid].append([price, self._levels.get((bid, price), gone)])
        self._changed.clear()
        first, previous, self._told = self._told + 1, self._told, now
        bids, asks = sides[True][::-1], sides[False]
        if item.perpetual:
            return _depth_update(item, bids, asks, first=first, last=now, previous=previous)
        return {
            "e": "depthUpdate",
            "E": now,
            "s": item.venue_symbol,
            "U": first,
            "u": now,
            "b": bids,
            "a": asks,
        }

    def _book(self, now: int) -> dict[tuple[bool, str], str]:
        """The quantities by whether it is a bid, and price; none before the first candle."""
        if self._venue.replay.price(self._instrument.symbol, now) is None:
            return {}
        book = self._venue.book(self._instrument, now)
        return {
            (bid, price): quantity
            for bid, levels in ((True, book.bids), (False, book.asks))
            for price, quantity in level_rows(self._instrument, levels)
        }


def _depth_update(
    item: Instrument,
    bids: list[list[str]],
    asks: list[list[str]],
    *,
    first: int,
    last: int,
    previous: int,
) -> dict[str, object]:
    """A depth event of USDⓈ-M; the numbers are those of updates to the book."""
    return {
        "e": "depthUpdate",
        "E": last,
        "T": last,
        "s": item.venue_symbol,
        "U": first,
        "u": last,
        "pu": previous,
        "b": bids,
        "a": asks,
        "ps": item.venue_symbol,
        "st": 1,
    }
