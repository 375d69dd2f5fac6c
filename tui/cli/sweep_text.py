"""Writes a sweep for a terminal: the best rows, a heat map, and what luck would find."""

from __future__ import annotations

from core.backtest.sweep import LOWER_IS_BETTER, Sweep, SweepRow
from core.report.metric_labels import figure_text
from core.report.metrics import Metrics
from core.report.result import metrics_to_json
from core.report.undefined import UNDEFINED
from core.time_format import short_time
from tui.cli.output import table

_COLUMNS = {
    "sharpe_ratio": "Sharpe",
    "total_return_pct": "Return",
    "max_drawdown_pct": "Max DD",
    "profit_factor": "PF",
    "win_rate_pct": "Win rate",
    "total_trades": "Trades",
}
_REST = {"sharpe_ratio": "Sharpe", "total_return_pct": "Return"}
_SHADES = " ░▒▓█"


def sweep_text(sweep: Sweep, top: int) -> list[str]:
    """The lines a person reads."""
    return [*_unfinished(sweep), *_rows(sweep, top), "", *_heat_map(sweep), *_luck(sweep)]


def _unfinished(sweep: Sweep) -> list[str]:
    if sweep.complete:
        return []
    return [
        f"Not finished: {len(sweep.rows):,} of {sweep.total:,} combinations; what follows is said "
        "of those alone.",
        "",
    ]


def _rows(sweep: Sweep, top: int) -> list[str]:
    columns = dict(_COLUMNS)
    if sweep.sort not in columns:
        columns = {sweep.sort: sweep.sort, **columns}
    paths = [axis.path for axis in sweep.axes]
    split = sweep.split_time is not None
    headings = [*paths, *columns.values(), *(f"rest: {label}" for label in _REST.values() if split)]
    rows = [
        [
            *(str(value) for value in row.values),
            *_figures(row.metrics, columns),
            *_figures(row.rest, _REST),
        ]
        for row in sweep.rows[:top]
    ]
    return table(headings, rows, right=">" * len(headings))


def _figures(metrics: Metrics | None, names: dict[str, str]) -> list[str]:
    if metrics is None:
        return []
    plain = metrics_to_json(metrics)
    return [figure_text(name, plain) for name in names]


def _heat_map(sweep: Sweep) -> list[str]:
    """The metric sorted by over the first two axes, the best of what the other axes make of it."""
    if len(sweep.axes) < 2:
        return []
    down, across = sweep.axes[:2]
    best: dict[tuple[object, object], float] = {}
    for row in reversed(sweep.rows):  # the best comes last and stays
        number = _value(row, sweep.sort)
        if number is not None:
            best[row.values[0], row.values[1]] = number
    if not best:
        return []
    low, high = min(best.values()), max(best.values())
    width = max(2, *(len(str(value)) for value in across.values))
    margin = max(len(down.path), *(len(str(value)) for value in down.values))
    lines = [f"{down.path:>{margin}}  {sweep.sort} over {across.path}, the darker the better"]
    for value in down.values:
        cells = (
            _shade(best.get((value, other)), low, high, sweep.sort) * width
            for other in across.values
        )
        lines.append(f"{value!s:>{margin}}  " + " ".join(cells).rstrip())
    lines.append(" " * (margin + 2) + " ".join(f"{value!s:>{width}}" for value in across.values))
    return [*lines, ""]


def _value(row: SweepRow, name: str) -> float | None:
    value: float | None = getattr(row.metrics, name)
    return value


def _shade(value: float | None, low: float, high: float, sort: str) -> str:
    if value is None:
        return "·"
    share = 1.0 if high == low else (value - low) / (high - low)
    if sort in LOWER_IS_BETTER:
        share = 1 - share
    return _SHADES[round(share * (len(_SHADES) - 1))]


def _luck(sweep: Sweep) -> list[str]:
    lines = [
        f"{len(sweep.rows):,} combinations tried, worth {sweep.effective_tries:,.0f} independent "
        "ones, which are counted among the strategy's tries."
    ]
    if sweep.split_time is not None:
        lines.append(
            f"Ranked on the candles before {short_time(sweep.split_time)} UTC; "
            "“rest” is what came after, which the ranking did not see."
        )
    best = sweep.rows[0].metrics.sharpe_ratio
    if sweep.expected_best_sharpe is not None and best is not None:
        probability = sweep.deflated_sharpe
        said = UNDEFINED if probability is None else f"{probability * 100:.0f} %"
        lines.append(
            f"The best of as many tries without merit would have a Sharpe of about "
            f"{sweep.expected_best_sharpe:.2f}; the first row has {best:.2f}."
        )
        lines.append(f"Probability that its merit is more than luck (deflated Sharpe): {said}.")
    return lines
