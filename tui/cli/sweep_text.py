"""Writes a sweep for a terminal: the best rows, a heat map, and what luck would find."""

from __future__ import annotations

from collections.abc import Iterable

from core.backtest.sweep import Sweep
from core.backtest.sweep_map import (
    FIGURES,
    NO_MERIT,
    doubt,
    label,
    luck,
    shade,
    sweep_map,
    unfinished,
)
from core.report.metric_labels import figure_text
from core.report.metrics import Metrics
from core.report.result import metrics_to_json
from tui.cli.output import table

_REST = ("sharpe_ratio", "total_return_pct")  # of what the ranking did not see, after what ranks


def sweep_text(sweep: Sweep, top: int) -> list[str]:
    """The lines a person reads."""
    told = unfinished(sweep)
    first = [] if told is None else [told, ""]
    doubted = [] if (few := doubt(sweep)) is None else [few]
    return [*first, *_rows(sweep, top), "", *_heat_map(sweep), *doubted, *luck(sweep)]


def _rows(sweep: Sweep, top: int) -> list[str]:
    columns = {sweep.sort: label(sweep.sort), **FIGURES}  # what ranks comes first
    paths = [axis.path for axis in sweep.axes]
    rest = {} if sweep.split_time is None else dict.fromkeys((sweep.sort, *_REST))
    headings = [*paths, *columns.values(), *(f"rest: {label(name)}" for name in rest)]
    rows = [
        [
            *(str(value) for value in row.values),
            *_figures(row.metrics, columns),
            *_figures(row.rest, rest),
        ]
        for row in sweep.rows[:top]
    ]
    return table(headings, rows, right=">" * len(headings))


def _figures(metrics: Metrics | None, names: Iterable[str]) -> list[str]:
    if metrics is None:
        return []
    plain = metrics_to_json(metrics)
    if metrics.idle:  # its return of 0 is none to be set beside the others'
        plain = {"total_trades": plain["total_trades"]}
    return [figure_text(name, plain) for name in names]


def _heat_map(sweep: Sweep) -> list[str]:
    """The metric sorted by over the first two axes, the best of what the other axes make of it."""
    shown = sweep_map(sweep)
    shares = shown.shares(sweep.sort)
    if not shown.down or not shares:
        return []
    width = max(2, *(len(str(value)) for value in shown.columns))
    margin = max(len(shown.down), *(len(str(value)) for value in shown.rows))
    better = "more" if sweep.sort in NO_MERIT else "better"
    said = f"{label(sweep.sort)} over {shown.across}, the darker the {better}"
    others = " and ".join(axis.path for axis in sweep.axes[2:])
    if others:
        said += f"; each cell the {'most' if sweep.sort in NO_MERIT else 'best'} of {others}"
    lines = [f"{shown.down:>{margin}}  {said}"]
    for value in shown.rows:
        cells = (shade(shares.get((value, other))) * width for other in shown.columns)
        lines.append(f"{value!s:>{margin}}  " + " ".join(cells).rstrip())
    lines.append(" " * (margin + 2) + " ".join(f"{value!s:>{width}}" for value in shown.columns))
    return [*lines, ""]
