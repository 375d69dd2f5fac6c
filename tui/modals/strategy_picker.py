"""What do the forms share that begin with a strategy? Its table, number fields and their hints."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Input, Static

from tui import formats
from tui.strategies.choice import StrategyChoice
from tui.widgets.columns import Column
from tui.widgets.line_table import Cell, LineTable, Row
from tui.widgets.line_view import Tone

_COLUMNS = (
    Column("STRATEGY", 16, grow=10),
    Column("SYMBOLS", 12, grow=8),
    Column("TF", 3),
    Column("FROM", 9, priority=2),
    Column("", 20, priority=1),
)


def table() -> LineTable:
    """The table of strategies, still empty."""
    return LineTable(_COLUMNS, id="strategies", empty="Reading the strategies …")


def fill(
    table: LineTable, choices: Sequence[StrategyChoice], wanted: str | None
) -> dict[str, StrategyChoice]:
    """Put strategies into the table, the cursor on the one wanted; returns them by key."""
    by_key = {f"{choice.origin}:{choice.path}": choice for choice in choices}
    table.set_empty("No strategy was found. papertape init makes a workspace with samples.")
    table.set_rows(_row(key, choice) for key, choice in by_key.items())
    for key, choice in by_key.items():
        if choice.name == wanted:
            table.move_to(key)
    return by_key


def number(field: Input, name: str, problems: list[str]) -> float | None:
    """The number in a field, None where it is empty; what else stands there is a problem."""
    text = field.value.strip().replace(",", "")
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e15:
        problems.append(f"{name}: expected a number above 0, found {text!r}")
        return None
    return value


def hints(verb: str, *, choices: bool = True) -> Static:
    """What the keys do in a form; without `choices` in it, not how one chooses."""
    choose = [("←→", "$accent"), (" choose   ", "$dim")] if choices else []
    return Static(
        Content.assemble(
            ("Enter", "$accent"),
            (f" {verb}   ", "$dim"),
            ("Tab ↑↓", "$accent"),
            (" field   ", "$dim"),
            *choose,
            ("Esc", "$accent"),
            (" cancel", "$dim"),
        ),
        classes="form-hints",
    )


def _row(key: str, choice: StrategyChoice) -> Row:
    state = Cell("")
    if choice.problems:
        count = len(choice.problems)
        state = Cell(f"✗ {count} problem{'s'[: count > 1]}", Tone.ERROR)
    elif not choice.backtested:
        state = Cell("no backtest", Tone.DIM)
    symbols = choice.symbols[0] if choice.symbols else formats.UNKNOWN
    if len(choice.symbols) > 1:
        symbols += f" +{len(choice.symbols) - 1}"
    return Row(
        key,
        (
            Cell(choice.name, Tone.DIM if choice.problems else Tone.STRONG),
            Cell(symbols),
            Cell(choice.timeframe, Tone.DIM),
            Cell(choice.origin, Tone.DIM),
            state,
        ),
    )
