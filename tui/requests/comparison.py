"""The commands on comparisons: make one, save what it says, export it."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.market.candles.candle import Candle
from tui.requests.backtest import Points
from tui.shell import Shell

_RUNNER = "tui.requests.comparison_run"  # loaded late: what it needs takes a second and 100 MB

CandlesAround = Callable[[str, int, int], tuple[Candle, ...]]
"""The candles of a symbol that open between two times (UTC ms), as the comparison saw them."""


class ComparisonRefusedError(Exception):
    """Something could not be compared or saved; the message is for the user."""


@dataclass(frozen=True, slots=True)
class ComparisonOrder:
    """Which strategy to compare: `raw` is its config as written, in the document at `path`.

    `sessions`: the IDs of those that count; empty: all that have ended, without replays. `fetch`:
    whether to ask the exchange for its candles as it tells them now.
    """

    name: str
    path: Path
    raw: Mapping[str, object]
    sessions: tuple[str, ...] = ()
    fetch: bool = False


@dataclass(frozen=True, slots=True)
class ComparisonOutcome:
    """What was found: `compare --json`, and what a screen draws beside it.

    `curves`: the change of equity in per cent over time, by name; `gains`: the P&L of each trade in
    per cent of its margin, by column. `text`: the table and what it rests on. `document`: the file
    to save into, None for a sample; `difference`: the lines that would change there, empty where no
    single session was compared.
    """

    order: ComparisonOrder
    found: Mapping[str, object]
    curves: tuple[tuple[str, Points], ...]
    gains: Mapping[str, tuple[float, ...]]
    candles: CandlesAround
    difference: tuple[str, ...]
    save: Callable[[], None]
    export: Callable[[], Path]


class ComparisonCommands:
    """Comparisons in this process, outside the host: they read what it has written."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    async def run(self, order: ComparisonOrder) -> ComparisonOutcome:
        """Compare.

        Raises:
            ComparisonRefusedError: it cannot be compared; the message says why.
        """
        workspace = self._shell.workspace
        if workspace is None:
            raise ComparisonRefusedError("without a workspace there is nothing to compare")
        runner = await asyncio.to_thread(importlib.import_module, _RUNNER)
        outcome: ComparisonOutcome = await runner.compare(order, workspace, self._shell.link)
        return outcome
