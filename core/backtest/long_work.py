"""Work of many backtests on the same candles: who does it, who is told, what of it is kept."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from core.backtest.cluster import ClusterError
from core.backtest.kept import Kept
from core.backtest.progress import Meter
from core.backtest.workers import Crew, Here, Histories, Task, Work

_GOES_ON = "What is finished is kept: the same command goes on from there"

Placed = TypeVar("Placed", bound=tuple[object, ...])
"""A result: a named tuple that begins with its place (an int) among those of its part."""


class Part(NamedTuple):
    """A part of some work.

    Attributes:
        words: what is done, for who is told.
        number: which of several alike.
        effort: what a result costs, in backtests over all candles.
    """

    words: str = ""
    number: int = 0
    effort: float = 1.0

    @property
    def name(self) -> str:
        """By which its results are kept."""
        return f"{self.words} {self.number}"


WHOLE = Part()
"""Of work that has no parts."""


@dataclass(frozen=True, slots=True)
class LongWork:
    """Some work under way.

    Attributes:
        crew: who does it, on which candles.
        meter: counts each result.
        cancel: set by anyone who wants no more of it.
        kept: where each result is kept for the next run, should this one be interrupted.
    """

    crew: Crew
    meter: Meter
    cancel: threading.Event = field(default_factory=threading.Event)
    kept: Kept = field(default_factory=Kept)

    @classmethod
    def alone(cls, candles: Histories) -> LongWork:
        """Work of this thread that nobody is told of."""
        return cls(Here(candles), Meter(None, 0))

    def taken_up(self, part: Part, kind: type[Placed]) -> Mapping[int, Placed]:
        """What an interrupted run had finished of a part, by place; it is counted."""
        found = self.kept.of(part.name, kind)
        if found:
            self.meter.done(len(found), part=part.words, effort=part.effort, before=True)
        return found

    def each(self, work: Work[Task, Placed], tasks: Sequence[Task], part: Part) -> Iterator[Placed]:
        """The results of all tasks in the order they come, each counted and kept.

        Cancelled, it ends early, with those that were finished.

        Raises:
            ClusterError: the cluster does not go on; the message says whether anything is kept.
        """
        try:
            for results in self.crew.each(work, tasks, self.cancel):
                for result in results:
                    self.kept.add(part.name, result)
                self.meter.done(len(results), part=part.words, effort=part.effort)
                yield from results
        except ClusterError as error:
            if not self.kept.count:
                raise
            raise ClusterError(f"{error}. {_GOES_ON}") from error
