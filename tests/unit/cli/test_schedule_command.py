"""Jobs are paused, resumed and edited from the command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.host.host import Host
from tests.unit.cli.conftest import Run
from tests.unit.cli.hosted import hosted


@pytest.fixture
def host(workspace: Path) -> Iterator[Host]:
    with hosted(workspace) as running:
        yield running


def test_a_job_is_paused_resumed_and_edited(run: Run, host: Host) -> None:
    job = run("schedule", "add", "--every", "2h", "--message", "look", "--json").json
    assert (job["every_seconds"], job["cron_expr"], job["at"]) == (7_200, None, None)
    job_id = job["job_id"]
    assert run("schedule", "pause", job_id).out == f"job {job_id}, every 2h, paused\n"
    assert "paused" in run("schedule").out
    assert run("schedule", "resume", job_id, "--json").json["paused"] is False
    edited = run("schedule", "edit", job_id, "--cron", "0 10 * * *", "--max-runs", "3", "--json")
    assert edited.json["cron_expr"] == "0 10 * * *"
    assert (edited.json["message"], edited.json["max_runs"]) == ("look", 3)
    assert run("schedule", "edit", job_id, "--message", "see", "--json").json["max_runs"] == 3
    refused = run("schedule", "edit", job_id, "--cron", "* *")
    assert (refused.code, refused.out) == (2, "")
    assert run("schedule", "pause", "zz99zz99").code == 3


def test_times_are_written_for_a_reader(run: Run, host: Host) -> None:
    at = ("--at", "2126-02-11T10:00", "--message", "look")
    added = run("schedule", "add", *at).out
    assert added.endswith(", at 2126-02-11 10:00 UTC, next 2126-02-11 10:00 UTC\n")
    assert "2126-02-11 10:00 UTC  2126-02-11 10:00 UTC" in run("schedule").out
    assert run("schedule", "--json").json["jobs"][0]["next_run"] == "2126-02-11T10:00:00Z"


def test_a_job_is_set_for_a_moment_as_people_write_it(run: Run, host: Host) -> None:
    added = run("schedule", "add", "--at", "24 dec 2125 18:00", "--message", "look")
    assert "at 2125-12-24 18:00 UTC" in added.out
    refused = run("schedule", "add", "--at", "soon", "--message", "look")
    assert (refused.code, refused.out) == (2, "")
    assert "expected such as 18:30" in refused.err
