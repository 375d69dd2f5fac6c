"""The only module that touches private parts of Textual, which is pinned to one version for that.

Textual 8.2 offers no public way to look at the frames that wait for the terminal, to leave a frame
out, or to report a crash without printing every local variable. Each use is one method here, and
tests/ui/test_terminal.py fails where an update of Textual changes what it relies on.
"""

from __future__ import annotations

import traceback

from rich.console import RenderableType
from rich.text import Text
from textual.app import App
from textual.screen import Screen


class PrivateApp(App[int]):
    """An app that can look at its output queue, leave frames out, and crash in few words."""

    def frames_waiting(self) -> int | None:
        """How many frames wait for the terminal; None where nothing writes any more."""
        writer = getattr(self._driver, "_writer_thread", None)
        if writer is None:
            return 0
        return int(writer._queue.qsize()) if writer.is_alive() else None

    def may_draw(self) -> bool:
        """Whether the next frame is written; asked before each."""
        return True

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        if self.may_draw():
            super()._display(screen, renderable)

    def _fatal_error(self) -> None:
        # Textual's own prints every local variable, API keys among them.
        self.bell()
        self._exit_renderables.append(Text(traceback.format_exc()))
        self._close_messages_no_wait()
