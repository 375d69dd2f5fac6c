"""Makes a market from a seed, for the demo and the tests: like a real one, and as hard to foretell.

Each part is a pure function of (seed, symbol, time), so that any stretch of history can be made
without the ones before it, and every timeframe is cut from the same minutes. A coin's log price is
the sum of two factors, one that all coins share and one of its own: random walks whose moves have
the mean 0 whatever came before, and whose volatility clusters. Perpetuals are the spot minutes
under a slowly moving basis. No rule on past prices earns anything here but by luck, and pays its
fees: whoever learns from the demo shall not learn that any cross makes money.
"""

from __future__ import annotations

import math
import zlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from core.exchange.market.instruments import Instrument, instrument
from core.exchange.market.market_replay import aggregate
from core.market.candles.candles import Candles, Floats, Times
from core.market.candles.timeframes import DAY, MINUTE, Timeframe
from core.market.symbols import unified_symbol

DEFAULT_SYMBOLS = (
    "BTC/USDT",
    "ETH/USDT",
    "SOL/USDT",
    "BTC/USDT:USDT",
    "ETH/USDT:USDT",
    "SOL/USDT:USDT",
)
_FIRST_DAY = 16_436  # 2015-01-01, in days since 1970
_DAYS = 11_323  # up to 2046
_MINUTES = DAY // MINUTE
_COMMON = "common"
# Days kept in memory, over all symbols: minutes (70 kB a day), and what was cut from them.
_MINUTE_DAYS = 256
_CUT_DAYS = 2000

# How the market moves, chosen so that its five minutes resemble Bitcoin's of 2025.
_DAILY_VARIANCE = 0.017**2
_OVER_DAYS, _OVER_HOURS, _IN_BURSTS = 0.5, 0.5, 0.45  # standard deviations of the log volatility
_DAYS_KEPT = 0.85  # share of a day's log volatility that the next day keeps
_ANCHOR = 20_454  # 2026-01-01, in days since 1970: the day of the coins' usual prices
_RANGES = 1  # tells the random numbers of highs, lows and volumes from those of the path

# Price of a coin on that day, how strongly it follows the common market, and how strongly it moves
# by itself.
_COINS = {
    "BTC": (64_000.0, 1.0, 0.3),
    "ETH": (3_200.0, 1.7, 0.9),
    "SOL": (150.0, 1.6, 1.2),
    "BNB": (580.0, 0.9, 0.6),
    "XRP": (0.6, 1.2, 1.2),
}
_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class _Coin:
    name: str
    level: float
    beta: float
    own: float

    @property
    def log_level(self) -> float:
        return math.log(self.level)


@dataclass(frozen=True, slots=True, eq=False)
class _Minutes:
    """A factor's log price at the ends of a day's minutes, counted from the day's open.

    `variance` is that of each minute's move.
    """

    path: Floats
    variance: Floats


class _Factor:
    """A log price of days, and within each day of minutes, whose moves cannot be foretold.

    Every move has the mean 0, whatever came before. What clusters is their variance, a lognormal
    one over days, hours and half hours (stochastic volatility: S. J. Taylor, Modelling financial
    time series, 1986). The path is pinned to 0 on `_ANCHOR`, so that prices are usual
    ones today; seen from any moment both directions of time are random walks.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        drive, kept = rng.standard_normal(_DAYS).tolist(), _DAYS_KEPT
        calm = [0.0]
        for shock in drive[1:]:
            calm.append(kept * calm[-1] + math.sqrt(1 - kept**2) * shock)
        self._variances = _DAILY_VARIANCE * np.exp(2 * _OVER_DAYS * np.array(calm))
        moves = np.sqrt(self._variances) * rng.standard_normal(_DAYS)
        levels = np.concatenate(([0.0], np.cumsum(moves)))
        self._levels = levels - levels[_ANCHOR - _FIRST_DAY]

    def level(self, day: int) -> float:
        """The log price at the day's open."""
        return float(self._levels[day - _FIRST_DAY])

    def minutes(self, rng: np.random.Generator, day: int) -> _Minutes:
        """The day's minutes: a bridge from its open to its close.

        The day's variance is shared out among the minutes, and what is missing to its close as
        their variances are: so the minutes' moves are independent, as the days' are.
        """
        variance = self._variances[day - _FIRST_DAY] * _shares(rng)
        moves = np.sqrt(variance) * rng.standard_normal(_MINUTES)
        whole = self.level(day + 1) - self.level(day)
        path = np.cumsum(moves + (whole - moves.sum()) * variance / variance.sum())
        path[-1] = whole
        return _Minutes(path, variance)


def _shares(rng: np.random.Generator) -> Floats:
    """How a day's variance is shared out among its minutes: in hours and bursts; the sum is 1."""
    kernel = np.exp(-np.arange(90) / 30)
    kernel /= np.sqrt((kernel**2).sum())
    bursts = np.convolve(rng.standard_normal(_MINUTES + 89), kernel, "valid")
    knots = np.arange(0, _MINUTES + 1, 480)
    hours = np.interp(np.arange(_MINUTES), knots, rng.standard_normal(len(knots)))
    shares = np.exp(2 * (_IN_BURSTS * bursts + _OVER_HOURS * hours))
    return np.asarray(shares / shares.sum(), dtype=np.float64)


class SyntheticMarket:
    """A market made from a seed: endless enough (2015 to 2045), and the same for everyone."""

    def __init__(self, seed: int = 1, symbols: Sequence[str] = DEFAULT_SYMBOLS) -> None:
        self._seed = seed
        self._coins: dict[str, _Coin] = {}
        instruments: list[Instrument] = []
        for symbol in map(unified_symbol, symbols):
            coin = _coin(symbol.partition("/")[0])
            self._coins[symbol] = coin
            instruments.append(instrument(symbol, coin.level))
        if not instruments:
            raise ValueError("a market needs at least one symbol")
        self._instruments = tuple(instruments)
        self._digits = {item.symbol: item.price_digits for item in instruments}
        self._lots = {item.symbol: item.quantity_digits for item in instruments}
        self._factors: dict[str, _Factor] = {}
        self._minute_days: OrderedDict[tuple[str, int], Candles] = OrderedDict()
        self._cut_days: OrderedDict[tuple[str, str, int], Candles] = OrderedDict()
        self._shared: OrderedDict[int, _Minutes] = OrderedDict()
        self._daily: dict[tuple[str, int], Candles] = {}

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """Everything that is traded."""
        return self._instruments

    def finest(self, symbol: str) -> Timeframe:
        """Every symbol has minutes."""
        return Timeframe.M1

    def span(self, symbol: str) -> tuple[int, int]:
        """2015 to 2045, for every symbol."""
        return _FIRST_DAY * DAY, (_FIRST_DAY + _DAYS) * DAY

    def candles(self, symbol: str, timeframe: Timeframe, start: int, stop: int) -> Candles:
        """Complete candles that open in [start, stop) (UTC ms)."""
        start = max(start, _FIRST_DAY * DAY)
        stop = min(stop, (_FIRST_DAY + _DAYS) * DAY)
        if stop <= start:
            return Candles.of(())
        if timeframe.ms > DAY:
            first = timeframe.next_open(start - 1)
            days = range(first // DAY, timeframe.next_open(stop - 1) // DAY)
            limit = _FIRST_DAY + _DAYS
            rows = [self._day(symbol, day) for day in days if day < limit]
            return aggregate(Candles.joined(rows), timeframe).between(start, stop)
        days = range(start // DAY, (stop - 1) // DAY + 1)
        make = self._day if timeframe is Timeframe.D1 else self._cut(timeframe)
        return Candles.joined([make(symbol, day) for day in days]).between(start, stop)

    def _cut(self, timeframe: Timeframe) -> Callable[[str, int], Candles]:
        """Makes one day's candles of a timeframe that divides the day."""

        def cut(symbol: str, day: int) -> Candles:
            if timeframe is Timeframe.M1:
                return self._minutes(symbol, day)
            return _kept(
                self._cut_days,
                (symbol, timeframe.value, day),
                lambda: aggregate(self._minutes(symbol, day), timeframe),
                _CUT_DAYS,
            )

        return cut

    def _day(self, symbol: str, day: int) -> Candles:
        row = self._daily.get((symbol, day))
        if row is None:
            row = aggregate(self._minutes(symbol, day), Timeframe.D1)
            self._daily[symbol, day] = row
        return row

    def _minutes(self, symbol: str, day: int) -> Candles:
        make = self._perpetual_minutes if ":" in symbol else self._spot_minutes
        return _kept(self._minute_days, (symbol, day), lambda: make(symbol, day), _MINUTE_DAYS)

    def _spot_minutes(self, symbol: str, day: int) -> Candles:
        coin = self._coins[symbol]
        common, own = self._factor(_COMMON), self._factor(coin.name)
        shared, alone = self._common(day), own.minutes(self._rng(coin.name, day), day)
        path = coin.beta * shared.path + coin.own * alone.path
        variance = coin.beta**2 * shared.variance + coin.own**2 * alone.variance
        opened = coin.log_level + coin.beta * common.level(day) + coin.own * own.level(day)
        logs = np.concatenate(([opened], opened + path))
        rng = self._rng(coin.name, day, _RANGES)
        return self._dressed(symbol, day, logs, variance, rng)

    def _dressed(
        self, symbol: str, day: int, logs: Floats, variance: Floats, rng: np.random.Generator
    ) -> Candles:
        """A day of minutes with highs, lows and volumes, all on the price step.

        `logs` are the log prices at the minutes' ends, the day's open first. Highs and lows are
        those of a Brownian bridge of the minute's `variance`: a stop or a target within a minute is
        then met as often as an honest price would meet it.
        """
        digits = self._digits[symbol]
        prices: Floats = np.asarray(np.round(np.exp(logs), digits), dtype=np.float64)
        opens, closes = prices[:-1], prices[1:]
        moves = np.diff(logs)
        up, down = rng.exponential(2.0, (2, _MINUTES)) * variance
        highs = np.exp(logs[:-1] + (moves + np.sqrt(moves**2 + up)) / 2)
        lows = np.exp(logs[:-1] + (moves - np.sqrt(moves**2 + down)) / 2)
        highs = np.round(highs, digits)
        lows = np.maximum(np.round(lows, digits), 10.0**-digits)
        notional = 250_000 * rng.lognormal(0, 0.6, _MINUTES) * (1 + 600 * np.sqrt(variance))
        volumes = np.round(notional / closes, max(self._lots[symbol], 2))
        times = np.arange(_MINUTES, dtype=np.int64) * MINUTE + day * DAY
        return _enclosing(times, opens, highs, lows, closes, volumes)

    def _perpetual_minutes(self, symbol: str, day: int) -> Candles:
        spot = symbol.partition(":")[0]
        self._coins.setdefault(spot, self._coins[symbol])
        self._digits.setdefault(spot, self._digits[symbol])
        self._lots.setdefault(spot, self._lots[symbol])
        minutes = self._minutes(spot, day)
        digits = self._digits[symbol]
        above: Floats = 1 + _basis(np.concatenate((minutes.time[:1], minutes.time + MINUTE)))
        opened = float(minutes.open[0])
        prices: Floats = np.round(np.concatenate(([opened], minutes.close)) * above, digits)
        opens, closes = prices[:-1], prices[1:]
        highs = np.round(minutes.high * above[1:], digits)
        lows = np.round(minutes.low * above[1:], digits)
        share = self._rng(symbol, day).lognormal(0, 0.3, _MINUTES)
        volumes = np.round(minutes.volume * share, max(self._lots[symbol], 2))
        return _enclosing(minutes.time, opens, highs, lows, closes, volumes)

    def _common(self, day: int) -> _Minutes:
        def make() -> _Minutes:
            return self._factor(_COMMON).minutes(self._rng(_COMMON, day), day)

        return _kept(self._shared, day, make, _MINUTE_DAYS)

    def _factor(self, name: str) -> _Factor:
        factor = self._factors.get(name)
        if factor is None:
            factor = self._factors[name] = _Factor(self._rng(name))
        return factor

    def _rng(self, *names: str | int) -> np.random.Generator:
        parts = [name if isinstance(name, int) else zlib.crc32(name.encode()) for name in names]
        return np.random.default_rng([self._seed, *parts])


def _coin(name: str) -> _Coin:
    known = _COINS.get(name)
    if known is not None:
        return _Coin(name, *known)
    number = zlib.crc32(name.encode())
    return _Coin(
        name,
        level=10 ** (number % 400 / 100 - 1),
        beta=0.7 + number % 89 / 100,
        own=0.6 + number % 71 / 100,
    )


def _enclosing(
    times: Times, opens: Floats, highs: Floats, lows: Floats, closes: Floats, volumes: Floats
) -> Candles:
    """Candles whose rounded highs and lows enclose the rounded opens and closes."""
    tops = np.maximum(highs, np.maximum(opens, closes))
    bottoms = np.minimum(lows, np.minimum(opens, closes))
    return Candles(times, opens, tops, bottoms, closes, volumes)


def _basis(times: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Floats:
    """By which fraction the perpetual trades above its index: a few hundredths of a per cent."""
    days = times / DAY
    waves = 3 + 4 * np.sin(2 * np.pi * days / 3.1) + 2 * np.sin(2 * np.pi * days / 0.71)
    return np.asarray(waves * 0.0001, dtype=np.float64)


_Key = TypeVar("_Key")


def _kept(
    cache: OrderedDict[_Key, _Made], key: _Key, make: Callable[[], _Made], most: int
) -> _Made:
    """The cached value, made if need be; the least recently used one leaves when there are many."""
    found = cache.get(key)
    if found is None:
        found = cache[key] = make()
        if len(cache) > most:
            cache.popitem(last=False)
    else:
        cache.move_to_end(key)
    return found
