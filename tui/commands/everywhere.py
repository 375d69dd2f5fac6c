"""Commands in tables, maps, charts and logs, whatever screen they are on, and those of anywhere."""

from __future__ import annotations

from tui.commands.command import SCREENS, Command, Place

_MOVES = (
    ("up", "k,up", "k ↑", "move(-1)"),
    ("down", "j,down", "j ↓", "move(1)"),
    ("first", "g,home", "g", "edge(-1)"),
    ("last", "G,end", "G", "edge(1)"),
    ("page_up", "pageup", "PgUp", "page(-1)"),
    ("page_down", "pagedown", "PgDn", "page(1)"),
)
_WITH_PAGES = {place.home for place in Place if place is not place.home}
_LISTED = " as you left it; once more, to its list"


def _moves(place: Place, name: str, *helps: str) -> tuple[Command, ...]:
    """The moves among lines, the same in everything that has lines; as many as have a help."""
    return tuple(
        Command(f"{name}.{move}", place, keys, key, move.replace("_", " "), text, action)
        for (move, keys, key, action), text in zip(_MOVES, helps, strict=False)
    )


OF_TEXTUAL: tuple[Command, ...] = (
    Command(
        "app.palette", Place.ANYWHERE, "ctrl+p", "Ctrl+P", "palette",
        "Find anything by its name: commands, sessions, strategies, backtests, jobs, themes",
        "app.command_palette", fixed=True,
    ),
    Command(
        "app.next_pane", Place.ANYWHERE, "tab,shift+tab", "Tab", "next pane",
        "The next pane, or field of a form; Shift+Tab leads back", "app.focus_next", fixed=True,
    ),
    Command(
        "app.all_panes", Place.ANYWHERE, "escape", "Esc", "all panes",
        "Out of full screen, before anything else that the key does", "screen.minimize",
        fixed=True,
    ),
    Command(
        "app.copy_text", Place.ANYWHERE, "ctrl+c", "Ctrl+C", "copy text",
        "Copy the text that is marked with the mouse", "screen.copy_text", fixed=True,
    ),
)  # fmt: skip
"""Commands whose keys Textual binds itself, on every screen and in every form."""

EVERYWHERE: tuple[Command, ...] = (
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
    Command(
        "map.up", Place.MAP, "k,up", "k ↑", "up", "One cell, or day, up", "step(-1, 0)",
    ),
    Command(
        "map.down", Place.MAP, "j,down", "j ↓", "down", "One cell, or day, down", "step(1, 0)",
    ),
    Command(
        "map.right", Place.MAP, "l,right", "l →", "next",
        "One cell, or week, to the right", "step(0, 1)",
    ),
    Command(
        "map.left", Place.MAP, "h,left", "h ←", "previous",
        "One cell, or week, to the left", "step(0, -1)",
    ),
    Command(
        "map.open", Place.MAP, "enter", "Enter", "open",
        "Open the cell, or show the trades of the day", "choose",
    ),
    Command(
        "chart.zoom_in", Place.CHART, "plus,equals_sign", "+", "larger", "Larger candles",
        "zoom(1)", 2,
    ),
    Command(
        "chart.zoom_out", Place.CHART, "minus", "-", "smaller",
        "Smaller candles, then several in one", "zoom(-1)", 4,
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
        "Back in time by half a screen", "pan(-1)", 3,
    ),
    Command(
        "chart.newer", Place.CHART, "right_square_bracket,pagedown", "]", "newer",
        "On in time by half a screen", "pan(1)", 5,
    ),
    Command(
        "chart.first", Place.CHART, "g,home", "g", "first", "The oldest candles, up to 20,000 back",
        "oldest",
    ),
    Command(
        "chart.last", Place.CHART, "G,end", "G", "last", "The newest candles, and follow",
        "newest", 1,
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
        "drop", 1,
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
        "log.copy", Place.LOG, "y", "y", "copy",
        "Copy the lowest line that is seen, or the one that ! went back to", "copy_line",
    ),
    Command(
        "log.copy_all", Place.LOG, "Y", "Y", "copy log", "Copy every line that is shown",
        "copy_lines",
    ),
    *(
        Command(
            f"go.{screen.mode}", Place.ANYWHERE, str(number), str(number), screen.value,
            f"Go to {screen.value}{_LISTED if screen in _WITH_PAGES else ''}",
            f"app.go('{screen.mode}')",
        )
        for number, screen in enumerate(SCREENS, start=1)
    ),
    Command(
        "app.take_over", Place.ANYWHERE, "T", "T", "take over",
        "While another process runs the sessions: run them in this screen (asks)",
        "app.take_over", 20,
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
        "app.theme", Place.ANYWHERE, "t", "t", "theme",
        "The next theme, from now on; 7 chooses among all", "app.next_theme",
    ),
    Command(
        "app.alerts", Place.ANYWHERE, "B", "B", "alerts",
        "Tell of fills, failures, ends: with the bell for each, for warnings alone, without it, or "
        "not at all",
        "app.next_alerts",
    ),
    Command(
        "app.redraw", Place.ANYWHERE, "ctrl+l", "Ctrl+L", "redraw",
        "Draw the whole screen anew, where another program has written over it", "app.redraw",
    ),
    Command(
        "app.help", Place.ANYWHERE, "question_mark,f1", "?", "help", "Every key", "app.help", 8,
    ),
    *OF_TEXTUAL,
    Command(
        "app.quit", Place.ANYWHERE, "q,ctrl+q", "q", "quit",
        "Leave; with sessions running it asks what becomes of them", "app.leave", 9,
    ),
)  # fmt: skip
