"""Which strategies can be started? The workspace's and the samples, each with its problems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

NO_BACKTEST = "No backtest stands behind this strategy yet."


@dataclass(frozen=True, slots=True)
class StrategyChoice:
    """A strategy as it may be picked.

    `raw` is the config as written; `problems` say why it cannot run (empty: it can), `warnings`
    what its owner should know. `origin`: "workspace" or "sample".
    """

    name: str
    origin: str
    path: Path
    raw: Mapping[str, object]
    symbols: tuple[str, ...] = ()
    timeframe: str = ""
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    backtested: bool = False
    description: str = ""
    starting_balance: float | None = None
