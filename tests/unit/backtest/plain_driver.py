"""The slowest honest driver: every symbol's every candle goes through the step, one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.backtest.bar_index import BarIndex
from core.market.candles.candles import Times
from core.trading.account import Account
from core.trading.rules import Rules
from core.trading.step import FinerCandles, step
from core.trading.values import OpenTrade, Trade


@dataclass(frozen=True)
class Played:
    """What a run came to; floats compare to the last bit."""

    trades: list[Trade]
    open_trades: tuple[OpenTrade, ...]
    free: float
    times: list[int]
    equity: list[float]
    exposed: int


def play_every_candle(
    rules: Rules, tapes: Sequence[BarIndex], moments: Times, finer: FinerCandles | None = None
) -> Played:
    """The run without skipping anything."""
    account = Account(rules)
    index_of = [
        {time: index for index, time in enumerate(tape.candles.time.tolist())} for tape in tapes
    ]
    times, equity, exposed = [], [], 0
    for time in moments.tolist():
        bars = [
            tape.bar(index_of[slot][time])
            for slot, tape in enumerate(tapes)
            if time in index_of[slot]
        ]
        step(account, time, bars, finer)
        times.append(time)
        equity.append(account.equity())
        exposed += any(account.positions)
        if account.stopped:
            break
    return Played(account.trades, account.open_trades(), account.free, times, equity, exposed)
