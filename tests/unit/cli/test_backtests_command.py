"""`papertape backtests`: results that were kept, from the command line alone."""

from __future__ import annotations

import json
from pathlib import Path

from core.market.files.candle_files import write_candles
from tests.unit.backtest.test_sweep import RAW, candles
from tests.unit.cli.conftest import Run


def test_results_are_kept_listed_compared_noted_and_removed(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "candles.csv"
    write_candles(file, candles()["BTC/USDT"])
    run("init")
    assert "No backtest was kept yet" in run("backtests").out
    for stop in (3, 5):
        config = json.dumps({**RAW, "stop_loss_pct": stop})
        done = run("backtest", "--config", config, "--data", file, "--tag", f"stop{stop}")
        assert done.code == 0, done.err
    found = {one["tags"][0]: one for one in run("backtests", "list", "--json").json["backtests"]}
    assert set(found) == {"stop3", "stop5"}
    assert found["stop3"]["source"] == {"data": str(file)}
    one, other = found["stop3"]["id"], found["stop5"]["id"]
    assert one in run("backtests").out
    assert other not in run("backtests", "list", "--tag", "stop3").out
    shown = run("backtests", "show", one, "--json").json
    assert shown["metrics"]["total_trades"] == found["stop3"]["metrics"]["total_trades"]
    text = run("backtests", "compare", one, other).out
    assert "stop_loss_pct" in text
    for key, name in ((one, "stop3"), (other, "stop5")):
        trades = found[name]["metrics"]["total_trades"]
        few = f"! {key}: fewer than 30 trades ({trades}): too few to tell luck from skill\n"
        assert (few in text) is (trades < 30)
    assert "too few" in text
    sides = run("backtests", "compare", one, other, "--json").json
    assert sides["settings"] == [{"path": "stop_loss_pct", "one": 3, "other": 5}]
    closes = ("backtest", "--config", json.dumps({**RAW, "stop_loss_pct": 3}), "--data", file)
    assert run(*closes, "--fill-on", "close", "--tag", "closes").code == 0
    tagged = {
        each["tags"][0]: each for each in run("backtests", "list", "--json").json["backtests"]
    }
    third = tagged["closes"]["id"]
    sides = run("backtests", "compare", one, third, "--json").json
    assert sides["settings"] == [{"path": "fill on", "one": "next_open", "other": "close"}]
    assert "fill on" in run("backtests", "compare", one, third).out
    assert run("backtests", "remove", third).code == 0
    shorter = tmp_path / "shorter.csv"
    write_candles(shorter, candles(length=500)["BTC/USDT"])
    done = run("backtest", "--config", json.dumps(RAW), "--data", shorter, "--tag", "shorter")
    assert done.code == 0, done.err
    (fourth,) = (
        each["id"]
        for each in run("backtests", "list", "--tag", "shorter", "--json").json["backtests"]
    )
    told = run("backtests", "compare", one, fourth).out
    assert told.startswith(f"! Neither is better for its figures: different periods: {one} 20")
    assert not {"better", "worse"} & {line.split()[-1] for line in told.splitlines() if line}
    sides = run("backtests", "compare", one, fourth, "--json").json
    assert sides["unlike"].startswith("different periods: ")
    assert {each["better"] for each in sides["figures"]} == {None}
    assert run("backtests", "remove", fourth).code == 0
    assert run("backtests", "note", one, "the base", "--tag", "base").code == 0
    assert "Note: the base" in run("backtests", "show", one).out
    assert run("backtests", "note", one, "--tag", "x" * 30).code == 2
    many = [part for number in range(20) for part in ("--tag", f"t{number}")]
    assert run("backtests", "note", one, *many).code == 0
    config = json.dumps({**RAW, "stop_loss_pct": 3})
    refused = run("backtest", "--config", config, "--data", file, "--tag", "new")
    assert (refused.code, "up to 20 tags, found 21" in refused.err) == (2, True)
    assert refused.out, "the report comes first"
    early = run("backtest", "--config", config, "--data", file, "--tag", "x" * 30)
    assert (early.code, early.out) == (2, "")
    assert run("backtests", "remove", one, other).code == 0
    # What is saved in a document tells where its candles were from, too: it can be run again.
    document = tmp_path / "workspace" / "strategies" / "ema_cross" / "STRATEGY.md"
    document.write_text(document.read_text().replace("timeframe: 5m", "timeframe: 1h"))
    saved = run("backtest", "ema_cross", "--data", file, "--save")
    assert saved.code == 0, saved.err
    (beside,) = run("backtests", "list", "--json").json["backtests"]
    assert (beside["id"], beside["source"]) == ("ema_cross", {"data": str(file)})
    assert run("backtests", "show", one).code == 3
