"""Where am I? The top line: program, screens, modes in use, host and the UTC clock."""

from __future__ import annotations

from textual.app import RenderResult
from textual.content import Content
from textual.reactive import reactive
from textual.style import Style
from textual.widget import Widget

from core.paper.snapshot import HostSnapshot
from tui import formats
from tui.commands import COMMANDS
from tui.widgets.safe_text import safe_text

_SCREENS = tuple(command for command in COMMANDS if command.id.startswith("go."))
_ROOMY = 110  # columns from which on every screen's name is written


class TopBar(Widget):
    """The first line of every screen."""

    DEFAULT_CSS = """
    TopBar { height: 1; dock: top; padding: 0 2; background: $surface; }
    """
    auto_links = False  # a screen's name is no link: it keeps its own colours

    snapshot: reactive[HostSnapshot | None] = reactive(None)

    def __init__(self, title: str, host_name: str) -> None:
        super().__init__()
        self._title = title
        self._host_name = safe_text(host_name)

    def render(self) -> RenderResult:
        """Program and screens to the left; modes, host and clock to the right, as they fit."""
        left = self._screens(self.size.width >= _ROOMY)
        snapshot = self.snapshot
        if snapshot is None:
            right = [Content.styled("starting the host …", "$dim")]
        else:
            hosting = "" if snapshot.kind == "tui" else f" · attached to {snapshot.pid}"
            right = [
                Content.styled(modes_of(snapshot), "bold $accent"),
                Content.styled(f"{self._host_name}{hosting}", "$dim"),
                Content.styled(f"{formats.clock(snapshot.now)} UTC", "$foreground"),
            ]
        room = self.size.width - left.cell_length
        while len(right) > 1 and sum(part.cell_length + 3 for part in right) > room:
            right.pop(-2 if len(right) > 2 else 0)
        end = Content("   ").join(part for part in right if part.plain)
        gap = max(1, self.size.width - left.cell_length - end.cell_length)
        return left + Content(" " * gap) + end

    def _screens(self, roomy: bool) -> Content:
        parts = [Content.styled("papertape", "bold $accent")]
        known = False
        for command in _SCREENS:
            here = command.label == self._title
            known = known or here
            click = Style.from_meta({"@click": command.action})
            name = f" {command.label}" if here or roomy else ""
            style = "bold $foreground" if here else "$dim"
            parts.append(
                Content.assemble(
                    (command.key, "$accent" if here else "$dim"), (name, style)
                ).stylize(click)
            )
        if not known:
            parts.append(Content.styled(safe_text(self._title), "bold $foreground"))
        return Content("  ").join(parts)


def modes_of(snapshot: HostSnapshot) -> str:
    """The modes of the sessions that have not ended, such as `DEMO` or `TESTNET + SIMULATED`."""
    modes = dict.fromkeys(s.mode.value for s in snapshot.sessions if not s.state.ended)
    return " + ".join(modes)
