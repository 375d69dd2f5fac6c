"""What has been recorded of a strategy, and do its backtest, paper and live columns agree?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.market.timeframes import Timeframe
from core.paper.reports import read_report
from core.paper.snapshot import Mode
from core.report.columns import Column, column_of_block, column_of_live_trades, column_of_reports
from core.report.comparison import Comparison, compare
from core.store.live_trades import read_live_trades
from core.store.workspace import Workspace
from core.strategy.config import StrategyConfig


def validate_strategy(
    workspace: Workspace,
    config: StrategyConfig,
    *,
    now: int,
    reports: Sequence[Mapping[str, Any]],
    live_balance: float | None = None,
) -> Comparison:
    """Backtest, paper and live of a strategy, side by side.

    Args:
        workspace: where the live trades are.
        config: the strategy; its `backtest:` block is the first column.
        now: UTC ms.
        reports: of the paper sessions that count.
        live_balance: the real account's balance before its first trade, if known.
    """
    return compare(
        config.name,
        config.timeframe,
        backtest=column_of_block("Backtest", config.extras.get("backtest"), "STRATEGY.md"),
        paper=_paper(reports),
        live=_live(workspace.live_trades, config.name, live_balance),
        now=now,
    )


def ended_reports(
    workspace: Workspace, strategy: str, timeframe: Timeframe
) -> list[Mapping[str, Any]]:
    """The final reports of a strategy's sessions, the oldest first; replays are left out."""
    reports = []
    for session_id in workspace.session_ids():
        report = read_report(workspace.session(session_id))
        if (
            report is not None
            and report["strategy"] == strategy
            and report["timeframe"] == timeframe
            and report["mode"] != Mode.REPLAY
        ):
            reports.append(report)
    return sorted(reports, key=lambda report: str(report["started"]))


def _paper(reports: Sequence[Mapping[str, Any]]) -> Column | None:
    counted = [report for report in reports if report["period"]["candles"]]
    if not counted:
        return None
    names = ", ".join(str(report["session_id"]) for report in counted)
    return column_of_reports("Paper", counted, f"session{'s'[: len(counted) > 1]} {names}")


def _live(path: Path, strategy: str, balance: float | None) -> Column | None:
    trades = read_live_trades(path).of_strategy(strategy)
    return column_of_live_trades(trades, balance, path.name) if trades else None
