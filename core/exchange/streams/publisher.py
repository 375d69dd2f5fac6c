"""Publishes candles, quotes and prices to the streams as the exchange's time passes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import orjson

from core.exchange.faults import FaultKind, Faults
from core.exchange.market.quotes import MarketQuotes
from core.exchange.rest.payloads import kline_event
from core.exchange.streams.connections import Audience, Category, Message, Wire
from core.exchange.streams.market_streams import ServedStream, open_stream
from core.market.candles.candles import Candle
from core.market.candles.timeframes import Timeframe

_TICK = 250  # real ms between two looks at the market
_SHORTEST_TICK = 5  # real ms, however fast the exchange's time runs


class _Close(NamedTuple):
    """A candle that closed at `moment` (UTC ms)."""

    moment: int
    stream: ServedStream
    timeframe: Timeframe
    candle: Candle


class Publisher:
    """Sends, moment by moment, the candles that closed and then what moves.

    A closed candle is sent once on each stream, in order of closing over all streams, and right
    when it closes; a moment may cover several closes when time runs fast. Moving data (forming
    candles, quotes) comes at the stream's own interval of exchange time, but not more often than
    every 250 ms of real time. `before` is called with each moment passed, first of all: orders are
    matched there.
    """

    def __init__(
        self,
        venue: MarketQuotes,
        audience: Audience,
        faults: Faults,
        before: Callable[[int, int], None],
    ) -> None:
        self._venue = venue
        self._audience = audience
        self._faults = faults
        self._wire = Wire(audience, faults)
        self._before = before
        self._open: dict[tuple[Category, str], ServedStream | None] = {}
        self._shown: dict[tuple[Category, str], int] = {}

    async def run(self) -> None:
        """Publish until cancelled."""
        clock = self._venue.clock
        done = self._venue.looked = clock.now()
        while True:
            await clock.until(self._next(done))
            now = clock.now()
            self._before(done, now)
            self._venue.looked = now
            self.publish(done, now)
            done = now

    def _next(self, done: int) -> int:
        """When to look at the market again: at the next awaited close of a candle, or tick."""
        speed = self._venue.clock.speed
        closes = [
            stream.timeframe.next_open(done)
            for stream in self._streams(done)
            if stream.timeframe is not None
        ]
        soonest = done + max(1, int(_SHORTEST_TICK * speed))
        return max(soonest, min([done + max(1, int(_TICK * speed)), *closes]))

    def publish(self, done: int, now: int) -> None:
        """Send what happened in (done, now]."""
        self._wire.deliver_late(now)
        closing: list[_Close] = []
        moving: list[ServedStream] = []
        for stream in self._streams(done):
            if stream.look is not None and self._trades(stream, now):
                stream.look(now)
            closed = self._closed(stream, done, now)
            closing += closed
            key = (stream.category, stream.name)
            if closed or now - self._shown.get(key, 0) >= stream.interval:
                self._shown[key] = now
                if self._trades(stream, now):
                    moving.append(stream)
        closing.sort(key=lambda close: close.moment)
        for close in closing:
            self._close(close, now)
        for stream in moving:
            shown = stream.show(now)
            if shown is not None:
                self._tell(stream, shown, now, final=stream.final)

    def _trades(self, stream: ServedStream, now: int) -> bool:
        return self._venue.replay.trading(stream.instrument.symbol, now)

    def _closed(self, stream: ServedStream, done: int, now: int) -> list[_Close]:
        timeframe = stream.timeframe
        if timeframe is None or timeframe.floor(now) <= done:
            return []
        first = done - timeframe.ms + 1
        candles = self._venue.replay.closed(
            stream.instrument.symbol, timeframe, first, now - timeframe.ms + 1
        )
        return [_Close(candle.time + timeframe.ms, stream, timeframe, candle) for candle in candles]

    def _close(self, closed: _Close, now: int) -> None:
        """Send a closed candle, unless a fault says that there is none, or that it was another."""
        moment, stream, timeframe, candle = closed
        instrument = stream.instrument
        edit = partial(self._venue.replay.edit, instrument.symbol, timeframe, candle.time)
        if self._faults.strikes(FaultKind.MISSING_CANDLE, stream.name):
            edit(None)
            return
        self._tell(
            stream, kline_event(instrument, timeframe, candle, moment, closed=True), now, final=True
        )
        revision = self._faults.strikes(FaultKind.REVISED_CANDLE, stream.name)
        if revision is not None:
            close = candle.close * (1 + revision.amount / 10_000)
            close = round(close, instrument.price_digits)
            revised = candle._replace(
                close=close, high=max(candle.high, close), low=min(candle.low, close)
            )
            edit(revised)
            event = kline_event(instrument, timeframe, revised, moment, closed=True)
            self._tell(stream, event, now, final=True)

    def _tell(
        self, stream: ServedStream, event: dict[str, object], now: int, *, final: bool
    ) -> None:
        text = orjson.dumps(event).decode()
        self._wire.send(Message(stream.category, stream.name, text, final), now)

    def _streams(self, done: int) -> list[ServedStream]:
        """The streams that exist and that someone listens to; new ones begin at `done`."""
        wanted = self._audience.streams()
        # What nobody listens to begins anew: what it would show of the time between is lost.
        self._open = {
            key: self._open[key] if key in self._open else open_stream(self._venue, *key, done)
            for key in wanted
        }
        return [stream for stream in self._open.values() if stream is not None]
