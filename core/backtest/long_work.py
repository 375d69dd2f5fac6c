"""Work of many backtests on the same candles: who does it, who is told, and whether it goes on."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from core.backtest.progress import Meter
from core.backtest.workers import Crew, Here, Histories, Result, Task, Work


@dataclass(frozen=True, slots=True)
class LongWork:
    """Some work under way.

    Attributes:
        crew: who does it, on which candles.
        meter: counts each result.
        cancel: set by anyone who wants no more of it.
    """

    crew: Crew
    meter: Meter
    cancel: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def alone(cls, candles: Histories) -> LongWork:
        """Work of this thread that nobody is told of."""
        return cls(Here(candles), Meter(None, 0))

    def each(
        self,
        work: Work[Task, Result],
        tasks: Sequence[Task],
        *,
        part: str = "",
        effort: float = 1.0,
    ) -> Iterator[Result]:
        """The results of all tasks in the order they come, each counted.

        Cancelled, it ends early, with those that were finished.

        Args:
            work: what is done with a task.
            tasks: all of them.
            part: of the whole, for who is told.
            effort: what a result costs, in backtests over all candles.
        """
        for result in self.crew.each(work, tasks, self.cancel):
            self.meter.done(part=part, effort=effort)
            yield result
