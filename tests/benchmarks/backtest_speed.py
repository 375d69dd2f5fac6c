"""How fast are backtest, sweep and live step, in pure Python, compiled and beside peers?

    python -m tests.benchmarks.backtest_speed [--repeats 5] [--turns 3] [--cpu] [--no-peers]

The two builds take turns, each in a process of its own, so that what slows the machine slows both.

The same candles and the same rule for everyone: RSI 14 below 30 in, above 70 out, stop 5%,
target 15%, fees 0.06%. Peers are measured where they are installed (`make oracles` does that):
vectorbt, and the rule as a loop for numba, which has to make the very same trades. Medians of wall
time; the fastest beside them shows how quiet the machine was. `--cpu` measures this process's own
processor time instead, on a machine that does other things as well, and leaves out what other
processes do for it.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np

from core.backtest.axes import parse_axis
from core.backtest.run import run_backtest
from core.backtest.sweep import run_sweep
from core.compiled import PURE, build_in_use
from core.market.candles.candles import Candles
from core.market.candles.timeframes import MINUTE
from core.report.metrics import Metrics
from core.strategy.config.parsing import parse_config
from core.strategy.signals.sources import signal_source
from core.trading.account import Account
from core.trading.bar import Bar
from core.trading.rules import Rules
from core.trading.step import step
from tests.benchmarks.numba_peer import Figures, NumbaPeer

MILLION = 1_000_000
START = 1_577_836_800_000  # 2020-01-01T00:00:00Z
RSI: dict[str, Any] = {
    "name": "rsi",
    "symbols": ["BTC/USDT"],
    "timeframe": "1m",
    "indicators": [{"name": "rsi", "params": {"period": 14}}],
    "entry_conditions": [{"indicator": "rsi", "operator": "lt", "value": 30}],
    "exit_conditions": [{"indicator": "rsi", "operator": "gt", "value": 70}],
    "stop_loss_pct": 5,
    "take_profit_pct": 15,
}
THREE_INDICATORS: dict[str, Any] = RSI | {
    "indicators": [
        {"name": "rsi", "params": {"period": 14}},
        {"name": "ema", "params": {"period": 50}},
        {"name": "bollinger", "params": {"period": 20}},
    ],
    "entry_conditions": [
        {"indicator": "rsi", "operator": "lt", "value": 30},
        {"indicator": "close", "operator": "lt", "value": "bollinger.lower"},
        {"indicator": "close", "operator": "lt", "value": "ema"},
    ],
    "exit_conditions": [{"indicator": "rsi", "operator": "gt", "value": 70}],
}
SYMBOLS = [f"S{number}/USDT" for number in range(20)]
SHARED: dict[str, Any] = RSI | {"symbols": SYMBOLS, "trade_size_pct": 5}
_LOOK_SECONDS = 0.2
# Runs a command and prints its peak memory (on Linux in kilobytes).
_PEAK = (
    "import resource, subprocess, sys;"
    "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)


def random_walk(count: int, seed: int = 1) -> Candles:
    """One-minute candles of a driftless random walk around 100."""
    random = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.0008, count)))
    open_ = np.concatenate(([100.0], close[:-1]))
    spread = np.abs(random.normal(0, 0.0004, (2, count)))
    high = np.maximum(open_, close) * (1 + spread[0])
    low = np.minimum(open_, close) * (1 - spread[1])
    times = START + np.arange(count, dtype=np.int64) * MINUTE
    return Candles(times, open_, high, low, close, np.ones(count))


_clock: Callable[[], float] = time.perf_counter


def timed(run: Callable[[], object], repeats: int) -> list[float]:
    """Seconds of each of `repeats` runs, after one that does not count."""
    run()
    seconds = []
    for _ in range(repeats):
        begun = _clock()
        run()
        seconds.append(_clock() - begun)
    return seconds


def timed_in_turns(
    ours: Callable[[], object], theirs: Callable[[], object], pairs: int
) -> tuple[list[float], list[float]]:
    """Seconds of each run of two that take turns: what slows the machine down slows both."""
    ours()
    theirs()
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(pairs):
        for run, taken in zip((ours, theirs), seconds, strict=True):
            begun = _clock()
            run()
            taken.append(_clock() - begun)
    return seconds


def in_turns(
    what: str, ours: Callable[[], object], theirs: Callable[[], object], pairs: int
) -> None:
    """Print what a peer takes, and what part (or how many times) of it Papertape takes."""
    mine, peers = timed_in_turns(ours, theirs, pairs)
    ratio = statistics.median(mine) / statistics.median(peers)
    print(
        f"{what:<68}{_time(statistics.median(peers))}"
        f"  in turns with papertape, which takes {ratio:.2f} times as long",
        flush=True,
    )


_measured: dict[str, list[float]] = {}
"""Seconds of each run of each row, in the process of a build."""


def show(what: str, seconds: list[float], note: str = "") -> None:
    """Keep a row of the table."""
    _measured[f"{what}{note and f' ({note})'}"] = seconds


def backtest_rows(repeats: int) -> None:
    candles = random_walk(MILLION)
    config = parse_config(RSI).config
    result = run_backtest(config, {"BTC/USDT": candles})
    note = f"{result.metrics.total_trades:,} trades"
    show(
        "1,000,000 candles, all metrics",
        timed(lambda: run_backtest(config, {"BTC/USDT": candles}), repeats),
        note,
    )
    for size in (125_000, 250_000, 500_000):
        part = candles.slice(0, size)
        show(
            f"{size:,} candles",
            timed(partial(run_backtest, config, {"BTC/USDT": part}), repeats),
        )
    many = {symbol: random_walk(100_000, seed) for seed, symbol in enumerate(SYMBOLS)}
    shared = parse_config(SHARED).config
    trades = run_backtest(shared, many).metrics.total_trades
    show(
        "20 symbols × 100,000 on one account",
        timed(lambda: run_backtest(shared, many), repeats),
        f"{trades:,} trades",
    )


def sweep_rows(repeats: int, most: int) -> None:
    candles = {"BTC/USDT": random_walk(100_000)}
    config = parse_config(RSI).config
    axes = [parse_axis("rsi.period=7:26"), parse_axis("entry_conditions[0].value=20:38:2")]
    for workers in range(1, most + 1):
        seconds = timed(partial(run_sweep, config, axes, candles, workers=workers), repeats)
        show(f"sweep of 200 × 100,000, {workers} worker(s)", seconds)


def live_rows(repeats: int) -> None:
    first, second, third = THREE_INDICATORS["indicators"]
    higher = [first, {**second, "timeframe": "4h"}, third]
    for what, raw in (
        ("", THREE_INDICATORS),
        (", 1 on 4h", {**THREE_INDICATORS, "indicators": higher}),
    ):
        _live_row(f"live step, 3 indicators{what}, 4 conditions", raw, repeats)


def _live_row(title: str, raw: dict[str, Any], repeats: int) -> None:
    config = parse_config(raw).config
    candles = list(random_walk(20_000))

    def run() -> None:
        stream, account = signal_source(config).stream(), Account(Rules.of(config))
        for candle in candles:
            time_, open_, high, low, close, _ = candle
            step(account, time_, [Bar(0, open_, high, low, close, stream.update(candle))])

    seconds = [one / len(candles) for one in timed(run, repeats)]
    show(title, seconds)


def process_row(repeats: int) -> None:
    if importlib.util.find_spec("pyarrow") is None:
        print("as a process: skipped, pyarrow is not installed (extra: parquet)")
        return
    from core.market.files.candle_files import write_candles

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "million.parquet"
        write_candles(file, random_walk(MILLION))
        command = [
            *(sys.executable, "-P", "-m", "tui.cli", "backtest", "--json"),
            *("--config", json.dumps(RSI), "--data", str(file)),
        ]
        seconds = timed(
            lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL), repeats
        )
        show("as a process, Parquet file to JSON", seconds)
        # A forked child's peak begins with its parent's memory: a small parent runs it once more.
        measured = subprocess.run(
            [sys.executable, "-c", _PEAK, *command], check=True, capture_output=True, text=True
        )
        show("peak memory of that process, MB", [int(measured.stdout) / 1024])


def gate_row() -> None:
    """Print what `papertape gate` takes by two workers, with all its parts."""
    from core.market.files.candle_files import write_candles

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "candles.csv"
        write_candles(file, random_walk(100_000))
        command = [
            *(sys.executable, "-P", "-m", "tui.cli", "--workspace", folder, "gate", "--json"),
            *("--config", json.dumps(RSI), "--data", str(file), "--workers", "2"),
            *("--set", "rsi.period=7:26", "--set", "entry_conditions[0].value=20:38:2"),
        ]
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            memory = 0
            while process.poll() is None:
                memory = max(memory, _memory_of(process.pid))
                time.sleep(_LOOK_SECONDS)
        if process.returncode:
            raise SystemExit(f"the gate ended with code {process.returncode}")
        seconds = time.perf_counter() - begun
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processors = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(
        f"gate of 200 settings × 100,000 candles, 2 workers: {seconds:.1f} s, of processors "
        f"{processors:.1f} s, at most {memory / 1024:.0f} MB by all its processes",
        flush=True,
    )


def _memory_of(pid: int) -> int:
    """Kilobytes that a process and its children hold, what they share counted once (Linux)."""
    found = 0
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                found = int(line.split()[1])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:  # it has ended just now
        return found
    return found + sum(map(_memory_of, map(int, children)))


def vectorbt_rows(repeats: int) -> None:
    import pandas as pd
    import talib
    import vectorbt

    def run(columns: list[Candles], engine: str | None) -> Callable[[], object]:
        index = pd.to_datetime(columns[0].time, unit="ms")

        def frame(values: list[Any]) -> Any:
            return pd.DataFrame(np.column_stack(values), index=index).squeeze(axis=1)

        prices = {
            name: frame([getattr(one, name) for one in columns])
            for name in ("open", "high", "low", "close")
        }
        shared = {"cash_sharing": True, "group_by": True} if len(columns) > 1 else {}
        size = {"size": 0.05, "size_type": "percent"} if len(columns) > 1 else {}

        def once() -> object:
            rsi = [talib.RSI(one.close, 14) for one in columns]
            portfolio = vectorbt.Portfolio.from_signals(
                prices["close"],
                frame([values < 30 for values in rsi]),
                frame([values > 70 for values in rsi]),
                open=prices["open"],
                high=prices["high"],
                low=prices["low"],
                sl_stop=0.05,
                tp_stop=0.15,
                fees=0.0006,
                init_cash=10_000.0,
                freq="1min",
                **shared,
                **size,
                **({"engine": engine} if engine else {}),
            )
            trades = portfolio.trades
            return (
                portfolio.total_return(), portfolio.sharpe_ratio(), portfolio.sortino_ratio(),
                portfolio.calmar_ratio(), portfolio.max_drawdown(), trades.win_rate(),
                trades.profit_factor(), trades.expectancy(), trades.count(),
            )  # fmt: skip

        return once

    engines: list[str | None] = [None]
    if importlib.util.find_spec("vectorbt_rust") is not None:
        engines.append("rust")
    one = {"BTC/USDT": random_walk(MILLION)}
    many = {symbol: random_walk(100_000, seed) for seed, symbol in enumerate(SYMBOLS)}
    for engine in engines:
        name = engine or "numba"
        for what, config, candles in (
            ("1,000,000 candles, nine metrics", parse_config(RSI).config, one),
            ("20 × 100,000, shared cash", parse_config(SHARED).config, many),
        ):
            ours = partial(run_backtest, config, candles)
            theirs = run(list(candles.values()), engine)
            in_turns(f"vectorbt ({name}): {what}", ours, theirs, 3 * repeats)


def numba_rows(repeats: int) -> None:
    """Numba over TA-Lib with its statistics, in turns; it has to make the very same trades."""
    config, shared = parse_config(RSI).config, parse_config(SHARED).config
    one = {"BTC/USDT": random_walk(MILLION)}
    many = {symbol: random_walk(100_000, seed) for seed, symbol in enumerate(SYMBOLS)}
    short = {"BTC/USDT": random_walk(100_000)}
    periods, thresholds = range(7, 27), range(20, 39, 2)
    axes = [parse_axis("rsi.period=7:26"), parse_axis("entry_conditions[0].value=20:38:2")]
    alone, together = NumbaPeer([*one.values()], 1.0), NumbaPeer([*many.values()], 0.05)
    varied = NumbaPeer([*short.values()], 1.0)

    def swept() -> list[Metrics]:
        rows = run_sweep(config, axes, short).rows
        return [row.metrics for row in sorted(rows, key=attrgetter("values"))]

    pairs: dict[str, tuple[Callable[[], list[Metrics]], Callable[[], list[Figures]]]] = {
        "1,000,000 candles": (
            lambda: [run_backtest(config, one).metrics],
            lambda: [alone.backtest()],
        ),
        "20 × 100,000 on one account": (
            lambda: [run_backtest(shared, many).metrics],
            lambda: [together.backtest()],
        ),
        "sweep of 200 × 100,000, one thread": (
            swept,
            lambda: varied.sweep(periods, thresholds),
        ),
    }
    for what, (ours, theirs) in pairs.items():
        number = 0
        for mine, (made, *_, trades) in zip(ours(), theirs(), strict=True):
            ending = mine.total_return_pct or 0.0
            if mine.total_trades != trades or not math.isclose(ending, made * 100, abs_tol=1e-6):
                raise SystemExit(f"{what}: the peer made {trades:g} trades, {made:%}; not {mine}")
            number += mine.total_trades
        in_turns(f"numba over TA-Lib: {what}, {number:,} trades", ours, theirs, 3 * repeats)


def _time(seconds: float) -> str:
    if seconds < 1e-4:
        return f"{seconds * 1e6:>9,.2f} µs"
    return f"{seconds * 1e3:>9,.1f} ms"


def _measure_with(*, cpu: bool) -> None:
    global _clock  # noqa: PLW0603 - one clock for all rows
    _clock = time.process_time if cpu else time.perf_counter


def measure(repeats: int, *, cpu: bool) -> None:
    """Measure every row in the build that this process runs, and print them as JSON."""
    _measure_with(cpu=cpu)
    backtest_rows(repeats)
    live_rows(repeats)
    sweep_rows(repeats, 1 if cpu else 2)
    if not cpu:
        process_row(repeats)
    print(json.dumps(_measured))


def both_builds(repeats: int, turns: int, *, cpu: bool) -> None:
    """Print a table of the two builds, which take turns."""
    builds = {"pure": {PURE: "1"}}
    if build_in_use().folder is None:
        print(f"compiled: not measured, as this runs in {build_in_use().why}")
    else:
        builds["compiled"] = {}
    rows: dict[str, dict[str, list[float]]] = {}
    for _ in range(turns):
        for build, environment in builds.items():
            command = [sys.executable, "-m", __spec__.name, "--measure", "--repeats", f"{repeats}"]
            command += ["--cpu"] if cpu else []
            done = subprocess.run(
                command, env=os.environ | environment, check=True, capture_output=True, text=True
            )
            for what, seconds in json.loads(done.stdout.splitlines()[-1]).items():
                rows.setdefault(what, {}).setdefault(build, []).extend(seconds)
    print(f"{'':<56}" + "".join(f"{build:>12}{'fastest':>12}" for build in builds))
    for what, by_build in rows.items():
        shown = "{:>12,.0f}".format if what.endswith("MB") else _time
        cells = [shown(pick(one)) for one in by_build.values() for pick in (statistics.median, min)]
        print(f"{what:<56}{''.join(cells)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--cpu", action="store_true", help="processor time instead of wall time")
    parser.add_argument("--measure", action="store_true", help="this build only, as JSON")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    if arguments.measure:
        measure(arguments.repeats, cpu=arguments.cpu)
        return
    both_builds(arguments.repeats, arguments.turns, cpu=arguments.cpu)
    gate_row()
    if arguments.no_peers:
        return
    _measure_with(cpu=arguments.cpu)
    for peer, rows in (("numba", numba_rows), ("vectorbt", vectorbt_rows)):
        if importlib.util.find_spec(peer) is None:
            print(f"{peer}: skipped, not installed (extra: oracles)")
        else:
            rows(arguments.repeats)


if __name__ == "__main__":
    main()
