"""A live table that repaints only the cells that changed.

Rows are frozen values with a key; `set_rows` compares them with what is shown. Cursor, marks and
folds belong to keys, so they stay with their row when others come, go or change places, and while
a filter hides it. Columns give way on narrow terminals, rows never, and no figure is cut. A row may
be the head of those after it: they are folded away until Enter or Space opens it; each group is
sorted within itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip

from core.text import safe_text
from tui import formats
from tui.commands import Place, bindings
from tui.widgets.columns import GAP, Column, Longest, Placed, fitted, fitted_before, places
from tui.widgets.line_view import LineView
from tui.widgets.tones import Tone

_GUTTER = 2
_MARKS = ("▲", "▼")


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell's text (shown literally) and tone; `order` is what the column is sorted by.

    Without it a text is, and a number or length of time by what it comes to: as texts 9 comes after
    10. `unit`: the money it is in, for yen and dollars are no rank of each other.
    As wide as its column a `curve` is drawn in place of the text, and a `share` (0 to 1) as a bar,
    which begins at an axis at `zero` where there is one.
    `kept` follows the text, which is cut before it is. `decimals`: of the money a curve is of.
    """

    text: str
    tone: Tone = Tone.PLAIN
    order: float | str | None = None
    curve: tuple[float, ...] = ()
    share: float | None = None
    zero: float | None = None
    kept: str = ""
    decimals: int = 2
    unit: str = ""

    @property
    def rank(self) -> tuple[int, str, float, str]:
        """Its place among the cells of a column: figures by their money, then texts."""
        value = formats.read_figure(self.text) if self.order is None else self.order
        if value is None or isinstance(value, str):
            return 1, "", 0.0, (value or self.text).casefold()
        return 0, self.unit, value, ""

    def drawn(self, width: int) -> str:
        """What stands in so many cells."""
        if self.curve:
            return formats.spark(self.curve, width)
        if self.share is None:
            return formats.narrowed(safe_text(self.text), width)
        if self.zero is None:
            return "━" * round(self.share * width)
        axis, end = (round(part * (width - 1)) for part in (self.zero, self.share))
        first, last = sorted((axis, end))
        bar = "".join("━" if first <= at <= last else " " for at in range(width))
        return f"{bar[:axis]}│{bar[axis + 1 :]}".rstrip()

    def longest(self, width: int) -> Longest:
        """What a column of so many cells needs for it, if it is a figure."""
        text = safe_text(self.text)
        if self.curve or self.share is not None or not formats.is_figure(text):
            return Longest()
        return Longest(cell_len(text), cell_len(formats.narrowed(text, width)))

    @property
    def copied(self) -> str:
        """What is copied: numbers as others read them, of a curve the number it is sorted by."""
        if self.curve:
            if isinstance(self.order, float):
                return formats.money(self.order, self.decimals)
            return ""
        return formats.as_number(self.text) + self.kept


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its key, and a cell for every column of the table.

    A `head` heads the rows up to the next one; its first cell runs over the empty ones after it.
    """

    key: str
    cells: tuple[Cell, ...]
    head: bool = False

    def has(self, text: str) -> bool:
        """Whether a cell has that text, which is in lower case."""
        return any(text in cell.text.casefold() for cell in self.cells)


_Group = tuple[Row | None, Sequence[Row]]


def _groups(rows: Iterable[Row]) -> list[_Group]:
    """The heads, each with the rows it heads; None heads those before the first."""
    found: list[tuple[Row | None, list[Row]]] = [(None, [])]
    for row in rows:
        if row.head:
            found.append((row, []))
        else:
            found[-1][1].append(row)
    return list(found)


def _unknown(cell: Cell) -> bool:
    written = cell.text not in ("", formats.UNKNOWN) or cell.share is not None
    return not written and not isinstance(cell.order, str)


class LineTable(LineView, can_focus=True):
    """A table with a row cursor, sorting and marks, fed with whole frozen rows."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.TABLE)

    class Highlighted(Message):
        """The cursor came to rest on a row, or on none (`key` None)."""

        def __init__(self, table: LineTable, key: str | None) -> None:
            self.table = table
            self.key = key
            super().__init__()

        @property
        def control(self) -> LineTable:
            """The table."""
            return self.table

    class Chosen(Message):
        """A row was opened: Enter, or a double click."""

        def __init__(self, table: LineTable, key: str) -> None:
            self.table = table
            self.key = key
            super().__init__()

        @property
        def control(self) -> LineTable:
            """The table."""
            return self.table

    class Marked(Message):
        """Rows were marked or unmarked; not sent for rows that are gone."""

        def __init__(self, table: LineTable) -> None:
            self.table = table
            super().__init__()

        @property
        def control(self) -> LineTable:
            """The table."""
            return self.table

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        empty: str = "",
        marks: bool = False,
        header: bool = True,
        idle_cursor: bool = True,
        sorts: bool = True,
        follows: bool = False,
        bare: bool = False,
        id: str | None = None,  # noqa: A002  (Textual's own name for it)
    ) -> None:
        """`sorts`: whether the rows may be sorted; not where their order says something.

        `follows`: whether a cursor on the first row stays there when rows come before it, so that
        the newest stays in sight. Not where a key may end or remove what is under the cursor.
        `bare`: without rows it says so alone, without the names of its columns.
        """
        super().__init__(id=id)
        self.columns = tuple(columns)
        self.empty = empty
        self._marks_allowed = marks
        self._has_header = header
        self._bare = bare
        self._idle_cursor = idle_cursor
        self.sorts = sorts and header
        self._follows = follows
        self._rows: list[Row] = []
        self._given: tuple[Row, ...] = ()
        self._hidden: set[str] = set()  # marked ones that a filter leaves out
        self._places: tuple[Placed, ...] = ()
        self._strips: dict[str, Strip] = {}
        self._cursor = 0
        self._cursor_key: str | None = None
        self._marked: set[str] = set()
        self._opened: set[str] = set()
        self._left_out: frozenset[int] = frozenset()
        self._longest: dict[int, Longest] = {}
        self._marked_off: dict[int, int] = {}  # cells of the widest gain or loss, by column
        self._sort: int | None = None
        self._descending = False

    # ── rows ──

    @property
    def _header(self) -> int:
        """How many lines the names of the columns take."""
        return int(self._has_header and bool(self._rows or not self._bare))

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows in the order shown."""
        return tuple(self._rows)

    @property
    def cursor_key(self) -> str | None:
        """The key of the row under the cursor."""
        return self._cursor_key

    @property
    def marked(self) -> tuple[str, ...]:
        """The keys of the marked rows that are seen, in the order shown.

        Commands are for these: what is folded away or left out by a filter stays marked, and is
        meant again once it is seen.
        """
        return tuple(row.key for row in self._marked_rows())

    @property
    def marks_told(self) -> str:
        """How many rows are marked, and how many of these are folded away or left out by a filter.

        Empty where none is marked.
        """
        if not self._marked:
            return ""
        hidden = len(self._marked) - len(self.marked)
        return f"{len(self._marked)} marked" + (f", {hidden} hidden" if hidden else "")

    def set_rows(self, rows: Iterable[Row], hidden: Iterable[str] = ()) -> None:
        """Show these rows, repainting only the lines that differ from what is shown.

        `hidden`: keys of rows that a filter leaves out, which stay marked if they are.
        """
        earlier, self._given = self._given, tuple(rows)
        self._hidden = self._marked.intersection(hidden)
        if self._measure_figures(earlier):
            self._fit()
        self._arrange()

    def _measure_figures(self, earlier: Iterable[Row] = ()) -> bool:
        """Measure the figures that were not there earlier; say whether columns need other widths.

        While some of the rows stay no column gets narrower: it would move with each price.
        """
        before, known = self._longest, {row.key: row for row in earlier}
        stays = any(row.key in known for row in self._given)
        longest = dict(before) if stays else {}
        for row in self._given:
            if known.get(row.key) == row:
                continue
            for number, (column, cell) in enumerate(zip(self.columns, row.cells, strict=False)):
                if column.is_name or (row.head and number == 0):
                    continue
                found, most = cell.longest(column.width), longest.get(number, Longest())
                if found.least > max(column.width, most.least) or found.whole > max(
                    column.width, most.whole
                ):
                    longest[number] = Longest(
                        max(found.whole, most.whole), max(found.least, most.least)
                    )
        self._longest = longest
        return longest != before

    def _marked_rows(self) -> list[Row]:
        return [row for row in self._rows if row.key in self._marked]

    @property
    def headed(self) -> tuple[str, ...]:
        """The keys of the rows whose head the cursor is on, folded or not; none elsewhere."""
        for head, rows in _groups(self._given):
            if head is not None and head.key == self._cursor_key:
                return tuple(row.key for row in rows)
        return ()

    def open_heads(self, heads: Iterable[str]) -> None:
        """Show the rows of these heads, and fold those of all others away."""
        before, self._opened = self._opened, set(heads)
        self._forget(before ^ self._opened)
        self._arrange()

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Have other columns from now on, and no row yet."""
        self.columns = tuple(columns)
        self._marked_off.clear()
        self._sort, self._descending = None, False
        self.set_rows(())
        self._fit()

    def take_columns(self, columns: Sequence[Column]) -> None:
        """Have these columns. Rows, order and cursor stay where the labels are the same."""
        if [one.label for one in columns] != [one.label for one in self.columns]:
            self.set_columns(columns)
        elif tuple(columns) != self.columns:
            self.columns = tuple(columns)
            self._measure_figures()
            self._fit()

    def clear_marks(self) -> None:
        """Unmark every row."""
        gone, self._marked = self._marked, set()
        self._hidden = set()
        self._forget(gone)
        if gone:
            self.post_message(self.Marked(self))

    def set_empty(self, text: str) -> None:
        """Change what an empty table says."""
        if text != self.empty:
            self.empty = text
            if not self._rows:
                self._measure()
                self.refresh()

    def move_to(self, key: str) -> None:
        """Put the cursor on the row of that key, if there is one; a folded one is unfolded."""
        for head, rows in _groups(self._given):
            if head is not None and key in [row.key for row in rows]:
                self.open_heads(self._opened | {head.key})
        for index, row in enumerate(self._rows):
            if row.key == key:
                self._move(index)
                return

    def _arrange(self) -> None:
        before, was_empty = self._rows, not self._rows
        self._rows = self._in_order()
        unchanged = {row.key: row for row in before}
        self._strips = {
            row.key: self._strips[row.key]
            for row in self._rows
            if row.key in self._strips and unchanged.get(row.key) == row
        }
        keys = [row.key for row in self._rows]
        self._marked &= {row.key for row in self._given} | self._hidden
        self._set_apart()
        left_out = self._nothing_in()
        if left_out != self._left_out:
            self._left_out = left_out
            self._fit()
        elif len(keys) != len(before):
            self._measure()
        if was_empty != (not keys):
            self.refresh()
        else:
            for index in range(max(len(keys), len(before))):
                new = self._rows[index] if index < len(keys) else None
                old = before[index] if index < len(before) else None
                if new != old:
                    self._refresh_changed(index, old, new)
        self._keep_cursor(keys)

    def _keep_cursor(self, keys: list[str]) -> None:
        previous_key, previous = self._cursor_key, self._cursor
        if not keys:
            self._cursor, self._cursor_key = 0, None
        elif self._follows and self._sort is None and self._cursor == 0:
            self._cursor_key = keys[0]
        elif self._cursor_key in keys:
            self._cursor = keys.index(self._cursor_key)
        else:
            self._cursor = min(self._cursor, len(keys) - 1)
            self._cursor_key = keys[self._cursor]
        if self._cursor != previous:
            self._refresh_row(previous)
            self._reveal()
        if self._cursor_key != previous_key:
            self._forget({key for key in (previous_key, self._cursor_key) if key is not None})
            self._refresh_row(self._cursor)
            self.post_message(self.Highlighted(self, self._cursor_key))

    def _nothing_in(self) -> frozenset[int]:
        """The optional columns in which no row has anything."""
        optional = (number for number, column in enumerate(self.columns) if column.optional)
        return frozenset(n for n in optional if not any(row.cells[n].text for row in self._given))

    def _set_apart(self) -> None:
        """Find how wide the widest gain or loss of each column is, folded rows' too."""
        for number, column in enumerate(self.columns):
            if column.align == "left":
                continue
            given = (row.cells[number].text for row in self._given)
            widest = max((len(text) for text in given if text.startswith(_MARKS)), default=0)
            if widest != self._marked_off.get(number, 0):
                self._marked_off[number] = widest
                shown = (row for row in self._rows if row.cells[number].text.startswith(_MARKS))
                self._forget({row.key for row in shown})

    def _in_order(self) -> list[Row]:
        """The rows to show: groups sorted by their heads, each sorted within, folded ones shut."""
        members = dict(_groups(self._given))
        ordered = self._sorted(members.pop(None))
        for head in self._sorted([head for head in members if head is not None]):
            ordered.append(head)
            if head.key in self._opened:
                ordered += self._sorted(members[head])
        return ordered

    def _sorted(self, rows: Sequence[Row]) -> list[Row]:
        if self._sort is None:
            return list(rows)
        column = self._sort

        def rank(row: Row) -> tuple[int, str, float, str]:
            return row.cells[column].rank

        # What is not known has no rank: it comes last, whichever way the others are turned.
        known = [row for row in rows if not _unknown(row.cells[column])]
        unknown = [row for row in rows if _unknown(row.cells[column])]
        return sorted(known, key=rank, reverse=self._descending) + unknown

    # ── layout ──

    def on_resize(self) -> None:
        """Fit the columns to the new width, and keep the cursor's row in view."""
        self._measure_figures()
        self._fit()
        self.call_after_refresh(self._reveal)

    def _fit(self) -> None:
        # The scrollbar's cell is always left free: a column does not go where it comes.
        stop = self.outer_size.width - 1
        self._places = places(self.columns, _GUTTER, stop, self._left_out, self._longest)
        self._strips.clear()
        self._measure()
        self.refresh()

    def _measure(self) -> None:
        self.virtual_size = Size(self.size.width, len(self._rows) + self._header)
        if self.styles.height is not None and self.styles.height.is_auto:
            self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Of a table as high as its rows: these, or what it says without any."""
        lines = len(self._rows) or (not self._bare) + len(self.empty.splitlines())
        return self._header + lines

    # ── drawing ──

    def notify_style_update(self) -> None:
        """Draw every line anew: the theme changed, or the focus."""
        self._strips.clear()
        super().notify_style_update()

    def on_focus(self) -> None:
        """Show the cursor as the active one."""
        self._forget({self._cursor_key} if self._cursor_key else set())

    def on_blur(self) -> None:
        """Show the cursor as an idle one."""
        self._forget({self._cursor_key} if self._cursor_key else set())

    def _forget(self, keys: set[str]) -> None:
        for key in keys:
            self._strips.pop(key, None)
        for index, row in enumerate(self._rows):
            if row.key in keys:
                self._refresh_row(index)

    def _refresh_row(self, index: int) -> None:
        line = index + self._header - self.scroll_offset.y
        if self._header <= line < self.size.height:
            self.refresh(Region(0, line, self.size.width, 1))

    def _refresh_changed(self, index: int, old: Row | None, new: Row | None) -> None:
        """Repaint the cells of a line that differ; all of it where another row stands there."""
        if old is None or new is None or old.key != new.key or new.head:
            self._refresh_row(index)
            return
        line = index + self._header - self.scroll_offset.y
        if self._header <= line < self.size.height:
            for place in self._places:
                if old.cells[place.column] != new.cells[place.column]:
                    self.refresh(Region(place.start, line, place.width, 1))

    def render_line(self, y: int) -> Strip:
        """One line of what is visible."""
        if y < self._header:
            return self._header_strip()
        index = y - self._header + self.scroll_offset.y
        if index >= len(self._rows):
            return self._blank(y)
        row = self._rows[index]
        strip = self._strips.get(row.key)
        if strip is None:
            strip = self._strips[row.key] = self._row_strip(row, index == self._cursor)
        return strip

    def _blank(self, y: int) -> Strip:
        plain = self.tone(Tone.DIM)
        text = ""
        if not self._rows and self.empty:
            lines = self.empty.splitlines()
            number = y - self._header - (not self._bare)
            if 0 <= number < len(lines):
                text = " " * _GUTTER + lines[number]
        return Strip([Segment(set_cell_size(text, self.size.width), plain)], self.size.width)

    def _header_strip(self) -> Strip:
        dim, strong = self.tone(Tone.DIM), self.tone(Tone.ACCENT)
        segments: list[Segment] = []
        gap = _GUTTER
        for place in self._places:
            column = self.columns[place.column]
            is_sorted = place.column == self._sort
            label = column.label + (("▾" if self._descending else "▴") if is_sorted else "")
            right = column.align == "right"
            # The arrow may need a cell more than the column has: it is taken from the gap.
            more = 1 if is_sorted and cell_len(label) == place.width + 1 else 0
            segments.append(Segment(" " * (gap - more if right else gap), dim))
            text = fitted(label, place.width + more, column.align)
            segments.append(Segment(text, strong if is_sorted else dim))
            gap = GAP if right else GAP - more
        segments.append(Segment(" " * gap, dim))
        return Strip(segments).adjust_cell_length(self.size.width, dim)

    def _row_strip(self, row: Row, is_cursor: bool) -> Strip:
        background = None
        if is_cursor:
            background = "line--cursor" if self.has_focus else "line--cursor-idle"
            if not self.has_focus and not self._idle_cursor:
                background = None
        plain = self.tone(Tone.PLAIN, background)
        accent = self.tone(Tone.ACCENT, background)
        # Without colours, too, one sees which row commands are for while another widget has keys.
        bar = " " if background is None else "▌" if self.has_focus else "▏"
        segments = [
            Segment(bar, accent),
            Segment("•" if row.key in self._marked else " ", accent),
        ]
        for place in self._places_of(row):
            cell, column = row.cells[place.column], self.columns[place.column]
            text = cell.drawn(place.width)
            if not column.is_name and cell_len(text) > place.width and formats.is_figure(text):
                text = "…"  # there is no room for it at all, and a part would be another figure
            if widest := self._marked_off.get(place.column):
                text = formats.set_apart(text, min(widest, place.width))
            if row.head and place.column == 0:
                text = f"{'▾' if row.key in self._opened else '▸'} {text}"
            kept = safe_text(cell.kept)
            if kept:
                text = fitted_before(text, kept, place.width)
            text = fitted(text, place.width, column.align)
            segments.append(Segment(text, self.tone(cell.tone, background)))
            segments.append(Segment(" " * GAP, plain))
        return Strip(segments).adjust_cell_length(self.size.width, plain)

    def _places_of(self, row: Row) -> tuple[Placed, ...]:
        """The places of a row's cells: of a head the first has the room of the empty ones too."""
        if not row.head or not self._places:
            return self._places
        first, *others = self._places
        while others and not row.cells[others[0].column].text:
            empty = others.pop(0)
            first = replace(first, width=empty.start + empty.width - first.start)
        return (first, *others)

    # ── cursor, marks and order ──

    def _move(self, index: int) -> None:
        if not self._rows:
            return
        index = max(0, min(index, len(self._rows) - 1))
        if index == self._cursor and self._cursor_key is not None:
            return
        before = self._cursor_key
        self._cursor, self._cursor_key = index, self._rows[index].key
        self._forget({key for key in (before, self._cursor_key) if key is not None})
        self._reveal()
        self.post_message(self.Highlighted(self, self._cursor_key))

    def _reveal(self) -> None:
        room = max(1, self.size.height - self._header)
        top = self.scroll_offset.y
        # By force: until new rows are laid out, which waits while another screen is shown, there
        # is no scrollbar, without which Textual scrolls nothing.
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False, force=True)
        elif self._cursor >= top + room:
            self.scroll_to(y=self._cursor - room + 1, animate=False, force=True)

    def action_move(self, step: int) -> None:
        """Move the cursor by rows."""
        self._move(self._cursor + step)

    def action_page(self, step: int) -> None:
        """Move the cursor by screenfuls."""
        self._move(self._cursor + step * max(1, self.size.height - self._header - 1))

    def action_edge(self, step: int) -> None:
        """Move the cursor to the first or last row."""
        self._move(0 if step < 0 else len(self._rows) - 1)

    def action_choose(self) -> None:
        """Open the row under the cursor; fold or unfold what a head has under it."""
        if not self._turn_fold() and self._cursor_key is not None:
            self.post_message(self.Chosen(self, self._cursor_key))

    def action_mark(self) -> None:
        """Mark or unmark the row under the cursor, and go on to the next; a head is folded."""
        if not self._turn_fold() and self._marks_allowed and self._cursor_key is not None:
            self._marked ^= {self._cursor_key}
            self._forget({self._cursor_key})
            self._move(self._cursor + 1)
            self.post_message(self.Marked(self))

    def _turn_fold(self) -> bool:
        """Fold or unfold where the cursor is on a head, and say whether it is."""
        key = self._cursor_key
        if key is None or not self._rows[self._cursor].head:
            return False
        self.open_heads(self._opened ^ {key})
        return True

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave the key to a screen that has something of its own to copy; sort what sorts."""
        if action == "mark":
            on_head = bool(self._rows) and self._rows[self._cursor].head
            return self._marks_allowed or on_head
        if action in ("sort_next", "sort_turn"):
            return self.sorts
        return not (action == "copy_row" and hasattr(self.screen, "action_copy"))

    def action_copy_row(self) -> None:
        """Copy the row under the cursor."""
        if self._rows:
            self.copy_out([self._copied(self._rows[self._cursor])], "Row")

    def action_copy_table(self) -> None:
        """Copy the marked rows, or all that are shown, under the columns' names."""
        rows = self._marked_rows() or self._rows
        columns = enumerate(self.columns)
        labels = [column.label for number, column in columns if number not in self._left_out]
        copied = [labels, *map(self._copied, rows)]
        self.copy_out(copied, f"{len(rows)} row{'s'[: len(rows) != 1]}")

    def _copied(self, row: Row) -> list[str]:
        """The texts of a row, but of the columns in which there is nothing."""
        cells = enumerate(row.cells)
        return [cell.copied for number, cell in cells if number not in self._left_out]

    def action_sort_next(self) -> None:
        """Sort by the next column shown, and after the last one in the order given."""
        shown = [place.column for place in self._places]
        if not shown:
            return
        if self._sort in shown:
            position = shown.index(self._sort) + 1
            self._order_by(shown[position] if position < len(shown) else None, False)
        else:
            self._order_by(shown[0], False)

    def action_sort_turn(self) -> None:
        """Turn the order round."""
        if self._sort is not None:
            self._order_by(self._sort, not self._descending)

    @property
    def order(self) -> tuple[str | None, bool]:
        """The label of the column sorted by (None: the order given), and whether descending."""
        label = None if self._sort is None else self.columns[self._sort].label
        return label, self._descending

    def order_by(self, label: str | None, descending: bool = False) -> None:
        """Sort by the column of that label; by none where there is no such one."""
        labels = [column.label for column in self.columns]
        self._order_by(labels.index(label) if label in labels else None, descending)

    def _order_by(self, column: int | None, descending: bool) -> None:
        self._sort, self._descending = column, descending
        self._arrange()
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Select a row, open it with the second click, or sort by a heading."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y < self._header:
            for place in self._places if self.sorts else ():
                if place.start <= offset.x < place.start + place.width:
                    same = place.column == self._sort
                    self._order_by(place.column, not self._descending if same else False)
            return
        index = offset.y - self._header + self.scroll_offset.y
        if index < len(self._rows):
            self._move(index)
            if event.chain == 2:
                self.action_choose()
