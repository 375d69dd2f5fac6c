"""Long work on a terminal: a line of progress, and Ctrl-C, which keeps what is finished."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from types import FrameType
from typing import TYPE_CHECKING

from tui.cli.commands import Arguments

if TYPE_CHECKING:
    from core.backtest.progress import OnProgress, Progress

_EVERY_SECONDS = 0.5
_STOPPING = "stopping after the backtests under way; Ctrl-C again ends at once"


@contextmanager
def long_work(arguments: Arguments) -> Iterator[tuple[OnProgress | None, threading.Event]]:
    """Who is told how far it is (None: nobody looks), and what Ctrl-C sets; twice, it raises."""
    cancel = threading.Event()
    line = _Line() if sys.stderr.isatty() and not arguments.json else None

    def interrupted(_number: int, _frame: FrameType | None) -> None:
        if cancel.is_set():
            raise KeyboardInterrupt
        cancel.set()
        if line is not None:
            # Not through sys.stderr: the signal may have come while that was being written to.
            os.write(2, f"\n{_STOPPING}\n".encode(errors="replace"))

    # Signals are the main thread's.
    main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, interrupted) if main else None
    try:
        yield (None if line is None else line.show), cancel
    finally:
        if main:
            signal.signal(signal.SIGINT, before)
        if line is not None:
            line.clear()


class _Line:
    """One line that is written over, twice a second at most. Short work has none."""

    def __init__(self) -> None:
        self._written = monotonic()
        self._width = 0

    def show(self, progress: Progress) -> None:
        """Say how far it is, if it has not been said just now."""
        from core.backtest.progress import progress_text

        now = monotonic()
        if now - self._written < _EVERY_SECONDS:
            return
        self._written = now
        self._write(progress_text(progress)[: shutil.get_terminal_size().columns - 1])

    def clear(self) -> None:
        """Leave no trace of it."""
        if self._width:
            self._write("")
            sys.stderr.write("\r")
            sys.stderr.flush()

    def _write(self, text: str) -> None:
        sys.stderr.write(f"\r{text.ljust(self._width)}")
        sys.stderr.flush()
        self._width = len(text)
