"""Makes comparisons for the screen, and writes them into files.

Loads numpy, ccxt and their kin: import it late, in a thread.
"""

from __future__ import annotations

from pathlib import Path

import orjson

from core.bootstrap import report_source
from core.compare.comparison import ComparisonResult
from core.compare.document_block import DocumentChange, paper_change
from core.compare.request import ComparisonError, ComparisonRequest
from core.compare.service import compare_strategy
from core.compare.text import comparison_text
from core.compare.to_json import comparison_to_json
from core.host.link import CommandError, HostLink
from core.report.html import report_page
from core.report.spreadsheet import trades_csv
from core.store.durable import OsDisk, write_durably
from core.store.workspace import Workspace
from core.strategy.config.problems import ConfigError
from core.time_format import wall_clock
from tui.requests.exporting import export_folder, unused_stem

__all__ = ["compare", "comparison_to_json", "document_change", "export", "save"]


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


def export(result: ComparisonResult, workspace: Path) -> Path:
    """Write a comparison and its sessions' reports into a folder; its path. Blocks.

    Raises:
        ComparisonError: it cannot be written.
    """
    try:
        folder = export_folder(workspace, result.strategy, "comparison")
        for name, text in _files(result, folder):
            write_durably(folder / name, text, OsDisk())
    except OSError as error:
        raise ComparisonError(f"it cannot be written ({error})") from error
    return folder


def _files(result: ComparisonResult, folder: Path) -> list[tuple[str, bytes]]:
    found = comparison_to_json(result)
    as_json = orjson.dumps(found, option=orjson.OPT_INDENT_2)
    stem = unused_stem(folder, "comparison", ".json", as_json)
    written = [(f"{stem}.txt", comparison_text(result).encode()), (f"{stem}.json", as_json)]
    for report in result.reports:
        name = str(report["session_id"])
        written += [
            (f"{name}.html", report_page({**report, "comparison": found}).encode()),
            (f"{name}-trades.csv", trades_csv(report).encode()),
        ]
    return written
