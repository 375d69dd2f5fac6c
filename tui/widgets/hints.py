"""The footer: keys and labels of the commands that work on a screen, as many as fit."""

from __future__ import annotations

from typing import Any

from rich.cells import cell_len
from textual.actions import parse
from textual.app import RenderResult
from textual.content import Content
from textual.screen import Screen
from textual.style import Style
from textual.widget import Widget

from tui.commands import Command, Place, commands_at
from tui.keymap import shown_key

_ALWAYS = {"app.help": -2, "app.quit": -1}


class Hints(Widget):
    """One line of hints. Narrow terminals keep help, quit and those with the lowest `hint`."""

    DEFAULT_CSS = """
    Hints { height: 1; dock: bottom; padding: 0 2; background: $surface; color: $dim; }
    """

    auto_links = False  # a hint is no link: it keeps its own colours

    def __init__(self, place: Place) -> None:
        super().__init__()
        self._commands = [c for c in commands_at(place) if c.hint is not None]
        self._possible: list[tuple[Command, str]] = []

    def on_mount(self) -> None:
        """Show the keys of a chart where one is in it."""
        self.watch(self.screen, "focused", self._another_focused, init=False)
        self.watch(self.screen, "maximized", self._another_focused, init=False)
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.recheck())

    def _another_focused(self) -> None:
        self.refresh()

    def _hinted(self) -> list[Command]:
        """The commands to hint at: those of the widget one is in first, where it has a place."""
        place = getattr(self.screen.focused, "PLACE", None)
        if place is None:
            return self._commands
        # What is nearest counts most: of the screen's own there are the way back, the next view and
        # help. In full screen `z` is the way back, and other candles count more than another view;
        # the way out of a crosshair takes the key of the way back.
        own = [c for c in commands_at(place) if c.place is place and c.hint is not None]
        on = () if self.screen.maximized is not None else ("back", "view")
        taken = [c.keys for c in own if self._enabled(c)]
        kept = [
            c
            for c in self._commands
            if c.keys not in taken and (c.place is Place.ANYWHERE or c.action in on)
        ]
        return [*own, *kept]

    def recheck(self) -> None:
        """Draw the line anew where something else has become possible."""
        if self._possible != self._offered():
            self.refresh()

    def _offered(self) -> list[tuple[Command, str]]:
        return [(c, self._label(c)) for c in self._hinted() if self._enabled(c)]

    def render(self) -> RenderResult:
        """The commands that are possible now and fit, in the order they are defined."""
        self._possible = possible = self._offered()
        room = self.size.width + 2
        kept: set[str] = set()
        for command, label in sorted(possible, key=lambda one: self._urgency(one[0])):
            needed = cell_len(self._key(command)) + cell_len(label) + 3
            if needed <= room:
                room -= needed
                kept.add(command.id)
        parts: list[Content] = []
        for command, label in possible:
            if command.id in kept:
                click = Style.from_meta({"@click": command.target})
                text = Content.assemble((self._key(command), "$accent"), f" {label}")
                parts.append(text.stylize(click))
        return Content("  ").join(parts)

    def _key(self, command: Command) -> str:
        return shown_key(command, getattr(self.app, "keymap", {}))

    def _label(self, command: Command) -> str:
        if self._leads_out(command):
            return "all panes"
        label_of = getattr(self.screen.focused, "label_of", None)
        return command.label if label_of is None else str(label_of(command))

    def _leads_out(self, command: Command) -> bool:
        """Whether a command leads out of the full screen that a pane has."""
        return command.id == "app.maximise" and self.screen.maximized is not None

    def _urgency(self, command: Command) -> int:
        # Whatever else gives way, help says the rest, and one finds the way out.
        if self._leads_out(command):
            return min(_ALWAYS.values()) - 1
        return _ALWAYS.get(command.id, command.hint or 0)

    def _enabled(self, command: Command) -> bool:
        return is_possible(command, self.screen)


def is_possible(command: Command, screen: Screen[Any]) -> bool:
    """Whether a command does something on a screen as it stands."""
    _, name, parameters = parse(command.action)
    focused = screen.focused
    if focused is not None and command.place is getattr(focused, "PLACE", None):
        return focused.check_action(name, parameters) is not False
    target = screen.app if command.action.startswith("app.") else screen
    return target.check_action(name, parameters) is not False
