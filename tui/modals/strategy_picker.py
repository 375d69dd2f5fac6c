"""The table of strategies that forms begin with, and a dialog to pick one of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from tui import formats
from tui.modals.form import CheckedForm, heading, hints
from tui.strategies import NO_STRATEGY, READING, StrategyChoice
from tui.widgets.columns import Column
from tui.widgets.filter_box import FilterBox
from tui.widgets.line_table import LineTable
from tui.widgets.remarks import Remark, RemarkLines
from tui.widgets.table_rows import Cell, Row
from tui.widgets.tones import Tone

T = TypeVar("T")
ListStrategies = Callable[[], AsyncIterator[Sequence[StrategyChoice]]]
"""Lists the strategies again and again, with more of them read; the last list is all."""

_LEAST = 7  # lines of the table on a low terminal, with its heading
_FEWEST = 4  # the same, where much is said of one
_BESIDE = 26  # lines of a form but those of the table
_SAID = 6  # of them what is said of a strategy

_COLUMNS = (
    Column("STRATEGY", 16, grow=10),
    Column("SYMBOLS", 12, grow=8),
    Column("TF", 3),
    Column("FROM", 9, priority=2),
    Column("BACKTEST", 21, priority=1),
)


class StrategyForm(CheckedForm[T]):
    """A form that begins with the strategies: one is picked by the cursor, `/` finds it.

    `wanted`: the name of the one the cursor begins on.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("slash", "find", show=False)]

    def __init__(self, list_strategies: ListStrategies, wanted: str | None) -> None:
        super().__init__()
        self._list_strategies = list_strategies
        self._wanted = wanted
        self._choices: dict[str, StrategyChoice] = {}
        self._listed = False

    def strategies(self) -> ComposeResult:
        """The table of strategies, still empty, and its filter."""
        yield LineTable(_COLUMNS, id="strategies", empty=READING)
        yield FilterBox("#strategies", "find by name, symbol or status", compact=True)

    def on_mount(self) -> None:
        """Read the strategies, then let one be picked."""
        self._table.focus()
        self.run_worker(self._read(), name="strategies", exit_on_error=False)

    @property
    def _table(self) -> LineTable:
        return self.query_one("#strategies", LineTable)

    @property
    def picked(self) -> StrategyChoice | None:
        """The strategy under the cursor."""
        key = self._table.cursor_key
        return None if key is None else self._choices.get(key)

    async def _read(self) -> None:
        async for choices in self._list_strategies():
            if not self.is_attached:
                return
            known = {choice.name for choice in self._choices.values()}
            self._choices = {f"{choice.origin}:{choice.path}": choice for choice in choices}
            self._listed = True
            self._fill()
            # The cursor may have been moved since the one wanted was there.
            for key, choice in self._choices.items():
                if choice.name == self._wanted and choice.name not in known:
                    self._table.move_to(key)
            self.judge()
            self.checked()
            self.take_keys()

    def fields_are_there(self) -> None:
        """Wait for the strategies: the first keys mostly go to them."""

    @property
    def is_checking(self) -> bool:
        """See `CheckedForm.is_checking`: whether the document of the one picked is being read."""
        return self.picked is not None and not self.picked.is_read

    def on_resize(self) -> None:
        """Show as many strategies at once as there is room for, beside what is said of one."""
        table, room = self._table, self.size.height - _BESIDE
        if room > _LEAST:
            room = max(_FEWEST, room - max(0, self.told_lines - _SAID))
            table.styles.height = min(room, max(_LEAST, len(self._choices) + 1))
        else:
            table.styles.clear_rule("height")

    def tell(self, remarks: Iterable[Remark]) -> None:
        """See `Form.tell`. The list of strategies gives way to what has many lines."""
        super().tell(remarks)
        self.on_resize()

    def _fill(self) -> None:
        self.on_resize()
        text = self.query_one(FilterBox).text
        empty = NO_STRATEGY if self._listed else READING
        self._table.set_empty(f"No strategy has “{text}”. Esc shows all." if text else empty)
        self._table.set_rows(
            _row(key, choice) for key, choice in self._choices.items() if choice.matches(text)
        )

    @on(Input.Changed, "FilterBox")
    def _filter_changed(self) -> None:
        self._fill()

    @on(Input.Submitted, "FilterBox")
    def _filter_kept(self) -> None:
        self.set_class(bool(self.query_one(FilterBox).text), "-finding")

    def action_find(self) -> None:
        """Open the filter, in the room of two strategies."""
        self.query_one(FilterBox).open()
        self.add_class("-finding")

    def action_cancel(self) -> None:
        """Close the filter; without one, change nothing."""
        if self.query_one(FilterBox).close():
            self.remove_class("-finding")
            self._table.focus()
        else:
            super().action_cancel()


def _row(key: str, choice: StrategyChoice) -> Row:
    symbols = choice.symbols[0] if choice.symbols else formats.UNKNOWN
    if len(choice.symbols) > 1:
        symbols += f" +{len(choice.symbols) - 1}"
    return Row(
        key,
        (
            Cell(choice.name, Tone.DIM if choice.problems else Tone.STRONG),
            Cell(symbols),
            Cell(choice.timeframe, Tone.DIM, order=formats.length_of(choice.timeframe)),
            Cell(choice.origin, Tone.DIM),
            _backtest(choice),
        ),
    )


def _backtest(choice: StrategyChoice) -> Cell:
    """What its last backtest made, or why it has none."""
    if not choice.is_read:
        return Cell("…", Tone.DIM)
    if choice.problems:
        count = len(choice.problems)
        return Cell(f"✗ {count} problem{'s'[: count > 1]}", Tone.ERROR)
    if not choice.backtested and choice.kept is None:
        return Cell("none", Tone.DIM)
    made, trades = choice.figure("total_return_pct"), choice.figure("total_trades")
    told = [] if made is None else [formats.gain(made)]
    told += [] if trades is None else [f"{trades:,.0f} trade{'s'[: trades != 1]}"]
    # Of one that is only kept in the library its trades give way to that.
    told = [*told[:1], choice.unsaved] if choice.unsaved else told
    return Cell(", ".join(told) or "saved")


class PickStrategy(StrategyForm[StrategyChoice]):
    """A strategy is picked with Enter; Esc picks none."""

    def __init__(
        self,
        title: str,
        list_strategies: ListStrategies,
        picked: str | None = None,
    ) -> None:
        super().__init__(list_strategies, picked)
        self._heading = title

    def compose(self) -> ComposeResult:
        """The strategies."""
        with Vertical(classes="form"):
            yield heading(self._heading)
            yield from self.strategies()
            yield RemarkLines(id="verdict")
            yield hints("compare", fields=False, choices=False, finds=True)

    def judge(self) -> None:
        """Say what is wrong with the strategy under the cursor."""
        picked = self.picked
        self.tell(self.wrong(picked.problems if picked is not None and picked.is_read else ()))

    def outcome(self) -> StrategyChoice | None:
        """The strategy picked, if it can run."""
        picked = self.picked
        return None if picked is None or picked.problems else picked
