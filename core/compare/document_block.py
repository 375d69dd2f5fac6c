"""Writes what of a session is kept in its strategy's document.

The `backtest:` and `paper:` blocks of a STRATEGY.md: figures under their names of docs/rules.md
§4, which `core.strategy.document.stored_metrics` reads back.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.compare.comparison import ComparisonResult
from core.report.result import Json
from core.report.stored_backtest import backtest_block
from core.strategy.document.document import decoded, read_strategy
from core.strategy.document.write_back import text_with_blocks, write_blocks
from core.time_format import short_date


def paper_block(report: Mapping[str, Any], comparison: ComparisonResult | None) -> Json:
    """The `paper:` block of a session's report, with what its comparison found, if there is one."""
    block: Json = {
        "session_id": report["session_id"],
        "mode": report["mode"],
        **backtest_block(report),
    }
    if comparison is not None:
        if comparison.verdict is not None:
            block["verdict"] = str(comparison.verdict.state)
        observations = [comparison.assessment, comparison.recommendation]
        if comparison.divergence is not None:
            observations.insert(1, comparison.divergence.summary)
        block["observations"] = observations
    return block


@dataclass(frozen=True, slots=True)
class DocumentChange:
    """A document with new blocks, not written yet. `difference`: the lines that change."""

    path: Path
    blocks: Mapping[str, object]
    difference: tuple[str, ...]

    def write(self) -> None:
        """Write it.

        Raises:
            DocumentError: the document cannot be changed without changing more.
            OSError: it cannot be written.
        """
        write_blocks(self.path, self.blocks)


def paper_change(
    path: Path, report: Mapping[str, Any], comparison: ComparisonResult, now: int
) -> DocumentChange:
    """The `paper:` block of a session's report with its observations, for a strategy's document.

    Args:
        path: of the document.
        report: of the session (its JSON).
        comparison: what was found.
        now: UTC ms.

    Raises:
        DocumentError: the document cannot be read.
    """
    blocks = {"paper": paper_block(report, comparison), "updated": short_date(now)}
    document = read_strategy(path)
    before = decoded(path)
    after = text_with_blocks(before, document.kind, blocks)
    lines = difflib.unified_diff(
        before.splitlines(),
        after.splitlines(),
        str(path),
        f"{path} (with this session)",
        lineterm="",
        n=1,
    )
    return DocumentChange(path, blocks, tuple(lines))
