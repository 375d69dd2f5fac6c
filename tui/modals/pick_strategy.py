"""Picks a strategy from the list of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from core.text import safe_text
from tui.modals import strategy_picker
from tui.modals.form import hints
from tui.strategies import StrategyChoice
from tui.widgets.line_table import LineTable


class PickStrategy(ModalScreen[StrategyChoice | None]):
    """A strategy is picked with Enter; Esc picks none."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", show=False)]

    def __init__(
        self,
        title: str,
        read_strategies: Callable[[], Awaitable[Sequence[StrategyChoice]]],
        picked: str | None = None,
    ) -> None:
        super().__init__()
        self._heading = safe_text(title)
        self._read_strategies = read_strategies
        self._picked = picked
        self._choices: dict[str, StrategyChoice] = {}

    def compose(self) -> ComposeResult:
        """The strategies."""
        with Vertical(classes="form"):
            yield Static(Content.styled(self._heading, "bold $foreground"), classes="form-title")
            yield strategy_picker.table()
            yield hints("compare")

    def on_mount(self) -> None:
        """Read them."""
        self.query_one(LineTable).focus()
        self.run_worker(self._read(), name="strategies", exit_on_error=False)

    async def _read(self) -> None:
        choices = await self._read_strategies()
        if self.is_attached:
            table = self.query_one(LineTable)
            self._choices = strategy_picker.fill(table, choices, self._picked)

    @on(LineTable.Chosen)
    def _chosen(self, event: LineTable.Chosen) -> None:
        choice = self._choices[event.key]
        if choice.problems:
            self.app.bell()
        else:
            self.dismiss(choice)
