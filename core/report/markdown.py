"""Renders a report as Markdown (report.md)."""

from __future__ import annotations

import re

from core.report.report_sections import Report, Section, Table, outline, report_title

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!&])")


def report_markdown(report: Report) -> str:
    """The report as a Markdown document; text from outside is escaped, so that it stays text."""
    parts = [
        f"# {escape(report_title(report))}",
        *(_section(section) for section in outline(report)),
    ]
    return "\n\n".join(parts) + "\n"


def escape(text: str) -> str:
    """`text` with every character Markdown could take for markup escaped."""
    return _SPECIAL.sub(r"\\\1", text)


def _section(section: Section) -> str:
    blocks = [f"## {escape(section.title)}"]
    blocks += [escape(sentence) for sentence in section.sentences]
    if section.points:
        blocks.append("\n".join(f"- {escape(point)}" for point in section.points))
    if section.table is not None:
        blocks.append(_table(section.table))
    if section.literal is not None:
        blocks.append(_fenced(section.literal))
    return "\n\n".join(blocks)


def _table(table: Table) -> str:
    rule = "|".join("---:" if numeric else ":---" for numeric in table.numeric)
    rows = [_row(table.header), f"|{rule}|", *(_row(row) for row in table.rows)]
    return "\n".join(rows)


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(escape(cell) for cell in cells) + " |"


def _fenced(text: str) -> str:
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"
