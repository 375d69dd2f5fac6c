"""What the screen asks of a comparison: to make it, and to save what it says.

Comparisons are made in this process, outside the host: they read what it has written. What makes
them loads numpy, ccxt and their kin, so it is imported late, in a thread.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.compare.request import ComparisonError, ComparisonRequest
from core.late_imports import talib
from core.store.workspace import Workspace
from tui.shell import Shell
from tui.strategies import StrategyChoice, strategy_in_its_folder

if TYPE_CHECKING:
    from core.compare.comparison import ComparisonResult
    from core.compare.document_block import DocumentChange

_RUNNER = "tui.requests.comparison_run"
_ALSO = (
    "numpy.random",  # which numpy itself loads late
    "core.strategy.lint.words",
    "tui.strategy_cache",
)


class ComparisonCommands:
    """Comparisons in this process."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def prepare(self) -> None:
        """Import in a thread what the first comparison would wait for.

        What exists by then stays: looking it all through for cycles takes a tenth of a second, in
        which the screen stands still and no candle is taken.
        """

        async def load() -> None:
            await _runner()
            for name in _ALSO:
                await asyncio.to_thread(importlib.import_module, name)
            await asyncio.to_thread(talib)
            gc.freeze()

        self._shell.run_worker(load(), name="comparison", exit_on_error=False)

    async def run(self, request: ComparisonRequest) -> ComparisonResult:
        """Compare.

        Raises:
            ComparisonError: it cannot be compared; the message says why.
        """
        runner = await _runner()
        workspace, link = self._workspace(), self._shell.link
        result: ComparisonResult = await runner.compare(request, workspace, link)
        return result

    async def strategy(self, name: str) -> StrategyChoice | None:
        """The strategy of that name, read without all others; None where that does not find it."""
        if self._shell.workspace is None:
            return None
        return await asyncio.to_thread(
            strategy_in_its_folder, Workspace(self._shell.workspace), name
        )

    async def change(
        self, request: ComparisonRequest, result: ComparisonResult
    ) -> DocumentChange | None:
        """What a save would write into the strategy's document.

        None where no single session was compared, or the document is a sample's.
        """
        runner = await _runner()
        change: DocumentChange | None = await asyncio.to_thread(
            runner.document_change, request, result, self._workspace()
        )
        return change

    async def save(self, change: DocumentChange) -> None:
        """Write a change into the strategy's document.

        Raises:
            ComparisonError: it cannot be written.
        """
        runner = await _runner()
        await asyncio.to_thread(runner.save, change)

    def _workspace(self) -> Path:
        workspace = self._shell.workspace
        if workspace is None:
            raise ComparisonError("without a workspace there is nothing to compare")
        return workspace


async def _runner() -> Any:
    return await asyncio.to_thread(importlib.import_module, _RUNNER)
