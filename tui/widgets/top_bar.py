"""The top line of every screen: program, screens, modes in use, host and clock."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, tzinfo

from textual.content import Content
from textual.style import Style

from core.session.snapshot import HostSnapshot
from core.text import safe_text
from tui import formats
from tui.commands import COMMANDS
from tui.keymap import shown_key
from tui.widgets.text_lines import TextLines

_SCREENS = tuple(command for command in COMMANDS if command.id.startswith("go."))


_PROGRAM = Content.styled("papertape", "bold $accent")


class TopBar(TextLines):
    """The first line of every screen."""

    DEFAULT_CSS = """
    TopBar { height: 1; dock: top; padding: 0 2; background: $surface; }
    """
    auto_links = False  # a screen's name is no link: it keeps its own colours

    def __init__(self, title: str, host_name: str) -> None:
        super().__init__()
        self._title = safe_text(title)
        self._host_name = safe_text(host_name)
        self._snapshot: HostSnapshot | None = None
        self._waiting = ""
        self._zone: tzinfo = UTC

    def show(self, snapshot: HostSnapshot | None, waiting: str, zone: tzinfo) -> None:
        """Show the state of a host, or what is waited for, with the clock in a zone."""
        self._snapshot, self._waiting, self._zone = snapshot, waiting, zone
        self.redraw()

    def lines(self) -> Sequence[Content]:
        """Program and screens to the left; modes, host and clock to the right.

        Where that does not fit, the host goes first, then the program's own name and the wider
        gaps, then the names of other screens, from the last to the fifth: then only that of the
        program is there again, with the numbers of all. Rather than these it goes; then the clock.
        The modes stay.
        """
        ends = self._ends()
        no_host = (ends[0], Content.styled("attached" if self._attached else "", "$info"), ends[-1])
        every = len(_SCREENS)
        for named, style, end in (
            (every, "", ends),
            (every, "", no_host),
            (every, "nameless", no_host),
            *((count, "close, nameless", no_host) for count in range(every, every // 2 - 1, -1)),
            (0, "", ends),
            (0, "", no_host),
            (0, "close", no_host),
            (0, "close, nameless", no_host),
            (0, "alone", no_host),
            (0, "alone, nameless", no_host),
            (0, "alone, nameless", no_host[:-1]),
        ):
            left = self._screens(named, style)
            right = Content("   ").join(part for part in end if part.plain)
            gap = self.size.width - left.cell_length - right.cell_length
            if gap >= 2:
                break
        return (left + Content(" " * max(1, gap)) + right,)

    def _ends(self) -> tuple[Content, ...]:
        snapshot = self._snapshot
        if snapshot is None or self._waiting:
            return (Content.styled(self._waiting or "starting the host …", "$stale"), Content(""))
        host = Content.styled(self._host_name, "$dim")
        zone_name = safe_text(formats.zone_name(snapshot.now, self._zone))
        if self._attached:
            host += Content.styled(f" · attached to {snapshot.pid}", "$info")
        modes = Content.styled(modes_of(snapshot), "bold $accent")
        if snapshot.faults:
            what, _, _ = snapshot.faults[0].partition(":")
            modes += Content.styled(f"  ✗ {safe_text(what)}", "bold $error")
        return (
            modes,
            host,
            Content.styled(f"{formats.clock(snapshot.now, self._zone)} {zone_name}", "$foreground"),
        )

    @property
    def _attached(self) -> bool:
        return self._snapshot is not None and self._snapshot.pid != os.getpid()

    def _screens(self, named: int, style: str) -> Content:
        """The program's name and the screens: the first `named` of them with their names.

        `style`: whether the program is `nameless`, the screens stand `close`, and the one that is
        shown stands `alone`.
        """
        line = Content("") if "nameless" in style else _PROGRAM
        gap = "  "
        for place, command in enumerate(_SCREENS):
            here = command.id == f"go.{self.app.current_mode}"
            if "alone" in style and not here:
                continue
            click = Style.from_meta({"@click": command.action})
            name = f" {command.label}" if here or place < named else ""
            look = "bold $foreground" if here else "$dim"
            shown = shown_key(command, getattr(self.app, "keymap", {}))
            key = (shown, "$accent" if here else "$dim")
            part = Content.assemble(key, (name, look)).stylize(click)
            if here and command.label != self._title:
                part += Content.assemble((" › ", "$dim"), (self._title, "bold $foreground"))
            line += Content(gap) + part if line.plain else part
            gap = " " if "close" in style else "  "
        return line


def modes_of(snapshot: HostSnapshot) -> str:
    """The modes of the sessions that have not ended, such as `DEMO` or `TESTNET + SIMULATED`."""
    modes = dict.fromkeys(s.mode.value for s in snapshot.sessions if not s.state.ended)
    return " + ".join(modes)
