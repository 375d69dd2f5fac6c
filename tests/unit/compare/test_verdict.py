"""Verdicts come from tests and intervals, never from two numbers side by side."""

from __future__ import annotations

import numpy as np
import pytest

from core.compare.causes import Evidence
from core.compare.divergence import find_divergence
from core.compare.verdict import (
    Judgement,
    Needed,
    Sample,
    judge_different_periods,
    judge_same_period,
    ready_at,
)
from core.market.candles.timeframes import DAY, Timeframe
from core.trading.values import Trade
from tests.unit.report.making import trade


def sample(pnl: np.ndarray) -> Sample:
    return Sample(len(pnl), int(np.count_nonzero(pnl > 0)), pnl)


def returns(n: int, mean: float, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 2.0, n)


def pairs(n: int, worse_by: float = 0.0, spread: float = 0.0) -> tuple[list[Trade], list[Trade]]:
    rng = np.random.default_rng(9)
    base = [trade(float(x), candle=i * 9) for i, x in enumerate(rng.normal(1, 5, n))]
    noise = rng.normal(-worse_by, spread, n)
    return base, [
        trade(t.pnl + float(d), candle=i * 9)
        for i, (t, d) in enumerate(zip(base, noise, strict=True))
    ]


def decisions(backtest: list[Trade], paper: list[Trade]) -> list[tuple[Trade | None, Trade | None]]:
    found = find_divergence(backtest, paper, Evidence(Timeframe.H1), 10_000.0)
    return [(each.backtest, each.paper) for each in found.trades]


def test_the_documents_sample_is_too_few_trades_to_tell() -> None:
    verdict = judge_different_periods(Sample(45, 28), Sample(12, 7), seed=0)
    assert verdict.judgement is Judgement.TOO_FEW
    (rates,) = verdict.measures
    assert rates.p == 1.0
    # 28/45: 2·p·(1−p)·((1.960 + 1.282)/0.10)² = 494 to agree, 387 to find 10 points apart;
    # no number of paper trades makes up for a backtest of 45; Fleiss for 62.2 against 58.3: 2,485.
    assert verdict.needed == Needed(494, None, 2485)


def test_a_lower_point_estimate_alone_is_no_divergence() -> None:
    verdict = judge_different_periods(Sample(200, 130), Sample(10, 4), seed=0)
    assert verdict.judgement is Judgement.TOO_FEW


def test_a_significantly_lower_win_rate_is_divergent() -> None:
    verdict = judge_different_periods(Sample(200, 130), Sample(80, 24), seed=0)
    assert verdict.judgement is Judgement.DIVERGENT
    assert verdict.better is False
    assert "win rate −35.0 points" in verdict.reason


@pytest.mark.parametrize(("mean", "better"), [(-1.0, False), (2.0, True)])
def test_a_significant_mean_is_divergent_either_way(mean: float, better: bool) -> None:
    verdict = judge_different_periods(
        sample(returns(300, 0.5, 1)), sample(returns(200, mean, 2)), seed=0
    )
    assert verdict.judgement is Judgement.DIVERGENT
    assert verdict.better is better


def test_many_trades_of_the_same_kind_are_consistent() -> None:
    verdict = judge_different_periods(
        sample(returns(5000, 0.5, 1)), sample(returns(5000, 0.5, 2)), seed=0
    )
    assert verdict.judgement is Judgement.CONSISTENT
    assert verdict.needed is None


def test_few_trades_get_no_bootstrap() -> None:
    verdict = judge_different_periods(
        sample(returns(300, 5.0, 1)), sample(returns(7, -5.0, 2)), seed=0
    )
    assert [measure.name for measure in verdict.measures] == ["win rate"]


def test_the_profit_factor_is_told_from_twenty_trades_on_and_never_judges() -> None:
    def names(n: int) -> list[str]:
        first, second = sample(returns(300, 0.5, 1)), sample(returns(n, 0.5, 2))
        return [m.name for m in judge_different_periods(first, second, seed=0).measures]

    assert names(19) == ["win rate", "mean P&L"]
    assert names(20) == ["win rate", "mean P&L", "profit factor"]


def test_a_column_without_trades_cannot_be_judged() -> None:
    verdict = judge_different_periods(Sample(45, 28), Sample(0, 0), seed=0)
    assert verdict.judgement is Judgement.TOO_FEW
    assert verdict.needed is None


def test_false_alarms_are_about_as_rare_as_promised() -> None:
    rng = np.random.default_rng(3)
    alarms = 0
    for seed in range(200):
        one = judge_different_periods(
            sample(rng.normal(0.3, 2, 80)), sample(rng.normal(0.3, 2, 40)), seed=seed
        )
        alarms += one.judgement is Judgement.DIVERGENT
    assert alarms / 200 < 0.12  # two tests at 5 %, one of them a small bootstrap


def test_the_number_of_trades_asked_for_does_tell() -> None:
    needed = judge_different_periods(
        sample(returns(100, 0.8, 1)), sample(returns(30, 0.8, 2)), seed=0
    ).needed
    assert needed is not None
    told = 0
    for seed in range(60):
        one = judge_different_periods(
            sample(returns(needed.each, 0.8, 100 + seed)),
            sample(returns(needed.each, 0.8, 900 + seed)),
            seed=seed,
        )
        told += one.judgement is not Judgement.TOO_FEW
    assert told / 60 > 0.65


def test_the_same_seed_gives_the_same_verdict() -> None:
    first, second = sample(returns(60, 0.5, 1)), sample(returns(60, 0.3, 2))
    one, again, other = (judge_different_periods(first, second, seed=s) for s in (1, 1, 2))
    assert one == again
    assert one.measures[1].difference != other.measures[1].difference


def test_identical_trades_are_consistent_however_few() -> None:
    backtest, paper = pairs(2)
    verdict = judge_same_period(decisions(backtest, paper), seed=0)
    assert verdict.judgement is Judgement.CONSISTENT
    assert verdict.reason == "the 2 trades are the same in both"


def test_pairs_show_a_small_loss_that_columns_could_not() -> None:
    backtest, paper = pairs(40, worse_by=0.3, spread=0.2)
    verdict = judge_same_period(decisions(backtest, paper), seed=0)
    assert verdict.judgement is Judgement.DIVERGENT
    assert verdict.better is False
    apart = judge_different_periods(
        sample(np.array([t.pnl_pct for t in backtest])),
        sample(np.array([t.pnl_pct for t in paper])),
        seed=0,
    )
    assert apart.judgement is Judgement.TOO_FEW


def test_unbiased_small_differences_are_consistent() -> None:
    backtest, paper = pairs(150, spread=0.05)
    verdict = judge_same_period(decisions(backtest, paper), seed=0)
    assert verdict.judgement is Judgement.CONSISTENT


def test_missed_trades_count_although_every_pair_agrees() -> None:
    backtest = [trade(3.0 if i % 2 else -1.0, candle=i * 9) for i in range(60)]
    paper = [one for one in backtest if one.pnl < 0]
    verdict = judge_same_period(decisions(backtest, paper), seed=0)
    assert verdict.judgement is Judgement.DIVERGENT
    assert verdict.better is False


def test_a_few_pairs_that_differ_cannot_be_judged() -> None:
    backtest, paper = pairs(4, worse_by=1.0)
    verdict = judge_same_period(decisions(backtest, paper), seed=0)
    assert verdict.judgement is Judgement.TOO_FEW
    assert verdict.needed is not None
    assert judge_same_period([], seed=0).judgement is Judgement.TOO_FEW


def test_when_there_will_be_enough_trades() -> None:
    assert ready_at(Needed(494, 300, None), 100, 10.0, 0) == 20 * DAY
    assert ready_at(Needed(494, None, None), 94, 10.0, 0) == 40 * DAY
    assert ready_at(Needed(494, None, None), 500, 10.0, 7) == 7
    assert ready_at(Needed(494, None, None), 1, 0.0, 0) is None
    assert ready_at(Needed(10**9, None, None), 1, 1.0, 0) is None
