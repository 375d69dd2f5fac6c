"""Reads the candle files that a strategy is to run on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from core.backtest.axes import Axis, corners
from core.market.candles.candles import Candles
from core.market.candles.durations import SpanError, period_span
from core.market.candles.timeframes import Timeframe
from core.market.files.candle_files import read_candles
from core.market.files.errors import CandleFileError
from core.strategy.config.config import StrategyConfig
from core.strategy.signals.sources import condition_series, signal_series, warmup_candles
from core.time_format import short_time


def strategy_candles(
    config: StrategyConfig, files: Mapping[str, Path | str], columns: str | None = None
) -> tuple[dict[str, Candles], list[str]]:
    """The candles of each symbol of a strategy, and what is to be said of its files. Blocks.

    Args:
        config: the strategy.
        files: the candle file of each of its symbols.
        columns: the names of the files' columns in their order, where they do not say them.

    Raises:
        CandleFileError: a file cannot be read, does not hold candles of the strategy's timeframe,
            or has no volumes though the strategy looks at them.
    """
    candles: dict[str, Candles] = {}
    notes: list[str] = []
    for symbol, name in files.items():
        path = Path(name)
        file = read_candles(path, config.timeframe, columns=columns, symbol=symbol)
        if not file.has_volume:
            if needs_volume(config):
                raise CandleFileError(
                    path,
                    "has no volumes, at which the strategy looks",
                    expected="a column of volumes",
                    advice="take another file, or a strategy of prices alone",
                )
            notes.append(f"{path.name}: has no volumes, at which the strategy does not look")
        candles[symbol] = file.candles
        notes += [f"{path.name}: {note}" for note in file.notes]
    return candles, notes


@dataclass(frozen=True, slots=True)
class FilePart:
    """A part of the candles of files: the period and as much warm-up before it as they have.

    `span`: of the period, UTC ms, the end exclusive. `warmup`: how many candles before it were
    wanted; None where all candles are the period, which then has its warm-up in itself.
    """

    candles: dict[str, Candles]
    span: tuple[int, int]
    warmup: int | None = None

    @property
    def decide_from(self) -> int | None:
        """The moment before which nothing is decided, UTC ms; None without a warm-up before it."""
        return None if self.warmup is None else self.span[0]


def whole_span(candles: Mapping[str, Candles], timeframe: Timeframe) -> tuple[int, int]:
    """From the first open to the last close, UTC ms."""
    first = min(int(history.time[0]) for history in candles.values())
    return first, max(timeframe.next_open(int(history.time[-1])) for history in candles.values())


def part_of(
    candles: Mapping[str, Candles],
    timeframe: Timeframe,
    period: str,
    *,
    warmup: int,
    span: tuple[int, int] | None = None,
) -> FilePart:
    """The part of candles that lies in a period.

    Args:
        candles: of files, by symbol.
        timeframe: theirs.
        period: a length, until the last of them closes, or two dates.
        warmup: how many candles before it the signals are warmed up by.
        span: that of the period, where it is known from an earlier run.

    Raises:
        SpanError: it is no period, or a symbol has no candle in it.
    """
    first, last = whole_span(candles, timeframe)
    start, end = span or period_span(period, last)
    part = {
        symbol: history.between(start - warmup * timeframe.ms, end)
        for symbol, history in candles.items()
    }
    for symbol, history in part.items():
        if not len(history) or history.time[-1] < start:
            raise SpanError(
                f"no candles of {symbol} in the period {period}: the files have those from "
                f"{short_time(first)} to {short_time(last)} UTC"
            )
    return FilePart(part, (start, end), warmup)


def swept_warmup(config: StrategyConfig, axes: Sequence[Axis]) -> int:
    """Candles before a period after which every setting is ready, so that all trade all of it.

    Raises:
        SweepError: see `configs`.
    """
    return max(map(warmup_candles, corners(config, axes)))


def swept_part(
    config: StrategyConfig, axes: Sequence[Axis], candles: dict[str, Candles], period: str | None
) -> FilePart:
    """What of the candles of files a sweep or gate is made on: all, or those of a period.

    Raises:
        SweepError: see `configs`.
        SpanError: see `part_of`.
    """
    if period is None:
        return FilePart(candles, whole_span(candles, config.timeframe))
    warmup = swept_warmup(config, axes)
    return part_of(candles, config.timeframe, period, warmup=warmup)


def needs_volume(config: StrategyConfig) -> bool:
    """Whether what a strategy decides depends on volumes.

    It is run over made-up candles. It needs volumes if without them a condition or a level is never
    known, or if candles that traded nothing leave it waiting for an indicator without end.
    """
    length = warmup_candles(config) + 50
    path = 100.0 + np.cumsum(np.random.default_rng(1).normal(0.0, 0.05, length + 1))
    opens, closes = path[:-1], path[1:]
    known = Candles(
        np.arange(length, dtype=np.int64) * config.timeframe.ms,
        opens,
        np.maximum(opens, closes) + 0.01,
        np.minimum(opens, closes) - 0.01,
        closes,
        np.ones(length),
    )
    unknown = replace(known, volume=np.full(length, np.nan))
    traded_nothing = replace(known, volume=np.zeros(length))
    if signal_series(config, known).first < length <= signal_series(config, traded_nothing).first:
        return True
    with_volume, without = _known_parts(config, known), _known_parts(config, unknown)
    return any(part and not other for part, other in zip(with_volume, without, strict=True))


def _known_parts(config: StrategyConfig, candles: Candles) -> list[bool]:
    """Of each condition, and of each level beside the flags, whether it is ever known."""
    series = signal_series(config, candles)
    levels = [value for name in fields(series) if _is_level(value := getattr(series, name.name))]
    parts = [bool(condition.valid.any()) for condition in condition_series(config, candles)]
    return parts + [bool(np.isfinite(level).any()) for level in levels]


def _is_level(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"
