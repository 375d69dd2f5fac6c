"""The screen of a backtest: run a strategy over past candles, look at the outcome, save it."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import Static
from textual.worker import Worker

from core.report.written_report import written_report
from core.text import safe_lines
from tui.commands import Place, bindings
from tui.modals.new_backtest import NewBacktest
from tui.requests.backtest import BacktestOrder, BacktestOutcome, BacktestRefusedError
from tui.screens.base import BaseScreen
from tui.screens.result_view import ResultView

_EMPTY = (
    "No backtest has been run yet.\n\n"
    "n   choose a strategy and candles\n"
    "2   the strategies, where b backtests the one under the cursor"
)


class BacktestScreen(BaseScreen):
    """The last backtest, and the one that runs."""

    PLACE = Place.BACKTEST
    TITLE = "Backtest"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.BACKTEST)

    def __init__(self) -> None:
        super().__init__()
        self._order: BacktestOrder | None = None
        self._outcome: BacktestOutcome | None = None
        self._worker: Worker[None] | None = None

    def body(self) -> ComposeResult:
        """What runs, and what came of it."""
        yield Static(_EMPTY, id="backtest-progress", markup=False)
        yield ResultView()

    def on_mount(self) -> None:
        """Nothing to show before the first run."""
        super().on_mount()
        self.query_one(ResultView).display = False

    @property
    def is_busy(self) -> bool:
        """Whether a backtest runs now."""
        return self._worker is not None and not self._worker.is_finished

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what can be done now."""
        if action == "cancel":
            return self.is_busy
        if action == "again":
            return self._order is not None and not self.is_busy
        if action in ("save", "copy", "view", "open", "export"):
            return self._outcome is not None and not self.is_busy
        return True

    # ── running ──

    def run_order(self, order: BacktestOrder) -> None:
        """Run a backtest in a worker of the app; one that runs already is broken off."""
        self.action_cancel()
        self._order = order
        self._tell(f"{order.name}: starting …")
        self._worker = self.app.run_worker(
            self._work(order), name="backtest", group="backtest", exit_on_error=False
        )
        self.refresh_hints()

    async def _work(self, order: BacktestOrder) -> None:
        try:
            outcome = await self.papertape.backtests.run(
                order, lambda text: self._tell(f"{order.name}: {text}")
            )
        except BacktestRefusedError as error:
            self._tell(str(error), "$error")
        except asyncio.CancelledError:
            self._tell(f"{order.name}: broken off. R runs it again.", "$warning")
            raise
        else:
            self._outcome = outcome
            view = self.query_one(ResultView)
            view.display = True
            report = written_report(outcome.report)
            view.draw(report, outcome.report, outcome.equity, outcome.held, outcome.candles)
            self.query_one("#backtest-progress").display = False
        finally:
            self.call_later(self.refresh_hints)

    def _tell(self, text: str, style: str = "$dim") -> None:
        if not self.is_attached:
            return
        progress = self.query_one("#backtest-progress", Static)
        progress.display = True
        progress.update(Content.styled(safe_lines(text), style))

    # ── commands ──

    def action_new(self) -> None:
        """Choose what to run."""
        self.choose()

    def choose(self, picked: str | None = None) -> None:
        """Open the form, on the strategy of that name if there is one."""

        def answered(order: BacktestOrder | None) -> None:
            if order is not None:
                self.run_order(order)

        self.app.push_screen(
            NewBacktest(
                self.papertape.read_strategies,
                self._order,
                picked,
                demo=self.papertape.demo is not None,
            ),
            answered,
        )

    def action_again(self) -> None:
        """Run the same once more, as the strategy is written now."""
        if self._order is not None:
            self.choose(self._order.name)

    def action_cancel(self) -> None:
        """Break off what runs."""
        if self._worker is not None and self.is_busy:
            self._worker.cancel()

    def action_view(self) -> None:
        """Show the next of trades, candles, months and curves."""
        self.query_one(ResultView).turn(low=self.has_class("-short"))

    def action_export(self) -> None:
        """Write it into files of the workspace."""
        if self._outcome is None:
            return
        self.export(self._outcome.report)

    def action_open(self) -> None:
        """Open the trade under the cursor."""
        self.query_one(ResultView).open_trade()

    def action_copy(self) -> None:
        """Copy the result as JSON."""
        if self._outcome is not None:
            self.copy_json(self._outcome.report)

    def action_save(self) -> None:
        """Write the result into the strategy's document, if it is the workspace's own."""
        if self._outcome is not None:
            self.papertape.backtests.save(self._outcome)
