"""Commands of Compare, of one of its answers and of a compared trade."""

from __future__ import annotations

from tui.commands.command import Command, Place

COMPARISON: tuple[Command, ...] = (
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
        "The strategy's sessions one after the other, then its trials and all that ended together",
        "next_session", 4,
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
        unless="Only a trade opens, in the answer about the account: h and l lead there.",
    ),
    Command(
        "layer.filter", Place.COMPARED_LAYER, "L", "L", "which",
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
        "The conditions at the signal, why it was left, and on narrow terminals both runs",
        "view", 4,
    ),
)  # fmt: skip
