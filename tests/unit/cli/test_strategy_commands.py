"""validate, indicators and backtest: what they print, and how they refuse."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any, Literal
from unicodedata import normalize

import pytest

from core.compare.sources import document_of
from core.market.candles.candles import Candles
from core.market.candles.timeframes import DAY, Timeframe
from core.market.files.candle_files import write_candles
from core.store.workspace import Workspace
from core.strategy.document.document import read_strategy
from core.time_format import short_date, wall_clock
from core.trial.ledger import tries_of
from tests.unit.cli.conftest import Run, Served, write_addresses
from tui.strategies import find_strategies, name_problem, strategy_in_its_folder

Form = Literal["NFC", "NFD"]
START = 1_700_006_400_000


def waves(timeframe: Timeframe, count: int, wick: float = 0.1, hours: int = 60) -> Candles:
    """Candles whose price swings around 100 once in so many hours."""
    import numpy as np

    times = START + timeframe.ms * np.arange(count + 1, dtype=np.int64)
    prices = 100 + 10 * np.sin(2 * math.pi * times / (hours * 3_600_000))
    opens, closes = prices[:-1].copy(), prices[1:].copy()
    return Candles(
        times[:-1].copy(),
        opens,
        np.maximum(opens, closes) + wick,
        np.minimum(opens, closes) - wick,
        closes,
        np.full(count, 5.0),
    )


def rsi_bounce(**changes: Any) -> dict[str, Any]:
    return {
        "name": "rsi_bounce",
        "symbols": ["BTC/USDT"],
        "timeframe": "1h",
        "indicators": [{"name": "rsi", "params": {"period": 14}}],
        "entry_conditions": [{"indicator": "rsi", "operator": "lt", "value": 30}],
        "exit_conditions": [{"indicator": "rsi", "operator": "gt", "value": 70}],
    } | changes


@pytest.fixture
def strategy(tmp_path: Path) -> Path:
    path = tmp_path / "rsi_bounce.json"
    path.write_text(json.dumps(rsi_bounce()), encoding="utf-8")
    return path


@pytest.fixture
def hours(tmp_path: Path) -> Path:
    path = tmp_path / "BTCUSDT-1h.csv.gz"
    write_candles(path, waves(Timeframe.H1, 500))
    return path


# ── validate ──


def test_a_valid_strategy_is_said_to_be_one(run: Run, strategy: Path) -> None:
    done = run("validate", strategy)
    first, *meaning = done.out.splitlines()
    assert (done.code, first) == (0, "rsi_bounce is valid: BTC/USDT, 1h, long")
    assert [line.split() for line in meaning if "Enter long" in line] == [
        ["Enter", "long", "rsi", "is", "below", "30"]
    ]
    report = run("validate", "--json", strategy).json
    assert report["valid"] is True
    assert report["warmup_candles"] == 200
    assert report["config"]["indicators"][0]["params"] == {"period": 14}


def test_four_mistakes_are_named_at_once_with_their_lines(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "STRATEGY.md"
    path.write_text(
        "---\nname: four\nsymbols: [BTC/USDT]\ntimeframe: 4x\nindicators:\n"
        "  - {name: rsy}\nentry_conditions:\n  - {indicator: close, operator: lower, value: 3}\n"
        "stop_los_pct: 5\ntake_profit_pct: 10\n---\n",
        encoding="utf-8",
    )
    done = run("validate", path, "--json")
    assert done.code == 2
    problems = {problem["path"]: problem for problem in done.json["problems"]}
    assert set(problems) == {
        "stop_los_pct",
        "timeframe",
        "indicators[0].name",
        "entry_conditions[0].operator",
    }
    assert problems["stop_los_pct"]["nearest"] == "stop_loss_pct"
    assert problems["indicators[0].name"]["line"] == 6
    text = run("validate", path)
    assert (text.code, text.out) == (2, "")
    assert text.err.startswith("4 problems in the config\n")


def test_a_strategy_may_come_from_input_and_from_an_option(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = json.dumps(rsi_bounce())
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert run("validate", "-").code == 0
    assert run("validate", "--config", text).code == 0


def test_a_strategy_is_found_by_name_in_the_workspace_or_not_at_all(
    run: Run, workspace: Path
) -> None:
    done = run("validate", "mine")
    assert done.code == 3
    assert "there is no workspace" in done.err
    (workspace / "strategies").mkdir(parents=True)
    done = run("validate", "mine")
    assert done.code == 3
    assert "the workspace has none yet" in done.err
    document = workspace / "strategies" / "mine" / "STRATEGY.md"
    document.parent.mkdir(parents=True)
    front = json.dumps(rsi_bounce(name="mine"))
    document.write_text(f"# Mine\n\n```json\n{front}\n```\n", encoding="utf-8")
    assert run("validate", "mine").code == 0
    assert "the workspace has mine" in run("validate", "../mine").err


def test_a_sample_is_found_by_name_and_nothing_is_saved_in_it(run: Run, hours: Path) -> None:
    assert run("validate", "trend_1h").code == 0
    done = run("backtest", "trend_1h", "--data", hours, "--save")
    assert done.code == 2
    assert "trend_1h is a sample, in which nothing is saved" in done.err
    assert "(did you mean 'trend_1h'?)" in run("validate", "trend1h").err
    assert "(did you mean 'trend_1h'?)" in run("validate", "TREND_1H").err


@pytest.mark.parametrize("named", ["NFC", "NFD"])
@pytest.mark.parametrize("folder", ["NFC", "NFD"])
@pytest.mark.parametrize("typed", ["NFC", "NFD"])
def test_a_strategy_is_found_however_the_letters_of_its_name_are_composed(
    run: Run, workspace: Path, named: Form, folder: Form, typed: Form
) -> None:
    document = workspace / "strategies" / normalize(folder, "grün") / "STRATEGY.md"
    document.parent.mkdir(parents=True)
    front = json.dumps(rsi_bounce(name=normalize(named, "grün")), ensure_ascii=False)
    document.write_text(f"# Green\n\n```json\n{front}\n```\n", encoding="utf-8")
    done = run("validate", normalize(typed, "grün"), "--json")
    assert (done.code, done.json["config"]["name"]) == (0, "grün")
    home = Workspace(workspace)
    assert document_of(home, "grün")[0] == document
    assert [one.name for one in find_strategies(home) if one.origin == "workspace"] == ["grün"]
    found = strategy_in_its_folder(home, normalize(typed, "grün"))
    assert found is not None
    assert found.path == document
    assert "already" in str(name_problem(home.strategies, normalize(typed, "grün")))
    assert "the workspace has grün" in run("validate", "blau").err


@pytest.mark.parametrize(
    "arguments", [(), ("x.json", "--config", "{}"), ("--config", "{"), ("--config", "[]")]
)
def test_no_strategy_two_or_none_at_all_is_bad_input(run: Run, arguments: tuple[str, ...]) -> None:
    done = run("validate", *arguments)
    assert done.code == 2
    assert done.err


def test_escape_sequences_in_a_name_reach_no_terminal(run: Run) -> None:
    done = run("validate", "--config", json.dumps(rsi_bounce(name="\x1b[2Jgone")))
    assert done.code == 2
    assert "\x1b" not in done.err + done.out


# ── indicators ──


def test_all_indicators_are_listed(run: Run) -> None:
    listed = {one["name"]: one for one in run("indicators", "--json").json["indicators"]}
    assert len(listed) > 200
    assert listed["macd"]["params"] == {"fast_period": 12, "slow_period": 26, "signal_period": 9}
    assert listed["macd"]["fields"] == ["value", "signal", "histogram"]
    assert "supertrend" in run("indicators").out


def test_one_indicator_is_listed_by_its_name(run: Run) -> None:
    assert [one["name"] for one in run("indicators", "rsi", "--json").json["indicators"]] == ["rsi"]
    told = run("indicators", "bollinger").out
    assert "bollinger" in told
    assert "supertrend" not in told
    refused = run("indicators", "bolinger")
    assert refused.code == 3
    assert "did you mean bollinger?" in refused.err


def test_an_indicators_values_are_numbers_or_null(run: Run, hours: Path) -> None:
    shown = run("indicators", "--data", hours, "--show", "sma:period=3", "--json").json
    closes = waves(Timeframe.H1, 500).close
    values = shown["values"]["value"]
    assert values[:2] == [None, None]
    assert values[2] == pytest.approx(closes[:3].mean())
    assert len(values) == len(shown["times"]) == 500
    assert shown["timeframe"] == "1h"


@pytest.mark.parametrize("show", ["sma:period", "sma:period=x", "smaa:period=3", ":", "sma:nope=3"])
def test_an_indicator_that_is_not_understood_is_bad_input(run: Run, hours: Path, show: str) -> None:
    done = run("indicators", "--data", hours, "--show", show)
    assert (done.code, done.out) == (2, "")
    assert repr(show) in done.err


def test_show_needs_data(run: Run) -> None:
    assert run("indicators", "--show", "sma").code == 2


# ── backtest ──


def test_a_backtest_prints_the_object_that_programs_read(
    run: Run, strategy: Path, hours: Path
) -> None:
    report = run("backtest", strategy, "--data", hours, "--json").json
    assert report["strategy"] == "rsi_bounce"
    assert report["period"]["candles"] == 500 - 14  # RSI 14 may decide from its fifteenth candle
    assert report["metrics"]["total_trades"] == len(report["trades"]) > 5
    assert report["trades"][0]["exit_reason"] == "signal"
    assert "equity" not in report
    curve = run("backtest", strategy, "--data", hours, "--json", "--equity").json["equity"]
    assert len(curve) == 500 - 14
    assert curve[-1][1] == report["ending_balance"]


def test_the_options_change_what_they_say(run: Run, strategy: Path, hours: Path) -> None:
    command = ("backtest", strategy, "--data", f"BTC/USDT={hours}", "--json")
    plain = run(*command).json
    rich = run(*command, "--balance", "50000").json
    assert rich["starting_balance"] == 50_000
    assert rich["trades"][0]["pnl"] == pytest.approx(5 * plain["trades"][0]["pnl"])
    closing = run(*command, "--fill-on", "close").json
    assert closing["fill_on"] == "close"
    assert closing["trades"][0]["entry_time"] == plain["trades"][0]["signal_time"]


def test_every_different_backtest_is_counted_among_the_tries(
    run: Run, workspace: Path, strategy: Path, hours: Path
) -> None:
    ledger = workspace / "tries.jsonl"
    command = ("backtest", strategy, "--data", hours, "--json")
    assert run(*command).code == 0
    assert not ledger.exists(), "there is no workspace yet to keep it in"
    run("init")
    for more in ((), (), ("--balance", "50000")):
        assert run(*command, *more).code == 0
    assert tries_of(ledger, "rsi_bounce").runs == 1, "the same config on the same candles"
    other = json.dumps(rsi_bounce() | {"stop_loss_pct": 9})
    assert run("backtest", "--config", other, "--data", hours, "--json").code == 0
    assert tries_of(ledger, "rsi_bounce").runs == 2


def test_a_run_that_cannot_be_counted_is_told_and_done(
    run: Run, workspace: Path, strategy: Path, hours: Path
) -> None:
    run("init")
    (workspace / "tries.jsonl").mkdir()
    done = run("backtest", strategy, "--data", hours, "--json")
    assert done.code == 0
    assert done.json["metrics"]["total_trades"] > 5
    assert "tries.jsonl" in " ".join(done.json["warnings"])


def test_finer_candles_settle_what_a_candle_leaves_open(
    run: Run, tmp_path: Path, hours: Path
) -> None:
    always = [{"indicator": "close", "operator": "gt", "value": 0}]
    close_by = {"stop_loss_pct": 0.05, "take_profit_pct": 0.05}
    config = json.dumps(rsi_bounce(entry_conditions=always, exit_conditions=[], **close_by))
    command = ("backtest", "--config", config, "--data", hours, "--json")
    open_questions = run(*command).json["ambiguous"]["trades"]
    finer = tmp_path / "BTCUSDT-1m.csv"
    write_candles(finer, waves(Timeframe.M1, 500 * 60, wick=0))
    settled = run(*command, "--detail", finer)
    assert settled.json["ambiguous"]["trades"] < open_questions / 10
    coarser = run(*command, "--detail", hours)
    assert coarser.code == 2
    assert "holds 1h candles" in coarser.err


def test_a_report_for_people_is_plain_text(run: Run, strategy: Path, hours: Path) -> None:
    done = run("backtest", strategy, "--data", hours)
    assert done.code == 0
    assert "Win rate" in done.out
    assert done.err == ""


def test_a_run_without_trades_says_what_was_in_the_way(run: Run, hours: Path) -> None:
    never = rsi_bounce(entry_conditions=[{"indicator": "close", "operator": "lt", "value": 1}])
    done = run("backtest", "--config", json.dumps(never), "--data", hours, "--json")
    assert done.code == 0
    assert done.json["trades"] == []
    assert done.json["diagnosis"] is not None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "needs candles"),
        (("--data", "none.csv"), "none.csv"),
        (("--data", "{hours}", "--data", "{hours}"), "two files for BTC/USDT"),
        (("--data", "{hours}", "--balance", "-5"), "starting_balance"),
        (("--data", "{broken}"), "line 3"),
    ],
)
def test_bad_input_is_one_message_and_code_2(
    run: Run, strategy: Path, hours: Path, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    broken = tmp_path / "broken.csv"
    broken.write_text("time,open,high,low,close,volume\n2024-01-01,1,2,1,2,3\nx,1,2,1,2,3\n")
    done = run(
        "backtest", strategy, *(text.format(hours=hours, broken=broken) for text in arguments)
    )
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_each_of_several_symbols_needs_its_file(run: Run, hours: Path) -> None:
    config = json.dumps(rsi_bounce(symbols=["BTC/USDT", "ETH/USDT"], trade_size_pct=40))
    plain = run("backtest", "--config", config, "--data", hours)
    assert plain.code == 2
    assert "say which of BTC/USDT, ETH/USDT it holds" in plain.err
    one = run("backtest", "--config", config, "--data", f"BTCUSDT={hours}")
    assert one.code == 2
    assert "no file for ETH/USDT" in one.err
    both = run(
        *("backtest", "--config", config, "--json"),
        *("--data", f"BTCUSDT={hours}", "--data", f"ETH/USDT={hours}"),
    )
    assert both.code == 0
    assert {trade["symbol"] for trade in both.json["trades"]} == {"BTC/USDT", "ETH/USDT"}


def test_a_period_of_a_file_is_a_part_of_it(run: Run, strategy: Path, hours: Path) -> None:
    command = ("backtest", strategy, "--data", hours, "--json")
    whole = run(*command).json["period"]
    part = run(*command, "--period", "2d").json["period"]
    assert (part["end"], part["candles"]) == (whole["end"], 48)
    assert whole["candles"] > 48
    none = run(*command, "--period", "2030-01-01..2030-01-02")
    assert (none.code, "period" in none.err) == (2, True)


# ── over a period of an exchange ──


def test_a_backtest_over_a_period_is_warmed_up_before_it_and_can_be_saved(
    run: Run, workspace: Path, exchange: Served
) -> None:
    write_addresses(workspace, exchange)
    document = workspace / "strategies" / "mine" / "STRATEGY.md"
    document.parent.mkdir(parents=True)
    document.write_text(
        f"---\n{json.dumps(rsi_bounce(name='mine'))}\n---\nMy own words.\n", encoding="utf-8"
    )
    command = ("backtest", "mine", "--exchange", "binance", "--period", "20d", "--json")
    report = run(*command, "--save").json
    # 20 days of hours, the first perhaps begun before the period: all decided on.
    assert report["period"]["candles"] in (479, 480)
    saved = read_strategy(document).config["backtest"]
    assert isinstance(saved, dict)
    assert saved["total_trades"] == report["metrics"]["total_trades"]
    assert document.read_text(encoding="utf-8").endswith("My own words.\n")


def test_a_period_may_be_dates_of_which_the_last_is_in_it(
    run: Run, workspace: Path, exchange: Served
) -> None:
    write_addresses(workspace, exchange)
    first, last = (short_date(wall_clock() - days * DAY) for days in (10, 6))
    command = ("backtest", "--config", json.dumps(rsi_bounce()), "--json", "--exchange", "binance")
    period = run(*command, "--period", f"{first}..{last}").json["period"]
    assert (period["start"], period["candles"]) == (f"{first}T00:00:00Z", 5 * 24)


def test_what_compare_tells_to_run_can_be_run(run: Run, workspace: Path, exchange: Served) -> None:
    write_addresses(workspace, exchange)
    run("init")
    told = run("compare", "rsi_bounce").err
    (hint,) = [line for line in told.splitlines() if "papertape backtest" in line]
    words = hint.partition("papertape ")[2].replace("6m", "20d").split()
    assert run(*words).code == 0
    assert run("compare", "rsi_bounce").code == 0


def test_a_warm_up_set_by_hand_is_marked(run: Run, workspace: Path, exchange: Served) -> None:
    write_addresses(workspace, exchange)
    command = ("backtest", "--config", json.dumps(rsi_bounce()), "--json", "--warmup", "20")
    report = run(*command, "--exchange", "binance", "--period", "5d").json
    assert any("set by hand to 20 candles" in warning for warning in report["warnings"])


def test_a_perpetual_pays_funding(run: Run, workspace: Path, exchange: Served) -> None:
    write_addresses(workspace, exchange)
    always = [{"indicator": "close", "operator": "gt", "value": 0}]
    config = rsi_bounce(symbols=["BTC/USDT:USDT"], entry_conditions=always, max_hold=48)
    done = run(
        *("backtest", "--config", json.dumps(config), "--json"),
        *("--exchange", "binance", "--period", "10d"),
    )
    assert any(trade["funding"] != 0 for trade in done.json["trades"])


def test_candles_are_fetched_into_a_file_that_a_backtest_reads(
    run: Run, workspace: Path, exchange: Served, tmp_path: Path, strategy: Path
) -> None:
    write_addresses(workspace, exchange)
    path = tmp_path / "BTCUSDT-1h.csv.gz"
    fetched = run(
        *("candles", "--exchange", "binance", "--symbol", "BTCUSDT", "--timeframe", "1h"),
        *("--period", "30d", "-o", path, "--json"),
    )
    assert fetched.json["candles"] in (719, 720)
    assert run("backtest", strategy, "--data", path).code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--period", "20 days"), 2, "is not a period"),
        (("--period", "2026-02-30.."), 2, "or two dates, such as"),
        (("--exchange", "binance", "--data", "x.csv"), 2, "either --data"),
        (("--period", "1d", "--symbol", "NOPE/USDT"), 2, "NOPE/USDT"),
    ],
)
def test_a_period_that_cannot_be_had_is_one_message(
    run: Run, workspace: Path, exchange: Served, arguments: tuple[str, ...], code: int, said: str
) -> None:
    write_addresses(workspace, exchange)
    config = rsi_bounce()
    if "--symbol" in arguments:
        *arguments_before, _, symbol = arguments
        arguments, config = tuple(arguments_before), rsi_bounce(symbols=[symbol])
    done = run("backtest", "--config", json.dumps(config), "--exchange", "binance", *arguments)
    assert (done.code, done.out, done.err.count("\n")) == (code, "", 1)
    assert said in done.err
