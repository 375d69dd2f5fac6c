"""What a command of the screen is, and the places where commands work."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Place(StrEnum):
    """Where a command works; the value is its heading in the help."""

    ANYWHERE = "Anywhere"
    SESSIONS = "Sessions"
    SESSION = "Session"
    TRADE = "Trade"
    REPORT = "Report"
    STRATEGIES = "Strategies"
    BACKTEST = "Backtest"
    RESULT = "A backtest's result"
    OVERLAY = "Two backtests"
    SWEEP = "A sweep"
    GATE = "The gate"
    COMPARE = "Compare"
    COMPARED_LAYER = "An answer of a comparison"
    COMPARED_TRADE = "Compared trade"
    SCHEDULE = "Scheduler"
    LOGS = "Logs"
    SETTINGS = "Settings"
    PERFORMANCE = "Performance"
    ANSWERS = "In the answers"
    TABLE = "In a table"
    MAP = "In a map or calendar"
    CHART = "In a chart"
    LOG = "In a log"

    @property
    def mode(self) -> str:
        """The app's mode that shows the place, where it is one of `SCREENS`."""
        return self.name.lower()

    @property
    def home(self) -> Place | None:
        """The one of `SCREENS` that it is, or from which one gets there; None for parts of many."""
        return self if self in SCREENS else _FROM.get(self)


_BARS = (
    "Bars: ◆ what is seen, ┊ what was promised or assumed, ┃ where an answer turns, ░ beyond it, "
    "╌ what is not ruled out"
)
TRIAL_SIGN, ALERT_SIGN, BLOCKED_SIGN = "§", "♪", "!"  # every terminal's font has these
LEGENDS = {
    Place.SESSIONS: f"Signs: {TRIAL_SIGN} sealed trial, {ALERT_SIGN} alert set, "
    f"{BLOCKED_SIGN} entries of a symbol blocked",
    Place.COMPARE: _BARS,
    Place.COMPARED_LAYER: _BARS,
}
"""What the signs of a place mean, where they are not named beside each."""

SCREENS = (
    Place.SESSIONS,
    Place.STRATEGIES,
    Place.BACKTEST,
    Place.COMPARE,
    Place.SCHEDULE,
    Place.LOGS,
    Place.SETTINGS,
    Place.PERFORMANCE,
)
"""The screens that number keys lead to, in their order."""
_FROM = {
    **dict.fromkeys((Place.SESSION, Place.TRADE, Place.REPORT), Place.SESSIONS),
    **dict.fromkeys((Place.RESULT, Place.OVERLAY, Place.SWEEP, Place.GATE), Place.BACKTEST),
    **dict.fromkeys((Place.COMPARED_LAYER, Place.COMPARED_TRADE), Place.COMPARE),
}


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    `keys` as Textual spells them, comma-separated; `key` is how the first is shown. `action` is the
    action of the screen or widget it belongs to (`app.` in front: of the app). `hint`: its place in
    the footer, low numbers survive narrow terminals; None keeps it out. `unless`: why nothing
    happens where the key is pressed and the command is not possible, and what would be; a screen's
    `why_not` comes before it. `fixed`: a key that means the same wherever one is, which no keymap
    moves and no other command takes.
    """

    id: str
    place: Place
    keys: str
    key: str
    label: str
    help: str
    action: str
    hint: int | None = None
    unless: str = ""
    fixed: bool = False

    @property
    def target(self) -> str:
        """The action as seen from the application: a screen's own is on the screen shown."""
        return self.action if "." in self.action else f"screen.{self.action}"


def unfilter(name: str, place: Place, more: str = "") -> Command:
    """The way out of the filter of a screen; `more`: what the same key ends where none is set."""
    text = f"Take the filter away{more}"
    return Command(
        f"{name}.unfilter", place, "escape", "Esc", "show all", text, "unfilter", fixed=True
    )
