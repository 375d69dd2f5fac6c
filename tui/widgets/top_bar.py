"""Where am I? The top line: program, screen, modes in use, host and the UTC clock."""

from __future__ import annotations

from textual.app import RenderResult
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from core.paper.snapshot import HostSnapshot
from tui import formats
from tui.widgets.safe_text import safe_text


class TopBar(Widget):
    """The first line of every screen."""

    DEFAULT_CSS = """
    TopBar { height: 1; dock: top; padding: 0 2; background: $surface; }
    """

    snapshot: reactive[HostSnapshot | None] = reactive(None)

    def __init__(self, title: str, host_name: str) -> None:
        super().__init__()
        self._title = title
        self._host_name = safe_text(host_name)

    def render(self) -> RenderResult:
        """Program and screen to the left; modes, host and clock to the right, as they fit."""
        left = Content.assemble(
            ("papertape", "bold $accent"),
            ("  ", "$dim"),
            (safe_text(self._title), "bold $foreground"),
        )
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
        room = self.size.width - left.cell_length - 2
        while len(right) > 1 and sum(part.cell_length + 3 for part in right) > room:
            right.pop(-2 if len(right) > 2 else 0)
        end = Content("   ").join(right)
        gap = max(1, self.size.width - left.cell_length - end.cell_length)
        return left + Content(" " * gap) + end


def modes_of(snapshot: HostSnapshot) -> str:
    """The modes of the sessions that have not ended, such as `DEMO` or `TESTNET + SIMULATED`."""
    modes = dict.fromkeys(s.mode.value for s in snapshot.sessions if not s.state.ended)
    return " + ".join(modes)
