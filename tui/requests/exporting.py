"""Writes a report into files of the workspace, in every form that others read."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
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

    strategy, name = str(report.get("strategy")), str(report.get("session_id") or "backtest")
    folder = workspace / "exports"
    folder /= f"{strategy if is_name(strategy) else 'report'}-{short_date(wall_clock())}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for ending, text in (
        (".json", orjson.dumps(report, default=str, option=orjson.OPT_INDENT_2)),
        (".md", report_markdown(report).encode()),
        (".html", report_page(report).encode()),
        ("-trades.csv", trades_csv(report).encode()),
    ):
        write_durably(folder / f"{name}{ending}", text, OsDisk())
    return folder
