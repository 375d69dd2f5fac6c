"""Keeps what a host logs beyond its life, in the workspace's host.log, which rotates."""

from __future__ import annotations

import asyncio
import logging
import re
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

from core.host.host import Host
from core.session.snapshot import Level, LogLine
from core.store.durable import clear_place
from core.text import safe_text

_LARGEST = 5_000_000  # bytes, of which five are kept
_OLDER = 4
_EVERY = 1.0  # seconds
_LINE = re.compile(
    r"(?P<time>\d{4}-\S+) (?P<level>debug|info|warning|error) +(?P<session>\S+) +(?P<text>.*)"
)


async def keep_log(host: Host) -> None:
    """Write a host's log to its file until cancelled. A companion of the host (`HostOptions`)."""
    path = host.workspace.log
    try:
        notice = clear_place(path)
        handler = RotatingFileHandler(
            path, maxBytes=_LARGEST, backupCount=_OLDER, encoding="utf-8", errors="replace"
        )
    except OSError as error:
        host.log.add(Level.WARNING, f"the log {path} cannot be written ({error.strerror})")
        return
    path.chmod(0o600)
    if notice is not None:
        host.log.add(Level.WARNING, notice)
    handler.setFormatter(logging.Formatter("%(message)s"))
    written = 0
    try:
        while True:
            written = _write(handler, host, written)
            await asyncio.sleep(_EVERY)
    finally:
        _write(handler, host, written)
        handler.close()


def read_log(path: Path) -> tuple[LogLine, ...]:
    """What the file and those before it hold, oldest first, numbered from 1. Blocks.

    A line of another form, such as what Python itself says as it dies, has the time of the one
    before it.

    Raises:
        OSError: it cannot be read.
    """
    lines: list[LogLine] = []
    time = 0
    for one in (*(Path(f"{path}.{older}") for older in range(_OLDER, 0, -1)), path):
        if not one.exists():
            continue
        for text in one.read_text(encoding="utf-8", errors="replace").splitlines():
            level, session_id, said = Level.INFO, None, text
            if found := _LINE.fullmatch(text):
                time = int(datetime.fromisoformat(found["time"]).timestamp() * 1_000)
                level, said = Level(found["level"]), found["text"]
                session_id = None if found["session"] == "-" else found["session"]
            lines.append(LogLine(len(lines) + 1, time, level, session_id, safe_text(said)))
    return tuple(lines)


def _write(handler: RotatingFileHandler, host: Host, written: int) -> int:
    """Write the lines after number `written`; returns the number of the last one."""
    for line in host.logs(written):
        written = line.number
        moment = datetime.fromtimestamp(line.time / 1_000, UTC).isoformat(timespec="milliseconds")
        text = f"{moment} {line.level:<7} {line.session_id or '-':<8} {line.text}"
        handler.emit(logging.LogRecord("host", logging.INFO, "", 0, text, None, None))
    return written
