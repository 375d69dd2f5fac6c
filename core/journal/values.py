"""The words for what a session is, as they stand in its files. Light: loads nothing heavy.

Times are UTC milliseconds, money is in quote currency, percentages are per cent. A value that is
not known is None.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class SessionState(StrEnum):
    """Where a session is in its life (docs/formats.md §7)."""

    STARTING = "starting"
    WARMING_UP = "warming_up"
    RUNNING = "running"
    PAUSED = "paused"
    STALE = "stale"
    STOPPING = "stopping"
    STOPPED = "stopped"
    ERROR = "error"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen in the session."""
        return self in (SessionState.STOPPED, SessionState.ERROR)


class Mode(StrEnum):
    """What a session trades on, always shown."""

    TESTNET = "TESTNET"
    SIMULATED = "SIMULATED"
    REPLAY = "REPLAY"
    DEMO = "DEMO"


class FeedKind(StrEnum):
    """Where a session's prices come from."""

    LIVE = "live"
    POLL = "poll"
    REPLAY = "replay"
    DEMO = "demo"


class BrokerKind(StrEnum):
    """Where a session's orders go."""

    SIMULATED = "simulated"
    TESTNET = "testnet"
    NAUTILUS = "nautilus"  # the test venues as well, by way of Nautilus Trader


@dataclass(frozen=True, slots=True)
class OrderCounts:
    """How a session's orders on a venue went.

    `refused` are those of which nothing was filled. `mean_difference_bp`: how much worse the
    venue's prices were than the session's own, in basis points; None before one was filled.
    """

    made: int
    filled: int
    refused: int
    mean_difference_bp: float | None


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One order on a venue: the session's own fill, and what the venue made of it.

    `quantity` and `price` are the session's, `filled` and `venue_price` the venue's; without an
    answer (yet) `filled` is None. `latency`: ms. `why`: why not all of it was filled.
    """

    id: str
    symbol: str
    side: str
    closes: bool
    quantity: float
    price: float
    filled: float | None = None
    venue_price: float | None = None
    difference_bp: float | None = None
    fees: dict[str, float] = field(default_factory=dict)
    venue_id: str | None = None
    venue_time: int | None = None
    latency: int | None = None
    why: str | None = None
