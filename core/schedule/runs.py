"""What a job does when it is due, and what it has to say then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.host.job_values import JobAction
from core.host.link import CommandError, HostLink
from core.market.symbols import money_decimals
from core.report.metric_labels import figure_text
from core.schedule.jobs import Job
from core.schedule.notifications.trial_news import (
    comparison_in_words,
    layer_states,
    turned,
    without_trial,
)
from core.session.snapshot import SessionSnapshot
from core.text import counted, number, reasons_text, signed_per_cent
from core.time_format import short_duration
from core.trading.values import Trade

_TRIAL = "trial"  # among the states seen, where a session was seen to be none
_MOST_TRADES = 3  # that one message tells of in full: of more, what they made together


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """What a run came to.

    `text`: what it found in its first line, then a line for all else that it tells, its subject
    before a colon. `news`: the user should be told, and not only find it recorded; `alert`: and be
    interrupted for it at a screen. `seen_trades`, `seen_states`: how many trades of a session, and
    which answers of its trial, have been told of now. `ended`: the session is over, and with it its
    jobs.
    """

    text: str
    succeeded: bool = True
    news: bool = True
    alert: bool = False
    seen_trades: int | None = None
    seen_states: Mapping[str, str] | None = None
    ended: bool = False


async def carry_out(job: Job, link: HostLink, *, by_hand: bool = False) -> JobOutcome:
    """Do what a job asks of its host. A refusal of the host is an outcome, not an error.

    `by_hand`: someone has it run now, and its time has not come.
    """
    try:
        match job.action:
            case JobAction.SAY:
                return JobOutcome(job.message, alert=True)
            case JobAction.CHECK:
                return await _check(job, link)
            case JobAction.FINISH:
                return await _finish(job, link, by_hand=by_hand)
    except CommandError as error:
        return JobOutcome(str(error), succeeded=False)


async def _check(job: Job, link: HostLink) -> JobOutcome:
    session = find_session(link, job.session_id)
    if session is None:
        return JobOutcome(f"session {job.session_id} is not there any more", succeeded=False)
    detail = await link.detail(session.id)
    if session.unread:  # when the host was last looked at
        session = detail.snapshot or session
    if session.unread:  # of what is not known nothing has been seen
        return JobOutcome(_state_in_words(session), news=False)
    fresh = detail.trades[job.seen_trades :]
    first, *trades = _trades_in_words(fresh)
    told = f"{_state_in_words(session)}; {first}"
    if not (fresh or session.trial or session.seal_problem) and _TRIAL in job.seen_states:
        return JobOutcome(told, news=False)  # its report takes long, and says what it said before
    try:
        report = await link.report(session.id)
    except CommandError as error:  # which keeps no trade from being told of
        told += f". Its report cannot be made: {error}"
        told = "\n".join((told, *trades))
        return JobOutcome(told, succeeded=False, seen_trades=len(detail.trades))
    turns = turned(job.seen_states, report)
    states = {**job.seen_states, **layer_states(report)}  # one may be unknown for a while
    if without_trial(report):
        states[_TRIAL] = "none"
    if turns:
        told = f"the trial turned: {'; '.join(turns)}; {told}"
    lines = (told, *trades, comparison_in_words(report))
    return JobOutcome(
        "\n".join(filter(None, lines)),
        news=bool(fresh or turns),
        alert=bool(turns),
        seen_trades=len(detail.trades),
        seen_states=states,
    )


async def _finish(job: Job, link: HostLink, *, by_hand: bool) -> JobOutcome:
    assert job.session_id is not None  # new_job gives no other job this action
    session = find_session(link, job.session_id)
    if session is not None and session.state.ended and not session.interrupted:
        try:
            report = await link.report(job.session_id)
        except CommandError as error:
            told = f"session {job.session_id} has ended, and its report cannot be made: {error}"
            return JobOutcome(told, succeeded=False, ended=True)
    elif by_hand:
        report = await link.stop(job.session_id)
    else:
        report = await link.stop_at_end(job.session_id)
    trades = await link.closed_trades(job.session_id)
    fresh = trades[job.seen_trades :]
    reason = report.get("reason")
    why = f" ({reason})" if isinstance(reason, str) and reason else ""
    told = f"session {job.session_id} has ended{why}: {report_in_words(report)}"
    if fresh:
        first, *each = _trades_in_words(fresh)
        told = "\n".join((told, f"Since the last look: {first}", *each))
    return JobOutcome(told, seen_trades=len(trades), ended=True)


def find_session(link: HostLink, session_id: str | None) -> SessionSnapshot | None:
    """The session of an ID as its host knows it now, None if it knows none."""
    return next((one for one in link.snapshot().sessions if one.id == session_id), None)


def _state_in_words(session: SessionSnapshot) -> str:
    """How a session stands, in one line."""
    if session.unread:
        return f"{session.strategy} ({session.id}) is {session.state}: {session.state_reason}"
    gain = (session.equity / session.starting_balance - 1) * 100
    began = session.started if session.running_since is None else session.running_since
    return (
        f"{session.strategy} ({session.id}) is {session.state}, "
        f"{short_duration((session.now - began) / 1_000)} in: "
        f"{counted(session.trades_count, 'trade')}, "
        f"{counted(len(session.open_positions), 'open position')}, "
        f"equity {session.equity:,.{money_decimals(*session.symbols)}f} ({signed_per_cent(gain)})"
    )


def _trades_in_words(trades: Sequence[Trade]) -> list[str]:
    """What trades made together, then a line for each of the last; of a lone one all in one."""
    if not trades:
        return ["no new trade"]
    told = [
        f"#{trade.id} {trade.side} {trade.symbol} {number(trade.entry_price, 12)}"
        f"{' on average' * bool(trade.entries)} → {number(trade.exit_price, 12)}"
        f"{' on average' * bool(trade.parts)} ({reasons_text(trade.exit_reasons)}"
        f"{', entered by hand' * trade.by_hand}), "
        f"{trade.pnl:+z,.{money_decimals(trade.symbol)}f} ({signed_per_cent(trade.pnl_pct)})"
        for trade in trades[-_MOST_TRADES:]
    ]
    words = counted(len(trades), "new trade")
    if len(trades) == 1:
        return [f"{words}: {told[0]}"]
    decimals = money_decimals(*(trade.symbol for trade in trades))
    words += f", {sum(trade.pnl for trade in trades):+z,.{decimals}f} in all"
    if len(trades) > _MOST_TRADES:
        words += f", the last {_MOST_TRADES} beneath"
    return [words, *(f"Trade: {one}" for one in told)]


def report_in_words(report: Mapping[str, object]) -> str:
    """A report (docs/formats.md §8): its figures, then a line for all else that it tells."""
    metrics = report.get("metrics")
    figures = metrics if isinstance(metrics, Mapping) else {}
    told = counted(int(figures.get("total_trades") or 0), "trade")
    for name, words in (
        ("total_return_pct", "return"),
        ("win_rate_pct", "win rate"),
        ("profit_factor", "profit factor"),
        ("max_drawdown_pct", "largest drawdown"),
    ):
        if isinstance(figures.get(name), int | float):
            told += f", {words} {figure_text(name, figures)}"
    recommendation = report.get("recommendation")
    said = [told, comparison_in_words(report)]
    if isinstance(recommendation, str):
        said.append(f"Recommendation: {recommendation}")
    return "\n".join(filter(None, said))
