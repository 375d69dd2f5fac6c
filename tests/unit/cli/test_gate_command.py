"""`papertape gate`: what it prints, counts, and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.market.files.candle_files import write_candles
from core.store.workspace import Workspace
from core.text import chance_text
from core.trial.ledger import tries_of
from tests.unit.backtest.test_sweep import RAW, candles
from tests.unit.cli.conftest import Run


@pytest.fixture
def gated(tmp_path: Path) -> tuple[str, ...]:
    """The strategy and its candles, as arguments."""
    file = tmp_path / "candles.csv"
    write_candles(file, candles(length=2_000)["BTC/USDT"])
    return ("gate", "--config", json.dumps(RAW), "--data", str(file), "--folds", "2")


def test_json_is_the_whole_page_and_the_tries_are_counted_once(
    run: Run, gated: tuple[str, ...], workspace: Path
) -> None:
    workspace.mkdir()
    axis = ("--set", "entry_conditions[0].value=30,40")
    first = run(*gated, *axis, "--json")
    assert first.code == 0, first.err
    assert first.json["verdict"] in ("passes", "fails", "too little data")
    assert first.json["reasons"]
    assert len(first.json["walk_forward"]["folds"]) == 2
    assert set(first.json["best"]["set"]) == {"entry_conditions[0].value"}
    assert tries_of(Workspace(workspace).tries, "swept").tried == 2
    again = run(*gated, *axis, "--json")
    assert again.json["independent_tries"] == first.json["independent_tries"]
    assert tries_of(Workspace(workspace).tries, "swept").tried == 2


def test_one_that_is_kept_is_shown_as_it_was_printed(run: Run, gated: tuple[str, ...]) -> None:
    assert run("init").code == 0
    done = run(*gated, "--keep")
    (listed,) = run("backtests", "--json").json["backtests"]
    assert listed["search"]["verdict"] in done.out
    assert run("backtests", "show", listed["id"]).out == done.out


def test_earlier_tries_deflate_a_strategy_as_it_is(
    run: Run, gated: tuple[str, ...], workspace: Path
) -> None:
    workspace.mkdir()
    first = run(*gated, "--json").json
    assert first["independent_tries"] == 1
    assert first["sweep"]["deflated_sharpe"] is None
    sweep = ("sweep", *gated[1:-2], "--set", "entry_conditions[0].value=20,30,45")
    effective = run(*sweep, "--json").json["effective_tries"]
    later = run(*gated, "--json").json
    assert later["independent_tries"] == pytest.approx(1 + effective)
    assert later["expected_best_sharpe"] > first["expected_best_sharpe"] == 0
    assert later["deflated_sharpe"] < first["deflated_sharpe"]
    chance = chance_text(later["deflated_sharpe"], 1)
    said = f"{chance}  chance that it is above what luck brings the best of"
    out = " ".join(run(*gated).out.split())
    assert " ".join(f"{said} {1 + effective:,.1f} independent tries".split()) in out
    assert later["expected_best_of"] == later["independent_tries"]


def test_the_text_begins_with_the_verdict(run: Run, gated: tuple[str, ...]) -> None:
    out = run(*gated).out
    assert out.startswith("Verdict: ")
    assert "Traded part by part, each from a flat account" in out
    assert "hosen" not in out, "nothing was varied"
    varied = run(*gated, "--set", "entry_conditions[0].value=30,40").out
    assert "Chosen on what was, traded on what followed" in varied
    judged, walked = varied.partition("Judged: ")[2].split("\n\n")[:2]
    assert "joined" in walked
    assert "joined" not in judged, "figures of other settings do not stand under those judged"
    assert len(judged.splitlines()) == 3
    assert "costs doubled" in out


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        (("--folds", "0"), "folds 0: expected 1 or more"),
        (("--folds", "900"), "too few for 900 folds"),
        (("--set", "macd.signal=1:2"), "no indicator 'macd'"),
        (("--sort", "luck"), "no metric 'luck'"),
        (("--seed", "-1"), "seed -1: expected 0 or more"),
    ],
)
def test_what_cannot_be_is_refused(
    run: Run, gated: tuple[str, ...], extra: tuple[str, ...], says: str
) -> None:
    done = run(*gated, *extra)
    assert done.code == 2
    assert says in done.err
