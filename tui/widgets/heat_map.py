"""A map of two axes: a cell for each pair of values, its figure on a shade that tells how good.

The figures are there to be read without any colour; where the terminal has few colours or none, a
shade of its own stands beside each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from core.text import safe_text
from tui.commands import Place, bindings
from tui.widgets.columns import fitted
from tui.widgets.line_view import LineView
from tui.widgets.tones import Tone

_MARGIN = 2
_AIR, _LITTLE_AIR = 5, 2  # cells that one may be wider than it must be
_TITLES = 2  # lines: the axes' names, and the values across
_TALLEST = 5  # lines of a row, where there is room


@dataclass(frozen=True, slots=True)
class HeatCell:
    """A cell: its figure as text, and how good it is from -1 (worst) over 0 to 1 (best).

    `heat` None: there is nothing to shade. `glyph`: says the same where there are few colours.
    """

    text: str
    heat: float | None = None
    glyph: str = " "


@dataclass(frozen=True, slots=True)
class HeatGrid:
    """Rows of cells with the values beside and beneath them.

    `down`, `across`: what the values are of. `best`: row and column of the best cell, `own`: of the
    one that is in use, both marked.
    """

    down: str
    across: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[HeatCell, ...], ...]
    best: tuple[int, int] | None = None
    own: tuple[int, int] | None = None


class HeatMap(LineView, can_focus=True):
    """A grid with a cursor."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.MAP)

    class Highlighted(Message):
        """The cursor came to rest on a cell."""

        def __init__(self, heat_map: HeatMap, row: int, column: int) -> None:
            self.heat_map = heat_map
            self.row = row
            self.column = column
            super().__init__()

        @property
        def control(self) -> HeatMap:
            """The map."""
            return self.heat_map

    class Chosen(Highlighted):
        """A cell was opened: Enter, or a double click."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name for it)
        super().__init__(id=id)
        self._grid: HeatGrid | None = None
        self._row = self._column = 0
        self._first = (0, 0)  # the row and column shown first
        self.flat = False  # whether a row takes one line, whatever room there is
        self._most: int | None = None  # lines, of a map as high as its rows

    @property
    def at(self) -> tuple[int, int]:
        """Row and column of the cursor."""
        return self._row, self._column

    def draw(self, grid: HeatGrid) -> None:
        """Show a grid, with the cursor on its best cell where it is another one than before."""
        if grid == self._grid:
            return
        before = self._grid
        same = before is not None and (before.rows, before.columns) == (grid.rows, grid.columns)
        self._grid = grid
        if not same:
            self._first = (0, 0)
            self._row, self._column = grid.best or (0, 0)
        self._reveal()
        self.refresh(layout=True)

    def limit(self, most: int | None) -> None:
        """Have a map as high as its rows take no more than so many lines."""
        if most != self._most:
            self._most = most
            self.refresh(layout=True)

    def fit(self) -> None:
        """Draw anew for the new size."""
        self.virtual_size = Size(self.size.width, self.size.height)
        self._reveal()

    # ── layout ──

    def _needed(self) -> int:
        """Cells that one of the grid needs: its figure and its mark."""
        grid = self._grid
        if grid is None:
            return 1
        texts = [*grid.columns, *(cell.text for row in grid.cells for cell in row)]
        return max(4, *(cell_len(safe_text(text)) for text in texts)) + 1

    def _width(self) -> int:
        """Cells that one of the grid takes: what it needs, and as much air as fits."""
        grid = self._grid
        if grid is None:
            return 1
        needed = self._needed()
        room = self.size.width - self._beside() - 2 * _MARGIN
        return max(needed, min(needed + _AIR, room // len(grid.columns)))

    def _beside(self) -> int:
        """Cells for the values beside the grid."""
        grid = self._grid
        if grid is None:
            return 0
        longest = max(map(cell_len, grid.rows), default=0)
        return min(longest, max(6, self.size.width // 3))

    @property
    def _height(self) -> int:
        """Lines that a row takes: more than one where all rows have room, and shades fill them."""
        return self._high(self.size.height)

    def _high(self, lines: int) -> int:
        """Lines that a row takes where there are so many in all."""
        if self._grid is None or self.few_colours or self.flat:
            return 1
        return max(1, min(_TALLEST, (lines - _TITLES) // max(1, len(self._grid.rows))))

    def _room(self) -> tuple[int, int]:
        """How many rows and columns are shown."""
        across = (self.size.width - self._beside() - 2 * _MARGIN) // self._width()
        return max(1, (self.size.height - _TITLES) // self._height), max(1, across)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Of a map as high as its rows: as many lines as these take where there is that room."""
        rows = 1 if self._grid is None else len(self._grid.rows)
        lines = _TITLES + rows * self._high(container.height)
        return lines if self._most is None else min(lines, self._most)

    @property
    def wanted_width(self) -> int:
        """Cells in which every column has its figure, and a little air."""
        columns = 1 if self._grid is None else len(self._grid.columns)
        return self._beside() + 2 * _MARGIN + columns * (self._needed() + _LITTLE_AIR)

    def _reveal(self) -> None:
        """Show the cursor, and nothing beyond the last row and column while there are others."""
        grid = self._grid
        if grid is None or not self.size:
            return  # it is, once there is room for it
        rows, columns = self._room()
        top = _first_shown(self._first[0], self._row, rows, len(grid.rows))
        left = _first_shown(self._first[1], self._column, columns, len(grid.columns))
        self._first = (top, left)

    # ── drawing ──

    def render_line(self, y: int) -> Strip:
        """The axes' names, rows of cells, then the values across."""
        dim = self.tone(Tone.DIM)
        grid = self._grid
        parts: list[Segment] = []
        if grid is not None:
            rows, columns = self._room()
            top, left = self._first
            shown = range(top, min(top + rows, len(grid.rows)))
            row, line = divmod(y - 1, self._height)
            if y == 0:
                parts = self._names(grid, left, columns)
            elif row < len(shown):
                told = line == self._height // 2
                parts = self._cells(grid, shown[row], left, columns, told=told)
            elif row == len(shown) and line == 0:
                parts = self._values(grid, left, columns)
        return Strip(parts).adjust_cell_length(self.size.width, dim)

    def _names(self, grid: HeatGrid, left: int, columns: int) -> list[Segment]:
        dim = self.tone(Tone.DIM)
        more = ""
        if left or left + columns < len(grid.columns):
            last = min(left + columns, len(grid.columns))
            more = f"  {left + 1}–{last} of {len(grid.columns)}"
        down = f"{safe_text(grid.down)} ↓  " if grid.down else ""
        return [Segment(f"{' ' * _MARGIN}{down}{safe_text(grid.across)} →{more}", dim)]

    def _cells(
        self, grid: HeatGrid, row: int, left: int, columns: int, *, told: bool
    ) -> list[Segment]:
        """A line of a row; `told`: the one of its lines in which the figures stand."""
        dim = self.tone(Tone.DIM)
        label = fitted(safe_text(grid.rows[row]) if told else "", self._beside(), "right")
        on_row = row == self._row
        parts = [Segment(f"{' ' * _MARGIN}{label} ", self.tone(Tone.STRONG) if on_row else dim)]
        width = self._width()
        for column in range(left, min(left + columns, len(grid.columns))):
            cell = grid.cells[row][column]
            here = on_row and column == self._column
            style = self.shade(cell.heat)
            mark = " "
            if grid.best == (row, column):
                mark, style = "★", style + Style(bold=True)
            elif grid.own == (row, column):
                mark, style = "○", style + Style(bold=True)
            elif here:
                mark = "◂"
            elif self.few_colours:
                mark = cell.glyph
            text = (
                f"{fitted(safe_text(cell.text), width - 1, 'right')}{mark}" if told else " " * width
            )
            if here:
                style += Style(bold=True, reverse=True) if self.has_focus else Style(bold=True)
            parts.append(Segment(text, style))
        return parts

    def _values(self, grid: HeatGrid, left: int, columns: int) -> list[Segment]:
        dim, strong = self.tone(Tone.DIM), self.tone(Tone.STRONG)
        parts = [Segment(" " * (_MARGIN + self._beside() + 1), dim)]
        width = self._width()
        for column in range(left, min(left + columns, len(grid.columns))):
            text = fitted(safe_text(grid.columns[column]), width - 1, "right") + " "
            parts.append(Segment(text, strong if column == self._column else dim))
        return parts

    # ── cursor ──

    def action_step(self, down: int, across: int) -> None:
        """Move the cursor by cells."""
        grid = self._grid
        if grid is None:
            return
        row = max(0, min(self._row + down, len(grid.rows) - 1))
        column = max(0, min(self._column + across, len(grid.columns) - 1))
        self._go(row, column)

    def action_best(self) -> None:
        """Move the cursor to the best cell."""
        if self._grid is not None and self._grid.best is not None:
            self._go(*self._grid.best)

    def _go(self, row: int, column: int) -> None:
        if (row, column) != (self._row, self._column):
            self._row, self._column = row, column
            self._reveal()
            self.refresh()
            self.post_message(self.Highlighted(self, row, column))

    def action_choose(self) -> None:
        """Open the cell under the cursor."""
        if self._grid is not None:
            self.post_message(self.Chosen(self, self._row, self._column))

    def on_click(self, event: events.Click) -> None:
        """Go to a cell, open it with the second click."""
        offset, grid = event.get_content_offset(self), self._grid
        if offset is None or grid is None:
            return
        across = offset.x - _MARGIN - self._beside() - 1
        row = self._first[0] + (offset.y - 1) // self._height
        column = self._first[1] + across // self._width()
        if across >= 0 and 0 <= row < len(grid.rows) and column < len(grid.columns):
            self._go(row, column)
            if event.chain == 2:
                self.action_choose()


def _first_shown(first: int, cursor: int, room: int, count: int) -> int:
    """The first of `count` that is shown, where there is `room`, and one is the cursor's."""
    first = min(max(first, cursor - room + 1), cursor)
    return max(0, min(first, count - room))
