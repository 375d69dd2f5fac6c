"""What the screen asks of sweeps and gates: whether they can be made, and to make them.

They run in processes of their own, outside the host. What makes them loads numpy and its kin, so it
is imported late, in a thread.
"""

from __future__ import annotations

import asyncio
import importlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from core.gate import FOLDS
from tui.requests.backtest import BacktestOrder, Points
from tui.shell import Shell

if TYPE_CHECKING:
    from core.backtest.progress import Progress
    from core.backtest.sweep import Sweep
    from core.gate.gate import Gate, UnfinishedGate
    from core.report.library import ListedResult

_RUNNER = "tui.requests.varying_run"


@dataclass(frozen=True, slots=True)
class Variation:
    """How a strategy is varied.

    `axes`: as `papertape sweep --set` takes them. `sort`: the metric that ranks. `split`: per cent
    of the time that the ranking of a sweep sees; None: all. Of a gate, `folds`: of its
    walk-forward, each of which chooses on all that was before where `anchored`; `seed`: of what is
    drawn.
    """

    axes: tuple[str, ...] = ()
    sort: str = "sharpe_ratio"
    split: float | None = None
    folds: int = FOLDS
    anchored: bool = False
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Varied:
    """What came of it, and what is to be said of the candles and of counting it.

    `aside`: how it was run, which is no fault of it. `warmup`: see `BacktestOrder`; with it a
    setting's own backtest is on the same candles, as over `span`. `own`: what the strategy itself
    is set to, by path. `reports`: of a gate that was kept, the backtest that was judged and the
    parts of its walk-forward as one, each with its equity; one just made has them in itself. `key`:
    of the library, where it is kept there.
    """

    found: Sweep | Gate | UnfinishedGate
    notes: tuple[str, ...]
    aside: tuple[str, ...] = ()
    warmup: int | None = None
    span: tuple[int, int] | None = None
    own: Mapping[str, object] = field(default_factory=dict)
    reports: tuple[tuple[Mapping[str, object], Points], ...] = ()
    key: str = ""


@dataclass(slots=True)
class Control:
    """How work under way is watched and cancelled: written in its thread, read by the screen.

    `told`: words before there is a progress.
    """

    told: str = "starting …"
    progress: Progress | None = None
    cancel: threading.Event = field(default_factory=threading.Event)

    @property
    def resumed(self) -> str | None:
        """What is to be said of what an interrupted run had finished; None where nothing is."""
        if self.progress is None or not self.progress.taken_up:
            return None
        from core.backtest.progress import resumed_text  # noqa: PLC0415  (numpy's room, there now)

        return resumed_text(self.progress)

    def show(self, progress: Progress) -> None:
        """Take how far it is."""
        self.progress = progress

    def tell(self, words: str) -> None:
        """Take what is done before it begins."""
        self.told = words


@dataclass(frozen=True, slots=True)
class Ended:
    """A sweep or gate that was kept: of which order it was, and its result."""

    order: BacktestOrder
    variation: Variation
    varied: Varied


class VaryingCommands:
    """Sweeps and gates in processes beside this one; what they find is kept in the library."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    async def suggest(self, raw: Mapping[str, object]) -> tuple[str, ...]:
        """What could be varied of a config, a range around each number of it."""
        runner = await _runner()
        found: tuple[str, ...] = await asyncio.to_thread(runner.suggested, raw)
        return found

    async def check(self, raw: Mapping[str, object], variation: Variation) -> int:
        """How many settings there are.

        Raises:
            BacktestRefusedError: one cannot be; the message says which and why.
        """
        runner = await _runner()
        count: int = await asyncio.to_thread(runner.checked, raw, variation)
        return count

    async def sweep(self, order: BacktestOrder, variation: Variation, control: Control) -> Varied:
        """Try every setting.

        Raises:
            BacktestRefusedError: it cannot be; the message says why.
        """
        return await self._run("sweep", order, variation, control)

    async def gate(self, order: BacktestOrder, variation: Variation, control: Control) -> Varied:
        """Judge the best setting.

        Raises:
            BacktestRefusedError: it cannot be; the message says why.
        """
        return await self._run("gate", order, variation, control)

    async def _run(
        self, what: str, order: BacktestOrder, variation: Variation, control: Control
    ) -> Varied:
        runner = await _runner()
        try:
            found: Varied = await getattr(runner, what)(
                order, variation, self._shell.workspace, self._shell.demo, control
            )
        finally:
            control.cancel.set()  # nobody waits for it any more
        return found

    async def open(self, listed: ListedResult) -> Ended:
        """All of a sweep or gate that was kept.

        Raises:
            LibraryError: it is gone or damaged.
        """
        runner = await _runner()
        ended: Ended = await asyncio.to_thread(runner.ended, listed)
        return ended


async def _runner() -> Any:
    return await asyncio.to_thread(importlib.import_module, _RUNNER)
