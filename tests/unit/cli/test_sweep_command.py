"""`papertape sweep`: what it prints, writes, and refuses."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from core.market.files.candle_files import write_candles
from core.trial.ledger import tries_of
from tests.unit.backtest.test_sweep import RAW, candles
from tests.unit.cli.conftest import Run

AXES = ("--set", "rsi.period=7:9", "--set", "entry_conditions[0].value=30,40")


@pytest.fixture
def swept(tmp_path: Path) -> tuple[str, ...]:
    """The strategy, its candles and two axes, as arguments."""
    file = tmp_path / "candles.csv"
    write_candles(file, candles()["BTC/USDT"])
    return ("sweep", "--config", json.dumps(RAW), "--data", str(file), *AXES)


def test_json_holds_the_best_rows_and_how_many_were_tried(run: Run, swept: tuple[str, ...]) -> None:
    done = run(*swept, "--json", "--top", 4, "--split", 60, "--workers", 2)
    assert done.code == 0, done.err
    assert done.json["tried"] == 6
    assert len(done.json["rows"]) == 4
    first = done.json["rows"][0]
    assert set(first["set"]) == {"rsi.period", "entry_conditions[0].value"}
    assert first["metrics"]["total_trades"] > 0
    assert "sharpe_ratio" in first["rest"]


def test_the_text_has_a_table_a_heat_map_and_what_luck_would_find(
    run: Run, swept: tuple[str, ...]
) -> None:
    out = run(*swept).out
    assert "rsi.period" in out.splitlines()[0]
    assert "sharpe_ratio over entry_conditions[0].value" in out
    assert "6 combinations tried, worth" in out
    assert "deflated Sharpe" in out


def test_csv_has_every_row(run: Run, swept: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "sweep.csv"
    assert run(*swept, "--csv", file, "--top", 1).code == 0
    rows = list(csv.DictReader(file.open()))
    assert len(rows) == 6
    assert {row["rsi.period"] for row in rows} == {"7", "8", "9"}


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        (("--set", "rsi.period=1:2"), "set twice"),
        (("--set", "macd.signal=1:2"), "no indicator 'macd'"),
        (("--sort", "luck"), "no metric 'luck'"),
        (("--top", "0"), "--top 0"),
        (("--split", "0"), "without candles"),
    ],
)
def test_what_cannot_be_swept_is_refused(
    run: Run, swept: tuple[str, ...], extra: tuple[str, ...], says: str
) -> None:
    done = run(*swept, *extra)
    assert done.code == 2
    assert says in done.err
    assert done.out == ""


def test_a_sweep_is_counted_among_the_tries(
    run: Run, workspace: Path, swept: tuple[str, ...]
) -> None:
    run("init")
    for _ in range(2):
        assert run(*swept, "--json").code == 0
    found = tries_of(workspace / "tries.jsonl", "swept")
    assert (found.runs, found.tried) == (1, 6)
    assert 1 <= found.effective <= 6
