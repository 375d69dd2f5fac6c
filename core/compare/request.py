"""What a comparison is asked for. Loads nothing heavy, so that a screen may hold one at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from core.market.candles.timeframes import Timeframe


class ComparisonError(Exception):
    """Something cannot be compared, saved or exported; the message is for the user."""


class UnknownSessionError(ComparisonError):
    """There is no such session of the strategy."""


@dataclass(frozen=True, slots=True)
class ComparisonRequest:
    """What to compare of a strategy.

    Attributes:
        strategy: its name, by which sessions and live trades are found.
        timeframe: its timeframe.
        document: the file it stands in; None where it stands in none: then what the workspace's
            document of its name has recorded counts, where `blocks` tell nothing else.
        blocks: its config with what is recorded of it (`backtest:`, `paper:`), as its document has
            them; None: the workspace's.
        sessions: the IDs of those that count; empty: trials, and others that have ended, without
            replays.
        live: the file of live trades; None: the workspace's.
        balance: the live account's before its first trade, if known.
        period: begin and end (exclusive, UTC ms) to which all columns are cut; None for all.
        fetch: whether to compare with the exchange's candles as it tells them now.
    """

    strategy: str
    timeframe: Timeframe
    document: Path | None = None
    blocks: Mapping[str, object] | None = None
    sessions: tuple[str, ...] = ()
    live: Path | None = None
    balance: float | None = None
    period: tuple[int, int] | None = None
    fetch: bool = False
