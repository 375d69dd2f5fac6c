"""Which sessions of a strategy count, and do its backtest, paper and live columns agree?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.bootstrap import attach
from core.compare.evidence import read_session
from core.compare.sources import Compared, Sources, compare_sources, document_of
from core.host.link import CommandError, NotFoundError
from core.host.offline import resting_report
from core.journal.manifest import SessionManifest, read_manifest
from core.journal.values import FeedKind, Mode
from core.market.candles.candles import Candles
from core.market.candles.timeframes import Timeframe
from core.market.feeds.feed import FeedError
from core.market.history.candle_history import CandleHistory
from core.market.history.market_period import public_api
from core.market.venue import BINANCE, VenueError
from core.session.reports import read_report
from core.store.journal_file import JournalError
from core.store.preferences import PreferencesError, read_preferences
from core.store.workspace import Workspace
from core.time_format import parse_time

Report = Mapping[str, Any]
ReportOf = Callable[[str], Awaitable[Report]]
"""Gives the report of a session that has not ended."""


@dataclass(frozen=True, slots=True)
class Question:
    """What to compare of a strategy.

    Attributes:
        strategy: its name.
        timeframe: its timeframe.
        document: the file it stands in, where there is one.
        blocks: what is recorded of it (`backtest:`, `paper:`), as in its document; None: look for
            that one in the workspace.
        sessions: the IDs of those that count; empty: all that have ended, without replays.
        live: the file of live trades; None: the workspace's.
        balance: the live account's before its first trade, if known.
        period: begin and end (exclusive, UTC ms) to which all columns are cut; None for all.
        fetch: whether to ask the exchange for its candles as it tells them now.
    """

    strategy: str
    timeframe: Timeframe
    document: Path | None = None
    blocks: Mapping[str, object] | None = None
    sessions: tuple[str, ...] = ()
    live: Path | None = None
    balance: float | None = None
    period: tuple[int, int] | None = None
    fetch: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What a comparison found, with the `reports` of the sessions that counted."""

    compared: Compared
    reports: tuple[Report, ...]


async def validate_strategy(
    workspace: Workspace, question: Question, now: int, report_of: ReportOf | None = None
) -> Answer:
    """Backtest, paper and live of a strategy, side by side.

    Args:
        workspace: where its sessions are.
        question: what to compare.
        now: UTC ms.
        report_of: gives the reports of sessions that have not ended; by default the host of the
            workspace does, or else their files.

    Raises:
        NotFoundError: there is no such session.
        CommandError: a session cannot be read, or runs another strategy; or the exchange cannot
            tell its candles.
    """
    reports = await _reports(workspace, question, report_of or _asking(workspace))
    document, blocks = question.document, question.blocks
    if blocks is None:
        document, blocks = await asyncio.to_thread(document_of, workspace, question.strategy)
    present = {}
    if question.fetch:
        for report in reports:
            present[str(report["session_id"])] = await fetch_present(workspace, report)
    sources = Sources(
        strategy=question.strategy,
        timeframe=question.timeframe,
        document=document,
        blocks=blocks or {},
        reports=reports,
        live=question.live or workspace.live_trades,
        balance=question.balance,
        period=question.period,
        present=present,
    )
    compared = await asyncio.to_thread(compare_sources, workspace, sources, now)
    return Answer(compared, tuple(reports))


async def fetch_present(workspace: Workspace, report: Report) -> dict[str, Candles]:
    """The candles of a session's period as its exchange tells them now, by symbol.

    Raises:
        CommandError: its prices came from no exchange, or that one does not answer.
    """
    session_id, end = str(report["session_id"]), report["period"]["end"]
    if end is None:
        raise CommandError(f"session {session_id} has decided on no candle yet")
    try:
        session = await asyncio.to_thread(read_session, workspace, session_id, parse_time(end))
        config, record = session.config, session.record
        venue = BINANCE.with_addresses(read_preferences(workspace.preferences).addresses)
        history = CandleHistory(public_api(_exchange(record), venue))  # not its cache
        stop = session.last + config.timeframe.ms
        found = {}
        try:
            for symbol in config.symbols:
                first = int(session.seen[symbol].time[0])
                past = await history.between(symbol, config.timeframe, first, stop)
                found[symbol] = past.candles
        finally:
            await history.api.close()
    except (JournalError, FeedError, PreferencesError, VenueError) as error:
        raise CommandError(f"session {session_id}: {error}") from error
    return found


def _exchange(record: SessionManifest) -> str:
    if record.feed is FeedKind.LIVE:
        return BINANCE.name
    if record.feed is FeedKind.POLL and record.exchange is not None:
        return record.exchange
    raise FeedError(f"its candles came from a {record.feed} feed: no exchange tells them now")


async def _reports(
    workspace: Workspace, question: Question, report_of: ReportOf
) -> Sequence[Report]:
    """The reports of the sessions that count: those named, or what there is to choose from."""
    reports = []
    for session_id in question.sessions:
        if session_id not in workspace.session_ids():
            raise NotFoundError(
                f"there is no session {session_id[:40]!r}: `papertape status` lists all"
            )
        report = read_report(workspace.session(session_id)) or await report_of(session_id)
        if report["strategy"] != question.strategy:
            raise CommandError(
                f"session {session_id} runs {report['strategy']}, not {question.strategy}"
            )
        reports.append(report)
    if question.sessions:
        return reports
    ended, living = await asyncio.to_thread(_sessions_of, workspace, question)
    if ended:
        return ended
    found = [await report_of(session_id) for session_id in living]
    return [report for report in found if report["period"]["candles"]]


def _sessions_of(workspace: Workspace, question: Question) -> tuple[list[Report], list[str]]:
    """A strategy's final reports and the IDs of its other sessions, the oldest first, no replays.

    A session without a candle is left out.
    """
    ended: list[Report] = []
    living: list[tuple[int, str]] = []
    for session_id in workspace.session_ids():
        folder = workspace.session(session_id)
        try:
            record = read_manifest(folder)
        except JournalError:
            continue  # it cannot be read by this program: `papertape status` says so
        config = record.config
        same = (config.get("name"), config.get("timeframe")) == (
            question.strategy,
            question.timeframe.value,
        )
        if not same or record.mode is Mode.REPLAY:
            continue
        report = read_report(folder)
        if report is None:
            living.append((record.created, session_id))
        elif report["period"]["candles"]:
            ended.append(report)
    ended.sort(key=lambda report: str(report.get("created", report["started"])))
    return ended, [session_id for _, session_id in sorted(living)]


def _asking(workspace: Workspace) -> ReportOf:
    async def report_of(session_id: str) -> Report:
        link = attach(workspace)
        if link is None:
            return await resting_report(workspace, session_id)
        return await link.report(session_id)

    return report_of
