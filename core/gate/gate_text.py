"""Writes what the gate found for a terminal: the verdict, why, and what stands beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from textwrap import wrap
from types import MappingProxyType

from core.gate.gate import Gate, UnfinishedGate
from core.gate.text import (
    GateSection,
    answer,
    expectation_section,
    gate_sections,
    unfinished_words,
    verdict_reasons,
)
from core.text import safe_text
from core.trial.expectation import Expectation

_WIDTH = 96
_ANSWER = 11  # cells of an answer


def gate_text(
    gate: Gate | UnfinishedGate, settings: Mapping[str, float | int | str] = MappingProxyType({})
) -> list[str]:
    """The lines a person reads. `settings`: see `gate_sections`."""
    if isinstance(gate, UnfinishedGate):
        return [unfinished_words(gate)]
    lines = [f"Verdict: {gate.verdict.value}", "", *_findings(gate)]
    for section in gate_sections(gate, settings):
        lines += ["", *_section_lines(section)]
    return lines


def expectation_lines(expected: Expectation | None) -> list[str]:
    """What as many trades again would bring; None: there were too few to draw from."""
    return _section_lines(expectation_section(expected))


def _findings(gate: Gate) -> Iterator[str]:
    for reason in verdict_reasons(gate):
        yield from _indented(reason, "  ")
    for one in gate.findings:
        yield f"  {answer(gate, one):<{_ANSWER}}{one.question}"
        yield from _indented(one.says, " " * (2 + _ANSWER))


def _indented(text: str, margin: str) -> list[str]:
    return wrap(text, _WIDTH, initial_indent=margin, subsequent_indent=margin)


def _section_lines(section: GateSection) -> list[str]:
    lines = [section.title]
    for fixed, text in section.lines():
        head = f"  {safe_text(fixed)}"
        margin = " " * (len(head) + 2)
        lines += wrap(safe_text(text), _WIDTH, initial_indent=f"{head}  ", subsequent_indent=margin)
        if not text:
            lines.append(head.rstrip())
    for sentence in section.sentences:
        lines += _indented(sentence, "  ")
    return lines
