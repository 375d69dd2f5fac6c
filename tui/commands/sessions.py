"""Commands on sessions: the list, one of them, its trades and its report."""

from __future__ import annotations

from tui.commands.command import Command, Place, unfilter

_ONE_SYMBOL = "The session trades one symbol. Tab leads into its chart, where ← → move a crosshair."

SESSIONS: tuple[Command, ...] = (
    Command(
        "session.open", Place.SESSIONS, "enter", "Enter", "open",
        "The session by itself: candles, conditions, equity, trades", "open", 7,
        unless="No session is under the cursor: n starts one.",
    ),
    Command(
        "session.new", Place.SESSIONS, "n", "n", "new",
        "Start a session: choose strategy, feed, fills, balance and duration", "new", 1,
    ),
    Command(
        "session.toggle", Place.SESSIONS, "s", "s", "start/stop",
        "Start the first strategy where nothing runs yet; stop a running session, or start an "
        "ended one again (asks)", "start_stop", 2,
        unless="Nothing runs in this group.",
    ),
    Command(
        "session.stop", Place.SESSIONS, "x", "x", "stop",
        "Stop the session, or all marked ones (asks); a stop ends in a report", "stop", 5,
        unless="There is nothing to stop: it has ended. s starts an ended session again.",
    ),
    Command(
        "session.pause", Place.SESSIONS, "p", "p", "pause",
        "Block entries (asks in a trial) or allow them again; take up what a failure interrupted",
        "pause", 3,
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
        "Compare the session with its backtest, trade by trade", "compare", 8,
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
        "filter", 8,
    ),
    unfilter("session", Place.SESSIONS, "; without one, leave the archive, else unmark all"),
    Command(
        "session.group", Place.SESSIONS, "F", "F", "fold",
        "Fold the sessions by strategy, by their first tag, or not at all; "
        "Enter or Space opens a group, commands on it are for all its sessions", "group", 7,
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
        unless=_ONE_SYMBOL,
    ),
    Command(
        "one.symbol_back", Place.SESSION, "h,left", "h ←", "symbol back",
        "The session's previous symbol", "symbol(-1)",
        unless=_ONE_SYMBOL,
    ),
    Command(
        "one.pause", Place.SESSION, "p", "p", "pause",
        "Block entries (asks in a trial) or allow them again; take up what a failure interrupted",
        "pause", 4,
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
        "Block entries of the symbol shown alone (asks in a trial) or allow them again",
        "block", 9,
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
        unless="Enter opens a trade or position: Tab leads to them.",
    ),
    Command(
        "trade.back", Place.TRADE, "escape", "Esc", "back", "Return to where one came from",
        "back", 1,
    ),
    Command(
        "trade.next", Place.TRADE, "l,right", "l →", "next", "The next trade", "other(1)", 2,
        unless="No trade comes after it.",
    ),
    Command(
        "trade.previous", Place.TRADE, "h,left", "h ←", "previous", "The trade before",
        "other(-1)", 3,
        unless="No trade comes before it.",
    ),
    Command(
        "trade.view", Place.TRADE, "v", "v", "view",
        "The next of fields, conditions at its signal, why it was left and the backtest's trade, "
        "where the terminal has no room for all", "view", 4,
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
        unless="No trade has closed.",
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
)  # fmt: skip
