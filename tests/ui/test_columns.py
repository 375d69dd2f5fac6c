"""How wide the columns of a table are, which give way, and that no part stands for a figure."""

from __future__ import annotations

from collections.abc import Sequence

from tui.widgets.columns import GAP, Column, ColumnLayout
from tui.widgets.table_rows import Cell, Row

FIGURES = (
    Column("NAME", 12, grow=20),
    Column("ENTRY", 10, "right"),
    Column("QUANTITY", 10, "right", priority=2),
    Column("EXIT", 10, "right"),
)


def row(key: str, *texts: str) -> Row:
    return Row(key, tuple(map(Cell, texts)))


def shown(layout: ColumnLayout, width: int) -> list[str]:
    """The names of the columns there is room for in so many cells."""
    layout.place(0, width)
    assert all(one.start + one.width <= width for one in layout.places), "none beyond the edge"
    return [layout.columns[place.column].label for place in layout.places]


def words(layout: ColumnLayout, row: Row) -> list[str]:
    return [layout.written(row.cells[place.column], place).strip() for place in layout.places]


def measured(columns: Sequence[Column], *rows: Row) -> ColumnLayout:
    layout = ColumnLayout(columns)
    layout.measure(rows)
    return layout


def test_a_name_is_cut_before_a_figure_is() -> None:
    columns = (Column("NAME", 12, grow=10), Column("A", 9, "right"), Column("B", 9, "right"))
    given = row("1", "a_long_name", "12,345.67", "98,765.43")
    layout = measured(columns, given)
    shown(layout, 31)
    assert words(layout, given) == ["a_long_n…", "12,345.67", "98,765.43"]
    assert [place.start for place in layout.places[1:]] == [9 + GAP, 9 + GAP + 9 + GAP]


def test_a_figure_is_whole_or_rounded_or_its_column_is_not_there() -> None:
    """Two prices that were cut alike looked like the same price, beside empty columns."""
    small = row("1", "a name", "0.000001271", "7,071,305,123", "0.000001278")
    large = row("2", "a name", "1,618,685.27", "12", "1,618,702.91")
    layout = measured(FIGURES, small, large)

    shown(layout, 97)
    assert words(layout, small)[1:] == ["0.000001271", "7,071,305,123", "0.000001278"]
    assert words(layout, large)[1:] == ["1,618,685.27", "12", "1,618,702.91"]
    assert shown(layout, 49) == ["NAME", "ENTRY", "EXIT"], "no room for the longest of a third"
    assert words(layout, small)[1:] == ["0.000001271", "0.000001278"]
    shown(layout, 32)
    assert words(layout, large)[1:] == ["1,618,685.3", "1,618,702.9"], "rounded, still two prices"
    assert shown(layout, 31) == ["NAME", "ENTRY", "EXIT"], "a column that always stays does"
    assert words(layout, large)[1:] == ["1,618,685", "1,618,702.9"]
    assert words(layout, small)[1:] == ["…", "0.000001278"], "no part of a figure stands for it"
    assert shown(layout, 25) == ["NAME", "ENTRY"]
    shown(layout, 9)
    assert not any(
        "0.0" in word or "1,6" in word for one in (small, large) for word in words(layout, one)
    )


def test_a_column_keeps_its_width_while_its_rows_stay() -> None:
    """Columns that follow each price would dance."""
    long = [row("1", "", "9,999,999.99", "1", "1"), row("2", "", "1", "1", "1")]
    short = [row("1", "", "1", "1", "1"), long[1]]
    layout = measured(FIGURES, *long)
    assert not layout.measure(short, long), "the row with the long figure is still there"
    assert layout.measure([row("3", "", "1", "1", "1")], short), "these are others"


def test_a_time_is_not_cut() -> None:
    """A time that the clocks show twice says which it is."""
    given = row("1", "25 Oct 02:30 CEST", "a name")
    layout = measured((Column("AT", 12), Column("NAME", 12, grow=10)), given)
    shown(layout, 57)
    assert words(layout, given) == ["25 Oct 02:30 CEST", "a name"]


def test_a_column_for_wide_lines_or_with_nothing_in_it_takes_no_room() -> None:
    columns = (Column("NAME", 8), Column("TAGS", 8, optional=True), Column("WIDE", 8, wide=60))
    layout = measured(columns, row("1", "a", "", "b"))
    assert layout.leave_out([row("1", "a", "", "b")])
    assert shown(layout, 59) == ["NAME"]
    assert shown(layout, 60) == ["NAME", "WIDE"]
    assert layout.leave_out([row("1", "a", "#x", "b")])
    assert shown(layout, 60) == ["NAME", "TAGS", "WIDE"]


def test_the_first_cell_of_a_head_has_the_room_of_the_empty_ones_after_it() -> None:
    layout = ColumnLayout((Column("STATE", 6), Column("ID", 4), Column("P&L", 6, "right")))
    layout.place(0, 40)
    head = Row("h", (Cell("a long title"), Cell(""), Cell("1.00")), head=True)
    assert words(layout, head)[0] == "a lon…"
    wide = layout.places_of(head)
    assert [(place.column, place.width) for place in wide] == [(0, 6 + GAP + 4), (2, 6)]
    assert layout.written(head.cells[0], wide[0]) == "a long title"
