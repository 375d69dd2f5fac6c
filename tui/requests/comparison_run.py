"""Makes comparisons for the screen, and writes them into documents.

Loads numpy, ccxt and their kin: import it late, in a thread.
"""

from __future__ import annotations

from pathlib import Path

from core.bootstrap import report_source
from core.compare.comparison import ComparisonResult
from core.compare.document_block import DocumentChange, paper_change
from core.compare.request import ComparisonError, ComparisonRequest
from core.compare.service import compare_strategy
from core.host.link import CommandError, HostLink
from core.store.workspace import Workspace
from core.strategy.config.problems import ConfigError
from core.time_format import wall_clock


async def compare(
    request: ComparisonRequest, workspace: Path, link: HostLink | None
) -> ComparisonResult:
    """Compare what is known of a strategy.

    Args:
        request: what to compare.
        workspace: its folder.
        link: the host that runs sessions, if there is one.

    Raises:
        ComparisonError: it cannot be compared; the message says why.
    """
    home = Workspace(workspace)
    report_of = report_source(home) if link is None else link.report
    try:
        return await compare_strategy(home, request, report_of)
    except CommandError as error:
        raise ComparisonError(str(error)) from error


def document_change(
    request: ComparisonRequest, result: ComparisonResult, workspace: Path
) -> DocumentChange | None:
    """What a save would write into the document; None where there is nothing to save. Blocks."""
    path = request.document
    if len(result.reports) != 1 or path is None or not path.is_relative_to(workspace):
        return None
    try:
        return paper_change(path, result.reports[0], result, wall_clock())
    except ConfigError:
        return None  # the document has been broken since it was read


def save(change: DocumentChange) -> None:
    """Write a change into its document. Blocks.

    Raises:
        ComparisonError: it cannot be written.
    """
    try:
        change.write()
    except (ConfigError, OSError) as error:
        raise ComparisonError(f"{change.path}: {error}") from error
