"""One session that runs in this host: its engine, its task, and how it looks from outside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any

from core.session.engine import Engine
from core.session.reports import nothing_run, session_report_later
from core.session.snapshot import SessionSnapshot
from core.session.view import Lifecycle, session_snapshot

JobsOf = Callable[[str], tuple[str, ...]]
"""The next jobs of a session, as texts."""


@dataclass(slots=True)
class LivingSession:
    """A session that runs. `shown` is how it was when last looked at."""

    engine: Engine
    task: asyncio.Task[None]
    shown: SessionSnapshot
    jobs: tuple[str, ...] = ()
    jobs_known_until: float = 0.0  # on the loop's clock

    def look(self, jobs_of: JobsOf, jobs_for: float, zone: tzinfo) -> SessionSnapshot:
        """Look at the session anew; its jobs are asked for again after `jobs_for` seconds.

        What it gained today is of the day of `zone`. What is not durable yet is not shown.
        """
        handler = self.engine.handler
        if handler is None or handler.settled:
            jobs = () if self.engine.state.ended else self._jobs(jobs_of, jobs_for)
            self.shown = snapshot_of(self.engine, jobs, zone)
        return self.shown

    def _jobs(self, jobs_of: JobsOf, jobs_for: float) -> tuple[str, ...]:
        now = asyncio.get_running_loop().time()
        if now >= self.jobs_known_until:
            self.jobs = jobs_of(self.engine.record.id)
            self.jobs_known_until = now + jobs_for
        return self.jobs


def snapshot_of(engine: Engine, jobs: tuple[str, ...] = (), zone: tzinfo = UTC) -> SessionSnapshot:
    """How a session is now, with its next jobs."""
    handler = engine.handler
    return session_snapshot(
        engine.record,
        None if handler is None else handler.runner,
        lifecycle_of(engine),
        # What has ended is marked as its report is: at the close of its last candle.
        {} if handler is None or engine.state.ended else handler.prices,
        jobs,
        engine.orders,
        engine.passing_notices,
        engine.stand_ins,
        orders_fail=engine.trouble is not None,
        unread=engine.unread,
        zone=zone,
    )


def lifecycle_of(engine: Engine) -> Lifecycle:
    """Where a session stands between its start and its end.

    It runs from its first decision on, which lies ahead where its venue has too few candles yet.
    """
    handler = engine.handler
    now = engine.now() if engine.ended_at is None else engine.ended_at
    return Lifecycle(
        engine.state,
        engine.reason,
        now=now,
        running_since=None if handler is None or handler.since > now else handler.since,
        planned_end=engine.planned_end,
        ended=engine.ended_at,
        last_price_at=None if handler is None else handler.last_price_at,
    )


def report_of(engine: Engine) -> dict[str, Any]:
    """The report of a running session as it stands. Takes seconds where it has run for a year."""
    return report_later(engine)()


def report_later(engine: Engine) -> Callable[[], dict[str, Any]]:
    """What makes the report of a running session as it stands now, off the event loop."""
    handler = engine.handler
    return session_report_later(
        engine.record,
        nothing_run(engine.record) if handler is None else handler.runner,
        gaps=() if handler is None else handler.gaps,
        returns=engine.returns,
        revised=0 if handler is None else len(handler.revised),
        state=engine.state.value,
        reason=engine.reason,
        since=None if handler is None else handler.since,
        ended=engine.ended_at,
        orders=engine.orders,
    )
