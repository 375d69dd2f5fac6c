"""What is a backtest to the screen: what is asked for, and what comes back?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

Points = tuple[tuple[int, float], ...]
"""Values over time, UTC ms."""


DEMO_MARKET = "demo"
"""Stands for the market of the embedded exchange, where an exchange is named."""


class BacktestRefusedError(Exception):
    """A backtest could not be run or saved; the message is for the user."""


@dataclass(frozen=True, slots=True)
class BacktestOrder:
    """Which strategy to run on which candles.

    `raw`: the config as written, in the document at `path`. `data`: candle files, `FILE` or
    `SYMBOL=FILE`, parted by spaces; or, where `exchange` (its ccxt name, or `DEMO_MARKET`) is
    given, `period` until now. `balance` None: the strategy's own.
    """

    name: str
    path: Path
    raw: Mapping[str, object]
    data: str = ""
    exchange: str = ""
    period: str = ""
    fill_on: str = "next_open"
    balance: float | None = None


@dataclass(frozen=True, slots=True)
class BacktestOutcome:
    """What a run came to: its report, equity at the candles' closes, and the same money in the

    first symbol from the start. `save` writes it into the document at a path: it blocks, and raises
    `BacktestRefusedError`.
    """

    order: BacktestOrder
    report: Mapping[str, object]
    equity: Points
    held: Points
    save: Callable[[Path], None]
