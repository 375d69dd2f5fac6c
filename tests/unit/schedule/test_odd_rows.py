"""What stands oddly in the workspace's index keeps no host from starting, and no other job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from core.host.host import Host
from core.host.link import CommandError, NotFoundError
from core.schedule.service import Schedule
from core.store.workspace import Workspace
from tests.unit.host.hosts import hosting

GOOD: dict[str, Any] = {
    "id": "good0001",
    "trigger": {"type": "every", "seconds": 3600, "since": 1_770_724_800_000},
    "action": "say",
    "message": "look",
    "session_id": None,
    "created": 1_770_724_800_000,
    "next_run": 4_000_000_000_000,
}
ROWS: dict[str, object] = {
    "no trigger": {"id": "odd00001"},
    "unknown trigger": GOOD | {"id": "odd00001", "trigger": {"type": "moon"}},
    "no trigger object": GOOD | {"id": "odd00001", "trigger": "every hour"},
    "wrong cron": GOOD | {"id": "odd00001", "trigger": {"type": "cron", "expression": "at noon"}},
    "six cron fields": GOOD
    | {"id": "odd00001", "trigger": {"type": "cron", "expression": "* * * * * *"}},
    "begun at the end of all years": GOOD
    | {"trigger": {"type": "every", "seconds": 3600, "since": 253_402_300_799_999}},
    "a report on no session": GOOD | {"action": "finish"},
    "a check of no session": GOOD | {"action": "check"},
    "no seconds": GOOD | {"trigger": {"type": "every", "seconds": 0, "since": 0}},
    "broken count": GOOD | {"id": "odd00001", "max_runs": 3.5},
    "count as text": GOOD | {"id": "odd00001", "max_runs": "three"},
    "unknown action": GOOD | {"id": "odd00001", "action": "dance"},
    "no ID": GOOD | {"id": None},
    "a path as ID": GOOD | {"id": "../../x"},
    "a path as session": GOOD | {"id": "odd00001", "session_id": "../../x"},
    "more runs than can be": GOOD | {"id": "odd00001", "runs": 2**64 - 1},
    "the ID of another": GOOD | {"message": "not this one"},
    "a time beyond all years": GOOD | {"id": "odd00001", "next_run": 10**18},
    "history of nothing": GOOD | {"id": "odd00001", "history": [None]},
}


async def jobs_with(tmp_path: Path, contents: object) -> tuple[Host, list[str]]:
    """Start a host on an index with these contents; the jobs it lists, and can still add one to."""
    workspace = Workspace(tmp_path)
    workspace.prepare()
    written = contents if isinstance(contents, bytes) else orjson.dumps(contents)
    workspace.index.write_bytes(written)
    async with hosting(tmp_path, schedule=Schedule) as host:
        listed = await host.carry_out("list_jobs", {})
        assert isinstance(listed, tuple)
        added: Any = await host.carry_out(
            "add_job", {"order": {"every_seconds": 60, "message": "hello"}}
        )
    async with hosting(tmp_path, schedule=Schedule) as again:
        then = await again.carry_out("list_jobs", {})
        assert isinstance(then, tuple)
        assert added.job_id in [job.job_id for job in then]
        assert [line.text for line in again.logs() if "set aside" in line.text] == []
    return host, [job.job_id for job in listed]


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
async def test_an_odd_row_is_set_aside_with_a_notice(tmp_path: Path, row: object) -> None:
    host, listed = await jobs_with(tmp_path, {"jobs": {"1": GOOD, "2": row}})
    assert listed == ["good0001"]
    (notice,) = [line.text for line in host.logs() if "a job in the index" in line.text]
    assert "set aside in its table odd_jobs" in notice
    kept = orjson.loads(Workspace(tmp_path).index.read_bytes())["odd_jobs"]
    assert [one["row"] for one in kept.values()] == [row]


@pytest.mark.parametrize(
    ("contents", "expected"),
    [
        ({"jobs": None, "watched": {}}, []),
        ({"jobs": [GOOD]}, []),
        ({"jobs": {"1": None, "2": GOOD}}, ["good0001"]),
        ({"jobs": {"first": GOOD}}, []),
        ({"jobs": {"1": GOOD}, "sessions": 5}, ["good0001"]),
        ([GOOD], []),
        (None, []),
        ("jobs", []),
    ],
    ids=str,
)
async def test_an_index_of_another_shape_is_set_aside_and_the_rest_of_it_used(
    tmp_path: Path, contents: object, expected: list[str]
) -> None:
    host, listed = await jobs_with(tmp_path, contents)
    assert listed == expected
    assert any("was set aside as papertape.json.damaged-1" in one.text for one in host.logs())
    aside = tmp_path / "papertape.json.damaged-1"
    assert orjson.loads(aside.read_bytes()) == contents


NESTED = b"[" * 300 + b"]" * 300


@pytest.mark.parametrize(
    "row",
    [b'"%s":{}' % (b"1" * 5_000), b'"01":{"id":"good0002"}', b'"2":{"x":%s}' % NESTED],
    ids=["a number of many digits", "a number written otherwise", "what is not written again"],
)
async def test_a_row_that_an_index_cannot_keep_is_set_aside(tmp_path: Path, row: bytes) -> None:
    contents = b'{"jobs":{"1":%s,%s}}' % (orjson.dumps(GOOD), row)
    host, listed = await jobs_with(tmp_path, contents)
    assert listed == ["good0001"]
    assert any("was set aside as papertape.json.damaged-1" in one.text for one in host.logs())
    assert (tmp_path / "papertape.json.damaged-1").read_bytes() == contents


async def test_an_odd_row_of_a_job_that_is_gone_is_no_job(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.prepare()
    workspace.index.write_bytes(orjson.dumps({"gone_jobs": {"1": {"id": "gone0001"}}}))
    async with hosting(tmp_path, schedule=Schedule) as host:
        with pytest.raises(NotFoundError, match="there is no job 'gone0001'"):
            await host.carry_out("remove_job", {"job_id": "gone0001"})


@pytest.mark.parametrize("what", ["a folder", "a circle of links"])
async def test_an_index_that_is_no_file_is_set_aside(tmp_path: Path, what: str) -> None:
    index = Workspace(tmp_path).index
    if what == "a folder":
        index.mkdir(parents=True)
    else:
        index.symlink_to(index)
    async with hosting(tmp_path, schedule=Schedule) as host:
        assert await host.carry_out("list_jobs", {}) == ()
    aside = tmp_path / "papertape.json.damaged-1"
    assert aside.is_dir() or aside.is_symlink()


@pytest.mark.parametrize(
    "order",
    [
        {"every_seconds": 60, "message": "x", "max_runs": 3.5},
        {"every_seconds": 60, "message": "x", "max_runs": 3.0},
        {"every_seconds": 60, "message": "x", "max_runs": "three"},
        {"every_seconds": 60, "message": "x", "max_runs": 10**30},
        {"every_seconds": 60.7, "message": "x"},
        {"every_seconds": True, "message": "x"},
        {"cron_expr": 5, "message": "x"},
        {"every_seconds": 60, "message": ["x"]},
        {"every_seconds": 60, "message": "x", "session_id": 5},
        {"every_seconds": 60, "message": "x", "paused": True},
        {"message": "x"},
        {"every_seconds": 60, "at": "2099-01-01", "message": "x"},
        {"at": "soon", "message": "x"},
        {"at": "0001-01-01T00:00:00+14:00", "message": "x"},
    ],
    ids=str,
)
async def test_no_call_writes_a_row_that_is_odd(tmp_path: Path, order: dict[str, Any]) -> None:
    async with hosting(tmp_path, schedule=Schedule) as host:
        with pytest.raises(CommandError):
            await host.carry_out("add_job", {"order": order})
        assert await host.carry_out("list_jobs", {}) == ()
