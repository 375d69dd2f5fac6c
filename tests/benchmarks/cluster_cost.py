"""What a task costs on a cluster, and what a sweep takes on this machine's processes and clusters.

    python -m tests.benchmarks.cluster_cost [--quick]

Each figure is the least of some rounds. Beside the time that passes stands the processor time of
all processes together, which depends less on what else the machine does; `here` is the part of it
that this process takes (it gives tasks away, is the scheduler, and takes results in), which no
number of workers makes shorter.
"""

from __future__ import annotations

import argparse
import os
import resource
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.backtest.axes import parse_axis
from core.backtest.cluster import Cluster, _Cluster
from core.backtest.sweep import run_sweep
from core.backtest.workers import Crew, Histories, Processes, Workers
from core.market.candles.candles import Candles
from core.strategy.config.parsing import parse_config
from tests.benchmarks.backtest_speed import RSI, random_walk

AXES = ("rsi.period=7:26", "entry_conditions[0].value=20:38:2")  # 200 settings


@dataclass(frozen=True)
class Spent:
    """Seconds: passed, of the processor here, and of the processors of all workers."""

    passed: float
    here: float
    workers: float


def nothing(_: Histories, number: int) -> Iterator[int]:
    """A task that takes no time."""
    yield number


def arrived(candles: Histories, number: int) -> Iterator[int]:
    """A task that needs the candles."""
    yield number + sum(map(len, candles.values()))


def processor_seconds(who: int = resource.RUSAGE_SELF) -> float:
    """User and system time of this process."""
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def of_workers(crew: Crew) -> float:
    """Processor time of a crew's other processes."""
    if isinstance(crew, _Cluster):
        found: Mapping[str, float] = crew.client.run(processor_seconds)
        return sum(found.values())
    return 0.0


def measured(crew: Crew, work: Callable[[], object]) -> Spent:
    """What some work of a crew takes."""
    passed, here, there = time.perf_counter(), processor_seconds(), of_workers(crew)
    work()
    return Spent(time.perf_counter() - passed, processor_seconds() - here, of_workers(crew) - there)


def least(rounds: list[Spent]) -> Spent:
    """The least of each."""
    return Spent(
        min(one.passed for one in rounds),
        min(one.here for one in rounds),
        min(one.workers for one in rounds),
    )


def task_rows(workers: Workers, title: str, tasks: int, rounds: int) -> None:
    """What it takes to begin, to send 100 MB of candles, and to have one task done."""
    candles = {"BTC/USDT": random_walk(2_000_000)}
    never = threading.Event()
    began = time.perf_counter()
    with workers.on(candles) as crew:
        list(crew.each(nothing, [0], never))
        ready = time.perf_counter() - began
        sent = measured(crew, lambda: list(crew.each(arrived, range(8 * crew.count), never)))
        spent = least(
            [
                measured(crew, lambda: list(crew.each(nothing, range(tasks), never)))
                for _ in range(rounds)
            ]
        )
    print(
        f"{title:<24}{ready:>8.2f} s ready{sent.passed:>8.2f} s 96 MB everywhere"
        f"{spent.passed / tasks * 1e3:>8.2f} ms a task, here {spent.here / tasks * 1e3:.2f}, "
        f"workers {spent.workers / tasks * 1e3:.2f}",
        flush=True,
    )


def sweep_rows(workers: Workers, title: str, candles: Mapping[str, Candles], rounds: int) -> None:
    """What a sweep of 200 settings takes, the start of its workers included."""
    config, axes = parse_config(RSI).config, [parse_axis(text) for text in AXES]
    found: list[tuple[float, float]] = []
    for _ in range(rounds):
        passed = time.perf_counter()
        before = processor_seconds() + processor_seconds(resource.RUSAGE_CHILDREN)
        run_sweep(config, axes, candles, workers=workers)
        after = processor_seconds() + processor_seconds(resource.RUSAGE_CHILDREN)
        found.append((time.perf_counter() - passed, after - before))
    length = len(candles["BTC/USDT"])
    passed, spent = min(one[0] for one in found), min(one[1] for one in found)
    print(f"{title:<24}200 × {length:>9,}{passed:>9.2f} s, of processors {spent:.2f} s", flush=True)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="once, and the smaller sizes")
    quick = parser.parse_args().quick
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, numpy {np.__version__}")
    rounds = 1 if quick else 3
    lengths = (10_000, 100_000) if quick else (10_000, 100_000, 500_000)
    # Processes first: once Dask has threads here they are no longer forked, and begin slower.
    kinds: list[tuple[Workers, str]] = [
        (Processes(1), "1 process"),
        (Processes(2), "2 processes"),
        *((Cluster(f"local:{count}"), f"cluster of {count}") for count in (1, 2, 4)),
    ]
    for workers, title in kinds:
        if title != "1 process":
            task_rows(workers, title, 200 if quick else 1_000, rounds)
        for length in lengths:
            candles: dict[str, Any] = {"BTC/USDT": random_walk(length)}
            sweep_rows(workers, title, candles, rounds)


if __name__ == "__main__":
    main()
