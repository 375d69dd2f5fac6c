"""A sealed session in its files, compared as screen, command line and reports do."""

from __future__ import annotations

import asyncio
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import orjson
import pytest

from core.compare.comparison import ComparedRow, ComparisonResult
from core.compare.document_block import paper_change
from core.compare.promise import ClosedTrades, fall_and_losses, path_layer
from core.compare.request import ComparisonRequest, UnknownSessionError
from core.compare.service import compare_strategy
from core.compare.sources import compare_sources, document_of
from core.compare.text import comparison_text
from core.compare.to_json import comparison_to_json
from core.compare.verdict import (
    ANOTHER_CONFIG,
    BETTER,
    DEMO_MARKET,
    ENDED_EARLY,
    KEPT_BY_ANOTHER,
    KEPT_ON_DEMO,
    LEFT_OUT,
    MATCHES,
    VALIDATED,
)
from core.host.stored_sessions import stored_session
from core.journal.manifest import RECORD, read_manifest
from core.journal.values import FeedKind, Mode
from core.market.candles.timeframes import DAY, Timeframe
from core.schedule.notifications.trial_news import comparison_in_words
from core.session.reports import JSON, read_report
from core.store.workspace import Workspace
from core.strategy.config.parsing import parse_config
from core.strategy.signals.sources import digest_at_any_balance, signal_source
from core.time_format import short_duration
from core.trial.plan import plan_trial
from core.trial.seal import Horizon
from core.trial.state import State
from tests.unit.compare.test_sources import KNOWN, Venue, on_stage
from tests.unit.compare.trials import TREND, a_trial, save_promise, seal_of, start_as
from tests.unit.session.sessions import SPAN, START
from tui.screens.compare_rows import figure_columns, figure_rows, periods, spread_columns

SESSION = "abcd1234"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with one trial that has ended."""
    stage = asyncio.run(a_trial(tmp_path_factory.mktemp("trial")))
    return stage.bench.workspace


def test_the_fall_and_the_losses_of_a_path_count_from_its_start() -> None:
    fallen, lost = fall_and_losses(np.array([-10.0, -5.0, 20.0, 8.0, -4.0, 30.0]))
    assert (round(fallen, 9), lost) == (20, 2)
    assert fall_and_losses(np.array([])) == (0, 0)


async def no_host(session_id: str, /) -> dict[str, object]:
    raise LookupError(session_id)


def compared(home: Workspace, **fields: object) -> ComparisonResult:
    request = ComparisonRequest("trend", Timeframe.M5, **fields)  # type: ignore[arg-type]
    return asyncio.run(compare_strategy(home, request, no_host))


def test_a_trial_is_judged_by_its_seal(home: Workspace) -> None:
    found = compared(home)
    assert found.verdict is not None
    assert found.verdict.sealed
    assert found.layers.edge is not None
    assert found.layers.edge.state is State.KEPT
    assert found.layers.path is not None
    assert found.layers.path.band is not None
    seal = read_manifest(home.session(SESSION)).seal
    assert seal is not None
    expected = plan_trial(seal).expected
    assert found.layers.path.expected == expected
    assert expected.trades == seal.horizon.trades
    written: Any = comparison_to_json(found)["layers"]
    assert written["path"]["expected"]["losing_streak"]["high"] == expected.losing_streak.high
    assert found.layers.path.within == len(found.layers.path.path) < expected.trades
    fallen, lost = fall_and_losses(found.layers.path.path)
    assert f"(so far {fallen:.1f} by closed trades), " in found.layers.path.outlook
    assert f"losses in a row (so far {lost})" in found.layers.path.outlook
    rising = np.arange(1.0, expected.trades + 3)
    rising[-2:] = 0.0  # all is lost, after the horizon
    seen = ClosedTrades(np.diff(rising, prepend=0.0), np.arange(len(rising)), rising)
    later = path_layer(seal, seen, None)
    assert later.within == expected.trades
    assert "(so far 0.0 by closed trades), " in later.outlook
    assert found.layers.costs is not None
    assert found.layers.costs.half_spread == pytest.approx(1.0, abs=0.01)


@pytest.fixture
def two_trials(home: Workspace, tmp_path: Path) -> Workspace:
    """The same with a second trial, sealed a day later over a longer horizon, on another feed."""
    both = Workspace(Path(shutil.copytree(home.root, tmp_path / "both")))
    folder = Path(shutil.copytree(both.session(SESSION), both.session("bcde2345")))
    first = read_manifest(both.session(SESSION))
    assert first.seal is not None
    later = {"sealed_at": first.seal.sealed_at + DAY, "horizon": Horizon(600)}
    seal = msgspec.structs.replace(first.seal, **later).sealed()
    shutil.copytree(both.journals / first.source, both.journals / "poll-binance")
    changed = {"id": "bcde2345", "created": first.created + 1, "source": "poll-binance"}
    second = msgspec.structs.replace(first, seal=seal, **changed)
    start_as(folder, second)
    report = orjson.loads((folder / JSON).read_bytes())
    report |= {"session_id": "bcde2345", "created": "2030-01-01T00:00:00Z"}
    (folder / JSON).write_bytes(orjson.dumps(report))
    return both


def test_of_several_trials_the_last_sealed_is_judged_and_the_others_are_listed(
    two_trials: Workspace,
) -> None:
    found = compared(two_trials)
    answers = found.layers
    assert answers.trial == "bcde2345"
    assert answers.edge is not None
    assert answers.edge.lines is not None
    assert answers.edge.lines.horizon == 600
    assert [(one.session_id, one.state) for one in answers.others] == [(SESSION, State.KEPT)]
    alone = compared(two_trials, sessions=(SESSION,)).layers
    assert (alone.trial, alone.others) == (SESSION, ())
    assert answers.decisions is not None
    assert alone.decisions is not None
    assert answers.decisions.judged.decided == alone.decisions.judged.decided
    text = comparison_text(found)
    assert (
        "judged: the trial of session bcde2345, sealed 2023-11-16; "
        "other trials: abcd1234, sealed 2023-11-15: kept"
    ) in text
    assert (
        "each of the 2 trials may be wrong with 5%; "
        "the chance that at least one of them is wrong may be up to 10%"
    ) in text
    written: Any = comparison_to_json(found)["layers"]
    assert written["trial"]["horizon_trades"] == 600
    assert written["other_trials"][0]["state"] == "kept"


def test_a_trial_counts_while_it_runs_and_another_session_once_it_has_ended(
    two_trials: Workspace,
) -> None:
    folder = two_trials.session("bcde2345")
    running = orjson.loads((folder / JSON).read_bytes())
    (folder / JSON).unlink()

    async def report_of(session_id: str, /) -> dict[str, Any]:
        assert session_id == "bcde2345"
        return dict(running)

    request = ComparisonRequest("trend", Timeframe.M5)
    found = asyncio.run(compare_strategy(two_trials, request, report_of))
    assert found.layers.trial == "bcde2345"
    record = msgspec.structs.replace(read_manifest(folder), seal=None)
    start_as(folder, record)
    assert compared(two_trials).layers.trial == SESSION


def as_demo(home: Workspace, session_id: str) -> None:
    """Have a session been a demo's."""
    folder = home.session(session_id)
    record = msgspec.structs.replace(
        read_manifest(folder), mode=Mode.DEMO, feed=FeedKind.DEMO, exchange=None
    )
    start_as(folder, record)
    report = orjson.loads((folder / JSON).read_bytes())
    (folder / JSON).write_bytes(orjson.dumps({**report, "mode": "DEMO"}))


@pytest.mark.parametrize("named", [(), (SESSION, "bcde2345")])
def test_a_made_up_market_is_not_judged_together_with_a_real_one(
    two_trials: Workspace, named: tuple[str, ...]
) -> None:
    alone = compared(two_trials, sessions=(SESSION,))
    together = compared(two_trials, sessions=named)
    assert together.layers.trial == "bcde2345", "it was sealed last"
    as_demo(two_trials, "bcde2345")
    found = compared(two_trials, sessions=named)
    assert found.layers.trial == SESSION
    assert [row.values for row in found.rows] == [row.values for row in alone.rows]
    assert (found.verdict, found.recommendation) == (alone.verdict, alone.recommendation)
    assert found.layers.others == ()
    told = LEFT_OUT.format(sessions="1 demo session is", ids=" (bcde2345)")
    assert found.left_out == told
    assert told in found.notes
    assert told in comparison_text(found)
    assert (alone.left_out, found.demo) == ("", False)


def test_where_there_are_only_a_demos_sessions_they_are_judged_as_such(home: Workspace) -> None:
    real = compared(home)
    assert real.recommendation.startswith((MATCHES, VALIDATED, BETTER))
    made_up = Workspace(Path(shutil.copytree(home.root, home.root.parent / "made-up")))
    as_demo(made_up, SESSION)
    for found in (compared(made_up), compared(made_up, sessions=(SESSION,))):
        assert found.demo
        assert found.left_out == ""
        assert [row.values for row in found.rows] == [row.values for row in real.rows]
        assert found.recommendation == DEMO_MARKET, "nothing validates it"
        assert found.assessment == KEPT_ON_DEMO
    document, blocks = document_of(made_up, "trend")
    assert document is not None
    change = paper_change(document, found.reports[0], found, START)
    recorded = {**blocks, **change.blocks}
    shutil.rmtree(made_up.session(SESSION))
    assert compared(made_up, document=document, blocks=recorded).demo, "also once it is recorded"


def test_a_session_of_a_demo_that_is_too_young_to_judge_gets_no_advice_on_a_market(
    home: Workspace, tmp_path: Path
) -> None:
    made_up = Workspace(Path(shutil.copytree(home.root, tmp_path / "unsealed")))
    folder = made_up.session(SESSION)
    start_as(folder, msgspec.structs.replace(read_manifest(folder), seal=None))
    assert compared(made_up).recommendation.startswith(ENDED_EARLY)
    as_demo(made_up, SESSION)
    found = compared(made_up)
    assert found.recommendation == DEMO_MARKET
    assert found.assessment.startswith("DEMO: ")


async def test_a_demo_that_has_ended_keeps_no_session_that_runs_from_being_judged(
    two_trials: Workspace,
) -> None:
    as_demo(two_trials, SESSION)
    folder = two_trials.session("bcde2345")
    start_as(folder, msgspec.structs.replace(read_manifest(folder), seal=None))
    running = orjson.loads((folder / JSON).read_bytes())
    (folder / JSON).unlink()

    async def report_of(session_id: str, /) -> dict[str, Any]:
        return {"bcde2345": dict(running)}[session_id]

    request = ComparisonRequest("trend", Timeframe.M5)
    found = await compare_strategy(two_trials, request, report_of)
    assert [one["session_id"] for one in found.reports] == ["bcde2345"]


async def test_a_trial_that_goes_on_is_not_over_by_its_files(tmp_path: Path) -> None:
    """Whoever reads them between two hosts."""
    seal = seal_of(save_promise(tmp_path / "strategies", TREND), 600)
    async with on_stage(tmp_path, Venue(), TREND, digest=seal.config_hash, seal=seal) as stage:
        await stage.play(KNOWN, KNOWN + 20)
    stage.bench.restart()
    report = (await stored_session(stage.bench.storage, SESSION)).report()
    for ended, over in ((None, False), (report["created"], True)):
        found = compare_sources(
            stage.bench.workspace,
            ComparisonRequest("trend", Timeframe.M5),
            ({**report, "ended": ended},),
        )
        assert found.layers.edge is not None
        assert found.layers.edge.state is State.OPEN
        assert found.layers.edge.over is over
        assert (found.layers.edge.word == "undecided") is over


def test_a_trial_has_its_promise_in_its_seal_also_where_no_backtest_is_saved_now(
    home: Workspace,
) -> None:
    document, blocks = document_of(home, "trend")
    kept = compared(home, document=document, blocks=blocks)
    bare = {name: value for name, value in blocks.items() if name != "backtest"}
    gone = compared(home, document=document, blocks=bare)
    assert gone.verdict is not None
    assert gone.verdict.state is State.KEPT
    assert gone.recommendation == kept.recommendation
    assert any("no saved backtest of an earlier period" in line for line in gone.missing)
    assert [column.heading for column in kept.columns] == ["Backtest", "Paper"]
    assert [column.heading for column in gone.columns] == ["Replay", "Paper"]
    for found, first in ((kept, "Backtest"), (gone, "Replay")):  # as a note of a check has them
        told = comparison_in_words({"comparison": comparison_to_json(found)})
        assert told.startswith(f"{first} / paper: ")
    assert any(note.startswith("Replay: of the session's own period") for note in gone.notes)
    assert "| Replay   | Paper" in comparison_text(gone)
    assert [one.label for one in figure_columns(kept)[1:]] == [
        "BACKTEST", "PAPER", "PAPER − BACKTEST",
    ]  # fmt: skip
    assert [one.label for one in figure_columns(gone)[1:]] == ["REPLAY", "PAPER", "PAPER − REPLAY"]
    assert spread_columns(gone)[1].label == "REPLAY"
    for found in (kept, gone):  # what grows with time is set against what is of the same time alone
        rows = {
            row.cells[0].text: [cell.text for cell in row.cells[1:]] for row in figure_rows(found)
        }
        for name, places in (("Trades", 0), ("Return", 2), ("Max DD", 2)):
            before, after = (float(text.strip("▲▼ %").replace(",", "")) for text in rows[name][:2])
            unit = " pp" if places else ""
            apart = f"{after - before:+z,.{places}f}{unit}"
            assert rows[name][2] == ("" if found is kept else apart)
    assert periods(gone)[0].startswith("Replay from ")
    holds = {(1_269.0, 1_275.0): "+6s", (7_200.0, 3_540.0): "-1h 01m", (90.2, 89.8): "+0s"}
    for (before, after), apart in holds.items():
        row = ComparedRow("avg_hold", {"Backtest": before, "Paper": after})
        (shown,) = figure_rows(replace(kept, rows=(row,)))
        texts = [short_duration(before), short_duration(after), apart]
        assert [cell.text for cell in shown.cells[1:]] == texts
    changed = compared(home, document=document, blocks={**bare, "stop_loss_pct": 3})
    assert changed.recommendation == ANOTHER_CONFIG.format(strategy="trend")


def test_a_session_of_another_strategy_is_not_found(home: Workspace) -> None:
    request = ComparisonRequest("other", Timeframe.M5, sessions=(SESSION,))
    with pytest.raises(UnknownSessionError, match="runs trend, not other"):
        asyncio.run(compare_strategy(home, request, no_host))


def test_a_config_that_came_by_itself_is_compared_as_the_document_it_is_a_copy_of(
    home: Workspace,
) -> None:
    def found(blocks: dict[str, object] | None) -> ComparisonResult:
        request = ComparisonRequest("trend", Timeframe.M5, blocks=blocks, sessions=(SESSION,))
        return asyncio.run(compare_strategy(home, request, no_host))

    _, config = document_of(home, "trend")
    known = comparison_to_json(found(None))
    assert comparison_to_json(found(config)) == known
    bare = {name: value for name, value in config.items() if name != "backtest"}
    assert comparison_to_json(found(bare)) == known, "what the workspace recorded of it counts"
    told: Any = config["backtest"]
    other = found({**config, "backtest": {**told, "total_trades": 1}})
    assert other.stored is None, "another run than the one that was kept"
    changed = found({**config, "stop_loss_pct": 3})
    assert changed.recommendation.endswith(ANOTHER_CONFIG.format(strategy="trend"))


def test_the_same_candles_of_one_source_count_once(two_trials: Workspace) -> None:
    record = read_manifest(two_trials.session("bcde2345"))
    replays = {
        "bcde2345": {"data": {"BTC/USDT": "/data/one.csv"}},
        SESSION: {"data": {"BTC/USDT": "/data/other.csv"}},
    }
    for session_id, files in replays.items():
        one = read_manifest(two_trials.session(session_id))
        changed = msgspec.structs.replace(one, **files)
        start_as(two_trials.session(session_id), changed)
    both = compared(two_trials)
    assert both.layers.copies == ()
    assert both.together == (
        f"Account and figures: 2 sessions ({SESSION}, bcde2345); the rest: the trial"
    )
    assert f"\n{both.together}.\n" in comparison_text(both)
    drawn = [one.session for one in both.curves if one.name == "Paper"]
    assert drawn == [SESSION, "bcde2345"]
    assert comparison_to_json(both)["together"] == both.together
    same = msgspec.structs.replace(record, data=replays[SESSION]["data"])
    start_as(two_trials.session("bcde2345"), same)
    found = compared(two_trials)
    answers = found.layers
    assert answers.copies == (SESSION,)
    assert comparison_to_json(found)["together"] is None
    others = [(one.session_id, one.state) for one in answers.others]
    assert others == [(SESSION, State.KEPT)], "it counts once, and is told all the same"


def test_a_copied_file_and_another_way_to_the_same_exchange_are_no_other_candles(
    two_trials: Workspace, tmp_path: Path
) -> None:
    for name, contents in (("one", "1,2"), ("copy", "1,2"), ("other", "1,3")):
        (tmp_path / f"{name}.csv").write_text(contents)
    (tmp_path / "link.csv").symlink_to(tmp_path / "gone.csv")

    def files(name: str) -> dict[str, Any]:
        feed = FeedKind.REPLAY
        return {"feed": feed, "data": {"BTC/USDT": str(tmp_path / f"{name}.csv")}}

    binance = {"feed": FeedKind.LIVE, "source": "live", "exchange": None, "data": None}
    polled = {"feed": FeedKind.POLL, "source": "poll-binance", "exchange": "binance", "data": None}
    kraken = {"feed": FeedKind.POLL, "source": "poll-kraken", "exchange": "kraken", "data": None}
    for one, other, copies in (
        (files("one"), files("copy"), (SESSION,)),
        (files("one"), files("other"), ()),
        (files("link"), files("gone"), (SESSION,)),
        (binance, polled, (SESSION,)),
        (kraken, polled, ()),
    ):
        for session_id, source in ((SESSION, one), ("bcde2345", other)):
            folder = two_trials.session(session_id)
            changed = msgspec.structs.replace(read_manifest(folder), **source)
            (folder / RECORD).write_bytes(msgspec.json.encode(changed))
        assert compared(two_trials).layers.copies == copies, (one, other)


def test_sessions_that_began_with_other_balances_have_seen_the_same(two_trials: Workspace) -> None:
    first = read_manifest(two_trials.session(SESSION))
    poorer = {**first.config, "starting_balance": 500.0}
    digest = signal_source(parse_config(poorer).config).digest
    assert digest != first.digest
    changed = {"id": "bcde2345", "config": poorer, "digest": digest, "seal": None}
    second = msgspec.structs.replace(first, **changed)
    start_as(two_trials.session("bcde2345"), second)
    assert compared(two_trials).layers.copies == ("bcde2345",)
    alone = compared(two_trials, sessions=("bcde2345",))
    assert not any("another version" in note for note in alone.notes)


def test_the_same_trades_of_another_config_are_no_more_evidence(two_trials: Workspace) -> None:
    first = read_manifest(two_trials.session(SESSION))
    config = {**first.config, "stop_loss_pct": 49.0}
    digest = signal_source(parse_config(config).config).digest
    changed = {"id": "bcde2345", "config": config, "digest": digest, "seal": None}
    start_as(two_trials.session("bcde2345"), msgspec.structs.replace(first, **changed))
    for seal in (first.seal, None):
        start_as(two_trials.session(SESSION), msgspec.structs.replace(first, seal=seal))
        alone, both = compared(two_trials, sessions=(SESSION,)), compared(two_trials)
        assert both.layers.copies == ()
        rows, once = ({row.name: row for row in one.rows} for one in (both, alone))
        trades = once["total_trades"].values["Paper"]
        assert trades
        assert rows["total_trades"].values["Paper"] == 2 * trades
        assert rows["win_rate_pct"].intervals["Paper"] == once["win_rate_pct"].intervals["Paper"]
        assert both.layers.edge is not None
        assert alone.layers.edge is not None
        assert both.layers.edge.interval == alone.layers.edge.interval
        assert any(f"{trades:.0f} trades of sessions" in note for note in both.notes)


def test_the_same_amount_of_another_balance_is_another_share_of_it() -> None:
    shares = parse_config({**TREND, "trade_size_pct": 10}).config
    amounts = parse_config({**TREND, "trade_amount": 500}).config
    for config, alike in ((shares, True), (amounts, False)):
        poorer = replace(config, starting_balance=1_000.0)
        assert (digest_at_any_balance(config) == digest_at_any_balance(poorer)) is alike


def test_a_kept_trial_validates_no_config_that_was_changed_since(home: Workspace) -> None:
    document, blocks = document_of(home, "trend")
    kept = compared(home, document=document, blocks=blocks)
    assert "another config" not in kept.recommendation
    changed = compared(home, document=document, blocks={**blocks, "stop_loss_pct": 3})
    assert changed.verdict is not None
    assert changed.verdict.state is State.KEPT
    assert changed.recommendation == ANOTHER_CONFIG.format(strategy="trend")
    assert changed.assessment == KEPT_BY_ANOTHER
    poorer = compared(home, document=document, blocks={**blocks, "starting_balance": 500.0})
    assert poorer.recommendation == kept.recommendation


def test_live_trades_are_judged_beside_the_backtest_that_was_sealed_only(
    home: Workspace, tmp_path: Path
) -> None:
    other = Workspace(Path(shutil.copytree(home.root, tmp_path / "other")))
    record = read_manifest(other.session(SESSION))
    assert record.seal is not None
    began = record.seal.sealed_at
    other.live_trades.write_text(
        "\n".join(
            json.dumps(
                {"ts": began + n * DAY, "id": n, "symbol": "BTC/USDT", "side": "buy", "price": 100,
                 "amount": 1, "status": "closed", "close_ts": began + (n + 1) * DAY, "pnl": 0.6,
                 "source": "strategy:trend"}
            )
            for n in range(8)
        )
    )  # fmt: skip
    live = compared(other).layers.live
    assert live is not None
    assert live.state is State.OPEN
    seal = msgspec.structs.replace(record.seal, backtest_hash="0" * 64).sealed()
    changed = msgspec.structs.replace(record, seal=seal)
    start_as(other.session(SESSION), changed)
    found = compared(other)
    assert found.layers.live is not None
    assert found.layers.live.state is None
    assert found.layers.edge is not None
    assert found.layers.edge.state is State.KEPT
    assert any("not the one that the trial was sealed on" in note for note in found.notes)


def test_a_replay_cannot_prove_that_nobody_knew_its_candles(
    home: Workspace, tmp_path: Path
) -> None:
    replay = Workspace(Path(shutil.copytree(home.root, tmp_path / "replay")))
    path = replay.session(SESSION) / JSON
    path.write_bytes(orjson.dumps({**orjson.loads(path.read_bytes()), "mode": "REPLAY"}))
    assert any("there before the seal" in note for note in compared(replay).notes)
    assert not any("there before the seal" in note for note in compared(home).notes)


def test_a_period_cuts_what_is_described_and_no_trial(home: Workspace, tmp_path: Path) -> None:
    middle = (START + 400 * SPAN, START + 600 * SPAN)
    whole, cut = compared(home), compared(home, period=middle)
    assert whole.layers.edge is not None
    assert cut.layers.edge is not None
    assert cut.layers.edge.trades == whole.layers.edge.trades
    assert any("of the whole trial" in note for note in cut.notes)
    assert not any("of the whole trial" in note for note in whole.notes)

    described = Workspace(Path(shutil.copytree(home.root, tmp_path / "described")))
    folder = described.session(SESSION)
    manifest = read_manifest(folder)
    start_as(folder, msgspec.structs.replace(manifest, seal=None))
    answers = compared(described, period=middle).layers
    assert answers.decisions is not None
    assert answers.decisions.judged.decided == 200
    assert answers.costs is not None
    assert all(middle[0] <= fill.time < middle[1] for fill in answers.costs.fills)
    assert answers.edge is not None
    assert answers.edge.state is None
    assert 0 < answers.edge.trades < whole.layers.edge.trades
    assert answers.account is not None
    assert abs(len(answers.account.trades) - answers.edge.trades) <= 1


def test_a_report_is_read_without_what_it_was_compared_with(home: Workspace) -> None:
    whole = read_report(home.session(SESSION))
    without = read_report(home.session(SESSION), compared=False)
    assert whole is not None
    assert whole["comparison"]["verdict"]["sealed"]
    assert without == {**whole, "comparison": None}


def test_a_result_has_no_text_of_all_its_values(home: Workspace) -> None:
    """Whoever keeps it in a task that is shown would wait for hundreds of thousands of them."""
    assert len(repr(compared(home))) < 200
