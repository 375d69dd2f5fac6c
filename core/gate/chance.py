"""Where a result lies among what chance makes of the same rule, or of the same trades."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from core.backtest.long_work import WHOLE, LongWork, Part
from core.backtest.progress import WorkCancelledError
from core.backtest.run import run_backtest
from core.backtest.workers import Histories
from core.gate.edgeless import EdgelessMarkets
from core.market.candles.candles import Candles, Floats
from core.report.result import RunResult
from core.strategy.config.config import StrategyConfig
from core.trading.values import Trade
from core.typed import prepare

FEWEST_TRADES = 20
_DRAWS = 1_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where the real figure lies among those that chance made.

    Attributes:
        figure: the real one.
        p: the chance of one as good or better: (1 + how many were) / (1 + how many there are).
        middle: the median of chance's figures.
        high: what one in twenty of them exceeds.
        draws: how many chance made.
    """

    figure: float
    p: float
    middle: float
    high: float
    draws: int

    @classmethod
    def of(cls, figure: float, drawn: Floats) -> Place:
        """The place of `figure` among `drawn`."""
        better = int(np.count_nonzero(drawn >= figure))
        return cls(
            figure,
            (1 + better) / (1 + len(drawn)),
            float(np.median(drawn)),
            float(np.quantile(drawn, 0.95)),
            len(drawn),
        )


def among_edgeless_markets(
    config: StrategyConfig,
    candles: Mapping[str, Candles],
    result: RunResult,
    markets: int,
    seed: int,
    *,
    decide_from: int | None = None,
    work: LongWork | None = None,
    part: Part = WHOLE,
) -> Place | None:
    """The rule's daily Sharpe ratio among its own on edgeless markets made from the same candles.

    Args:
        config: the rule.
        candles: what `result` was run on.
        result: its backtest.
        markets: how many edgeless ones to try.
        seed: of their making.
        decide_from: as of its backtest.
        work: under way on the candles; None: of this thread.
        part: of the work.

    Returns:
        None where the rule's equity never moved, or the candles are too few.

    Raises:
        WorkCancelledError: the work was cancelled before every market was tried.
    """
    work = work or LongWork.alone(candles)
    real = daily_sharpe(result)
    if real is None or not EdgelessMarkets.possible(candles, decide_from):
        work.meter.fewer(markets)
        return None
    drawn = dict(work.taken_up(part, _Numbered).values())
    left = [number for number in range(markets) if number not in drawn]
    length = sum(map(len, candles.values()))
    size = max(1, -(-markets // (4 * work.crew.count)), work.crew.least // length)
    shares = [
        _Markets(config, seed, tuple(left[first : first + size]), decide_from)
        for first in range(0, len(left), size)
    ]
    drawn |= dict(work.each(_on_markets, shares, part))
    if len(drawn) < markets:
        raise WorkCancelledError("cancelled before every market without an edge was tried")
    return Place.of(real, np.array([drawn[number] for number in range(markets)]))


@dataclass(frozen=True, slots=True)
class _Markets:
    """Some of the edgeless markets of a seed: their numbers, rising."""

    config: StrategyConfig
    seed: int
    numbers: tuple[int, ...]
    decide_from: int | None


class _Numbered(NamedTuple):
    """A market's number, and the rule's daily Sharpe ratio on it."""

    number: int
    sharpe: float


def _on_markets(candles: Histories, task: _Markets) -> Iterator[_Numbered]:
    maker = EdgelessMarkets(candles, task.config.timeframe.ms, task.decide_from)
    rng = np.random.default_rng(task.seed)
    drawn = 0
    for number in task.numbers:
        for _ in range(drawn, number):
            maker.skip(rng)
        drawn = number + 1
        result = run_backtest(
            task.config, maker.draw(rng), decide_from=task.decide_from, brief=True
        )
        yield _Numbered(number, daily_sharpe(result) or 0.0)


prepare(_Numbered)


def daily_sharpe(result: RunResult) -> float | None:
    """Mean of the daily returns over their standard deviation; None where equity never moved."""
    returns = result.daily_returns
    spread = float(returns.std()) if len(returns) else 0.0
    return float(returns.mean()) / spread if spread > 0 else None


def among_random_entries(
    candles: Mapping[str, Candles], trades: Sequence[Trade], seed: int
) -> Place | None:
    """What the trades made, among as many held as long, on the same side, at other times.

    Holding times and the pauses between them are shuffled, symbol by symbol, so that exposure
    stays. What is compared is the mean move of the market while a position was held, in per cent,
    from the open it was entered at to the open it was left at. Costs are the same for both and left
    out, and so is what a stop or a target did within a candle.

    Args:
        candles: by symbol.
        trades: closed trades, of one position a symbol at a time.
        seed: of the shuffling.

    Returns:
        None for fewer than 20 trades.
    """
    if len(trades) < FEWEST_TRADES:
        return None
    rng = np.random.default_rng(seed)
    real, drawn = 0.0, np.zeros(_DRAWS)
    for symbol, history in candles.items():
        own = sorted(
            (trade for trade in trades if trade.symbol == symbol), key=lambda one: one.entry_time
        )
        if not own:
            continue
        prices = np.log(history.open)
        entries = np.searchsorted(history.time, [one.entry_time for one in own])
        exits = np.searchsorted(history.time, [one.exit_time for one in own])
        exits = np.clip(np.maximum(exits, entries + 1), 0, len(prices) - 1)
        signs = np.array([one.side.sign for one in own], dtype=np.float64)
        real += float((signs * (prices[exits] - prices[entries])).sum())
        held = exits - entries
        free = int(len(prices) - 1 - held.sum())
        for number in range(_DRAWS):
            order = rng.permutation(len(own))
            # Where the pauses fall is as random as the order of what is held.
            pauses = np.sort(rng.integers(0, max(free, 0) + 1, size=len(own)))
            lengths = held[order]
            begin = pauses + np.concatenate(([0], lengths.cumsum()[:-1]))
            end = np.minimum(begin + lengths, len(prices) - 1)
            drawn[number] += (signs[order] * (prices[end] - prices[begin])).sum()
    return Place.of(real / len(trades) * 100, drawn / len(trades) * 100)
