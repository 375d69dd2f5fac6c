"""The slowest honest driver: every symbol's every candle goes through the step, one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.backtest.bar_index import BarIndex
from core.market.candles.candles import Times
from core.trading.account import Account
from core.trading.rules import Rules
from core.trading.step import step
from core.trading.values import Exited, ExitReason, FillOn, FinerCandles, OpenTrade, Trade

AT_THE_OPEN = (ExitReason.SIGNAL, ExitReason.REVERSE, ExitReason.MAX_HOLD, ExitReason.FLAT_AT)


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
    rules: Rules, all_bars: Sequence[BarIndex], moments: Times, finer: FinerCandles | None = None
) -> Played:
    """The run without skipping anything."""
    account = Account(rules)
    index_of = [
        {time: index for index, time in enumerate(bars.candles.time.tolist())} for bars in all_bars
    ]
    times, equity, exposed = [], [], 0
    for time in moments.tolist():
        bars = [
            bars.bar(index_of[slot][time])
            for slot, bars in enumerate(all_bars)
            if time in index_of[slot]
        ]
        held_before = any(account.positions)
        events = step(account, time, bars, finer)
        times.append(time)
        equity.append(account.equity())
        if rules.fill_on is FillOn.CLOSE:
            exposed += held_before
        else:
            left_inside = any(
                isinstance(event, Exited) and event.trade.exit_reason not in AT_THE_OPEN
                for event in events
            )
            exposed += left_inside or any(account.positions)
        if account.stopped:
            break
    return Played(account.trades, account.open_trades(), account.free, times, equity, exposed)
