"""What did a session know when its host died?

Its journal and its tapes are put through the same `Run` that a living session uses. What comes out
must be what the journal says came out: where it is not, the session is not gone on with.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np

from core.market.candles import Candle, Candles
from core.paper.lines import (
    Begun,
    CandleRevised,
    Commanded,
    FundingSeen,
    GapSeen,
    Line,
    MomentPassed,
    QuoteFilled,
    Returned,
    Stopped,
    from_record,
)
from core.paper.moments import Alignment, Moment, moments_of
from core.paper.record import SessionRecord
from core.paper.run import Run
from core.store.journal import JournalDamagedError
from core.strategy.config import StrategyConfig
from core.trading.values import Event


class RecoveryError(JournalDamagedError):
    """Journal and tapes contradict each other. The message says where; nothing was changed."""


@dataclass(slots=True)
class Past:
    """A session as its journal tells it.

    `unheard` are candles on the tapes that no line vouches for: the session received them and may
    have decided on them. They go through the engine again, in order of time, with the `gaps`.
    """

    begun: Begun
    planned_end: int | None
    run: Run
    unheard: list[tuple[int, Candle]]
    gaps: list[GapSeen] = field(default_factory=list)
    revised: dict[tuple[str, int], Candle] = field(default_factory=dict)
    returns: list[Returned] = field(default_factory=list)
    stopping: Commanded | None = None
    stopped: Stopped | None = None


def read_on(past: Past) -> None:
    """Let the candles that no line vouches for happen, to show where the session stands.

    Only to look at: nothing of it is journaled, and an engine must not go on with this `past`.
    """
    run = past.run
    step = run.config.timeframe.ms
    alignment = Alignment(len(run.slots), in_step=False)
    told = [run.moment_time or 0] * len(run.slots)
    for gap in past.gaps:
        slot = run.slots[gap.symbol]
        told[slot] = max(told[slot], gap.last)
    for slot, last in enumerate(told):
        alignment.gap(slot, last)
    for slot, candle in past.unheard:
        alignment.candle(slot, candle)
    end = past.planned_end
    for moment in alignment.ready():
        if run.account.stopped or (end is not None and moment.time + step > end):
            return
        run.moment(moment)


def parse_lines(path: Path, records: Sequence[dict[str, object]]) -> list[Line]:
    """The lines of a session's journal.

    Raises:
        RecoveryError: one of them is of no kind this program knows.
    """
    lines: list[Line] = []
    for number, record in enumerate(records, start=2):
        try:
            lines.append(from_record(record))
        except msgspec.ValidationError as error:
            raise RecoveryError(f"{path}: line {number} is not understood ({error})") from error
    return lines


def began(lines: Sequence[Line]) -> Begun | None:
    """The line with which the session began; None where it died before that."""
    return next((line for line in lines if isinstance(line, Begun)), None)


def own_candles(
    config: StrategyConfig, lines: Sequence[Line], tapes: Mapping[str, Candles]
) -> dict[str, Candles]:
    """The candles this session had: its tapes from its first one on, without its own gaps."""
    begun = began(lines)
    first = {} if begun is None else begun.first
    own = {}
    for symbol in config.symbols:
        tape = tapes[symbol]
        keep = tape.time >= first.get(symbol, 0)
        for line in lines:
            if isinstance(line, GapSeen) and line.symbol == symbol:
                keep &= (tape.time < line.first) | (tape.time > line.last)
        own[symbol] = tape if bool(np.all(keep)) else _chosen(tape, np.flatnonzero(keep))
    return own


def rebuild(record: SessionRecord, lines: Sequence[Line], tapes: Mapping[str, Candles]) -> Past:
    """A session's state after the last line of its journal.

    Raises:
        RecoveryError: what the journal says happened does not follow from what it says came in.
    """
    config = record.strategy()
    begun = began(lines)
    if begun is None:
        raise RecoveryError(f"session {record.id}: its journal has no beginning")
    run = Run(config, begun.filters, record.fills, begun.decide_from)
    own = own_candles(config, lines, tapes)
    replay = _Replay(record, run, [list(own[symbol]) for symbol in config.symbols])
    past = Past(begun, record.planned_end(begun.since), run, [])
    for line in lines:
        match line:
            case MomentPassed():
                replay.to(line.time, line)
            case QuoteFilled():
                replay.to(line.after)
                replay.expect(run.quote(line.symbol, line.quote), line.events, line.quote.time)
            case FundingSeen():
                replay.to(line.after)
                run.funding(line.symbol, line.time, line.rate)
            case Commanded():
                replay.to(line.after)
                _obey(run, line, past)
            case GapSeen():
                past.gaps.append(line)
            case CandleRevised():
                past.revised[line.symbol, line.new.time] = line.new
            case Returned():
                replay.to(line.after)
                past.returns.append(line)
            case Stopped():
                past.stopped = line
    if past.stopped is not None:
        replay.to(past.stopped.last)
    past.unheard = replay.rest()
    return past


def _obey(run: Run, line: Commanded, past: Past) -> None:
    if line.do in ("pause", "resume"):
        run.pause(line.do == "pause")
    elif line.do == "flatten":
        run.flatten(line.symbol)
    elif line.do == "stop":
        past.stopping = line
        if line.flatten:
            run.pause(True)
            run.flatten(None)


class _Replay:
    """Puts moments through a run, up to where the journal's next line belongs."""

    def __init__(self, record: SessionRecord, run: Run, columns: list[list[Candle]]) -> None:
        self._record = record
        self._run = run
        self._columns = columns
        self._moments: Iterator[Moment] = moments_of(columns)
        self._next = next(self._moments, None)

    def to(self, time: int | None, line: MomentPassed | None = None) -> None:
        """Live through the moments up to `time`; the one at `time` is what `line` tells."""
        while time is not None and self._next is not None and self._next.time <= time:
            moment, self._next = self._next, next(self._moments, None)
            events = self._run.moment(moment)
            told = line.events if line is not None and moment.time == time else []
            self.expect(events, told, moment.time)
        if time is not None and self._run.moment_time != time:
            raise RecoveryError(
                f"session {self._record.id}: its journal tells of the candle that opened at "
                f"{time}, which is on none of its tapes; the session was left as it is"
            )

    def expect(self, events: list[Event], told: list[Event], time: int) -> None:
        if events != told:
            raise RecoveryError(
                f"session {self._record.id}: at {time} its journal tells {told}, but the rules "
                f"applied to its candles give {events}; the session was left as it is"
            )

    def rest(self) -> list[tuple[int, Candle]]:
        """The candles behind the last moment lived through, in order of time, with their slots."""
        after = self._run.moment_time
        rest = [
            (slot, candle)
            for slot, candles in enumerate(self._columns)
            for candle in candles
            if after is None or candle.time > after
        ]
        return sorted(rest, key=lambda item: (item[1].time, item[0]))


def _chosen(candles: Candles, places: np.typing.NDArray[np.intp]) -> Candles:
    return Candles(
        candles.time[places],
        candles.open[places],
        candles.high[places],
        candles.low[places],
        candles.close[places],
        candles.volume[places],
    )
