"""The log of all sessions in one: filtered, followed or standing still."""

from __future__ import annotations

from collections.abc import Set
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType

from core.host.link import HostLink
from core.session.snapshot import HostSnapshot, Level
from tui.commands import Place, bindings
from tui.modals.pick import Pick
from tui.screens.base import BaseScreen, entitle
from tui.screens.session import SessionScreen
from tui.widgets.filter_box import FilterBox
from tui.widgets.log_pane import LogPane

_ALL = "all sessions"
_NONE_PASSES = "No line passes the filter: L shows other levels, S other sessions."


class LogsScreen(BaseScreen):
    """The log of the host and all its sessions."""

    PLACE = Place.LOGS
    TITLE = "Logs"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.LOGS)

    def __init__(self) -> None:
        super().__init__()
        self._level = Level.INFO
        self._session: str | None = None
        self._names: dict[str, str] = {}
        self._ever: dict[str, str] = {}
        self._asked_for: Set[str] = frozenset()  # the sessions that no snapshot names

    def body(self) -> ComposeResult:
        """A filter that shows when asked for, and the log."""
        yield self.pane(
            LogPane(id="all-log", names=True, empty="Reading the log …", none_passes=_NONE_PASSES),
            "Log",
        )
        yield FilterBox("#all-log", "show only lines with this text")

    def mounted(self) -> None:
        """Begin with what matters."""
        self.query_one(LogPane).filter(level=self._level, session=None)
        super().mounted()
        self.query_one(LogPane).focus()

    def show(self, snapshot: HostSnapshot) -> None:
        """Take in the lines that are new."""
        super().show(snapshot)
        log = self.query_one(LogPane)
        self._names = {session.id: session.strategy for session in snapshot.sessions}
        self._ever |= self._names  # what was archived since keeps its name
        log.name_sessions(self._ever)
        if self.papertape.link is not None:
            log.zone = self.papertape.zone
            log.catch_up(self.papertape.link, snapshot)
            self._ask_names(log.unnamed)
            log.set_empty("Nothing logged yet.")
            if self._session is not None:
                self.look_back(log, self._session)
        self._entitle()

    def _ask_names(self, unnamed: Set[str]) -> None:
        """Have the host tell the names of sessions that were archived before one looked."""
        if unnamed <= self._asked_for:
            return
        self._asked_for = unnamed

        async def work(link: HostLink) -> None:
            self._ever |= {one.id: one.strategy for one in await link.archived()}
            if self.is_attached:
                self.query_one(LogPane).name_sessions(self._ever)

        self.papertape.command("names", work, quiet=True)

    def _entitle(self) -> None:
        log = self.query_one(LogPane)
        whose = _ALL
        if self._session is not None:
            whose = f"{self._names.get(self._session, '')} {self._session}".strip()
        parts = ["Log", whose, f"from {self._level.value} on"]
        if log.search:
            parts.append(f"with “{log.search}”")
        parts += [log.top_day] if log.top_day else []
        parts.append("following" if log.following else "standing still")
        entitle(log, " · ".join(parts))

    @on(LogPane.NoTrouble)
    def _no_trouble(self, event: LogPane.NoTrouble) -> None:
        self.papertape.say(event.text, "warning", here=True)

    @on(LogPane.Following)
    def _following(self) -> None:
        self._entitle()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to open only the session of a line that has one."""
        if action == "open" and self.ready:
            line = self.query_one(LogPane).line_at_hand
            return line is not None and line.session_id is not None
        return True

    def action_open(self) -> None:
        """Open the session whose line is at hand."""
        line = self.query_one(LogPane).line_at_hand
        if line is not None and line.session_id is not None:
            self.app.push_screen(SessionScreen(line.session_id))

    def action_level(self) -> None:
        """Show less, and after errors alone everything again."""
        levels = list(Level)
        self._level = levels[(levels.index(self._level) + 1) % len(levels)]
        self.query_one(LogPane).filter(level=self._level)
        self._entitle()

    def action_session(self) -> None:
        """Ask of which session to show the lines, or of all."""
        known = {f"{name}  {session_id}": session_id for session_id, name in self._names.items()}
        shown = next((name for name, one in known.items() if one == self._session), _ALL)

        def answered(name: str | None) -> None:
            if name is not None:
                self._session = known.get(name)
                self.query_one(LogPane).filter(session=self._session)
                self.show_again()

        self.app.push_screen(Pick("Whose lines?", [_ALL, *known], shown), answered)

    def action_follow(self) -> None:
        """Follow, or stand still."""
        log = self.query_one(LogPane)
        log.following = not log.following

    def action_trouble(self) -> None:
        """Go back to the warning or error before."""
        self.query_one(LogPane).action_trouble()

    @on(FilterBox.Changed)
    def _filter_changed(self) -> None:
        self.query_one(LogPane).filter(text=self.query_one(FilterBox).text)
        self._entitle()
