"""The chances told before the start are those that come true."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core.trial import State, calibrate
from core.trial.forecast import forecast, horizon_needed

BACKTEST = np.random.default_rng(1).normal(0.3, 1, 200)


def test_the_chances_are_those_of_trials() -> None:
    lines = calibrate(BACKTEST, 60)
    told = forecast(BACKTEST, lines, trades_a_day=0.5)
    trials = np.random.default_rng(2).normal(0, BACKTEST.std(), (1_000, 60))
    kept = np.mean([lines.judge(one + lines.promise).state == State.KEPT for one in trials])
    broken = np.mean([lines.judge(one).state == State.BROKEN for one in trials])
    assert told.kept == pytest.approx(kept, abs=0.05)
    assert told.broken == pytest.approx(broken, abs=0.05)
    assert (told.days, told.horizon) == (120, 60)
    assert (told.false_broken, told.false_kept) == (0.05, 0.05)


def test_a_shrunk_promise_is_kept_less_often() -> None:
    lines = calibrate(BACKTEST, 60)
    raw, shrunk = forecast(BACKTEST, lines), forecast(BACKTEST, lines, promise=0.1)
    assert shrunk.kept < raw.kept
    assert shrunk.broken == raw.broken
    assert (shrunk.promise, raw.promise) == (0.1, lines.promise)


def test_a_trial_that_answers_no_oftener_than_by_mistake_cannot_answer() -> None:
    told = forecast(BACKTEST, calibrate(BACKTEST, 60))
    assert told.no_answer is None
    assert replace(told, kept=0.05).no_answer is None, "one answer is enough"
    hardly = replace(told, kept=0.05, broken=0.02)
    assert hardly.no_answer == "this trial can hardly answer: kept in 5%, broken in 2% of cases"
    never = replace(told, kept=0.004, broken=0.0)
    assert never.no_answer == "this trial cannot answer: kept in <1%, broken in <1% of cases"


def test_the_horizon_found_gives_both_chances_and_a_shorter_one_does_not() -> None:
    needed = horizon_needed(BACKTEST, trades_a_day=2.0)
    assert needed.trades is not None
    assert needed.days == needed.trades / 2
    assert needed.reason is None
    long = forecast(BACKTEST, calibrate(BACKTEST, needed.trades))
    short = forecast(BACKTEST, calibrate(BACKTEST, needed.trades // 2))
    assert min(long.kept, long.broken) == pytest.approx(0.8, abs=0.06)
    assert min(short.kept, short.broken) < 0.7


def test_more_chance_needs_more_trades() -> None:
    likely, less = (horizon_needed(BACKTEST, chance=chance).trades for chance in (0.8, 0.5))
    assert likely is not None
    assert less is not None
    assert less < likely


def test_what_is_out_of_reach_is_said_with_a_reason() -> None:
    weak = np.random.default_rng(3).normal(0, 1, 40)
    weak += 0.1 - weak.mean()
    needed = horizon_needed(weak, longest=300, trades_a_day=1.0)
    assert (needed.trades, needed.days) == (None, None)
    assert needed.reason is not None
    assert "not within 300 days (300 trades)" in needed.reason


def test_a_backtest_that_lost_promises_nothing() -> None:
    needed = horizon_needed(BACKTEST - 1)
    assert needed.trades is None
    assert "no edge to keep" in str(needed.reason)
    assert forecast(BACKTEST - 1, calibrate(BACKTEST - 1, 60)).kept < 0.01


@pytest.mark.parametrize(
    "arguments", [{"chance": 1.0}, {"longest": 2}, {"trades_a_day": 0.0}, {"kept": 0.0}]
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(arguments)).replace("_", " ")):
        horizon_needed(BACKTEST, **arguments)
