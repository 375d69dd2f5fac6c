"""Groups of conditions, and conditions that must last: what they come to, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.market.candles.candles import Candles
from core.strategy.config.canonical import config_digest, config_to_dict
from core.strategy.config.config import StrategyConfig
from core.strategy.config.parsing import parse_config
from core.strategy.signals.reading import Counted, Reading
from core.strategy.signals.source import ENTER_LONG, ENTER_SHORT, EXIT_LONG
from core.strategy.signals.sources import (
    condition_series,
    signal_series,
    signal_source,
    warmup_candles,
)
from tests.unit.strategy.making import (
    MINUTE,
    candles_of,
    condition,
    config,
    markets,
    problems,
    warnings,
    written,
)

ABOVE_5 = condition("close", "gt", 5)
BELOW_3 = condition("close", "lt", 3)
RISING = condition("close", "gt", "open")


def on_close(entries: list[Any], exits: list[Any] = [], **changes: Any) -> StrategyConfig:  # noqa: B006
    wanted = {"entry_conditions": entries, "exit_conditions": exits, "max_hold": 9}
    return config(**{"timeframe": "5m", "indicators": [], **wanted, **changes})


def enters(entry: dict[str, Any], closes: list[float]) -> list[int]:
    """The candles on which one entry holds, by batch and by stream."""
    strategy, candles = on_close([entry]), candles_of(closes)
    flags = signal_series(strategy, candles).flags.tolist()
    stream = signal_source(strategy).stream()
    assert [stream.update(candle) for candle in candles] == flags
    return [at for at, flag in enumerate(flags) if flag & ENTER_LONG]


@pytest.mark.parametrize(
    ("entry", "candles"),
    [
        ({"any": [ABOVE_5, BELOW_3]}, [0, 2, 4, 5]),
        ({"all": [ABOVE_5, RISING]}, [2, 4, 5]),
        ({"not": ABOVE_5}, [0, 1, 3]),
        ({"not": {"any": [ABOVE_5, BELOW_3]}}, [1, 3]),
        (
            {"any": [{"all": [ABOVE_5, RISING]}, {"not": {"any": [RISING, ABOVE_5]}}]},
            [0, 2, 3, 4, 5],
        ),
        ({**ABOVE_5, "for": 2}, [5]),
        ({**ABOVE_5, "for": 1}, [2, 4, 5]),
        ({**BELOW_3, "within": 3}, [0, 1, 2]),
        ({"any": [ABOVE_5, BELOW_3], "for": 2}, [5]),
        ({"not": {**ABOVE_5, "within": 2}}, [0, 1]),
        ({"all": [{**ABOVE_5, "within": 3}, {"not": ABOVE_5}]}, [3]),
    ],
)
def test_what_a_rule_comes_to(entry: dict[str, Any], candles: list[int]) -> None:
    assert enters(entry, [1, 4, 6, 4, 5.5, 7]) == candles


def test_a_gap_does_not_end_a_row_of_candles() -> None:
    candles = candles_of([6, 6, 6])
    candles.time[2] += 90 * MINUTE
    series = signal_series(on_close([{**ABOVE_5, "for": 3}]), candles)
    assert series.flags.tolist() == [0, 0, ENTER_LONG]


def test_exits_take_groups_too_and_any_of_the_list_suffices() -> None:
    strategy = on_close([ABOVE_5], [{"all": [BELOW_3, RISING]}, condition("close", "eq", 4)])
    flags = signal_series(strategy, candles_of([2, 1, 2, 4, 5])).flags.tolist()
    assert [flag & EXIT_LONG != 0 for flag in flags] == [False, False, True, True, False]


def test_a_group_may_be_limited_to_one_side() -> None:
    strategy = on_close(
        [{"any": [ABOVE_5, BELOW_3], "direction": "long"}, condition("close", "eq", 4, "short")],
        direction="both",
    )
    flags = signal_series(strategy, candles_of([2, 4, 6])).flags.tolist()
    assert flags == [ENTER_LONG, ENTER_SHORT, ENTER_LONG]


def test_unknown_is_false_so_that_not_of_it_is_true() -> None:
    assert enters({"not": condition("close / volume", "gt", 0)}, [1, 2]) == []
    strategy = on_close([{"not": condition("close / volume", "gt", 0)}])
    assert signal_series(strategy, candles_of([1, 2], volume=[0, 1])).flags.tolist() == [1, 0]


GROUP = {"any": [ABOVE_5, {"not": {**BELOW_3, "for": 3}}], "within": 4}


def test_a_config_with_groups_is_written_as_it_was_read() -> None:
    strategy = on_close([GROUP], [{"all": [ABOVE_5, RISING]}])
    stored = json.loads(json.dumps(config_to_dict(strategy)))
    assert stored["entry_conditions"][0]["any"][1]["not"]["for"] == 3
    assert parse_config(stored).config == strategy
    same = on_close([{**GROUP, "within": 4.0}], [{"all": [ABOVE_5, RISING]}])
    assert config_digest(strategy) == config_digest(same)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"any": []}, "entry_conditions[0].any: found an empty list, expected a list of at least"),
        ({"any": ABOVE_5}, "entry_conditions[0].any: found a mapping, expected a list of cond"),
        ({"not": [ABOVE_5]}, "entry_conditions[0].not: found a list, expected a condition like"),
        (
            {"any": [ABOVE_5], "all": [BELOW_3]},
            "entry_conditions[0].all: found an unknown key, expected only any, for, within, dir",
        ),
        (
            {"any": [condition("clos", "lt", 2)]},
            "entry_conditions[0].any[0].indicator: found 'clos'",
        ),
        ({"any": [condition("close", "lt", "opn + 1")]}, "any[0].value, column 1: found 'opn'"),
        (
            {"any": [{**ABOVE_5, "direction": "long"}]},
            "any[0].direction: found 'long', expected no direction here",
        ),
        ({**ABOVE_5, "for": 0}, "entry_conditions[0].for: found 0, expected a whole number from 1"),
        ({**ABOVE_5, "within": 20_000}, "within: found 20000, expected a whole number from 1 to"),
        (
            {**ABOVE_5, "for": 2, "within": 3},
            'entry_conditions[0]: found "for" and "within", expected "for" (on each',
        ),
        ({"or": [ABOVE_5]}, "entry_conditions[0].or: found an unknown key"),
    ],
)
def test_problems_of_groups(entry: dict[str, Any], problem: str) -> None:
    direction = "both" if "direction" in str(entry) else "long"
    found = problems(entry_conditions=[entry], direction=direction)
    assert any(problem in one for one in found), found


def test_groups_go_eight_deep() -> None:
    entry: dict[str, Any] = ABOVE_5
    for _ in range(8):
        entry = {"not": entry}
    assert enters(entry, [1, 6]) == [1]
    (found,) = problems(entry_conditions=[{"not": entry}])
    assert "found a deeper group, expected at most 8 groups in each other" in found


def test_the_warm_up_holds_what_a_rule_looks_back_at() -> None:
    lasting = {"all": [{**ABOVE_5, "for": 101}, RISING], "within": 201}
    assert warmup_candles(on_close([lasting])) == 300
    with_ema = on_close([lasting, condition("ema", "gt", 1)], indicators=[{"ema": 50}])
    assert warmup_candles(with_ema) == 800


def test_readings_show_every_part_with_what_it_lacks() -> None:
    entry = {"any": [{**ABOVE_5, "for": 3}, condition("close * 2", "lt", "open - 1")]}
    source = signal_source(on_close([entry], [{**BELOW_3, "within": 2}]))
    candles = candles_of([2, 6, 7])
    stream, known = source.stream(), source.stream(candles)
    assert known.readings() == stream.readings()
    for candle in candles:
        stream.update(candle)
        known.update(candle)
    prepare = known.preparation()
    assert prepare is not None
    prepare()
    assert known.preparation() is None
    assert (
        known.readings()
        == stream.readings()
        == (
            Reading("entry", "any of", 0, 1, 1, False, counted=Counted.MEMBERS),
            Reading("entry", "for 3 candles", 2, 3, 1, False, 1, Counted.ROW),
            Reading("entry", "close > 5", 7.0, 5.0, 0.0, True, 2),
            Reading("entry", "close * 2 < open - 1", 14.0, 5.0, 9.0, False, 1),
            Reading("entry", "close", 7.0, None, None, None, 2),
            Reading("entry", "open", 6.0, None, None, None, 2),
            Reading("exit", "within 2 candles", 2, 1, 1, False, counted=Counted.AGO),
            Reading("exit", "close < 3", 7.0, 3.0, 4.0, False, 1),
        )
    )


def test_the_diagnosis_reads_whole_rules() -> None:
    strategy = on_close([{"any": [ABOVE_5, BELOW_3]}, {**RISING, "for": 2}])
    either, lasting = condition_series(strategy, candles_of([1, 4, 6, 7]))
    assert either.values.tolist() == [1, 0, 1, 1]
    assert either.thresholds.tolist() == [1] * 4
    assert either.holds.tolist() == [True, False, True, True]
    assert lasting.values.tolist() == [0, 1, 2, 2]
    assert lasting.holds.tolist() == [False, False, True, True]
    assert list(lasting.series) == ["close", "open"]


@pytest.mark.parametrize(
    ("entries", "exits", "said"),
    [
        (
            [{"all": [ABOVE_5, BELOW_3]}],
            [],
            "entry group (close > 5 and close < 3) can never hold: close > 5 and close < 3 exclude "
            "each other",
        ),
        (
            [{"all": [ABOVE_5, RISING]}, {**BELOW_3, "for": 2}],
            [],
            "a long position can never be entered: close > 5 and close < 3 for 2 candles exclude "
            "each other",
        ),
        (
            [condition("0.5 * (hour - 23)", "gt", "min(volume, minute)")],
            [],
            "entry condition 0.5 * (hour - 23) > min(volume, minute) can never hold: 0.5 * (hour - "
            "23) is never above min(volume, minute)",
        ),
        (
            [{"any": [condition("close", "lt", 0), ABOVE_5]}],
            [],
            "entry condition close < 0 can never hold: close stays above 0",
        ),
        (
            [{**ABOVE_5, "for": 2}],
            [{"any": [condition("close", "gt", 4), BELOW_3]}],
            "a long position can never be entered: wherever close > 5 for 2 candles holds, the "
            "exit close > 4 holds too, and they cancel out",
        ),
    ],
)
def test_contradictions_within_groups_are_told(
    entries: list[Any], exits: list[Any], said: str
) -> None:
    told = warnings(entry_conditions=entries, exit_conditions=exits, indicators=[], max_hold=9)
    assert told == (said,)


def test_what_may_hold_together_is_not_warned_of() -> None:
    fine = [{"any": [ABOVE_5, BELOW_3]}, {**BELOW_3, "within": 5}, ABOVE_5]
    assert warnings(entry_conditions=fine, exit_conditions=[], indicators=[], max_hold=9) == ()
    fine = [{**BELOW_3, "within": 5}]
    leaves = [{**BELOW_3, "for": 2}, {"all": [BELOW_3, RISING]}]
    assert warnings(entry_conditions=fine, exit_conditions=leaves, indicators=[], max_hold=9) == ()


OPERATORS = ("lt", "gt", "lte", "gte", "eq", "ne", "cross_above", "cross_below")
singles = st.builds(
    condition,
    st.sampled_from(
        ["open", "high", "low", "close", "volume", "(high + low) / 2", "close / volume"]
    ),
    st.sampled_from(OPERATORS),
    st.one_of(st.sampled_from(["open", "close", "hl2", "1.001 * open"]), st.integers(0, 9)),
)


def lasting(rules: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    lasts = st.sampled_from([{}, {}, {"for": 2}, {"for": 5}, {"within": 3}, {"within": 40}])
    return st.builds(lambda rule, last: {**rule, **last}, rules, lasts)


rules = st.recursive(
    lasting(singles),
    lambda inner: lasting(
        st.one_of(
            st.lists(inner, min_size=1, max_size=3).map(lambda members: {"any": members}),
            st.lists(inner, min_size=1, max_size=3).map(lambda members: {"all": members}),
            inner.map(lambda member: {"not": member}),
        )
    ),
    max_leaves=5,
)


def plainly(rule: dict[str, Any], candles: list[dict[str, float]], at: int) -> bool:
    """Whether a rule as written holds on a candle, by the sentences of docs/rules.md alone."""
    if "for" in rule or "within" in rule:
        bare = {key: value for key, value in rule.items() if key not in ("for", "within")}
        if "for" in rule:
            first = at - rule["for"] + 1
            return first >= 0 and all(plainly(bare, candles, one) for one in range(first, at + 1))
        first = max(at - rule["within"] + 1, 0)
        return any(plainly(bare, candles, one) for one in range(first, at + 1))
    if "any" in rule:
        return any(plainly(one, candles, at) for one in rule["any"])
    if "all" in rule:
        return all(plainly(one, candles, at) for one in rule["all"])
    if "not" in rule:
        return not plainly(rule["not"], candles, at)
    left, right = value_of(rule["indicator"], candles[at]), value_of(rule["value"], candles[at])
    if left is None or right is None:
        return False
    if rule["operator"].startswith("cross"):
        if not at:
            return False
        before = value_of(rule["indicator"], candles[at - 1])
        threshold = value_of(rule["value"], candles[at - 1])
        if before is None or threshold is None:
            return False
        if rule["operator"] == "cross_above":
            return before <= threshold and left > right
        return before >= threshold and left < right
    close_by = abs(left - right) <= 1e-9 * max(abs(left), abs(right))
    return {
        "lt": left < right, "gt": left > right, "lte": left <= right, "gte": left >= right,
        "eq": close_by, "ne": not close_by,
    }[rule["operator"]]  # fmt: skip


def value_of(text: Any, candle: dict[str, float]) -> float | None:
    if isinstance(text, int):
        return float(text)
    names = {**candle, "hl2": (candle["high"] + candle["low"]) / 2}
    try:
        return float(eval(text, {"__builtins__": {}}, names))
    except ZeroDivisionError:
        return None


@settings(max_examples=150)
@given(rule=rules, candles=markets(largest=60))
def test_any_rule_is_what_the_rules_say_in_batch_and_in_stream(
    rule: dict[str, Any], candles: Candles
) -> None:
    strategy = parse_config(
        written(
            timeframe="5m",
            indicators=[],
            entry_conditions=[rule],
            exit_conditions=[],
            max_hold=1,
        )
    ).config
    columns = [candle._asdict() for candle in candles]
    plain = [plainly(rule, columns, at) for at in range(len(columns))]
    assert signal_series(strategy, candles).flags.astype(bool).tolist() == plain
    (explained,) = condition_series(strategy, candles)
    assert explained.holds.tolist() == plain
    stream, known = signal_source(strategy).stream(), signal_source(strategy).stream(candles)
    streamed = []
    for candle in candles:
        streamed.append(bool(stream.update(candle)))
        known.update(candle)
        assert known.readings() == stream.readings()
        assert stream.readings()[0].holds is streamed[-1]
    assert streamed == plain
