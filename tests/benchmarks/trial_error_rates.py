"""How often does a trial err while it is watched, and what power does watching cost?

    python -m tests.benchmarks.trial_error_rates [--trials 4000] [--quick] [--more] [--workers 2]

Each trial has a backtest of its own, is calibrated on it and looked at after every trade. Once its
trades keep the promise, once their mean is zero. Beside it stands a test that looks once, at the
horizon: Welch's t between backtest and trial, its critical value taken from the simulation itself,
so that it errs exactly as often as the trial does (in brackets: so that it errs in 5%).
"""

from __future__ import annotations

import argparse
import math
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np

from core.market.candles.candles import Floats
from core.trial import State, calibrate
from tests.unit.trial.making import (
    Draw,
    autoregressive,
    clustered,
    exponential_losses,
    lognormal,
    normal,
    rare_losses,
    skewed,
    skewed_lognormal,
    student_t,
)

RATE = 0.05
SIZES = ((45, 60), (200, 60), (400, 200))
FURTHER_SIZES = ((100, 40), (60, 120), (30, 200))
USUAL = (200, 60)
REQUIRED: dict[str, Draw] = {
    "normal": normal,
    "skewed, 30% winners": skewed,
    "Student t, 3": student_t,
    "AR(1) 0.3": autoregressive(0.3),
}
MORE: dict[str, Draw] = {
    "lognormal, 30% winners": skewed_lognormal,
    "exponential losses": exponential_losses,
    "rare large losses": rare_losses,
    "lognormal": lognormal,
    "volatility in clusters": clustered,
    "AR(1) 0.15": autoregressive(0.15),
    "AR(1) 0.45": autoregressive(0.45),
}
FURTHER_PROMISES = (("normal", 0.15), ("skewed, 30% winners", 0.15), ("normal", 0.5))
KINDS = REQUIRED | MORE


@dataclass(frozen=True, slots=True)
class Cell:
    """One row of the table: what is simulated."""

    kind: str
    backtest: int
    horizon: int
    ratio: float
    trials: int
    seed: int


@dataclass(frozen=True, slots=True)
class Row:
    """What came of it, as fractions; `milliseconds` is the median calibration's."""

    cell: Cell
    promise_broken: float
    promise_kept: float
    no_edge_broken: float
    no_edge_kept: float
    fixed: float
    fixed_at_rate: float
    milliseconds: float


def measure(cell: Cell) -> Row:
    """Simulate a row."""
    draw = KINDS[cell.kind]
    rng = np.random.default_rng(cell.seed)
    backtests = draw(rng, (cell.trials, cell.backtest)) + cell.ratio
    kept_promise = draw(rng, (cell.trials, cell.horizon)) + cell.ratio
    without_edge = draw(rng, (cell.trials, cell.horizon))
    promise, no_edge, times = [], [], []
    for at in range(cell.trials):
        start = time.perf_counter()
        lines = calibrate(backtests[at], cell.horizon, seed=at)
        times.append(time.perf_counter() - start)
        promise.append(lines.judge(kept_promise[at]).state)
        no_edge.append(lines.judge(without_edge[at]).state)
    false = share(promise, State.BROKEN)
    chance, found = welch(kept_promise, backtests), welch(without_edge, backtests)
    return Row(
        cell=cell,
        promise_broken=false,
        promise_kept=share(promise, State.KEPT),
        no_edge_broken=share(no_edge, State.BROKEN),
        no_edge_kept=share(no_edge, State.KEPT),
        fixed=float(np.mean(found <= np.quantile(chance, false))),
        fixed_at_rate=float(np.mean(found <= np.quantile(chance, RATE))),
        milliseconds=float(np.median(times)) * 1000,
    )


def share(states: list[State], state: State) -> float:
    """How often a state was reached."""
    return sum(one == state for one in states) / len(states)


def welch(trials: Floats, backtests: Floats) -> Floats:
    """Welch's t of each trial against its backtest; shape (trials,)."""
    variance = trials.var(axis=1, ddof=1) / trials.shape[1]
    variance = variance + backtests.var(axis=1, ddof=1) / backtests.shape[1]
    difference: Floats = trials.mean(axis=1) - backtests.mean(axis=1)
    difference /= np.sqrt(variance)
    return difference


HEAD = (
    f"{'returns':<24}{'backtest/':>10}  {'promise true':^24}{'no edge':^24}"
    f"{'fixed test, no edge':^22}{'power':>7}{'ms':>7}\n"
    f"{'':<24}{'horizon':>10}  {'broken':>14}{'kept':>8}  {'broken':>8}{'kept':>14}  "
    f"{'broken':>8}{'(at 5%)':>12}{'kept of':>9}{'':>7}"
)


def shown(row: Row) -> str:
    """A row as a line of the table, standard errors beside the two error rates."""
    cell = row.cell
    place = f"{cell.backtest}/{cell.horizon}"
    rates = f"{rate(row.promise_broken, cell.trials):>14}{row.promise_kept:>8.1%}"
    edge = f"{row.no_edge_broken:>8.1%}{rate(row.no_edge_kept, cell.trials):>14}"
    fixed = f"{row.fixed:>8.1%}{f'({row.fixed_at_rate:.1%})':>12}"
    power = f"{row.no_edge_broken / row.fixed if row.fixed else math.nan:>9.0%}"
    line = f"{cell.kind:<24}{place:>10}  {rates}  {edge}  {fixed}{power}{row.milliseconds:>7.1f}"
    return line if cell.ratio == 0.3 else f"{line}  mean {cell.ratio} sd"


def rate(value: float, trials: int) -> str:
    """A rate with its standard error."""
    return f"{value:.2%} ± {100 * math.sqrt(value * (1 - value) / trials):.2f}"


def main() -> None:
    """Print the table, each row when it is there."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    asked.add_argument("--trials", type=int, default=4_000)
    asked.add_argument("--quick", action="store_true", help="400 trials a row")
    asked.add_argument("--more", action="store_true", help="further sizes, shapes and promises")
    asked.add_argument("--workers", type=int, default=2)
    asked.add_argument("--seed", type=int, default=1)
    options = asked.parse_args()
    trials = 400 if options.quick else options.trials
    rows = [(kind, size, 0.3) for size in SIZES for kind in REQUIRED]
    if options.more:
        rows = [(kind, size, 0.3) for size in FURTHER_SIZES for kind in REQUIRED]
        rows += [(kind, USUAL, 0.3) for kind in MORE]
        rows += [(kind, USUAL, ratio) for kind, ratio in FURTHER_PROMISES]
    cells = [Cell(kind, *size, ratio, trials, options.seed) for kind, size, ratio in rows]
    print(f"{trials} trials a row, looked at after every trade; both error rates 5%", flush=True)
    print(HEAD, flush=True)
    with ProcessPoolExecutor(options.workers) as pool:
        for row in pool.map(measure, cells):
            print(shown(row), flush=True)


if __name__ == "__main__":
    main()
