"""Writes reports into files of the workspace, in every form that others read.

What was exported before stays: only a session's report, whose files have its ID, takes the place of
an earlier one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from itertools import chain, count
from pathlib import Path
from typing import Any

from core.store.durable import OsDisk, write_durably
from core.strategy.names import is_name
from core.time_format import short_date, wall_clock


async def export_report(report: Mapping[str, Any], workspace: Path) -> Path:
    """Write a report (in the shape of `report --json`) into a folder of the workspace; its path.

    Raises:
        OSError: it cannot be written.
    """
    return await asyncio.to_thread(_export, report, workspace)


def _export(report: Mapping[str, Any], workspace: Path) -> Path:
    import orjson  # noqa: PLC0415

    from core.report.html import report_page  # noqa: PLC0415  (not before it is wanted)
    from core.report.markdown import report_markdown  # noqa: PLC0415
    from core.report.spreadsheet import trades_csv  # noqa: PLC0415

    folder = export_folder(workspace, str(report.get("strategy")), "report")
    written = orjson.dumps(report, default=str, option=orjson.OPT_INDENT_2)
    name = str(report.get("session_id") or unused_stem(folder, "backtest", ".json", written))
    for ending, text in (
        (".json", written),
        (".md", report_markdown(report).encode()),
        (".html", report_page(report).encode()),
        ("-trades.csv", trades_csv(report).encode()),
    ):
        write_durably(folder / f"{name}{ending}", text, OsDisk())
    return folder


def export_folder(workspace: Path, strategy: str, otherwise: str) -> Path:
    """The folder of today's exports of a strategy; named `otherwise` where it has no usable name.

    Raises:
        OSError: it cannot be made.
    """
    name = strategy if is_name(strategy) else otherwise
    folder = workspace / "exports" / f"{name}-{short_date(wall_clock())}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def unused_stem(folder: Path, stem: str, ending: str, same: bytes | None = None) -> str:
    """The first of `stem`, `stem_2`, … under which there is no file yet, or one that is the `same`.

    Raises:
        OSError: a file cannot be read.
    """
    for name in chain((stem,), (f"{stem}_{number}" for number in count(2))):
        path = folder / f"{name}{ending}"
        if not path.exists() or path.read_bytes() == same:
            break
    return name
