"""Says how far long work is: how much is done, at what rate, and how long the rest takes.

Only the time that passes is measured, never what time it is; no result depends on it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sweep or a gate is.

    Attributes:
        done: backtests that are finished, those taken up from an interrupted run included.
        total: of how many; of a gate, over all its parts.
        seconds: since this run began.
        rate: backtests a second in this run; None before the first.
        seconds_left: at that rate; a gate weighs its parts by the candles they look at. None where
            nothing is known yet.
        part: of a gate, what is worked on; else empty.
        taken_up: how many of those done an interrupted run had finished.
    """

    done: int
    total: int
    seconds: float
    rate: float | None
    seconds_left: float | None
    part: str = ""
    taken_up: int = 0


OnProgress = Callable[[Progress], None]
"""Told whenever some backtests are finished, in the thread that the work was begun in."""


class WorkCancelledError(Exception):
    """The work was cancelled before there was anything to return; the message says before what."""


class Meter:
    """Counts what is done of some work that is known beforehand, and tells it."""

    def __init__(
        self,
        on_progress: OnProgress | None,
        total: int,
        effort: float | None = None,
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Begin.

        Args:
            on_progress: who is told; None for nobody.
            total: backtests to come.
            effort: what they cost in all, in backtests over all candles; None for one each.
            clock: seconds from any moment on.
        """
        self._on_progress = on_progress
        self._total = total
        self._effort = float(total) if effort is None else effort
        self._clock = clock
        self._began = clock()
        self._done = self._taken_up = 0
        self._spent = self._spent_before = 0.0

    def done(
        self, count: int = 1, *, part: str = "", effort: float = 1.0, before: bool = False
    ) -> None:
        """Count some backtests.

        Args:
            count: how many came together.
            part: of a gate, which they are of.
            effort: what each cost, in backtests over all candles.
            before: whether an interrupted run had done them.
        """
        self._done += count
        self._spent += count * effort
        if before:
            self._taken_up += count
            self._spent_before += count * effort
        if self._on_progress is not None:
            self._on_progress(self._progress(part))

    def fewer(self, count: int) -> None:
        """So many of those over all candles turn out not to be needed."""
        self._total -= count
        self._effort -= count

    def _progress(self, part: str) -> Progress:
        seconds = self._clock() - self._began
        fresh, spent = self._done - self._taken_up, self._spent - self._spent_before
        rate = left = None
        if fresh > 0 and seconds > 0:
            rate = fresh / seconds
            left = max(0.0, self._effort - self._spent) * seconds / spent
        if self._done >= self._total:
            left = 0.0
        return Progress(self._done, self._total, seconds, rate, left, part, self._taken_up)


def progress_text(progress: Progress) -> str:
    """The words for it: `412 of 1,000 · 38 a second · 15 s left`."""
    words = [f"{progress.done:,} of {progress.total:,}"]
    if progress.rate is not None:
        words.append(_rate(progress.rate))
    if progress.seconds_left is not None and progress.done < progress.total:
        words.append(f"{_time(progress.seconds_left)} left")
    if progress.part:
        words.append(progress.part)
    return " · ".join(words)


def resumed_text(progress: Progress) -> str:
    """The words for what an interrupted run had finished: `resumed: 120 of 200 … were kept`."""
    return f"resumed: {progress.taken_up:,} of {progress.total:,} backtests were kept"


def _rate(rate: float) -> str:
    if rate >= 10:
        return f"{rate:,.0f} a second"
    return f"{rate:.1f} a second" if rate >= 0.5 else f"{rate * 60:.1f} a minute"


def _time(seconds: float) -> str:
    """A duration in its two greatest units."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min"
