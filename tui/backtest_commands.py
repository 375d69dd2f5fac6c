"""What does the screen ask of the backtest? Run it, and save its result."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from tui.backtest_order import BacktestOrder, BacktestOutcome, BacktestRefusedError

if TYPE_CHECKING:
    from tui.app import PapertapeApp

_RUNNER = "tui.backtesting"  # loaded late: what it needs takes a second and 100 MB


class BacktestCommands:
    """Backtests in this process, outside the host: they decide nothing and hold up nothing."""

    def __init__(self, app: PapertapeApp) -> None:
        self._app = app

    async def run(self, order: BacktestOrder, progress: Callable[[str], None]) -> BacktestOutcome:
        """Run a backtest.

        Raises:
            BacktestRefusedError: it cannot be run; the message says why and what to do.
        """
        runner = await asyncio.to_thread(importlib.import_module, _RUNNER)
        workspace, demo = self._app.workspace, self._app.demo
        outcome: BacktestOutcome = await runner.backtest(order, workspace, demo, progress)
        return outcome

    def save(self, outcome: BacktestOutcome) -> None:
        """Write a result into its strategy's document, if that is the workspace's own."""
        path = outcome.order.path
        workspace = self._app.workspace
        if workspace is None or not path.is_relative_to(workspace):
            self._app.say(
                f"{outcome.order.name} is a sample: copy it into the workspace first (2, then c).",
                "warning",
            )
            return

        async def work() -> None:
            try:
                await asyncio.to_thread(outcome.save, path)
            except BacktestRefusedError as error:
                self._app.say(str(error), "error", "Not saved")
            else:
                self._app.say(f"The result is saved in {path}.")

        self._app.run_worker(work(), name="save", group="backtest", exit_on_error=False)
