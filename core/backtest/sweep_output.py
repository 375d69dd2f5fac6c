"""How is a sweep written down: as JSON, as CSV?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.backtest.sweep import Sweep, SweepRow
from core.report.instants import optional_iso_time
from core.report.metrics import Metrics
from core.report.result_json import metrics_to_json
from core.report.spreadsheet import csv_text

_FIGURES = tuple(
    name
    for name in Metrics.__dataclass_fields__
    if name not in ("metrics_undefined", "win_rate_ci")
)


def sweep_to_json(sweep: Sweep, top: int | None = None) -> dict[str, Any]:
    """A sweep as plain JSON values, its `top` rows or all.

    `rows` come best first: `set` (path → value), `metrics`, and under a split `rest`, the metrics
    of the part that the ranking did not see. `tried` counts all of them.
    """
    return {
        "tried": len(sweep.rows),
        "sort": sweep.sort,
        "axes": {axis.path: list(axis.values) for axis in sweep.axes},
        "split_time": optional_iso_time(sweep.split_time),
        "expected_best_sharpe": sweep.expected_best_sharpe,
        "deflated_sharpe": sweep.deflated_sharpe,
        "rows": [
            {
                "set": _set(sweep, row.values),
                "metrics": metrics_to_json(row.metrics),
                **({} if row.rest is None else {"rest": metrics_to_json(row.rest)}),
            }
            for row in sweep.rows[:top]
        ],
    }


def sweep_to_csv(sweep: Sweep) -> str:
    """All rows, best first: a column for each path, for each metric, and for each of the rest's."""
    split = sweep.split_time is not None
    paths = [axis.path for axis in sweep.axes]
    header = [*paths, *_FIGURES, *(f"rest_{name}" for name in _FIGURES if split)]
    return csv_text(header, (_cells(row) for row in sweep.rows))


def _cells(row: SweepRow) -> list[object]:
    parts = [row.metrics] if row.rest is None else [row.metrics, row.rest]
    return [*row.values, *(getattr(part, name) for part in parts for name in _FIGURES)]


def _set(sweep: Sweep, values: tuple[float | int | str, ...]) -> Mapping[str, float | int | str]:
    return {axis.path: value for axis, value in zip(sweep.axes, values, strict=True)}
