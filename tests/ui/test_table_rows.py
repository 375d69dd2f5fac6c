"""In which order the rows of a table stand, whoever wrote its cells."""

from __future__ import annotations

import pytest

from tui.widgets.table_rows import Cell, Order, Row

HIGHEST_FIRST = Order(0, descending=True)


def keys(order: Order, *rows: Row, opened: tuple[str, ...] = ()) -> list[str]:
    return [row.key for row in order.arranged(rows, opened)]


@pytest.mark.parametrize(
    ("texts", "ordered"),
    [
        (("9.5", "10,000", "–", "1,000"), ["9.5", "1,000", "10,000", "–"]),
        (("1d", "15m", "1h", "5m", "1w"), ["5m", "15m", "1h", "1d", "1w"]),
        (("10d 10h", "23h 10m", "1500d", "9m of 7d"), ["9m of 7d", "23h 10m", "10d 10h", "1500d"]),
        (("▲ +9.00", "▼ -10.00", "0.00"), ["▼ -10.00", "0.00", "▲ +9.00"]),
        (("b", "7", "A"), ["7", "A", "b"]),
    ],
)
def test_a_figure_sorts_as_one_whoever_wrote_the_cell(
    texts: tuple[str, ...], ordered: list[str]
) -> None:
    """A cell without an order sorted as a text: 1000 came before 9, and 1d before 5m."""
    assert keys(Order(0), *(Row(one, (Cell(one),)) for one in texts)) == ordered


def test_what_is_not_known_is_sorted_behind_all_others() -> None:
    rows = [Row(key, (Cell(key),)) for key in ("5", "–", "-3")]
    assert keys(Order(0), *rows) == ["-3", "5", "–"]
    assert keys(HIGHEST_FIRST, *rows) == ["5", "-3", "–"]
    assert keys(Order(), *rows) == ["5", "–", "-3"], "as given"


def test_a_bar_is_sorted_by_what_it_stands_for() -> None:
    shares = {"some": 0.5, "most": 1.0, "none": 0.0, "unknown": None}
    rows = [Row(key, (Cell("", order=share, share=share),)) for key, share in shares.items()]
    assert keys(Order(0), *rows) == ["none", "some", "most", "unknown"]
    assert keys(HIGHEST_FIRST, *rows) == ["most", "some", "none", "unknown"]


def test_amounts_of_different_money_are_no_rank_of_each_other() -> None:
    amounts = ((5_000.0, "JPY"), (40.0, "USDT"), (-30_000.0, "JPY"), (90.0, "USDT"))
    rows = [Row(f"{each:g}", (Cell(f"{each:,}", order=each, unit=unit),)) for each, unit in amounts]
    assert keys(Order(0), *rows) == ["-30000", "5000", "40", "90"]


def test_groups_are_sorted_by_their_heads_and_each_within_itself() -> None:
    rows = [
        Row(key, (Cell(text),), head=not key.islower())
        for key, text in (("x", "0"), ("B", "2"), ("b1", "9"), ("b2", "8"), ("A", "1"), ("a", "7"))
    ]
    assert keys(Order(0), *rows) == ["x", "A", "B"], "folded away"
    assert keys(Order(0), *rows, opened=("B",)) == ["x", "A", "B", "b2", "b1"]
    assert keys(HIGHEST_FIRST, *rows, opened=("A", "B")) == ["x", "B", "b1", "b2", "A", "a"]
    assert keys(Order(), *rows, opened=("A", "B")) == [row.key for row in rows]


def test_after_the_last_column_shown_the_order_is_the_one_given() -> None:
    order, seen = Order(), []
    for _ in range(4):
        order = order.next([0, 2])
        seen.append(order.column)
    assert seen == [0, 2, None, 0]
    assert Order(1, descending=True).next([0, 2]) == Order(0), "its column has given way"
    assert Order(2).turned() == Order(2, descending=True)
    assert Order().turned() == Order()
