"""Writes a comparison as text: the source document's table, and below it what it rests on."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from decimal import Decimal

from core.compare.columns import ComparedColumn
from core.compare.comparison import ComparedRow, ComparisonResult
from core.compare.promise import NOT_SEALED
from core.compare.verdict import Answer
from core.compare.waterfall import in_cents
from core.report.metric_labels import signed_money
from core.report.metric_words import UNDEFINED, undefined_text
from core.text import per_cent, safe_text, signed_per_cent
from core.time_format import short_date, short_duration
from core.trial.state import DESCRIBED

LABELS = {
    "win_rate_pct": "Win Rate",
    "profit_factor": "PF",
    "max_drawdown_pct": "Max DD",
    "sharpe_ratio": "Sharpe",
    "total_trades": "Trades",
    "total_return_pct": "Return",
    "expectancy": "Expectancy",
    "avg_hold": "Avg Hold",
    "exposure_pct": "Exposure",
}
_ALWAYS = ("win_rate_pct", "profit_factor", "max_drawdown_pct", "sharpe_ratio", "total_trades")
_HEADINGS = ("Backtest", "Paper", "Live")
_LEAST_WIDTHS = (" " * 10, " " * 8, " " * 6, " " * 4)
_RULE_WIDTH, _WRAP = 39, 46


def comparison_text(comparison: ComparisonResult) -> str:
    """The table, the assessment and below them what they rest on; plain text, a line break last."""
    lines = [*comparison_table(comparison), "", f"Recommendation: {comparison.recommendation}"]
    if comparison.together:
        lines += ["", safe_text(f"{comparison.together}.")]
    lines += _answers(comparison)
    if comparison.divergence is not None:
        lines += ["", safe_text(comparison.divergence.summary), *_waterfall(comparison)]
    for heading, texts in (
        ("Intervals", comparison.intervals),
        ("Warning signs", comparison.warning_signs),
        ("Missing", comparison.missing),
        ("Notes", comparison.notes),
    ):
        if texts:
            lines += ["", heading, *(f"  - {safe_text(text)}" for text in texts)]
    return "\n".join(lines) + "\n"


def _answers(comparison: ComparisonResult) -> list[str]:
    """The verdict and a line for each of the five answers."""
    if comparison.verdict is None:
        return []
    verdict = comparison.verdict
    doubt = comparison.layers.doubt
    told = [" ".join(filter(None, (verdict.column.lower(), comparison.judged_session)))]
    if verdict.sealed and comparison.layers.trial is not None:
        told.append(f"trial {comparison.layers.trial}")
    if not verdict.sealed:
        told.append(NOT_SEALED if doubt is None else doubt.in_short)
    if verdict.closes is not None:
        told.append(f"closes about {short_date(verdict.closes)}")
    lines = ["", f"Verdict: {verdict.word} ({', '.join(told)})"]
    answers = {str(layer): one for layer, one in comparison.layers.lines().items()}
    live = comparison.layers.live
    if live is not None:
        answers["live"] = Answer(live.state, live.word, live.text)
    width = max(map(len, answers), default=0)
    for layer, one in answers.items():
        shown = "" if one.word == DESCRIBED else f"{one.word}: "
        lines.append(f"  {layer:<{width}}  {shown}{safe_text(one.text)}")
    judged = comparison.layers.judged_text
    return lines if judged is None else [*lines, f"  {safe_text(judged)}"]


def comparison_table(comparison: ComparisonResult) -> list[str]:
    """The three columns and the assessment, laid out as in the source document.

    The rows it does not have come after its own, where any column knows them.
    """
    by_name = {column.name: column for column in comparison.columns}
    headings = (by_name[name].heading if name in by_name else name for name in _HEADINGS)
    cells = [["", *headings]]
    for row in comparison.rows:
        if row.name in _ALWAYS or any(value is not None for value in row.values.values()):
            texts = (_cell(row, by_name.get(name), comparison.decimals) for name in _HEADINGS)
            cells.append([row.labelled(LABELS[row.name]), *texts])
    widths = [max(len(line[at]) for line in (_LEAST_WIDTHS, *cells)) for at in range(4)]
    # The document's own rule: hyphens beneath the two columns in the middle.
    bars = "|".join(
        (
            "─" * (widths[0] + 1),
            "-" * (widths[1] + 2),
            "-" * (widths[2] + 2),
            "─" * (widths[3] + 2),
        )
    )
    rule = "═" * max(_RULE_WIDTH, len(bars))
    head, *body = (_line(line, widths) for line in cells)
    assessment = textwrap.wrap(f"Assessment: {comparison.assessment}", max(_WRAP, len(bars)))
    title = safe_text(f"Strategy Validation: {comparison.strategy}")
    return [title, rule, head, bars, *body, bars, *assessment, rule]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
    return " | ".join(padded).rstrip()


def _cell(row: ComparedRow, column: ComparedColumn | None, decimals: int) -> str:
    if column is None:
        return UNDEFINED
    value = row.values.get(column.name)
    if value is None:
        return undefined_text(row.name, column.metrics)
    if row.name == "total_trades":
        return f"{value:.0f}"
    if row.name == "avg_hold":
        return short_duration(value)
    if row.name == "expectancy":
        return signed_money(value, decimals)
    if row.name == "total_return_pct":
        return signed_per_cent(value)
    if row.name == "max_drawdown_pct":
        # Whole ones, as they are recorded by hand, are the source document's.
        known = [each for each in row.values.values() if each is not None]
        return per_cent(value, 0 if all(each == round(each) for each in known) else 2)
    if row.name.endswith("_pct"):
        return per_cent(value, 0 if value >= 10 or value == round(value) else 1)
    return f"{value:.1f}" if round(value, 1) == round(value, 2) else f"{value:.2f}"


def _waterfall(comparison: ComparisonResult) -> list[str]:
    """The parts of the difference in P&L, in cents that sum (`in_cents`)."""
    if comparison.divergence is None:
        return []
    decimals = comparison.divergence.decimals
    cents = in_cents(comparison.divergence.parts, decimals)
    rows = [(str(part), amount) for part, amount in cents.items() if amount]
    rows.append(("P&L, paper − replay", sum(cents.values(), Decimal(0))))
    width = max(len(name) for name, _ in rows)
    return [f"  {name:<{width}}  {amount:>+12,.{decimals}f}" for name, amount in rows]
