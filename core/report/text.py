"""Renders a report for a terminal."""

from __future__ import annotations

from core.report.report_sections import Report, Section, Table, outline, report_title

_LAST_TRADES = 20


def report_text(report: Report) -> str:
    """The report as plain text without colours or escapes, ending in a line break.

    Of the trades it shows the last 20.
    """
    sections = outline(report, last_trades=_LAST_TRADES)
    parts = [report_title(report), *(_section(section) for section in sections)]
    return "\n\n".join(parts) + "\n"


def _section(section: Section) -> str:
    lines = [] if section.title == "Run" else [section.title]
    lines += [f"  {sentence}" for sentence in section.sentences]
    lines += [f"  - {point}" for point in section.points]
    if section.table is not None:
        lines += [f"  {line}".rstrip() for line in _table(section.table)]
    if section.literal is not None:
        lines += section.literal.splitlines()
    return "\n".join(lines)


def _table(table: Table) -> list[str]:
    header = [table.header] if any(table.header[:1]) or len(table.header) > 3 else []
    rows = [*header, *table.rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.header))]
    return [
        "  ".join(
            cell.rjust(width) if numeric else cell.ljust(width)
            for cell, width, numeric in zip(row, widths, table.numeric, strict=True)
        )
        for row in rows
    ]
