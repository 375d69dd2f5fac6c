"""Keeps the program alive where the terminal is unfit, stalls or goes away.

Textual writes to the terminal through a queue of thirty frames whose `put` blocks the event loop.
The guard drops frames before that queue is full and draws everything anew once the terminal
takes output again, so that a stalled SSH connection stops nothing but the picture.
"""

from __future__ import annotations

import os
import select
import sys
import threading
from collections.abc import Mapping, Sequence

from textual.filter import LineFilter, Monochrome, NoColor

from tui.textual_private import PrivateApp

FRAMES_WAITING = 18
SIZE_CHECK_EVERY = 0.5
SMALLEST = (60, 15)
SERVED = "tui.web_driver:ServedDriver"
"""The value of $TEXTUAL_DRIVER where the screen is a page of a browser."""
_TEARDOWN = 3.0  # seconds to restore the terminal in, once everything else has ended


def unfit(environ: Mapping[str, str], *, is_terminal: bool) -> str | None:
    """Why the screen cannot be shown here and what to do, or None if it can."""
    if environ.get("TEXTUAL_DRIVER") == SERVED:
        return None
    if not is_terminal:
        return (
            "the screen needs a terminal to draw on, and input or output is not one; "
            "use the commands instead (papertape --help), they print JSON with --json"
        )
    if environ.get("TERM", "") in ("", "dumb", "unknown"):
        return (
            f"papertape cannot draw on a terminal of type {environ.get('TERM', '')!r}; "
            "set TERM to what the terminal is (for example xterm-256color), or use the commands"
        )
    return None


class GuardedApp(PrivateApp):
    """An app that no stalled or lost terminal can hold up, and that never prints its variables."""

    terminal_gone = False
    terminal_stalled = False

    def watch_terminal(self) -> None:
        """Begin to look after the terminal; call once mounted."""
        if not self.is_headless:
            self.set_interval(SIZE_CHECK_EVERY, self._check_terminal)
            self.app_resume_signal.subscribe(self, lambda _: self.shown_cells.forget())

    def on_resize(self) -> None:
        """Draw everything anew on a terminal of another size."""
        self.shown_cells.forget()

    def action_redraw(self) -> None:
        """Draw everything anew: another program has written over the screen."""
        self.shown_cells.forget()
        self.refresh(layout=True)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """The toolkit's, but no greys under NO_COLOR where the colours are the terminal's own.

        What they are is not known, so that each of them would become black.
        """
        filters = super().get_line_filters()
        if not self.native_ansi_color:
            return filters
        return [NoColor() if isinstance(each, Monochrome) else each for each in filters]

    def may_draw(self) -> bool:
        """Leave frames out while the terminal takes none, or is gone."""
        if self.terminal_gone:
            return False
        waiting = self.frames_waiting()
        if waiting is None or waiting > FRAMES_WAITING:
            self.terminal_stalled = True
            return False
        return True

    def _hung_up(self) -> bool:
        poll = select.poll()
        poll.register(sys.__stdin__.fileno() if sys.__stdin__ else 0, select.POLLHUP)
        return any(events & select.POLLHUP for _, events in poll.poll(0))

    def _check_terminal(self) -> None:
        if self._hung_up():
            self.terminal_gone = True
            self.terminal_lost()
            return
        if self.terminal_stalled and self.frames_waiting() == 0:
            self.terminal_stalled = False
            self.refresh(layout=True)

    def end(self) -> None:
        """Exit, also where the terminal takes no more output, or is gone, and would hold that up.

        What writes to one that is gone may have died of it, and empties its queue no more.
        """
        gone = self.terminal_gone or (not self.is_headless and self._hung_up())
        if self.terminal_stalled or gone:
            watchdog = threading.Timer(_TEARDOWN, os._exit, (0,))
            watchdog.daemon = True
            watchdog.start()
        self.exit(0)

    def terminal_lost(self) -> None:
        """The terminal was closed under the app."""
        self.exit(1)
