"""The base of all full screens: top line, hints, arriving snapshots, a notice when too small."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import ClassVar, Protocol, cast

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.css.query import QueryType
from textual.geometry import Size
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input, Static

from core.host.link import HostLink
from core.journal.session_notes import AlertRule
from core.session.snapshot import HostSnapshot, LogLine, SessionSnapshot
from core.text import safe_text
from tui import formats
from tui.commands import Command, Place
from tui.modals.notes import AlertsForm, NotesForm, Written
from tui.requests.alerts import Alerts
from tui.requests.backtest import BacktestCommands
from tui.requests.comparison import ComparisonCommands
from tui.requests.library import LibraryCommands
from tui.requests.schedule import ScheduleCommands
from tui.requests.sessions import SessionCommands
from tui.requests.settings import SettingsCommands
from tui.requests.varying import VaryingCommands
from tui.requests.views import View
from tui.screens.panes import Axis, Shares, give_sizes, resized
from tui.shell import Shell
from tui.terminal import SMALLEST
from tui.widgets.filter_box import FilterBox
from tui.widgets.hints import Hints
from tui.widgets.log_pane import LogPane
from tui.widgets.tones import Tone
from tui.widgets.top_bar import TopBar

SHORT = 30  # lower terminals lose the air between the parts
TINY = 20  # still lower ones lose parts
TALL = 50  # higher ones give what is left to the list
NARROW = 100  # on narrower ones what stands side by side is stacked, or left out
WIDE = 190  # on wider ones what is stacked, or left out, stands side by side


Readings = Sequence[tuple[str, Tone]]
"""Values that are told beside a title, such as `fast 71,097.80`."""


class ScreenShell(Shell, Protocol):
    """The application as its screens see it: the shell, and what they may have done."""

    host_name: str
    sessions: SessionCommands
    schedule: ScheduleCommands
    settings: SettingsCommands
    backtests: BacktestCommands
    library: LibraryCommands
    varying: VaryingCommands
    comparisons: ComparisonCommands
    panes: dict[str, Shares]
    alerts: Alerts
    views: dict[str, View]
    view: str
    keymap: dict[str, str]

    def leave(self) -> None:
        """Have what was said of a screen go with it."""
        ...

    @property
    def theme_names(self) -> tuple[str, ...]:
        """The themes there are."""
        ...

    def choose_theme(self, name: str) -> None:
        """Use a theme from now on, and the next time."""
        ...

    def choose_zone(self, name: str) -> None:
        """Write times in the zone of that name from now on, and the next time."""
        ...

    def choose_key(self, command: Command, keys: str) -> None:
        """Give a command keys in which `key_problem` finds nothing, now and the next time."""
        ...

    def action_go(self, mode: str) -> None:
        """Go to another of the program's screens."""
        ...

    def action_next_alerts(self) -> None:
        """Tell of what happens less loudly, or again with all means."""
        ...


class BaseScreen(Screen[None]):
    """A full screen of the program; subclasses say what is between the top line and the hints."""

    PLACE: ClassVar[Place]
    TITLE: ClassVar[str | None] = None
    ALLOW_IN_MAXIMIZED_VIEW = "TopBar, FilterBox, Hints"
    LARGEST: ClassVar[str] = ""  # which panes gain by a full screen where the one in use is short
    ready = False  # whether its widgets are there to be drawn on
    _focused_last: Widget | None = None
    _panes: Sequence[Widget] = ()  # among which one goes on in full screen
    _zone: tzinfo | None = None  # of the times that `draw_in` has drawn

    @property
    def papertape(self) -> ScreenShell:
        """The application, as far as screens know it."""
        return cast(ScreenShell, self.app)

    @property
    def is_foremost(self) -> bool:
        """Whether nothing lies over it but forms and questions."""
        stack = self.app.screen_stack
        return self in stack and all(one.is_modal for one in stack[stack.index(self) + 1 :])

    @property
    def is_on_top(self) -> bool:
        """Whether nothing at all lies over it; `is_current` also holds for what is beneath that."""
        return self.is_current and self.app.screen is self

    def compose(self) -> ComposeResult:
        """Top line, body, hints."""
        self._take_kind(self.app.size)  # or it would be painted once as on another terminal
        yield TopBar(self.TITLE or "", self.papertape.host_name)
        yield from self.body()
        yield Hints(self.PLACE)
        width, height = SMALLEST
        yield Static(
            f"Enlarge the terminal to {width}×{height} or more", id="enlarge", markup=False
        )

    def body(self) -> ComposeResult:
        """The widgets between the top line and the hints."""
        raise TypeError(f"{type(self).__name__} says nothing about its body")

    def show(self, snapshot: HostSnapshot) -> None:
        """Draw the latest state of everything."""
        self._show_top(snapshot)

    def show_again(self) -> None:
        """Draw what is known in another zone, or while something is waited for."""
        snapshot = self.papertape.snapshot
        if snapshot is None:
            self._show_top(None)
        else:
            self.take_snapshot(snapshot)
        zone = self.papertape.zone
        if zone != self._zone:
            self._zone = zone
            self.draw_in(zone)

    def draw_in(self, zone: tzinfo) -> None:
        """Draw what no snapshot brings, its times in a zone: at first, and in each other one."""

    def take_snapshot(self, snapshot: HostSnapshot) -> None:
        """Draw the latest state of everything, and what can be done with it."""
        self.show(snapshot)
        self.query_one(Hints).recheck()

    def look_back(self, log: LogPane, session_id: str) -> None:
        """Have a log show what a session logged before the lines that the host has at hand."""
        if not log.lacks(session_id):
            return
        log.put_before(session_id, None)

        async def work(link: HostLink) -> None:
            earlier: Sequence[LogLine] = ()
            try:
                earlier = await link.earlier_log(session_id)
            finally:
                if self.is_attached:
                    log.put_before(session_id, earlier)

        self.papertape.command("log", work, quiet=True)

    def _show_top(self, snapshot: HostSnapshot | None) -> None:
        self.query_one(TopBar).show(snapshot, self.papertape.waiting, self.papertape.zone)

    def refresh_hints(self) -> None:
        """Ask anew which commands are possible."""
        self.query_one(Hints).refresh()

    # Textual calls the handler of every class of a screen, so that what calls `super()` is called
    # twice: these are handled here alone, and screens override what they do.

    def on_mount(self) -> None:
        """Draw for the first time."""
        self.mounted()

    def on_screen_resume(self) -> None:
        """Come to the front again."""
        self.resumed()

    def on_screen_suspend(self) -> None:
        """Let another come to the front."""
        self.suspended()

    def on_resize(self, event: events.Resize) -> None:
        """Take another size."""
        self.laid_out(event)

    def suspended(self) -> None:
        """Leave behind what is told of this screen alone."""
        self.papertape.leave()

    def mounted(self) -> None:
        """Show what is known already."""
        self.ready = True
        self.show_again()

    def resumed(self) -> None:
        """Catch up with what happened while another screen was shown."""
        if self.ready:
            self.show_again()

    def laid_out(self, event: events.Resize) -> None:
        """Give up air on low terminals, and everything where nothing could be read."""
        self._take_kind(event.size)
        if self.ready:
            self.query_one(Hints).recheck()  # some commands are for where there is little room
        self.call_after_refresh(self._give_sizes)

    def _take_kind(self, size: Size) -> None:
        """Say by classes of which kind the terminal is."""
        width, height = SMALLEST
        self.set_class(size.width < width or size.height < height, "too-small")
        self.set_class(size.height < SHORT, "-short")
        self.set_class(size.height < TINY, "-tiny")
        self.set_class(size.height >= TALL, "-tall")
        self.set_class(size.width < NARROW, "-narrow")
        self.set_class(size.width >= WIDE, "-wide")

    @property
    def _layout(self) -> str:
        """The name of the layout that this terminal has for the screen."""
        kinds = [kind for kind in ("-short", "-tiny", "-narrow", "-wide") if self.has_class(kind)]
        return self.PLACE.mode + "".join(kinds)

    def _give_sizes(self) -> None:
        """Give the panes the sizes that were chosen for this layout."""
        if self.is_attached:
            give_sizes(self, self.papertape.panes.get(self._layout, {}))
            self._give_focus()

    def watch_focused(self, pane: Widget | None) -> None:
        """Where one pane is in full screen, have it be that which takes the keys."""
        before = self.maximized
        if before is None or pane in (None, before) or isinstance(pane, Input):
            return
        if pane not in self._panes:  # it takes turns with another, and was not shown then
            place = self._panes.index(before) + 1 if before in self._panes else 0
            self._panes = [*self._panes[:place], pane, *self._panes[place:]]
        self.maximized = pane

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Remember what takes the keys."""
        self._focused_last = event.widget

    def _give_focus(self) -> None:
        """Give the keys back once there is room again for what had them, or else to another."""
        last = self._focused_last
        if self.focused is None and last is not None and not self.has_class("too-small"):
            chain = self.focus_chain
            self.set_focus(last if last in chain else next(iter(chain), None))

    def size_pane(self, axis: Axis, step: int) -> None:
        """Make the pane one is in larger (`step` 1) or smaller, and remember that."""
        shares = None if self.maximized is not None else resized(self.focused, axis, step)
        if shares is None:
            return
        panes = self.papertape.panes
        panes[self._layout] = {**panes.get(self._layout, {}), **shares}
        self._give_sizes()
        self.papertape.settings.keep_panes(panes)

    def turn_maximised(self) -> None:
        """Show the pane one is in over the whole screen, or all of them again."""
        if self.maximized is not None:
            self.minimize()
        elif self.focused is not None and not isinstance(self.focused, Input):
            # In their order, which follows from where they stand; a field needs no screen.
            self._panes = [one for one in self.focus_chain if not isinstance(one, Input)]
            pane = self.focused
            if self.LARGEST and pane.max_scroll_y == 0:  # all of it is there to be seen
                larger = [one for one in self.query(self.LARGEST) if one in self._panes]
                pane = next(iter(larger), pane) if pane not in larger else pane
                self.set_focus(pane)
            self.maximized = pane  # also where Textual would not, as with plain text

    def focus_next(self, selector: str | type[QueryType] = "*") -> Widget | None:
        """Go to the next pane; from one in full screen to that in full screen."""
        return self._other_pane(1) or super().focus_next(selector)

    def focus_previous(self, selector: str | type[QueryType] = "*") -> Widget | None:
        """Go to the pane before; from one in full screen to that in full screen."""
        return self._other_pane(-1) or super().focus_previous(selector)

    def _other_pane(self, step: int) -> Widget | None:
        """Show another pane in the place of the one in full screen; None where none is in it."""
        there = self.focus_chain
        panes = [pane for pane in self._panes if pane in there]
        if self.maximized not in panes:
            return None
        pane = panes[(panes.index(self.maximized) + step) % len(panes)]
        self.set_focus(pane)
        return pane

    def why_not(self, action: str) -> str:
        """Why a refused action is not possible just now; empty: as its definition's `unless` says.

        For what has more reasons than one.
        """
        return ""

    def action_filter(self) -> None:
        """Open the screen's filter."""
        self.query_one(FilterBox).open()

    def action_unfilter(self) -> None:
        """Close the filter and show everything again; where it is closed, what else Esc ends."""
        box = self.query_one(FilterBox)
        if not box.close():
            self.without_filter()
        box.beside.focus()

    def without_filter(self) -> None:
        """What Esc ends on a screen whose filter is closed."""

    def copy_json(self, made: Callable[[], Mapping[str, object]]) -> None:
        """Put what is `made` in a thread on the clipboard as JSON, also over SSH (OSC 52)."""

        def written() -> str:
            return json.dumps(made(), indent=2, default=str)

        async def work() -> None:
            self.app.copy_to_clipboard(await asyncio.to_thread(written))
            self.papertape.say("Copied as JSON, if this terminal allows it.")

        self.app.run_worker(work(), name="copy", group="export", exit_on_error=False)

    def export(self, write: Callable[[Path], Path]) -> None:
        """Have something written into files of the workspace (`tui.requests.exporting`); say where.

        `write`: is called with the workspace in a thread.
        """
        workspace = self.papertape.workspace
        if workspace is None:
            self.papertape.say("There is no workspace to write it into.", "error", "Not exported")
            return

        async def work() -> None:
            try:
                path = await asyncio.to_thread(write, workspace)
            except OSError as error:
                self.papertape.say(f"It cannot be written ({error}).", "error", "Not exported")
            else:
                self.papertape.say(f"Written into {formats.path(path)}.")

        self.app.run_worker(work(), name="export", group="export", exit_on_error=False)

    def note_on(self, session: SessionSnapshot) -> None:
        """Open the form for a note and tags of a session."""

        def answered(written: Written | None) -> None:
            if written is not None:
                self.papertape.sessions.annotate(session, *written)

        self.app.push_screen(
            NotesForm(f"{session.strategy} ({session.id})", session.notes), answered
        )

    def tell_of(
        self,
        session: SessionSnapshot,
        symbol: str,
        prices: Callable[[], Mapping[str, float] | None] = lambda: None,
    ) -> None:
        """Open the form for what to be told of in a session; by `prices` its symbols stand now."""

        def present() -> Mapping[str, float]:
            if (known := prices()) is not None:
                return known
            # Only those are known in which it has a position.
            snapshot = self.papertape.snapshot
            listed = () if snapshot is None else snapshot.sessions
            found = next((one for one in listed if one.id == session.id), session)
            return {one.symbol: one.mark_price for one in found.open_positions}

        def answered(alerts: tuple[AlertRule, ...] | None) -> None:
            if alerts is not None:
                self.papertape.sessions.set_alerts(session, alerts)

        self.app.push_screen(AlertsForm(session, symbol, present), answered)

    def pane(self, widget: Widget, title: str) -> Widget:
        """A widget under a rule that carries its title."""
        widget.add_class("pane", update=False)  # it is styled when it is mounted
        entitle(widget, title)
        return widget


def entitle(widget: Widget, title: str, readings: Readings = ()) -> None:
    """Write a pane's title into its rule, literally; the same title again repaints nothing.

    `readings` follow it, each in its tone, as far as there is room.
    """
    _write_title(widget, Content(f" {safe_text(title)} "), readings)


def _write_title(widget: Widget, text: Content, readings: Readings) -> None:
    room = widget.size.width - 4 - text.cell_length
    for reading, tone in readings:
        room -= cell_len(reading) + 2
        if room < 0:
            break
        text += Content(" ") + Content.styled(reading, f"not bold {tone.css}") + Content(" ")
    if widget.border_title != text.markup:
        widget.border_title = text


def entitle_views(
    widget: Widget, titles: Sequence[str], shown: int, readings: Readings = ()
) -> None:
    """Write into a pane's rule the views that take turns in its place, the one shown in bold.

    Where they are too many for the pane, those before it give way, and then the last ones: ‹ and ›
    stand for them. `readings` as in `entitle`.
    """
    first, stop = 0, len(titles)
    parent = widget.parent
    laid_out = widget.size or (parent.size if isinstance(parent, Widget) else widget.size)
    width = laid_out.width - 4  # of one that is not shown yet, where it will be
    lengths = [cell_len(safe_text(title)) + 2 for title in titles]

    def room() -> int:
        """Cells left beside the titles from `first` to `stop`, each with its gap."""
        more = 3 * (first > 0) + 3 * (stop < len(titles))
        return width - sum(lengths[first:stop]) + 2 - more

    while width > 0 and room() < 0 and stop > min(len(titles), shown + 3):
        stop -= 1
    while width > 0 and room() < 0 and (first < shown or stop > shown + 1):
        if first < shown:
            first += 1
        else:
            stop -= 1
    parts = [
        Content(safe_text(title)).stylize("bold" if place == shown else "not bold $dim")
        for place, title in enumerate(titles)
        if first <= place < stop
    ]
    before, after = (Content(sign).stylize("not bold $dim") for sign in "‹›")
    parts = [*[before] * (first > 0), *parts, *[after] * (stop < len(titles))]
    _write_title(widget, Content(" ") + Content("  ").join(parts) + Content(" "), readings)


def write(widget: Static, content: Content) -> None:
    """Write a text into a widget; the same text again repaints nothing.

    Nothing is laid out anew for one whose height is fixed.
    """
    if widget.content != content:
        height = widget.styles.height
        widget.update(content, layout=height is None or height.is_auto)
