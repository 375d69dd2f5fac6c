"""The library of backtests keeps each run once, whole, with its owner's notes, within bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.backtest.run import run_backtest
from core.market.candles.candles import Candles
from core.report.library import (
    CandleSource,
    LibraryError,
    differing_settings,
    find_result,
    keep_result,
    list_results,
    note_result,
    open_result,
    remove_result,
)
from core.report.quality import quality_flags
from core.report.side_by_side import pair_csv, pair_to_json, paired, side_by_side
from core.report.stored_backtest import library_result, save_backtest
from core.store.durable import OsDisk
from core.store.notes import NOTES, NotesError
from core.store.workspace import Workspace
from core.strategy.config.canonical import config_to_dict
from core.strategy.config.parsing import parse_config
from tests.unit.report.test_stored_backtest import HISTORY, make_document
from tests.unit.session.sessions import RSI, START

DISK = OsDisk()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    made.prepare()
    return made


def result_of(
    balance: float = 1_000.0,
    now: int = START,
    history: Mapping[str, Candles] = HISTORY,
    **changes: object,
) -> dict[str, Any]:
    config = parse_config({**RSI, "starting_balance": balance, **changes}).config
    source = CandleSource(data="candles.csv")
    result = run_backtest(config, history)
    return library_result(result, history, now, source, {"rsi.period": 14})


def test_a_result_is_kept_once_and_is_whole(workspace: Workspace) -> None:
    whole = result_of()
    key = keep_result(workspace, whole, DISK)
    assert keep_result(workspace, result_of(now=START + 1), DISK) == key
    (listed,) = list_results(workspace).results
    assert open_result(listed) == whole
    assert listed.result.metrics.total_trades == len(whole["trades"]) > 0
    assert listed.result.settings == {"rsi.period": 14}
    assert listed.result.source == CandleSource(data="candles.csv")
    assert listed.path.stat().st_mode & 0o077 == 0
    remove_result(find_result(workspace, key))
    assert list(workspace.backtests.iterdir()) == []


def test_other_candles_rules_or_figures_are_another_result(workspace: Workspace) -> None:
    """Though neither trades, and both end as they began."""
    (one,) = HISTORY.values()
    volume = np.where(np.arange(len(one)) == 3, 7.0, one.volume)
    other = {"BTC/USDT": replace(one, volume=volume)}
    never = [{"indicator": "rsi", "operator": "lt", "value": 1}]
    results = [result_of(history=each, entry_conditions=never) for each in (HISTORY, other)]
    assert all(each["trades"] == [] for each in results)
    results.append({**results[0], "rules_version": results[0]["rules_version"] + 1})
    results.append({**results[0], "metrics": {**results[0]["metrics"], "exposure_pct": 1.0}})
    assert len({keep_result(workspace, each, DISK) for each in results}) == len(results)


def test_notes_are_bounded_and_outlive_those_that_have_none(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.report.library.KEPT", 2)
    keys = [keep_result(workspace, result_of(1_000.0 + n, START + n), DISK) for n in range(2)]
    oldest = find_result(workspace, keys[0])
    for tags in (("x" * 25,), tuple(map(str, range(21))), ("a,b",)):
        with pytest.raises(NotesError):
            note_result(workspace, oldest, "", tags, DISK)
    note_result(workspace, oldest, "[b]mind[/b] \x1b[2J", ("slow", "slow"), DISK)
    keys += [keep_result(workspace, result_of(2_000.0 + n, START + 9 + n), DISK) for n in range(2)]
    left = {one.key: one.notes.tags for one in list_results(workspace).results}
    assert left == {keys[0]: ("slow",), keys[2]: (), keys[3]: ()}


def test_what_a_document_tells_of_is_listed_and_kept_when_it_is_noted(
    workspace: Workspace,
) -> None:
    folder = workspace.strategies / "rsi"
    folder.mkdir()
    document = make_document(folder)
    saved = run_backtest(parse_config(RSI).config, HISTORY)
    save_backtest(document, saved, HISTORY, START)
    (listed,) = list_results(workspace).results
    assert (listed.key, listed.beside_document) == ("rsi", True)
    with pytest.raises(LibraryError, match=r"saved beside its STRATEGY\.md"):
        remove_result(listed)
    key = note_result(workspace, listed, "", ("base",), DISK)
    (kept,) = list_results(workspace).results
    assert (kept.key, kept.notes.tags, kept.beside_document) == (key, ("base",), False)
    assert kept.result.source is None
    whole = library_result(saved, HISTORY, START, CandleSource(data="candles.csv"), {})
    assert keep_result(workspace, whole, DISK) == key, "its config and source are known now"
    assert keep_result(workspace, open_result(listed), DISK) == key
    (kept,) = list_results(workspace).results
    assert (open_result(kept), kept.notes.tags) == (whole, ("base",))


def test_what_cannot_be_read_is_told_and_hides_nothing(workspace: Workspace) -> None:
    keys = [keep_result(workspace, result_of(1_000.0 + n), DISK) for n in range(5)]
    deep = b"[" * 5_000 + b"]" * 5_000
    (workspace.backtests / keys[0] / "result.json").write_text("{")
    (workspace.backtests / keys[1] / NOTES).write_text("[]")
    (workspace.backtests / keys[3] / "result.json").write_bytes(b'{"x":' + deep + b"}")
    (workspace.backtests / keys[4] / NOTES).write_bytes(b'{"note":"","x":' + deep + b"}")
    (workspace.backtests / "aaaaaaaa").symlink_to(workspace.backtests / keys[2])
    found = list_results(workspace)
    assert [one.key for one in found.results] == [keys[2]]
    assert len(found.problems) == 4
    for key in (keys[0], "../../etc", "aaaaaaaa"):
        with pytest.raises(LibraryError, match="there is no backtest"):
            find_result(workspace, key)


def test_two_results_side_by_side() -> None:
    one, other = result_of(), result_of(stop_loss_pct=1.0)
    assert differing_settings(one["config"], other["config"]) == [
        ("stop_loss_pct", RSI.get("stop_loss_pct"), 1.0)
    ]
    slow = result_of(indicators=[{"name": "rsi", "params": {"period": 21}}])
    assert ("rsi.period", 14, 21) in differing_settings(one["config"], slow["config"])
    figures = side_by_side(
        traded(total_return_pct=10.0, max_drawdown_pct=5.0, total_trades=7, avg_hold=3_600),
        traded(total_return_pct=8.5, max_drawdown_pct=4.0, total_trades=9, avg_hold=1_800),
    )
    told = {each.label: (each.change_text, each.better) for each in figures if each.change_text}
    assert told == {
        "Return": ("▼ -1.50 pp", False),
        "Max drawdown": ("▼ -1.00 pp", True),
        "Trades": ("▲ +2", None),
        "Average hold": ("▼ -30m", None),
    }


def test_who_compares_a_result_of_few_trades_reads_what_its_report_says_of_them(
    workspace: Workspace,
) -> None:
    key = keep_result(workspace, result_of(), DISK)
    listed = find_result(workspace, key)
    few, enough = (
        traded(total_return_pct=9.0, total_trades=10),
        traded(total_return_pct=8.0, total_trades=30),
    )
    pair = paired((listed, listed), (few, enough), ("A", "B"))
    (told,) = quality_flags(few["metrics"])
    assert told.startswith("fewer than 30 trades (10)")
    assert pair.doubts(("A", "B")) == [f"A: {told}"]
    assert [each.better for each in pair.figures if each.name == "total_return_pct"] == [False]
    assert pair_to_json(pair)["warnings"] == {"one": told, "other": None}
    assert f"\nwarning,few_trades,{told},\n" in pair_csv(pair)
    plain = paired((listed, listed), (enough, traded(total_return_pct=8.0)), ("A", "B"))
    assert plain.doubts(("A", "B")) == []
    assert "warning" not in pair_csv(plain)


def test_of_two_that_lost_money_no_ratio_to_risk_is_the_better_one() -> None:
    """B lost less and fell less, and its Calmar ratio is the lower one."""
    lost = traded(
        *(), total_return_pct=-21.1, max_drawdown_pct=30.0, calmar_ratio=-2.11, sharpe_ratio=-1.0,
        sortino_ratio=-1.4, sqn=-0.5, profit_factor=0.8,
    )  # fmt: skip
    less = traded(
        *(), total_return_pct=-11.5, max_drawdown_pct=15.0, calmar_ratio=-2.31, sharpe_ratio=-1.2,
        sortino_ratio=-1.6, sqn=-0.6, profit_factor=0.7,
    )  # fmt: skip
    told = {each.name: each.better for each in side_by_side(lost, less) if each.change}
    assert told == {
        "total_return_pct": True,
        "max_drawdown_pct": True,
        "profit_factor": False,
        **dict.fromkeys(("sharpe_ratio", "sortino_ratio", "calmar_ratio", "sqn")),
    }
    won = traded(calmar_ratio=0.4, sharpe_ratio=0.0)
    told = {each.name: each.better for each in side_by_side(lost, won) if each.change}
    assert told == {"calmar_ratio": True, "sharpe_ratio": True}


def test_differences_agree_with_the_figures_that_they_stand_beside() -> None:
    """42.556 and 34.754 are shown as 42.56 and 34.75: 7.81 apart for who reads them."""
    figures = side_by_side(
        traded(max_drawdown_pct=42.556, avg_hold=7_019.0, win_rate_pct=40.04, best=1_234.564),
        traded(max_drawdown_pct=34.754, avg_hold=4_088.0, win_rate_pct=50.06, best=2.446),
    )
    told = {each.name: (each.one, each.other, each.change_text) for each in figures if each.change}
    assert told == {
        "max_drawdown_pct": ("42.56%", "34.75%", "▼ -7.81 pp"),
        "avg_hold": ("1h 57m", "1h 08m", "▼ -49m"),
        "win_rate_pct": ("40.0%", "50.1%", "▲ +10.1 pp"),
        "best": ("+1,234.56", "+2.45", "▼ -1,232.11"),
    }


def test_what_a_document_tells_of_a_saved_backtest_is_no_setting() -> None:
    """A saved backtest and a setting of a sweep differ in what was varied alone."""
    raw = {**RSI, "updated": "2026-11-01", "backtest": {"fill_on": "next_open", "symbols": ["A"]}}
    saved = config_to_dict(parse_config({**RSI, "leverage": 1}).config)
    swept = config_to_dict(parse_config({**raw, "stop_loss_pct": 3.5}).config)
    assert differing_settings(saved, swept) == [("stop_loss_pct", RSI.get("stop_loss_pct"), 3.5)]


def traded(*symbols: str, **metrics: float) -> dict[str, Any]:
    """A result with these metrics."""
    return {"symbols": symbols or ("BTC/USDT",), "metrics": metrics}


def test_yen_and_dollars_have_no_difference() -> None:
    """6.53 yen were better than a loss of 11.81 dollars, by 18.34 of neither."""
    figures = side_by_side(
        traded("PEPE/USDT", expectancy=-11.81, best=84.5, profit_factor=0.8, total_return_pct=-2.0),
        traded("BTC/JPY", expectancy=6.53, best=84.5, profit_factor=1.1, total_return_pct=1.0),
    )
    told = {each.name: each for each in figures if each.change_text}
    money = told["expectancy"]
    assert (money.one, money.other) == ("-11.81 USDT", "+6.53 JPY")
    assert (money.change, money.change_text, money.better) == (None, "other money", None)
    assert told["best"].change_text == "other money", "not equal either"
    assert (told["profit_factor"].better, told["total_return_pct"].better) == (True, True)
    (alike,) = (
        each
        for each in side_by_side(traded(expectancy=-1.0), traded("ETH/USDT", expectancy=1.0))
        if each.name == "expectancy"
    )
    assert (alike.one, alike.change_text, alike.better) == ("-1.00", "▲ +2.00", True)


def test_each_side_is_written_with_the_decimals_of_its_money() -> None:
    figures = side_by_side(
        traded("ETH/BTC", expectancy=0.000123), traded("ETH/USDT", expectancy=1.5)
    )
    (money,) = (each for each in figures if each.name == "expectancy")
    assert (money.one, money.other) == ("+0.000123 BTC", "+1.50 USDT")
