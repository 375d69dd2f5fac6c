"""Derives what the exchange quotes right now: prices, marks, funding, the order book."""

from __future__ import annotations

from dataclasses import dataclass

from core.exchange.errors import ExchangeError, bad_symbol
from core.exchange.market.clock import ExchangeClock
from core.exchange.market.instruments import Instrument
from core.exchange.market.market_replay import Market, MarketReplay, served
from core.market.candles.timeframes import HOUR, Timeframe

FUNDING_INTERVAL = 8 * HOUR
_INTEREST = 0.0001  # per interval, where perpetual and index agree
HALF_SPREAD = 0.000005  # of the price: in a liquid market hardly more than a tick
_DEPTH_NOTIONAL = 40_000  # quote currency on the best level, growing with distance
_BOOK_LEVELS = 200  # on a side


@dataclass(frozen=True, slots=True)
class BookLevel:
    """One level of the order book."""

    price: float
    quantity: float


@dataclass(frozen=True, slots=True)
class Book:
    """The order book, best levels first. Never empty on either side while the market trades."""

    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]


class MarketQuotes:
    """The exchange's own view of its markets: names, quotes, marks, all derived from the replay.

    The order book is synthetic: levels around the last price whose quantities depend on nothing but
    the price and the second, so the same moment always shows the same book. `half_spread`: how far
    its best levels lie from the last price, as a fraction of that. `looked` is when the exchange
    last looked at its market (UTC ms): GET depth and the depth streams show the same books.
    """

    def __init__(
        self, market: Market, clock: ExchangeClock, half_spread: float = HALF_SPREAD
    ) -> None:
        self.market = market
        self.clock = clock
        self._half_spread = half_spread
        self.looked = clock.now()
        self.replay = MarketReplay(market)
        self.spot = {item.venue_symbol: item for item in market.instruments if not item.perpetual}
        self.perpetuals = {item.venue_symbol: item for item in market.instruments if item.perpetual}

    def instrument(self, name: str, *, perpetual: bool) -> Instrument:
        """The market with Binance's name `name`.

        Raises:
            ExchangeError: -1121 where there is none.
        """
        found = (self.perpetuals if perpetual else self.spot).get(name)
        if found is None:
            raise bad_symbol()
        return found

    def instrument_of(self, symbol: str) -> Instrument:
        """The market with a unified symbol that the market is known to have."""
        return next(item for item in self.market.instruments if item.symbol == symbol)

    def timeframe(self, instrument: Instrument, name: str) -> Timeframe:
        """A timeframe of which this market has candles; -1120 for any other."""
        try:
            timeframe = Timeframe(name)
        except ValueError:
            raise ExchangeError(-1120, "Invalid interval.") from None
        if not served(self.market, instrument.symbol, timeframe):
            raise ExchangeError(-1120, "Invalid interval.")
        return timeframe

    def trading(self, instrument: Instrument) -> bool:
        """Whether the instrument trades now."""
        return self.replay.trading(instrument.symbol, self.clock.now())

    def last(self, instrument: Instrument, now: int) -> float:
        """The last price, on the price step.

        Raises:
            ExchangeError: -1013 before the market's first candle.
        """
        price = self.replay.price(instrument.symbol, now)
        if price is None:
            raise ExchangeError(-1013, "Market is closed.")
        return round(price, instrument.price_digits)

    def best(self, instrument: Instrument, now: int) -> tuple[BookLevel, BookLevel]:
        """Best bid and best ask."""
        book = self.book(instrument, now, 1)
        return book.bids[0], book.asks[0]

    def book(self, instrument: Instrument, now: int, levels: int = _BOOK_LEVELS) -> Book:
        """The order book at `now`, at most `levels` deep: it never has more than 200 on a side."""
        tick = float(instrument.tick_size)
        last = self.last(instrument, now)
        half = max(1, round(last * self._half_spread / tick))
        middle = round(last / tick)
        bids, asks = [], []
        for depth in range(min(levels, _BOOK_LEVELS)):
            distance = half + depth * max(1, half // 2)
            if middle > distance:
                bids.append(self._level(instrument, middle - distance, depth, now))
            asks.append(self._level(instrument, middle + distance, depth, now))
        if not bids:
            bids.append(self._level(instrument, 1, 0, now))
        return Book(tuple(bids), tuple(asks))

    def _level(self, instrument: Instrument, ticks: int, depth: int, now: int) -> BookLevel:
        price = round(ticks * float(instrument.tick_size), instrument.price_digits)
        mixed = (ticks * 2654435761 + now // 1000 * 40503) & 0xFFFF
        notional = _DEPTH_NOTIONAL * (0.3 + mixed / 0x10000) * (1 + depth / 4)
        step = float(instrument.lot_step)
        quantity = round(max(1, round(notional / price / step)) * step, instrument.quantity_digits)
        return BookLevel(price, quantity)

    def index(self, instrument: Instrument, now: int) -> float:
        """The index price of a perpetual: its spot market's where that has one, else its own."""
        spot = self.spot.get(instrument.venue_symbol)
        known = spot is not None and self.replay.price(spot.symbol, now) is not None
        return self.last(spot if spot is not None and known else instrument, now)

    def mark(self, instrument: Instrument, now: int) -> float:
        """The mark price: between index and last price, on the price step."""
        middle = (self.index(instrument, now) + self.last(instrument, now)) / 2
        return round(middle, instrument.price_digits)

    def funding_rate(self, instrument: Instrument, now: int) -> float:
        """What longs pay for an interval settled at `now`, as a fraction of notional."""
        index = self.index(instrument, now)
        premium = self.last(instrument, now) / index - 1
        rate = _INTEREST + 0.3 * premium
        return round(min(0.003, max(-0.003, rate)), 8)

    def next_funding(self, now: int) -> int:
        """When funding is settled next."""
        return now - now % FUNDING_INTERVAL + FUNDING_INTERVAL
