"""The newest lines of a host's log, safe to show, and those that earlier hosts left in its file."""

from __future__ import annotations

import logging
import re
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from pathlib import Path

from core.session.snapshot import Level, LogLine
from core.store.durable import open_regular
from core.store.redaction import Redactor
from core.text import safe_text

KEPT = 10_000
OLDER = 4
"""How many files are kept beside the one that is written."""
_LONGEST = 2_000  # characters of a line
_RECENT = 300_000  # bytes of the file that are read again when a host starts
_OF_SESSION = 2_000  # earlier lines of one session that are read again
_LINE = re.compile(
    r"(?P<time>\d{4}-\S+) (?P<level>debug|info|warning|error) +(?P<session>\S+) +(?P<text>.*)"
)


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

    @property
    def begins(self) -> int | None:
        """When the oldest line kept was logged, UTC ms; None where there is none."""
        with self._lock:
            return self._lines[0].time if self._lines else None

    def safe(self, text: str) -> str:
        """A text as it may be shown: one line, no secrets, nothing a terminal would obey."""
        return self._redactor.brief(text, _LONGEST)

    def add(
        self, level: Level, text: str, session_id: str | None = None, *, alert: bool = False
    ) -> LogLine:
        """Say something; as an `alert`, to be told at once on every screen."""
        safe = self.safe(text)
        with self._lock:
            self._number += 1
            line = LogLine(self._number, self._clock(), level, session_id, safe, alert)
            self._lines.append(line)
        return line

    def recall(self, lines: Sequence[LogLine]) -> None:
        """Put lines of earlier hosts before all others; the last of them gets the number 0."""
        with self._lock:
            room = KEPT - len(self._lines)
            kept = lines[max(0, len(lines) - room) :] if room > 0 else ()
            first = 1 - len(kept)
            earlier = [replace(line, number=first + n) for n, line in enumerate(kept)]
            self._lines.extendleft(reversed(earlier))

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


def read_log(path: Path) -> tuple[LogLine, ...]:
    """What the file and those before it hold, oldest first, numbered from 1. Blocks.

    A line of another form, such as what Python itself says as it dies, has the time of the one
    before it.

    Raises:
        OSError: it cannot be read.
    """
    files = (*(Path(f"{path}.{older}") for older in range(OLDER, 0, -1)), path)
    there = [one for one in files if one.exists()]
    return _parsed((text for one in there for text in _texts(one)), there[0] if there else path)


def _texts(path: Path) -> list[str]:
    with open_regular(path) as file:
        return file.read().decode("utf-8", errors="replace").splitlines()


def recent_log(path: Path) -> tuple[LogLine, ...]:
    """The newest lines of the file, without those before it; empty where it cannot be read."""
    try:
        with open_regular(path) as file:
            file.seek(0, 2)
            skipped = file.tell() > _RECENT
            file.seek(-_RECENT if skipped else 0, 2 if skipped else 0)
            texts = file.read().decode("utf-8", errors="replace").splitlines()
    except OSError:
        return ()
    return _parsed(texts[1:] if skipped else texts, path)


def session_log(path: Path, session_id: str, before: int | None) -> tuple[LogLine, ...]:
    """What the file and those before it have of one session from before a time (UTC ms). Blocks.

    The newest 2,000 lines, oldest first; their numbers are of no other log. Empty where nothing can
    be read.
    """
    line = re.compile(rb"^\S+ \S+ +" + re.escape(session_id).encode() + rb" .*$", re.MULTILINE)
    found: list[LogLine] = []
    for file in (path, *(Path(f"{path}.{older}") for older in range(1, OLDER + 1))):
        try:
            with open_regular(file) as opened:
                texts = line.findall(opened.read())
        except OSError:
            continue
        parsed = _parsed((text.decode("utf-8", errors="replace") for text in texts), file)
        found = [one for one in parsed if before is None or one.time < before] + found
        if len(found) >= _OF_SESSION:
            break
    return tuple(found[-_OF_SESSION:])


def _parsed(texts: Iterable[str], path: Path) -> tuple[LogLine, ...]:
    lines: list[LogLine] = []
    time = 0
    for text in texts:
        level, session_id, message = Level.INFO, None, text
        if found := _LINE.fullmatch(text):
            time = int(datetime.fromisoformat(found["time"]).timestamp() * 1_000)
            level, message = Level(found["level"]), found["text"]
            session_id = None if found["session"] == "-" else found["session"]
        lines.append(LogLine(len(lines) + 1, time, level, session_id, safe_text(message)))
    if lines and not lines[0].time:
        # What stands before any time was told at the first one, at the latest when the file was.
        first = next((line.time for line in lines if line.time), None) or _written_at(path)
        lines = [line if line.time else replace(line, time=first) for line in lines]
    return tuple(lines)


def _written_at(path: Path) -> int:
    return path.stat().st_mtime_ns // 1_000_000
