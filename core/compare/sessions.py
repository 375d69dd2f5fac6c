"""The sessions of a comparison: which trial is judged, and what of each session counts.

Sessions that ran one config over the same candles of one source (an exchange, or files with the
same contents) have seen the same things: each candle counts once, however many of them saw it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.compare.columns import trades_of
from core.compare.replay import Replayed
from core.compare.request import on_one_market
from core.journal.manifest import SessionManifest, read_manifest
from core.journal.values import FeedKind, Mode
from core.market.candles.timeframes import Timeframe
from core.market.venues.registry import DEFAULT_VENUE
from core.store.durable import open_regular
from core.store.journal_file import JournalError
from core.store.workspace import Workspace
from core.strategy.signals.sources import digest_at_any_balance
from core.time_format import iso_time, parse_time
from core.trading.values import Trade
from core.trial.seal import Seal
from core.trial.state import SealDoubt

Report = Mapping[str, Any]
"""A session's report: its JSON (docs/formats.md §8)."""

_PART = 1 << 18  # bytes of a candle file that are looked at together

Span = tuple[int, int]
"""Open times of a first and a last candle, both included, UTC ms."""


@dataclass(frozen=True, slots=True, eq=False)
class ComparedSession:
    """A session, as far as its files tell it.

    Attributes:
        report: its report (JSON), final or as it stands.
        trades: its closed trades.
        seal: of its trial, if it is one and the seal holds.
        doubted: when it was started (UTC ms), where its seal was removed, changed, replaced or put
            in since, or its record cannot be read now; None elsewhere.
        replayed: beside backtests of its period; None where it could not be replayed.
        counted: candles of it that count with another session already.
        repeated: IDs of its trades that a session of another config took on the same candles.
    """

    report: Report
    trades: Sequence[Trade]
    seal: Seal | None = None
    doubted: int | None = None
    replayed: Replayed | None = None
    counted: tuple[Span, ...] = ()
    repeated: frozenset[int] = frozenset()

    @property
    def id(self) -> str:
        """The session's ID."""
        return str(self.report["session_id"])

    @property
    def span(self) -> Span | None:
        """Its candles; None where it has decided on none."""
        period = self.report["period"]
        return (
            (parse_time(period["start"]), parse_time(period["end"])) if period["candles"] else None
        )

    def counts(self, time: int) -> bool:
        """Whether what it decided on the candle that opened at `time` (UTC ms) counts."""
        return not any(first <= time <= last for first, last in self.counted)

    @property
    def counting(self) -> Sequence[Trade]:
        """The trades that count: those decided on candles that do."""
        if not self.counted:
            return self.trades
        return [trade for trade in self.trades if self.counts(trade.signal_time)]

    @property
    def evidence(self) -> Sequence[Trade]:
        """The trades that count and are evidence of their own: each happened once."""
        if not self.repeated:
            return self.counting
        return [trade for trade in self.counting if trade.id not in self.repeated]


@dataclass(frozen=True, slots=True, eq=False)
class ComparedSessions:
    """The sessions of a comparison, in the order they were given.

    Attributes:
        sessions: those that count, at least in part.
        judged: the trial that is judged: the last that was sealed; None where there is none, or
            its seal is not the one it was started with.
        doubt: why there is no verdict, if that is so.
        copies: IDs of those left out, for all their candles count with others.
        sealed_copies: the trials among those. Their candles count no more than once, but what each
            has come to is told: who may choose among trials finds one that suits.
        apart: IDs of a demo's sessions that are left out beside those on a real market.
        notes: what is to be known of that, a sentence each.
    """

    sessions: tuple[ComparedSession, ...]
    judged: ComparedSession | None
    doubt: SealDoubt | None
    copies: tuple[str, ...]
    sealed_copies: tuple[ComparedSession, ...]
    apart: tuple[str, ...]
    notes: tuple[str, ...]


def compared_sessions(workspace: Workspace, reports: Sequence[Report]) -> ComparedSessions:
    """Read what is sealed of the sessions of some reports, and count each candle once. Blocks.

    The trial that is judged counts whole; before others come the trials, the last sealed first, and
    before others the longer session. A demo's are left out beside others (`on_one_market`).
    """
    reports, apart = on_one_market(reports, lambda report: Mode(report["mode"]))
    records: list[SessionManifest | None] = []
    found: list[ComparedSession] = []
    doubts: dict[str, SealDoubt] = {}
    for report in reports:
        record, doubt = _record(workspace, report)
        records.append(record)
        found.append(_compared(report, record, doubt))
        if doubt is not None:
            doubts[found[-1].id] = doubt
    notes = [doubt.why for doubt in doubts.values()]
    order = sorted(range(len(found)), key=lambda at: _rank(found[at]))
    seen: dict[object, list[Span]] = {}
    taken: dict[object, set[object]] = {}
    copies: list[str] = []
    for at in order:
        session = found[at]
        if session.span is None:
            continue
        report = session.report
        source = _candle_source(report, records[at]) if len(found) > 1 else None
        before = seen.setdefault((_config_digest(report, records[at]), source), [])
        step = Timeframe(report["timeframe"]).ms
        shared = _shared(session.span, before)
        if _candles([session.span], step) == _candles(shared, step):
            copies.append(session.id)
        elif shared:
            found[at] = replace(session, counted=tuple(shared))
            told = ", ".join(f"{iso_time(first)} to {iso_time(last)}" for first, last in shared)
            notes.append(
                f"session {session.id}: the candles from {told} count once, with another session "
                "that ran the same config over them"
            )
        before.append(session.span)
        if len(found) > 1 and session.id not in copies:
            found[at] = _told_apart(found[at], taken.setdefault(source, set()))
    if copies:
        copies = [one.id for one in found if one.id in copies]
        notes.insert(
            0,
            f"{len(copies) + 1} sessions ran the same config over the same candles and count as "
            f"one: left out {', '.join(copies)}",
        )
    if repeated := sum(len(one.repeated) for one in found):
        notes.append(
            f"{repeated} trade{'s' * (repeated > 1)} of sessions with another config had happened "
            "in one before, on the same candles: each counts once as evidence"
        )
    first = found[order[0]] if order else None
    return ComparedSessions(
        tuple(one for one in found if one.id not in copies),
        None if first is None or first.seal is None else first,
        None if first is None or first.doubted is None else doubts[first.id],
        tuple(copies),
        tuple(one for one in found if one.id in copies and one.seal is not None),
        tuple(str(report["session_id"]) for report in apart),
        tuple(notes),
    )


def _rank(session: ComparedSession) -> tuple[int, int, int]:
    longer = -session.report["period"]["candles"]
    if session.seal is not None:
        return 0, -session.seal.sealed_at, longer
    if session.doubted is not None:  # the last trial is not to be chosen by undoing its seal
        return 0, -session.doubted, longer
    return 1, 0, longer


def _told_apart(session: ComparedSession, taken: set[object]) -> ComparedSession:
    """A session with those of its trades that sessions on the same candles took before it.

    `taken` are these, with which its own are put. They entered and left on the same candles, so
    that another setting led to the same, and what came of it is no news.
    """
    same = {
        trade.id: (trade.symbol, trade.side, trade.signal_time, trade.entry_time, trade.exit_time)
        for trade in session.counting
    }
    repeated = frozenset(number for number, trade in same.items() if trade in taken)
    taken.update(same.values())
    return replace(session, repeated=repeated) if repeated else session


def _record(
    workspace: Workspace, report: Report
) -> tuple[SessionManifest | None, SealDoubt | None]:
    """A session's record, None where it cannot be read, and why its seal does not judge it."""
    session_id = str(report["session_id"])
    try:
        record = read_manifest(workspace.session(session_id))
    except JournalError as error:  # it may be a trial: that is not to be told "not sealed"
        why = f"what session {session_id} was started with is not known: {error}"
        return None, SealDoubt(why, unread=True)
    if not record.seal_problem:
        return record, None
    why = f"session {session_id} is not judged by its seal: {record.seal_problem}"
    return record, SealDoubt(why, unread=bool(record.seal_unread))


def _config_digest(report: Report, record: SessionManifest | None) -> object:
    """What a session traded by, whatever balance it began with."""
    try:
        if record is not None:
            return digest_at_any_balance(record.strategy())
    except JournalError:
        pass  # what is wrong with it is said when it cannot be replayed
    return report.get("config_hash")


def _candle_source(report: Report, record: SessionManifest | None) -> object:
    """Where a session's candles came from: two that have it in common saw the same ones.

    An exchange tells the same candles whether they are followed or polled, and a file whatever its
    name and folder.
    """
    if record is None:
        return report.get("feed")
    if record.data is not None:
        return tuple((symbol, _contents(path)) for symbol, path in sorted(record.data.items()))
    if record.feed in (FeedKind.LIVE, FeedKind.POLL):
        return record.exchange or DEFAULT_VENUE
    return record.source


def _contents(path: str) -> object:
    """What is in a candle file; where it cannot be read any more, which one it was."""
    try:
        with open_regular(Path(path)) as file:  # it names what it likes, a device too
            digest = hashlib.blake2b()
            while part := file.read(_PART):
                digest.update(part)
            return digest.digest()
    except OSError:
        return os.path.realpath(path)


def _compared(
    report: Report, record: SessionManifest | None, doubt: SealDoubt | None
) -> ComparedSession:
    trades = trades_of(report)
    if doubt is not None:
        created = report.get("created", report.get("started"))
        known = 0 if created is None else parse_time(str(created))
        doubted = known if record is None else record.created
        return ComparedSession(report, trades, doubted=doubted)
    return ComparedSession(report, trades, None if record is None else record.seal)


def _shared(span: Span, others: Sequence[Span]) -> list[Span]:
    """What of a span lies in others, as spans in order that do not overlap."""
    first, last = span
    parts = sorted(
        (max(first, begin), min(last, end))
        for begin, end in others
        if begin <= last and end >= first
    )
    joined: list[Span] = []
    for begin, end in parts:
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined


def _candles(spans: Sequence[Span], step: int) -> int:
    return sum((last - first) // step + 1 for first, last in spans)
