"""What a chart of a market shows: candles, and the indicators a strategy reads from them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from core.market.candles.candle import Candle
from core.market.candles.timeframes import Timeframe
from core.strategy.signals.reading import Reading
from core.typed import prepare

LONGEST_CHART = 20_000  # candles


@dataclass(frozen=True, slots=True)
class ChartLine:
    """One series of an indicator, a value a candle and None where there is none.

    `pane`: empty where it is a price, drawn over the candles; else what is drawn with it apart.
    `thresholds`: the numbers that conditions compare it with, rising. `lows`, `highs`: its lowest
    and highest value within each candle, where candles are longer than the strategy's own; empty
    where they are not, and the values are all there is.
    """

    name: str
    pane: str
    values: tuple[float | None, ...]
    thresholds: tuple[float, ...] = ()
    lows: tuple[float | None, ...] = ()
    highs: tuple[float | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """Candles, oldest first, with the lines over them. `more`: whether there are older ones.

    `conditions`: what they read at the close of the last of the candles; empty where no conditions
    decide for the strategy, None where it is not told. `levels`: those that its orders are made
    from (`Orders.levels`, in their order), a value a candle. `config`: of the strategy, as JSON
    values that `parse_config` reads; None where it is not told.
    """

    timeframe: str
    candles: tuple[Candle, ...] = ()
    lines: tuple[ChartLine, ...] = ()
    more: bool = False
    conditions: tuple[Reading, ...] | None = None
    levels: tuple[tuple[float | None, ...], ...] = ()
    config: dict[str, Any] | None = None


ChartSource = Callable[[str, str | None, int | None, int], Awaitable[Chart]]
"""Answers with the last candles of a symbol: symbol, timeframe (None: the strategy's own), until
(UTC ms; None: the last there are), count. May raise `NoCandlesError`."""


class NoCandlesError(Exception):
    """There are no candles to show. The message is for the user: why, and what to do."""


def timeframes_from(own: str) -> tuple[str, ...]:
    """The timeframes that candles of one can be put together to, itself first; by their words."""
    least = next((one for one in Timeframe if one.value == own), None)
    if least is None:
        return (own,)
    return tuple(one.value for one in Timeframe if one.ms >= least.ms and one.ms % least.ms == 0)


def together(candles: Sequence[Candle], length: int, origin: int = 0) -> list[Candle]:
    """Candles put together to such of `length` ms, which begin at multiples of it from `origin`."""
    made: list[Candle] = []
    for one in candles:
        start = one.time - (one.time - origin) % length
        if made and made[-1].time == start:
            last = made[-1]
            high, low = max(last.high, one.high), min(last.low, one.low)
            volume = last.volume + one.volume
            made[-1] = Candle(start, last.open, high, low, one.close, volume)
        else:
            made.append(one._replace(time=start))
    return made


def whole_together(candles: Sequence[Candle], length: int, origin: int = 0) -> list[Candle]:
    """`together`, without the first where the candles at hand begin within it.

    Its open, high, low and volume would be those of a part, and nothing would tell so.
    """
    made = together(candles, length, origin)
    partial = len(made) > 1 and made[0].time < candles[0].time
    return made[1:] if partial else made


prepare(Chart)
