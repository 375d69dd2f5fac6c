"""A sweep for its reader: the figures shown, the map of two axes, and what luck would find."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from core.backtest.sweep import LOWER_IS_BETTER, Sweep, SweepRow, figure, rank
from core.report.metric_words import METRIC_LABELS
from core.report.metrics import tells_better
from core.report.quality import too_few
from core.text import chance_text, independent_tries
from core.time_format import short_time

FIGURES = {
    "sharpe_ratio": "Sharpe",
    "total_return_pct": "Return",
    "max_drawdown_pct": "Max DD",
    "profit_factor": "PF",
    "win_rate_pct": "Win rate",
    "total_trades": "Trades",
}
"""The metrics that are shown, by what they are called where there is little room."""

NO_MERIT = frozenset({"total_trades", "exposure_pct", "avg_hold", "benchmark_return_pct"})
"""Metrics of which more is more and not better: the first by one is not the best."""

Value = float | int | str


@dataclass(frozen=True, slots=True)
class SweepMap:
    """The best that the other axes make of each pair of values of the first two.

    Attributes:
        down, across: the paths; of a sweep of one axis `down` is empty and has one value.
        rows, columns: their values, in order.
        best: the row of the sweep that ranks first of each pair; pairs that were not run are not in
            it.
    """

    down: str
    across: str
    rows: tuple[Value, ...]
    columns: tuple[Value, ...]
    best: Mapping[tuple[Value, Value], SweepRow]

    def known(self, metric: str) -> dict[tuple[Value, Value], float]:
        """The metric of each pair for which it is defined.

        What is infinite lies a little beyond the others, so that those can be told apart.
        """
        values = {pair: figure_of(row, metric) for pair, row in self.best.items()}
        found = {pair: value for pair, value in values.items() if value is not None}
        finite = [*filter(math.isfinite, found.values()), _ZEROS.get(metric, 0.0)]
        beyond = max(finite) + ((max(finite) - min(finite)) / 10 or 1.0)
        return {pair: min(value, beyond) for pair, value in found.items()}

    def shares(self, metric: str) -> dict[tuple[Value, Value], float]:
        """How good each pair is among all, by a metric: 0 the worst, 1 the best.

        Those for which it is undefined are not in it.
        """
        known = self.known(metric)
        if not known:
            return {}
        low, high = min(known.values()), max(known.values())
        found = {}
        for pair, value in known.items():
            share = 1.0 if high == low else (value - low) / (high - low)
            found[pair] = 1 - share if metric in LOWER_IS_BETTER and high > low else share
        return found


_ZEROS = {
    "sharpe_ratio": 0.0,
    "total_return_pct": 0.0,
    "sortino_ratio": 0.0,
    "calmar_ratio": 0.0,
    "expectancy": 0.0,
    "profit_factor": 1.0,
}
"""Where gain and loss part, of the metrics that have such a place."""
_SHADES = " ░▒▓█"


def shade(share: float | None) -> str:
    """A cell that is the darker the better; a dot where the figure is not known."""
    return "·" if share is None else _SHADES[round(share * (len(_SHADES) - 1))]


def heats(shown: SweepMap, metric: str) -> dict[tuple[Value, Value], float]:
    """How warm each pair is, by a metric: gains from 0.1 to 1, losses from -0.1 to -1.

    The range is that of the gains, or losses, there are, so that what lies close together can be
    told apart. What has no place where gain and loss part begins at 0, the worst of all.
    """
    if metric not in _ZEROS:
        return shown.shares(metric)
    over = {pair: value - _ZEROS[metric] for pair, value in shown.known(metric).items()}
    found = {}
    for sign in (1.0, -1.0):
        sizes = {pair: sign * value for pair, value in over.items() if sign * value > 0}
        least, most = min(sizes.values(), default=0.0), max(sizes.values(), default=0.0)
        for pair, size in sizes.items():
            share = (size - least) / (most - least) if most > least else 1.0
            found[pair] = sign * (0.1 + 0.9 * share)
    return {pair: found.get(pair, 0.0) for pair in over}


def figure_of(row: SweepRow, metric: str) -> float | None:
    """A metric of a row, as `figure` has it; None where it is undefined."""
    return figure(row.metrics, metric)


def ranked(sweep: Sweep, metric: str) -> Sweep:
    """The same sweep with the best by another metric first, of which no luck is worked out."""
    rows = sorted(sweep.rows, key=lambda row: rank(row.metrics, metric))
    return replace(sweep, rows=tuple(rows), sort=metric, deflated_sharpe=None)


def best_row(sweep: Sweep) -> SweepRow | None:
    """The best setting by the metric that ranks; None where that is known of none that traded."""
    row = sweep.rows[0] if sweep.rows else None
    if row is None or row.metrics.idle or figure_of(row, sweep.sort) is None:
        return None
    return row


def doubt(sweep: Sweep) -> str | None:
    """What makes one doubt the best setting before all luck; None: nothing does.

    Ranked by a ratio to risk, settings that all lost money are in no order of merit. To the gate
    that makes no difference: what made no profit fails, whichever of them is judged.
    """
    best = best_row(sweep)
    if sweep.idle == len(sweep.rows):
        return "No setting traded: none of them is the best."
    if best is None:
        return f"{label(sweep.sort)} is known of no setting: none of them is the best."
    doubts = []
    few = too_few(best.metrics.total_trades)
    if few is not None:
        doubts.append(f"The {first_word(sweep.sort)} by {label(sweep.sort)} has {few}.")
    value = figure_of(best, sweep.sort) or 0.0
    if not tells_better(sweep.sort, value, value):  # nor is that of any other setting above 0
        doubts.append(
            f"Every {label(sweep.sort)} is below 0, where more risk ranks higher: rank by return."
        )
    return " ".join(doubts) or None


def first_word(metric: str) -> str:
    """What the setting is that a metric ranks first: most trades are not the best."""
    return "first" if metric in NO_MERIT else "best"


def label(metric: str) -> str:
    """What a metric that ranks is called, also one that is not among those shown."""
    return FIGURES.get(metric) or METRIC_LABELS[metric]


def sweep_map(sweep: Sweep) -> SweepMap:
    """The map of a sweep over its first two axes, or its only one."""
    *_, across = sweep.axes[:2]
    flat = len(sweep.axes) < 2
    best: dict[tuple[Value, Value], SweepRow] = {}
    for row in sweep.rows:  # the best come first
        pair = ("", row.values[0]) if flat else (row.values[0], row.values[1])
        best.setdefault(pair, row)
    return SweepMap(
        "" if flat else sweep.axes[0].path,
        across.path,
        ("",) if flat else sweep.axes[0].values,
        across.values,
        best,
    )


def unfinished(sweep: Sweep) -> str | None:
    """What has to be said of a sweep that was cancelled; None of one that was not."""
    if sweep.complete:
        return None
    return (
        f"Not finished: {len(sweep.rows):,} of {sweep.total:,} combinations; what follows is said "
        "of those alone."
    )


def luck(sweep: Sweep) -> Iterator[str]:
    """What luck alone would have found among as many, and how many tries they are; sentences."""
    best, luckiest, count = best_row(sweep), sweep.expected_best_sharpe, len(sweep.rows)
    ratio = None if best is None else best.metrics.sharpe_ratio
    counted = independent_tries(sweep.effective_tries)
    tried = f"{count:,} setting{'s'[: count != 1]} tried"
    if luckiest is not None and ratio is not None:
        by = "" if sweep.sort == "sharpe_ratio" else f" by {label(sweep.sort)}"
        them = "" if sweep.scattered == count else " that have one"
        yield (
            f"Sharpe of the {first_word(sweep.sort)}{by} {ratio:z.2f}; "
            f"luck alone brings about {luckiest:.2f}, if "
            f"all {sweep.scattered:,}{them} count as independent and all their spread as luck "
            "(bad settings widen it)."
        )
        if sweep.deflated_sharpe is not None:
            said = chance_text(sweep.deflated_sharpe)
            yield f"It is more than luck with a probability of {said} (deflated Sharpe)."
    yield f"{tried}; trading alike, they count as {counted}."
    if sweep.idle == 1 < count:
        yield "1 of them never traded: no figure of it is known, and it comes last."
    elif 1 < sweep.idle < count:
        yield (
            f"{sweep.idle:,} of them never traded: no figure of theirs is known, and they come "
            "last."
        )
    if sweep.split_time is not None:
        yield (
            f"Ranked on the candles before {short_time(sweep.split_time)} UTC; "
            "“rest” is what came after, which the ranking did not see."
        )
