"""A session that is started as a trial is sealed before its first candle, and a change is found."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from core.backtest.run import run_backtest
from core.host.link import CommandError
from core.host.offline import offline_sessions
from core.host.status_json import session_to_json
from core.journal.manifest import read_manifest
from core.market.candles.timeframes import DAY
from core.report.stored_backtest import save_backtest
from core.session.snapshot import SessionDetail, TrialTerms
from core.store.workspace import Workspace
from core.strategy.config.parsing import parse_config
from core.strategy.document.yaml_text import write_yaml
from tests.unit.host.hosts import hosting, replay_request
from tests.unit.session.sessions import RSI, SPAN, START, market
from tests.waiting import until

CANDLES = 4_000
EARLIER = CANDLES * SPAN


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace with a strategy whose backtest is saved."""
    workspace = Workspace(tmp_path / "home")
    workspace.prepare()
    promise(workspace.strategies / "rsi_bounce")
    return workspace


def promise(folder: Path, seed: int = 3, start: int = START - EARLIER) -> Path:
    folder.mkdir()
    document = folder / "STRATEGY.md"
    document.write_text(f"---\n{write_yaml(RSI)}---\n", encoding="utf-8")
    history = {"BTC/USDT": market(CANDLES, seed=seed, start=start)}
    result = run_backtest(parse_config(RSI).config, history)
    save_backtest(document, result, history, START)
    return document


async def test_a_trial_is_sealed_into_its_session(workspace: Workspace, candle_file: Path) -> None:
    request = replay_request(candle_file, trial=TrialTerms(trades=40))
    async with hosting(workspace.root) as host:
        reply = await host.start(request)
        session_id = reply.session_id
        assert "It is sealed as a trial, judged over its first 40 trades." in reply.message
        await host.ended(session_id)
        (session,) = host.snapshot().sessions
        detail = await host.reader.detail(session_id)
    assert detail.cone is not None
    assert detail.cone.points[0][0] == detail.equity[0][0]
    assert msgspec.json.decode(msgspec.json.encode(detail), type=SessionDetail).cone == detail.cone
    manifest = read_manifest(workspace.session(session_id))
    assert manifest.seal is not None
    assert not manifest.seal_problem
    assert manifest.seal.config_hash == manifest.digest
    assert session.trial is not None
    assert session.trial.trades == 40
    assert session_to_json(session)["trial"]["horizon_trades"] == 40
    assert not session.notices


async def test_a_trial_over_its_backtests_own_period_has_no_band(
    tmp_path: Path, candle_file: Path
) -> None:
    document = promise(tmp_path / "elsewhere", start=START)
    terms = TrialTerms(trades=40, document=str(document))
    async with hosting(tmp_path / "home") as host:
        session_id = (await host.start(replay_request(candle_file, trial=terms))).session_id
        await host.ended(session_id)
        assert (await host.reader.detail(session_id)).cone is None
        report = await host.reader.report(session_id)
    comparison = report["comparison"]
    assert isinstance(comparison, dict)
    assert comparison["layers"]["path"] is None, "as the comparison judges it"


async def test_a_strategy_outside_the_workspace_is_sealed_on_its_own_document(
    tmp_path: Path, candle_file: Path
) -> None:
    document = promise(tmp_path / "elsewhere")
    terms = TrialTerms(days=30, document=str(document))
    async with hosting(tmp_path / "home") as host:
        session_id = (await host.start(replay_request(candle_file, trial=terms))).session_id
    manifest = read_manifest(Workspace(tmp_path / "home").session(session_id))
    assert manifest.seal is not None
    assert manifest.seal.horizon.days == 30
    assert manifest.run_for == 30 * DAY, "it runs as long as it is judged"


async def test_without_a_promise_no_trial_begins(tmp_path: Path, candle_file: Path) -> None:
    async with hosting(tmp_path / "home") as host:
        with pytest.raises(CommandError, match=r"not sealed: no saved backtest"):
            await host.start(replay_request(candle_file, trial=TrialTerms()))
        assert host.snapshot().sessions == ()
    assert Workspace(tmp_path / "home").session_ids() == ()


@pytest.mark.parametrize("terms", [TrialTerms(days=0), TrialTerms(trades=-1), TrialTerms(days=1e9)])
async def test_a_horizon_without_sense_is_refused(
    workspace: Workspace, candle_file: Path, terms: TrialTerms
) -> None:
    async with hosting(workspace.root) as host:
        with pytest.raises(CommandError, match="horizon"):
            await host.start(replay_request(candle_file, trial=terms))


async def test_what_was_changed_in_a_seal_is_told(workspace: Workspace, candle_file: Path) -> None:
    request = replay_request(candle_file, trial=TrialTerms(trades=40))
    async with hosting(workspace.root) as host:
        session_id = (await host.start(request)).session_id
        await host.ended(session_id)
    path = workspace.session(session_id) / "session.json"
    written = json.loads(path.read_bytes())
    written["seal"]["horizon"]["trades"] = 400
    path.write_text(json.dumps(written), encoding="utf-8")
    workspace.index.unlink()  # or it would answer for the files
    (session,) = await offline_sessions(workspace)
    assert "the seal was changed" in session.notices[-1]


async def test_a_running_host_tells_of_a_seal_that_was_undone(
    workspace: Workspace, candle_file: Path
) -> None:
    slow = replay_request(candle_file, trial=TrialTerms(trades=40), speed=0.001)
    async with hosting(workspace.root) as host:
        ended = (await host.start(replay_request(candle_file, trial=TrialTerms()))).session_id
        await host.ended(ended)
        living = (await host.start(slow)).session_id
        archived = (await host.restart(ended)).session_id
        await host.ended(archived)
        await host.registry.check_seals()  # what it finds now is not to be told of it later
        await host.archive(archived)
        plain = (await host.start(replay_request(candle_file, speed=0.001))).session_id
        as_started = {}
        for session_id in (ended, living, archived, plain):
            path = workspace.session(session_id) / "session.json"
            as_started[session_id] = path.read_bytes()
            assert not read_manifest(path.parent).seal_problem
            undone = {**json.loads(as_started[session_id]), "seal": None}
            path.write_text(json.dumps(undone), encoding="utf-8")

        def told() -> dict[str, bool]:
            return {one.id: bool(one.notices) for one in host.snapshot().sessions}

        await until(lambda: told() == {ended: True, living: True, plain: False})
        (shelved,) = await host.reader.archived()
        shown = {one.id: one for one in (*host.snapshot().sessions, shelved)}
        for session_id in (ended, living, archived):
            (notice,) = shown[session_id].notices
            assert "the seal was removed" in notice
            assert shown[session_id].seal_problem == notice
            assert notice in session_to_json(shown[session_id])["notices"]
            report = await host.reader.report(session_id)
            assert "the seal was removed" in str(report["recommendation"])
        detail = await host.reader.detail(living)
        assert detail.snapshot is not None
        assert detail.snapshot.seal_problem == shown[living].seal_problem

        for session_id in (living, archived):
            (workspace.session(session_id) / "session.json").write_bytes(as_started[session_id])
        assert [one.notices for one in await host.reader.archived()] == [()]
        await host.delete(ended)
        await until(lambda: told() == {living: False, plain: False})
        logged = [line.text for line in host.logs(session_id=living) if "seal" in line.text]
        assert logged == [shown[living].seal_problem, "its seal is again as it was"]
        assert not [line for line in host.logs(session_id=plain) if "seal" in line.text]


async def test_a_trial_that_was_taken_up_without_its_seal_is_one_again_once_that_is_back(
    workspace: Workspace, candle_file: Path
) -> None:
    slow = replay_request(candle_file, trial=TrialTerms(trades=40), speed=30_000.0)
    async with hosting(workspace.root) as host:
        session_id = (await host.start(slow)).session_id
        await until(lambda: host.snapshot().sessions[0].equity_curve)
    path = workspace.session(session_id) / "session.json"
    as_started = path.read_bytes()
    path.write_text(json.dumps({**json.loads(as_started), "seal": None}), encoding="utf-8")
    async with hosting(workspace.root) as host:
        await host.registry.arrived(session_id)
        (shown,) = host.snapshot().sessions
        assert shown.trial is None
        assert shown.notices == (shown.seal_problem,)
        assert (await host.reader.detail(session_id)).cone is None
        path.write_bytes(as_started)
        await host.registry.check_seals()
        host.show()
        (shown,) = host.snapshot().sessions
        assert shown.trial is not None
        assert (shown.trial.trades, shown.seal_problem, shown.notices) == (40, None, ())
        assert (await host.reader.detail(session_id)).cone is not None
        report = await host.reader.report(session_id)
    assert report["warnings"] == []


async def test_the_seal_stands_in_the_journal_of_its_session(
    workspace: Workspace, candle_file: Path
) -> None:
    async with hosting(workspace.root) as host:
        sealed = (await host.start(replay_request(candle_file, trial=TrialTerms()))).session_id
        plain = (await host.start(replay_request(candle_file))).session_id
    seal = read_manifest(workspace.session(sealed)).seal
    assert seal is not None
    for session_id, expected in ((sealed, seal.hash), (plain, None)):
        with (workspace.session(session_id) / "events.jsonl").open("rb") as file:
            assert json.loads(file.readline())["seal"] == expected


async def test_a_restarted_trial_is_sealed_anew(workspace: Workspace, candle_file: Path) -> None:
    request = replay_request(candle_file, trial=TrialTerms(days=20))
    async with hosting(workspace.root) as host:
        session_id = (await host.start(request)).session_id
        await host.ended(session_id)
        again = (await host.restart(session_id)).session_id
        await host.ended(again)
    first, second = (read_manifest(workspace.session(one)) for one in (session_id, again))
    assert first.seal is not None
    assert second.seal is not None
    assert first.seal.horizon == second.seal.horizon
    assert second.seal.sealed_at >= first.seal.sealed_at


async def test_a_trial_whose_promise_is_gone_restarts_unsealed_and_says_so(
    workspace: Workspace, candle_file: Path
) -> None:
    request = replay_request(candle_file, trial=TrialTerms(days=20))
    async with hosting(workspace.root) as host:
        session_id = (await host.start(request)).session_id
        await host.ended(session_id)
        (workspace.strategies / "rsi_bounce" / "STRATEGY.backtest.json").unlink()
        reply = await host.restart(session_id)
    assert read_manifest(workspace.session(reply.session_id)).seal is None
    assert "it was a trial, and is none now" in reply.notices[-1]
