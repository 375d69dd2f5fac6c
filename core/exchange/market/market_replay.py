"""Shows a market as it stands at a moment: its price, closed candles and the forming one."""

from __future__ import annotations

import math
import zlib
from typing import Protocol

import numpy as np

from core.exchange.market.instruments import Instrument
from core.market.candles.candles import Candle, Candles, Floats
from core.market.candles.timeframes import Timeframe

_GOLDEN = 0.6180339887498949


def price_path(candle: Candle, points: int, key: int) -> Floats:
    """A price path of `points` + 1 values, evenly spaced in time, from the open to the close.

    It starts at the open, ends at the close, touches both high and low and never leaves them: low
    first in a rising candle, high first in a falling one. The same candle and `key` (an
    instrument's number) always give the same path.
    """
    low_first = candle.close >= candle.open
    first, second = (candle.low, candle.high) if low_first else (candle.high, candle.low)
    turns = (
        0,
        round(points * (0.15 + 0.3 * _fraction(candle.time, key, 1))),
        round(points * (0.55 + 0.3 * _fraction(candle.time, key, 2))),
        points,
    )
    prices = (candle.open, first, second, candle.close)
    position = np.arange(points + 1, dtype=np.float64)
    path = np.interp(position, turns, prices)
    # A wobble that dies out at every turn, so that the turns themselves stay exact.
    leg = np.interp(position, turns, (0.0, 1.0, 2.0, 3.0))
    phase = 2 * math.pi * _fraction(candle.time, key, 3)
    wobble = np.sin(math.pi * leg) * (
        np.sin(9.3 * math.pi * leg + phase) + 0.6 * np.sin(23.7 * math.pi * leg + 2 * phase)
    )
    path += wobble * (candle.high - candle.low) * 0.09
    np.clip(path, candle.low, candle.high, out=path)
    for turn, price in zip(turns, prices, strict=True):
        path[turn] = price
    return path


def path_points(length: int) -> int:
    """How many points describe a candle of `length` ms: one in 5 s, 60 at least, 720 at most."""
    return min(720, max(60, length // 5000))


def _fraction(time: int, key: int, which: int) -> float:
    """A number in [0, 1) that looks random and depends on nothing but the arguments."""
    mixed = (time // 1000 * 2654435761 + key * 40503 + which * 97) & 0xFFFFFFFF
    mixed ^= mixed >> 15
    return (mixed * _GOLDEN) % 1.0


class Market(Protocol):
    """Candles past and future of every instrument: what the exchange will let happen.

    Whoever asks has to know what time it is: a market answers for any time.
    """

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """Everything that is traded."""
        ...

    def finest(self, symbol: str) -> Timeframe:
        """The timeframe that the others are aggregated from; finer ones are not to be had."""
        ...

    def candles(self, symbol: str, timeframe: Timeframe, start: int, stop: int) -> Candles:
        """Complete candles that open at or after `start` and before `stop` (UTC ms)."""
        ...

    def span(self, symbol: str) -> tuple[int, int]:
        """When the first candle opens and the last one has closed (UTC ms)."""
        ...


def served(market: Market, symbol: str, timeframe: Timeframe) -> bool:
    """Whether candles of `timeframe` can be made from the market's finest ones."""
    return timeframe.ms % market.finest(symbol).ms == 0


def aggregate(candles: Candles, timeframe: Timeframe) -> Candles:
    """Finer candles joined into those of `timeframe`; what a gap has left of one still counts."""
    if len(candles) == 0:
        return candles
    origin = timeframe.floor(0)
    opens = candles.time - (candles.time - origin) % timeframe.ms
    starts = np.concatenate(([0], np.flatnonzero(np.diff(opens)) + 1))
    ends = np.concatenate((starts[1:], [len(opens)])) - 1
    return Candles(
        opens[starts],
        candles.open[starts],
        np.maximum.reduceat(candles.high, starts),
        np.minimum.reduceat(candles.low, starts),
        candles.close[ends],
        np.asarray(np.round(np.add.reduceat(candles.volume, starts), 8), dtype=np.float64),
    )


class MarketReplay:
    """The market seen at a moment. Only this class decides what of it is past.

    `edit` changes single closed candles, for faults: a candle that is missing (None) or revised.
    """

    def __init__(self, market: Market) -> None:
        self.market = market
        self._paths: dict[str, tuple[Candle, Floats, Floats, Floats]] = {}
        self._edits: dict[tuple[str, Timeframe], dict[int, Candle | None]] = {}
        self._delisted: dict[str, int] = {}
        self._halts: dict[str, list[tuple[int, int]]] = {}

    def end(self, symbol: str) -> int:
        """When the instrument stops trading (UTC ms): no candle closes after it."""
        end = self.market.span(symbol)[1]
        return min(end, self._delisted.get(symbol, end))

    def trading(self, symbol: str, time: int) -> bool:
        """Whether the instrument trades at `time`: after its first candle and before its end."""
        return self.market.span(symbol)[0] <= time < self.end(symbol)

    def delist(self, symbol: str, time: int) -> None:
        """Let the instrument's market stop at `time`."""
        self._delisted[symbol] = time

    def relist(self, symbol: str, time: int) -> None:
        """Let a market that has stopped trade again; what would have closed meanwhile never was."""
        stopped = self._delisted.pop(symbol, None)
        if stopped is not None:
            self._halts.setdefault(symbol, []).append((stopped, time))

    def edit(self, symbol: str, timeframe: Timeframe, time: int, shown: Candle | None) -> None:
        """From now on show `shown` in place of the candle that opens at `time`; None: no candle."""
        self._edits.setdefault((symbol, timeframe), {})[time] = shown

    def closed(self, symbol: str, timeframe: Timeframe, start: int, stop: int) -> Candles:
        """Candles opening in [start, stop), as shown; the caller keeps `stop` in the past.

        A candle that the market's end cut short never closes.
        """
        last = self.end(symbol) - timeframe.ms
        found = self.market.candles(symbol, timeframe, start, min(stop, last + 1))
        edits = self._edits.get((symbol, timeframe), {})
        halts = self._halts.get(symbol, ())
        if not edits and not halts:
            return found
        shown = (
            edits.get(candle.time, candle)
            for candle in found
            if not any(start < candle.time + timeframe.ms <= end for start, end in halts)
        )
        return Candles.of(candle for candle in shown if candle is not None)

    def latest(self, symbol: str, timeframe: Timeframe, now: int, limit: int) -> Candles:
        """The newest `limit` candles that have closed by `now`."""
        stop = timeframe.floor(min(now, self.end(symbol)))
        found = self.closed(symbol, timeframe, stop - limit * timeframe.ms, stop)
        return found.slice(-limit) if limit else found

    def price(self, symbol: str, now: int) -> float | None:
        """The last price, or None before the first candle."""
        step = self.market.finest(symbol)
        moment = min(now, self.end(symbol) - 1)
        candle = self._at(symbol, step, step.floor(moment))
        if candle is None:
            return self._last_close(symbol, step, moment)
        if moment < now:
            return candle.close
        path, _, _ = self._path(symbol, candle, step)
        return _on(path, (now - candle.time) / step.ms)

    def forming(self, symbol: str, timeframe: Timeframe, now: int) -> Candle | None:
        """The candle of `timeframe` as it stands at `now`; None where nothing has traded in it."""
        if not self.trading(symbol, now):
            return None
        step = self.market.finest(symbol)
        start = timeframe.floor(now)
        done = self.market.candles(symbol, step, start, step.floor(now))
        current = self._at(symbol, step, step.floor(now))
        parts = list(aggregate(done, timeframe))
        if current is not None:
            share = (now - current.time) / step.ms
            path, highs, lows = self._path(symbol, current, step)
            price = _on(path, share)
            reached = int(share * (len(path) - 1))
            parts.append(
                Candle(
                    start,
                    current.open,
                    max(float(highs[reached]), price),
                    min(float(lows[reached]), price),
                    price,
                    current.volume * share,
                )
            )
        if not parts:
            return None
        return Candle(
            start,
            parts[0].open,
            max(part.high for part in parts),
            min(part.low for part in parts),
            parts[-1].close,
            sum(part.volume for part in parts),
        )

    def touch(self, symbol: str, start: int, stop: int, price: float, *, below: bool) -> int | None:
        """When the price first was at or below (else above) `price` in (start, stop], if ever."""
        step = self.market.finest(symbol)
        stop = min(stop, self.end(symbol) - 1)
        for candle in self.market.candles(symbol, step, step.floor(start), stop + 1):
            if candle.low > price if below else candle.high < price:
                continue
            path, _, _ = self._path(symbol, candle, step)
            length = len(path) - 1
            first = max(0, math.ceil((start + 1 - candle.time) * length / step.ms))
            reached = path[first:] <= price if below else path[first:] >= price
            found = np.flatnonzero(reached)
            if len(found):
                when = candle.time + math.ceil((first + int(found[0])) * step.ms / length)
                if when <= stop:
                    return max(when, start + 1)
        return None

    def _at(self, symbol: str, step: Timeframe, time: int) -> Candle | None:
        held = self._paths.get(symbol)
        if held is not None and held[0].time == time:
            return held[0]
        found = self.market.candles(symbol, step, time, time + 1)
        return found.at(0) if len(found) else None

    def _last_close(self, symbol: str, step: Timeframe, moment: int) -> float | None:
        first = self.market.span(symbol)[0]
        reach = step.ms
        while moment > first:
            reach *= 16
            found = self.market.candles(symbol, step, moment - reach, moment)
            if len(found):
                return float(found.close[-1])
            if moment - reach <= first:
                break
        return None

    def _path(self, symbol: str, candle: Candle, step: Timeframe) -> tuple[Floats, Floats, Floats]:
        """A candle's path with its running highs and lows; the newest of each symbol is kept."""
        held = self._paths.get(symbol)
        if held is None or held[0] != candle:
            path = price_path(candle, path_points(step.ms), zlib.crc32(symbol.encode()))
            held = (candle, path, np.maximum.accumulate(path), np.minimum.accumulate(path))
            self._paths[symbol] = held
        return held[1], held[2], held[3]


def _on(path: Floats, share: float) -> float:
    """The path's price when `share` (0 to 1) of its candle's time has passed."""
    position = share * (len(path) - 1)
    index = min(int(position), len(path) - 2)
    rest = position - index
    return float(path[index] * (1 - rest) + path[index + 1] * rest)
