"""The table of strategies that forms begin with, and a dialog to pick one of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from core.text import safe_text
from tui import formats
from tui.modals.form import hints
from tui.strategies import StrategyChoice
from tui.widgets.columns import Column
from tui.widgets.line_table import Cell, LineTable, Row
from tui.widgets.tones import Tone

ListStrategies = Callable[[], AsyncIterator[Sequence[StrategyChoice]]]
"""Lists the strategies again and again, with more of them read; the last list is all."""

_COLUMNS = (
    Column("STRATEGY", 16, grow=10),
    Column("SYMBOLS", 12, grow=8),
    Column("TF", 3),
    Column("FROM", 9, priority=2),
    Column("", 20, priority=1),
)


def strategy_table() -> LineTable:
    """The table of strategies, still empty."""
    return LineTable(_COLUMNS, id="strategies", empty="Reading the strategies …")


def fill(
    table: LineTable,
    choices: Sequence[StrategyChoice],
    wanted: str | None,
    known: Mapping[str, StrategyChoice],
) -> dict[str, StrategyChoice]:
    """Put strategies into the table, the cursor on the one wanted; returns them by key.

    `known` are those it held, whose cursor may have been moved since one of them was wanted.
    """
    by_key = {f"{choice.origin}:{choice.path}": choice for choice in choices}
    table.set_empty("No strategy was found. papertape init makes a workspace with samples.")
    table.set_rows(_row(key, choice) for key, choice in by_key.items())
    if wanted not in {choice.name for choice in known.values()}:
        for key, choice in by_key.items():
            if choice.name == wanted:
                table.move_to(key)
    return by_key


def _row(key: str, choice: StrategyChoice) -> Row:
    state = Cell("")
    if not choice.is_read:
        state = Cell("…", Tone.DIM)
    elif choice.problems:
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


class PickStrategy(ModalScreen[StrategyChoice | None]):
    """A strategy is picked with Enter; Esc picks none."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", show=False)]

    def __init__(
        self,
        title: str,
        list_strategies: ListStrategies,
        picked: str | None = None,
    ) -> None:
        super().__init__()
        self._heading = safe_text(title)
        self._list_strategies = list_strategies
        self._picked = picked
        self._choices: dict[str, StrategyChoice] = {}

    def compose(self) -> ComposeResult:
        """The strategies."""
        with Vertical(classes="form"):
            yield Static(Content.styled(self._heading, "bold $foreground"), classes="form-title")
            yield strategy_table()
            yield hints("compare")

    def on_mount(self) -> None:
        """Read them."""
        self.query_one(LineTable).focus()
        self.run_worker(self._read(), name="strategies", exit_on_error=False)

    async def _read(self) -> None:
        async for choices in self._list_strategies():
            if not self.is_attached:
                return
            self._choices = fill(self.query_one(LineTable), choices, self._picked, self._choices)

    @on(LineTable.Chosen)
    def _chosen(self, event: LineTable.Chosen) -> None:
        choice = self._choices[event.key]
        if choice.problems:
            self.app.bell()
        else:
            self.dismiss(choice)
