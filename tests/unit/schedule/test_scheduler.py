"""Are jobs run when due, and do a session's jobs live and end with it?"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from core.host.job_values import JobAction
from core.journal.values import FeedKind, SessionState
from core.market.candles.timeframes import DAY, HOUR
from core.schedule.book import JobBook
from core.schedule.jobs import JobError
from core.schedule.scheduler import CHECK_EVERY, Scheduler
from core.schedule.triggers import Cron, Every, at
from core.session.snapshot import SessionDetail
from core.store.durable import OsDisk
from core.store.index import IndexWriteError, open_index
from core.time_format import parse_time
from core.trading.values import ExitReason, TradePart
from tests.ui.scripted import position
from tests.unit.schedule.one_session_host import ID, OneSessionHost
from tests.unit.schedule.test_trial_news import TrialHost
from tests.unit.store.disks import FullDisk
from tests.waiting import until

OVER = "its scheduled end was reached"
NOON = parse_time("2026-02-10T12:00:00Z")


@dataclass
class Rig:
    """A scheduler on a host with one session, at a time that the test sets."""

    host: OneSessionHost
    book: JobBook
    now: int = NOON
    said: list[tuple[str, str | None, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.scheduler = Scheduler(self.book, self.host, lambda: self.now, self.say, pulse_every=0)

    def say(self, text: str, session_id: str | None, went_well: bool) -> None:
        self.said.append((text, session_id, went_well))

    async def at(self, time: int) -> None:
        self.now = time
        self.scheduler.pulse()
        await self.scheduler.settled()


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    database, _ = open_index(tmp_path / "papertape.json", OsDisk())
    return Rig(OneSessionHost(NOON), JobBook(database))


async def test_a_message_is_said_when_due_and_not_before(rig: Rig) -> None:
    rig.host.sessions.clear()
    rig.scheduler.add(at(NOON + HOUR, NOON), message="Look at the funding rates")
    await rig.at(NOON + HOUR - 1)
    assert rig.said == []
    await rig.at(NOON + HOUR)
    assert rig.said == [("Look at the funding rates", None, True)]
    assert rig.book.jobs() == ()


async def test_a_check_tells_the_price_of_several_exits_as_their_average(rig: Rig) -> None:
    await rig.at(NOON)
    rig.host.trade()
    reasons = ExitReason.TAKE_PROFIT, ExitReason.STOP_LOSS
    parts = tuple(TradePart(1, 110.0, 5.0, 0.0, reason) for reason in reasons)
    rig.host.trades[0] = msgspec.structs.replace(rig.host.trades[0], parts=parts)
    await rig.at(NOON + 4 * HOUR)
    (text, _, _) = rig.said.pop()
    assert "100 → 110 on average (take profit, then stop loss), +100.00 (+10.00%)" in text


async def test_a_check_tells_of_trades_once_and_is_silent_without_any(rig: Rig) -> None:
    await rig.at(NOON)
    rig.host.trade()
    await rig.at(NOON + 4 * HOUR)
    (text, session_id, went_well) = rig.said.pop()
    assert "1 new trade: #1 long BTC/USDT 100 → 110 (signal), +100.00 (+10.00%)" in text
    assert "1 trade, 0 open positions, equity 10,100.00 (+1.00%)" in text
    assert (session_id, went_well) == (ID, True)
    await rig.at(NOON + 8 * HOUR)
    assert rig.said == []
    (job,) = rig.book.jobs()
    assert [run.text.partition("; ")[2] for run in job.history] == [
        "1 new trade: #1 long BTC/USDT 100 → 110 (signal), +100.00 (+10.00%)",
        "no new trade",
    ]


async def test_a_session_is_watched_by_a_check_and_by_a_report_at_its_end(rig: Rig) -> None:
    await rig.at(NOON)
    (check,) = rig.scheduler.jobs_of(ID)
    assert check.trigger == Every(CHECK_EVERY, NOON)
    # Its end is known once it runs, which here takes an hour.
    rig.host.change(ID, planned_end=NOON + DAY)
    await rig.at(NOON + HOUR)
    finish = rig.scheduler.jobs_of(ID)[-1]
    assert (finish.action, finish.next_run) == (JobAction.FINISH, NOON + DAY)
    # Its last candles may come late: it ends by itself, and the report waits for that.
    await rig.at(NOON + DAY)
    await rig.at(NOON + DAY + 3_000)
    assert rig.said == []
    rig.host.change(ID, state=SessionState.STOPPED, state_reason=OVER, ended=NOON + DAY + 3_000)
    await rig.at(NOON + DAY + 4_000)
    assert rig.host.commands == []
    text, _, _ = rig.said[-1]
    assert "return 0.00%, win rate 100.0%, largest drawdown 0.50%" in text
    assert text.endswith("Strategy validated. Consider going live with small position.")
    await rig.at(NOON + DAY + 5_000)
    assert len(rig.said) == 1
    assert rig.book.jobs() == ()


async def test_the_end_of_a_demo_session_is_told_by_the_clock_that_jobs_run_by(rig: Rig) -> None:
    # 60 days of a market a hundred times as fast, whose calendar is years away, are 14.4 hours.
    then = NOON + 900 * DAY
    rig.scheduler = Scheduler(rig.book, rig.host, lambda: rig.now, rig.say, demo_speed=100)
    rig.host.change(ID, feed=FeedKind.DEMO, now=then, planned_end=then + 60 * DAY)
    await rig.at(NOON)
    finish = rig.scheduler.jobs_of(ID)[-1]
    assert (finish.action, finish.next_run) == (JobAction.FINISH, NOON + 14 * HOUR + 24 * 60_000)
    # No host ran for two hours, in which the market stood still: the end moves on with it.
    rig.host.change(ID, now=then + 50 * DAY)
    await rig.at(NOON + 14 * HOUR)
    finish = rig.scheduler.jobs_of(ID)[-1]
    assert finish.next_run == NOON + 16 * HOUR + 24 * 60_000
    # What it is due by is reckoned: a session that is not quite there is not stopped.
    rig.host.change(ID, now=then + 60 * DAY - HOUR)
    await rig.at(NOON + 16 * HOUR + 24 * 60_000)
    assert (rig.host.commands, rig.said) == ([], [])
    rig.host.change(ID, state=SessionState.STOPPED, state_reason=OVER, ended=then + 60 * DAY)
    await rig.at(NOON + 17 * HOUR)
    assert len(rig.said) == 1
    assert rig.book.jobs() == ()


async def test_a_report_asked_for_by_the_clock_stops_a_demo_session_then(rig: Rig) -> None:
    then = NOON - 900 * DAY
    rig.scheduler = Scheduler(rig.book, rig.host, lambda: rig.now, rig.say, demo_speed=100)
    rig.host.change(ID, feed=FeedKind.DEMO, now=then, planned_end=then + 60 * DAY)
    message = f"backtest(action='stop_paper', session_id='{ID}')"
    rig.scheduler.add(at(NOON + HOUR, NOON), message=message)
    rig.host.change(ID, now=then + 100 * HOUR)
    await rig.at(NOON + HOUR)
    assert rig.host.commands == [f"stop {ID}"]


async def test_a_report_waits_until_a_session_that_is_taken_up_shows_its_planned_end(
    rig: Rig,
) -> None:
    rig.host.change(ID, planned_end=NOON + DAY)
    await rig.at(NOON)
    rig.host.change(ID, planned_end=None, state=SessionState.STARTING)
    await rig.at(NOON + 2 * DAY)
    rig.host.change(ID, planned_end=NOON + DAY, state=SessionState.WARMING_UP)
    await rig.at(NOON + 2 * DAY + 1_000)
    assert (rig.host.commands, rig.said) == ([], [])
    rig.host.change(ID, state=SessionState.STOPPED, state_reason=OVER, ended=NOON + 2 * DAY)
    await rig.at(NOON + 2 * DAY + 2_000)
    assert len(rig.said) == 1


async def test_a_job_that_asks_for_an_earlier_end_stops_its_session_then(rig: Rig) -> None:
    rig.host.change(ID, planned_end=NOON + DAY)
    message = f"backtest(action='stop_paper', session_id='{ID}')"
    rig.scheduler.add(at(NOON + HOUR, NOON), message=message)
    await rig.at(NOON)
    await rig.at(NOON + HOUR)
    assert rig.host.commands == [f"stop {ID}"]
    assert len(rig.said) == 1
    await rig.at(NOON + 2 * DAY)
    assert len(rig.said) == 1
    assert rig.book.jobs() == ()


async def test_a_job_for_what_a_session_was_given_one_for_takes_its_place(rig: Rig) -> None:
    rig.host.change(ID, planned_end=NOON + DAY)
    await rig.at(NOON)
    check, finish = rig.scheduler.jobs_of(ID)
    call = f"backtest(action='paper_status', session_id='{ID}')"
    asked = rig.scheduler.add(Every(14_400, NOON), message=call, max_runs=40)
    assert (asked.id, asked.max_runs, asked.automatic) == (check.id, 40, False)
    stop = f"backtest(action='stop_paper', session_id='{ID}')"
    ended = rig.scheduler.add(at(NOON + DAY + 1, NOON), message=stop)
    assert (ended.id, ended.next_run) == (finish.id, NOON + DAY + 1)
    assert {job.id for job in rig.book.jobs()} == {check.id, finish.id}
    # A further one is one more.
    assert rig.scheduler.add(Every(7_200, NOON), message=call).id not in (check.id, finish.id)


async def test_who_asks_for_the_check_that_there_is_has_it_when_it_was_due(rig: Rig) -> None:
    await rig.at(NOON)
    (check,) = rig.scheduler.jobs_of(ID)
    await rig.at(NOON + HOUR)
    same = rig.scheduler.add(Every(14_400, NOON + HOUR), session_id=ID)
    assert (same.id, same.next_run, same.trigger) == (check.id, check.next_run, check.trigger)
    assert not same.automatic
    assert rig.book.jobs() == (same,)


async def test_what_is_asked_for_runs_as_often_as_asked_whatever_ran_or_was_paused_before(
    rig: Rig,
) -> None:
    await rig.at(NOON)
    (check,) = rig.scheduler.jobs_of(ID)
    await rig.at(NOON + 4 * HOUR)
    await rig.at(NOON + 8 * HOUR)
    rig.scheduler.pause(check.id, True)
    assert rig.book.job(check.id).runs == 2
    asked = rig.scheduler.add(Every(14_400, NOON + 9 * HOUR), session_id=ID, max_runs=2)
    assert (asked.id, asked.paused, asked.runs, asked.max_runs) == (check.id, False, 0, 2)
    assert asked.next_run is not None
    await rig.at(asked.next_run)
    assert rig.book.job(check.id).runs == 1


async def test_a_session_that_has_a_check_already_is_given_no_other(rig: Rig) -> None:
    asked = rig.scheduler.add(Every(3_600, NOON), session_id=ID)
    await rig.at(NOON)
    assert [job.id for job in rig.scheduler.jobs_of(ID)] == [asked.id]


async def test_a_trade_is_told_of_once_however_many_jobs_check_its_session(rig: Rig) -> None:
    await rig.at(NOON)
    rig.scheduler.add(Every(2 * 3_600, NOON), session_id=ID)
    rig.host.trade()
    for hour in range(1, 13):
        await rig.at(NOON + hour * HOUR)
    assert len(rig.said) == 1


async def test_an_answer_that_turns_is_told_once_however_many_jobs_a_trial_has(
    tmp_path: Path,
) -> None:
    database, _ = open_index(tmp_path / "papertape.json", OsDisk())
    host = TrialHost(NOON)
    rig = Rig(host, JobBook(database))
    await rig.at(NOON)
    rig.scheduler.add(Every(2 * 3_600, NOON), session_id=ID)
    rig.scheduler.add(Every(3_600, NOON), message="Look at the funding rates", session_id=ID)
    host.edge = "broken"
    for hour in range(1, 13):
        await rig.at(NOON + hour * HOUR)
    told = [text for text, *_ in rig.said if text != "Look at the funding rates"]
    assert len(told) == 1
    assert "the trial turned: edge: open → broken" in told[0]
    host.edge = "open"
    await rig.at(NOON + 14 * HOUR)
    assert "edge: broken → open" in rig.said[-1][0] + rig.said[-2][0]


async def test_what_a_job_that_is_gone_has_told_is_told_by_no_other(tmp_path: Path) -> None:
    database, _ = open_index(tmp_path / "papertape.json", OsDisk())
    host = TrialHost(NOON)
    rig = Rig(host, JobBook(database))
    await rig.at(NOON)
    rig.scheduler.add(Every(4 * 3_600, NOON), session_id=ID)
    once = rig.scheduler.add(Every(3_600, NOON), session_id=ID, max_runs=1)
    host.trade()
    host.edge = "broken"
    for hour in range(1, 9):
        await rig.at(NOON + hour * HOUR)
    assert not rig.book.has(once.id)
    (told,) = (text for text, *_ in rig.said)
    assert "edge: open → broken" in told
    assert "#1 long" in told


async def test_a_check_that_could_not_look_brings_no_older_answer_back(tmp_path: Path) -> None:
    database, _ = open_index(tmp_path / "papertape.json", OsDisk())
    host = TrialHost(NOON)
    rig = Rig(host, JobBook(database))
    rig.scheduler.add(Every(4 * 3_600, NOON), session_id=ID)
    rig.scheduler.add(Every(3 * 3_600, NOON), session_id=ID)
    for hour in (3, 4, 6, 8, 9):
        host.edge = "open" if hour < 6 else "broken"
        host.change(ID, unread=hour == 8)
        await rig.at(NOON + hour * HOUR)
    assert ["edge: open → broken" in text for text, *_ in rig.said] == [True]


async def test_what_a_job_told_that_was_removed_as_it_ran_is_told_by_no_other(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rig.at(NOON)
    removed = rig.scheduler.add(Every(3_600, NOON), session_id=ID)
    other = rig.scheduler.add(Every(4 * 3_600, NOON), session_id=ID)
    rig.host.trade()
    detail, removals = rig.host.detail, iter([removed.id])

    async def removing(session_id: str) -> SessionDetail:
        for job_id in removals:
            rig.book.remove(job_id)
        return await detail(session_id)

    monkeypatch.setattr(rig.host, "detail", removing)
    for hour in range(1, 5):
        await rig.at(NOON + hour * HOUR)
    assert [one.id for one in rig.book.jobs()] == [other.id]
    assert ["#1 long" in text for text, *_ in rig.said] == [True]


async def test_a_session_without_prices_is_told_of_once_and_once_when_they_are_back(
    rig: Rig,
) -> None:
    rig.host.change(
        ID, state=SessionState.STALE, state_reason="no candle", open_positions=(position(),)
    )
    await rig.at(NOON)
    await rig.at(NOON + 60_000)
    assert rig.said == []  # a reconnection
    for minute in range(2, 30):
        await rig.at(NOON + minute * 60_000)
    text = f"rsi_bounce ({ID}) has no prices, with 1 open position: no candle"
    assert rig.said == [(text, ID, False)]
    rig.host.change(ID, state=SessionState.RUNNING)
    await rig.at(NOON + HOUR)
    await rig.at(NOON + HOUR + 1_000)
    assert rig.said[1:] == [(f"rsi_bounce ({ID}) has prices again", ID, True)]


async def test_what_stands_in_for_streams_or_a_venue_is_told_of_once_and_once_when_it_is_over(
    rig: Rig,
) -> None:
    polled, simulated = "prices are asked for over REST", "runs simulated for now: no keys"
    for start in (0, HOUR):
        rig.host.change(ID, stand_ins=(polled, simulated))
        for second in (0, 60, 119, 120, 121, 300):
            await rig.at(NOON + start + second * 1_000)
        assert [text for text, _, _ in rig.said] == [
            f"rsi_bounce ({ID}): {polled}",
            f"rsi_bounce ({ID}): {simulated}",
        ]
        rig.said.clear()
        rig.host.change(ID, stand_ins=(polled,))
        for second in (301, 302):
            await rig.at(NOON + start + second * 1_000)
        assert rig.said == [(f"rsi_bounce ({ID}): this is over: {simulated}", ID, True)]
        rig.said.clear()
        rig.host.change(ID, stand_ins=())
        for second in (303, 304):
            await rig.at(NOON + start + second * 1_000)
        assert rig.said == [(f"rsi_bounce ({ID}): this is over: {polled}", ID, True)]
        rig.said.clear()
    for second in (400, 401):  # what is soon over is told of to nobody
        rig.host.change(ID, stand_ins=(polled,) if second == 400 else ())
        await rig.at(NOON + HOUR + second * 1_000)
    assert rig.said == []


async def test_a_session_that_is_tried_again_and_fails_again_is_told_of_once(rig: Rig) -> None:
    await rig.at(NOON)
    for second in range(1, 10, 2):
        rig.host.change(ID, state=SessionState.ERROR, interrupted=True)
        await rig.at(NOON + second * 1_000)
        rig.host.change(ID, state=SessionState.STARTING, interrupted=False)
        await rig.at(NOON + second * 1_000 + 1_000)
    assert len(rig.said) == 1


@dataclass
class Gate:
    """Holds the host's answer to a check back until it is opened."""

    opened: asyncio.Event = field(default_factory=asyncio.Event)
    asked: int = 0

    async def detail(self, session_id: str) -> SessionDetail:
        self.asked += 1
        await self.opened.wait()
        return SessionDetail(session_id, {}, {}, (), (), ())


@pytest.fixture
def gate(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Gate:
    gate = Gate()
    monkeypatch.setattr(rig.host, "detail", gate.detail)
    return gate


async def test_a_job_that_takes_long_holds_up_no_other(rig: Rig, gate: Gate) -> None:
    rig.scheduler.add(Every(60, NOON), session_id=ID)
    rig.scheduler.add(Every(3_600, NOON), message="look")
    rig.now = NOON + HOUR
    rig.scheduler.pulse()
    await until(lambda: rig.said == [("look", None, True)])
    for count in (2, 3, 4):
        rig.now += HOUR

        def told(count: int = count) -> bool:
            rig.scheduler.pulse()
            return len(rig.said) == count

        await until(told)
    assert gate.asked == 1  # it is not run once more while it runs
    gate.opened.set()
    await rig.scheduler.settled()
    assert [text for text, _, _ in rig.said] == ["look"] * 4


@pytest.mark.parametrize("change", ["remove", "pause", "edit"])
async def test_a_job_may_be_changed_while_it_runs(rig: Rig, gate: Gate, change: str) -> None:
    job = rig.scheduler.add(Every(60, NOON), session_id=ID)
    other = rig.scheduler.add(Every(60, NOON), message="look")
    running = asyncio.create_task(rig.scheduler.run())
    rig.now = NOON + 60_000
    await until(lambda: gate.asked == 1)
    if change == "remove":
        rig.book.remove(job.id)
    elif change == "pause":
        rig.scheduler.pause(job.id, True)
    else:
        rig.scheduler.edit(job.id, Every(600, rig.now), session_id=ID)
    with pytest.raises(JobError, match=r"no job|is running just now"):
        await rig.scheduler.run_job(job.id)
    gate.opened.set()
    await until(lambda: rig.book.job(other.id).runs == 1)
    rig.now = NOON + 120_000
    await until(lambda: rig.book.job(other.id).runs == 2)
    left = {one.id: one for one in rig.book.jobs()}
    if change == "remove":
        assert job.id not in left
    elif change == "pause":
        assert (left[job.id].runs, left[job.id].paused) == (1, True)
    else:
        assert (left[job.id].runs, left[job.id].next_run) == (1, NOON + 660_000)
    assert not running.done()
    running.cancel()


@pytest.mark.parametrize("fault", [ZeroDivisionError, SystemExit, asyncio.CancelledError])
async def test_a_fault_in_a_run_is_said_and_ends_no_loop(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, fault: type[BaseException]
) -> None:
    async def faulty(_: str) -> SessionDetail:
        raise fault("division by zero")

    monkeypatch.setattr(rig.host, "detail", faulty)
    job = rig.scheduler.add(Every(3_600, NOON), session_id=ID)
    rig.scheduler.add(Every(3_600, NOON), message="look")
    await rig.at(NOON + HOUR)
    texts = sorted(text for text, _, _ in rig.said)
    assert texts == [f"job {job.id} failed: {fault.__name__}: division by zero", "look"]
    assert rig.book.job(job.id).history[-1].succeeded is False


async def test_a_run_that_the_disk_did_not_take_is_recorded_later_and_not_made_again(
    tmp_path: Path,
) -> None:
    disk = FullDisk(1_000_000)
    database, _ = open_index(tmp_path / "papertape.json", disk)
    rig = Rig(OneSessionHost(NOON), JobBook(database))
    job = rig.scheduler.add(Every(3_600, NOON), message="look")
    await rig.at(NOON)
    disk.room = 0
    await rig.at(NOON + HOUR)
    for _ in range(3):
        with pytest.raises(IndexWriteError):
            await rig.at(NOON + HOUR + 1_000)
    assert rig.book.job(job.id).runs == 0
    disk.room = 1_000_000
    await rig.at(NOON + HOUR + 2_000)
    assert [text for text, _, _ in rig.said] == ["look"]
    assert rig.book.job(job.id).runs == 1


@pytest.mark.parametrize("kind", ["every", "cron"])
async def test_a_job_runs_again_after_a_clock_that_was_years_ahead(rig: Rig, kind: str) -> None:
    rig.host.sessions.clear()
    job = rig.scheduler.add(
        Every(10, NOON) if kind == "every" else Cron("* * * * *"), message="look"
    )
    await rig.at(NOON + 3_650 * DAY)
    await rig.at(NOON + 60_000)
    await rig.at(NOON + 120_000)
    assert [text for text, _, _ in rig.said] == ["look", "look"]
    assert rig.book.job(job.id).next_run == NOON + (130_000 if kind == "every" else 180_000)


async def test_a_job_made_under_a_clock_that_was_years_ahead_runs_too(rig: Rig) -> None:
    rig.host.sessions.clear()
    rig.now = NOON + 3_650 * DAY
    rig.scheduler.add(Every(10, rig.now), message="look")
    await rig.at(NOON)
    await rig.at(NOON + 10_000)
    assert [text for text, _, _ in rig.said] == ["look"]


async def test_a_job_removed_by_hand_stays_removed(rig: Rig) -> None:
    await rig.at(NOON)
    (check,) = rig.scheduler.jobs_of(ID)
    rig.book.remove(check.id)
    await rig.at(NOON + HOUR)
    assert rig.book.jobs() == ()


async def test_a_replay_is_not_watched(rig: Rig) -> None:
    rig.host.change(ID, feed=FeedKind.REPLAY)
    await rig.at(NOON)
    assert rig.book.jobs() == ()


async def test_a_session_that_came_to_its_end_by_itself_is_reported_once(rig: Rig) -> None:
    rig.host.change(ID, planned_end=NOON + DAY)
    await rig.at(NOON)
    rig.host.change(ID, state=SessionState.STOPPED, state_reason=OVER, ended=NOON + DAY)
    await rig.at(NOON + DAY - 1_000)
    assert len(rig.said) == 1
    assert rig.host.commands == []
    await rig.at(NOON + DAY + HOUR)
    assert len(rig.said) == 1


@pytest.mark.parametrize(
    "reason", ["its scheduled end was reached", "equity fell 20% from its peak (max_drawdown_pct)"]
)
@pytest.mark.parametrize("has_end", [True, False])
async def test_an_end_that_nobody_was_told_of_is_told_by_the_next_host_with_what_is_new(
    rig: Rig, reason: str, has_end: bool
) -> None:
    await rig.at(NOON)
    if has_end:
        message = f"backtest(action='stop_paper', session_id='{ID}')"
        rig.scheduler.add(Cron("0 10 11 2 *"), message=message)
    rig.host.trade()
    await rig.at(NOON + 4 * HOUR)
    rig.host.trade()
    rig.host.change(ID, state=SessionState.STOPPED, state_reason=reason, ended=NOON + 5 * HOUR)
    again = Rig(rig.host, rig.book)
    for wait in range(3):
        await again.at(NOON + 5 * HOUR + wait)
    (text, _, good) = again.said.pop()
    assert good
    assert f"session {ID} has ended: 2 trades" in text
    new = "1 new trade: #2 long BTC/USDT 100 → 110 (signal), +100.00 (+10.00%)"
    assert text.endswith(f"Since the last look: {new}")
    assert (again.said, again.book.jobs(), rig.host.commands) == ([], (), [])


async def test_a_check_and_an_end_due_together_tell_each_trade_once(rig: Rig) -> None:
    await rig.at(NOON)
    message = f"backtest(action='stop_paper', session_id='{ID}')"
    rig.scheduler.add(at(NOON + 4 * HOUR, NOON), message=message)
    rig.scheduler.add(Every(4 * 3_600, NOON), session_id=ID)
    rig.scheduler.add(Every(3_600, NOON), session_id=ID)
    rig.host.trade()
    await rig.at(NOON + 4 * HOUR)
    told = " ".join(text for text, _, _ in rig.said)
    assert (told.count("#1 long"), told.count("has ended")) == (1, 1)
    assert rig.host.commands == [f"stop {ID}"]


async def test_the_end_of_an_interrupted_session_waits_until_it_is_taken_up(rig: Rig) -> None:
    await rig.at(NOON)
    message = f"backtest(action='stop_paper', session_id='{ID}')"
    rig.scheduler.add(at(NOON + HOUR, NOON), message=message)
    rig.host.change(ID, state=SessionState.ERROR, interrupted=True)
    await rig.at(NOON + HOUR)
    assert rig.host.commands == []
    rig.host.change(ID, state=SessionState.RUNNING, interrupted=False)
    await rig.at(NOON + 2 * HOUR)
    assert rig.host.commands == [f"stop {ID}"]


async def test_the_jobs_of_a_stopped_session_are_cleaned_up_without_a_word(rig: Rig) -> None:
    rig.host.change(ID, planned_end=NOON + DAY)
    await rig.at(NOON)
    rig.scheduler.add(at(NOON + 2 * DAY, NOON), message="unrelated")
    rig.host.change(ID, state=SessionState.STOPPED, state_reason="stopped by hand")
    await rig.at(NOON + HOUR)
    assert [job.message for job in rig.book.jobs()] == ["unrelated"]
    assert rig.said == []


async def test_the_jobs_of_an_interrupted_session_wait_for_it(rig: Rig) -> None:
    await rig.at(NOON)
    rig.host.change(ID, state=SessionState.ERROR, interrupted=True)
    await rig.at(NOON + 1)
    assert len(rig.scheduler.jobs_of(ID)) == 1


async def test_jobs_wait_for_a_disk_that_is_full(tmp_path: Path) -> None:
    disk = FullDisk(0)
    database, _ = open_index(tmp_path / "papertape.json", disk)
    rig = Rig(OneSessionHost(NOON), JobBook(database))
    running = asyncio.create_task(rig.scheduler.run())
    await until(lambda: bool(rig.said))
    (text, session_id, went_well) = rig.said.pop()
    assert text.startswith("jobs wait until the disk is repaired: ")
    assert (session_id, went_well) == (None, False)
    disk.room = 1_000_000
    await until(lambda: bool(rig.scheduler.jobs_of(ID)))
    assert rig.said == []
    running.cancel()


async def test_the_jobs_of_a_session_that_is_gone_go_too(rig: Rig) -> None:
    await rig.at(NOON)
    assert len(rig.book.jobs()) == 1
    rig.host.sessions.clear()
    await rig.at(NOON + HOUR)
    assert rig.book.jobs() == ()
    (gone,) = rig.book.finished
    assert (gone.session_id, gone.next_run) == (ID, None)


async def test_a_job_that_is_over_is_kept_with_what_it_did(rig: Rig) -> None:
    await rig.at(NOON)
    message = f"backtest(action='stop_paper', session_id='{ID}')"
    ending = rig.scheduler.add(at(NOON + HOUR, NOON), message=message)
    said = rig.scheduler.add(at(NOON + 60_000, NOON), message="Look at the funding rates")
    await rig.at(NOON + 60_000)
    assert [job.id for job in rig.book.finished] == [said.id]
    await rig.at(NOON + HOUR)
    over = {job.id: job for job in rig.book.finished}
    assert rig.book.jobs() == ()
    assert "has ended" in over[ending.id].history[-1].text
    assert over[said.id].history[-1].text == "Look at the funding rates"
    assert len(over) == 3, "its check went with it"
    assert rig.book.remove(ending.id).runs == 1
    assert ending.id not in [job.id for job in rig.book.finished]
    with pytest.raises(JobError, match="no job"):
        rig.book.remove(ending.id)


async def test_a_job_for_a_session_that_ended_or_never_was_is_refused(rig: Rig) -> None:
    every_hour = Every(3_600, NOON)
    with pytest.raises(JobError, match="no session 'zz99zz99'"):
        rig.scheduler.add(every_hour, session_id="zz99zz99")
    rig.host.change(ID, state=SessionState.STOPPED)
    with pytest.raises(JobError, match="has ended"):
        rig.scheduler.add(every_hour, session_id=ID)


async def test_a_refusal_of_the_host_is_said_and_the_job_goes_on(rig: Rig) -> None:
    failing = rig.scheduler.add(
        Every(3_600, NOON),
        message=f"backtest(action='stop_paper', session_id='{ID}')",
    )
    rig.host.sessions.clear()
    await rig.scheduler.run_job(failing.id)
    assert rig.said == [(f"there is no session '{ID}'", ID, False)]
    assert rig.book.job(failing.id).history[-1].succeeded is False


async def test_a_session_that_fails_is_told_of_once_and_an_old_failure_never(rig: Rig) -> None:
    await rig.at(NOON)
    rig.host.change(ID, state=SessionState.ERROR, state_reason="the disk is full", ended=NOON)
    await rig.at(NOON + 1_000)
    await rig.at(NOON + 2_000)
    assert rig.said == [(f"rsi_bounce ({ID}) has failed: the disk is full", ID, False)]
    late = Scheduler(rig.book, rig.host, lambda: rig.now, rig.say)
    late.pulse()
    assert len(rig.said) == 1


async def test_a_paused_job_does_not_run_and_makes_nothing_up(rig: Rig) -> None:
    rig.host.sessions.clear()
    job = rig.scheduler.add(Every(3_600, NOON), message="look")
    rig.scheduler.pause(job.id, True)
    await rig.at(NOON + 3 * HOUR)
    assert rig.said == []
    rig.scheduler.pause(job.id, False)
    await rig.at(NOON + 3 * HOUR + 1)
    assert rig.said == []
    await rig.at(NOON + 4 * HOUR)
    assert [text for text, _, _ in rig.said] == ["look"]


async def test_a_job_that_was_due_once_while_paused_is_not_resumed_in_silence(rig: Rig) -> None:
    rig.host.sessions.clear()
    job = rig.scheduler.add(at(NOON + HOUR, NOON), message="look")
    rig.scheduler.pause(job.id, True)
    await rig.at(NOON + 2 * HOUR)
    with pytest.raises(JobError, match="was due while it was paused"):
        rig.scheduler.pause(job.id, False)


async def test_an_edited_job_keeps_its_past_and_goes_by_what_is_new(rig: Rig) -> None:
    job = rig.scheduler.add(Every(3_600, NOON), message="look")
    await rig.at(NOON + HOUR)
    edited = rig.scheduler.edit(job.id, Every(600, rig.now), message="look again")
    assert (edited.id, edited.runs, edited.created) == (job.id, 1, job.created)
    assert edited.next_run == NOON + HOUR + 600_000
    await rig.at(NOON + HOUR + 600_000)
    assert [text for text, _, _ in rig.said] == ["look", "look again"]
    assert [run.text for run in rig.book.job(job.id).history] == ["look", "look again"]


async def test_an_edited_message_leaves_when_the_job_is_due(rig: Rig) -> None:
    job = rig.scheduler.add(Every(3_600, NOON), message="look")
    rig.now = NOON + HOUR // 2
    assert rig.scheduler.edit(job.id, None, message="see").next_run == job.next_run


async def test_an_edit_that_would_end_a_job_or_bind_it_to_nothing_is_refused(rig: Rig) -> None:
    job = rig.scheduler.add(Every(3_600, NOON), message="look")
    await rig.at(NOON + HOUR)
    with pytest.raises(JobError, match="must be more than that"):
        rig.scheduler.edit(job.id, None, max_runs=1)
    with pytest.raises(JobError, match="no session 'zz99zz99'"):
        rig.scheduler.edit(job.id, None, session_id="zz99zz99")
    with pytest.raises(JobError, match="no job 'zz99zz99'"):
        rig.scheduler.edit("zz99zz99", None)
    assert rig.book.job(job.id).message == "look"
