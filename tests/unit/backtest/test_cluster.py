"""A cluster of real schedulers and workers comes to what this machine alone comes to."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from core.backtest import cluster
from core.backtest.axes import parse_axis
from core.backtest.cluster import Cluster, ClusterError
from core.backtest.kept import Keeping
from core.backtest.progress import Progress
from core.backtest.sweep import Sweep, run_sweep, sweep_to_json
from core.gate.gate import run_gate
from core.gate.to_json import gate_to_json
from tests.unit.backtest.test_sweep import candles, config

distributed: Any = pytest.importorskip(
    "distributed", reason="Dask's distributed is not installed (make cluster)"
)
pytestmark = pytest.mark.cluster

ROOT = Path(__file__).resolve().parents[3]
AXES = [parse_axis("rsi.period=7:26"), parse_axis("entry_conditions[0].value=30,45")]
HISTORY = candles(length=1_500)


@pytest.fixture(scope="module")
def workers() -> Iterator[Any]:
    """Two workers that come back when they are killed."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    ) as found:
        yield found


@pytest.fixture(autouse=True)
def small_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_LEAST", 0)


@pytest.fixture(scope="module")
def alone() -> Sweep:
    return run_sweep(config(), AXES, HISTORY)


def pids(workers: Any) -> list[int]:
    with distributed.Client(workers, set_as_default=False) as client:
        return list(client.run(os.getpid).values())


def alike(found: Sweep, alone: Sweep) -> None:
    assert orjson.dumps(sweep_to_json(found)) == orjson.dumps(sweep_to_json(alone))
    assert found.returns.tobytes() == alone.returns.tobytes()


def test_a_sweep_of_a_cluster_started_here_is_that_of_one_process(alone: Sweep) -> None:
    told: list[Progress] = []
    found = run_sweep(config(), AXES, HISTORY, workers=Cluster("local:2"), on_progress=told.append)
    alike(found, alone)
    assert [one.done for one in told] == list(range(2, 41, 2))  # two a task


def test_a_task_that_is_too_small_is_put_together_with_others(
    workers: Any, alone: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_LEAST", 10 * 1_500)
    told: list[int] = []
    there = Cluster(workers.scheduler_address)
    found = run_sweep(
        config(), AXES, HISTORY, workers=there, on_progress=lambda now: told.append(now.done)
    )
    alike(found, alone)
    assert told == [10, 20, 30, 40]


def test_a_gate_is_that_of_one_process(workers: Any) -> None:
    here = run_gate(config(), AXES[:1], HISTORY, markets=10, folds=2)
    there = run_gate(
        config(),
        AXES[:1],
        HISTORY,
        markets=10,
        folds=2,
        workers=Cluster(workers.scheduler_address),
    )
    assert gate_to_json(there) == gate_to_json(here)


@pytest.mark.parametrize("lost", [1, 2])
def test_what_a_lost_worker_had_is_done_again(workers: Any, alone: Sweep, lost: int) -> None:
    """With both of two all copies of the candles are lost as well."""
    victims = pids(workers)[:lost]
    told: list[Progress] = []

    def tell(now: Progress) -> None:
        told.append(now)
        if now.done == 4:
            for pid in victims:
                os.kill(pid, signal.SIGKILL)

    found = run_sweep(
        config(), AXES, HISTORY, workers=Cluster(workers.scheduler_address), on_progress=tell
    )
    alike(found, alone)
    assert [one.done for one in told] == list(range(2, 41, 2))  # two a task
    assert not set(victims) & set(pids(workers))


def test_a_cancelled_one_keeps_what_is_finished_and_this_machine_goes_on(
    workers: Any, alone: Sweep, tmp_path: Path
) -> None:
    keep, cancel = Keeping(tmp_path / "unfinished"), threading.Event()

    def tell(now: Progress) -> None:
        if now.done == 4:
            cancel.set()

    there = Cluster(workers.scheduler_address)
    part = run_sweep(
        config(), AXES, HISTORY, workers=there, on_progress=tell, cancel=cancel, keep=keep
    )
    assert 4 <= part.kept == len(part.rows) < 40
    told: list[Progress] = []
    alike(run_sweep(config(), AXES, HISTORY, on_progress=told.append, keep=keep), alone)
    assert told[-1].taken_up == part.kept


def test_an_error_of_who_is_told_is_not_the_cluster_s(workers: Any) -> None:
    def full(_: Progress) -> None:
        raise OSError("the disk is full")

    there = Cluster(workers.scheduler_address)
    with pytest.raises(OSError, match="the disk is full"):
        run_sweep(config(), AXES, HISTORY, workers=there, on_progress=full)


def test_a_worker_with_another_program_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "core"
    shutil.copytree(ROOT / "core", other, ignore=shutil.ignore_patterns("__pycache__"))
    with (other / "__init__.py").open("a") as file:
        file.write("# changed\n")
    with distributed.LocalCluster(
        n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    ) as empty:
        worker = subprocess.Popen(
            [
                *(sys.executable, "-m", "distributed.cli.dask_worker", empty.scheduler_address),
                *("--nthreads", "1", "--no-nanny", "--no-dashboard"),
            ],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            stderr=subprocess.DEVNULL,
        )
        try:
            with pytest.raises(
                ClusterError, match=r"another program.*: Papertape \S+ \(\w+\) \(here"
            ):
                run_sweep(config(), AXES, HISTORY, workers=Cluster(empty.scheduler_address))
        finally:
            worker.kill()
            worker.wait()
            shutil.rmtree(other)


def test_no_scheduler_and_no_worker_are_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cluster, "_CONNECT_SECONDS", 1)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        nowhere = Cluster(f"tcp://127.0.0.1:{nobody.getsockname()[1]}")
        with pytest.raises(ClusterError, match=r"no scheduler answers at .*`dask scheduler`"):
            run_sweep(config(), AXES, HISTORY, workers=nowhere)
    with (
        distributed.LocalCluster(
            n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0"
        ) as empty,
        pytest.raises(ClusterError, match="has no workers: start some with `dask worker"),
    ):
        run_sweep(config(), AXES, HISTORY, workers=Cluster(empty.scheduler_address))


_SCHEDULER = """
import distributed, sys
if __name__ == "__main__":
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    ) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
"""


def test_a_scheduler_that_is_gone_ends_the_work_with_what_is_finished_kept(tmp_path: Path) -> None:
    program = tmp_path / "scheduler_process.py"
    program.write_text(_SCHEDULER)
    process = subprocess.Popen(
        [sys.executable, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    address = process.stdout.readline().strip()

    def tell(now: Progress) -> None:
        if now.done == 4:
            process.kill()
            process.wait()

    keep = Keeping(tmp_path / "unfinished")
    with pytest.raises(ClusterError, match=r"does not go on .*\. What is finished is kept"):
        run_sweep(config(), AXES, HISTORY, workers=Cluster(address), on_progress=tell, keep=keep)
    told: list[Progress] = []
    run_sweep(config(), AXES, HISTORY, on_progress=told.append, keep=keep)
    assert told[-1].taken_up >= 3
