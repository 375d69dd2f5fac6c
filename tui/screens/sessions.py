"""The home screen: all sessions, with the positions and the log of the one selected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container

from core.host.link import HostLink
from core.journal.values import SessionState
from core.session.snapshot import HostSnapshot, SessionSnapshot
from core.text import safe_text
from tui.commands import Place, bindings
from tui.modals.views import Views
from tui.requests.sessions import none_of_marked
from tui.requests.views import GroupBy, View
from tui.screens.base import BaseScreen, entitle
from tui.screens.compare import show_comparison
from tui.screens.headline import headline_figures
from tui.screens.performance import PerformanceScreen
from tui.screens.session import SessionScreen
from tui.screens.session_groups import rows
from tui.screens.session_view import no_line
from tui.screens.sessions_table import (
    POSITION_COLUMNS,
    SESSION_COLUMNS,
    STARTING,
    UNREAD,
    columns_of,
    planned_end,
    position_rows,
    signs_in_words,
    whose_clock,
)
from tui.widgets.columns import Column
from tui.widgets.figures import Figures
from tui.widgets.filter_box import FilterBox
from tui.widgets.line_table import LineTable
from tui.widgets.log_pane import LogPane
from tui.widgets.table_rows import Cell, Row
from tui.widgets.tones import Tone

_FEW = 5  # sessions of which a low terminal shows a log as long as the list
_ROOMY, _AIR = 14, 6  # lines of a high terminal's list at least, and beside those of its rows
_BESIDE_TITLE = 6  # cells of a pane's rule that its title leaves free
_LACKS = {
    "stop": "has ended",
    "pause": "has ended",
    "flatten": "has no open position",
    "archive": "has not ended",
}
_NOTHING_RUNS = (
    "Nothing runs yet.\ns   start a session\nn   choose strategy, feed and duration\n?   every key"
)
_TOUR = (
    "2   what the strategies do: b backtests one, H sweeps it, J tells its luck\n"
    "1   back here: s starts one as a session, Enter shows how it decides\n"
    "c   sets a session beside its backtest, trade by trade\n"
    "5   jobs look after sessions; 7 has keys, notifications, theme and zone\n"
    "?   every key where you are; Ctrl+P finds sessions and commands by name"
)
"""What a new workspace is good for, in the place where its log will be."""


class SessionsScreen(BaseScreen):
    """Sessions, with positions and log of the one under the cursor."""

    PLACE = Place.SESSIONS
    TITLE = "Sessions"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.SESSIONS)

    def __init__(self) -> None:
        super().__init__()
        self._sessions: dict[str, SessionSnapshot] = {}
        self._shown = 0  # how many of them the filter leaves
        self._log_of: tuple[str, ...] | None = None
        self._by = GroupBy.NOTHING
        self._archived: tuple[SessionSnapshot, ...] | None = None  # where these are shown

    def body(self) -> ComposeResult:
        """Figures, sessions, positions, log."""
        yield Figures(id="figures")
        yield self.pane(
            LineTable(SESSION_COLUMNS, id="sessions", marks=True, empty=STARTING), "Sessions"
        )
        yield FilterBox("#sessions", "filter by name, ID, symbol, state, mode, #tag or note")
        with Container(id="sessions-lower"):
            yield self.pane(
                LineTable(
                    (Column("ID", 8, optional=True), *POSITION_COLUMNS),
                    id="positions",
                    empty="",
                    idle_cursor=False,
                    bare=True,
                ),
                "Positions",
            )
            yield self.pane(LogPane(id="log"), "Log")

    def mounted(self) -> None:
        """Show what is known, in the view that was chosen last."""
        super().mounted()
        if view := self.papertape.views.get(self.papertape.view):
            self._show_view(view)

    # ── what is shown ──

    def show(self, snapshot: HostSnapshot) -> None:
        """Draw the latest state of everything."""
        super().show(snapshot)
        listed = snapshot.sessions if self._archived is None else self._archived
        self._sessions = {session.id: session for session in listed}
        self.set_class(len(listed) > _FEW, "-many")
        self._give_room(listed)
        self._fit_list()
        self.query_one(Figures).show(headline_figures(snapshot, self.papertape.zone))
        text = self.query_one(FilterBox).text
        shown = [s for s in listed if _matches(s, text)]
        self._shown = len(shown)
        table = self.query_one("#sessions", LineTable)
        empty = _NOTHING_RUNS if self._archived is None else "No session is archived. A returns."
        if listed:
            empty = f"No session matches “{safe_text(text)}”. Esc shows all."
        table.set_empty(empty)
        table.take_columns(columns_of(listed))
        several = len({s.mode for s in listed}) > 1
        table.set_rows(rows(shown, self._by, of_several_modes=several), hidden=self._sessions)
        log = self.query_one(LogPane)
        logged = log.display and self.is_foremost and self.maximized in (None, log)
        begun = self.papertape.sessions.take_begun({one.id for one in shown}, logged=logged)
        if begun is not None:
            table.move_to(begun)
        self._entitle()
        self._show_selected()

    def _give_room(self, listed: Sequence[SessionSnapshot]) -> None:
        """Where no position is open at all, let a low terminal's list have the pane's lines.

        All sessions decide, not the one under the cursor: panes stay where they are as it moves.
        """
        positions = self.query_one("#positions", LineTable)
        flat = self.maximized is not positions and not any(s.open_positions for s in listed)
        if flat and positions.has_focus and self._lacks_positions(flat=flat):
            self.query_one("#sessions", LineTable).focus()
        self.set_class(flat, "-flat")

    def _fit_list(self) -> None:
        """On a high terminal, let positions and log have the lines that the list has no rows for.

        All sessions decide, not what a filter or a fold leaves of them: the panes stay in place.
        """
        table = self.query_one("#sessions", LineTable)
        if table.styles.inline.has_rule("height"):
            return  # a size was chosen by hand
        most = max(_ROOMY, len(self._sessions) + _AIR) if self.has_class("-tall") else None
        held = table.styles.max_height
        if most != (None if held is None else held.value):
            table.styles.max_height = most

    def laid_out(self, event: events.Resize) -> None:
        """Take another size, and part the room anew."""
        super().laid_out(event)
        if self.ready:
            self._fit_list()

    def _lacks_positions(self, *, flat: bool) -> bool:
        """Whether the style sheet leaves the positions out."""
        is_low = self.has_class("-short") and self.has_class("-many")
        return flat and is_low and not (self.has_class("-tiny") or self.has_class("-wide"))

    @on(LineTable.Marked, "#sessions")
    def _marks_changed(self) -> None:
        self._entitle()
        self.refresh_hints()

    def _entitle(self) -> None:
        """Say how many there are, shown and marked, and how they are shown."""
        table = self.query_one("#sessions", LineTable)
        count = len(self._sessions)
        parts = ["Sessions" if self._archived is None else "Archived"]
        if count:
            parts.append(str(count) if self._shown == count else f"{self._shown} of {count}")
        parts.append(table.marks_told)
        if self._by is not GroupBy.NOTHING and count:
            parts.append(f"by {self._by}")
        if self.papertape.views.get(self.papertape.view) == self._view:
            parts.append(f"view {self.papertape.view}")
        if self._archived is not None:
            parts.append("a puts one back, A returns")
        entitle(table, " · ".join(part for part in parts if part))

    def _show_selected(self) -> None:
        sessions, of_group = self._under_cursor()
        positions = self.query_one("#positions", LineTable)
        log = self.query_one(LogPane)
        # Of none the log has what is of no session: other lines would not say whose they are.
        ids = tuple(session.id for session in sessions) or ("",)
        if ids != self._log_of:
            self._log_of = ids
            log.filter(session=ids)
            self.refresh_hints()
        name = f" · {sessions[0].strategy}" if len(sessions) == 1 else ""
        name = name if sessions or not self._sessions else " · of no session"
        about = self._identity(*sessions) if len(sessions) == 1 else []
        if of_group:
            about = [f"{len(sessions)} session{'s' * (len(sessions) != 1)} of the group"]
        entitle(positions, " · ".join(["Positions", *about]))
        if self._lacks_positions(flat=self.has_class("-flat")):
            name = "".join(f" · {part}" for part in about)  # no other title tells it
        empty = "Nothing logged yet." if sessions else "No session selected."
        if not self._sessions and self._archived is None:
            empty = _TOUR
        if len(sessions) == 1:
            empty = no_line(sessions[0])
        log.set_empty(empty)
        positions.set_rows(
            Row(f"{session.id} {row.key}", (Cell(session.id * of_group, Tone.DIM), *row.cells))
            for session in sessions
            for row in position_rows(session)
        )
        positions.set_empty("No open position." if of_group else _no_position(sessions))
        link = self.papertape.link
        if link is not None and self.papertape.snapshot is not None:
            log.zone = self.papertape.zone
            log.catch_up(link, self.papertape.snapshot)
            if len(sessions) == 1 and not log.shown:
                self.look_back(log, sessions[0].id)
        day = f" · {log.top_day}" if log.top_day else ""
        still = "" if log.following else " · standing still, G follows"
        entitle(log, f"Log{name}{day}{still}")

    def _identity(self, session: SessionSnapshot) -> list[str]:
        """Name, ID, what its signs say, planned end, tags, note: the table may have no room."""
        end = planned_end(session, self.papertape.zone)
        if session.ended is not None:
            end = end.rpartition(" ")[0]  # the day; its own screen has the minute
        tags = [f"#{tag}" for tag in session.notes.tags]
        parts = [session.strategy, session.id, *signs_in_words(session), end, *tags]
        told = cell_len(safe_text(" · ".join(["Positions", *filter(None, parts)])))
        clock = f" {whose_clock(session)}" if end and whose_clock(session) else ""
        if told + len(clock) <= self.size.width - _BESIDE_TITLE:
            parts[parts.index(end)] += clock  # whole or not at all
        parts.append(session.notes.note)
        return [part for part in parts if part]

    def _under_cursor(self) -> tuple[list[SessionSnapshot], bool]:
        """The session the cursor is on, or all of the group whose row it is on."""
        headed = self.query_one("#sessions", LineTable).headed
        if headed:
            return [self._sessions[key] for key in headed if key in self._sessions], True
        return ([] if self.selected is None else [self.selected]), False

    @property
    def selected(self) -> SessionSnapshot | None:
        """The session under the cursor."""
        key = self.query_one("#sessions", LineTable).cursor_key
        return None if key is None else self._sessions.get(key)

    @property
    def targets(self) -> list[SessionSnapshot]:
        """The sessions a command is for: those marked and seen, else what the cursor is on."""
        marked = self.query_one("#sessions", LineTable).marked
        if marked:
            return [self._sessions[key] for key in marked if key in self._sessions]
        return self._under_cursor()[0]

    def _are_hidden(self, sessions: Sequence[SessionSnapshot]) -> bool:
        """Whether some of them are folded away: nothing is done to what is not seen, unasked."""
        seen = {row.key for row in self.query_one("#sessions", LineTable).rows}
        return any(session.id not in seen for session in sessions)

    @on(LineTable.Highlighted, "#sessions")
    def _another_selected(self) -> None:
        self._show_selected()
        self.refresh_hints()

    @on(LineTable.Chosen)
    def _opened(self, event: LineTable.Chosen) -> None:
        session_id, _, symbol = event.key.partition(" ")  # of a position, or of a session
        self.app.push_screen(SessionScreen(session_id, symbol or None))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what can be done with what is selected."""
        if not self.ready:
            return True
        active = [s for s in self.targets if not s.state.ended]
        if action == "stop" or (action == "start_stop" and self._under_cursor()[1]):
            return bool(active)
        if action == "pause":
            return bool(active) or any(s.interrupted for s in self.targets)
        if action == "flatten":
            return any(s.open_positions for s in active)
        if action == "performance":
            return bool(self.targets)
        if action == "open":
            return self.query_one("#sessions", LineTable).cursor_key is not None
        if action in ("report", "compare", "note"):
            return self.selected is not None
        if action == "watch":
            return self.selected is not None and not self.selected.state.ended
        if action == "archive":
            return any(s.state.ended for s in self.targets)
        return True

    def why_not(self, action: str) -> str:
        """Where no session is meant, none has ended; where others are marked, these are meant."""
        targets = self.targets
        if not targets:
            reason = "No session is under the cursor: n starts one."
            return reason if action in ("stop", "pause", "archive") else ""
        if targets == self._under_cursor()[0]:
            return ""
        lacks = _LACKS.get(action)
        return "" if lacks is None else none_of_marked(targets, lacks)

    # ── commands ──

    def action_new(self) -> None:
        """Open the form for a new session."""
        self.papertape.open_new_session()

    def action_start_stop(self) -> None:
        """Start where nothing is selected, stop what runs, start again what has ended."""
        session = self.selected
        if self._under_cursor()[1]:
            self.action_stop()
        elif session is None:
            self.papertape.sessions.quick_start()
        elif session.state.ended:
            self.papertape.sessions.ask_restart(session)
        else:
            self.action_stop()

    def action_stop(self) -> None:
        """Ask, then stop the targets and show the report of a single one."""
        targets = [s for s in self.targets if not s.state.ended]
        self.papertape.sessions.ask_stop(targets, agreed=self._unmark)

    def _unmark(self) -> None:
        self.query_one("#sessions", LineTable).clear_marks()

    def action_pause(self) -> None:
        """Pause the targets; if none runs, let them enter again or take them up again."""
        targets = [s for s in self.targets if s.interrupted or not s.state.ended]
        if targets:
            asks = self._are_hidden(targets)
            self.papertape.sessions.pause(targets, self.selected, asks=asks)

    def action_flatten(self) -> None:
        """Ask, then close the targets' positions."""
        self.papertape.sessions.ask_flatten(self.targets, agreed=self._unmark)

    def action_open(self) -> None:
        """Open the session selected, or the group whose row the cursor is on."""
        self.query_one("#sessions", LineTable).action_choose()

    def action_note(self) -> None:
        """Open the form for the note and tags of the session selected."""
        if self.selected is not None:
            self.note_on(self.selected)

    def action_watch(self) -> None:
        """Open the form for what to be told of in the session selected."""
        if self.selected is not None:
            self.tell_of(self.selected, self.selected.symbols[0])

    def action_report(self) -> None:
        """Show the report of the session selected."""
        if self.selected is not None:
            self.papertape.sessions.report(self.selected)

    def action_compare(self) -> None:
        """Go to the comparison, with the session selected."""
        if self.selected is not None:
            show_comparison(self, self.selected.id, self.selected.strategy)

    def action_performance(self) -> None:
        """Go to the performance of the targets."""
        targets = [session.id for session in self.targets]
        self._unmark()
        self.papertape.action_go("performance")
        screen = self.app.screen
        if isinstance(screen, PerformanceScreen):
            screen.look_at(targets)

    def action_archive(self) -> None:
        """Take ended targets out of the list, or put archived ones back."""
        if self._archived is None:
            self.papertape.sessions.ask_archive(self.targets, agreed=self._unmark)
            return
        ids = {session.id for session in self.targets}

        def put_back() -> None:
            self._archived = tuple(one for one in self._archived or () if one.id not in ids)
            self._unmark()

        asks = self._are_hidden(self.targets)
        self.papertape.sessions.unarchive(self.targets, self.selected, put_back, asks=asks)

    def action_archived(self) -> None:
        """Show the archived sessions, or again those that are not; marks are of one list alone."""
        self._unmark()
        if self._archived is not None:
            self._archived = None
            self.show_again()
            return

        async def work(link: HostLink) -> None:
            self._archived = await link.archived()
            self.show_again()

        self.papertape.command("archived", work)

    def action_group(self) -> None:
        """Fold by the next of what one can fold by; the group one is in stays open."""
        tagged = any(session.notes.tags for session in self._sessions.values())
        ways = [way for way in GroupBy if tagged or way is not GroupBy.TAG]
        place = ways.index(self._by) if self._by in ways else -1
        self._group_by(ways[(place + 1) % len(ways)])

    def _group_by(self, by: GroupBy) -> None:
        session = self.selected
        self._by = by
        table = self.query_one("#sessions", LineTable)
        table.open_heads(())
        self.show_again()
        if session is not None:
            table.move_to(session.id)

    # ── views ──

    @property
    def _view(self) -> View:
        """What is shown now."""
        sort, descending = self.query_one("#sessions", LineTable).order
        return View(self.query_one(FilterBox).text, self._by, sort, descending)

    def action_views(self) -> None:
        """Open the saved views."""
        app = self.papertape

        def keep(name: str) -> None:
            view = self._view

            def kept() -> None:
                app.views[name] = view
                self.take_view(name)

            app.settings.keep_saved_view(name, view, kept)

        def remove(name: str) -> None:
            del app.views[name]
            app.settings.keep_saved_view(name, None)
            if name == app.view:
                app.view = ""
                app.settings.keep_view("")

        def taken(name: str | None) -> None:
            if name is not None:
                self.take_view(name)

        self.app.push_screen(Views(app.views, self._view, keep, remove), taken)

    def take_view(self, name: str) -> None:
        """Show the sessions in the saved view of that name, or all of them, also from then on."""
        is_another, self.papertape.view = name != self.papertape.view, name
        self._show_view(self.papertape.views.get(name, View()))
        if is_another:
            self.papertape.settings.keep_view(name)

    def _show_view(self, view: View) -> None:
        self.query_one(FilterBox).put(view.filter)
        table = self.query_one("#sessions", LineTable)
        table.order_by(view.sort, view.descending)
        self._group_by(view.group)
        table.focus()

    # ── filter ──

    def without_filter(self) -> None:
        """Return from the archived sessions, else unmark."""
        if self._archived is not None:
            self.action_archived()
        else:
            self._unmark()

    @on(FilterBox.Changed)
    def _filter_changed(self) -> None:
        self.show_again()


def _matches(session: SessionSnapshot, text: str) -> bool:
    words = (
        session.strategy,
        session.id,
        *session.symbols,
        session.state.value,
        session.mode.value,
        session.timeframe,
        *(f"#{tag}" for tag in session.notes.tags),
        session.notes.note,
    )
    return not text or any(text in word.casefold() for word in words)


def _no_position(selected: list[SessionSnapshot]) -> str:
    if not selected:
        return "No session selected."
    session = selected[0]
    if session.state is SessionState.ERROR and session.state_reason:
        return safe_text(session.state_reason)
    if session.unread:
        return UNREAD
    if session.state.ended:
        return "No position was open when the session ended."
    return "Flat. The next entry shows here."
