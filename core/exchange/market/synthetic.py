"""Which market does a seed make?

Three layers, each a pure function of (seed, symbol, time), so that any stretch of history can be
made without the ones before it, and every timeframe is cut from the same minutes: days (bull, bear
and range regimes with clustered volatility, shared by all coins, pulled back to a coin's usual
price), minutes inside a day (a bridge from its open to its close, with trends of hours and bursts
of volatility), and perpetuals (the spot minutes under a slowly moving basis).
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
from core.market.candles.candles import Candles, Floats
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

# Price the coin keeps returning to, and how strongly it follows the common market.
_COINS = {
    "BTC": (64_000.0, 1.0, 0.45),
    "ETH": (3_200.0, 1.2, 0.75),
    "SOL": (150.0, 1.5, 1.2),
    "BNB": (580.0, 0.9, 0.7),
    "XRP": (0.6, 1.1, 1.0),
}
_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class _Coin:
    name: str
    level: float
    beta: float
    own_volatility: float


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
        self._levels: dict[str, Floats] = {}
        self._minute_days: OrderedDict[tuple[str, int], Candles] = OrderedDict()
        self._cut_days: OrderedDict[tuple[str, str, int], Candles] = OrderedDict()
        self._shocks: OrderedDict[int, Floats] = OrderedDict()
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
        levels = self._day_levels(coin)
        rng = self._rng(coin.name, day)
        index = day - _FIRST_DAY
        returns = coin.beta * self._common(day) + coin.own_volatility * _minute_returns(rng)
        target = levels[index + 1] - levels[index]
        path = levels[index] + np.cumsum(returns + (target - returns.sum()) / _MINUTES)
        path[-1] = levels[index + 1]
        return self._dressed(symbol, day, math.exp(levels[index]), np.exp(path), rng)

    def _perpetual_minutes(self, symbol: str, day: int) -> Candles:
        spot = symbol.partition(":")[0]
        self._coins.setdefault(spot, self._coins[symbol])
        self._digits.setdefault(spot, self._digits[symbol])
        self._lots.setdefault(spot, self._lots[symbol])
        minutes = self._minutes(spot, day)
        before = day * DAY
        closes = minutes.close * (1 + _basis(minutes.time + MINUTE))
        opened = float(minutes.open[0]) * (1 + float(_basis(np.array([before]))[0]))
        return self._dressed(symbol, day, opened, closes, self._rng(symbol, day))

    def _dressed(
        self, symbol: str, day: int, opened: float, closes: Floats, rng: np.random.Generator
    ) -> Candles:
        """Closes with the highs, lows and volumes that go with them, all on the price step."""
        digits = self._digits[symbol]
        closes = np.round(closes, digits)
        opens = np.concatenate(([round(opened, digits)], closes[:-1]))
        move = np.abs(closes - opens) + closes * 0.0001
        highs = np.round(np.maximum(opens, closes) + move * rng.gamma(0.8, 0.5, _MINUTES), digits)
        lows = np.round(np.minimum(opens, closes) - move * rng.gamma(0.8, 0.5, _MINUTES), digits)
        notional = 250_000 * rng.lognormal(0, 0.6, _MINUTES) * (1 + 600 * move / closes)
        volumes = np.round(notional / closes, max(self._lots[symbol], 2))
        times = np.arange(_MINUTES, dtype=np.int64) * MINUTE + day * DAY
        step = 10.0**-digits
        return Candles(times, opens, highs, np.maximum(lows, step), closes, volumes)

    def _common(self, day: int) -> Floats:
        def make() -> Floats:
            return _minute_returns(self._rng(_COMMON, day))

        return _kept(self._shocks, day, make, _MINUTE_DAYS)

    def _day_levels(self, coin: _Coin) -> Floats:
        """Log prices at the days' opens, `_DAYS` + 1 of them."""
        levels = self._levels.get(coin.name)
        if levels is None:
            common = self._levels.get(_COMMON)
            if common is None:
                common = self._levels[_COMMON] = _day_path(self._rng(_COMMON), pull=0.006)
            own = _day_path(self._rng(coin.name), pull=0.012) * coin.own_volatility * 0.6
            levels = self._levels[coin.name] = math.log(coin.level) + coin.beta * common + own
        return levels

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
        own_volatility=0.6 + number % 71 / 100,
    )


def _day_path(rng: np.random.Generator, pull: float) -> Floats:
    """A log price a day from regimes of weeks, volatility that clusters, and a pull back to 0."""
    shocks = rng.standard_normal(_DAYS).tolist()
    lots = rng.random(_DAYS).tolist()
    path = [0.0]
    drift, variance = 0.0, 0.0006
    for shock, lot in zip(shocks, lots, strict=True):
        if lot < 0.05:  # a regime lasts 20 days in the mean: range, bull or bear
            drift = (0.0, 0.006, -0.006)[int(lot * 60) % 3]
        move = math.sqrt(variance) * shock
        variance = 0.00004 + 0.85 * variance + 0.09 * move * move
        path.append(path[-1] + drift + move - pull * path[-1])
    return np.array(path)


def _minute_returns(rng: np.random.Generator) -> Floats:
    """A day of minute returns: trends of hours, volatility in bursts of half an hour."""
    kernel = np.exp(-np.arange(90) / 30)
    kernel /= np.sqrt((kernel**2).sum())
    bursts = np.convolve(rng.standard_normal(_MINUTES + 89), kernel, "valid")
    volatility = 0.00045 * np.exp(0.55 * bursts)
    lengths = rng.integers(60, 240, 24)
    drifts = np.repeat(rng.standard_normal(24) * 0.00009, lengths)[:_MINUTES]
    return volatility * rng.standard_normal(_MINUTES) + drifts


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
