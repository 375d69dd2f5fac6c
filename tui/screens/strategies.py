"""The screen of strategies: which there are, how they fared, and what is wrong with them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult, SuspendNotSupported
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.worker import Worker

from tui import formats
from tui.commands import Place, bindings
from tui.modals.name import AskName
from tui.screens import backtest_rows
from tui.screens.backtest import BacktestScreen
from tui.screens.backtest_look import BacktestLook
from tui.screens.base import BaseScreen, entitle
from tui.screens.gate import GateScreen
from tui.screens.sweep import SweepScreen
from tui.strategies import (
    NO_STRATEGY,
    READING,
    STILL_READ,
    StrategyChoice,
    StrategyFileError,
    copy_strategy,
    drop_unchanged,
    edit,
    name_problem,
)
from tui.widgets.columns import Column
from tui.widgets.filter_box import FilterBox
from tui.widgets.line_table import LineTable
from tui.widgets.remarks import Remark, RemarkLines, labelled
from tui.widgets.table_rows import Cell, Row
from tui.widgets.tones import Tone, tone_of

_NAME, _LONGEST_NAME = 16, 40
_GOES_ON_SECONDS = 1.0
_FEW, _SOME = 11, 20  # strategies: what the list does not need is for the one looked at


class StrategiesScreen(BaseScreen):
    """The strategies of the workspace and the samples, and the one under the cursor in full."""

    PLACE = Place.STRATEGIES
    TITLE = "Strategies"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.STRATEGIES)

    def __init__(self) -> None:
        super().__init__()
        self._choices: dict[str, StrategyChoice] = {}
        self._listed = False
        self._wanted: Path | None = None  # the document to put the cursor on once it is read
        self._seen: tuple[object, ...] | None = None  # what the look at a backtest was made of

    def body(self) -> ComposeResult:
        """The list, and what one of them says."""
        yield self.pane(LineTable(_columns(), id="strategy-list", empty=READING), "Strategies")
        yield FilterBox("#strategy-list", "filter by name, symbol, timeframe, origin or status")
        with Horizontal(id="strategy-lower"):
            with VerticalScroll(id="strategy-about", classes="pane"):
                yield RemarkLines(id="strategy-text")
            yield self.pane(BacktestLook(id="strategy-look"), "Last backtest")

    def resumed(self) -> None:
        """Read the files anew: they may have been edited meanwhile."""
        super().resumed()
        self.action_reload()

    def seek(self, path: str) -> None:
        """Put the cursor on the strategy of that document, once it is read."""
        for box in self.query(FilterBox):  # a screen that was never shown has none yet
            box.close()
        self._wanted = Path(path)
        self.action_reload()

    # ── what is shown ──

    def action_reload(self) -> None:
        """Read the files again."""
        _: Worker[None] = self.app.run_worker(
            self._read, name="strategies", group="strategies", exclusive=True, exit_on_error=False
        )

    async def _read(self) -> None:
        async for choices in self.papertape.list_strategies():
            if not self.is_attached:
                return
            self._show(choices)

    def _show(self, choices: Sequence[StrategyChoice]) -> None:
        self._listed = True
        before, known = self.selected, self._choices
        by_key = {f"{choice.origin}:{choice.path}": choice for choice in choices}
        # What is read again is shown as it was until it is.
        self._choices = {
            key: choice if choice.is_read else known.get(key, choice)
            for key, choice in by_key.items()
        }
        table = self.query_one("#strategy-list", LineTable)
        self._list()
        if self._wanted is not None:
            self._seek()
        elif before is not None and before not in self._choices.values():
            # A copy in the workspace stands for its sample.
            stands = (key for key, one in self._choices.items() if one.name == before.name)
            table.move_to(next(stands, ""))
        self._describe()

    def _seek(self) -> None:
        """Put the cursor on the strategy wanted; a filter that leaves it out is closed."""
        table, wanted = self.query_one("#strategy-list", LineTable), self._wanted
        key = next((key for key, one in self._choices.items() if one.path == wanted), None)
        if key is not None and key not in [row.key for row in table.rows]:
            if not self._choices[key].is_read:
                return  # what it says may pass the filter
            self.query_one(FilterBox).close()
            self._list()
        self._wanted = None
        if key is not None:
            table.move_to(key)

    @on(FilterBox.Changed)
    def _list(self) -> None:
        """List what passes the filter."""
        text, table = self.query_one(FilterBox).text, self.query_one("#strategy-list", LineTable)
        shown = {key: one for key, one in self._choices.items() if one.matches(text)}
        empty = NO_STRATEGY if self._listed else READING
        table.set_empty(f"No strategy has “{text}”. Esc shows all." if text else empty)
        table.take_columns(_columns(self._choices.values()))
        table.set_rows(_row(key, choice) for key, choice in shown.items())
        table.set_class(len(self._choices) <= _FEW, "-few")
        table.set_class(_FEW < len(self._choices) <= _SOME, "-some")
        there, read = len(self._choices), sum(one.is_read for one in self._choices.values())
        count = f"{there:,}" if len(shown) == there else f"{len(shown):,} of {there:,}"
        reading = "" if read == there else f" · reading, {read:,} done"
        entitle(table, f"Strategies · {count}{reading}")

    @property
    def selected(self) -> StrategyChoice | None:
        """The strategy under the cursor."""
        key = self.query_one("#strategy-list", LineTable).cursor_key
        return None if key is None else self._choices.get(key)

    @on(LineTable.Highlighted)
    def _describe(self) -> None:
        choice = self.selected
        about = self.query_one("#strategy-about", VerticalScroll)
        air = not self.has_class("-short")
        lines = [] if choice is None else description(choice, air=air)
        self.query_one("#strategy-text", RemarkLines).show(lines)
        entitle(about, "" if choice is None else choice.name)
        self.refresh_hints()
        self._look()

    def _look(self) -> None:
        """Show the saved backtest of the strategy under the cursor, where there is room for it."""
        choice = self.selected
        seen = None
        if choice is not None:
            seen = (choice.path, repr(choice.raw.get("backtest")), choice.kept, self.papertape.zone)
        low = self.has_class("-narrow") or self.has_class("-short")
        if not low and seen != self._seen:
            self._seen = seen
            self.query_one(BacktestLook).set_class(False, "-known")
            self.app.workers.cancel_group(self.app, "strategy-look")  # of another strategy
            if choice is not None and (choice.backtested or choice.kept is not None):
                self.app.run_worker(
                    self._draw_look(choice),
                    name="look",
                    group="strategy-look",
                    exit_on_error=False,
                )

    async def _draw_look(self, choice: StrategyChoice) -> None:
        listed = choice.kept or await self.papertape.library.saved(
            choice.path, choice.raw.get("backtest")
        )
        if self.is_attached:
            look = self.query_one(BacktestLook)
            look.set_class(listed is not None, "-known")
            if listed is not None:
                which = "Saved backtest" if choice.kept is None else "Last backtest"
                zone = self.papertape.zone
                entitle(look, f"{which} · {backtest_rows.period(listed, zone)}")
                look.show(listed)
                await look.draw(self.papertape.library, listed, zone)

    def laid_out(self, event: events.Resize) -> None:
        """Show the saved backtest once there is room."""
        super().laid_out(event)
        if self.ready:
            self._describe()

    @on(LineTable.Chosen)
    def _opened(self) -> None:
        self.action_edit()

    # ── commands ──

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what can be done with the strategy under the cursor."""
        if action in ("start", "backtest", "edit", "duplicate") and self.ready:
            return self.selected is not None
        if action in ("sweep", "gate") and self.ready:
            return self.selected is not None and self.selected.is_read
        return True

    def why_not(self, action: str) -> str:
        """What is not read yet cannot be varied."""
        choice = self.selected
        return "" if choice is None or choice.is_read else f"Not yet: {STILL_READ}."

    def action_start(self) -> None:
        """Open the form for a session of it."""
        if self.selected is not None:
            self.papertape.open_new_session(self.selected.name)

    def action_backtest(self) -> None:
        """Go to the backtest, with it picked."""
        choice = self.selected
        if choice is not None:
            self._backtests().choose(choice.name, left=self._return)

    def action_sweep(self) -> None:
        """Go to the backtests, and vary it there."""
        self._vary(SweepScreen)

    def action_gate(self) -> None:
        """Go to the backtests, and judge it there."""
        self._vary(GateScreen)

    def _vary(self, what: type[SweepScreen | GateScreen]) -> None:
        choice = self.selected
        if choice is not None:
            self._backtests().vary(what, choice, left=self._return)

    def _backtests(self) -> BacktestScreen:
        """Go to the backtests; what is open there, a result or a sweep, stays open."""
        self.papertape.action_go("backtest")
        return next(one for one in self.app.screen_stack if isinstance(one, BacktestScreen))

    def _return(self) -> None:
        """Come back from a form in which nothing was begun."""
        self.papertape.action_go(Place.STRATEGIES.mode)

    def action_duplicate(self) -> None:
        """Ask for a name, and copy it under that."""
        choice, workspace = self.selected, self.papertape.workspace
        if choice is None or workspace is None:
            return

        def named(name: str | None) -> None:
            if name is not None and (made := self._copy(choice, name)) is not None:
                self._copied(made)

        proposed = choice.path.parent.name + ("_2" if choice.origin == "workspace" else "")
        self.app.push_screen(
            AskName(
                f"Copy {choice.name}",
                "The copy is a strategy of the workspace.",
                proposed,
                refuse=lambda name: (
                    self._hidden(choice, name) or name_problem(workspace / "strategies", name)
                ),
            ),
            named,
        )

    def _hidden(self, choice: StrategyChoice, name: str) -> str | None:
        """Why a copy may not have the name of another sample."""
        other = any(one.name == name and one.origin == "sample" for one in self._choices.values())
        if not other or name == choice.name:
            return None
        return f"{name} is a sample, which the copy would hide: expected another name"

    def _copy(self, choice: StrategyChoice, name: str) -> Path | None:
        workspace = self.papertape.workspace
        if workspace is None:
            return None
        try:
            return copy_strategy(choice.path, workspace / "strategies", name)
        except StrategyFileError as error:
            self.papertape.say(str(error), "error", "Not copied")
            return None

    def _copied(self, made: Path) -> None:
        self.papertape.say(f"Copied to {formats.path(made)}.")
        self._wanted = made
        self.action_reload()

    def action_edit(self) -> None:
        """Open it in the user's editor: of a sample a copy, which stays if it is changed."""
        choice, workspace = self.selected, self.papertape.workspace
        if choice is None or workspace is None:
            return
        path, sample = choice.path, None
        if not path.is_relative_to(workspace):
            copy = self._copy(choice, path.parent.name)
            if copy is None:
                return
            path, sample = copy, path
        self.app.run_worker(self._edit(path, sample), name="edit", exit_on_error=False)

    async def _edit(self, path: Path, sample: Path | None) -> None:
        """Edit a document, which is a new copy of a `sample` or none."""
        before, unchanged = b"", False
        try:
            before = await asyncio.to_thread(path.read_bytes) if sample else b""
            # A repaint while the terminal is lent would wait for it for ever.
            with self.app.batch_update(), self.app.suspend():
                seconds = await asyncio.to_thread(edit, path)
            # An editor that goes on in a window of its own has not changed anything yet.
            unchanged = seconds > _GOES_ON_SECONDS and drop_unchanged(path, before)
        except (StrategyFileError, OSError) as error:
            unchanged = sample is not None and drop_unchanged(path, before)
            self.papertape.say(str(error), "error", "Not edited")
        except SuspendNotSupported:
            self.papertape.say(
                f"There is no terminal for an editor here: edit {path}, then R reads it again.",
                "warning",
            )
        self.app.refresh(layout=True)
        # What stood in it is not what it says now, and nothing may be begun with it.
        self._choices = {key: one for key, one in self._choices.items() if one.path != path}
        if sample is not None and not unchanged:
            self._copied(path)
            return
        self._wanted = sample if unchanged else path
        self.action_reload()


def _columns(choices: Iterable[StrategyChoice] = ()) -> tuple[Column, ...]:
    """The columns of a list of these; what none of them has takes no room."""
    longest = max((cell_len(one.name) for one in choices), default=0)
    return (
        Column("STRATEGY", min(max(longest, _NAME), _LONGEST_NAME)),
        Column("SYMBOLS", 12, priority=2, grow=8),
        Column("TF", 3, priority=1),
        Column("STATUS", 8, priority=4, optional=True),
        Column("FROM", 9, priority=5),
        Column("BACKTEST", 11, "right"),
        Column("TRADES", 6, "right", priority=3, optional=True),
        Column("WIN", 6, "right", priority=6, optional=True),
        Column("DRAWDOWN", 8, "right", priority=7, optional=True),
        Column("", 14, optional=True),
    )


def _status(choice: StrategyChoice) -> str:
    status = choice.raw.get("status")
    return status if isinstance(status, str) else ""


def _told_status(choice: StrategyChoice) -> str:
    """Its status in the list: every strategy begins as a draft, which needs no word."""
    return "" if (status := _status(choice)) == "draft" else status


def _row(key: str, choice: StrategyChoice) -> Row:
    gain, trades = choice.figure("total_return_pct"), choice.figure("total_trades")
    wins, fall = choice.figure("win_rate_pct"), choice.figure("max_drawdown_pct")
    tried = choice.backtested or choice.kept is not None
    count = len(choice.problems) if choice.is_read else 0
    made = Cell(formats.change_percent(gain), tone_of(gain), order=gain)
    state = Cell(choice.unsaved, Tone.DIM)
    # One of the warnings says that no backtest is saved in it.
    others = len(choice.warnings) - (not choice.backtested)
    if count:
        state = Cell(f"✗ {count} problem{'s'[: count > 1]}", Tone.ERROR)
    elif others > 0:
        state = Cell(f"! {others} to know", Tone.WARNING)
    symbols = choice.symbols[0] if choice.symbols else formats.UNKNOWN
    if len(choice.symbols) > 1:
        symbols += f" +{len(choice.symbols) - 1}"
    return Row(
        key,
        (
            Cell(choice.name, Tone.STRONG),
            Cell(symbols),
            Cell(choice.timeframe, Tone.DIM, order=formats.length_of(choice.timeframe)),
            Cell(_told_status(choice), Tone.DIM),
            Cell(choice.origin, Tone.DIM),
            made,
            Cell(formats.number(trades, 0) if tried else "", order=trades),
            Cell(formats.percent(wins, 0) if tried else "", order=wins),
            Cell(formats.drawdown(fall) if tried else "", order=fall),
            state,
        ),
    )


def description(choice: StrategyChoice, *, air: bool) -> list[Remark]:
    """What a strategy says, problems first; `air`: with blank lines between its parts."""
    if not choice.is_read:
        return [Remark("", STILL_READ, Tone.DIM)]
    blank = [Remark("", "", Tone.DIM)] if air else []
    lines = [Remark("✗", problem, Tone.ERROR) for problem in choice.problems]
    lines += [Remark("!", warning, Tone.WARNING) for warning in choice.warnings]
    if lines:
        lines += blank
    if choice.description:
        lines += [Remark("", choice.description, Tone.PLAIN), *blank]
    where = formats.path(choice.path)
    if choice.origin == "sample":
        where = "a sample; e copies it into the workspace"
    about = [("Status", status)] if (status := _status(choice)) else []
    return [*lines, *labelled((*choice.meaning, *about, ("File", where)))]
