"""`papertape trial` seals a session on the saved backtest of its config."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.market.candles.timeframes import Timeframe
from core.market.files.candle_files import write_candles
from core.text import chance_text
from tests.unit.cli.conftest import Run
from tests.unit.cli.hosted import hosted
from tests.unit.cli.test_strategy_commands import rsi_bounce, waves

CHANCES = (
    *("horizon_trades", "horizon_days", "kept_if_promise_holds", "broken_if_no_edge"),
    *("false_broken_at_most", "false_kept_at_most"),
)


@pytest.fixture
def hours(tmp_path: Path) -> Path:
    """Candles in which the strategy makes some thirty trades."""
    path = tmp_path / "BTCUSDT-1h.csv"
    write_candles(path, waves(Timeframe.H1, 2_000))
    return path


@pytest.fixture
def strategy(tmp_path: Path) -> Path:
    """A document outside the workspace."""
    path = tmp_path / "mine" / "STRATEGY.md"
    path.parent.mkdir()
    path.write_text(f"---\n{json.dumps(rsi_bounce())}\n---\n", encoding="utf-8")
    return path


NO_EDGE = "the trial's backtest makes -1.823% a trade: there is no edge to keep"


def test_a_trial_is_sealed_on_the_saved_backtest(
    run: Run, workspace: Path, strategy: Path, hours: Path
) -> None:
    data = ("--data", hours, "--json")
    with hosted(workspace):
        refused = run("trial", strategy, "--feed", "replay", *data)
        assert refused.code == 2
        assert "papertape backtest rsi_bounce --period 6m --save" in refused.err
        assert run("backtest", strategy, "--save", *data).code == 0
        started = run("trial", strategy, "--trades", "25", "--feed", "replay", *data)
        assert started.code == 0, started.err
        trial = run("status", started.json["session_id"], "--json").json["trial"]
        assert (trial["horizon_trades"], trial["horizon_days"]) == (25, None)
        plan = run("trial", "plan", strategy, "--trades", "25", "--json").json
        assert started.json["trial"] == {name: plan[name] for name in CHANCES}
        said = run("trial", strategy, "--trades", "25", "--feed", "replay", "--data", hours).out
        broken = plan["broken_if_no_edge"]
        assert (
            f"No edge  told broken in {chance_text(broken)}, a false promise in at most 5%" in said
        )
        again = run("restart", started.json["session_id"], "--json").json
        assert again["trial"] is None  # its document is not the workspace's, as its notices say
        shorter = ("--horizon", "36h", "--for", "12h", "--feed", "replay", *data)
        started = run("trial", strategy, *shorter)
        (told,) = (one for one in started.json["notices"] if "judged over" in one)
        assert told.startswith("the trial runs 12 hours of the 1 day 12 hours it is judged over")
        trial = run("status", started.json["session_id"], "--json").json["trial"]
        assert trial["horizon_days"] == 1.5
        plain = run("start", strategy, "--feed", "replay", *data).json
        assert plain["trial"] is None
        assert run("status", plain["session_id"], "--json").json["trial"] is None


def test_a_plan_says_what_a_trial_could_tell_and_starts_nothing(
    run: Run, workspace: Path, strategy: Path, hours: Path
) -> None:
    refused = run("trial", "plan", strategy)
    assert refused.code == 2
    assert "no saved backtest" in refused.err
    run("init")
    assert run("backtest", strategy, "--data", hours, "--save", "--json").code == 0
    plan = run("trial", "plan", strategy, "--trades", "40", "--json").json
    assert plan["horizon_trades"] == 40
    assert 0 <= plan["broken_if_no_edge"] <= 1
    assert plan["false_broken_at_most"] == pytest.approx(0.05)
    assert plan["tries"] == 1
    assert plan["promise_shrunk_pct"] == pytest.approx(plan["promise_pct"])
    expected, bounds = plan["expectation"], plan["bounds"]
    assert expected["trades"] == 40
    assert expected["return_pct"]["low"] < expected["return_pct"]["middle"]
    assert bounds["path_broken_pct"] < expected["return_pct"]["low"]
    assert bounds["edge_broken_pct"] < 40 * plan["promise_pct"]
    said = run("trial", "plan", strategy, "--horizon", "30d").out
    assert said.startswith("note: this trial cannot answer: kept in <1%")
    assert f"note: {NO_EDGE}\nHorizon        30 days bring about" in said
    cannot, no_edge = plan["warnings"]
    assert cannot.startswith("this trial cannot answer")
    assert no_edge == NO_EDGE
    short = run("trial", "plan", strategy, "--horizon", "1h")
    assert "1 trade\n" in short.out
    assert "1h is short for a" in short.out
    rows = said.splitlines()[2:]
    assert [row[:15].rstrip() for row in rows] == [
        *("Horizon", "No edge", "Return", "Deepest fall", "Losing run", "9 in 10"),
        *("Broken at end", "Kept"),
    ], "no word of an edge that holds, nor of how long it takes to find one"
    assert all(row[15] != " " for row in rows), "their texts are aligned"
    with (workspace / "tries.jsonl").open("a") as ledger:
        ledger.write("no try\n")
    told = run("trial", "plan", strategy, "--json")
    assert told.json["tries"] == 1
    *_, warning = told.json["warnings"]
    assert warning.endswith("tries.jsonl: not counted, for they are no tries: 1 of its lines")
    assert not list((workspace / "sessions").iterdir())


def test_a_plan_counts_with_the_luck_of_the_best_of_many_tries(
    run: Run, workspace: Path, strategy: Path, hours: Path
) -> None:
    run("init")
    for number in range(20):
        config = json.dumps(rsi_bounce() | {"stop_loss_pct": 30 + number})
        run("backtest", "--config", config, "--data", hours, "--json")
    strategy.write_text(f"---\n{config}\n---\n", encoding="utf-8")
    run("backtest", strategy, "--data", hours, "--balance", "500", "--save", "--json")
    plan = run("trial", "plan", strategy, "--json").json
    assert plan["tries"] == 20
    assert plan["promise_shrunk_pct"] < plan["promise_pct"]
    assert "Luck: the best of 20 settings tried, which count as " in plan["text"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("a", "b"),
        ("rsi_bounce", "--trades", "0"),
        ("rsi_bounce", "--horizon", "soon"),
        ("rsi_bounce", "--horizon", "60d", "--trades", "80"),
        (),
    ],
)
def test_a_trial_that_makes_no_sense_is_bad_input(run: Run, arguments: tuple[str, ...]) -> None:
    run("init")
    assert run("trial", *arguments).code == 2
