"""Why there was no trade: counted on a few candles whose conditions are spelt out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core.backtest.run import run_backtest
from core.report.diagnosis import SymbolConditions, diagnose
from core.strategy.config.canonical import config_to_dict
from core.strategy.config.conditions import Condition, Direction, Operator, Reference
from core.strategy.config.parsing import parse_config
from core.strategy.signals.source import (
    ENTER_LONG,
    ENTER_SHORT,
    EXIT_LONG,
    EXIT_SHORT,
    ConditionSeries,
)
from tests.unit.backtest.test_skipping import walk
from tests.unit.report.making import config

ABOVE = {"indicator": "close", "operator": "gt", "value": 0}


def seen(
    group: str, name: str, held: str, direction: Direction | None = None, values: str = ""
) -> ConditionSeries:
    """One condition, a character a candle: `x` held, `.` did not, `?` had no value."""
    numbers = [float(n) for n in values.split()] or [50.0] * len(held)
    return ConditionSeries(
        group,
        Condition(Reference(name), Operator.LT, 30.0, direction=direction),
        np.array([c == "x" for c in held]),
        np.array([c != "?" for c in held]),
        np.array(numbers),
        np.full(len(held), 30.0),
    )


def of(*series: ConditionSeries, first: int = 0) -> SymbolConditions:
    """The conditions with the signals they give: every entry of a side, any of its exits."""
    flags = np.zeros(len(series[0].holds), dtype=np.uint8)
    for side, enter, leave in (
        (Direction.LONG, ENTER_LONG, EXIT_LONG),
        (Direction.SHORT, ENTER_SHORT, EXIT_SHORT),
    ):
        for group, flag, combine in (("entry", enter, np.all), ("exit", leave, np.any)):
            held = [s.holds for s in series if s.group == group and s.condition.concerns(side)]
            if held:
                flags |= combine(held, axis=0).astype(np.uint8) * np.uint8(flag)
    return SymbolConditions(series, flags, first)


def test_drop_one_names_the_bottleneck() -> None:
    said: Any = diagnose(
        config(),
        [
            of(
                seen("entry", "a", "xxxx.x"),
                seen("entry", "b", ".....x"),
                seen("entry", "c", "xx...."),
            )
        ],
    )
    assert said["entries"] == 0
    assert [c["without"] for c in said["conditions"]] == [0, 2, 1]
    assert said["bottleneck"] == "b < 30"
    assert "without it there would be 2 entries" in str(said["summary"])


def test_hits_valid_and_nan_candles_are_counted_over_all_symbols() -> None:
    said: Any = diagnose(
        config(), [of(seen("entry", "a", "??x."), first=2), of(seen("entry", "a", "?..."), first=1)]
    )
    (condition,) = said["conditions"]
    assert (condition["hits"], condition["valid"], condition["nan"]) == (1, 5, 3)
    assert (said["candles"], said["decided"]) == (8, 5)


def test_what_held_before_the_first_decision_could_have_entered_nothing() -> None:
    warm = seen("entry", "rsi", "?xx...", values="nan 20 25 44 31.5 60")
    said: Any = diagnose(config(), [of(warm, first=3)])
    (condition,) = said["conditions"]
    assert (condition["hits"], condition["valid"], condition["nan"]) == (0, 3, 1)
    assert condition["closest"] == 31.5
    assert said["summary"] == "rsi < 30 never held on 3 candles; it came closest at 31.5"


def test_two_sides_that_are_the_same_are_called_so_and_no_entry_is_left_without_the_only_one() -> (
    None
):
    """Two averages of one length never cross, and "81831" was said to be the nearest they came."""
    levels = np.array([81_831.0, 82_000.0, 83_000.5])
    nothing, known = np.zeros(3, dtype=np.bool_), np.ones(3, dtype=np.bool_)
    cross = Condition(Reference("fast"), Operator.CROSS_ABOVE, Reference("slow"))

    def told(thresholds: Any) -> Any:
        one = ConditionSeries("entry", cross, nothing, known, levels, thresholds)
        return diagnose(config(), [of(one)])

    same, apart = told(levels), told(levels + np.array([100.0, 20.0, 9.5]))
    assert same["summary"] == (
        "fast crosses above slow never held on 3 candles; both sides of it are the same on every "
        "candle"
    )
    assert apart["summary"].endswith("; it came closest at 83,000.5 against 83,010")
    assert [one["conditions"][0]["closest"] for one in (same, apart)] == [None, 83_000.5]
    assert [one["conditions"][0]["without"] for one in (same, apart)] == [None, None]


def test_a_condition_that_never_held_says_how_close_it_came() -> None:
    said: Any = diagnose(config(), [of(seen("entry", "rsi", "?...", values="nan 44 31.5 60"))])
    assert said["summary"] == "rsi < 30 never held on 4 candles; it came closest at 31.5"


def test_conditions_that_miss_each_other_by_two_have_no_bottleneck() -> None:
    said: Any = diagnose(
        config(),
        [of(seen("entry", "a", "x.."), seen("entry", "b", ".x."), seen("entry", "c", "..x"))],
    )
    assert said["bottleneck"] is None
    assert "nor would they with any one of them dropped" in str(said["summary"])


def test_too_few_candles_for_the_indicators() -> None:
    said: Any = diagnose(config(), [of(seen("entry", "sma_200", "???"), first=3)])
    assert "too few candles" in str(said["summary"])
    assert "sma_200 < 30 never had a value" in str(said["summary"])


def test_entries_cancelled_by_an_exit_on_the_same_candle() -> None:
    said: Any = diagnose(config(), [of(seen("entry", "a", "xx."), seen("exit", "b", "xxx"))])
    assert (said["entries"], said["cancelled"]) == (2, 2)
    assert "2 cancelled" in str(said["summary"])


def test_both_sides_entering_at_once_cancel_out() -> None:
    said: Any = diagnose(
        config(direction=Direction.BOTH),
        [of(seen("entry", "a", "xx", Direction.LONG), seen("entry", "b", "x.", Direction.SHORT))],
    )
    assert (said["entries"], said["cancelled"]) == (3, 2)


def test_refused_orders_are_told_with_their_most_common_reason() -> None:
    said: Any = diagnose(config(), [of(seen("entry", "a", "x.x"))], ["too small", "too small"])
    assert said["refused"] == [{"why": "too small", "count": 2}]
    assert "2 refused (most often, 2 times: too small)" in str(said["summary"])


@pytest.mark.parametrize("first", [0, 1])
def test_only_decided_candles_could_enter(first: int) -> None:
    said: Any = diagnose(config(), [of(seen("entry", "a", "x.."), first=first)])
    assert said["entries"] == 1 - first


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (
            {"indicator": "close", "operator": "lt", "value": 0, "for": 3},
            "close < 0 for 3 candles never held on 486 candles; it came closest at 0 of 3",
        ),
        (
            {"all": [ABOVE, {"indicator": "close", "operator": "lt", "value": 0}]},
            "(close > 0 and close < 0) never held on 486 candles; it came closest at 1 of 2",
        ),
        ({"not": ABOVE}, "not (close > 0) never held on 486 candles"),
        (
            {"indicator": "close", "operator": "lt", "value": 0, "within": 3},
            "close < 0 within 3 candles never held on 486 candles",
        ),
    ],
)
def test_what_counts_is_told_of_as_how_many_of_how_many(entry: Any, told: str) -> None:
    """Three candles in a row were "closest at 2", as if the indicator had been 2."""
    raw = {**config_to_dict(config()), "entry_conditions": [entry]}
    candles = {"BTC/USDT": walk(1, 500, 0.01, 1.0)}
    result = run_backtest(parse_config(raw).config, candles)
    assert result.diagnosis is not None
    assert result.diagnosis["summary"] == told
