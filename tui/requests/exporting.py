"""Writes what a page shows as JSON, and into files of the workspace, in forms that others read.

What was exported before stays: only a session's report, whose files have its ID, takes the place of
an earlier one. An export returns where it wrote: a folder, or the only file. All functions block,
and load numpy and its kin where they are called.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.store.durable import OsDisk, write_durably
from core.store.redaction import KNOWN_SECRETS
from core.strategy.names import is_name
from core.time_format import iso_time, short_date, wall_clock

if TYPE_CHECKING:
    from core.backtest.sweep import Sweep
    from core.compare.comparison import ComparisonResult
    from tui.requests.backtest import BacktestOrder, Points
    from tui.requests.library import Compared
    from tui.requests.varying import Varied

_Files = Mapping[str, bytes]
"""Contents by what stands behind a common name; the first tells one export from another."""


def export_report(report: Mapping[str, Any], workspace: Path) -> Path:
    """Write a report (in the shape of `report --json`).

    Raises:
        OSError: it cannot be written.
    """
    from core.report.html import report_page  # noqa: PLC0415
    from core.report.markdown import report_markdown  # noqa: PLC0415
    from core.report.spreadsheet import trades_csv  # noqa: PLC0415

    files = {
        ".json": _json(report),
        ".md": report_markdown(report).encode(),
        ".html": report_page(report).encode(),
        "-trades.csv": trades_csv(report).encode(),
    }
    folder = _folder(workspace, str(report.get("strategy")), "report")
    session = report.get("session_id")
    return _write(folder, str(session or _unused(folder, "backtest", files)), files)


def comparison_json(result: ComparisonResult) -> dict[str, Any]:
    """What `compare --json` prints of a comparison."""
    from core.compare.to_json import comparison_to_json  # noqa: PLC0415

    return comparison_to_json(result)


def export_comparison(result: ComparisonResult, workspace: Path) -> Path:
    """Write a comparison and its sessions' reports.

    Raises:
        OSError: it cannot be written.
    """
    from core.compare.text import comparison_text  # noqa: PLC0415
    from core.report.html import report_page  # noqa: PLC0415
    from core.report.spreadsheet import trades_csv  # noqa: PLC0415

    found = comparison_json(result)
    files = {".json": _json(found), ".txt": comparison_text(result).encode()}
    folder = _folder(workspace, result.strategy, "comparison")
    for report in result.reports:
        pages = {
            ".html": report_page({**report, "comparison": found}).encode(),
            "-trades.csv": trades_csv(report).encode(),
        }
        _write(folder, str(report["session_id"]), pages)
    return _write(folder, _unused(folder, "comparison", files), files)


def overlay_json(compared: Compared) -> dict[str, Any]:
    """What `backtests compare --json` prints of two backtests."""
    from core.report.side_by_side import pair_to_json  # noqa: PLC0415

    return pair_to_json(compared.pair)


def export_overlay(compared: Compared, workspace: Path) -> Path:
    """Write two backtests side by side: figures and settings, and both curves.

    Raises:
        OSError: it cannot be written.
    """
    from core.report.side_by_side import pair_csv  # noqa: PLC0415
    from core.report.spreadsheet import curves_csv  # noqa: PLC0415
    from tui.requests.library import in_per_cent, points_of  # noqa: PLC0415

    curves: dict[str, Points] = {}
    for letter, opened in zip("AB", (compared.one, compared.other), strict=True):
        equity, start = points_of(opened.report), opened.listed.result.starting_balance
        curves[f"{letter}_equity"] = equity
        curves[f"{letter}_return_pct"] = in_per_cent(equity, start)
    files = {
        ".json": _json(overlay_json(compared)),
        ".csv": pair_csv(compared.pair).encode(),
        "-curves.csv": curves_csv(curves).encode(),
    }
    folder = _folder(workspace, compared.one.listed.result.strategy, "overlay")
    return _write(folder, _unused(folder, "overlay", files), files)


def export_sweep(sweep: Sweep, strategy: str, workspace: Path) -> Path:
    """Write every setting of a sweep with all its figures.

    Raises:
        OSError: it cannot be written.
    """
    from core.backtest.sweep import sweep_to_csv  # noqa: PLC0415

    files = {".csv": sweep_to_csv(sweep).encode()}
    folder = _folder(workspace, strategy, "sweep")
    return _write(folder, _unused(folder, "sweep", files), files)


def gate_json(varied: Varied, order: BacktestOrder) -> dict[str, Any]:
    """What `gate --json` prints of a gate, with as much of its curve as is kept, and what it is of.

    `order`: what was judged.
    """
    from core.backtest.sweep import Sweep  # noqa: PLC0415
    from core.gate.to_json import gate_to_json  # noqa: PLC0415

    assert not isinstance(varied.found, Sweep)
    found = gate_to_json(varied.found, whole=False)
    if varied.reports:  # one that was kept has its curve there
        _, (joined, _) = varied.reports
        found["walk_forward"]["equity"] = joined["equity"]
    return {"strategy": order.name, "settings": dict(order.settings), **found}


def export_gate(varied: Varied, order: BacktestOrder, workspace: Path) -> Path:
    """Write what a gate found, as `papertape gate` prints it with and without `--json`.

    Raises:
        OSError: it cannot be written.
    """
    from core.backtest.sweep import Sweep  # noqa: PLC0415
    from core.gate.gate_text import gate_text  # noqa: PLC0415

    assert not isinstance(varied.found, Sweep)
    text = "".join(f"{line}\n" for line in gate_text(varied.found, order.settings))
    files = {".json": _json(gate_json(varied, order)), ".txt": text.encode()}
    folder = _folder(workspace, order.name, "gate")
    return _write(folder, _unused(folder, "gate", files), files)


def export_picture(svg: str, page: str, workspace: Path) -> Path:
    """Write a picture of the screen that shows a page, named by it and the time of day (UTC).

    Raises:
        OSError: it cannot be written.
    """
    files = {".svg": KNOWN_SECRETS.redact(svg).encode()}
    name = "_".join(page.casefold().split())
    stem = f"{name}-{iso_time(wall_clock())[11:19].replace(':', '')}"
    folder = _folder(workspace, "screen", "screen")
    return _write(folder, _unused(folder, stem, files), files)


def _json(value: Mapping[str, Any]) -> bytes:
    import orjson  # noqa: PLC0415

    return orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2)


def _folder(workspace: Path, strategy: str, otherwise: str) -> Path:
    """The folder of today's exports of a strategy; `otherwise`: for one without a usable name."""
    name = strategy if is_name(strategy) else otherwise
    folder = workspace / "exports" / f"{name}-{short_date(wall_clock())}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _unused(folder: Path, stem: str, files: _Files) -> str:
    """The first of `stem`, `stem_2`, … under which nothing was exported yet, or the very same."""
    ending, content = next(iter(files.items()))
    for name in chain((stem,), (f"{stem}_{number}" for number in count(2))):
        path = folder / f"{name}{ending}"
        if not path.exists() or path.read_bytes() == content:
            break
    return name


def _write(folder: Path, stem: str, files: _Files) -> Path:
    for ending, content in files.items():
        write_durably(folder / f"{stem}{ending}", content, OsDisk())
    return folder if len(files) > 1 else folder / f"{stem}{next(iter(files))}"
