"""How the lines of a table are drawn: the names of its columns, its rows, what it says without any.

The cursor, marks and folds have signs of their own: without colours, too, one sees them.
"""

from __future__ import annotations

from typing import Literal

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.strip import Strip

from tui.widgets.columns import GAP, ColumnLayout, fitted
from tui.widgets.line_view import LineView
from tui.widgets.table_rows import Order, Row
from tui.widgets.tones import Tone

GUTTER = 2  # cells before the first column: the cursor's and the mark's

Cursor = Literal["line--cursor", "line--cursor-idle"]  # idle while another widget has the keys


def heading(view: LineView, layout: ColumnLayout, order: Order) -> Strip:
    """The names of the columns, with an arrow at the one that is sorted by."""
    dim, strong = view.tone(Tone.DIM), view.tone(Tone.ACCENT)
    segments: list[Segment] = []
    gap = GUTTER
    for place in layout.places:
        column = layout.columns[place.column]
        is_sorted = place.column == order.column
        label = column.label + (("▾" if order.descending else "▴") if is_sorted else "")
        right = column.align == "right"
        # The arrow may need a cell more than the column has: it is taken from the gap.
        more = 1 if is_sorted and cell_len(label) == place.width + 1 else 0
        segments.append(Segment(" " * (gap - more if right else gap), dim))
        text = fitted(label, place.width + more, column.align)
        segments.append(Segment(text, strong if is_sorted else dim))
        gap = GAP if right else GAP - more
    segments.append(Segment(" " * gap, dim))
    return Strip(segments).adjust_cell_length(view.size.width, dim)


def row_line(
    view: LineView,
    layout: ColumnLayout,
    row: Row,
    *,
    cursor: Cursor | None,
    marked: bool,
    opened: bool,
) -> Strip:
    """A row in the places of its cells; `opened`: of a head, whether its rows are shown."""
    plain, accent = view.tone(Tone.PLAIN, cursor), view.tone(Tone.ACCENT, cursor)
    bar = " " if cursor is None else "▌" if cursor == "line--cursor" else "▏"
    segments = [Segment(bar, accent), Segment("•" if marked else " ", accent)]
    for place in layout.places_of(row):
        cell, fold = row.cells[place.column], ""
        if row.head and place.column == 0:
            fold = "▾ " if opened else "▸ "
        text = layout.written(cell, place, fold)
        segments.append(Segment(text, view.tone(cell.tone, cursor)))
        segments.append(Segment(" " * GAP, plain))
    return Strip(segments).adjust_cell_length(view.size.width, plain)


def plain_line(view: LineView, text: str = "") -> Strip:
    """A line of no row: a blank one, or of what the table says where it has none."""
    width = view.size.width
    return Strip([Segment(set_cell_size(" " * GUTTER + text, width), view.tone(Tone.DIM))], width)
