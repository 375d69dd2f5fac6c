"""Everything that can be done, where and with which key, in one definition a command.

Key bindings, footer, palette, help, `papertape keys` and the documentation are made from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from textual.binding import Binding, BindingType


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
    MAP = "In a map of two axes"
    CHART = "In a chart"
    LOG = "In a log"

    @property
    def mode(self) -> str:
        """The app's mode that shows the place, where it is one of `SCREENS`."""
        return self.name.lower()


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


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    `keys` as Textual spells them, comma-separated; `key` is how the first is shown. `action` is the
    action of the screen or widget it belongs to (`app.` in front: of the app). `hint`: its place in
    the footer, low numbers survive narrow terminals; None keeps it out. `unless`: why nothing
    happens where the key is pressed and the command is not possible, and what would be; a screen's
    `why_not` comes before it.
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

    @property
    def target(self) -> str:
        """The action as seen from the application: a screen's own is on the screen shown."""
        return self.action if "." in self.action else f"screen.{self.action}"


_MOVES = (
    ("up", "k,up", "k ↑", "move(-1)"),
    ("down", "j,down", "j ↓", "move(1)"),
    ("first", "g,home", "g", "edge(-1)"),
    ("last", "G,end", "G", "edge(1)"),
    ("page_up", "pageup", "PgUp", "page(-1)"),
    ("page_down", "pagedown", "PgDn", "page(1)"),
)


def _moves(place: Place, name: str, *helps: str) -> tuple[Command, ...]:
    """The moves among lines, the same in everything that has lines; as many as have a help."""
    return tuple(
        Command(f"{name}.{move}", place, keys, key, move.replace("_", " "), text, action)
        for (move, keys, key, action), text in zip(_MOVES, helps, strict=False)
    )


COMMANDS: tuple[Command, ...] = (
    Command(
        "session.open", Place.SESSIONS, "enter", "Enter", "open",
        "The session by itself: candles, conditions, equity, trades", "open", 10,
    ),
    Command(
        "session.new", Place.SESSIONS, "n", "n", "new",
        "Start a session: choose strategy, feed, fills, balance and duration", "new", 1,
    ),
    Command(
        "session.toggle", Place.SESSIONS, "s", "s", "start/stop",
        "Start the first strategy where nothing runs yet; stop a running session (asks); "
        "start an ended one again", "start_stop", 2,
        unless="Nothing runs in this group.",
    ),
    Command(
        "session.stop", Place.SESSIONS, "x", "x", "stop",
        "Stop the session, or all marked ones (asks); a stop ends in a report", "stop", 5,
        unless="There is nothing to stop: it has ended. s starts an ended session again.",
    ),
    Command(
        "session.pause", Place.SESSIONS, "p", "p", "pause",
        "Block entries, or allow them again; take up what a failure interrupted", "pause", 3,
        unless="There is nothing to pause: it has ended. s starts an ended session again.",
    ),
    Command(
        "session.flatten", Place.SESSIONS, "f", "f", "flatten",
        "Close the session's positions at the next price (asks)", "flatten", 6,
        unless="There is no open position to close in a session that runs.",
    ),
    Command(
        "session.report", Place.SESSIONS, "r", "r", "report",
        "The session's report as it stands now, or its final one", "report", 4,
        unless="No session is under the cursor.",
    ),
    Command(
        "session.compare", Place.SESSIONS, "c", "c", "compare",
        "Compare the session with its backtest, trade by trade", "compare", 7,
        unless="No session is under the cursor.",
    ),
    Command(
        "session.performance", Place.SESSIONS, "P", "P", "performance",
        "What the session, or all marked ones together, earned: by day, pair, reason and more",
        "performance", 11,
        unless="No session is under the cursor: 8 shows all of them.",
    ),
    Command(
        "session.filter", Place.SESSIONS, "slash", "/", "filter",
        "Show only sessions with this text in name, ID, symbol, state, mode, tags or note",
        "filter", 7,
    ),
    Command(
        "session.group", Place.SESSIONS, "F", "F", "fold",
        "Fold the sessions by strategy, by their first tag, or not at all; "
        "Enter or Space opens a group, commands on it are for all its sessions", "group",
    ),
    Command(
        "session.views", Place.SESSIONS, "V", "V", "views",
        "Saved views: take one, keep filter, order and groups as they are, or remove one", "views",
    ),
    Command(
        "session.note", Place.SESSIONS, "C", "C", "note",
        "A note on the session, and tags by which / finds it", "note",
        unless="No session is under the cursor.",
    ),
    Command(
        "session.watch", Place.SESSIONS, "W", "W", "tell me",
        "Be told once of a price, a drawdown, or that nothing was traded for days", "watch",
        unless="No session that runs is under the cursor.",
    ),
    Command(
        "session.archive", Place.SESSIONS, "a", "a", "archive",
        "Take an ended session out of the list, or an archived one back into it", "archive",
        unless="A session is archived once it has ended: x stops it.",
    ),
    Command(
        "session.archived", Place.SESSIONS, "A", "A", "archived",
        "The archived sessions instead of the others, and back", "archived",
    ),
    Command(
        "one.back", Place.SESSION, "escape", "Esc", "back", "Return to the sessions", "back", 1,
    ),
    Command(
        "one.view", Place.SESSION, "v", "v", "view",
        "Show trades, orders, log, notices, jobs and feed beneath the charts; on low terminals "
        "equity too", "view", 2,
    ),
    Command(
        "one.symbol", Place.SESSION, "l,right", "l →", "symbol", "The session's next symbol",
        "symbol(1)", 7,
        unless="The session trades one symbol.",
    ),
    Command(
        "one.symbol_back", Place.SESSION, "h,left", "h ←", "symbol back",
        "The session's previous symbol", "symbol(-1)",
        unless="The session trades one symbol.",
    ),
    Command(
        "one.pause", Place.SESSION, "p", "p", "pause",
        "Block entries, or allow them again; take up what a failure interrupted", "pause", 4,
        unless="There is nothing to pause: the session has ended.",
    ),
    Command(
        "one.stop", Place.SESSION, "x,s", "x", "stop", "Stop the session (asks)", "stop", 5,
        unless="There is nothing to stop: the session has ended.",
    ),
    Command(
        "one.flatten", Place.SESSION, "f", "f", "flatten",
        "Close the position shown, or all of the session's, at the next price (asks)",
        "flatten", 6,
        unless="There is no open position to close.",
    ),
    Command(
        "one.block", Place.SESSION, "K", "K", "block pair",
        "Block entries of the symbol shown alone, or allow them again", "block", 9,
        unless="There is nothing to block: the session has ended.",
    ),
    Command(
        "one.enter", Place.SESSION, "N", "N", "enter now",
        "Enter a position in the symbol shown by hand, at the next price (simulated; asks)",
        "enter", 10,
        unless="By hand one enters where the symbol shown is flat, in a simulated session that "
        "runs and is not sealed: f closes a position, l shows another symbol.",
    ),
    Command(
        "one.note", Place.SESSION, "C", "C", "note",
        "A note on the session, and tags by which / finds it", "note",
    ),
    Command(
        "one.watch", Place.SESSION, "W", "W", "tell me",
        "Be told once of a price, a drawdown, or that nothing was traded for days", "watch",
        unless="Only a session that runs can be watched.",
    ),
    Command(
        "one.report", Place.SESSION, "r", "r", "report", "The session's report", "report", 3,
    ),
    Command(
        "one.compare", Place.SESSION, "c", "c", "compare",
        "Compare the session with its backtest, trade by trade", "compare", 9,
    ),
    Command(
        "one.open", Place.SESSION, "enter", "Enter", "trade",
        "The trade or position under the cursor by itself: its candles, its fields", "open", 8,
    ),
    Command(
        "trade.back", Place.TRADE, "escape", "Esc", "back", "Return to where one came from",
        "back", 1,
    ),
    Command(
        "trade.next", Place.TRADE, "l,right", "l →", "next", "The next trade", "other(1)", 2,
    ),
    Command(
        "trade.previous", Place.TRADE, "h,left", "h ←", "previous", "The trade before",
        "other(-1)", 3,
    ),
    Command(
        "trade.view", Place.TRADE, "v", "v", "view",
        "The next of fields, conditions at its signal and the backtest's twin, where the terminal "
        "has no room for all", "view", 4,
        unless="All of it is shown already.",
    ),
    Command(
        "trade.compare", Place.TRADE, "c", "c", "compare",
        "Compare its session with its backtest, trade by trade", "compare", 5,
        unless="It is a trade of a backtest: c on 3 compares that.",
    ),
    Command(
        "report.back", Place.REPORT, "escape", "Esc", "back", "Return to where one came from",
        "back", 1,
    ),
    Command(
        "report.view", Place.REPORT, "v", "v", "view",
        "Trades, candles, or on low terminals curves and months", "view", 3,
        unless="All there is of it is on the screen.",
    ),
    Command(
        "report.open", Place.REPORT, "enter", "Enter", "trade",
        "The trade under the cursor by itself: its candles, its fields", "open", 4,
    ),
    Command(
        "report.compare", Place.REPORT, "c", "c", "compare",
        "Compare the session with its backtest, trade by trade", "compare", 6,
        unless="There is no session to compare: it is a backtest's.",
    ),
    Command(
        "report.copy", Place.REPORT, "y", "y", "copy", "Copy the report as JSON", "copy", 2,
    ),
    Command(
        "report.export", Place.REPORT, "E", "E", "export",
        "Write the report into files of the workspace: JSON, Markdown, HTML, trades as CSV",
        "export", 5,
    ),
    Command(
        "strategies.start", Place.STRATEGIES, "s", "s", "start", "Start a session of it",
        "start", 1,
        unless="No strategy is under the cursor.",
    ),
    Command(
        "strategies.backtest", Place.STRATEGIES, "b", "b", "backtest", "Backtest it", "backtest", 2,
        unless="No strategy is under the cursor.",
    ),
    Command(
        "strategies.sweep", Place.STRATEGIES, "H", "H", "sweep",
        "Vary its settings, and see the best in a heat map", "sweep", 6,
        unless="No strategy is under the cursor.",
    ),
    Command(
        "strategies.gate", Place.STRATEGIES, "J", "J", "gate",
        "Judge how much of the backtest is luck: one verdict, with its reasons", "gate", 7,
        unless="No strategy is under the cursor.",
    ),
    Command(
        "strategies.edit", Place.STRATEGIES, "e,enter", "e", "edit",
        "Edit it in $EDITOR; a sample is copied into the workspace first", "edit", 3,
        unless="No strategy is under the cursor.",
    ),
    Command(
        "strategies.copy", Place.STRATEGIES, "D", "D", "duplicate", "Copy it under another name",
        "duplicate", 4,
        unless="No strategy is under the cursor.",
    ),
    Command(
        "strategies.filter", Place.STRATEGIES, "slash", "/", "filter",
        "Show only strategies with this text in name, symbol, timeframe, origin or status",
        "filter", 8,
    ),
    Command(
        "strategies.reload", Place.STRATEGIES, "R", "R", "reload", "Read the files again",
        "reload", 5,
    ),
    Command(
        "backtest.open", Place.BACKTEST, "enter", "Enter", "open",
        "The backtest under the cursor: figures, curves, trades", "open", 2,
        unless="No backtest is under the cursor: n runs one.",
    ),
    Command(
        "backtest.new", Place.BACKTEST, "n", "n", "new",
        "Choose a strategy and candles, and run it over them", "new", 1,
    ),
    Command(
        "backtest.again", Place.BACKTEST, "R", "R", "run again",
        "Run the strategy over the same candles once more", "again", 4,
        unless="No backtest is under the cursor: n runs one.",
    ),
    Command(
        "backtest.cancel", Place.BACKTEST, "x", "x", "cancel", "Break off what runs",
        "cancel", 0,
        unless="Nothing runs.",
    ),
    Command(
        "backtest.compare", Place.BACKTEST, "c", "c", "compare",
        "Two backtests in one chart, their figures side by side: the two marked, or the one "
        "marked and the one under the cursor", "compare", 3,
        unless="Mark two backtests with Space, or one and put the cursor on the other.",
    ),
    Command(
        "backtest.filter", Place.BACKTEST, "slash", "/", "filter",
        "Show only backtests with this text in strategy, settings, symbol, ID, tags or note",
        "filter", 6,
    ),
    Command(
        "backtest.note", Place.BACKTEST, "C", "C", "note",
        "A note on the backtest, and tags by which / finds it; it is then kept for good", "note", 5,
        unless="No backtest is under the cursor: n runs one.",
    ),
    Command(
        "backtest.remove", Place.BACKTEST, "d,delete", "d", "remove",
        "Remove the backtest, or all marked ones, with its files (asks)", "remove", 7,
        unless="Nothing to remove: a result saved in STRATEGY.md stays with its strategy.",
    ),
    Command(
        "backtest.sweep", Place.BACKTEST, "H", "H", "sweep",
        "Vary settings of the strategy on these candles, and see the best in a heat map",
        "sweep", 8,
        unless="No backtest is under the cursor: n runs one.",
    ),
    Command(
        "backtest.gate", Place.BACKTEST, "J", "J", "gate",
        "Judge how much of the backtest is luck: one verdict, with its reasons", "gate", 9,
        unless="No backtest is under the cursor: n runs one.",
    ),
    Command(
        "backtest.ended", Place.BACKTEST, "U", "U", "past sweeps",
        "A sweep or gate that has ended, as it was left: the last ones until the program ends",
        "ended", 0,
        unless="No sweep and no gate has ended yet: H begins the one, J the other.",
    ),
    Command(
        "result.back", Place.RESULT, "escape", "Esc", "back", "Return to the backtests", "back", 1,
    ),
    Command(
        "result.again", Place.RESULT, "R", "R", "run again",
        "Run the strategy over the same candles once more", "again", 3,
    ),
    Command(
        "result.save", Place.RESULT, "w", "w", "save",
        "Write the result into the strategy's STRATEGY.md", "save", 4,
        unless="Only a result fresh from its candles, of the strategy as it is written, "
        "can be saved: R runs it again.",
    ),
    Command(
        "result.view", Place.RESULT, "v", "v", "view",
        "Trades, candles, or on low terminals curves and months", "view", 2,
        unless="All there is of it is on the screen: a result is kept without its candles.",
    ),
    Command(
        "result.open", Place.RESULT, "enter", "Enter", "trade",
        "The trade under the cursor by itself: its candles, its fields", "open", 5,
    ),
    Command(
        "result.note", Place.RESULT, "C", "C", "note",
        "A note on the backtest, and tags; it is then kept for good", "note", 6,
        unless="The result is in no library: R runs it again and keeps it.",
    ),
    Command(
        "result.copy", Place.RESULT, "y", "y", "copy", "Copy the result as JSON", "copy", 7,
    ),
    Command(
        "result.export", Place.RESULT, "E", "E", "export",
        "Write the result into files of the workspace: JSON, Markdown, HTML, trades as CSV",
        "export", 8,
    ),
    Command(
        "result.sweep", Place.RESULT, "H", "H", "sweep",
        "Vary settings of the strategy on these candles, and see the best in a heat map",
        "sweep", 9,
    ),
    Command(
        "result.gate", Place.RESULT, "J", "J", "gate",
        "Judge how much of the backtest is luck: one verdict, with its reasons", "gate", 10,
    ),
    Command(
        "overlay.back", Place.OVERLAY, "escape", "Esc", "back", "Return to the backtests",
        "back", 1,
    ),
    Command(
        "overlay.view", Place.OVERLAY, "v", "v", "view",
        "The figures, or the settings that differ", "view", 2,
        unless="All of it is shown already.",
    ),
    Command(
        "sweep.back", Place.SWEEP, "escape", "Esc", "back",
        "Return to where one came from; while it runs, end it with what is finished", "back", 1,
    ),
    Command(
        "sweep.cancel", Place.SWEEP, "x", "x", "cancel",
        "End the sweep with the settings that are finished", "cancel", 0,
        unless="Nothing runs.",
    ),
    Command(
        "sweep.open", Place.SWEEP, "enter", "Enter", "open",
        "The backtest of the setting under the cursor", "open", 2,
    ),
    Command(
        "sweep.metric", Place.SWEEP, "M", "M", "metric", "The next metric on the map", "metric", 3,
        unless="The metric is the map's: v shows it, and o sorts the settings.",
    ),
    Command(
        "sweep.view", Place.SWEEP, "v", "v", "view", "The map, or the settings from the best on",
        "view", 4,
    ),
    Command(
        "sweep.again", Place.SWEEP, "R", "R", "again", "Vary something else", "again", 5,
    ),
    Command(
        "sweep.export", Place.SWEEP, "E", "E", "export",
        "Write every setting with all its figures into a file of the workspace", "export", 6,
    ),
    Command(
        "gate.back", Place.GATE, "escape", "Esc", "back",
        "Return to where one came from; while it runs, end it without a verdict", "back", 1,
    ),
    Command(
        "gate.cancel", Place.GATE, "x", "x", "cancel", "End the gate without a verdict",
        "cancel", 0,
        unless="Nothing runs.",
    ),
    Command(
        "gate.open", Place.GATE, "enter", "Enter", "open",
        "What stands behind the question: the map of all settings, the backtest that was judged, "
        "the parts of the time that no choice had seen", "open", 2,
    ),
    Command(
        "gate.view", Place.GATE, "v", "v", "view", "The other part of what is not judged",
        "view", 3,
        unless="All of it is shown already.",
    ),
    Command(
        "gate.again", Place.GATE, "R", "R", "again", "Judge it with other settings", "again", 4,
    ),
    Command(
        "compare.back", Place.COMPARE, "escape", "Esc", "back",
        "Return to the session, report or trade that c was pressed on", "back", 1,
        unless="No session led here: 1 to 8 lead elsewhere.",
    ),
    Command(
        "compare.new", Place.COMPARE, "n", "n", "strategy", "Choose a strategy to compare",
        "new", 1,
    ),
    Command(
        "compare.open", Place.COMPARE, "enter", "Enter", "open",
        "The answer under the cursor in depth", "open", 2,
        unless="Nothing is compared yet: n chooses a strategy.",
    ),
    Command(
        "compare.view", Place.COMPARE, "v", "v", "view",
        "The five answers, figures and equity, the spread of the trades, what is to be known",
        "view", 3,
        unless="Nothing is compared yet: n chooses a strategy.",
    ),
    Command(
        "compare.session", Place.COMPARE, "S", "S", "session",
        "The strategy's sessions one after the other, then all that ended", "next_session", 4,
        unless="Nothing is compared yet: n chooses a strategy.",
    ),
    Command(
        "compare.fetch", Place.COMPARE, "u", "u", "exchange",
        "Backtest the period again on the candles the exchange tells now", "fetch", 7,
        unless="Nothing is compared yet: n chooses a strategy.",
    ),
    Command(
        "compare.save", Place.COMPARE, "w", "w", "save",
        "Write paper figures and observations into STRATEGY.md (shows the difference, asks)",
        "save", 5,
        unless="There is nothing to write into STRATEGY.md yet.",
    ),
    Command(
        "compare.export", Place.COMPARE, "E", "E", "export",
        "Write the comparison and its sessions into files", "export", 8,
        unless="Nothing is compared yet: n chooses a strategy.",
    ),
    Command(
        "compare.copy", Place.COMPARE, "y", "y", "copy", "Copy the comparison as JSON", "copy",
        unless="Nothing is compared yet: n chooses a strategy.",
    ),
    Command(
        "compare.again", Place.COMPARE, "R", "R", "again", "Compare the same once more", "again", 6,
        unless="Nothing is compared yet: n chooses a strategy.",
    ),
    Command(
        "layer.back", Place.COMPARED_LAYER, "escape", "Esc", "back",
        "Return to the five answers", "back", 1,
    ),
    Command(
        "layer.open", Place.COMPARED_LAYER, "enter", "Enter", "trade",
        "The trade under the cursor by itself: both runs, their candles, what parts them",
        "open", 2,
    ),
    Command(
        "layer.filter", Place.COMPARED_LAYER, "slash", "/", "filter",
        "Show all trades, those that differ, are matched, missing or extra", "filter", 3,
        unless="Only the answer about the account lists trades.",
    ),
    Command(
        "layer.next", Place.COMPARED_LAYER, "l,right", "l →", "next", "The next answer",
        "other(1)", 4,
    ),
    Command(
        "layer.previous", Place.COMPARED_LAYER, "h,left", "h ←", "previous",
        "The answer before", "other(-1)", 5,
    ),
    Command(
        "layer.view", Place.COMPARED_LAYER, "v", "v", "view",
        "The next part of the answer, where the terminal has no room for all", "view", 6,
        unless="All of it is shown already.",
    ),
    Command(
        "compared.back", Place.COMPARED_TRADE, "escape", "Esc", "back",
        "Return to the comparison", "back", 1,
    ),
    Command(
        "compared.next", Place.COMPARED_TRADE, "l,right", "l →", "next", "The next trade",
        "other(1)", 2,
    ),
    Command(
        "compared.previous", Place.COMPARED_TRADE, "h,left", "h ←", "previous",
        "The trade before", "other(-1)", 3,
    ),
    Command(
        "compared.view", Place.COMPARED_TRADE, "v", "v", "view",
        "Both runs, or the conditions at the signal, where the terminal has no room for all",
        "view", 4,
        unless="All of it is shown already.",
    ),
    Command(
        "schedule.new", Place.SCHEDULE, "n", "n", "new",
        "Have something done at set times: check or stop a session, or say something", "new", 1,
    ),
    Command(
        "schedule.edit", Place.SCHEDULE, "e,enter", "e", "edit",
        "Change what the job does, or when", "edit", 2,
        unless="No job is under the cursor: n makes one.",
    ),
    Command(
        "schedule.run", Place.SCHEDULE, "R", "R", "run now",
        "Run the job now, due or not (asks where it stops a session)", "run", 3,
        unless="No job is under the cursor: n makes one.",
    ),
    Command(
        "schedule.pause", Place.SCHEDULE, "p", "p", "pause",
        "Have the job not run when it is due, or run again; what it missed is not made up for",
        "pause", 4,
        unless="No job is under the cursor: n makes one.",
    ),
    Command(
        "schedule.remove", Place.SCHEDULE, "d,delete", "d", "remove", "Remove the job (asks)",
        "remove", 5,
        unless="No job is under the cursor: n makes one.",
    ),
    Command(
        "schedule.filter", Place.SCHEDULE, "slash", "/", "filter",
        "Show only jobs with this text in what they do, when, session or state", "filter", 6,
    ),
    Command(
        "logs.filter", Place.LOGS, "slash", "/", "filter", "Show only lines with this text",
        "filter", 1,
    ),
    Command(
        "logs.level", Place.LOGS, "L", "L", "level",
        "Show from debug, information, warnings or errors on", "level", 2,
    ),
    Command(
        "logs.session", Place.LOGS, "S", "S", "session",
        "Choose the session whose lines to show, or all", "session", 3,
    ),
    Command(
        "logs.follow", Place.LOGS, "space", "Space", "follow/freeze",
        "Stand still, or follow the newest line", "follow", 4,
    ),
    Command(
        "settings.change", Place.SETTINGS, "e,enter", "e", "change",
        "Change the setting, or add to it", "change", 1,
        unless="It cannot be changed, only taken out (d).",
    ),
    Command(
        "settings.try", Place.SETTINGS, "R", "R", "try",
        "Try whether the test venue takes the keys, or whether notifications arrive", "try_it", 2,
        unless="There is nothing to try in this setting.",
    ),
    Command(
        "settings.remove", Place.SETTINGS, "d,delete", "d", "take out",
        "Have notifications go there no more (asks)", "remove", 3,
        unless="Only a place that notifications go to can be taken out.",
    ),
    Command(
        "performance.next", Place.PERFORMANCE, "l,right", "l →", "next",
        "By the next: days, weeks, months, pairs, sides, reasons, strategies, hours, sessions; "
        "then all trades, and all open positions", "turn(1)", 1,
    ),
    Command(
        "performance.previous", Place.PERFORMANCE, "h,left", "h ←", "previous",
        "By the one before", "turn(-1)", 2,
    ),
    Command(
        "performance.money", Place.PERFORMANCE, "m", "m", "money",
        "The next kind of money: sessions of different ones are never added up", "money", 3,
        unless="All of it is of one kind of money.",
    ),
    Command(
        "performance.open", Place.PERFORMANCE, "enter", "Enter", "open",
        "The trades of a group; a trade by itself; the session of a position", "open", 4,
    ),
    Command(
        "performance.all", Place.PERFORMANCE, "escape", "Esc", "all",
        "Back from the trades of a group; all sessions, where some were chosen", "all", 5,
    ),
    *_moves(
        Place.TABLE, "table", "One row up", "One row down", "First row", "Last row",
        "A screenful up", "A screenful down",
    ),
    Command(
        "table.mark", Place.TABLE, "space", "Space", "mark",
        "Mark the row, for commands on several at once", "mark",
    ),
    Command(
        "table.sort", Place.TABLE, "o", "o", "sort", "Sort by the next column", "sort_next",
    ),
    Command(
        "table.turn", Place.TABLE, "O", "O", "reverse", "Reverse the order", "sort_turn",
    ),
    Command(
        "table.open", Place.TABLE, "enter", "Enter", "open", "Open the row", "choose",
    ),
    Command(
        "table.copy", Place.TABLE, "y", "y", "copy",
        "Copy the row, where the screen has nothing of its own to copy", "copy_row",
    ),
    Command(
        "table.copy_all", Place.TABLE, "Y", "Y", "copy table",
        "Copy the marked rows, or all of the table", "copy_table",
    ),
    Command("map.up", Place.MAP, "k,up", "k ↑", "up", "One cell up", "step(-1, 0)"),
    Command("map.down", Place.MAP, "j,down", "j ↓", "down", "One cell down", "step(1, 0)"),
    Command(
        "map.right", Place.MAP, "l,right", "l →", "next", "One cell to the right", "step(0, 1)",
    ),
    Command(
        "map.left", Place.MAP, "h,left", "h ←", "previous", "One cell to the left", "step(0, -1)",
    ),
    Command("map.open", Place.MAP, "enter", "Enter", "open", "Open the cell", "choose"),
    Command(
        "chart.zoom_in", Place.CHART, "plus,equals_sign", "+", "larger", "Larger candles",
        "zoom(1)", 2,
    ),
    Command(
        "chart.zoom_out", Place.CHART, "minus", "-", "smaller",
        "Smaller candles, then several in one", "zoom(-1)", 3,
    ),
    Command(
        "chart.cross_right", Place.CHART, "right", "→", "crosshair",
        "The crosshair on the next candle, with its values", "cross(1)", 1,
    ),
    Command(
        "chart.cross_left", Place.CHART, "left", "←", "crosshair back",
        "The crosshair on the candle before", "cross(-1)",
    ),
    Command(
        "chart.older", Place.CHART, "left_square_bracket,pageup", "[", "older",
        "Back in time by half a screen", "pan(-1)", 4,
    ),
    Command(
        "chart.newer", Place.CHART, "right_square_bracket,pagedown", "]", "newer",
        "On in time by half a screen", "pan(1)", 5,
    ),
    Command(
        "chart.first", Place.CHART, "g,home", "g", "first", "The oldest candles at hand", "end(-1)",
    ),
    Command(
        "chart.last", Place.CHART, "G,end", "G", "last", "The newest candles, and follow", "end(1)",
    ),
    Command(
        "chart.longer", Place.CHART, "full_stop", ".", "longer candles",
        "The next longer timeframe", "timeframe(1)", 6,
    ),
    Command(
        "chart.shorter", Place.CHART, "comma", ",", "shorter candles",
        "The next shorter timeframe, down to the strategy's own", "timeframe(-1)",
    ),
    Command(
        "chart.adorn", Place.CHART, "i", "i", "indicators",
        "Volume and the strategy's indicators, or the candles alone", "adorn", 7,
    ),
    Command(
        "chart.drop", Place.CHART, "escape", "Esc", "no crosshair", "Take the crosshair away",
        "drop",
    ),
    *_moves(
        Place.ANSWERS, "answers", "One answer up", "One answer down", "The first answer",
        "The last answer",
    ),
    *_moves(
        Place.LOG, "log", "Back by a line; the log stands still", "On by a line",
        "The oldest line kept", "The newest line, and follow",
        "Back by a screenful", "On by a screenful",
    ),
    Command(
        "log.copy", Place.LOG, "y", "y", "copy", "Copy the lowest line that is seen", "copy_line",
    ),
    Command(
        "log.copy_all", Place.LOG, "Y", "Y", "copy log", "Copy every line that is shown",
        "copy_lines",
    ),
    *(
        Command(
            f"go.{screen.mode}", Place.ANYWHERE, str(number), str(number), screen.value,
            f"Go to {screen.value}", f"app.go('{screen.mode}')",
        )
        for number, screen in enumerate(SCREENS, start=1)
    ),
    Command(
        "app.take_over", Place.ANYWHERE, "T", "T", "take over",
        "While another process runs the sessions: run them in this screen (asks)",
        "app.take_over", 0,
        unless="The sessions run in this screen already.",
    ),
    Command(
        "app.maximise", Place.ANYWHERE, "z", "z", "full screen",
        "The pane one is in over the whole screen, and back; Tab goes to the next pane",
        "app.maximise", 11,
    ),
    Command(
        "app.wider", Place.ANYWHERE, "greater_than_sign", ">", "wider",
        "The pane one is in wider; its size is remembered", "app.size_pane('width', 1)",
    ),
    Command(
        "app.narrower", Place.ANYWHERE, "less_than_sign", "<", "narrower",
        "The pane one is in narrower", "app.size_pane('width', -1)",
    ),
    Command(
        "app.higher", Place.ANYWHERE, "right_curly_bracket", "}", "higher",
        "The pane one is in higher; its size is remembered", "app.size_pane('height', 1)",
    ),
    Command(
        "app.lower", Place.ANYWHERE, "left_curly_bracket", "{", "lower",
        "The pane one is in lower", "app.size_pane('height', -1)",
    ),
    Command(
        "app.theme", Place.ANYWHERE, "t", "t", "theme", "The next theme", "app.next_theme",
    ),
    Command(
        "app.alerts", Place.ANYWHERE, "B", "B", "alerts",
        "Tell of fills, failures and planned ends with the bell, without it, or not at all",
        "app.next_alerts",
    ),
    Command(
        "app.redraw", Place.ANYWHERE, "ctrl+l", "Ctrl+L", "redraw",
        "Draw the whole screen anew, where another program has written over it", "app.redraw",
    ),
    Command(
        "app.help", Place.ANYWHERE, "question_mark,f1", "?", "help", "Every key", "app.help", 8,
    ),
    Command(
        "app.quit", Place.ANYWHERE, "q,ctrl+q", "q", "quit",
        "Leave; with sessions running it asks what becomes of them", "app.leave", 9,
    ),
)  # fmt: skip


def bindings(place: Place) -> list[BindingType]:
    """The bindings of the commands that belong to a place."""
    return [
        Binding(command.keys, command.action, command.label, show=False, id=command.id)
        for command in COMMANDS
        if command.place is place
    ]


def refusal(place: Place, action: str) -> str:
    """Why an action of that place is not possible now; empty where nothing need be said."""
    found = (one for one in COMMANDS if one.place is place and one.action == action)
    return next((one.unless for one in found), "")


def commands_at(place: Place) -> tuple[Command, ...]:
    """What can be done on the screen of that place: its own commands, then those of anywhere."""
    return tuple(command for command in COMMANDS if command.place is place) + tuple(
        command for command in COMMANDS if command.place is Place.ANYWHERE is not place
    )
