"""What stands in a session's journal? (events.jsonl)

The journal and the tapes together are everything a session knows. A moment in which nothing was
decided or filled has no line: its candles on the tapes say all there is. `after` in a line is the
open time of the last moment before it (None: none yet), so that recovery puts everything back in
the order in which it happened. Times are UTC ms; `at` is the host's clock, everything else the
feed's.
"""

from __future__ import annotations

from typing import Any

import msgspec

from core.market.candles import Candle
from core.market.filters import MarketFilters
from core.trading.orders import Execution, VenueOrder
from core.trading.values import Event, Quote

KIND = "session"


class Begun(msgspec.Struct, frozen=True, tag_field="kind", tag="begun"):
    """Warm-up was loaded: the inputs of the run. `first`: each symbol's first candle's open time.

    `decide_from` as in `core.paper.run.Run`; `since` is when the session counts as running.
    """

    at: int
    filters: dict[str, MarketFilters]
    first: dict[str, int]
    decide_from: int | None
    since: int


class MomentPassed(msgspec.Struct, frozen=True, tag_field="kind", tag="moment", omit_defaults=True):
    """A moment in which something happened. `equity` is marked at its close.

    `away`: its candle had closed while no host was running the session. `orders`: what is to be
    sent to a venue for its events; they stand in the line itself, so that neither is ever durable
    without the other.
    """

    time: int
    equity: float
    events: list[Event]
    away: bool = False
    orders: list[VenueOrder] = []


class QuoteFilled(msgspec.Struct, frozen=True, tag_field="kind", tag="quote", omit_defaults=True):
    """A price between two candles that filled something. `orders` as in `MomentPassed`."""

    after: int | None
    symbol: str
    quote: Quote
    events: list[Event]
    orders: list[VenueOrder] = []


class OrderAnswered(msgspec.Struct, frozen=True, tag_field="kind", tag="order"):
    """What a venue made of the session's order of that number."""

    number: int
    at: int
    execution: Execution


class FundingSeen(msgspec.Struct, frozen=True, tag_field="kind", tag="funding"):
    """A funding rate the feed told."""

    after: int | None
    symbol: str
    time: int
    rate: float


class GapSeen(msgspec.Struct, frozen=True, tag_field="kind", tag="gap"):
    """Candles the session never had, though a tape may get them later for another session."""

    symbol: str
    first: int
    last: int
    why: str


class CandleRevised(msgspec.Struct, frozen=True, tag_field="kind", tag="revised"):
    """The venue now tells a candle differently from the one acted on."""

    symbol: str
    old: Candle
    new: Candle


class Commanded(msgspec.Struct, frozen=True, tag_field="kind", tag="command", omit_defaults=True):
    """Someone said pause, resume, flatten or stop."""

    at: int
    after: int | None
    do: str
    symbol: str | None = None
    flatten: bool = False


class Returned(msgspec.Struct, frozen=True, tag_field="kind", tag="returned"):
    """A host took the session up again after an interruption."""

    at: int
    after: int | None


class Stopped(msgspec.Struct, frozen=True, tag_field="kind", tag="stopped"):
    """The session ended in `state` ("stopped" or "error"), because `why`.

    `last` is the open time of its last moment.
    """

    at: int
    now: int
    last: int | None
    state: str
    why: str


Line = (
    Begun
    | MomentPassed
    | QuoteFilled
    | OrderAnswered
    | FundingSeen
    | GapSeen
    | CandleRevised
    | Commanded
    | Returned
    | Stopped
)


def to_record(line: Line) -> dict[str, Any]:
    """A line as the journal takes it."""
    record: dict[str, Any] = msgspec.to_builtins(line)
    return record


def from_record(record: dict[str, object]) -> Line:
    """A line as it was.

    Raises:
        msgspec.ValidationError: it is none that this program knows.
    """
    line: Line = msgspec.convert(record, type=Line)
    return line
