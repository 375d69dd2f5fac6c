"""Shares work among other machines through Dask's distributed, as `Processes` does among those of
this one.

Dask runs what it is sent: whoever reaches a scheduler can run anything on its workers, and it on
whoever asks it. So a scheduler is one of this machine (encrypted, with certificates of its own) or
one that the user trusts.

Candles are scattered once and copied from worker to worker. A worker that is lost takes its tasks
with it, which Dask gives to another; where it had the only copy of the candles, they are scattered
anew. Each task asks whether its worker runs the same program as whoever wants the result.
"""

from __future__ import annotations

import asyncio
import logging
import pickle
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from time import monotonic
from typing import Any

import numpy as np

from core.backtest.axes import SweepError
from core.backtest.identity import program_identity
from core.backtest.workers import (
    MOST_PROCESSES,
    Crew,
    Histories,
    Pending,
    Result,
    Task,
    Work,
    shared_out,
)
from core.market.candles.candles import Candles
from core.strategy.indicators.registry import all_indicators

_LOCAL = "local:"
_SCHEMES = ("tcp://", "tls://")
_CONNECT_SECONDS = 10
_FETCH_SECONDS = 60
_CANCELLED = (CancelledError, asyncio.CancelledError)
_SCATTER_SECONDS = 600  # for some gigabytes on a slow network
_WITHOUT_WORKERS_SECONDS = 60.0
_LOOK_SECONDS = 5.0
_MOST_LOSSES = 20  # of all copies of the candles, after which the cluster is given up
_LEAST = 2_000_000  # candles of a task: some tenths of a second, where Dask takes ten milliseconds
_TASKS_EACH = 3  # at a worker, so that it has the next when one is done

_WORK = ("core.backtest.sweep", "core.gate.chance", "core.gate.robustness")
"""The modules of whatever a worker is asked to do."""


class ClusterError(Exception):
    """The cluster cannot do the work; the message says why and what to do."""


def cluster_at(text: str) -> Cluster:
    """The cluster at `tcp://HOST:PORT` (`tls://…`), or `local:N`: one of N workers, started here.

    Raises:
        SweepError: it is neither.
    """
    count = text.removeprefix(_LOCAL)
    local = text.startswith(_LOCAL) and count in map(str, range(1, MOST_PROCESSES + 1))
    host, _, port = text.partition("://")[2].rpartition(":")
    if not local and not (text.startswith(_SCHEMES) and host and port.isdecimal()):
        raise SweepError(
            f"--cluster {text[:80]!r}: expected tcp://HOST:PORT or tls://HOST:PORT of a scheduler "
            "(tcp://127.0.0.1:8786), or local:N to start one with N workers, "
            f"1 to {MOST_PROCESSES}"
        )
    return Cluster(text)


@dataclass(frozen=True, slots=True)
class Cluster:
    """The workers of a scheduler; `address` as `cluster_at` takes it."""

    address: str

    def on(self, candles: Histories) -> AbstractContextManager[Crew]:
        """See `Workers.on`.

        Raises:
            ClusterError: there is no such cluster, no worker, or one that runs another program.
        """
        return _crew(self.address, candles)


@contextmanager
def _crew(address: str, candles: Histories) -> Iterator[Crew]:
    distributed = _distributed()
    with _client(distributed, address) as client:
        threads = _checked(client, address)
        yield _Cluster(distributed, client, address, candles, threads, _LEAST)


@dataclass(slots=True)
class _Cluster:
    """The workers of a client, with the candles among them."""

    distributed: Any
    client: Any
    address: str
    candles: Histories
    count: int
    least: int
    identity: Mapping[str, str] = field(default_factory=program_identity)
    _data: Any = None
    _losses: int = 0
    _looked: float = field(default_factory=monotonic)
    _alone_since: float | None = None

    def each(
        self, work: Work[Task, Result], tasks: Sequence[Task], cancel: threading.Event
    ) -> Iterator[Sequence[Result]]:
        """See `Crew.each`.

        Raises:
            ClusterError: it does not go on.
        """

        def submit(task: Task) -> Pending:
            data = self._scattered()
            # As bytes, which Dask does not look into for futures of its own.
            asked = pickle.dumps((work, task))
            return _AtWorker(
                self.client.submit(work_off_there, dict(self.identity), asked, data, pure=False)
            )

        window = self.count * _TASKS_EACH
        try:  # an error of whoever takes the results does not come by here
            yield from shared_out(submit, tasks, cancel, window, idle=self._look)
        except (
            OtherProgramError,
            self.distributed.KilledWorker,
            self.distributed.client.ClosedClientError,
            OSError,
        ) as error:
            raise _gone(self.address, error) from error

    def _scattered(self) -> Any:
        """The candles at the workers; scattered again where every copy was lost."""
        if self._data is None or self._data.status in ("cancelled", "lost", "error"):
            self._losses += self._data is not None
            if self._losses > _MOST_LOSSES:
                raise _gone(self.address, f"its workers were lost {_MOST_LOSSES} times")
            [self._data] = self.client.scatter(
                [Sent(self.candles)], hash=False, timeout=_SCATTER_SECONDS
            )
        return self._data

    def _look(self) -> None:
        """Give a cluster up that has had no worker for a while."""
        now = monotonic()
        if now - self._looked < _LOOK_SECONDS:
            return
        self._looked = now
        if self.client.scheduler_info()["workers"]:
            self._alone_since = None
        elif self._alone_since is None:
            self._alone_since = now
        elif now - self._alone_since > _WITHOUT_WORKERS_SECONDS:
            raise _gone(self.address, "it has no workers any more")


@dataclass(frozen=True, slots=True, eq=False)
class _AtWorker:
    """A task of Dask's. Its executor for `concurrent.futures` loses one whose worker dies between
    the task's end and the fetching of its result (distributed 2026.8)."""

    future: Any

    def add_done_callback(self, tell: Callable[[Any], object], /) -> None:
        self.future.add_done_callback(lambda _: tell(self))

    def cancel(self) -> None:
        self.future.cancel()

    def cancelled(self) -> bool:
        return self.future.status in ("cancelled", "lost")

    def result(self) -> list[Any]:
        """What came of it.

        Raises:
            CancelledError: it went with its worker.
        """
        try:
            return list(self.future.result(timeout=_FETCH_SECONDS))
        except (TimeoutError, *_CANCELLED) as error:
            raise CancelledError from error


@dataclass(frozen=True, slots=True)
class Sent:
    """Candles on their way to a worker, which copies them once, when they arrive.

    Dask puts arrays where the message had them, which is seldom where a processor wants them.
    """

    candles: Histories

    def __reduce__(self) -> tuple[Callable[[dict[str, tuple[Any, ...]]], Sent], tuple[Any]]:
        columns = {
            symbol: (one.time, one.open, one.high, one.low, one.close, one.volume)
            for symbol, one in self.candles.items()
        }
        return _arrived, (columns,)


def _arrived(columns: dict[str, tuple[Any, ...]]) -> Sent:
    return Sent({symbol: Candles(*map(np.array, its)) for symbol, its in columns.items()})


class OtherProgramError(Exception):
    """A worker runs another program; the message says in what it differs."""


def program_there() -> Mapping[str, str]:
    """At a worker: its `program_identity`, once all that its work may need is imported.

    What is read from disk is what runs only as long as nothing is imported later: an update in
    between would be told of, and half of it run.
    """
    for name in _WORK:
        import_module(name)
    all_indicators()  # with those of other packages
    return program_identity()


def work_off_there(identity: Mapping[str, str], asked: bytes, sent: Sent) -> list[Any]:
    """At a worker: what came of a task.

    Raises:
        OtherProgramError: it is asked by another program.
    """
    differs = _difference(identity, program_there())
    if differs is not None:
        raise OtherProgramError(differs)
    work, task = pickle.loads(asked)  # noqa: S301 - whoever reaches a worker can run anything there
    return list(work(sent.candles, task))


def _difference(here: Mapping[str, str], there: Mapping[str, str]) -> str | None:
    found = [
        f"{name} {there.get(name, 'none')} (here {here.get(name, 'none')})"
        for name in {**here, **there}
        if here.get(name) != there.get(name)
    ]
    return ", ".join(found) or None


def _distributed() -> Any:
    """Dask's distributed, its log silenced: what goes wrong is said by this module.

    Raises:
        ClusterError: it is not installed.
    """
    try:
        dask = import_module("dask")
        dask.config.set({"logging": {"distributed": "critical", "distributed.client": "critical"}})
        return import_module("distributed")
    except ImportError as error:
        raise ClusterError(
            "--cluster needs Dask's distributed, which is not installed here: "
            "pip install 'papertape[cluster]'"
        ) from error


@contextmanager
def _client(distributed: Any, address: str) -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of versions that differ, which `_checked` refuses
        if not address.startswith(_LOCAL):
            try:
                client = distributed.Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
            except (OSError, ValueError, TypeError) as error:
                raise ClusterError(
                    f"no scheduler answers at {address} ({error}): start one with "
                    "`dask scheduler` and workers with `dask worker ADDRESS --nthreads 1`, or use "
                    "--cluster local:N"
                ) from error
            with client:
                yield client
            return
        with ExitStack() as stack:
            with _not_interrupted():
                cluster = stack.enter_context(
                    distributed.LocalCluster(
                        n_workers=int(address.removeprefix(_LOCAL)),
                        threads_per_worker=1,
                        host="127.0.0.1",
                        protocol="tls://",
                        # Others of this machine reach its ports, but have no such certificate.
                        security=distributed.Security.temporary(),
                        dashboard_address="127.0.0.1:0",
                        memory_limit=None,
                        silence_logs=logging.CRITICAL,
                    )
                )
            client = stack.enter_context(distributed.Client(cluster, set_as_default=False))
            client.register_plugin(_never_interrupted(distributed))
            yield client


@contextmanager
def _not_interrupted() -> Iterator[None]:
    """Begin processes that Ctrl-C, which goes to all of a terminal, does not end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _never_interrupted(distributed: Any) -> Any:
    """The same for workers that take the place of lost ones."""

    class NeverInterrupted(distributed.WorkerPlugin):  # type: ignore[misc]  # of no known type
        name = "never interrupted"

        def setup(self, worker: object) -> None:
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    return NeverInterrupted()


def _checked(client: Any, address: str) -> int:
    """How many threads the workers have, all of which run this program.

    Raises:
        ClusterError: there is no worker, or one that runs another program.
    """
    try:
        client.wait_for_workers(1, timeout=_CONNECT_SECONDS)
    except TimeoutError as error:
        raise ClusterError(
            f"the scheduler at {address} has no workers: start some with "
            f"`dask worker {address} --nthreads 1`, a process for each core"
        ) from error
    here = program_identity()
    for worker, there in client.run(program_there, on_error="return").items():
        if isinstance(there, Mapping):
            differs = _difference(here, there)
        else:
            differs = f"Papertape cannot be run there ({there!r})"
        if differs is not None:
            raise ClusterError(
                f"the worker {worker} runs another program, whose numbers may differ: {differs}. "
                "Install the same there, or stop that worker"
            )
    return sum(client.nthreads().values())


def _gone(address: str, why: object) -> ClusterError:
    return ClusterError(f"the cluster at {address} does not go on ({why})")
