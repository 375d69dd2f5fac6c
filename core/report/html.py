"""Renders a report as one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from core.report.curves import SvgBand, SvgCurve, drawdown, svg
from core.report.report_sections import Report, Section, Table, outline, report_title
from core.time_format import parse_time

# `default-src 'none'` makes the browser itself refuse any request and any script.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = """
:root { color-scheme: light dark; --ink: #1c2127; --soft: #66707b; --rule: #d8dde3;
  --paper: #fff; --first: #1f6feb; --second: #b35900; --third: #6f42c1; --fall: #c0392b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ed; --soft: #97a1ac; --rule: #363d45;
  --paper: #14181d; --first: #6cb0ff; --second: #f0a35e; --third: #b494f0; --fall: #ff7b6b; } }
body { margin: 2rem auto; max-width: 62rem; padding: 0 1rem; color: var(--ink);
  background: var(--paper); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .8rem .2rem 0; border-bottom: 1px solid var(--rule); text-align: left;
  white-space: nowrap; }
th { color: var(--soft); font-weight: 600; } .numeric { text-align: right; }
pre { white-space: pre-wrap; line-height: 1.3; }
svg { width: 100%; height: auto; } svg text { fill: var(--soft); font-size: 11px; }
.grid { stroke: var(--rule); } .curve { fill: none; stroke-width: 1.5; }
.first { stroke: var(--first); } .second { stroke: var(--second); stroke-dasharray: 6 3; }
.third { stroke: var(--third); stroke-dasharray: 2 3; } .fall { stroke: var(--fall); }
.band { fill: var(--soft); fill-opacity: .18; stroke: none; }
.area { stroke: none; fill: var(--fall); fill-opacity: .2; }
@media print { body { margin: 0; max-width: none; font-size: 10pt; color: #000; background: #fff; }
  h2 { break-after: avoid; } tr, svg { break-inside: avoid; } thead { display: table-header-group; }
  .wide, pre { overflow: visible; } }
"""
_STYLES = ("first", "second", "third")


def report_page(report: Report) -> str:
    """The report as an HTML document: no script, no network, all text escaped.

    `report` is a result's or a session's JSON. Its curves are drawn where it has `equity`; beside
    the backtests it was compared with, in per cent of the starting balances.
    """
    heading = escape(report_title(report))
    sections = outline(report)
    body = [
        f"<h1>{heading}</h1>",
        _section(sections[0]),
        *_plots(report),
        *(_section(section) for section in sections[1:]),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{heading}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _plots(report: Report) -> list[str]:
    replays = (report.get("comparison") or {}).get("replays", ())
    others = [("Backtest", replay) for replay in replays if replay.get("equity")]
    named = [("This run", report), *others] if report.get("equity") else others
    if not named:
        return []
    curves = [
        _curve(name, other, style, in_per_cent=len(named) > 1)
        for (name, other), style in zip(named, _STYLES, strict=False)
    ]
    unit = ", change in per cent" if len(named) > 1 else ""
    balance = None if len(named) > 1 else report["starting_balance"]
    plots = [f"<h2>Equity{unit}</h2>{svg(curves, 'Equity', band=_band(report, balance))}"]
    if report.get("equity"):
        own = _curve("Drawdown", report, "fall", in_per_cent=False)
        fall = drawdown(own.values, report["starting_balance"])
        curve = SvgCurve(own.name, own.times, fall, own.style)
        plots.append(f"<h2>Drawdown, per cent</h2>{svg([curve], 'Drawdown', filled=True)}")
    return plots


def _band(report: Report, balance: float | None) -> SvgBand | None:
    """The band of a trial, in per cent, or as equity that began with `balance`."""
    path = ((report.get("comparison") or {}).get("layers") or {}).get("path") or {}
    cone = path.get("cone")
    if not cone or not cone["points"]:
        return None
    times = np.array([parse_time(time) for time, *_ in cone["points"]], dtype=np.int64)
    sides = np.array([(low, high) for _, low, _, high in cone["points"]], dtype=np.float64)
    if balance is not None:
        sides = balance * (1 + sides / 100)
    return SvgBand(cone["legend"], times, sides[:, 0], sides[:, 1])


def _curve(name: str, report: Report, style: str, *, in_per_cent: bool) -> SvgCurve:
    points: Sequence[Sequence[Any]] = report["equity"]
    times = np.array([parse_time(time) for time, _ in points], dtype=np.int64)
    values = np.array([value for _, value in points], dtype=np.float64)
    if in_per_cent:
        values = (values / report["starting_balance"] - 1) * 100
    return SvgCurve(name, times, values, style)


def _section(section: Section) -> str:
    parts = [f"<h2>{escape(section.title)}</h2>"]
    parts += [f"<p>{escape(sentence)}</p>" for sentence in section.sentences]
    if section.points:
        points = "".join(f"<li>{escape(point)}</li>" for point in section.points)
        parts.append(f"<ul>{points}</ul>")
    if section.table is not None:
        parts.append(_table(section.table))
    if section.literal is not None:
        parts.append(f"<pre>{escape(section.literal)}</pre>")
    return "\n".join(parts)


def _table(table: Table) -> str:
    head = _row(table.header, table.numeric, "th")
    rows = "\n".join(_row(row, table.numeric, "td") for row in table.rows)
    return f'<div class="wide"><table><thead>{head}</thead><tbody>\n{rows}\n</tbody></table></div>'


def _row(cells: tuple[str, ...], numeric: tuple[bool, ...], tag: str) -> str:
    written = "".join(
        f'<{tag} class="numeric">{escape(cell)}</{tag}>'
        if right
        else f"<{tag}>{escape(cell)}</{tag}>"
        for cell, right in zip(cells, numeric, strict=True)
    )
    return f"<tr>{written}</tr>"
