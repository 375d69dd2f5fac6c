"""The newest lines of a host's log, safe to show."""

from __future__ import annotations

import logging
import threading
import traceback
from collections import deque
from collections.abc import Callable
from itertools import islice

from core.session.snapshot import Level, LogLine
from core.store.redaction import Redactor
from core.text import safe_text

KEPT = 10_000
_LONGEST = 2_000  # characters of a line


class LogRing:
    """The newest lines, numbered, without secrets and without anything a terminal would obey.

    Written on the host's loop or by its log handler, read from any thread.
    """

    def __init__(self, redactor: Redactor, clock: Callable[[], int]) -> None:
        self._redactor = redactor
        self._clock = clock
        self._lines: deque[LogLine] = deque(maxlen=KEPT)
        self._lock = threading.Lock()
        self._number = 0

    @property
    def last(self) -> int:
        """The newest line's number; 0 where there is none yet."""
        return self._number

    def safe(self, text: str) -> str:
        """A text as it may be shown: one line, no secrets, nothing a terminal would obey."""
        return safe_text(self._redactor.redact(text), limit=_LONGEST)

    def add(self, level: Level, text: str, session_id: str | None = None) -> LogLine:
        """Say something."""
        safe = self.safe(text)
        with self._lock:
            self._number += 1
            line = LogLine(self._number, self._clock(), level, session_id, safe)
            self._lines.append(line)
        return line

    def after(self, number: int, session_id: str | None = None) -> tuple[LogLine, ...]:
        """The lines with a number above `number`, of one session or of all, oldest first."""
        with self._lock:
            if number >= self._number:
                return ()
            first = self._number - len(self._lines)
            skip = max(0, number - first)
            lines = list(islice(self._lines, skip, None))
        return tuple(line for line in lines if session_id in (None, line.session_id))


class RingHandler(logging.Handler):
    """Carries warnings of Papertape's modules and of the libraries it uses into the ring."""

    def __init__(self, ring: LogRing) -> None:
        super().__init__(logging.WARNING)
        self._ring = ring

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler.emit`."""
        level = Level.ERROR if record.levelno >= logging.ERROR else Level.WARNING
        text = f"{record.name}: {record.getMessage()}"
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            places = traceback.extract_tb(error.__traceback__)[-3:]
            where = " < ".join(f"{place.name}:{place.lineno}" for place in reversed(places))
            text = f"{text}: {type(error).__name__}: {error} (at {where})"
        self._ring.add(level, text)
