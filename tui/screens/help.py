"""The screen of all keys, by place."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain, zip_longest
from textwrap import wrap
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from core.text import safe_text
from tui.commands import COMMANDS, Command, Place
from tui.commands.command import LEGENDS
from tui.keymap import shown_key
from tui.widgets.filter_box import FilterBox
from tui.widgets.line_table import LineTable

_KEY, _AIR = 8, 2  # cells of a key, and to the right of its text
_WIDE = 180  # columns of a terminal from which there is room for two columns of places
_TWICE_FROM = 130  # cells they take
_PAGE = 10  # lines
_HINTS = (("/", "find a key"), ("Esc", "close"), ("Tab", "next pane"), ("Ctrl+P", "a command"))


class _Keys(Static):
    """The commands of places under their headings, as wide as there is room.

    One widget: as one for each key and text they took more than a second to be opened.
    """

    def __init__(
        self, places: Sequence[Place], keymap: Mapping[str, str], idle: Collection[str]
    ) -> None:
        super().__init__()
        self._idle = idle
        self._places = places
        self._keymap = keymap
        self._text = ""

    def find(self, text: str) -> None:
        """Show only what has a text, in lower case, in its key, name or help, or in its signs."""
        self._text = text
        self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as it takes."""
        return len(self._lines(width))

    def render(self) -> Content:
        """All of them."""
        return Content("\n").join(self._lines(self.size.width))

    def _lines(self, width: int) -> list[Content]:
        twice = width >= _TWICE_FROM
        each = (width - _AIR) // 2 if twice else width
        blocks = [block for place in self._places if (block := self._block(place, each))]
        if not blocks:
            return [Content.styled(f"No key has “{safe_text(self._text)}”. Esc shows all.", "$dim")]
        return _beside(blocks, each + _AIR) if twice else [one for some in blocks for one in some]

    def _block(self, place: Place, width: int) -> list[Content]:
        """A place's heading and commands, and the blank line after them; nothing where none is."""
        lines: list[Content] = []
        for command in COMMANDS:
            if command.place is place and command.id not in self._idle and self._has(command):
                lines += self._command(command, max(20, width - _KEY - _AIR))
        legend = LEGENDS.get(place, "")
        if self._text not in legend.casefold():
            legend = ""
        if not (lines or legend):
            return []
        told = (Content.styled(text, "$dim") for text in wrap(legend, max(20, width)))
        return [Content.styled(place.value, "bold $accent"), *told, *lines, Content("")]

    def _has(self, command: Command) -> bool:
        if shown_key(command, self._keymap).casefold() == self._text:
            return True
        return self._text in f"{command.label} {command.help}".casefold()

    def _command(self, command: Command, width: int) -> Iterator[Content]:
        key = shown_key(command, self._keymap)
        for text in wrap(command.help, width):
            yield Content.assemble((f"{key:<{_KEY - 1}} ", "$accent"), text)
            key = ""


class _Sheet(VerticalScroll):
    """What is scrolled, also while one types what is to be found."""

    def action_move(self, step: int) -> None:
        """Scroll by lines."""
        self.scroll_relative(y=step, animate=False)

    def action_page(self, step: int) -> None:
        """Scroll by screenfuls."""
        self.scroll_relative(y=step * _PAGE, animate=False)


class HelpScreen(ModalScreen[None]):
    """Every command with its key, the ones of the present screen first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", show=False),
        Binding("q,question_mark,f1", "dismiss", show=False),
        Binding("slash", "find", show=False),
        Binding("j,down", "scroll(1)", show=False),
        Binding("k,up", "scroll(-1)", show=False),
        Binding("g,home", "edge(-1)", show=False),
        Binding("G,end", "edge(1)", show=False),
        Binding("pagedown,space", f"scroll({_PAGE})", show=False),
        Binding("pageup", f"scroll(-{_PAGE})", show=False),
    ]

    def __init__(
        self, place: Place, parts: Sequence[Place], tables: Sequence[LineTable] = ()
    ) -> None:
        """`place`: where one is; `parts`: what that has of tables, charts and logs.

        `tables`: its tables; keys that work in none of them are left out.
        """
        super().__init__()
        self._idle = {
            command.id
            for command in COMMANDS
            if command.place is Place.TABLE and tables
            if not any(table.check_action(command.action, ()) for table in tables)
        }
        self._place = place
        self._parts = parts

    def compose(self) -> ComposeResult:
        """One block a place."""
        # Where one is, then what works on every screen, then the other screens.
        near = [self._place, *self._parts, Place.ANYWHERE]
        with Vertical(classes="sheet"):
            with _Sheet():
                keymap = getattr(self.app, "keymap", {})
                yield _Keys(tuple(dict.fromkeys([*near, *Place])), keymap, self._idle)
            yield FilterBox("_Sheet", "find by a word, a key or a sign", compact=True)
            hints = (((key, "$accent"), (f" {does}   ", "$dim")) for key, does in _HINTS)
            yield Static(Content.assemble(*chain.from_iterable(hints)), classes="help-hints")

    def on_resize(self, event: events.Resize) -> None:
        """Have two columns where there is room for them."""
        self.set_class(event.size.width >= _WIDE, "-wide")

    @on(Input.Changed)
    def _find(self, event: Input.Changed) -> None:
        self.query_one(_Keys).find(event.value.strip().casefold())
        self.action_edge(-1)

    def action_find(self) -> None:
        """Have only some keys shown, by a word."""
        self.query_one(FilterBox).open()

    def action_back(self) -> None:
        """Show all keys again, or close."""
        if self.query_one(FilterBox).close():
            self.query_one(_Sheet).focus()
        else:
            self.dismiss()

    def action_scroll(self, lines: int) -> None:
        """Scroll by lines."""
        self.query_one(_Sheet).action_move(lines)

    def action_edge(self, step: int) -> None:
        """Scroll to an end."""
        sheet = self.query_one(_Sheet)
        sheet.scroll_to(y=0 if step < 0 else sheet.max_scroll_y, animate=False)


def _beside(blocks: Sequence[Sequence[Content]], start: int) -> list[Content]:
    """Blocks in two columns of about the same height, the second from cell `start` on."""
    total, height, first = sum(map(len, blocks)), 0, 0
    while first < len(blocks) and height + len(blocks[first]) // 2 < total / 2:
        height += len(blocks[first])
        first += 1
    left, right = (chain.from_iterable(some) for some in (blocks[:first], blocks[first:]))
    return [
        Content.assemble(one, " " * (start - one.cell_length), other)
        for one, other in zip_longest(left, right, fillvalue=Content(""))
    ]
