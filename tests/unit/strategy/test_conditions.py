"""When each operator holds, on numbers and on arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.strategy.config.conditions import Condition, Direction, Operator, Reference
from core.strategy.signals.conditions import COMPARISONS, CROSSINGS, distance, rule_text

NAN = float("nan")
TINY = 1e-10  # relative: within what counts as equal


@pytest.mark.parametrize(
    ("left", "right", "holding"),
    [
        (1.0, 2.0, {"lt", "lte", "ne"}),
        (2.0, 1.0, {"gt", "gte", "ne"}),
        (2.0, 2.0, {"lte", "gte", "eq"}),
        (2.0, 2.0 + 2 * TINY, {"lt", "lte", "eq"}),
        (-2.0, -2.0 - 2 * TINY, {"gt", "gte", "eq"}),
        (1e-12, 1.0000000001e-12, {"lt", "lte", "eq"}),
        (1e-12, 1.00000001e-12, {"lt", "lte", "ne"}),
        (0.0, 0.0, {"lte", "gte", "eq"}),
        (0.0, 1e-300, {"lt", "lte", "ne"}),
        (NAN, 1.0, set()),
        (1.0, NAN, set()),
        (NAN, NAN, set()),
    ],
)
def test_comparisons(left: float, right: float, holding: set[str]) -> None:
    assert {one.value for one, compare in COMPARISONS.items() if compare(left, right)} == holding


@pytest.mark.parametrize(
    ("before", "threshold_before", "now", "threshold", "holding"),
    [
        (29, 30, 31, 30, {"cross_above"}),
        (30, 30, 31, 30, {"cross_above"}),  # touching counts as having been below
        (29, 30, 30, 30, set()),  # reaching does not count as having crossed
        (31, 30, 32, 30, set()),
        (31, 30, 29, 30, {"cross_below"}),
        (30, 30, 29, 30, {"cross_below"}),
        (31, 30, 30, 30, set()),
        (29, 30, 29, 28, {"cross_above"}),  # the threshold may do the crossing
        (NAN, 30, 31, 30, set()),
        (29, NAN, 31, 30, set()),
        (29, 30, NAN, 30, set()),
        (29, 30, 31, NAN, set()),
    ],
)
def test_crossings(
    before: float, threshold_before: float, now: float, threshold: float, holding: set[str]
) -> None:
    found = {
        one.value
        for one, cross in CROSSINGS.items()
        if cross(before, threshold_before, now, threshold)
    }
    assert found == holding


numbers = st.one_of(st.sampled_from([0.0, 1.0, NAN, 1.0 + 1e-10]), st.floats(-1e12, 1e12))


@given(rows=st.lists(st.tuples(numbers, numbers, numbers, numbers), max_size=20))
def test_an_operator_is_the_same_on_numbers_and_arrays(rows: list[tuple[float, ...]]) -> None:
    columns = np.array(rows, dtype=np.float64).reshape(-1, 4).T
    operators: dict[Operator, Any] = {**COMPARISONS, **CROSSINGS}
    for operator, holds in operators.items():
        width = 2 if operator in COMPARISONS else 4
        on_arrays = holds(*columns[:width]).tolist()
        assert on_arrays == [bool(holds(*row[:width])) for row in rows]


def test_every_operator_is_defined_once() -> None:
    assert set(COMPARISONS) | set(CROSSINGS) == set(Operator)
    assert not set(COMPARISONS) & set(CROSSINGS)


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (Condition(Reference("rsi"), Operator.LT, 30.0), "rsi < 30"),
        (
            Condition(Reference("macd"), Operator.CROSS_ABOVE, Reference("macd", "signal")),
            "macd crosses above macd.signal",
        ),
        (
            Condition(Reference("close"), Operator.NE, 0.1, direction=Direction.SHORT),
            "close ≠ 0.1 (short)",
        ),
    ],
)
def test_a_condition_reads_as_a_sentence(condition: Condition, text: str) -> None:
    assert rule_text(condition) == text


def test_distance() -> None:
    assert distance(42.0, 30.0, holds=False) == 12.0
    assert distance(25.0, 30.0, holds=True) == 0.0
    assert distance(NAN, 30.0, holds=False) is None
    assert distance(25.0, NAN, holds=False) is None
