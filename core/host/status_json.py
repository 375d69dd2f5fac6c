"""The state of sessions as JSON, for `status --json` and the tool calls."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import msgspec

from core.host.job_values import ListedJob, ListedRun
from core.journal.values import SessionState
from core.market.candles.timeframes import Timeframe
from core.report.result import trade_to_json
from core.session.snapshot import (
    HostSnapshot,
    LogLine,
    SessionDetail,
    SessionSnapshot,
    StartReply,
    TrialHorizon,
)
from core.time_format import iso_time, optional_iso_time, parse_time
from core.trading.values import Trade

Json = dict[str, Any]


def session_to_json(session: SessionSnapshot) -> Json:
    """A session as it stands. `elapsed`: seconds since it began to run.

    Times are the feed's, which is in the past on a replay; `created` alone is the machine's. Until
    it runs, `started` is when it was created. What its account holds, and its lists of that, are
    null while its journal is still to be read.
    """
    since, known = session.running_since, not session.unread
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
        "trades_count": session.trades_count if known else None,
        "open_positions": [trade_to_json(one) for one in session.open_positions] if known else None,
        "waiting_orders": (
            [msgspec.to_builtins(one) for one in session.waiting_orders] if known else None
        ),
        "starting_balance": session.starting_balance,
        "realized_pnl": session.realized_pnl if known else None,
        "unrealized_pnl": session.unrealized_pnl if known else None,
        "equity": session.equity if known else None,
        "orders": asdict(session.orders) if known and session.orders is not None else None,
        "trial": None if session.trial is None else _trial_to_json(session.trial),
        "next_jobs": list(session.next_jobs),
        "notices": list(session.notices),
        "note": session.notes.note,
        "tags": list(session.notes.tags),
        "alerts": [
            msgspec.to_builtins(one) | {"told": optional_iso_time(one.told), "text": one.text}
            for one in session.notes.alerts
        ],
    }


def since_of(given: int | str) -> int | str:
    """An earlier look as a caller names it: its `trades_count`, or its `as_of`.

    Raises:
        ValueError: it is neither; the message says so.
    """
    if isinstance(given, str) and given.strip().isdecimal():
        given = int(given.strip()[:9])
    with contextlib.suppress(ValueError):
        if isinstance(given, int):
            if given >= 0:
                return given
        else:
            parse_time(given)
            return given
    raise ValueError(
        f"since {str(given)[:40]!r}: expected the trades_count or the as_of of an earlier look"
    )


def status_to_json(
    session: SessionSnapshot, detail: SessionDetail | None, since: int | str | None = None
) -> Json:
    """A session as it stands, with its trades and what it waits for.

    `prices`: each symbol's now, where the feed tells it. `conditions`: each symbol's at the last
    closed candle, with their distance. `as_of` is the feed's time of all this. With `since`, the
    `trades_count` of an earlier look or its `as_of`, `new_trades` are those closed after it.
    """
    if detail is None:
        return session_to_json(session)
    shown = detail.snapshot or session
    status = session_to_json(shown) | {
        "next_jobs": list(session.next_jobs),
        "as_of": iso_time(shown.now),
        "prices": dict(detail.prices),
        "conditions": {
            symbol: [asdict(reading) for reading in readings]
            for symbol, readings in detail.readings.items()
        },
        "feed_health": {
            "silent": shown.state is SessionState.STALE,
            "last_price_at": optional_iso_time(shown.last_price_at),
            "said": list(detail.feed_health),
        },
        "trades": None if shown.unread else [trade_to_json(trade) for trade in detail.trades],
    }
    if since is not None:
        status["new_trades"] = (
            None
            if shown.unread
            else [trade_to_json(trade) for trade in _closed_after(detail, shown, since)]
        )
    return status


def _closed_after(
    detail: SessionDetail, session: SessionSnapshot, since: int | str
) -> Sequence[Trade]:
    if isinstance(since, int):
        return detail.trades[since:]
    after, candle = parse_time(since), Timeframe(session.timeframe).ms
    # A fill that follows from a candle is known when that candle has closed.
    return [
        trade
        for trade in detail.trades
        if (trade.exit_filled_at or trade.exit_time + candle) > after
    ]


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
        "message": reply.message,
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
