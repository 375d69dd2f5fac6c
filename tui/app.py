"""The application: the only module that knows all the others.

It makes the collaborators and the screens, passes snapshots on to what is visible and commands to
the host. What the others may ask of it is in `tui.shell`.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import UTC, tzinfo
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.actions import ActionParseResult
from textual.await_complete import AwaitComplete
from textual.binding import BindingType
from textual.command import Provider
from textual.dom import DOMNode
from textual.reactive import reactive
from textual.screen import Screen
from textual.widgets import Input
from textual.worker import Worker, WorkerState

from core.host.link import CommandError, HostLink
from core.journal.values import FeedKind
from core.session.snapshot import HostSnapshot
from core.store.preferences import PreferredZone, zone_of
from core.store.workspace import Workspace, program_for
from core.text import safe_lines, safe_text, typed_for
from tui import formats
from tui.commands import Command, Place, bindings, commands_at, refusal
from tui.host.connection import GROUP, HostConnection, LinkReady
from tui.host.hosting import Hosting
from tui.host.leaving import Leaving
from tui.host.returning import Change, Returning, in_few_words
from tui.keymap import checked_keymap, shown_key, with_key
from tui.modals.ask import Ask
from tui.modals.form import Form
from tui.modals.meanwhile import Meanwhile
from tui.modals.new_session import NewSession
from tui.palette import PaletteCommands
from tui.requests.alerts import Alerts, Loudness
from tui.requests.backtest import BacktestCommands
from tui.requests.comparison import ComparisonCommands
from tui.requests.exporting import export_picture
from tui.requests.library import LibraryCommands
from tui.requests.schedule import ScheduleCommands
from tui.requests.sessions import ReportPage, SessionCommands
from tui.requests.settings import SettingsCommands
from tui.requests.settings_files import Appearance, read_appearance
from tui.requests.trial import outlook
from tui.requests.varying import VaryingCommands
from tui.screens.backtest import BacktestScreen
from tui.screens.base import BaseScreen, ScreenShell
from tui.screens.compare import CompareScreen
from tui.screens.help import HelpScreen
from tui.screens.logs import LogsScreen
from tui.screens.long_work import LongWorkScreen
from tui.screens.panes import Axis
from tui.screens.performance import PerformanceScreen
from tui.screens.report import ReportScreen
from tui.screens.schedule import ScheduleScreen
from tui.screens.session import SessionScreen
from tui.screens.sessions import SessionsScreen
from tui.screens.settings import SettingsScreen
from tui.screens.strategies import StrategiesScreen
from tui.shell import HostWork, OfferedAnswer, Severity
from tui.shipped import shipped
from tui.strategies import StrategyChoice
from tui.terminal import GuardedApp
from tui.theming import DEFAULT_THEME, SIXTEEN_COLORS, find_themes, problems_of
from tui.widgets.candle_chart import CandleChart
from tui.widgets.line_table import LineTable
from tui.widgets.text_lines import long_words_broken

if TYPE_CHECKING:
    from core.host.feed_factories import DemoMarket

POLL_EVERY = 0.25
_TOAST_WIDTH, _TOAST_FRAME = 60, 5  # cells of one (base.tcss), and of them those around its text
_IDLE_AFTER = 2.0  # seconds after the host is there: what is imported then delays nobody


class PapertapeApp(GuardedApp):
    """Papertape on the screen.

    `hosting` runs (or is attached to) the host; `strategies` lists what can be started, read in a
    thread; `feed` is the one a quick start uses; `demo` makes the market that the embedded exchange
    of a demo shows. Workers belong to the app, never to a screen.
    """

    TITLE = "papertape"
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {PaletteCommands}
    MODES: ClassVar[dict[str, str | Callable[[], Screen[None]]]] = {
        "sessions": SessionsScreen,
        "strategies": StrategiesScreen,
        "backtest": BacktestScreen,
        "compare": CompareScreen,
        "schedule": ScheduleScreen,
        "logs": LogsScreen,
        "settings": SettingsScreen,
        "performance": PerformanceScreen,
    }
    DEFAULT_MODE = "sessions"
    CSS_PATH = sorted(Path(__file__).parent.glob("*/*.tcss"))
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.ANYWHERE)

    # A reactive of the app repaints the whole screen unless told not to. What shows these three
    # is told of them and repaints what differs.
    snapshot: reactive[HostSnapshot | None] = reactive(None, repaint=False)
    waiting: reactive[str] = reactive("starting the host …", repaint=False)
    zone: reactive[tzinfo] = reactive[tzinfo](UTC, repaint=False)

    def __init__(
        self,
        hosting: Hosting,
        strategies: Callable[[], Iterable[Sequence[StrategyChoice]]],
        *,
        host_name: str,
        feed: FeedKind = FeedKind.LIVE,
        workspace: Path | None = None,
        demo: Callable[[], DemoMarket] | None = None,
        poll_every: float = POLL_EVERY,
        is_made: bool = False,
    ) -> None:
        super().__init__()
        self._is_made = is_made  # whether the workspace was not there before
        self.hosting = hosting
        self._strategies = strategies
        self.host_name = host_name
        self.feed = feed
        self.demo = demo
        self.workspace = workspace
        self.sessions = SessionCommands(self, self.open_report)
        self.schedule = ScheduleCommands(self)
        self.settings = SettingsCommands(self)
        self.backtests = BacktestCommands(self)
        self.library = LibraryCommands(self)
        self.varying = VaryingCommands(self)
        self.comparisons = ComparisonCommands(self)
        self._held: list[Callable[[], None]] = []  # said once no form is open
        self._said_here: set[str] = set()  # of the screen that is shown
        self._themes_said: set[str] = set()
        self._connection = HostConnection(self, hosting)
        self._returning = Returning(self, self.show_changes)
        program = "papertape demo" if feed is FeedKind.DEMO else program_for(workspace)
        self.leaving = Leaving(self, self._connection, program, self._returning.leave)
        self._poll_every = poll_every
        folders = [shipped("themes")] + ([] if workspace is None else [workspace / "themes"])
        found = find_themes(folders)
        self.theme_names = tuple(found.themes)
        for theme in found.themes.values():
            self.register_theme(theme)
        self._appearance = (
            Appearance() if workspace is None else read_appearance(Workspace(workspace))
        )
        self.theme_problems = problems_of(found, self._appearance.theme)
        self.panes = dict(self._appearance.panes)
        self.views = dict(self._appearance.views)
        self.view = self._appearance.view
        self.keymap, self._keymap_problems = checked_keymap(self._appearance.keymap)
        self.alerts = Alerts(self, self.bell, self.write_title, self._appearance.alerts)
        self.theme = DEFAULT_THEME
        if self._appearance.theme in found.themes:
            self.theme = self._appearance.theme
        self._zone_kept = self._appearance.zone
        self._preferred = (
            None if workspace is None else PreferredZone(Workspace(workspace).preferences)
        )
        self.set_reactive(PapertapeApp.zone, self._zone_kept)

    def action_go(self, mode: str) -> None:
        """Go to another of the program's screens, each of which remembers where one was.

        From what was opened there (a session, a report) the same key leads back to its list.
        """
        if mode != self.current_mode:
            self.switch_mode(mode)
        else:
            self._back_to_list()

    def _back_to_list(self) -> None:
        """Leave what is opened over a list, as far as nothing would be broken off by that."""
        while len(self.screen_stack) > 1:
            top = self.screen
            if isinstance(top, LongWorkScreen) and top.is_busy:
                self.say(f"The {top.WHAT} still runs: x ends it.", "warning")
                return
            self.pop_screen()

    def jump(self, mode: str, key: str, symbol: str | None = None) -> None:
        """Go to a screen, and there to the session, strategy, job or backtest of that key.

        `symbol`: of a session, which of its symbols to show.
        """
        if mode != self.current_mode:
            self.switch_mode(mode)
        self._back_to_list()
        if mode == "sessions":
            self.push_screen(SessionScreen(key, symbol))
        elif isinstance(self.screen, StrategiesScreen | ScheduleScreen | BacktestScreen):
            self.screen.seek(key)

    def lead(self, command: Command) -> None:
        """Go where a command of another screen is at home.

        One that opens a form or a filter is begun there. Any other may be about what the cursor is
        on, which nobody has looked at yet: its key is told.
        """
        home = command.place.home
        if home is not None:
            if home.mode != self.current_mode:
                self.switch_mode(home.mode)
            self._back_to_list()

        def begin() -> None:
            if command.place is home and command.action in ("new", "filter", "views"):
                self.call_later(self.run_action, command.target)
                return
            where = "" if command.place is home else f" ({command.place.value})"
            key = shown_key(command, self.keymap)
            self.say(f"{key}{where}: {command.help}.", title=command.label, here=True)

        self.call_after_refresh(begin)

    def on_mount(self) -> None:
        """Start the host, the clockwork and the handlers of signals."""
        for number in (signal.SIGTERM, signal.SIGHUP):
            if not self.is_headless:
                asyncio.get_running_loop().add_signal_handler(
                    number, self.leaving.signalled, number
                )
        few = not self.is_headless and self.console.color_system == "standard"
        if few and not self.current_theme.ansi:
            self.theme = SIXTEEN_COLORS
        self.watch_terminal()
        self._returning.begin()
        self._connection.hold()
        self.set_interval(self._poll_every, self.poll)
        self.set_keymap(self.keymap)
        problems = self.theme_problems, self._appearance.problems, self._keymap_problems
        for problem in chain.from_iterable(problems):
            self.say(problem, "warning")
        if self._is_made and self.workspace is not None:
            self.say(f"{formats.path(self.workspace)} is a new workspace, made just now.")

    def on_unmount(self) -> None:
        """Let go of the host whatever ended the app, or its thread would keep the process."""
        if not self.leaving.begun:
            self._connection.let_go(keep_running=False)

    # ── the host ──

    @property
    def link(self) -> HostLink | None:
        """The host that takes commands now, None while there is none."""
        return self._connection.link

    def wait_for(self, what: str) -> None:
        """Say in the top line what is waited for; the empty text ends that."""
        self.waiting = what

    @on(LinkReady)
    def _link_ready(self, message: LinkReady) -> None:
        self._connection.ready(message.link)
        if self.workspace is not None:
            self.set_timer(_IDLE_AFTER, self.comparisons.prepare)

    # ── snapshots ──

    def poll(self) -> None:
        """Take the latest snapshot; an unchanged one draws nothing, nor does an app that ends."""
        if self.link is not None and self.is_running:
            self._follow_zone()
            self.snapshot = self.link.snapshot()

    def _follow_zone(self) -> None:
        """Take over the zone that another screen of the workspace has chosen.

        The host counts its days by it, and what is gained today may not stand under another's name.
        """
        before = self._zone_kept
        if self._preferred is not None:
            self._zone_kept = self._preferred()
        if self._zone_kept != before:
            self.zone = self._zone_kept

    @property
    def attached(self) -> bool:
        """Whether the sessions run in another process."""
        return self.snapshot is not None and self.snapshot.pid != os.getpid()

    def watch_snapshot(self, before: HostSnapshot | None, snapshot: HostSnapshot | None) -> None:
        """Pass a new snapshot to every screen that can be seen."""
        if snapshot is None:
            return
        another_host = before is None or before.pid != snapshot.pid
        with self.batch_update():
            for screen in self.screen_stack:
                if isinstance(screen, BaseScreen) and screen.ready:
                    screen.take_snapshot(snapshot)
                    if another_host:
                        screen.refresh_hints()
        if isinstance(self.screen, Ask) and self.screen.gone():
            self.screen.dismiss(None)
        self._returning.see(snapshot)
        if before is not None and not another_host and not self.leaving.begun:
            fresh = before.last_log != snapshot.last_log and self.link is not None
            lines = self.link.logs(before.last_log) if fresh and self.link else ()
            self.alerts.see(before, snapshot, lines)

    async def on_event(self, event: events.Event) -> None:
        """Take a key as the sign that somebody is there; one for a form that opens waits for it."""
        if isinstance(event, events.Key):
            self.alerts.seen()
            if isinstance(self.screen, Form) and self.screen.holds(event):
                return
        await super().on_event(event)

    def watch_waiting(self) -> None:
        """Say in the top line what is waited for."""
        self._show_again()

    def watch_zone(self) -> None:
        """Write the times that are shown in another zone."""
        self._show_again()

    def _show_again(self) -> None:
        for screen in self.screen_stack if self.is_running else ():
            if isinstance(screen, BaseScreen) and screen.ready:
                screen.show_again()

    def say(
        self,
        text: str,
        severity: Severity = "information",
        title: str = "",
        *,
        waits: bool = False,
        here: bool = False,
    ) -> None:
        """See `Shell.say`."""
        if waits and self.screen.is_modal:
            self._held.append(partial(self.say, text, severity, title))
            return
        room = min(_TOAST_WIDTH, self.size.width * 90 // 100) - _TOAST_FRAME
        text = safe_lines(typed_for(program_for(self.workspace), text))
        shown = long_words_broken(text, max(1, room))
        if here:
            self._said_here.add(shown)
        self.notify(shown, title=safe_text(title), severity=severity, markup=False)

    def leave(self) -> None:
        """Have what was said of a screen go with it."""
        self.put_away(self._said_here)
        self._said_here.clear()

    def pop_screen(self) -> AwaitComplete:
        """Return from a screen; after the last form or question say what waited for that."""
        popped = super().pop_screen()
        if not self.screen.is_modal:
            held, self._held = self._held, []
            for say in held:
                say()
        return popped

    def ask(
        self,
        title: str,
        text: str,
        answers: Sequence[OfferedAnswer],
        answered: Callable[[str], None],
        gone: Callable[[], str] = lambda: "",
    ) -> None:
        """See `Shell.ask`."""

        def closed(answer: str | None) -> None:
            if why := gone():
                self.say(why, "warning")
            elif answer is not None:
                answered(answer)

        self.push_screen(Ask(title, text, answers, gone), closed)

    def open_report(self, name: str) -> ReportPage:
        """Open the page for the report of a session, which is still to be read."""
        screen = ReportScreen(reading=f"the report of {name}")
        self.push_screen(screen)
        return screen

    def show_changes(self, title: str, changes: Sequence[Change]) -> None:
        """Open what happened while nobody looked; over what somebody does already, only tell it."""

        def read(session_id: str | None) -> None:
            if session_id is not None:
                self.push_screen(SessionScreen(session_id))

        if isinstance(self.screen, SessionsScreen) and not isinstance(self.focused, Input):
            self.push_screen(Meanwhile(title, changes), read)
        else:
            self.say(in_few_words(changes), title=title)

    # ── commands ──

    @property
    def escape_to_minimize(self) -> bool:
        """Whether Esc leads out of full screen; a crosshair there it takes away before that."""
        chart = self.focused
        return not isinstance(chart, CandleChart) or not chart.check_action("drop", ())

    def command(
        self, name: str, work: HostWork, *, quiet: bool = False, about: Iterable[str] = ()
    ) -> None:
        """Run a command against the host, and unless quiet say what it refused."""
        link = self.link
        if link is None:
            if not quiet:
                self.say("The host is still starting.", "warning")
            return
        own = tuple(about)
        self.alerts.expect(own)

        async def run() -> None:
            try:
                await work(link)
            except CommandError as error:
                if not quiet:
                    self.say(str(error), "error", title=f"{name} refused")
                self.poll()  # some may have been done before it was refused
                self.alerts.expect_no_more(own)
                return
            if not quiet:
                self.poll()

        self.run_worker(run(), name=name, group="commands", exit_on_error=False)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Say what went wrong in a worker, in one sentence."""
        if event.worker.group == GROUP and event.state is WorkerState.SUCCESS:
            if not self.leaving.begun:
                self._connection.ended()
        elif event.worker.group == GROUP and event.state is WorkerState.ERROR:
            self._connection.failed(event.worker.error)
        elif event.state is WorkerState.ERROR:
            error = event.worker.error
            self.say(f"{event.worker.name}: {type(error).__name__}: {error}", "error", "Failed")

    async def list_strategies(self) -> AsyncIterator[Sequence[StrategyChoice]]:
        """See `Shell.list_strategies`."""
        lists = iter(await asyncio.to_thread(self._strategies))
        while (listed := await asyncio.to_thread(next, lists, None)) is not None:
            yield listed

    async def read_strategies(self) -> tuple[StrategyChoice, ...]:
        """What can be started, read in a thread."""
        lists = [listed async for listed in self.list_strategies()]
        return tuple(lists[-1]) if lists else ()

    def open_new_session(self, picked: str | None = None) -> None:
        """Open the form for a new session, on the strategy of that name if there is one."""
        self.push_screen(
            NewSession(
                self.list_strategies,
                self.feed,
                picked,
                partial(outlook, self.workspace),
                self.workspace,
                self.sessions.start,
            )
        )

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to take over only where there is something to take."""
        return self.attached if action == "take_over" else True

    async def run_action(
        self,
        action: str | ActionParseResult,
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Do what a key stands for; where that is not possible now, say why: no key is silent."""
        done = await super().run_action(action, default_namespace, namespaces)
        if not done and isinstance(action, str):
            why_not = ""
            if default_namespace is self:
                why_not = refusal(Place.ANYWHERE, action)
            elif isinstance(default_namespace, BaseScreen):
                screen = default_namespace
                why_not = screen.why_not(action) or refusal(screen.PLACE, action)
            elif action == "choose" and isinstance(self.screen, BaseScreen):
                # A screen that has something of its own on Enter is asked next, and says why.
                own = any("enter" in one.keys.split(",") for one in commands_at(self.screen.PLACE))
                why_not = "" if own else "These rows say all there is: none opens."
            if why_not:
                self.say(why_not, "warning", here=True)
        return done

    def action_take_over(self) -> None:
        """Ask, then run the sessions here that another process runs."""
        self._connection.ask_take_over()

    def action_maximise(self) -> None:
        """Show the pane one is in over the whole screen, or all of them again."""
        if isinstance(self.screen, BaseScreen):
            self.screen.turn_maximised()

    def action_size_pane(self, axis: Axis, step: int) -> None:
        """Make the pane one is in larger or smaller."""
        if isinstance(self.screen, BaseScreen):
            self.screen.size_pane(axis, step)

    def action_help(self) -> None:
        """Show every key."""
        place = self.screen.PLACE if isinstance(self.screen, BaseScreen) else Place.ANYWHERE
        parts = {
            Place.TABLE: "LineTable",
            Place.MAP: "HeatMap, Calendar",
            Place.CHART: "CandleChart",
            Place.LOG: "LogPane",
        }
        here = [part for part, kind in parts.items() if self.screen.query(kind)]
        self.push_screen(HelpScreen(place, here, tuple(self.screen.query(LineTable))))

    def save_picture(self) -> None:
        """Write what the screen shows into the folder of the exports, as SVG, and say where."""
        page = next(one for one in self.screen_stack[::-1] if isinstance(one, BaseScreen))
        page.export(partial(export_picture, self.export_screenshot(), page.PLACE.value))

    def action_next_alerts(self) -> None:
        """Tell of what happens less loudly, or again with all means."""
        ways = list(Loudness)
        self.alerts.loudness = ways[(ways.index(self.alerts.loudness) + 1) % len(ways)]
        self.settings.keep_alerts(self.alerts.loudness.value)
        self.say(f"Alerts: {self.alerts.loudness}.")

    def action_next_theme(self) -> None:
        """Go on to the next of the program's themes."""
        names = self.theme_names
        position = names.index(self.theme) if self.theme in names else -1
        before = self.theme
        self.choose_theme(names[(position + 1) % len(names)])
        said = f"Theme: {self.theme}, and from now on; it was {before}. 7 chooses any."
        self.say(said)
        self._themes_said.add(said)

        def put_others_away() -> None:
            self.put_away(self._themes_said - {said})

        self.call_later(put_others_away)  # those of presses before, also where none is drawn yet

    def choose_theme(self, name: str) -> None:
        """Use a theme from now on, and the next time."""
        self.theme = name
        self.settings.keep_theme(name)

    def choose_zone(self, name: str) -> None:
        """Write times in the zone of that name from now on, and the next time."""
        self.zone = zone_of(name)
        self.settings.keep_zone(name)

    def choose_key(self, command: Command, keys: str) -> None:
        """Give a command keys in which `key_problem` finds nothing, now and the next time."""
        self.keymap, _ = checked_keymap(with_key(self.keymap, command, keys))
        self.set_keymap(self.keymap)
        self.settings.keep_command_key(command, keys)

    def choose_view(self, name: str) -> None:
        """Show the sessions in the saved view of that name, now and at the next start."""
        self.action_go("sessions")
        while len(self.screen_stack) > 1:
            self.pop_screen()
        if isinstance(self.screen, SessionsScreen):
            self.screen.take_view(name)

    # ── leaving ──

    async def action_quit(self) -> None:
        """Textual's own way out leads through the same door."""
        self.leaving.ask()

    def action_leave(self) -> None:
        """Leave, having asked what becomes of the sessions."""
        self.leaving.ask()

    def terminal_lost(self) -> None:
        """The terminal was closed: the sessions go on without it."""
        self.leaving.leave(keep_running=True)


if TYPE_CHECKING:

    def _is_a_program(app: PapertapeApp) -> ScreenShell:
        """Has the type checker prove that the application offers what its screens ask of it."""
        return app
