"""How often the gate passes strategies without an edge, and strategies that have one.

    python -m tests.benchmarks.gate_error_rates [--edgeless 1000] [--planted 200] [--workers 2]

Every market has four years of daily candles whose volatility clusters and whose tails are fat. On
the edgeless ones nothing before a candle says where it goes; in the others a drift lasts for weeks,
so strong that the strategy's middle setting has a yearly Sharpe ratio of 2 after costs in the long
run. Both are judged by the best of 200 settings.
"""

from __future__ import annotations

import argparse
import math
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

import numpy as np

from core.backtest.axes import parse_axis
from core.backtest.run import run_backtest
from core.backtest.sweep import run_sweep
from core.gate import FOLDS
from core.gate.chance import among_edgeless_markets
from core.gate.gate import MARKETS, of_chance, of_selection, of_what_followed
from core.gate.selection import superiority
from core.gate.walk_forward import walk_forward
from core.market.candles.candles import Candles
from core.market.candles.timeframes import DAY
from core.strategy.config.parsing import parse_config

START = 1_577_836_800_000  # 2020-01-01T00:00:00Z
FOUR_YEARS = 4 * 365
STRATEGY: dict[str, Any] = {
    "name": "with_the_drift",
    "symbols": ["BTC/USDT:USDT"],
    "timeframe": "1d",
    "indicators": [{"name": "ema", "params": {"period": 20}}],
    "entry_conditions": [{"indicator": "close", "operator": "gt", "value": "ema"}],
    "exit_conditions": [{"indicator": "close", "operator": "lt", "value": "ema"}],
    "stop_loss_pct": 10,
}
AXES = ("ema.period=6:44:2", "stop_loss_pct=4:22:2")
SHARPE = 2.0


def market(seed: int, candles: int, drift: float) -> Candles:
    """Daily candles; `drift`: of a candle, in units of its volatility, up or down for weeks."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_t(4, candles) / math.sqrt(2)
    log_volatility = np.empty(candles)
    level = 0.0
    for place, shock in enumerate(rng.standard_normal(candles) * 0.15):
        level = 0.98 * level + shock
        log_volatility[place] = level
    volatility = 0.02 * np.exp(log_volatility - log_volatility.var() / 2)
    turns = rng.random(candles) < 1 / 30
    signs = np.where(np.cumsum(turns) % 2, 1.0, -1.0)
    moves = volatility * (noise + drift * signs)
    close = 100 * np.exp(np.cumsum(moves))
    opened = np.concatenate(([100.0], close[:-1]))
    beyond = volatility * np.abs(rng.standard_normal((2, candles))) * 0.4
    return Candles(
        START + np.arange(candles, dtype=np.int64) * DAY,
        opened,
        np.maximum(opened, close) * np.exp(beyond[0]),
        np.minimum(opened, close) * np.exp(-beyond[1]),
        close,
        rng.lognormal(3, 1, candles),
    )


def long_run_sharpe(drift: float) -> float:
    """The yearly Sharpe ratio of the middle setting over two centuries."""
    config = parse_config(STRATEGY).config
    ratios = [
        run_backtest(
            config, {config.symbols[0]: market(10_000_000 + seed, FOUR_YEARS, drift)}
        ).metrics.sharpe_ratio
        for seed in range(50)
    ]
    return float(np.mean([ratio or 0.0 for ratio in ratios]))


def planted_drift() -> float:
    """The drift with which the middle setting has the Sharpe ratio that is to be found."""
    low, high = 0.0, 1.0
    for _ in range(9):
        middle = (low + high) / 2
        low, high = (middle, high) if long_run_sharpe(middle) < SHARPE else (low, middle)
    return (low + high) / 2


def passes(seed: int, *, drift: float) -> bool:
    """Whether the gate passes the best of 200 settings on one market.

    The questions are those of `run_gate`, asked one after the other until one is answered with no:
    the figures that it shows beside them take most of its time.
    """
    config = parse_config(STRATEGY).config
    candles = {config.symbols[0]: market(seed, FOUR_YEARS, drift)}
    axes = [parse_axis(text) for text in AXES]
    sweep = run_sweep(config, axes, candles)
    own = sweep.effective_tries
    days = sweep.returns.shape[1]
    if not of_selection(superiority(sweep.returns, seed), own, own, days).passed:
        return False
    best = sweep.best
    place = among_edgeless_markets(best.config, candles, best.result, MARKETS, seed)
    if not of_chance(place, moved=True).passed:
        return False
    walked = walk_forward(config, axes, candles, folds=FOLDS)
    return bool(of_what_followed(walked, chosen=bool(axes)).passed)


def rates(what: str, count: int, drift: float, workers: int) -> None:
    """Print how many pass, ten times on the way."""
    passed = 0
    with ProcessPoolExecutor(workers) as pool:
        found = pool.map(partial(passes, drift=drift), range(count))
        for done, one in enumerate(found, start=1):
            passed += one
            if done % max(1, count // 10) == 0:
                share = passed / done
                error = math.sqrt(share * (1 - share) / done)
                print(f"{what}: {passed} of {done} pass, {share:.1%} ± {error:.1%}", flush=True)


def main() -> None:
    """Run the simulation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edgeless", type=int, default=1_000)
    parser.add_argument("--planted", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    if asked.edgeless:
        rates("no edge, 200 settings", asked.edgeless, 0.0, asked.workers)
    if asked.planted:
        drift = planted_drift()
        print(f"drift {drift:.3f}: yearly Sharpe ratio {long_run_sharpe(drift):.2f}", flush=True)
        rates("planted edge, 200 settings", asked.planted, drift, asked.workers)


if __name__ == "__main__":
    main()
