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
_NAME = re.compile(
    r"(?P<symbol>[a-z0-9]+)@(?P<kind>kline|bookTicker|aggTrade|trade|miniTicker|ticker|markPrice"
    r"|depth)(?:_(?P<timeframe>\w+))?(?P<levels>5|10|20)?(?:@(?P<pace>1s|\d+ms))?"
)


@dataclass(frozen=True, slots=True)
class ServedStream:
    """One stream that exists: what it shows now, and how often (exchange ms)."""

    category: Category
    name: str
    instrument: Instrument
    kind: str
    interval: int
    show: Callable[[int], dict[str, object] | None]
    timeframe: Timeframe | None = None  # of a kline stream


def open_stream(venue: MarketQuotes, category: Category, name: str) -> ServedStream | None:
    """The stream of that name on a connection of that category.

    None where there is none: Binance acknowledges a subscription to anything and then stays silent.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    kind = match["kind"]
    perpetual = category is not Category.SPOT
    if perpetual and _FUTURES_CATEGORY.get(kind) is not category:
        return None
    if (kind == "markPrice" and not perpetual) or (kind == "depth") != bool(match["levels"]):
        return None
    try:
        instrument = venue.instrument(match["symbol"].upper(), perpetual=perpetual)
        timeframe = None
        if kind == "kline":
            timeframe = venue.timeframe(instrument, match["timeframe"] or "")
        elif match["timeframe"]:
            return None
    except ExchangeError:
        return None
    screen = _Screen(venue, instrument)
    shows: dict[str, tuple[int, Callable[[int], dict[str, object] | None]]] = {
        "kline": (250 if perpetual else 2000, lambda now: screen.kline(timeframe, now)),
        "bookTicker": (100, screen.book_ticker),
        "aggTrade": (100, screen.aggregate_trade),
        "trade": (100, screen.trade),
        "miniTicker": (1000, screen.mini_ticker),
        "ticker": (1000, screen.ticker),
        "markPrice": (1000 if match["pace"] == "1s" else 3000, screen.mark_price),
        "depth": (_pace(match["pace"]), lambda now: screen.depth(int(match["levels"]), now)),
    }
    interval, show = shows[kind]
    return ServedStream(category, name, instrument, kind, interval, show, timeframe)


def _pace(text: str | None) -> int:
    return int(text.removesuffix("ms")) if text and text.endswith("ms") else 1000


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
        return {
            "e": "depthUpdate",
            "E": now,
            "T": now,
            "s": item.venue_symbol,
            "U": now,
            "u": now,
            "pu": now - 1,
            "b": bids,
            "a": asks,
            "ps": item.venue_symbol,
            "st": 1,
        }
