"""Shares work on the same candles among processes: the seam at which other machines are put in.

The candles are handed over once. What is then asked for is a function of them and of a small task;
it gives its results one by one, so that whoever waits sees them come, and cancelling loses few.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from multiprocessing.synchronize import Event as ProcessEvent
from typing import Any, Protocol, TypeVar

from core.backtest.axes import SweepError
from core.late_imports import talib
from core.market.candles.candles import Candles

Task = TypeVar("Task")
Result = TypeVar("Result")
Histories = Mapping[str, Candles]
Work = Callable[[Histories, Task], Iterator[Result]]
"""What is done with a task: a function of a module, so that another process finds it."""

_LOOK_SECONDS = 0.1  # how long a cancelled run may go unnoticed


class Crew(Protocol):
    """Workers that have some candles before them."""

    @property
    def count(self) -> int:
        """How many work at once."""
        ...

    @property
    def least(self) -> int:
        """Candles of backtests that a task should have to be worth giving away."""
        ...

    def each(
        self, work: Work[Task, Result], tasks: Sequence[Task], cancel: threading.Event
    ) -> Iterator[Sequence[Result]]:
        """The results of all tasks, in the order they come; those that come together as one.

        Once `cancel` is set nothing new is begun, and what is finished by then still comes.
        """
        ...


MOST_PROCESSES = 256
"""Of one machine: all are started at once, and a million of them take it down."""


class Workers(Protocol):
    """Who does the work."""

    def on(self, candles: Histories) -> AbstractContextManager[Crew]:
        """Give them the candles, by symbol; they are let go at the end of the block."""
        ...


@dataclass(frozen=True, slots=True)
class Processes:
    """Processes of this machine; one is the thread that asks."""

    count: int = 1

    def on(self, candles: Histories) -> AbstractContextManager[Crew]:
        """See `Workers.on`."""
        return _here(candles) if self.count <= 1 else _pool(candles, self.count)


def all_cores() -> int:
    """How many processes of this machine do long work, unless somebody says otherwise."""
    return min(os.cpu_count() or 1, MOST_PROCESSES)


def workers_of(given: Workers | int) -> Workers:
    """Workers, or so many processes of this machine.

    Raises:
        SweepError: none, or more than a machine can be asked for.
    """
    if not isinstance(given, int):
        return given
    if not 1 <= given <= MOST_PROCESSES:
        raise SweepError(f"workers {given}: expected 1 to {MOST_PROCESSES} processes")
    return Processes(given)


def until(stopped: Callable[[], bool], results: Iterator[Result]) -> Iterator[Result]:
    """Results one by one; none is begun once `stopped`."""
    while not stopped():
        for one in results:
            yield one
            break
        else:
            return


class Pending(Protocol):
    """A task that was given away, as `concurrent.futures.Future` and that of Dask have it."""

    def add_done_callback(self, tell: Callable[[Any], object], /) -> object:
        """Have `tell` called once it is done or cancelled, in any thread."""
        ...

    def cancel(self) -> object:
        """Do not begin it, if it is not begun yet."""
        ...

    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        ...

    def result(self) -> list[Any]:
        """What came of it."""
        ...


def _nothing() -> None:
    pass


def shared_out(
    submit: Callable[[Task], Pending],
    tasks: Sequence[Task],
    cancel: threading.Event,
    window: int,
    *,
    stop: Callable[[], None] = _nothing,
    idle: Callable[[], None] = _nothing,
) -> Iterator[Sequence[Any]]:
    """What comes of all tasks, as `Crew.each` has it.

    Args:
        submit: gives a task to someone.
        tasks: all of them; one that is cancelled by others than us is given away again.
        cancel: see `Crew.each`.
        window: how many are given away at once.
        stop: tells those at work to begin nothing new.
        idle: asked now and then while nothing comes.
    """
    waiting = deque(tasks)
    running: dict[Pending, Task] = {}
    done: queue.SimpleQueue[Pending] = queue.SimpleQueue()
    while waiting or running:
        if cancel.is_set():
            stop()
            waiting.clear()
            for pending in list(running):
                pending.cancel()  # is told to the callback like one that is done
        while waiting and len(running) < window:
            task = waiting.popleft()
            pending = submit(task)
            running[pending] = task
            pending.add_done_callback(done.put)
        try:
            pending = done.get(timeout=_LOOK_SECONDS)
        except queue.Empty:
            idle()
            continue
        task = running.pop(pending)
        try:
            results = None if pending.cancelled() else pending.result()
        except CancelledError:
            results = None
        if results:
            yield results
        elif results is None and not cancel.is_set():
            waiting.append(task)


@dataclass(frozen=True, slots=True)
class Here:
    """This thread."""

    candles: Histories
    count: int = 1
    least: int = sys.maxsize  # its results come one by one: it may as well have all in one task

    def each(
        self, work: Work[Task, Result], tasks: Sequence[Task], cancel: threading.Event
    ) -> Iterator[Sequence[Result]]:
        """See `Crew.each`."""
        for task in tasks:
            for one in until(cancel.is_set, work(self.candles, task)):
                yield [one]


@contextmanager
def _here(candles: Histories) -> Iterator[Crew]:
    yield Here(candles)


@dataclass(frozen=True, slots=True)
class _Pool:
    """Processes that have the candles. `stop` tells all of them to begin nothing new."""

    pool: ProcessPoolExecutor
    count: int
    stop: ProcessEvent
    least: int = 0

    def each(
        self, work: Work[Task, Result], tasks: Sequence[Task], cancel: threading.Event
    ) -> Iterator[Sequence[Result]]:
        def submit(task: Task) -> Future[list[Result]]:
            return self.pool.submit(_work_off, work, task)

        try:
            yield from shared_out(submit, tasks, cancel, 4 * self.count, stop=self.stop.set)
        except BrokenProcessPool as error:
            raise SweepError(
                "a process of the sweep was ended by something else (often for lack of memory): "
                "run it again with fewer --workers"
            ) from error


@contextmanager
def _pool(candles: Histories, count: int) -> Iterator[Crew]:
    talib()  # by this process, and not again by each that is forked from it
    # A forked process has the candles already; elsewhere they are sent once. A process with several
    # threads is not forked: what another thread had locked would stay locked in the child.
    forks = "fork" in multiprocessing.get_all_start_methods() and threading.active_count() == 1
    context = multiprocessing.get_context("fork" if forks else "spawn")
    stop = context.Event()
    pool = ProcessPoolExecutor(count, context, initializer=_begin, initargs=(candles, stop))
    try:
        yield _Pool(pool, count, stop)
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


_given: tuple[Histories, ProcessEvent] | None = None
"""In a process of a pool: the candles, and what tells it to stop."""


def _begin(candles: Histories, stop: ProcessEvent) -> None:
    """In a process of a pool, before its first task."""
    global _given  # noqa: PLW0603 - a pool hands things to each process in no other way
    _given = candles, stop
    # Ctrl-C goes to every process of the terminal; the one that asked decides what comes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A pool's process waits for tasks for ever, also when nobody is left to give it one."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work_off(work: Work[Task, Result], task: Task) -> list[Result]:
    """In a process of a pool: what came of a task."""
    if _given is None:
        raise AssertionError("a pool's process got a task before its candles")
    candles, stop = _given
    return list(until(stop.is_set, work(candles, task)))
