"""The only module that touches private parts of Textual, which is pinned to one version for that.

Textual 8.2 offers no public way to look at the frames that wait for the terminal, to leave a frame
out or shrink it, or to report a crash without printing every local variable. Each use is one method
here, and tests/ui/test_terminal.py fails where an update of Textual changes what it relies on.
"""

from __future__ import annotations

import traceback
from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Any

from rich.console import Console, RenderableType
from rich.text import Text
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.app import App
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.notifications import Notify
from textual.screen import Screen

from core.store.redaction import KNOWN_SECRETS
from tui.terminal_cells import Piece, ShownCells


class PrivateApp(App[int]):
    """An app that can look at its output queue, leave out or shrink frames, and crash briefly."""

    def __init__(self) -> None:
        super().__init__()
        self.shown_cells = ShownCells()
        self.stylesheet = _ParsedStylesheet(variables=self.get_css_variables())

    def frames_waiting(self) -> int | None:
        """How many frames wait for the terminal; None where nothing writes any more."""
        writer = getattr(self._driver, "_writer_thread", None)
        if writer is None:
            return 0
        return int(writer._queue.qsize()) if writer.is_alive() else None

    def write_title(self, text: str) -> None:
        """Give the terminal's window a title (OSC 2); `text` is the program's own."""
        if self._driver is not None and not self.is_headless and self.may_draw():
            self._driver.write(f"\x1b]2;{text}\x07")

    def put_away(self, texts: Collection[str]) -> None:
        """Show notifications of these texts no longer."""
        stale = [one for one in self._notifications if one.message in texts]
        for one in stale:
            self._unnotify(one, refresh=False)
        if stale:
            self._refresh_notifications()

    def _on_notify(self, event: Notify) -> None:
        # Called beside Textual's own, before it: the same text once more takes the older's place.
        for one in list(self._notifications):
            new = event.notification
            if (one.title, one.message, one.severity) == (new.title, new.message, new.severity):
                self._unnotify(one, refresh=False)

    def may_draw(self) -> bool:
        """Whether the next frame is written; asked before each."""
        return True

    def end_input(self) -> None:
        """Let whatever still reads the terminal end; call once the app has run.

        Textual's reader is not a daemon and ignores the end of its input: where a failure of the
        terminal, or a SIGCONT in the middle of the exit, leaves one behind, the process would go on
        with it for ever at full speed.
        """
        ended = getattr(self._driver, "exit_event", None)
        if ended is not None:
            ended.set()

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        if not self.may_draw():
            self.shown_cells.forget()
            return
        if isinstance(renderable, ChopsUpdate | LayoutUpdate):
            less = _Difference(renderable, self.shown_cells)
            super()._display(screen, less)  # type: ignore[arg-type]  # as Textual's own updates
        else:
            super()._display(screen, renderable)

    def _load_screen_css(self, screen: Screen[object]) -> None:
        super()._load_screen_css(screen)
        # It is styled when it is mounted; Textual would style all that is shown twice before that.
        screen._css_update_count = self._css_update_count

    def _fatal_error(self) -> None:
        # Textual's own prints every local variable, API keys among them.
        self.bell()
        self._exit_renderables.append(Text(KNOWN_SECRETS.redact(traceback.format_exc())))
        self._close_messages_no_wait()


_Rules = dict[tuple[object, ...], list[RuleSet]]
_parsed: defaultdict[frozenset[tuple[str, str]], _Rules] = defaultdict(dict)
"""What each source of styles was parsed to, with the variables of each theme, for every app."""


class _ParsedStylesheet(Stylesheet):
    """Styles of which a source is parsed once with the same variables.

    Textual's own parses all of them twice whenever a screen is opened for the first time, which
    takes longer than to make and draw it.
    """

    def __init__(self, *, variables: dict[str, str]) -> None:
        super().__init__(variables=variables)
        self._parsed = _parsed[frozenset(variables.items())]

    def set_variables(self, variables: dict[str, str]) -> None:
        if variables != self._variables:
            super().set_variables(variables)
            self._parsed = _parsed[frozenset(variables.items())]
            self._require_parse = True

    def reparse(self) -> None:
        if self._require_parse:
            self.parse()

    def _parse_rules(self, *source: Any, **told: Any) -> list[RuleSet]:
        key = (*source, *told.items())
        if key not in self._parsed:
            self._parsed[key] = super()._parse_rules(*source, **told)
        return self._parsed[key]


class _Difference(CompositorUpdate):
    """An update of which only the cells are written that look different."""

    def __init__(self, update: ChopsUpdate | LayoutUpdate, shown: ShownCells) -> None:
        self._update = update
        self._shown = shown

    def render_segments(self, console: Console) -> str:
        """The characters to write."""
        return self._shown.difference(_pieces(self._update), console)


def _pieces(update: ChopsUpdate | LayoutUpdate) -> Iterator[Piece]:
    if isinstance(update, LayoutUpdate):
        for y, line in enumerate(update.strips, update.region.y):
            x = update.region.x
            for strip in line:
                yield y, x, strip
                x += strip.cell_length
        return
    for y, first, last in update.spans:
        for end, (x, part) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if part is not None and x <= last and end > first:
                yield y, x, part.crop(0, min(end, last) - x)
