"""What a comparison is asked for. Loads nothing heavy, so that a screen may hold one at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from core.journal.values import Mode
from core.market.candles.timeframes import Timeframe

T = TypeVar("T")


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
            replays. A demo's count only where no other does (`on_one_market`).
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


def on_one_market(sessions: Iterable[T], mode: Callable[[T], Mode]) -> tuple[list[T], list[T]]:
    """Those of some sessions that are judged together, and those left out, each in their order.

    A demo's market is made up: what it brings is no evidence beside that of a real one. Its
    sessions are judged where there are no others.
    """
    real: list[T] = []
    made_up: list[T] = []
    for session in sessions:
        (made_up if mode(session) is Mode.DEMO else real).append(session)
    return (real, made_up) if real else (made_up, [])
