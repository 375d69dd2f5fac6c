"""A sweep gives what single backtests give, whoever computes it, and says what luck would find."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.backtest.axes import Axis, SweepError, configs, parse_axis
from core.backtest.progress import Meter, Progress, WorkCancelledError, progress_text
from core.backtest.run import run_backtest
from core.backtest.sweep import run_sweep, sweep_to_json
from core.backtest.sweep_map import best_row, doubt, heats, luck, ranked, sweep_map
from core.market.candles.candles import Candles
from core.report.deflated import deflated_sharpe, expected_best_sharpe
from core.report.metric_labels import figure_text
from core.report.result import metrics_to_json
from core.strategy.config.canonical import config_to_dict
from core.strategy.config.conditions import conditions_in
from core.strategy.config.config import StrategyConfig
from core.strategy.config.orders import Atr
from core.strategy.config.parsing import parse_config
from core.strategy.config.problems import ConfigError
from core.strategy.config.varied import VariedConfigs
from tests.unit.backtest.test_skipping import walk
from tests.unit.strategy.making import single

RAW: dict[str, Any] = {
    "name": "swept",
    "symbols": ["BTC/USDT"],
    "timeframe": "1h",
    "indicators": [{"name": "rsi", "params": {"period": 14}}],
    "entry_conditions": [{"indicator": "rsi", "operator": "lt", "value": 40}],
    "exit_conditions": [{"indicator": "rsi", "operator": "gt", "value": 60}],
    "stop_loss_pct": 5,
}


def config(**changes: Any) -> StrategyConfig:
    return parse_config(RAW | changes).config


def candles(seed: int = 1, length: int = 800) -> dict[str, Candles]:
    return {"BTC/USDT": walk(seed, length, 0.01, 0.95)}


def test_days_stand_below_each_other_also_of_a_run_that_stopped_early() -> None:
    history = candles()
    axes = (Axis("max_drawdown_pct", (0.1, 90)),)
    found = run_sweep(config(stop_loss_pct=50), axes, history)
    stopped, whole = (run_backtest(one, history) for one in configs(config(stop_loss_pct=50), axes))
    assert stopped.last_day < whole.last_day
    days = len(stopped.daily_returns)
    assert found.returns.shape == (2, len(whole.daily_returns))
    assert found.returns[0, :days].tolist() == stopped.daily_returns.tolist()
    assert not found.returns[0, days:].any()


# ── What is varied ──


@pytest.mark.parametrize(
    ("text", "axis"),
    [
        ("rsi.period=7:9", Axis("rsi.period", (7, 8, 9))),
        (
            "entry_conditions[0].value=20:40:5",
            Axis("entry_conditions[0].value", (20, 25, 30, 35, 40)),
        ),
        ("stop_loss_pct=0.1:0.3:0.1", Axis("stop_loss_pct", (0.1, 0.2, 0.3))),
        ("timeframe=1h,4h", Axis("timeframe", ("1h", "4h"))),
        ("rsi.period=10", Axis("rsi.period", (10,))),
    ],
)
def test_an_axis_as_written(text: str, axis: Axis) -> None:
    assert parse_axis(text) == axis


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rsi.period", "expected PATH=FIRST:LAST"),
        ("=1:2", "expected PATH=FIRST:LAST"),
        ("rsi.period=9:7", "is empty"),
        ("rsi.period=1:2:0", "is empty"),
        ("rsi.period=a:b", "expected FIRST:LAST or FIRST:LAST:STEP"),
        ("rsi.period=1:2:3:4", "expected FIRST:LAST or FIRST:LAST:STEP"),
        ("rsi.period=0:1e300:1e-300", "values, at most"),
    ],
)
def test_an_axis_that_is_none_says_what_was_expected(text: str, says: str) -> None:
    with pytest.raises(SweepError, match=says):
        parse_axis(text)


def test_the_last_axis_changes_fastest() -> None:
    axes = [parse_axis("rsi.period=7:8"), parse_axis("entry_conditions[0].value=20,30")]
    tried = [
        (one.indicators[0].params["period"], single(one).right) for one in configs(config(), axes)
    ]
    assert tried == [(7, 20), (7, 30), (8, 20), (8, 30)]


def test_a_condition_within_a_group_is_varied() -> None:
    low = {"indicator": "rsi", "operator": "lt", "value": 30}
    base = config(entry_conditions=[{"any": [low, {"not": {**low, "for": 2}}]}])
    tried = [
        [two.right for two in conditions_in(one.entry_conditions[0])]
        for one in configs(base, [parse_axis("entry_conditions[0].any[1].not.value=10,20")])
    ]
    assert tried == [[30, 10], [30, 20]]
    with pytest.raises(SweepError, match="nothing is at '2'"):
        configs(base, [parse_axis("entry_conditions[0].any[2].value=10,20")])


def test_parts_of_orders_are_varied_like_those_of_conditions() -> None:
    base = config(
        stop_loss_pct=None,
        take_profit_pct=None,
        stop={"atr": {"multiplier": 2}},
        target=[{"pct": 3, "close_pct": 50}, {"r": 3}],
    )
    axes = [
        parse_axis("stop.atr.multiplier=1,3"),
        parse_axis("target[1].r=2,4"),
        parse_axis("risk_pct=1"),
    ]
    tried = [
        (one.orders.stop.price.long, one.orders.targets[1].price.number, one.orders.risk_pct)
        for one in configs(base, axes)
        if one.orders.stop is not None
    ]
    assert tried == [
        (Atr(14, 1), 2, 1),
        (Atr(14, 1), 4, 1),
        (Atr(14, 3), 2, 1),
        (Atr(14, 3), 4, 1),
    ]


def test_a_combination_is_what_is_read_of_it_alone() -> None:
    base = config(
        indicators=[{"name": "rsi"}, {"name": "ema", "params": {"period": 9}, "offset": 1}],
        exit_conditions=[{"indicator": "close", "operator": "gt", "value": "ema * 1.01", "for": 2}],
        target={"r": 2},
    )
    axes = [
        parse_axis("ema.period=9,14,5"),
        parse_axis("timeframe=1h,4h"),
        parse_axis("ema.source=close,rsi"),
        parse_axis("entry_conditions[0].value=40,30,ema.value"),
        parse_axis("stop_loss_pct=5,3"),
    ]
    tried = configs(base, axes)
    assert len(set(map(repr, tried))) == 72
    assert [parse_config(config_to_dict(one)).config for one in tried] == tried


def test_what_a_timeframe_makes_of_an_indicator_is_not_taken_from_another() -> None:
    axes = [parse_axis("rsi.timeframe=4h,12h"), parse_axis("timeframe=1h,4h")]
    tried = configs(config(), axes)
    assert [parse_config(config_to_dict(one)).config for one in tried] == tried
    assert [one.indicators[0].timeframe for one in tried] == ["4h", None, "12h", "12h"]
    axes = [parse_axis("rsi.timeframe=4h,12h"), parse_axis("timeframe=1h,8h")]
    with pytest.raises(SweepError, match=r"with rsi.timeframe=4h, timeframe=8h"):
        configs(config(), axes)


def test_what_the_rest_refers_to_has_to_be_there() -> None:
    both = [{"name": "rsi"}, {"name": "ema", "params": {"period": 9}}]
    base: dict[str, Any] = config_to_dict(
        config(indicators=both, stop_loss_pct=None, stop={"level": "ema"})
    )
    alone = [one for one in base["indicators"] if one["key"] == "rsi"]
    with pytest.raises(ConfigError, match="ema"):
        VariedConfigs(base).config(base | {"indicators": alone})


def test_parts_that_only_together_are_no_strategy_are_refused() -> None:
    rule = {"indicator": "rsi", "operator": "lt", "value": 40}
    sides = [{**rule, "direction": "long"}, {**rule, "value": 30, "direction": "short"}]
    base = config(direction="both", entry_conditions=sides)
    axes = [parse_axis("rsi.period=5,6"), parse_axis("entry_conditions[1].value=20,40")]
    with pytest.raises(SweepError, match=r"with rsi.period=5, entry_conditions\[1\].value=40"):
        configs(base, axes)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("ema.period=1:2", "no indicator 'ema'; it has rsi"),
        ("entry_conditions[3].value=1:2", "has 1 entry_conditions, counted from 0"),
        ("stop.atr.multiplier=1:2", "no indicator 'stop'; it has rsi"),
        ("rsi.lenght=5:6", "with rsi.lenght=5 the strategy is not valid"),
        ("stop_los_pct=1:2", "with stop_los_pct=1 the strategy is not valid"),
        ("stop_loss_pct=50:150:50", "with stop_loss_pct=100 the strategy is not valid"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(path: str, says: str) -> None:
    with pytest.raises(SweepError, match=says):
        configs(config(), [parse_axis(path)])


# ── What comes out ──


@settings(max_examples=8)
@given(
    seed=st.integers(0, 1000),
    workers=st.integers(1, 4),
    periods=st.lists(st.integers(3, 30), min_size=1, max_size=3, unique=True),
    split=st.none() | st.floats(30, 80),
    warmup=st.none() | st.integers(0, 200),
)
def test_every_result_is_that_of_a_single_run(
    seed: int, workers: int, periods: list[int], split: float | None, warmup: int | None
) -> None:
    history = candles(seed)
    start = None if warmup is None else int(history["BTC/USDT"].time[warmup])
    axes = [Axis("rsi.period", tuple(periods)), Axis("entry_conditions[0].value", (30, 45))]
    sweep = run_sweep(config(), axes, history, workers=workers, split=split, decide_from=start)
    tried: dict[tuple[float | int | str, ...], StrategyConfig] = dict(
        zip(
            [(period, value) for period in periods for value in (30, 45)],
            configs(config(), axes),
            strict=True,
        )
    )
    assert len(sweep.rows) == len(tried)
    for row in sweep.rows:
        one = tried[row.values]
        if sweep.split_time is None:
            assert row.metrics == run_backtest(one, history, decide_from=start).metrics
            assert row.rest is None
        else:
            cut = int(np.searchsorted(history["BTC/USDT"].time, sweep.split_time))
            first = {"BTC/USDT": history["BTC/USDT"].slice(0, cut)}
            assert row.metrics == run_backtest(one, first, decide_from=start).metrics
            rest = run_backtest(one, history, decide_from=sweep.split_time)
            assert row.rest == rest.metrics
    ranked = history if sweep.split_time is None else first
    best = run_backtest(tried[sweep.rows[0].values], ranked, decide_from=start)
    assert sweep.best.result.times.tolist() == best.times.tolist()
    assert sweep.best.result.equity.tolist() == best.equity.tolist()


def test_candles_that_only_warm_up_are_neither_traded_nor_split() -> None:
    history = candles()
    time = history["BTC/USDT"].time
    axes = [parse_axis("rsi.period=7,14")]
    sweep = run_sweep(config(), axes, history, split=50, decide_from=int(time[400]))
    assert sweep.best.result.times[0] == time[400]
    half = (int(time[400]) + int(time[-1])) // 2
    assert sweep.split_time == time[time.searchsorted(half)]
    with pytest.raises(SweepError, match="no candles for BTC/USDT in the period"):
        run_sweep(config(), axes, history, split=50, decide_from=int(time[-1]) + 1)


def test_rows_come_best_first_and_the_undefined_last() -> None:
    axes = [parse_axis("entry_conditions[0].value=1,30,40,45")]
    rows = run_sweep(config(), axes, candles(), sort="total_return_pct").rows
    returns = [row.metrics.total_return_pct for row in rows[:-1]]
    assert returns == sorted(returns, key=lambda value: -(value or 0.0))
    by_win_rate = run_sweep(config(), axes, candles(), sort="win_rate_pct").rows
    assert by_win_rate[-1].values == (1,)
    assert by_win_rate[-1].metrics.win_rate_pct is None
    drawdowns = [
        row.metrics.max_drawdown_pct or 0.0
        for row in run_sweep(config(), axes, candles(), sort="max_drawdown_pct").rows[:-1]
    ]
    assert drawdowns == sorted(drawdowns)


@pytest.mark.parametrize("sort", ["total_return_pct", "max_drawdown_pct", "exposure_pct"])
def test_a_setting_that_never_traded_is_the_best_by_nothing(sort: str) -> None:
    """Its return of 0 and drawdown of 0 are no figures of a strategy, where all others lost."""
    entry = "entry_conditions[0].value"
    fees = config(fees=0.01)
    found = run_sweep(fees, [parse_axis(f"{entry}=1,30,40,45")], candles(), sort=sort)
    assert all((row.metrics.total_return_pct or 0.0) < 0 for row in found.rows[:-1])
    assert (found.rows[-1].values, found.idle) == ((1,), 1)
    assert found.best.values != (1,)
    for metric in ("total_return_pct", "max_drawdown_pct", "total_trades"):
        again = ranked(found, metric)
        assert again.rows[-1].values == (1,)
        best = best_row(again)
        assert best is not None
        assert best.values != (1,)
    shown = sweep_map(found)
    assert ("", 1) not in shown.shares("total_return_pct")
    assert sweep_to_json(found)["never_traded"] == 1
    last = "1 of them never traded: no figure of it is known, and it comes last."
    assert last in luck(found)
    idle = run_sweep(fees, [parse_axis(f"{entry}=1,2")], candles(), sort=sort)
    assert (best_row(idle), doubt(idle)) == (None, "No setting traded: none of them is the best.")
    assert not any("never traded" in told for told in luck(idle)), "it is said once"


def test_luck_names_the_number_it_counts_and_the_metric_that_ranks() -> None:
    axes = [parse_axis("entry_conditions[0].value=30:44:2")]
    found = run_sweep(config(), axes, candles())
    ratios = [row.metrics.sharpe_ratio for row in found.rows]
    expected = expected_best_sharpe([ratio for ratio in ratios if ratio is not None])
    ours, likely, tries = luck(found)
    assert ours.startswith(f"Sharpe of the best {ratios[0]:.2f}; ")
    assert ours.endswith(
        f"; luck alone brings about {expected:.2f}, if all 8 count as independent and all their "
        "spread as luck (bad settings widen it)."
    )
    assert "deflated Sharpe" in likely
    assert tries == (
        "8 settings tried; trading alike, they count as "
        f"{found.effective_tries:.1f} independent tries."
    )
    assert len(ours) <= 2 * 72, "two lines on 80 columns"
    assert all(len(line) <= 76 for line in (likely, tries)), "a line each"
    assert next(luck(ranked(found, "total_return_pct"))).startswith("Sharpe of the best by Return ")
    by_trades = ranked(found, "total_trades")
    assert next(luck(by_trades)).startswith("Sharpe of the first by Trades "), "and not the best"
    few = replace(found.rows[0].metrics, total_trades=29)
    doubted = doubt(replace(by_trades, rows=(replace(found.rows[0], metrics=few),)))
    assert doubted is not None
    assert doubted.startswith("The first by Trades has fewer than 30 trades")
    nearly = replace(found.rows[0].metrics, sharpe_ratio=-0.001)
    level = replace(found, rows=(replace(found.rows[0], metrics=nearly), *found.rows[1:]))
    assert next(luck(level)).startswith("Sharpe of the best 0.00;")
    assert figure_text("sharpe_ratio", metrics_to_json(nearly)) == "0.00", "as on the screen"


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts threads as Linux does")
def test_no_thread_waits_for_a_product_of_matrices() -> None:
    code = (
        "import os, core.backtest.sweep, numpy\n"
        "numpy.ones((500, 500)) @ numpy.ones((500, 500))\n"
        "print(len(os.listdir('/proc/self/task')))"
    )
    env = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True)
    assert done.stdout.split() == [b"1"]


def test_progress_counts_every_combination() -> None:
    told: list[tuple[int, int]] = []
    run_sweep(
        config(),
        [parse_axis("rsi.period=7:12")],
        candles(),
        workers=2,
        on_progress=lambda now: told.append((now.done, now.total)),
    )
    assert told == [(done, 6) for done in range(1, 7)]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_cancelled_sweep_keeps_what_is_finished_and_says_that_it_is_not_all(workers: int) -> None:
    axes = [parse_axis("rsi.period=7:46")]
    cancel = threading.Event()
    part = run_sweep(
        config(),
        axes,
        candles(),
        workers=workers,
        on_progress=lambda _: cancel.set(),
        cancel=cancel,
    )
    assert 1 <= len(part.rows) < 40
    assert (part.total, part.complete) == (40, False)
    whole = {row.values: row for row in run_sweep(config(), axes, candles()).rows}
    assert all(whole[row.values] == row for row in part.rows)
    assert sweep_to_json(part)["complete"] is False


def test_a_sweep_cancelled_before_anything_is_finished_says_so() -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(WorkCancelledError, match="before the first setting"):
        run_sweep(config(), [parse_axis("rsi.period=7:8")], candles(), cancel=cancel)


def test_a_thread_of_a_program_with_others_shares_it_among_new_processes() -> None:
    axes = [parse_axis("rsi.period=7:12")]
    with ThreadPoolExecutor(1) as thread:
        found = thread.submit(run_sweep, config(), axes, candles(), workers=2).result()
    assert found.rows == run_sweep(config(), axes, candles()).rows


def test_progress_tells_the_rate_and_what_is_left_of_this_run() -> None:
    told: list[Progress] = []
    now = iter([100.0, 101.0, 102.0, 104.0])
    meter = Meter(told.append, 40, 30.0, clock=lambda: next(now))
    meter.done(before=True, effort=0.5)
    meter.done(effort=1.0)
    meter.done(effort=0.5, part="folds")
    assert told == [
        Progress(1, 40, 1.0, None, None, taken_up=1),
        Progress(2, 40, 2.0, 0.5, 57.0, taken_up=1),
        Progress(3, 40, 4.0, 0.5, 28 * 4 / 1.5, "folds", taken_up=1),
    ]
    assert [progress_text(one) for one in told] == [
        "1 of 40",
        "2 of 40 · 0.5 a second · 57 s left",
        "3 of 40 · 0.5 a second · 1 min 15 s left · folds",
    ]


def test_an_unknown_metric_and_an_empty_part_are_refused() -> None:
    axes = [parse_axis("rsi.period=7:8")]
    for sort, told in (
        ("luck", "no metric 'luck' to sort by: one of total_return_pct, "),
        ("sharp_ratio", "did you mean sharpe_ratio?"),
        ("Sharpe", "did you mean sharpe_ratio?"),
        ("win_rate_ci", "did you mean win_rate_pct?"),
    ):
        with pytest.raises(SweepError, match=re.escape(told)):
            run_sweep(config(), axes, candles(), sort=sort)
    with pytest.raises(SweepError, match="without candles of BTC/USDT"):
        run_sweep(config(), axes, candles(), split=1e-9)
    for split in (0.0, -5.0, 100.0, math.inf, math.nan):
        with pytest.raises(SweepError, match="above 0 and below 100"):
            run_sweep(config(), axes, candles(), split=split)


# ── What luck would find ──


def test_the_best_of_many_worthless_tries_is_expected_where_simulation_puts_it() -> None:
    random = np.random.default_rng(7)
    draws = random.normal(0, 1, (4000, 100))
    expected = expected_best_sharpe(list(draws[0] / draws[0].std(ddof=1)))
    assert expected == pytest.approx(draws.max(axis=1).mean(), rel=0.02)


def test_the_deflated_sharpe_of_normal_returns_by_hand() -> None:
    random = np.random.default_rng(3)
    returns = random.normal(0.001, 0.01, 400)
    mean, spread = returns.mean(), returns.std(ddof=1)
    centred = (returns - mean) / returns.std()
    daily = mean / spread
    variance = 1 - (centred**3).mean() * daily + ((centred**4).mean() - 1) / 4 * daily**2
    z = (daily - 1.0 / math.sqrt(365)) * math.sqrt(399) / math.sqrt(variance)
    by_hand = 0.5 * (1 + math.erf(z / math.sqrt(2)))
    assert deflated_sharpe(returns, 1.0) == pytest.approx(by_hand, rel=1e-12)


def test_too_little_says_nothing() -> None:
    assert expected_best_sharpe([1.0]) is None
    assert deflated_sharpe(np.array([0.01, 0.02]), 1.0) is None
    assert deflated_sharpe(np.zeros(10), 1.0) is None


def test_neighbours_are_fewer_tries_than_they_are_settings() -> None:
    history = candles(length=3_000)
    alike = run_sweep(config(), [parse_axis("stop_loss_pct=5:6:0.1")], history)
    apart = run_sweep(config(), [parse_axis("rsi.period=3,9,30")], history)
    assert 1 <= alike.effective_tries < 2 < apart.effective_tries <= 3
    shared = run_sweep(config(), [parse_axis("rsi.period=3,9,30")], history, workers=2)
    assert shared.effective_tries == pytest.approx(apart.effective_tries, rel=1e-12)


def test_progress_is_told_in_more_than_one_step_a_worker() -> None:
    told: list[int] = []
    run_sweep(
        config(),
        [parse_axis("stop_loss_pct=1:16")],
        candles(),
        workers=2,
        on_progress=lambda now: told.append(now.done),
    )
    assert told == list(range(1, 17))


def test_a_setting_without_a_loss_is_the_warmest_and_the_others_can_be_told_apart() -> None:
    axis = parse_axis("entry_conditions[0].value=30,35,40")
    found = run_sweep(parse_config(RAW).config, [axis], candles(length=2_000))
    factors = {30: 0.5, 35: None, 40: 0.8}
    rows = tuple(
        replace(
            row,
            values=(value,),
            metrics=replace(row.metrics, profit_factor=factor, best=2.0, worst=1.0),
        )
        for row, (value, factor) in zip(found.rows, factors.items(), strict=True)
    )
    shown = sweep_map(replace(found, rows=rows))
    shares, heat = shown.shares("profit_factor"), heats(shown, "profit_factor")
    assert shares["", 30] == 0.0 < shares["", 40] < shares["", 35] == 1.0
    assert heat["", 30] < heat["", 40] < 0.0 < heat["", 35]


def test_a_best_setting_of_few_trades_is_doubted_by_the_same_words_as_a_result() -> None:
    found = run_sweep(config(), (Axis("rsi.period", (14, 15)),), candles())
    best = found.rows[0]
    few = replace(best, metrics=replace(best.metrics, total_trades=4))
    told = doubt(replace(found, rows=(few, *found.rows[1:])))
    assert (
        told == "The best by Sharpe has fewer than 30 trades (4): too few to tell luck from skill."
    )
    many = replace(best, metrics=replace(best.metrics, total_trades=30))
    assert doubt(replace(found, rows=(many,))) is None


def test_a_best_of_settings_that_all_lost_is_doubted_where_a_ratio_to_risk_ranks() -> None:
    found = run_sweep(config(), (Axis("rsi.period", (14, 15)),), candles())
    lost = replace(found.rows[0].metrics, sharpe_ratio=-0.27, total_return_pct=-12.0)
    rows = tuple(replace(row, metrics=replace(lost, total_trades=30)) for row in found.rows)
    swept = replace(found, rows=rows)
    assert doubt(swept) == (
        "Every Sharpe is below 0, where more risk ranks higher: rank by return."
    )
    assert doubt(ranked(swept, "total_return_pct")) is None


def test_a_sweep_ranked_anew_has_the_best_by_that_metric_first_and_the_same_rows() -> None:
    found = run_sweep(config(), (Axis("rsi.period", (8, 14, 20, 26)),), candles())
    again = ranked(found, "max_drawdown_pct")
    falls = [row.metrics.max_drawdown_pct or 0.0 for row in again.rows]
    assert falls == sorted(falls)
    assert sorted(row.values for row in again.rows) == sorted(row.values for row in found.rows)
    assert ranked(again, found.sort).rows[0] == found.rows[0]
