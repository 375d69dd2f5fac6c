"""`papertape sweep`: what it prints, writes, and refuses."""

from __future__ import annotations

import csv
import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.gate.kept import open_search
from core.market.files.candle_files import write_candles
from core.report.deflated import expected_best_sharpe
from core.report.library import list_results
from core.store.workspace import Workspace
from core.time_format import iso_time
from core.trial.ledger import tries_of
from tests.unit.backtest.test_sweep import RAW, candles
from tests.unit.cli.conftest import Run
from tests.waiting import until_blocking

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
    assert "Sharpe over entry_conditions[0].value" in out
    assert "6 settings tried; trading alike, " in out
    assert "deflated Sharpe" in out
    # What it comes to is of all settings with a ratio, and not of the few independent ones.
    found = run(*swept, "--json").json
    ratios = [row["metrics"]["sharpe_ratio"] for row in found["rows"]]
    known = [ratio for ratio in ratios if ratio is not None]
    assert found["expected_best_of"] == len(known)
    expected = expected_best_sharpe(known)
    assert expected == pytest.approx(found["expected_best_sharpe"])
    assert f"; luck alone brings about {expected:.2f}, if all {len(known)} " in out
    assert "each cell" not in out, "there is nothing behind it"
    deeper = run(*swept, "--set", "stop_loss_pct=2,3", "--sort", "total_trades").out
    assert (
        "Trades over entry_conditions[0].value, the darker the more; each cell the most of "
        "stop_loss_pct" in deeper
    )


def test_one_that_is_kept_is_listed_and_shown_as_it_was_printed(
    run: Run, swept: tuple[str, ...]
) -> None:
    assert run("init").code == 0
    done = run(*swept, "--keep", "--split", 60)
    (listed,) = run("backtests", "--json").json["backtests"]
    assert f"kept as {listed['id']}: " in done.err
    assert listed["search"]["kind"] == "sweep"
    assert listed["search"]["terms"]["axes"] == list(AXES[1::2])
    assert "swept sweep of 6: " in run("backtests").out
    assert run("backtests", "show", listed["id"]).out == done.out
    again = run(*swept, "--keep", "--split", 60)
    assert f"kept as {listed['id']}: " in again.err
    run(*swept, "--keep", "--split", 70)
    assert len(run("backtests", "--json").json["backtests"]) == 2, "ranked on other candles"


def test_what_ranks_stands_first_also_of_what_the_ranking_did_not_see(
    run: Run, swept: tuple[str, ...]
) -> None:
    """With `--sort profit_factor` the rest had the Sharpe ratio and the return alone."""
    for sort, name in (("profit_factor", "PF"), ("sortino_ratio", "Sortino")):
        head, best = run(*swept, "--split", 60, "--sort", sort).out.splitlines()[:2]
        labels = re.split(r"  +", head.strip())
        assert labels[2] == name
        assert labels[-3:] == [f"rest: {name}", "rest: Sharpe", "rest: Return"]
        assert labels.count(name) == 1
        assert len(best.split()) == len(labels)
    head = run(*swept, "--split", 60).out.splitlines()[0]
    assert head.endswith("Trades  rest: Sharpe  rest: Return")


@pytest.mark.parametrize("command", ["sweep", "gate"])
def test_a_period_of_the_files_is_warmed_up_and_kept_as_the_screen_does(
    run: Run, swept: tuple[str, ...], workspace: Path, command: str
) -> None:
    assert run("init").code == 0
    asked = (command, *swept[1:-2], "--keep", "--json")
    whole, part = run(*asked), run(*asked, "--period", "2026-01-05..2026-01-14")
    assert part.code == 0, part.err
    sweeps = [one.json if command == "sweep" else one.json["sweep"] for one in (whole, part)]
    trades = [sum(row["metrics"]["total_trades"] for row in one["rows"]) for one in sweeps]
    assert 0 < trades[1] < trades[0]
    kept = list_results(Workspace(workspace)).results
    assert len(kept) == 2, "of another period, it is another"
    (listed,) = (one for one in kept if one.result.source and one.result.source.period)
    assert listed.result.period.start == "2026-01-05T00:00:00Z"
    found = open_search(listed).asked
    assert found.warmup is not None
    assert found.span is not None
    assert [iso_time(one) for one in found.span] == ["2026-01-05T00:00:00Z", "2026-01-15T00:00:00Z"]
    bad = run(*asked, "--period", "2020-01-05..2020-01-14")
    assert bad.code == 2
    assert "no candles" in bad.err


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
        (("--split", "0"), "above 0 and below 100"),
        (("--workers", "1000000"), "workers 1000000: expected 1 to 256 processes"),
        (("--workers", "0"), "workers 0: expected 1 to 256 processes"),
        (("--cluster", "8786"), "expected tcp://HOST:PORT"),
        (("--cluster", "local:1000"), "with N workers, 1 to 256"),
        (("--cluster", f"local:{'9' * 5_000}"), "with N workers, 1 to 256"),
        (("--cluster", "local:2", "--workers", "2"), "not both"),
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


def test_a_terminal_is_told_how_far_it_is_and_a_program_is_not(
    run: Run, swept: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "6 of 6" not in run(*swept).err
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert "6 of 6" not in run(*swept).err  # it is done before there is anything to wait for
    monkeypatch.setattr("tui.cli.long_work._EVERY_SECONDS", 0.0)
    told = run(*swept).err.split("\r")
    assert told[-2].strip() == ""
    assert told[-3].startswith("6 of 6 · ")
    assert " a second" in told[-3]
    assert "\r" not in run(*swept, "--json").err


def test_a_sweep_that_was_killed_and_one_that_was_cancelled_go_on_to_the_same_answer(
    run: Run, workspace: Path, tmp_path: Path
) -> None:
    """Killed by `kill -9`, then cancelled by Ctrl-C on a terminal, then finished."""
    file = tmp_path / "long.csv"
    write_candles(file, candles(length=1_000)["BTC/USDT"])
    sweep = [
        *("sweep", "--config", json.dumps(RAW), "--data", str(file), "--json", "--workers", "2"),
        *("--set", "rsi.period=2:41", "--set", "stop_loss_pct=1:10"),
    ]
    run("init")
    command = [sys.executable, "-P", "-m", "tui.cli", *sweep]
    kept = workspace / "cache" / "unfinished"

    killed = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until_blocking(lambda: any(one.stat().st_size > 10_000 for one in kept.glob("*.work")))
    killed.kill()
    killed.wait()
    [unfinished] = kept.glob("*.work")
    size = unfinished.stat().st_size

    terminal, its_end = pty.openpty()
    command.remove("--json")
    cancelled = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=its_end, text=True, start_new_session=True
    )
    os.close(its_end)
    said = b""
    while b"resumed: " not in said:
        said += os.read(terminal, 1_000)
    os.killpg(cancelled.pid, signal.SIGINT)  # as the terminal does, to all its processes
    out, _ = cancelled.communicate()
    while b"goes on from there" not in said:
        said += os.read(terminal, 1_000)
    os.close(terminal)
    assert cancelled.returncode == 130
    assert out.startswith("Not finished: ")
    assert unfinished.stat().st_size > size

    done = run(*sweep)
    assert "resumed: " in done.err
    assert done.json["complete"]
    assert not list(kept.iterdir())
    assert done.out == run(*sweep).out
