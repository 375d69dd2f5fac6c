"""Commands on strategies and what is tried with them: backtests, sweeps, the gate."""

from __future__ import annotations

from tui.commands.command import Command, Place, unfilter

BACKTESTS: tuple[Command, ...] = (
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
    unfilter("strategies", Place.STRATEGIES),
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
        "Run the strategy over the same candles once more; of a sweep or gate, ask what to vary",
        "again", 4,
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
    unfilter("backtest", Place.BACKTEST, "; without one, end what runs, else unmark all"),
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
        "result.back", Place.RESULT, "escape", "Esc", "back", "Return to the backtests", "back", 1,
    ),
    Command(
        "result.again", Place.RESULT, "R", "R", "run again",
        "Run the strategy over the same candles once more", "again", 3,
    ),
    Command(
        "result.save", Place.RESULT, "w", "w", "save",
        "Write the result into the strategy's STRATEGY.md", "save", 4,
        unless="Only a result of the strategy as it is written, kept in the library, can be "
        "saved: n on Backtest runs it.",
    ),
    Command(
        "result.view", Place.RESULT, "v", "v", "view",
        "Trades, candles, or on low terminals curves and months", "view", 2,
        unless="All there is of it is on the screen: where its candles are is not known.",
    ),
    Command(
        "result.open", Place.RESULT, "enter", "Enter", "trade",
        "The trade under the cursor by itself: its candles, its fields", "open", 5,
        unless="No trade has closed.",
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
        "overlay.swap", Place.OVERLAY, "X", "X", "swap", "Call A what is B, and B what is A",
        "swap", 5,
    ),
    Command(
        "overlay.copy", Place.OVERLAY, "y", "y", "copy", "Copy figures and settings as JSON",
        "copy", 3,
    ),
    Command(
        "overlay.export", Place.OVERLAY, "E", "E", "export",
        "Write both into files of the workspace: JSON, figures, settings and curves as CSV",
        "export", 4,
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
        "sweep.metric", Place.SWEEP, "M", "M", "metric",
        "Rank map and settings by the next metric", "metric", 3,
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
        "the later parts of the time, joined", "open", 2,
    ),
    Command(
        "gate.view", Place.GATE, "v", "v", "view", "More of what is not judged",
        "view", 3,
        unless="All of it is shown already.",
    ),
    Command(
        "gate.again", Place.GATE, "R", "R", "again", "Judge it with other settings", "again", 4,
    ),
    Command(
        "gate.copy", Place.GATE, "y", "y", "copy", "Copy verdict and findings as JSON", "copy", 5,
    ),
    Command(
        "gate.export", Place.GATE, "E", "E", "export",
        "Write verdict and findings into files of the workspace: JSON, text", "export", 6,
    ),
)  # fmt: skip
