"""Reads the candle files that a strategy is to run on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.market.candles.candles import Candles, Floats
from core.market.files.candle_files import read_candles
from core.market.files.errors import CandleFileError
from core.strategy.config.config import StrategyConfig
from core.strategy.indicators.batch import Batch
from core.strategy.indicators.series import VOLUME, Series
from core.strategy.signals.sources import signal_series, warmup_candles


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


def needs_volume(config: StrategyConfig) -> bool:
    """Whether what a strategy decides depends on volumes.

    It is run over made-up candles: it asks for the volume, or where volumes are not known never
    knows all that it looks at.
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
    watched = _Watched(unknown)
    first = signal_series(config, unknown, watched).first
    return watched.asked or signal_series(config, known).first < length <= first


class _Watched(Batch):
    """Series over candles, and whether their volume was asked for."""

    asked = False

    def values(self, series: Series) -> Floats:
        """The values of a series; see `Batch.values`."""
        self.asked = self.asked or series == VOLUME
        return super().values(series)
