"""A live table that repaints only the cells that changed.

Rows are frozen values with a key; `set_rows` compares them with what is shown. Cursor, marks and
folds belong to keys, so they stay with their row when others come, go or change places, and while
a filter hides it. `table_rows` has the order of the rows, `columns` their widths, `table_lines` how
a line looks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip

from tui import formats
from tui.commands import Place, bindings
from tui.widgets.columns import Column, ColumnLayout, Placed, least_width
from tui.widgets.line_view import LineView
from tui.widgets.table_lines import GUTTER, Cursor, heading, plain_line, row_line
from tui.widgets.table_rows import Order, Row, groups
from tui.widgets.text_lines import wrapped


@dataclass
class _OfTable(Message):
    """What a table tells of itself."""

    table: LineTable

    @property
    def control(self) -> LineTable:
        """The table."""
        return self.table


class LineTable(LineView, can_focus=True):
    """A table with a row cursor, sorting and marks, fed with whole frozen rows."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.TABLE)

    @dataclass
    class Highlighted(_OfTable):
        """The cursor came to rest on a row, or on none (`key` None)."""

        key: str | None

    @dataclass
    class Chosen(_OfTable):
        """A row was opened: Enter, or a double click."""

        key: str

    class Marked(_OfTable):
        """Rows were marked or unmarked; not sent for rows that are gone."""

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
        opens: bool = True,
        id: str | None = None,  # noqa: A002  (Textual's own name for it)
    ) -> None:
        """`sorts`: whether the rows may be sorted; not where their order says something.

        `follows`: whether a cursor on the first row stays there when rows come before it, so that
        the newest stays in sight. Not where a key may end or remove what is under the cursor.
        `bare`: without rows it says so alone, without the names of its columns. `opens`: whether
        there is more behind a row; where there is not, Enter is the screen's.
        """
        super().__init__(id=id)
        self.empty = empty
        self._marks_allowed = marks
        self._has_header = header
        self._bare = bare
        self._idle_cursor = idle_cursor
        self._opens = opens
        self.sorts = sorts and header
        self._follows = follows
        self._columns = ColumnLayout(columns)
        self._given: tuple[Row, ...] = ()
        self._rows: list[Row] = []  # those shown, in their order
        self._order = Order()
        self._opened: set[str] = set()
        self._cursor = 0
        self._cursor_key: str | None = None
        self._marked: set[str] = set()
        self._hidden: set[str] = set()  # marked ones that a filter leaves out
        self._strips: dict[str, Strip] = {}

    # ── rows ──

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns, also those there is no room for."""
        return self._columns.columns

    @property
    def least_width(self) -> int:
        """How many cells it takes with the columns that always stay."""
        return GUTTER + least_width(self.columns) + 1  # the scrollbar's cell is left free

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows in the order shown."""
        return tuple(self._rows)

    def set_rows(self, rows: Iterable[Row], hidden: Iterable[str] = ()) -> None:
        """Show these rows, repainting only the lines that differ from what is shown.

        `hidden`: keys of rows that a filter leaves out, which stay marked if they are.
        """
        earlier, self._given = self._given, tuple(rows)
        self._hidden = self._marked.intersection(hidden)
        if self._columns.measure(self._given, earlier):
            self._fit()
        self._arrange()

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Have other columns from now on, and no row yet."""
        self._columns = ColumnLayout(columns)
        self._order = Order()
        self.set_rows(())
        self._fit()

    def take_columns(self, columns: Sequence[Column]) -> None:
        """Have these columns. Rows, order and cursor stay where the labels are the same."""
        if [one.label for one in columns] != [one.label for one in self.columns]:
            self.set_columns(columns)
        elif tuple(columns) != self.columns:
            self._columns.columns = tuple(columns)
            self._columns.measure(self._given)
            self._fit()

    def set_empty(self, text: str) -> None:
        """Change what an empty table says."""
        if text != self.empty:
            self.empty = text
            if not self._rows:
                self._set_height()
                self.refresh()

    def _arrange(self) -> None:
        """Show the rows given in their order, and paint what is another line than before."""
        before = self._rows
        self._rows = self._order.arranged(self._given, self._opened)
        unchanged = {row.key: row for row in before}
        self._strips = {
            row.key: self._strips[row.key]
            for row in self._rows
            if row.key in self._strips and unchanged.get(row.key) == row
        }
        self._marked &= {row.key for row in self._given} | self._hidden
        apart = self._columns.set_apart(self._given)
        self._forget(
            {
                row.key
                for row in self._rows
                if any(formats.is_change(row.cells[number].text) for number in apart)
            }
        )
        if self._columns.leave_out(self._given):
            self._fit()
        elif len(self._rows) != len(before):
            self._set_height()
        if bool(before) != bool(self._rows):
            self.refresh()
        else:
            for index, (old, new) in enumerate(zip_longest(before, self._rows)):
                if new != old:
                    self._refresh_changed(index, old, new)
        self._keep_cursor([row.key for row in self._rows])

    # ── heads ──

    @property
    def headed(self) -> tuple[str, ...]:
        """The keys of the rows whose head the cursor is on, folded or not; none elsewhere."""
        for head, rows in groups(self._given):
            if head is not None and head.key == self._cursor_key:
                return tuple(row.key for row in rows)
        return ()

    def open_heads(self, heads: Iterable[str]) -> None:
        """Show the rows of these heads, and fold those of all others away."""
        before, self._opened = self._opened, set(heads)
        self._forget(before ^ self._opened)
        self._arrange()

    def _turn_fold(self) -> bool:
        """Fold or unfold where the cursor is on a head, and say whether it is."""
        key = self._cursor_key
        if key is None or not self._rows[self._cursor].head:
            return False
        self.open_heads(self._opened ^ {key})
        return True

    # ── cursor ──

    @property
    def cursor_key(self) -> str | None:
        """The key of the row under the cursor."""
        return self._cursor_key

    def move_to(self, key: str) -> None:
        """Put the cursor on the row of that key, if there is one; a folded one is unfolded."""
        for head, rows in groups(self._given):
            if head is not None and key in [row.key for row in rows]:
                self.open_heads(self._opened | {head.key})
        for index, row in enumerate(self._rows):
            if row.key == key:
                self._move(index)
                return

    def _move(self, index: int) -> None:
        if not self._rows:
            return
        index = max(0, min(index, len(self._rows) - 1))
        if index == self._cursor and self._cursor_key is not None:
            return
        before = self._cursor_key
        self._cursor, self._cursor_key = index, self._rows[index].key
        self._forget({before, self._cursor_key})
        self._reveal()
        self.post_message(self.Highlighted(self, self._cursor_key))

    def _reveal(self) -> None:
        if not self.size:
            return  # it is, once there is room for it
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

    def _keep_cursor(self, keys: list[str]) -> None:
        previous_key, previous = self._cursor_key, self._cursor
        if not keys:
            self._cursor, self._cursor_key = 0, None
        elif self._follows and self._order.column is None and self._cursor == 0:
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
            self._forget({previous_key, self._cursor_key})
            self.post_message(self.Highlighted(self, self._cursor_key))

    # ── marks ──

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

    def clear_marks(self) -> None:
        """Unmark every row."""
        gone, self._marked = self._marked, set()
        self._hidden = set()
        self._forget(gone)
        if gone:
            self.post_message(self.Marked(self))

    def _marked_rows(self) -> list[Row]:
        return [row for row in self._rows if row.key in self._marked]

    def action_mark(self) -> None:
        """Mark or unmark the row under the cursor, and go on to the next; a head is folded."""
        if not self._turn_fold() and self._marks_allowed and self._cursor_key is not None:
            self._marked ^= {self._cursor_key}
            self._forget({self._cursor_key})
            self._move(self._cursor + 1)
            self.post_message(self.Marked(self))

    # ── order ──

    @property
    def order(self) -> tuple[str | None, bool]:
        """The label of the column sorted by (None: the order given), and whether descending."""
        column = self._order.column
        label = None if column is None else self.columns[column].label
        return label, self._order.descending

    def order_by(self, label: str | None, descending: bool = False) -> None:
        """Sort by the column of that label; by none where there is no such one."""
        labels = [column.label for column in self.columns]
        self._sort(Order(labels.index(label) if label in labels else None, descending))

    def action_sort_next(self) -> None:
        """Sort by the next column shown, and after the last one in the order given."""
        self._sort(self._order.next([place.column for place in self._columns.places]))

    def action_sort_turn(self) -> None:
        """Turn the order round."""
        self._sort(self._order.turned())

    def _sort(self, order: Order) -> None:
        self._order = order
        self._arrange()
        self.refresh()

    # ── copies ──

    def action_copy_row(self) -> None:
        """Copy the row under the cursor."""
        if self._rows:
            self.copy_out([self._copied(self._rows[self._cursor])], "Row")

    def action_copy_table(self) -> None:
        """Copy the marked rows, or all that are shown, under the columns' names."""
        rows = self._marked_rows() or self._rows
        columns = enumerate(self.columns)
        labels = [one.label for number, one in columns if number not in self._columns.left_out]
        copied = [labels, *map(self._copied, rows)]
        self.copy_out(copied, f"{len(rows)} row{'s'[: len(rows) != 1]}")

    def _copied(self, row: Row) -> list[str]:
        """The texts of a row, but of the columns in which there is nothing."""
        cells = enumerate(row.cells)
        return [cell.copied for number, cell in cells if number not in self._columns.left_out]

    # ── keys and mouse ──

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave the key to the screen where it has something of its own to copy, or no row opens.

        Sort what sorts.
        """
        if action == "mark":
            on_head = bool(self._rows) and self._rows[self._cursor].head
            return self._marks_allowed or on_head
        if action in ("sort_next", "sort_turn"):
            return self.sorts
        if action == "choose":
            return bool(self._rows) and (self._opens or self._rows[self._cursor].head)
        return not (action == "copy_row" and hasattr(self.screen, "action_copy"))

    def on_click(self, event: events.Click) -> None:
        """Select a row, open it with the second click, or sort by a heading."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y < self._header:
            for place in self._columns.places if self.sorts else ():
                if place.start <= offset.x < place.start + place.width:
                    same = place.column == self._order.column
                    self._sort(self._order.turned() if same else Order(place.column))
            return
        index = offset.y - self._header + self.scroll_offset.y
        if index < len(self._rows):
            self._move(index)
            if event.chain == 2:
                self.action_choose()

    # ── layout ──

    @property
    def _header(self) -> int:
        """How many lines the names of the columns take."""
        return int(self._has_header and bool(self._rows or not self._bare))

    def fit(self) -> None:
        """Fit the columns to the new width, and keep the cursor's row in view."""
        self._columns.measure(self._given)
        self._fit()
        self.call_after_refresh(self._reveal)

    def _fit(self) -> None:
        # The scrollbar's cell is always left free: a column does not go where it comes.
        self._columns.place(GUTTER, self.outer_size.width - 1)
        self._strips.clear()
        self._set_height()
        self.refresh()

    def _set_height(self) -> None:
        self.virtual_size = Size(self.size.width, len(self._rows) + self._header)
        if self.styles.height is not None and self.styles.height.is_auto:
            self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Of a table as high as its rows: these, or what it says without any."""
        lines = len(self._rows) or (not self._bare) + len(self._told(width))
        return self._header + lines

    def _told(self, width: int) -> list[str]:
        """What it says without any row, in lines that `width` cells have room for."""
        room = max(1, width - 2 * GUTTER)
        return [part for line in self.empty.splitlines() for part in wrapped(line, room)]

    # ── drawing ──

    def notify_style_update(self) -> None:
        """Draw every line anew: the theme changed, or the focus."""
        self._strips.clear()
        super().notify_style_update()

    def on_focus(self) -> None:
        """Show the cursor as the active one."""
        self._forget({self._cursor_key})

    def on_blur(self) -> None:
        """Show the cursor as an idle one."""
        self._forget({self._cursor_key})

    def _forget(self, keys: Collection[str | None]) -> None:
        """Draw the rows of these keys anew."""
        for index, row in enumerate(self._rows):
            if row.key in keys:
                self._strips.pop(row.key, None)
                self._refresh_row(index)

    def _refresh_row(self, index: int, part: Placed | None = None) -> None:
        """Repaint a line where it is in view, or one cell of it; of what is hidden all, later."""
        if not self.size:
            self.refresh()
            return
        line = index + self._header - self.scroll_offset.y
        if self._header <= line < self.size.height:
            start, width = (part.start, part.width) if part else (0, self.size.width)
            self.refresh(Region(start, line, width, 1))

    def _refresh_changed(self, index: int, old: Row | None, new: Row | None) -> None:
        """Repaint the cells of a line that differ; all of it where another row stands there."""
        if old is None or new is None or old.key != new.key or new.head:
            self._refresh_row(index)
            return
        for place in self._columns.places:
            if old.cells[place.column] != new.cells[place.column]:
                self._refresh_row(index, place)

    def render_line(self, y: int) -> Strip:
        """One line of what is visible."""
        if y < self._header:
            return heading(self, self._columns, self._order)
        index = y - self._header + self.scroll_offset.y
        if index >= len(self._rows):
            told = [] if self._rows else self._told(self.size.width)
            number = y - self._header - (not self._bare)
            return plain_line(self, told[number] if 0 <= number < len(told) else "")
        row = self._rows[index]
        strip = self._strips.get(row.key)
        if strip is None:
            strip = self._strips[row.key] = row_line(
                self,
                self._columns,
                row,
                cursor=self._cursor_on(index),
                marked=row.key in self._marked,
                opened=row.key in self._opened,
            )
        return strip

    def _cursor_on(self, index: int) -> Cursor | None:
        if index == self._cursor and self.has_focus:
            return "line--cursor"
        return "line--cursor-idle" if index == self._cursor and self._idle_cursor else None
