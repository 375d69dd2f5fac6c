"""Rebuilds what a session knew when its host died.

Its journal and its candles are put through the same `Runner` that a living session uses. What
comes out must be what the journal says came out: where it is not, the session is not gone on with.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from core.journal.manifest import SessionManifest
from core.journal.records import (
    Begun,
    CandleRevised,
    Commanded,
    FundingSeen,
    GapSeen,
    MomentPassed,
    QuoteFilled,
    RecoveryError,
    Returned,
    SessionLines,
    Stopped,
    began,
    own_candles,
)
from core.market.candles.candles import Candle, Candles
from core.session.alignment import Alignment, Moment, moments_of
from core.session.runner import Runner
from core.trading.values import Event


@dataclass(slots=True)
class RecoveredState:
    """A session as its journal tells it.

    `unheard` are candles received that no line vouches for: the session may or may not
    have decided on them. They go through the engine again, in order of time, with the `gaps`.
    `heard`: open time of the last candle of each symbol before those, None where there is none.
    """

    begun: Begun
    planned_end: int | None
    runner: Runner
    unheard: list[tuple[int, Candle]]
    heard: list[int | None] = field(default_factory=list)
    gaps: list[GapSeen] = field(default_factory=list)
    revised: dict[tuple[str, int], Candle] = field(default_factory=dict)
    returns: list[Returned] = field(default_factory=list)
    stopping: Commanded | None = None
    stopped: Stopped | None = None


def read_on(recovered: RecoveredState) -> None:
    """Let the candles that no line vouches for happen, to show where the session stands.

    Only to look at: nothing of it is journaled, and an engine must not go on with this `recovered`.
    """
    runner, stopping = recovered.runner, recovered.stopping
    if stopping is not None and not stopping.flatten:
        return  # a stop is where the session ends
    step = runner.config.timeframe.ms
    alignment = Alignment(len(runner.slots), in_step=False)
    told = [runner.moment_time or 0] * len(runner.slots)
    for gap in recovered.gaps:
        slot = runner.slots[gap.symbol]
        told[slot] = max(told[slot], gap.last)
    for slot, last in enumerate(told):
        alignment.gap(slot, last)
    for slot, candle in recovered.unheard:
        alignment.candle(slot, candle)
    end = recovered.planned_end
    for moment in alignment.ready():
        closed = stopping is not None and runner.flat
        if closed or runner.account.stopped or (end is not None and moment.time + step > end):
            return
        runner.moment(moment)


def rebuild(
    record: SessionManifest, lines: SessionLines, received: Mapping[str, Candles]
) -> RecoveredState:
    """A session's state after the last line of its journal.

    Raises:
        RecoveryError: what the journal says happened does not follow from what it says came in.
    """
    config = record.strategy()
    begun = began(lines)
    if begun is None:
        raise RecoveryError(f"session {record.id}: its journal has no beginning")
    runner = Runner(config, begun.filters, record.fills, begun.decide_from)
    own = own_candles(config, lines, received)
    replay = _Replay(record, runner, [own[symbol] for symbol in config.symbols])
    recovered = RecoveredState(begun, record.planned_end(begun.since), runner, [])
    for line in lines:
        match line:
            case MomentPassed():
                replay.to(line.time, line)
            case QuoteFilled():
                replay.to(line.after)
                replay.expect(runner.quote(line.symbol, line.quote), line.events, line.quote.time)
            case FundingSeen():
                replay.to(line.after)
                runner.funding(line.symbol, line.time, line.rate)
            case Commanded():
                replay.to(line.after)
                _obey(runner, line, recovered)
            case GapSeen():
                recovered.gaps.append(line)
            case CandleRevised():
                recovered.revised[line.symbol, line.new.time] = line.new
            case Returned():
                replay.to(line.after)
                recovered.returns.append(line)
            case Stopped():
                recovered.stopped = line
    if recovered.stopped is not None:
        replay.to(recovered.stopped.last)
    recovered.heard, recovered.unheard = replay.heard(), replay.rest()
    return recovered


def _obey(runner: Runner, line: Commanded, recovered: RecoveredState) -> None:
    if line.do in ("pause", "resume"):
        runner.pause(line.do == "pause", line.symbol)
    elif line.do == "enter" and line.symbol is not None and line.side is not None:
        runner.enter(line.symbol, line.side)
    elif line.do == "flatten":
        runner.flatten(line.symbol)
    elif line.do == "stop":
        recovered.stopping = line
        if line.flatten:
            runner.pause(True)
            runner.flatten(None)


class _Replay:
    """Puts moments through a runner, up to where the journal's next line belongs."""

    def __init__(self, record: SessionManifest, runner: Runner, columns: list[Candles]) -> None:
        self._record = record
        self._runner = runner
        self._columns = columns
        self._moments: Iterator[Moment] = moments_of(columns)
        self._next = next(self._moments, None)

    def to(self, time: int | None, line: MomentPassed | None = None) -> None:
        """Live through the moments up to `time`; the one at `time` is what `line` tells."""
        while time is not None and self._next is not None and self._next.time <= time:
            moment, self._next = self._next, next(self._moments, None)
            events = self._runner.moment(moment)
            told = line.events if line is not None and moment.time == time else []
            self.expect(events, told, moment.time)
        if time is not None and self._runner.moment_time != time:
            raise RecoveryError(
                f"session {self._record.id}: its journal tells of the candle that opened at "
                f"{time}, which is in none of its candle journals; the session was left as it is"
            )

    def expect(self, events: list[Event], told: list[Event], time: int) -> None:
        if events != told:
            raise RecoveryError(
                f"session {self._record.id}: at {time} its journal tells {told}, but the rules "
                f"applied to its candles give {events}; the session was left as it is"
            )

    def heard(self) -> list[int | None]:
        """Open time of each symbol's last candle that was lived through."""
        return [
            int(candles.time[place - 1]) if place else None
            for candles, place in zip(self._columns, self._places(), strict=True)
        ]

    def rest(self) -> list[tuple[int, Candle]]:
        """The candles behind the last moment lived through, in order of time, with their slots."""
        rest = [
            (slot, candle)
            for slot, place in enumerate(self._places())
            for candle in self._columns[slot].slice(place)
        ]
        return sorted(rest, key=lambda item: (item[1].time, item[0]))

    def _places(self) -> list[int]:
        """Where in each column the candles behind the last moment begin."""
        after = self._runner.moment_time
        if after is None:
            return [0] * len(self._columns)
        return [int(np.searchsorted(one.time, after, side="right")) for one in self._columns]
