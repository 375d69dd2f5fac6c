"""A session that has ended gets its report, and one that was interrupted goes on by itself."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

from core.host.link import CommandError
from core.host.offline import offline_sessions
from core.journal.values import SessionState
from core.session.reports import EQUITY, JSON, MARKDOWN, PAGE, TRADES
from core.session.snapshot import Level
from core.store.durable import OsDisk
from core.store.workspace import Workspace
from tests.unit.host.hosts import hosting, replay_request
from tests.unit.store.disks import FullDisk
from tests.waiting import until

REPORT = (JSON, MARKDOWN, PAGE, TRADES, EQUITY)


class FussyDisk(OsDisk):
    """A disk that has no room for files of some names, as long as a test says so."""

    def __init__(self) -> None:
        self.refused: tuple[str, ...] = ()

    def replace(self, source: Path, target: Path) -> None:
        if target.name in self.refused:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().replace(source, target)


async def ended_session(home: Path, candle_file: Path, **options: Any) -> tuple[str, Any]:
    async with hosting(home, **options) as host:
        session_id = (await host.start(replay_request(candle_file))).session_id
        await host.ended(session_id)
        return session_id, await host.reader.report(session_id)


@pytest.mark.parametrize("lost", [(JSON, "index"), REPORT, (*REPORT, "index")], ids=str)
async def test_a_session_whose_host_was_killed_before_its_report_gets_it_from_the_next(
    tmp_path: Path, candle_file: Path, lost: tuple[str, ...]
) -> None:
    home = tmp_path / "home"
    session_id, report = await ended_session(home, candle_file)
    folder = Workspace(home).session(session_id)
    for name in lost:
        (Workspace(home).index if name == "index" else folder / name).unlink()
    async with hosting(home) as host:
        await host.registry.arrived(session_id)
        assert all((folder / name).exists() for name in REPORT)
        assert await host.reader.report(session_id) == report
        (session,) = host.snapshot().sessions
        assert session.state is SessionState.STOPPED
    async with hosting(home) as host:
        assert host.snapshot().sessions == (session,)


@pytest.mark.parametrize("damage", ["empty", "cut", "folder", "link", "pipe"])
async def test_what_is_no_whole_report_is_written_anew(
    tmp_path: Path, candle_file: Path, damage: str
) -> None:
    home = tmp_path / "home"
    session_id, report = await ended_session(home, candle_file)
    path = Workspace(home).session(session_id) / JSON
    whole = path.read_bytes()
    path.unlink()
    match damage:
        case "empty" | "cut":
            path.write_bytes(whole[: 1_000 * (damage == "cut")])
        case "folder":
            path.mkdir()
        case "link":
            (tmp_path / "elsewhere").write_bytes(b"")
            path.symlink_to(tmp_path / "elsewhere")
        case _:
            os.mkfifo(path)
    async with hosting(home, retry_after=0.05) as host:
        await host.registry.arrived(session_id)
        if damage == "folder":
            assert "its report cannot be written yet" in host.logs()[-1].text
            path.rmdir()
        await until(lambda: path.is_file() and path.stat().st_size == len(whole))
        assert await host.reader.report(session_id) == report
        assert not path.is_symlink()


@pytest.mark.parametrize("name", [*REPORT, "papertape.json"])
async def test_a_report_that_finds_no_room_is_written_once_there_is_some(
    tmp_path: Path, candle_file: Path, name: str
) -> None:
    home, disk = tmp_path / "home", FussyDisk()
    async with hosting(home, disk=disk, retry_after=0.1) as host:
        session_id = (await host.start(replay_request(candle_file, speed=0.001))).session_id
        await host.pause(session_id)
        disk.refused = (name,)
        await host.stop(session_id)
        folder = host.workspace.session(session_id)
        assert (folder / JSON).exists() is (name == "papertape.json")
        (session,) = host.snapshot().sessions
        assert session.state is SessionState.STOPPED
        texts = [line.text for line in host.logs() if line.level is Level.ERROR]
        assert len(texts) == 1
        assert "its report cannot be written yet" in texts[0]
        disk.refused = ()
        await until(lambda: all((folder / one).exists() for one in REPORT))
    async with hosting(home) as host:
        assert [one.id for one in host.snapshot().sessions] == [session_id]


async def test_resuming_on_a_disk_that_is_still_full_is_refused_and_works_once_it_is_not(
    tmp_path: Path, candle_file: Path
) -> None:
    disk = FullDisk(100_000_000)
    async with hosting(tmp_path / "home", disk=disk, retry_after=3_600) as host:
        session_id = (await host.start(replay_request(candle_file, speed=0.001))).session_id
        await host.pause(session_id)
        disk.room = 0
        for _ in range(2):
            with pytest.raises(CommandError, match="No space left on device"):
                await host.resume(session_id)
            await until(lambda: host.fresh_snapshot().sessions[0].interrupted)
        disk.room = 100_000_000
        await host.resume(session_id)
        (session,) = host.fresh_snapshot().sessions
        assert (session.state.ended, session.interrupted) == (False, False)


async def test_an_interrupted_session_goes_on_by_itself_and_its_failures_are_said_once(
    tmp_path: Path, candle_file: Path
) -> None:
    disk = FullDisk(100_000_000)
    async with hosting(tmp_path / "home", disk=disk, retry_after=0.1) as host:
        session_id = (await host.start(replay_request(candle_file, speed=0.001))).session_id
        await host.pause(session_id)
        disk.room = 0
        with pytest.raises(CommandError, match="No space left on device"):
            await host.resume(session_id)
        disk.room = 100_000_000
        await until(lambda: not host.fresh_snapshot().sessions[0].state.ended)


CHANGED: dict[str, dict[str, Any]] = {
    "of another session": {"id": "other000"},
    "of no session": {"id": "../../x"},
    "no config": {"config": {}},
    "another config": {"config": {"name": "x", "symbols": ["x"], "timeframe": "x"}},
    "symbols that are none": {"config": {"name": "x", "symbols": "x", "timeframe": "5m"}},
    "of candles elsewhere": {"source": "../../x"},
    "made in no year": {"created": 10**17},
    "without an end": {"run_for": 2**62},
    "until no year": {"until": -1},
}


@pytest.mark.parametrize("damage", ["empty", "no manifest", "no JSON", "another shape", *CHANGED])
async def test_a_folder_that_is_no_session_is_listed_and_can_be_deleted(
    tmp_path: Path, candle_file: Path, damage: str
) -> None:
    home = tmp_path / "home"
    good, _ = await ended_session(home, candle_file)
    folder = Workspace(home).session("broken00")
    shutil.copytree(Workspace(home).session(good), folder)
    if damage == "empty":
        shutil.rmtree(folder)
        folder.mkdir()
    elif damage == "no manifest":
        (folder / "session.json").unlink()
    elif damage in CHANGED:
        record = orjson.loads((folder / "session.json").read_bytes())
        changed = {**record, "id": "broken00", **CHANGED[damage]}
        (folder / "session.json").write_bytes(orjson.dumps(changed))
    else:
        (folder / "session.json").write_text("{" if damage == "no JSON" else "[1]")
    resting = {one.id: one for one in await offline_sessions(Workspace(home))}
    assert resting[good].state is SessionState.STOPPED
    assert "session.json" in str(resting["broken00"].state_reason)
    async with hosting(home) as host:
        shown = {one.id: one for one in host.snapshot().sessions}
        assert shown["broken00"].state is SessionState.ERROR
        assert "session.json" in str(shown["broken00"].state_reason)
        with pytest.raises(CommandError):
            await host.resume("broken00")
        await host.delete("broken00")
        assert [one.id for one in host.snapshot().sessions] == [good]
    assert not folder.exists()


@pytest.mark.parametrize(
    "odd",
    [[1, 2], {}, {"session_id": 5}, "x", {"trades": 5}, {"period": None}, {"metrics": []}],
    ids=str,
)
async def test_a_report_of_another_shape_is_made_anew_from_the_journal(
    tmp_path: Path, candle_file: Path, odd: Any
) -> None:
    home = tmp_path / "home"
    session_id, report = await ended_session(home, candle_file)
    shape = {**report, **odd} if isinstance(odd, dict) and odd else odd
    (Workspace(home).session(session_id) / JSON).write_bytes(orjson.dumps(shape))
    async with hosting(home) as host:
        assert await host.reader.report(session_id) == report
        assert len(await host.reader.closed_trades(session_id)) == len(report["trades"])


@pytest.mark.parametrize(
    "odd",
    [
        {"id": "other000"},
        {"started": 2**62},
        {"ended": 10**17},
        {"planned_end": -(10**17)},
        {"equity": "much"},
        {"open_positions": [{}]},
    ],
    ids=str,
)
async def test_an_odd_row_of_a_session_in_the_index_gives_way_to_its_journal(
    tmp_path: Path, candle_file: Path, odd: dict[str, object]
) -> None:
    home = tmp_path / "home"
    session_id, _ = await ended_session(home, candle_file)
    index = Workspace(home).index
    tables = orjson.loads(index.read_bytes())
    right = dict(tables["sessions"]["1"]["final"])
    tables["sessions"]["1"]["final"] |= odd
    index.write_bytes(orjson.dumps(tables))
    async with hosting(home) as host:
        await host.registry.arrived(session_id)
        (session,) = host.snapshot().sessions
        assert orjson.loads(msgspec.json.encode(session)) == right
