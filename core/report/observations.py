"""What of a comparison is written into the strategy's document, and what does that change there?"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.report.blocks import paper_block
from core.report.comparison import Comparison
from core.report.instants import short_date
from core.strategy.document import decoded, read_strategy
from core.strategy.write_back import text_with_blocks, write_blocks


@dataclass(frozen=True, slots=True)
class Change:
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


def paper_change(path: Path, report: Mapping[str, Any], comparison: Comparison, now: int) -> Change:
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
    before = decoded(path.resolve())
    after = text_with_blocks(before, document.kind, blocks)
    lines = difflib.unified_diff(
        before.splitlines(),
        after.splitlines(),
        str(path),
        f"{path} (with this session)",
        lineterm="",
        n=1,
    )
    return Change(path, blocks, tuple(lines))
