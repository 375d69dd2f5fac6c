"""A peer for the speed benchmark: one rule as a loop for numba, over TA-Lib's RSI.

It is what somebody writes who needs this rule alone: RSI below a threshold in and above another out
at the next open, a stop and a target in per cent of the entry, fees, one account for all symbols;
the figures of `vectorbt_rows` from its equity curve and trades. It decides as docs/rules.md says
(stops before targets, gaps filled at the open), so that it makes Papertape's very trades.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from core.market.candles.candles import Candles, Floats
from core.market.candles.timeframes import DAY, MINUTE

Figures = tuple[float, ...]

FEES = 0.0006
CASH = 10_000.0
STOP, TARGET = 0.05, 0.15
_DUST = 1e-12  # share of equity below which nothing is left to buy with


def of_one_symbol(
    opens: Floats,
    highs: Floats,
    lows: Floats,
    closes: Floats,
    rsi: Floats,
    below: float,
    above: float,
    share: float,
) -> tuple[Floats, Floats, int]:
    """`of_many_symbols` for one, in numbers that stay in the processor; shape (candles,)."""
    equity = np.empty(len(closes))
    pnl = np.empty(len(closes) // 2 + 1)
    quantity = entry = stop = target = 0.0
    due = False
    free, trades, exposed = CASH, 0, 0
    for at in range(len(closes)):
        price = 0.0
        if due and quantity > 0.0:
            price = opens[at]
        elif due:
            entry = opens[at]
            quantity = min(free * share, free) / (entry * (1 + FEES))
            free -= quantity * entry * (1 + FEES)
            stop, target = entry * (1 - STOP), entry * (1 + TARGET)
        if quantity > 0.0 and price == 0.0:
            exposed += 1
            if opens[at] <= stop or opens[at] >= target:
                price = opens[at]
            elif lows[at] <= stop:
                price = stop
            elif highs[at] >= target:
                price = target
        if price > 0.0:
            worth = quantity * price * (1 - FEES)
            free += worth
            pnl[trades] = worth - quantity * entry * (1 + FEES)
            trades += 1
            quantity = 0.0
        if quantity > 0.0:
            equity[at] = free + quantity * closes[at]
            due = rsi[at] > above
        else:
            equity[at] = free
            due = rsi[at] < below
    return equity, pnl[:trades], exposed


def of_many_symbols(
    opens: Floats,
    highs: Floats,
    lows: Floats,
    closes: Floats,
    rsi: Floats,
    below: float,
    above: float,
    share: float,
) -> tuple[Floats, Floats, int]:
    """Equity at every close, P&L of every closed trade, and how many candles were exposed.

    Prices and RSI have the shape (symbols, candles).
    """
    symbols, candles = closes.shape
    equity = np.empty(candles)
    pnl = np.empty(symbols * candles // 2 + 1)
    quantity, entry = np.zeros(symbols), np.zeros(symbols)
    enters, exits = np.zeros(symbols, np.bool_), np.zeros(symbols, np.bool_)
    free, trades, exposed = CASH, 0, 0
    for at in range(candles):
        for one in range(symbols):
            if exits[one]:
                exits[one] = False
                if quantity[one] > 0.0:
                    worth = quantity[one] * opens[one, at]
                    free += worth - worth * FEES
                    pnl[trades] = worth - worth * FEES - quantity[one] * entry[one] * (1 + FEES)
                    trades += 1
                    quantity[one] = 0.0
        for one in range(symbols):
            if enters[one]:
                enters[one] = False
                marked = free
                for other in range(symbols):
                    marked += quantity[other] * opens[other, at]
                price = opens[one, at]
                if free > marked * _DUST:
                    quantity[one] = min(marked * share, free) / (price * (1 + FEES))
                    entry[one] = price
                    free -= quantity[one] * price * (1 + FEES)
        held = False
        marked = free
        for one in range(symbols):
            if quantity[one] > 0.0:
                held = True
                stop, target = entry[one] * (1 - STOP), entry[one] * (1 + TARGET)
                price = 0.0
                if opens[one, at] <= stop or opens[one, at] >= target:
                    price = opens[one, at]
                elif lows[one, at] <= stop:
                    price = stop
                elif highs[one, at] >= target:
                    price = target
                if price > 0.0:
                    worth = quantity[one] * price
                    free += worth - worth * FEES
                    marked += worth - worth * FEES
                    pnl[trades] = worth - worth * FEES - quantity[one] * entry[one] * (1 + FEES)
                    trades += 1
                    quantity[one] = 0.0
                else:
                    marked += quantity[one] * closes[one, at]
            if quantity[one] > 0.0:
                exits[one] = rsi[one, at] > above
            else:
                enters[one] = rsi[one, at] < below
        exposed += held
        equity[at] = marked
    return equity, pnl[:trades], exposed


def figures(equity: Floats, pnl: Floats, first: int) -> Figures:
    """Return, Sharpe, Sortino, Calmar, drawdown, win rate, profit factor, expectancy, trades.

    `first`: open time of the first candle, UTC ms, on a minute; the candles are minutes.
    """
    peak, lowest, drawdown = CASH, CASH, 0.0
    days, total, squares, downside, before = 0, 0.0, 0.0, 0.0, CASH
    last = len(equity) - 1
    ends = DAY // MINUTE - 1 - first % DAY // MINUTE
    for at in range(len(equity)):
        now = equity[at]
        if now > peak:
            peak = lowest = now
        elif now < lowest:
            lowest = now
            drawdown = max(drawdown, 1 - lowest / peak)
        if at in (ends, last):
            ends += DAY // MINUTE
            made = now / before - 1
            before = now
            days += 1
            total += made
            squares += made * made
            downside += min(made, 0.0) ** 2
    mean = total / days
    spread = math.sqrt((squares - days * mean * mean) / (days - 1))
    won, lost, wins = 0.0, 0.0, 0
    for one in pnl:
        if one > 0:
            won += one
            wins += 1
        else:
            lost -= one
    growth = equity[-1] / CASH
    yearly = growth ** (365 * DAY / (len(equity) * MINUTE)) - 1
    return (
        growth - 1,
        mean / spread * math.sqrt(365),
        mean / math.sqrt(downside / days) * math.sqrt(365),
        yearly / drawdown,
        drawdown,
        wins / len(pnl),
        won / lost,
        (won - lost) / len(pnl),
        float(len(pnl)),
    )


@cache
def _compiled() -> tuple[Callable[..., Any], ...]:
    import numba

    numpys = {"error_model": "numpy"}  # a division by 0 is no error, and is not looked for
    return tuple(numba.njit(one, **numpys) for one in (of_one_symbol, of_many_symbols, figures))


class NumbaPeer:
    """The rule on some candles, which it holds as it likes them."""

    def __init__(self, candles: Sequence[Candles], share: float) -> None:
        """`share`: of equity that an entry is worth, a fraction."""
        self._prices = tuple(
            np.stack([getattr(one, name) for one in candles])
            for name in ("open", "high", "low", "close")
        )
        self._first = int(candles[0].time[0])
        self._share = share

    def backtest(self) -> Figures:
        """The figures of RSI 14 below 30 and above 70."""
        return self._judged(self._rsi(14), 30.0)

    def sweep(self, periods: Sequence[int], thresholds: Sequence[float]) -> list[Figures]:
        """The figures of each setting; each RSI is computed once."""
        return [
            self._judged(rsi, float(below))
            for rsi in map(self._rsi, periods)
            for below in thresholds
        ]

    def _rsi(self, period: int) -> Floats:
        import talib

        values: Floats = np.stack([talib.RSI(one, period) for one in self._prices[3]])
        return values

    def _judged(self, rsi: Floats, below: float) -> Figures:
        one, many, measure = _compiled()
        if len(rsi) == 1:
            equity, pnl, _ = one(*(of[0] for of in (*self._prices, rsi)), below, 70.0, self._share)
        else:
            equity, pnl, _ = many(*self._prices, rsi, below, 70.0, self._share)
        found: Figures = measure(equity, pnl, self._first)
        return found
