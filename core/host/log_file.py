"""Keeps what a host logs beyond its life, in the workspace's host.log, which rotates."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler

from core.host.host import Host
from core.host.logs import OLDER
from core.session.snapshot import Level
from core.store.durable import clear_place

_LARGEST = 5_000_000  # bytes, of which five are kept
_EVERY = 1.0  # seconds


async def keep_log(host: Host) -> None:
    """Write a host's log to its file until cancelled. A companion of the host (`HostOptions`)."""
    path = host.workspace.log
    try:
        notice = clear_place(path)
        handler = RotatingFileHandler(
            path, maxBytes=_LARGEST, backupCount=OLDER, encoding="utf-8", errors="replace"
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


def _write(handler: RotatingFileHandler, host: Host, written: int) -> int:
    """Write the lines after number `written`; returns the number of the last one."""
    for line in host.logs(written):
        written = line.number
        moment = datetime.fromtimestamp(line.time / 1_000, UTC).isoformat(timespec="milliseconds")
        text = f"{moment} {line.level:<7} {line.session_id or '-':<8} {line.text}"
        handler.emit(logging.LogRecord("host", logging.INFO, "", 0, text, None, None))
    return written
