"""The state of sessions as JSON, for `status --json` and the tool calls."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import msgspec

from core.host.job_values import ListedJob, ListedRun
from core.report.result import trade_to_json
from core.session.snapshot import HostSnapshot, LogLine, SessionSnapshot, StartReply, TrialHorizon
from core.time_format import iso_time, optional_iso_time

Json = dict[str, Any]


def session_to_json(session: SessionSnapshot) -> Json:
    """A session as it stands. `elapsed`: seconds since it began to run.

    Times are the feed's, which is in the past on a replay; `created` alone is the machine's. Until
    it runs, `started` is when it was created.
    """
    since = session.running_since
    return {
        "session_id": session.id,
        "strategy": session.strategy,
        "symbols": list(session.symbols),
        "timeframe": session.timeframe,
        "mode": session.mode.value,
        "state": session.state.value,
        "reason": session.state_reason,
        "interrupted": session.interrupted,
        "feed": session.feed.value,
        "broker": session.broker.value,
        "fills": session.fills.value,
        "created": iso_time(session.started),
        "started": iso_time(session.started if since is None else since),
        "elapsed": None if since is None else (session.now - since) / 1_000,
        "planned_end": optional_iso_time(session.planned_end),
        "ended": optional_iso_time(session.ended),
        "last_candle": optional_iso_time(session.last_candle),
        "trades_count": session.trades_count,
        "open_positions": [trade_to_json(one) for one in session.open_positions],
        "starting_balance": session.starting_balance,
        "realized_pnl": session.realized_pnl,
        "unrealized_pnl": session.unrealized_pnl,
        "equity": session.equity,
        "orders": None if session.orders is None else asdict(session.orders),
        "trial": None if session.trial is None else _trial_to_json(session.trial),
        "next_jobs": list(session.next_jobs),
        "notices": list(session.notices),
    }


def _trial_to_json(trial: TrialHorizon) -> Json:
    return {
        "sealed_at": iso_time(trial.sealed_at),
        "horizon_trades": trial.trades,
        "horizon_days": trial.days,
    }


def host_to_json(host: HostSnapshot) -> Json:
    """A host: its process, since when, whether it has a screen, and which parts have failed."""
    return {
        "pid": host.pid,
        "since": iso_time(host.since),
        "kind": host.kind,
        "faults": list(host.faults),
    }


def job_to_json(job: ListedJob | ListedRun) -> Json:
    """A job, or what came of running one."""
    document: Json = msgspec.to_builtins(job)
    return document


def reply_to_json(reply: StartReply) -> Json:
    """What a session that was started has to say."""
    return {
        "session_id": reply.session_id,
        "mode": reply.mode.value,
        "notices": list(reply.notices),
        "jobs": list(reply.jobs),
    }


def log_line_to_json(line: LogLine) -> Json:
    """A line of the log."""
    return {
        "number": line.number,
        "time": iso_time(line.time),
        "level": line.level.value,
        "session_id": line.session_id,
        "text": line.text,
    }
