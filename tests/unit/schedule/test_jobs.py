"""Is a job understood from its message, and is the book of jobs kept?"""

from __future__ import annotations

from pathlib import Path

import pytest

from core.host.job_values import JobAction
from core.market.candles.timeframes import HOUR
from core.schedule.book import JobBook
from core.schedule.jobs import HISTORY, Job, JobError, JobRun, new_job
from core.schedule.triggers import At, Every
from core.store.durable import OsDisk
from core.store.index import open_index
from core.time_format import parse_time

NOON = parse_time("2026-02-10T12:00:00Z")
HOURLY = Every(3_600, NOON)
CHECK = (
    "Check paper trading session ab12cd34: call backtest(action='paper_status', "
    "session_id='ab12cd34'). If there are new trades, briefly notify the user."
)
FINISH = (
    "Paper trading session ab12cd34 has reached its scheduled end. Stop it: call "
    'backtest(action="stop_paper", session_id="ab12cd34"). Notify the user.'
)


@pytest.mark.parametrize(
    ("message", "session_id", "action", "about"),
    [
        (CHECK, None, JobAction.CHECK, "ab12cd34"),
        (FINISH, None, JobAction.FINISH, "ab12cd34"),
        ("Look at the funding rates", None, JobAction.SAY, None),
        ("Is it still running?", "ab12cd34", JobAction.SAY, "ab12cd34"),
        ("", "ab12cd34", JobAction.CHECK, "ab12cd34"),
    ],
)
def test_a_job_does_what_its_message_asks_for(
    message: str, session_id: str | None, action: JobAction, about: str | None
) -> None:
    job = new_job("job00001", HOURLY, now=NOON, message=message, session_id=session_id)
    assert (job.action, job.session_id) == (action, about)


@pytest.mark.parametrize(
    ("message", "session_id", "max_runs", "why"),
    [
        ("", None, None, "neither a message nor a session"),
        (CHECK, "zz99zz99", None, "about session ab12cd34, the job about zz99zz99"),
        ("backtest(action='stop_paper', session_id='{session_id}')", None, None, "no session"),
        ("hello", None, 0, "max_runs is 0"),
        ("x" * 2_001, None, None, "2001 characters"),
    ],
)
def test_a_job_that_makes_no_sense_is_refused(
    message: str, session_id: str | None, max_runs: int | None, why: str
) -> None:
    with pytest.raises(JobError, match=why):
        new_job(
            "job00001", HOURLY, now=NOON, message=message, session_id=session_id, max_runs=max_runs
        )


def ran(at: int, due: int | None = None) -> JobRun:
    return JobRun(at if due is None else due, at, succeeded=True, text="done")


def test_of_the_runs_slept_through_one_is_made_up_for() -> None:
    job = new_job("job00001", HOURLY, now=NOON, message="hello")
    assert job.next_run == NOON + HOUR
    late = NOON + 9 * HOUR + 60_000
    assert job.due(late)
    assert job.after(ran(late, due=NOON + HOUR)).next_run == NOON + 10 * HOUR


def test_a_job_ends_after_its_last_run() -> None:
    job = new_job("job00001", HOURLY, now=NOON, message="hello", max_runs=2)
    once = job.after(ran(NOON + HOUR))
    assert once.next_run == NOON + 2 * HOUR
    assert once.after(ran(NOON + 2 * HOUR)).next_run is None
    assert new_job("job00002", At(NOON), now=NOON, message="x").after(ran(NOON)).next_run is None


def test_a_job_remembers_its_last_runs() -> None:
    job = new_job("job00001", HOURLY, now=NOON, message="hello")
    for hour in range(1, HISTORY + 6):
        job = job.after(ran(NOON + hour * HOUR))
    assert job.runs == HISTORY + 5
    assert [run.ran for run in job.history] == [
        NOON + hour * HOUR for hour in range(6, HISTORY + 6)
    ]


def test_the_book_gives_back_what_was_put_into_it_after_a_restart(tmp_path: Path) -> None:
    jobs = {
        job.id: job
        for job in (
            new_job("job00001", HOURLY, now=NOON, message="hello").after(ran(NOON + HOUR)),
            new_job("job00002", At(NOON + 60_000), now=NOON, message=CHECK, max_runs=3),
        )
    }
    database, _ = open_index(tmp_path / "papertape.json", OsDisk())
    for job in jobs.values():
        JobBook(database).put(job)
    reopened, _ = open_index(tmp_path / "papertape.json", OsDisk())
    book = JobBook(reopened)
    assert [job.id for job in book.jobs()] == ["job00002", "job00001"]
    assert {job.id: job for job in book.jobs()} == jobs
    assert book.remove("job00001") == jobs["job00001"]
    assert book.jobs() == (jobs["job00002"],)


def test_a_job_that_is_not_there_is_said_to_be_not_there(tmp_path: Path) -> None:
    database, _ = open_index(tmp_path / "papertape.json", OsDisk())
    with pytest.raises(JobError, match="no job 'nothere'"):
        JobBook(database).remove("nothere")


def test_no_two_jobs_have_one_id(tmp_path: Path) -> None:
    database, _ = open_index(tmp_path / "papertape.json", OsDisk())
    ids = iter(["job00001", "job00001", "job00002"])
    book = JobBook(database, lambda: next(ids))
    book.put(new_job(book.fresh_id(), HOURLY, now=NOON, message="hello"))
    assert book.fresh_id() == "job00002"


def test_a_job_is_described_in_one_line() -> None:
    job: Job = new_job("job00001", HOURLY, now=NOON, message=FINISH)
    assert job.describe() == "stop session ab12cd34 and report, every 1h"


@pytest.mark.parametrize("written", ["session_id=AB12CD34", "session_id = 'Ab12cd34'"])
def test_a_session_is_known_without_quotes_and_in_capitals(written: str) -> None:
    message = f"call backtest(action=paper_status, {written})"
    job = new_job("job00001", HOURLY, now=NOON, message=message, session_id=" AB12CD34 ")
    assert (job.action, job.session_id) == (JobAction.CHECK, "ab12cd34")


def test_a_message_that_asks_for_two_things_is_refused() -> None:
    both = (
        "backtest(action='paper_status') then backtest(action='stop_paper', session_id='ab12cd34')"
    )
    with pytest.raises(JobError, match="add a job for each"):
        new_job("job00001", HOURLY, now=NOON, message=both)
    with pytest.raises(JobError, match="several sessions: ab12cd34, ef56ef56"):
        new_job("job00001", HOURLY, now=NOON, message="session_id=ab12cd34 session_id=ef56ef56")
