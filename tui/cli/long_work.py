"""Long work of a command: who does it, how far it is, and Ctrl-C, which keeps what is finished."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from types import FrameType
from typing import TYPE_CHECKING, Protocol

from tui.cli.candle_arguments import DataArguments, files_source
from tui.cli.output import Exit, Refusal, complain, refusing
from tui.cli.workspace import prepared_workspace, workspace_of

if TYPE_CHECKING:
    from core.backtest.candle_data import FilePart
    from core.backtest.progress import Progress
    from core.backtest.workers import Workers
    from core.gate.counted import How
    from core.gate.kept import Found
    from core.report.library import Terms
    from core.strategy.config.config import StrategyConfig

_EVERY_SECONDS = 0.5
_STOPPING = "stopping after the backtests under way; Ctrl-C again ends at once"


class LongWorkArguments(DataArguments, Protocol):
    """What a command of long work is given."""

    workers: int | None
    cluster: str | None
    afresh: bool
    keep: bool


def add_long_work(parser: argparse.ArgumentParser) -> None:
    """Let a command say who does its work, and whether it is begun anew."""
    parser.add_argument(
        "--workers", type=int, metavar="N", help="processes (default: one for each core)"
    )
    parser.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="workers of a Dask scheduler you trust, tcp://HOST:8786, or local:N to start one here "
        "(docs/cluster.md)",
    )
    parser.add_argument(
        "--afresh",
        action="store_true",
        help="run everything, also what an interrupted run of the same had finished",
    )
    parser.add_argument(
        "--keep",
        action="store_true",
        help="keep it in the library (papertape backtests)",
    )


def keep_found(
    arguments: LongWorkArguments,
    found: Found,
    config: StrategyConfig,
    terms: Terms,
    part: FilePart,
    notes: Sequence[str],
) -> None:
    """Keep what was found in the library, where that is asked for.

    `terms`: how `config` was varied on a part of its candles; `notes`: what is to be said of them.
    """
    if not arguments.keep:
        return
    from core.gate.kept import Asked, keep_search
    from core.report.library import LibraryError
    from core.store.durable import OsDisk
    from core.strategy.config.canonical import config_to_dict
    from core.time_format import wall_clock

    asked = Asked(
        config_to_dict(config),
        {},
        warmup=part.warmup,
        span=part.span,
        notes=tuple(notes),
    )
    period = arguments.period
    source = files_source(arguments.data, config.symbols, arguments.columns, period)
    workspace, now = prepared_workspace(arguments), wall_clock()
    with refusing(LibraryError, code=Exit.FAILED):
        key = keep_search(workspace, found, asked, terms, part.candles, source, now, OsDisk())
    if key is not None:
        complain(f"papertape: kept as {key}: papertape backtests show {key}")


@contextmanager
def long_work(arguments: LongWorkArguments, part: FilePart) -> Iterator[How]:
    """How work on some candles is done: Ctrl-C ends it with what is finished; twice, at once."""
    from core.backtest.axes import SweepError
    from core.backtest.cluster import ClusterError, cluster_at
    from core.backtest.kept import Keeping
    from core.backtest.workers import all_cores

    workers: Workers | int = all_cores() if arguments.workers is None else arguments.workers
    if arguments.cluster is not None:
        if arguments.workers is not None:
            raise Refusal("give either --workers or --cluster, not both", Exit.BAD_INPUT)
        with refusing(SweepError):
            workers = cluster_at(arguments.cluster)
    cancel = threading.Event()
    line = _Line(shown=sys.stderr.isatty() and not arguments.json)

    def interrupted(_number: int, _frame: FrameType | None) -> None:
        if cancel.is_set():
            raise KeyboardInterrupt
        cancel.set()
        if line.shown:
            # Not through sys.stderr: the signal may have come while that was being written to.
            os.write(2, f"\n{_STOPPING}\n".encode())

    # Signals are the main thread's.
    main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, interrupted) if main else None
    try:
        with refusing(ClusterError, code=Exit.FAILED):
            yield {
                "decide_from": part.decide_from,
                "workers": workers,
                "on_progress": line.show,
                "cancel": cancel,
                "keep": Keeping(workspace_of(arguments).unfinished, afresh=arguments.afresh),
            }
    finally:
        if main:
            signal.signal(signal.SIGINT, before)
        line.clear()


def say_how_to_go_on(done: str, kept: int) -> None:
    """Say that the work was cancelled, and what becomes of what is done."""
    goes_on = "the same command again goes on from there"
    if not kept:
        goes_on = "nothing of it could be kept: papertape init makes a workspace for it"
    complain(f"papertape: cancelled after {done}; {goes_on}")


class _Line:
    """One line that is written over, twice a second at most. Short work has none."""

    def __init__(self, *, shown: bool) -> None:
        self.shown = shown
        self._written = monotonic()
        self._width = 0
        self._resumed: Progress | None = None

    def show(self, progress: Progress) -> None:
        """Say how far it is, if it has not been said just now."""
        now = monotonic()
        if progress.done == progress.taken_up:
            self._resumed = progress
            return
        self._say_taken_up()
        if not self.shown or now - self._written < _EVERY_SECONDS:
            return
        from core.backtest.progress import progress_text

        self._written = now
        self._write(progress_text(progress)[: shutil.get_terminal_size().columns - 1])

    def clear(self) -> None:
        """Leave no trace of it."""
        self._say_taken_up()
        if self._width:
            self._write("")
            sys.stderr.write("\r")
            sys.stderr.flush()

    def _say_taken_up(self) -> None:
        if self._resumed is not None:
            from core.backtest.progress import resumed_text

            complain(f"papertape: {resumed_text(self._resumed)} (--afresh runs all anew)")
            self._resumed = None

    def _write(self, text: str) -> None:
        sys.stderr.write(f"\r{text.ljust(self._width)}")
        sys.stderr.flush()
        self._width = len(text)
