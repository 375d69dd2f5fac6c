"""The records of a session's journal (events.jsonl), as types and as JSON.

The journal and the candle journals together are everything a session knows. A moment in which
nothing was decided or filled has no line: its candles in those journals say all there is. `after`
in a line is the open time of the last moment before it (None: none yet), so that recovery puts
everything back in the order in which it happened. Times are UTC ms; `at` is the host's clock,
everything else the feed's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from core.journal.versions import SESSION_JOURNAL
from core.market.candles.candles import Candle, Candles
from core.market.filters import MarketFilters
from core.store.journal_file import JournalDamagedError, read_journal
from core.strategy.config.config import StrategyConfig
from core.trading.orders import Execution, VenueOrder
from core.trading.values import Event, Quote, Side


class Begun(msgspec.Struct, frozen=True, tag_field="kind", tag="begun"):
    """Warm-up was loaded: the inputs of the run. `first`: each symbol's first candle's open time.

    `decide_from` as in `core.session.runner.Runner`; `since` is when the session counts as running.
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
    """Candles the session never had, though another session may get them later."""

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
    """Someone said pause, resume, flatten, enter or stop; with `symbol`, of that one alone.

    `scheduled`: a job stops it at its end; `side`: of what is to be entered.
    """

    at: int
    after: int | None
    do: str
    symbol: str | None = None
    flatten: bool = False
    scheduled: bool = False
    side: Side | None = None


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


Record = (
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


def to_record(line: Record) -> dict[str, Any]:
    """A line as the journal takes it."""
    record: dict[str, Any] = msgspec.to_builtins(line)
    return record


class RecoveryError(JournalDamagedError):
    """A session's journal and its candles contradict each other; the message says where."""


class SessionLines:
    """The lines of a session's journal, each taken apart when it comes up.

    A journal of many lines never stands in memory as values as a whole. `rare` are all lines but
    the moments and prices that made no order: few, however long a session has run. `contents` is
    the file as it was read.
    """

    def __init__(
        self, path: Path, tell: Callable[[Sequence[Record]], object] | None = None
    ) -> None:
        """Read the journal at `path`, which may be living. Blocks.

        Args:
            path: of the journal.
            tell: is given all lines in their order, some at a time, while the file is read: once,
                where it would be read again to go through them. What it was given counts for
                nothing if this then raises.

        Raises:
            JournalError: it cannot be read or is damaged, or a rare line is of no kind this program
                knows.
        """
        self._path = path
        self.rare: list[Record] = []
        undecoded: list[bytes] = []

        def take(bodies: Sequence[bytes]) -> None:
            if tell is None:
                undecoded.extend(
                    body for body in bodies if not body.startswith(_COMMON) or b'"orders":' in body
                )
                return
            try:
                lines = _ALL_DECODER.decode(b"[%s]" % b",".join(bodies))
            except msgspec.DecodeError:
                undecoded.extend(bodies)  # which of them it is, is told by its line
            else:
                tell(lines)
                self.rare += [line for line in lines if not _is_common(line)]

        self.contents = read_journal(path, SESSION_JOURNAL, take)
        self.rare += [self._decode(body) for body in undecoded]

    def __iter__(self) -> Iterator[Record]:
        decode = _DECODER.decode
        body = b""
        try:
            for body in self.contents.bodies:
                yield decode(body)
        except msgspec.DecodeError:
            self._decode(body)
            raise

    def _decode(self, body: bytes) -> Record:
        try:
            record: Record = _DECODER.decode(body)
        except msgspec.DecodeError as error:
            number = next(
                place for place, one in enumerate(self.contents.bodies, start=2) if one == body
            )
            raise RecoveryError(
                f"{self._path}: line {number} is not understood ({error})"
            ) from error
        return record


_DECODER = msgspec.json.Decoder(Record)
_ALL_DECODER = msgspec.json.Decoder(list[Record])
_COMMON = (b'{"kind":"moment"', b'{"kind":"quote"')


def _is_common(line: Record) -> bool:
    return isinstance(line, MomentPassed | QuoteFilled) and not line.orders


def began(lines: SessionLines) -> Begun | None:
    """The line with which the session began; None where it died before that."""
    return next((line for line in lines.rare if isinstance(line, Begun)), None)


def own_candles(
    config: StrategyConfig, lines: SessionLines, received: Mapping[str, Candles]
) -> dict[str, Candles]:
    """The candles this session had: those received from its first one on, without its own gaps."""
    begun = began(lines)
    first = {} if begun is None else begun.first
    own = {}
    for symbol in config.symbols:
        candles = received[symbol]
        keep = candles.time >= first.get(symbol, 0)
        for line in lines.rare:
            if isinstance(line, GapSeen) and line.symbol == symbol:
                keep &= (candles.time < line.first) | (candles.time > line.last)
        own[symbol] = candles if bool(np.all(keep)) else _chosen(candles, np.flatnonzero(keep))
    return own


def _chosen(candles: Candles, places: np.typing.NDArray[np.intp]) -> Candles:
    return Candles(
        candles.time[places],
        candles.open[places],
        candles.high[places],
        candles.low[places],
        candles.close[places],
        candles.volume[places],
    )
