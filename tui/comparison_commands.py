"""What does the screen ask of a comparison? Make it."""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING

from tui.comparison_order import ComparisonOrder, ComparisonOutcome, ComparisonRefusedError

if TYPE_CHECKING:
    from tui.app import PapertapeApp

_RUNNER = "tui.comparing"  # loaded late: what it needs takes a second and 100 MB


class ComparisonCommands:
    """Comparisons in this process, outside the host: they read what it has written."""

    def __init__(self, app: PapertapeApp) -> None:
        self._app = app

    async def run(self, order: ComparisonOrder) -> ComparisonOutcome:
        """Compare.

        Raises:
            ComparisonRefusedError: it cannot be compared; the message says why.
        """
        workspace = self._app.workspace
        if workspace is None:
            raise ComparisonRefusedError("without a workspace there is nothing to compare")
        runner = await asyncio.to_thread(importlib.import_module, _RUNNER)
        outcome: ComparisonOutcome = await runner.compare(order, workspace, self._app.link)
        return outcome
