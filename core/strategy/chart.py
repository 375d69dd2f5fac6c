"""Makes the chart of a market that a strategy trades: its candles, indicators and conditions.

These are computed over all candles given and shown where a longer candle closes, so that
each is the number the strategy decided on, whatever timeframe it is looked at in. Beside it stand
the lowest and the highest within that candle: what decided an exit need not last until its close.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.market.candles.candles import Candles, Floats
from core.market.candles.timeframes import Timeframe
from core.strategy.chart_values import LONGEST_CHART, Chart, ChartLine
from core.strategy.config.canonical import config_to_dict
from core.strategy.config.conditions import (
    Reference,
    conditions_in,
    operand_shown,
    rule_references,
)
from core.strategy.config.config import StrategyConfig
from core.strategy.indicators.batch import Batch
from core.strategy.indicators.described import Described
from core.strategy.indicators.registry import indicator_of, price_fields
from core.strategy.signals.evaluation import BatchRules
from core.strategy.signals.levels import level_series


class ChartError(ValueError):
    """A chart was asked for that there is not; the message says what there is."""


def strategy_chart(
    config: StrategyConfig,
    candles: Candles,
    timeframe: str | None = None,
    until: int | None = None,
    count: int = 1_000,
) -> Chart:
    """The last `count` candles that open before `until` (UTC ms; None: the last there are).

    One within which the candles at hand begin is left out, as in `whole_together`. The lines that
    conditions read come first, as there is not everywhere room for all.

    Args:
        config: whose indicators are shown.
        candles: of one symbol, in the strategy's timeframe, from the first it saw.
        timeframe: in which they are shown, the strategy's own or a multiple; None: its own.
        until: where the chart ends.
        count: how many candles of that timeframe, at most.

    Raises:
        ChartError: the timeframe is none, or no multiple of the strategy's.
    """
    own = config.timeframe
    shown = own if timeframe is None else _timeframe(timeframe, own)
    offset = shown.floor(0) % shown.ms
    number = (candles.time - offset) // shown.ms
    firsts = np.flatnonzero(np.diff(number, prepend=number[:1] - 1))
    starts = number[firsts] * shown.ms + offset
    if len(starts) > 1 and starts[0] < candles.time[0]:
        firsts, starts = firsts[1:], starts[1:]  # of the first only a part is at hand
    last = len(firsts) if until is None else int(np.searchsorted(starts, until))
    first = max(0, last - max(1, min(count, LONGEST_CHART)))
    if not len(candles) or first >= last:
        return Chart(shown.value)
    ends = np.append(firsts[1:], len(candles)) - 1
    part = slice(first, last)
    stop = int(ends[last - 1]) + 1
    made = Candles(
        starts[part],
        candles.open[firsts[part]],
        np.maximum.reduceat(candles.high[:stop], firsts[part]),
        np.minimum.reduceat(candles.low[:stop], firsts[part]),
        candles.close[ends[part]],
        np.add.reduceat(candles.volume[:stop], firsts[part]),
    )
    batch, described = Batch(candles), Described.of(config)
    read = {one for _, rule in config.grouped_conditions for one in rule_references(rule)}
    series = sorted(_lines(config, described, batch), key=lambda line: line[0] not in read)
    lines = tuple(
        ChartLine(
            operand_shown(one),
            pane,
            _known(values[ends[part]]),
            _thresholds(config, one),
            *(() if shown is own else _lows_and_highs(values[:stop], firsts[part])),
        )
        for one, pane, values in series
    )
    conditions = BatchRules(described, batch).readings(config.grouped_conditions)(stop - 1)
    levels = tuple(
        _known(batch.values(one)[ends[part]]) for one in level_series(config, described).values()
    )
    traded = config_to_dict(replace(config, extras={}))  # those may hold what no JSON does
    return Chart(shown.value, tuple(made), lines, first > 0, conditions, levels, traded)


def _timeframe(text: str, own: Timeframe) -> Timeframe:
    found = next((one for one in Timeframe if one.value == text), None)
    if found is None or found.ms < own.ms or found.ms % own.ms:
        raise ChartError(
            f"a chart of {own} candles is shown in {own} or multiples, not {text[:10]!r}"
        )
    return found


def _lines(
    config: StrategyConfig, described: Described, batch: Batch
) -> Iterator[tuple[Reference, str, Floats]]:
    for spec in config.indicators:
        indicator = indicator_of(spec)
        prices = () if spec.sources else price_fields(indicator)
        for field in (one.name for one in indicator.fields):
            if prices and field not in prices:
                continue  # a width or direction beside prices, on a scale of its own
            reference = Reference(spec.key, field, indicator.main if field == "value" else "")
            pane = "" if prices else spec.key
            yield reference, pane, batch.values(described.series(reference))


def _thresholds(config: StrategyConfig, series: Reference) -> tuple[float, ...]:
    """The numbers that conditions compare a series with."""
    rules = (rule for _, rule in config.grouped_conditions)
    compared = (one for rule in rules for one in conditions_in(rule) if one.left == series)
    return tuple(sorted({one.right for one in compared if isinstance(one.right, float)}))


def _lows_and_highs(
    values: Floats, firsts: NDArray[np.intp]
) -> tuple[tuple[float | None, ...], tuple[float | None, ...]]:
    """The lowest and highest of each part that begins at one of `firsts`, of those it has."""
    known = np.where(np.isfinite(values), values, np.nan)
    return _known(np.fmin.reduceat(known, firsts)), _known(np.fmax.reduceat(known, firsts))


def _known(values: Floats) -> tuple[float | None, ...]:
    return tuple(value if np.isfinite(value) else None for value in values.tolist())
