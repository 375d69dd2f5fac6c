"""Compares what is known of a strategy: the one entry for screen, command line and tool calls.

It finds the sessions that count and their reports, fetches candles where asked to, and has
`sources` read the rest. It asks no host: whoever calls says how the report of a session that still
runs is had (`ReportSource`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from core.compare.before_start import warnings_since
from core.compare.comparison import ComparisonResult
from core.compare.evidence import read_session
from core.compare.replay import Replayed
from core.compare.request import ComparisonError, ComparisonRequest, UnknownSessionError
from core.compare.sessions import Report
from core.compare.sources import compare_sources, document_of
from core.compare.to_json import comparison_to_json
from core.journal.manifest import SessionManifest, read_manifest
from core.journal.values import FeedKind, Mode
from core.market.candles.candles import Candles
from core.market.candles.timeframes import Timeframe
from core.market.feeds.feed import FeedError
from core.market.history.candle_history import CandleHistory
from core.market.venues.addresses import VenueError
from core.market.venues.registry import public_api
from core.report.stored_backtest import stored_backtest
from core.session.reports import read_report
from core.store.collector import without_collections
from core.store.journal_file import JournalError
from core.store.preferences import PreferencesError, read_preferences
from core.store.workspace import Workspace
from core.time_format import parse_time

_logger = logging.getLogger(__name__)


class ReportSource(Protocol):
    """Gives the report (its JSON) of a session that has not ended."""

    def __call__(self, session_id: str, /) -> Awaitable[Report]:
        """The report as it stands now."""
        ...


async def compare_strategy(
    workspace: Workspace, request: ComparisonRequest, report_of: ReportSource
) -> ComparisonResult:
    """Backtest, paper and live of a strategy, side by side.

    Args:
        workspace: where its sessions are.
        request: what to compare.
        report_of: gives the reports of sessions that have not ended; what it raises is passed on.

    Raises:
        UnknownSessionError: there is no such session, or it runs another strategy.
        ComparisonError: a session cannot be read, or the exchange cannot tell its candles.
    """
    reports = await _reports(workspace, request, report_of)
    if request.blocks is None:
        document, blocks = await asyncio.to_thread(document_of, workspace, request.strategy)
        request = replace(request, document=document, blocks=blocks)
    elif request.document is None:
        request = await asyncio.to_thread(_with_its_document, workspace, request)
    present = {}
    if request.fetch:
        for report in reports:
            present[str(report["session_id"])] = await fetch_present(workspace, report)
    return await asyncio.to_thread(_compared, workspace, request, reports, present)


def _with_its_document(workspace: Workspace, request: ComparisonRequest) -> ComparisonRequest:
    """The request of a config that came by itself, with what the workspace recorded of it.

    Its own records go before. The whole backtest is the workspace's where both tell of the same.
    """
    document, recorded = document_of(workspace, request.strategy)
    kept: dict[str, object] = {
        name: recorded[name] for name in ("backtest", "paper") if name in recorded
    }
    blocks = {**kept, **(request.blocks or {})}
    if document is None or stored_backtest(document, blocks.get("backtest")) is None:
        document = None
    return replace(request, document=document, blocks=blocks)


def _compared(
    workspace: Workspace,
    request: ComparisonRequest,
    reports: Sequence[Report],
    present: Mapping[str, Mapping[str, Candles]],
) -> ComparisonResult:
    with without_collections():
        return compare_sources(workspace, request, reports, present)


def add_comparison(workspace: Workspace, report: Report) -> dict[str, Any]:
    """A session's report (its JSON) with its comparison and recommendation filled in. Blocks."""
    name = str(report["strategy"])
    document, blocks = document_of(workspace, name)
    timeframe = Timeframe(report["timeframe"])
    request = ComparisonRequest(name, timeframe, document=document, blocks=blocks)
    result = compare_sources(workspace, request, (report,))
    of_now = document, blocks.get("backtest"), name, str(report["config_hash"])
    return {
        **report,
        "warnings": warnings_since(report["warnings"], *of_now),
        **_known_from_candles(report, result.replays),
        "comparison": comparison_to_json(result),
        "recommendation": result.recommendation,
    }


async def compared_report(workspace: Workspace, report: Report) -> dict[str, Any]:
    """`add_comparison`, off the event loop. A fault in it does not cost the report."""
    try:
        return await asyncio.to_thread(add_comparison, workspace, report)
    except Exception as error:  # a report without a comparison is better than none
        _logger.exception("comparison of session %s", report["session_id"])
        warning = f"it was not compared ({type(error).__name__}: {error})"
        return {**report, "warnings": [*report["warnings"], warning]}


async def written_report(workspace: Workspace, session_id: str) -> dict[str, Any] | None:
    """The final report of a session; None where there is none (or none that can be read).

    It is as it was written, unless the seal of its trial holds no more, or does again: it is then
    compared anew, with or without a verdict. Where that cannot be read it says so, no more: the
    verdict was given while it could be.
    """
    folder = workspace.session(session_id)
    report = await asyncio.to_thread(read_report, folder)
    if report is None:
        return None
    comparison = report.get("comparison")
    layers = comparison.get("layers") if isinstance(comparison, dict) else None
    told = layers if isinstance(layers, dict) else {}
    try:
        record = await asyncio.to_thread(read_manifest, folder)
        problem, unread = record.seal_problem or None, bool(record.seal_unread)
    except JournalError as error:
        problem, unread = str(error), True
    if unread:
        if not told.get("sealed"):
            return report
        warning = f"whether its seal still holds cannot be read now: {problem}"
        return {**report, "warnings": [*report["warnings"], warning]}
    if bool(problem) == bool(told.get("seal_problem")) and not told.get("seal_unread"):
        return report
    earlier = str(told.get("seal_problem"))
    warnings = [one for one in report["warnings"] if not earlier.endswith(one)]
    warnings += [problem] if problem else []
    return await compared_report(workspace, {**report, "warnings": warnings, "comparison": None})


def _known_from_candles(report: Report, replays: Sequence[Replayed]) -> dict[str, Any]:
    """What only the backtest on the candles a session saw can tell of it.

    Why there was no trade, and what the return had been with the target first in ambiguous candles.
    """
    known: dict[str, Any] = {}
    if len(replays) == 1:
        seen = replays[0].seen
        if not report["trades"]:
            known["diagnosis"] = seen.diagnosis
        if report["ambiguous"]["trades"]:
            worth = {"target_first_return_pct": seen.ambiguous_return_pct}
            known["ambiguous"] = {**report["ambiguous"], **worth}
    return known


async def fetch_present(workspace: Workspace, report: Report) -> dict[str, Candles]:
    """The candles of a session's period as its exchange tells them now, by symbol.

    Raises:
        ComparisonError: its prices came from no exchange, or that one does not answer.
    """
    session_id, end = str(report["session_id"]), report["period"]["end"]
    if end is None:
        raise ComparisonError(f"session {session_id} has decided on no candle yet")
    try:
        session = await asyncio.to_thread(read_session, workspace, session_id, parse_time(end))
        config, record = session.config, session.record
        addresses = read_preferences(workspace.preferences).addresses
        history = CandleHistory(public_api(_exchange(record), addresses))  # not its cache
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
        raise ComparisonError(f"session {session_id}: {error}") from error
    return found


def _exchange(record: SessionManifest) -> str | None:
    """The exchange of a session's candles; None for the default venue."""
    if record.feed in (FeedKind.LIVE, FeedKind.POLL):
        return record.exchange
    raise FeedError(f"its candles came from a {record.feed} feed: no exchange tells them now")


async def _reports(
    workspace: Workspace, request: ComparisonRequest, report_of: ReportSource
) -> Sequence[Report]:
    """The reports of the sessions that count: those named, or what there is to choose from."""
    reports: list[Report] = []
    for session_id in request.sessions:
        if session_id not in workspace.session_ids():
            raise UnknownSessionError(
                f"there is no session {session_id[:40]!r}: `papertape status` lists all"
            )
        folder = workspace.session(session_id)
        written = await asyncio.to_thread(read_report, folder, compared=False)
        report = written or await report_of(session_id)
        if report["strategy"] != request.strategy:
            raise UnknownSessionError(
                f"session {session_id} runs {report['strategy']}, not {request.strategy}"
            )
        reports.append(report)
    if request.sessions:
        return reports
    ended, living = await asyncio.to_thread(_sessions_of, workspace, request)
    found = [*ended, *[await report_of(session_id) for session_id in living]]
    return [report for report in found if report["period"]["candles"]]


def _sessions_of(
    workspace: Workspace, request: ComparisonRequest
) -> tuple[list[Report], list[str]]:
    """A strategy's final reports and the IDs of living sessions that count, no replays among them.

    Trials count while they run; other sessions once they have ended, or where none has. The oldest
    come first. A demo's are among them, but tell nothing of the others: which of these are judged
    is for `compared_sessions` to say.
    """
    ended: list[Report] = []
    living: list[tuple[int, str, bool]] = []
    trials: list[str] = []
    for session_id in workspace.session_ids():
        folder = workspace.session(session_id)
        try:
            record = read_manifest(folder)
        except JournalError:
            continue  # it cannot be read by this program: `papertape status` says so
        config = record.config
        same = (config.get("name"), config.get("timeframe")) == (
            request.strategy,
            request.timeframe.value,
        )
        if not same or record.mode is Mode.REPLAY:
            continue
        report = read_report(folder, compared=False)
        if report is not None:
            ended.append(report)
            continue
        living.append((record.created, session_id, record.mode is Mode.DEMO))
        if record.seal is not None or record.seal_problem:
            trials.append(session_id)
    ended.sort(key=lambda report: str(report.get("created", report["started"])))
    told = {report["mode"] == Mode.DEMO for report in ended if report["period"]["candles"]}
    return ended, [one for _, one, demo in sorted(living) if one in trials or demo not in told]
