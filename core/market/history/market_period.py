"""Everything that an exchange tells of a period: candles with their warm-up, limits, funding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from core.market.candles.candles import Candles
from core.market.candles.timeframes import Timeframe
from core.market.feeds.feed import FeedError
from core.market.filters import MarketFilters
from core.market.history.candle_history import CandleHistory, FetchPatience, Progress
from core.market.history.exchange_api import ExchangeApi, UnreachableError
from core.market.symbols import is_perpetual

Said = Callable[[Progress], None]
_PATIENCE = FetchPatience()


@dataclass(frozen=True, slots=True)
class MarketPeriod:
    """The inputs of a run over a period that begins at `start` (UTC ms), by symbol.

    `candles` begin with the warm-up before it. `funding`: (UTC ms, fraction of notional).
    """

    start: int
    candles: dict[str, Candles]
    filters: dict[str, MarketFilters]
    funding: dict[str, list[tuple[int, float]]]
    notes: tuple[str, ...]


async def market_period(
    api: ExchangeApi,
    symbols: Sequence[str],
    timeframe: Timeframe,
    start: int,
    stop: int | None = None,
    *,
    warmup: int = 0,
    cache: Path | None = None,
    said: Said = lambda _: None,
    patience: FetchPatience = _PATIENCE,
) -> MarketPeriod:
    """Everything of [`start`, `stop`) that a run needs; `warmup` candles come before it.

    `stop`: UTC ms, by default now. Closes `api`.

    Raises:
        FeedError: the exchange does not have a market or the timeframe, or does not answer.
    """
    history = CandleHistory(api, cache, patience=patience)
    found = MarketPeriod(start, {}, {}, {}, ())
    notes: list[str] = []
    try:
        await api.check_timeframe(timeframe)
        for symbol in symbols:
            begin = max(0, start - warmup * timeframe.ms)
            past = await history.between(symbol, timeframe, begin, stop, said)
            if not len(past.candles):
                raise FeedError(f"{api.name} has no {timeframe} candles of {symbol} in the period")
            found.candles[symbol] = past.candles
            notes += [f"{symbol}: {note}" for note in past.notes]
            found.filters[symbol] = await history.patiently(partial(api.filters, symbol))
            if is_perpetual(symbol):
                end = int(past.candles.time[-1]) + timeframe.ms
                rates = await history.funding(symbol, start, end, said)
                found.funding[symbol] = [(rate.time, rate.rate) for rate in rates]
    except UnreachableError as error:
        raise UnreachableError(
            f"{error}; try again in a moment, or give the candles in a file (--data FILE)"
        ) from error
    finally:
        await api.close()
    return MarketPeriod(start, found.candles, found.filters, found.funding, tuple(notes))
