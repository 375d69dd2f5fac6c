"""Sessions that version 0.1.0 wrote are read, shown, gone on with and compared by this program.

The archive was made by that version's own hosts: aaaa0001 (live, market fills, a gap, a pause, a
restart, not ended), bbbb0002 (live, stopped) and cccc0003 (a replay to the end of its file), with
what that version reported of them in expected.json.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from core.compare.request import ComparisonRequest
from core.compare.service import compare_strategy
from core.host.offline import offline_logs, offline_report, offline_sessions
from core.journal.manifest import EVENTS, write_manifest
from core.journal.records import MomentPassed, to_record
from core.journal.values import FeedKind, SessionState
from core.journal.versions import SESSION_JOURNAL
from core.market.candles.timeframes import Timeframe
from core.store.journal_file import JournalFormat, encode_line
from core.store.workspace import Workspace
from tests.unit.host.hosts import hosting
from tests.unit.session.scripted import TestFeed
from tests.unit.session.sessions import RSI, SPAN, START, Bench, market
from tests.waiting import until

ARCHIVE = Path(__file__).parent / "fixtures" / "version_1.tar.gz"
TABLE = market(400)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    root = tmp_path / "home"
    root.mkdir(mode=0o700)
    with tarfile.open(ARCHIVE) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # 3.11.2 has none
        archive.extractall(root)
    root.chmod(0o700)
    return root


def expected(home: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((home / "expected.json").read_text())
    return told


async def test_status_report_and_log_tell_what_they_told(home: Path) -> None:
    workspace = Workspace(home)
    sessions = {one.id: one for one in await offline_sessions(workspace)}
    assert {key: one.state for key, one in sessions.items()} == {
        "aaaa0001": SessionState.STALE,  # it waits for a host
        "bbbb0002": SessionState.STOPPED,
        "cccc0003": SessionState.STOPPED,
    }
    for session_id, before in expected(home).items():
        report = await offline_report(workspace, session_id)
        before.pop("metrics")  # their definitions are the program's, not the journal's
        assert {name: report[name] for name in before} == before
        assert sessions[session_id].trades_count == len(before["trades"])
    texts = [line.text for line in await offline_logs(workspace, "aaaa0001")]
    assert any("3 candles missing" in text for text in texts)
    assert "taken up again" in texts


async def gone_on(home: Path) -> Any:
    """The report of aaaa0001 after a host has taken it up and twelve candles have come."""
    feeds: list[TestFeed] = []

    async def live(*_: object) -> TestFeed:
        feeds.append(TestFeed({"BTC/USDT": TABLE}, known=383))
        return feeds[-1]

    def clock() -> int:
        return START + 383 * SPAN

    # Its candle journal has the candles up to number 382: another session was followed after it.
    async with hosting(home, feeds={FeedKind.LIVE: live}, clock=clock) as host:
        await until(lambda: bool(feeds and feeds[0].subscribed))
        for place in range(383, 395):
            feeds[0].candle(place)
        last = TABLE.at(394).time
        await until(lambda: host.fresh_snapshot().sessions[0].last_candle == last)
        return await host.stop("aaaa0001")


async def test_a_session_is_taken_up_and_goes_on(home: Path) -> None:
    report = await gone_on(home)
    before = expected(home)["aaaa0001"]
    trades: Any = report["trades"]
    assert trades[: len(before["trades"])] == before["trades"]
    assert len(trades) > len(before["trades"])
    restarts: Any = report["restarts"]
    assert len(restarts) == 2


async def test_sessions_are_compared(home: Path) -> None:
    async def report_of(session_id: str) -> dict[str, Any]:
        return await offline_report(Workspace(home), session_id)

    request = ComparisonRequest("busy_rsi", Timeframe.M5, sessions=("bbbb0002",))
    found = await compare_strategy(Workspace(home), request, report_of)
    assert found.divergence is not None
    assert len(found.divergence.trades) == 3
    assert found.replays


async def test_an_older_journal_is_read_as_it_is_and_brought_up_to_date_to_go_on(
    home: Path,
) -> None:
    def version_of(session_id: str) -> object:
        path = Workspace(home).session(session_id) / EVENTS
        return json.loads(path.read_bytes().splitlines()[0])["version"]

    seen: list[object] = []

    def upgrade(line: dict[str, object]) -> dict[str, object]:
        seen.append(line["kind"])
        return line

    with newest(SESSION_JOURNAL, 2, {1: upgrade}):
        report = await gone_on(home)
        assert [version_of(one) for one in ("aaaa0001", "bbbb0002")] == [2, 1]
        before = expected(home)["aaaa0001"]
        assert report["trades"][: len(before["trades"])] == before["trades"]
        assert "begun" in seen
        told = len(seen)
        again = await offline_report(Workspace(home), "aaaa0001")
        assert again["trades"] == report["trades"]
        assert len(seen) == told  # it is of the newest version now


def test_the_lines_of_a_journal_brought_up_to_date_are_those_of_its_file_now(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path)
    record = bench.record(RSI)
    path = bench.workspace.session(record.id) / EVENTS
    write_manifest(path.parent, record, bench.disk)
    bench.storage.create_log(record)
    times = range(5)
    with path.open("ab") as file:
        file.writelines(encode_line(to_record(MomentPassed(n, 100.0, []))) for n in times)
        file.write(b"torn")

    def upgrade(line: dict[str, Any]) -> dict[str, object]:
        return {**line, "time": line["time"] + 1000}

    with newest(SESSION_JOURNAL, 2, {1: upgrade}):
        _, lines, torn = bench.storage.reopen_log(record)
        assert list(lines) == [MomentPassed(1000 + n, 100.0, []) for n in times]
        assert torn == len(b"torn")


@contextmanager
def newest(form: JournalFormat, version: int, upgrades: object) -> Iterator[None]:
    """As a later program would have it."""
    before = {"version": form.version, "upgrades": form.upgrades}
    try:
        for name, value in {"version": version, "upgrades": upgrades}.items():
            object.__setattr__(form, name, value)
        yield
    finally:
        for name, old in before.items():
            object.__setattr__(form, name, old)
