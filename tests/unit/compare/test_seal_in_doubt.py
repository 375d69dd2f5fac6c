"""A seal that is not the one its session was started with is found, and gives no verdict."""

from __future__ import annotations

import asyncio
import errno
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import orjson
import pytest

from core.compare.comparison import ComparisonResult
from core.compare.request import ComparisonRequest
from core.compare.service import compare_strategy
from core.compare.sessions import compared_sessions
from core.compare.text import comparison_text
from core.compare.to_json import comparison_to_json
from core.host.offline import offline_report, offline_sessions
from core.host.seal_watch import SealWatch, seal_checked
from core.journal import manifest
from core.journal.manifest import EVENTS, RECORD, read_manifest, write_manifest
from core.journal.values import FeedKind
from core.market.candles.timeframes import DAY, Timeframe
from core.report.text import report_text
from core.schedule.notifications.trial_news import comparison_in_words, layer_states, turned
from core.session.reports import JSON, write_report
from core.store import durable, journal_file
from core.store.durable import OsDisk
from core.store.workspace import Workspace
from core.trial.seal import Horizon, Seal
from core.trial.state import State
from tests.unit.compare.trials import a_trial, start_as
from tests.unit.session.sessions import Bench

SESSION, OTHER = "abcd1234", "bcde2345"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with one trial that has ended, and has kept its promise."""
    return asyncio.run(a_trial(tmp_path_factory.mktemp("trial"))).bench.workspace


@pytest.fixture
def home(kept: Workspace, tmp_path: Path) -> Workspace:
    """A copy of it, to be changed."""
    return Workspace(Path(shutil.copytree(kept.root, tmp_path / "home")))


def compared(home: Workspace, **fields: object) -> ComparisonResult:
    async def no_host(session_id: str, /) -> dict[str, object]:
        raise LookupError(session_id)

    request = ComparisonRequest("trend", Timeframe.M5, **fields)  # type: ignore[arg-type]
    return asyncio.run(compare_strategy(home, request, no_host))


def put(folder: Path, seal: Seal | None) -> None:
    """Put another seal into a session's record, which its journal knows nothing of."""
    record = msgspec.structs.replace(read_manifest(folder), seal=seal, notices=())
    (folder / RECORD).write_bytes(msgspec.json.encode(record))


def sealed(folder: Path) -> Seal:
    seal = read_manifest(folder).seal
    assert seal is not None
    return seal


def removed(folder: Path) -> None:
    put(folder, None)


def edited(folder: Path) -> None:
    put(folder, msgspec.structs.replace(sealed(folder), horizon=Horizon(30)))


def forged(folder: Path) -> None:
    """With a hash of its own that fits it."""
    put(folder, msgspec.structs.replace(sealed(folder), horizon=Horizon(30)).sealed())


def swapped(folder: Path) -> None:
    """The seal of another trial of the very same config."""
    later = sealed(folder).sealed_at + DAY
    put(folder, msgspec.structs.replace(sealed(folder), sealed_at=later).sealed())


def put_in(folder: Path) -> None:
    """A seal, into a session that was started without."""
    seal = sealed(folder)
    start_as(folder, msgspec.structs.replace(read_manifest(folder), seal=None))
    put(folder, seal)


WAYS = pytest.mark.parametrize(
    ("change", "words"),
    [
        (removed, r"the seal was removed: session\.json has none, .* with the seal {}"),
        (edited, r"the seal was changed: its contents have the hash"),
        (forged, r"the seal was replaced: .* with the seal {}; put back"),
        (swapped, r"the seal was replaced: .* with the seal {}; put back"),
        (put_in, r"a seal was put in after the start: .*{}.* without any; put back"),
    ],
)


@WAYS
def test_every_reading_says_so_and_none_gives_a_verdict(
    home: Workspace, change: Callable[[Path], None], words: str
) -> None:
    folder = home.session(SESSION)
    before = compared(home)
    assert before.verdict is not None
    assert (before.verdict.state, before.verdict.sealed) == (State.KEPT, True)
    states = layer_states({"comparison": comparison_to_json(before)})
    assert states["seal"] == "kept"
    (row,) = asyncio.run(offline_sessions(home))
    assert (row.seal_problem, row.notices) == (None, ())

    expected = re.compile(words.format(sealed(folder).hash[:12]))
    change(folder)
    found = compared(home)
    assert found.verdict is not None
    assert (found.verdict.state, found.verdict.sealed) == (State.OPEN, False)
    assert found.layers.seal is None
    assert found.recommendation.startswith(f"No verdict is given: session {SESSION} ")
    assert found.assessment == "No verdict is given: the seal of its trial does not hold."
    head = f"Verdict: open (paper {SESSION}, the seal of its trial does not hold)"
    assert head in comparison_text(found)
    told = [found.recommendation, comparison_text(found), *found.notes[-5:]]
    assert expected.search(told[0])
    assert expected.search(told[1])

    (row,) = asyncio.run(offline_sessions(home))
    assert row.seal_problem is not None
    assert expected.search(row.seal_problem)
    assert row.notices == (row.seal_problem,)

    report = asyncio.run(offline_report(home, SESSION))
    assert expected.search(report["warnings"][-1])
    assert expected.search(report["recommendation"])
    assert expected.search(report_text(report))
    assert report["comparison"]["verdict"]["state"] == "open"
    news = turned(states, report)
    assert "verdict: kept → open" in news
    assert any(line.startswith("seal: kept → broken (") and expected.search(line) for line in news)
    assert not any(line.startswith("seal:") for line in turned(layer_states(report), report))
    assert expected.search(comparison_in_words(report))


def test_what_is_put_back_holds_again(home: Workspace) -> None:
    folder = home.session(SESSION)
    as_started = (folder / RECORD).read_bytes()
    removed(folder)
    asyncio.run(offline_sessions(home))
    (folder / RECORD).write_bytes(as_started)
    verdict = compared(home).verdict
    assert verdict is not None
    assert verdict.state is State.KEPT
    (row,) = asyncio.run(offline_sessions(home))
    assert row.notices == ()
    written = orjson.loads((folder / JSON).read_bytes())
    assert asyncio.run(offline_report(home, SESSION)) == written


async def _ran_while_in_doubt(home: Workspace) -> None:
    """Write the report of the trial as it would be if it had ended without its seal."""
    report = await offline_report(home, SESSION)
    assert report["comparison"]["layers"]["seal_problem"]
    write_report(home.session(SESSION), report, OsDisk())


def test_a_report_written_in_doubt_is_made_anew_once_the_seal_is_back(home: Workspace) -> None:
    folder = home.session(SESSION)
    as_started = (folder / RECORD).read_bytes()
    removed(folder)
    asyncio.run(_ran_while_in_doubt(home))
    (folder / RECORD).write_bytes(as_started)
    report: dict[str, Any] = asyncio.run(offline_report(home, SESSION))
    assert report["comparison"]["verdict"]["state"] == "kept"
    assert not any("the seal was removed" in one for one in report["warnings"])


def test_what_it_says_of_its_seal_is_no_notice_of_a_record(home: Workspace) -> None:
    removed(home.session(SESSION))
    (home.session(SESSION) / JSON).unlink()
    home.index.unlink(missing_ok=True)
    (row,) = asyncio.run(offline_sessions(home))
    assert row.notices == (row.seal_problem,)
    assert read_manifest(home.session(SESSION)).notices == (), "or its report would keep it"


def of_other_rules(folder: Path) -> None:
    written = orjson.loads((folder / RECORD).read_bytes())
    written["rules_version"] -= 1
    (folder / RECORD).write_bytes(orjson.dumps(written))


def without_journal(folder: Path) -> None:
    (folder / EVENTS).unlink()


def with_damaged_journal(folder: Path) -> None:
    (folder / EVENTS).write_bytes(b"{}\n")


def without_record(folder: Path) -> None:
    (folder / RECORD).unlink()


def nested_too_deeply(folder: Path) -> None:
    text, deep = (folder / RECORD).read_text(), '"config": {"x": ' + "[" * 100_000
    (folder / RECORD).write_text(re.sub(r'"config": *\{', deep, text, count=1))


@pytest.mark.parametrize(
    "change",
    [of_other_rules, without_journal, with_damaged_journal, without_record, nested_too_deeply],
)
def test_what_cannot_be_read_was_not_undone(
    home: Workspace, change: Callable[[Path], None]
) -> None:
    written = asyncio.run(offline_report(home, SESSION))
    states = layer_states(written)
    change(home.session(SESSION))
    report = asyncio.run(offline_report(home, SESSION))
    assert report["comparison"] == written["comparison"]
    assert report["recommendation"] == written["recommendation"]
    (warning,) = set(report["warnings"]) - set(written["warnings"])
    assert warning.startswith("whether its seal still holds cannot be read now: ")

    found = compared(home, sessions=(SESSION,))
    assert found.verdict is not None
    assert (found.verdict.state, found.verdict.sealed) == (State.OPEN, False)
    assert found.recommendation.startswith("No verdict is given: ")
    assert "not sealed" not in comparison_text(found)
    assert "does not hold" not in comparison_text(found)
    assert "whether its seal holds cannot be read now" in comparison_text(found)
    told: dict[str, Any] = comparison_to_json(found)
    layers = told["layers"]
    assert (layers["seal_problem"], layers["sealed"]) == (None, False)
    assert layers["seal_unread"] in found.recommendation
    assert turned(states, {"comparison": told}) == ()


def test_no_seal_is_forged_by_taking_the_journal_away(home: Workspace) -> None:
    (row,) = asyncio.run(offline_sessions(home))
    folder = home.session(SESSION)
    forged(folder)
    without_journal(folder)
    record = read_manifest(folder)
    assert record.seal_unread
    assert "events.jsonl is gone, and the session has run" in str(record.seal_problem)
    assert seal_checked(home, row).notices == (record.seal_problem,)
    (row,) = asyncio.run(offline_sessions(home))  # reads it, and may begin no journal for it
    assert row.seal_problem == record.seal_problem
    assert read_manifest(folder).seal_problem == record.seal_problem


def test_a_seal_that_was_put_into_a_plain_session_is_told_by_its_row(home: Workspace) -> None:
    folder = home.session(SESSION)
    seal = sealed(folder)
    start_as(folder, msgspec.structs.replace(read_manifest(folder), seal=None))
    home.index.unlink(missing_ok=True)
    (plain,) = asyncio.run(offline_sessions(home))
    watch = SealWatch(home)
    watch.look([plain])
    assert watch.applied(plain) == plain
    put(folder, seal)
    watch.look([plain])
    assert "a seal was put in after the start" in str(watch.applied(plain).seal_problem)


@pytest.mark.parametrize("lacking", [RECORD, EVENTS])
def test_a_moment_without_files_leaves_nothing_in_doubt(
    home: Workspace, monkeypatch: pytest.MonkeyPatch, lacking: str
) -> None:
    (row,) = asyncio.run(offline_sessions(home))
    before = asyncio.run(offline_report(home, SESSION))
    watch = SealWatch(home)
    really = durable.open_regular

    def no_more_files(path: Path) -> BinaryIO:
        if path.name == lacking:
            raise OSError(errno.EMFILE, "Too many open files", str(path))
        return really(path)

    with monkeypatch.context() as patched:
        patched.setattr(manifest, "open_regular", no_more_files)
        patched.setattr(journal_file, "open_regular", no_more_files)
        watch.look([row])
        if lacking == RECORD:
            assert watch.applied(row) == row
        report = asyncio.run(offline_report(home, SESSION))
        assert report["comparison"] == before["comparison"]
        assert compared(home, sessions=(SESSION,)).layers.doubt is not None
    watch.look([row])
    assert watch.applied(row) == row
    removed(home.session(SESSION))
    watch = SealWatch(home)
    with monkeypatch.context() as patched:
        patched.setattr(manifest, "open_regular", no_more_files)
        watch.look([row])
    watch.look([row])
    assert "the seal was removed" in str(watch.applied(row).seal_problem)
    assert asyncio.run(offline_report(home, SESSION))["comparison"]["verdict"]["state"] == "open"


def test_the_candle_file_of_a_session_may_be_no_file(home: Workspace) -> None:
    folder = home.session(SESSION)
    shutil.copytree(folder, home.session(OTHER))
    record = read_manifest(folder)
    for session_id in (SESSION, OTHER):
        changed = {"id": session_id, "data": {"BTC/USDT": "/dev/zero"}, "feed": FeedKind.REPLAY}
        start_as(home.session(session_id), msgspec.structs.replace(record, **changed))
    reports = [
        {**orjson.loads((folder / JSON).read_bytes()), "session_id": one}
        for one in (SESSION, OTHER)
    ]
    assert compared_sessions(home, reports).copies == (OTHER,)


@pytest.mark.parametrize("change", [removed, forged, swapped])
def test_a_session_of_a_version_that_told_its_journal_no_seal_is_read_as_before(
    home: Workspace, change: Callable[[Path], None]
) -> None:
    folder = home.session(SESSION)
    start_as(folder, read_manifest(folder), told=False)
    verdict = compared(home).verdict
    assert verdict is not None
    assert verdict.state is State.KEPT
    change(folder)
    assert not read_manifest(folder).seal_problem
    (row,) = asyncio.run(offline_sessions(home))
    assert row.notices == ()


def test_its_own_hash_is_checked_there_all_the_same(home: Workspace) -> None:
    folder = home.session(SESSION)
    start_as(folder, read_manifest(folder), told=False)
    edited(folder)
    assert "the seal was changed" in str(read_manifest(folder).seal_problem)


def test_no_other_trial_is_chosen_by_undoing_the_seal_of_the_last(home: Workspace) -> None:
    folder = Path(shutil.copytree(home.session(SESSION), home.session(OTHER)))
    first = read_manifest(home.session(SESSION))
    assert first.seal is not None
    seal = msgspec.structs.replace(first.seal, sealed_at=first.seal.sealed_at + DAY).sealed()
    shutil.copytree(home.journals / first.source, home.journals / "poll-binance")
    changed = {"id": OTHER, "created": seal.sealed_at, "source": "poll-binance", "seal": seal}
    start_as(folder, msgspec.structs.replace(first, **changed))
    report = {**orjson.loads((folder / JSON).read_bytes()), "session_id": OTHER}
    (folder / JSON).write_bytes(orjson.dumps(report))
    assert compared(home).layers.trial == OTHER

    removed(folder)
    found = compared(home)
    assert found.layers.trial is None
    assert found.verdict is not None
    assert found.verdict.state is State.OPEN
    assert f"session {OTHER} is not judged by its seal" in found.recommendation
    alone = compared(home, sessions=(SESSION,))
    assert alone.layers.trial == SESSION
    assert alone.verdict is not None
    assert alone.verdict.state is State.KEPT

    (folder / RECORD).unlink()
    start_as(folder, msgspec.structs.replace(first, **changed))
    removed(home.session(SESSION))
    found = compared(home)
    assert found.layers.trial == OTHER, "what was sealed later does not hang on an earlier trial"
    assert any(f"session {SESSION} is not judged by its seal" in note for note in found.notes)


def test_a_running_trial_without_its_seal_is_not_passed_over(home: Workspace) -> None:
    folder = Path(shutil.copytree(home.session(SESSION), home.session(OTHER)))
    first = read_manifest(home.session(SESSION))
    start_as(folder, msgspec.structs.replace(first, id=OTHER, created=first.created + DAY))
    running = {**orjson.loads((folder / JSON).read_bytes()), "session_id": OTHER, "ended": None}
    (folder / JSON).unlink()
    removed(folder)

    async def report_of(session_id: str, /) -> dict[str, object]:
        assert session_id == OTHER
        return dict(running)

    request = ComparisonRequest("trend", Timeframe.M5)
    found = asyncio.run(compare_strategy(home, request, report_of))
    assert f"session {OTHER} is not judged by its seal" in found.recommendation


def test_a_host_killed_before_the_journal_was_there_raises_no_alarm(
    kept: Workspace, tmp_path: Path
) -> None:
    bench = Bench(tmp_path / "bench")
    of = read_manifest(kept.session(SESSION))
    record = bench.record(of.config, digest=of.digest, seal=of.seal)
    folder = bench.workspace.session(record.id)
    write_manifest(folder, record, bench.disk)
    assert b"seal_problem" not in (folder / RECORD).read_bytes()
    found = read_manifest(folder)
    assert not found.seal_problem
    bench.storage.reopen_log(found)
    assert not read_manifest(folder).seal_problem
    removed(folder)
    assert "the seal was removed" in str(read_manifest(folder).seal_problem)


def test_a_journal_that_cannot_be_read_leaves_no_seal_undoubted(home: Workspace) -> None:
    folder = home.session(SESSION)
    (folder / EVENTS).write_bytes(b"{}\n")
    assert "what it was sealed with cannot be read" in str(read_manifest(folder).seal_problem)
    start_as_unsealed = msgspec.structs.replace(read_manifest(folder), seal=None)
    (folder / RECORD).write_bytes(msgspec.json.encode(start_as_unsealed))
    assert not read_manifest(folder).seal_problem
