"""The link to a host in another process, over its control socket."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import threading
import time
from collections import deque
from itertools import takewhile
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from core.host.link import BadRequestError, CommandError, HostLink
from core.host.logs import KEPT
from core.host.protocol import (
    LONGEST_LINE,
    PROTOCOL_VERSION,
    Hello,
    HostReply,
    News,
    Request,
    line_of,
)
from core.session.snapshot import HostSnapshot, LogLine
from core.store.lock import current_host
from core.store.workspace import Workspace

_T = TypeVar("_T")
_PATIENCE = 10.0  # seconds a host may take to greet
_CREDENTIALS = struct.Struct("3i")  # process, user, group (unix(7))
_LOOK_EVERY = 0.05
_GONE = "the host does not answer: it has stopped, or another one is starting"


class SocketLink(HostLink):
    """A host in another process.

    Each command has a connection of its own. With `follow`, a thread keeps the snapshot and the log
    up to date; without, they are those of the time of connecting. `lost` says why the host can no
    longer be heard, None while it can.
    """

    def __init__(self, path: Path, first: News) -> None:
        self.lost: str | None = None
        self._path = path
        self._snapshot = first.snapshot
        self._logs: deque[LogLine] = deque(first.logs, maxlen=KEPT)
        self._lock = threading.Lock()
        self._ear: socket.socket | None = None

    @classmethod
    def connect(cls, workspace: Workspace, *, follow: bool = True) -> SocketLink:
        """Attach to the host of a workspace. Blocks until it has greeted and told the first news.

        A host that is still taking its sessions up is waited for.

        Raises:
            CommandError: no host answers, or it speaks another version of the protocol.
        """
        ear = _reach(workspace)
        try:
            lines = _Lines(ear)
            _check(lines.next())
            history = {"after": -KEPT} if follow else {}
            with contextlib.suppress(BrokenPipeError):  # a host that refuses has said why before
                ear.sendall(line_of(Request("follow", arguments=history)))
            link = cls(workspace.socket, _first_news(lines.next()))
        except CommandError:
            ear.close()
            raise
        except (OSError, msgspec.DecodeError) as error:
            ear.close()
            raise CommandError(f"no host answers at {workspace.socket} ({error})") from error
        if follow:
            link.follow(ear, lines)
        else:
            ear.close()
        return link

    def follow(self, ear: socket.socket, lines: _Lines) -> None:
        """Keep snapshot and log up to date from a connection that follows the host."""
        ear.settimeout(None)
        self._ear = ear
        threading.Thread(target=self._listen, args=(lines,), name="host news", daemon=True).start()

    def close(self) -> None:
        """Stop following. Commands may still be given."""
        ear, self._ear = self._ear, None
        if ear is not None:
            with contextlib.suppress(OSError):  # the host may have hung up before
                ear.shutdown(socket.SHUT_RDWR)  # the thread that listens holds it open otherwise
            ear.close()

    def _listen(self, lines: _Lines) -> None:
        try:
            while True:
                news = msgspec.json.decode(lines.next(), type=News)
                with self._lock:
                    self._snapshot = news.snapshot
                    self._logs.extend(news.logs)
        except (OSError, msgspec.DecodeError) as error:
            self.lost = f"{_GONE} ({error})"

    def snapshot(self) -> HostSnapshot:
        """See `HostLink.snapshot`."""
        return self._snapshot

    def logs(self, after: int = 0, session_id: str | None = None) -> tuple[LogLine, ...]:
        """See `HostLink.logs`."""
        with self._lock:
            newest_first = takewhile(lambda line: line.number > after, reversed(self._logs))
            lines = [line for line in newest_first if session_id in (None, line.session_id)]
        return tuple(reversed(lines))

    async def ask(self, do: str, answer: type[_T], **arguments: Any) -> _T:
        """See `HostLink.ask`."""
        try:
            reader, writer = await asyncio.open_unix_connection(self._path, limit=LONGEST_LINE)
        except OSError as error:
            raise CommandError(f"{_GONE} ({error})") from error
        try:
            _require_own(writer.get_extra_info("socket"))
            _check(await reader.readline())
            writer.write(_request_line(Request(do, 1, arguments)))
            reply = msgspec.json.decode(await reader.readline(), type=HostReply)
            if reply.error is not None:
                raise reply.refusal.error(reply.error)
            return msgspec.json.decode(reply.value, type=answer)
        except (OSError, msgspec.DecodeError) as error:
            raise CommandError(f"{_GONE} ({error})") from error
        finally:
            writer.close()


def _reach(workspace: Workspace) -> socket.socket:
    """A connection to the host of a workspace."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        ear = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        ear.settimeout(_PATIENCE)
        try:
            ear.connect(str(workspace.socket))
            _require_own(ear)
        except OSError as error:
            ear.close()
            if current_host(workspace) is None or time.monotonic() > deadline:
                raise CommandError(f"no host answers at {workspace.socket} ({error})") from error
            time.sleep(_LOOK_EVERY)
        else:
            return ear


def _request_line(request: Request) -> bytes:
    """A request as it is sent. Raises `BadRequestError` where no JSON can hold it."""
    try:
        return line_of(request)
    except UnicodeEncodeError as error:
        raise BadRequestError(
            f"{request.do}: found {ascii(error.object)[:80]}, expected text that is UTF-8"
        ) from error


def _first_news(line: bytes) -> News:
    """The first news. Raises `CommandError` where the host refuses to tell any."""
    try:
        return msgspec.json.decode(line, type=News)
    except msgspec.ValidationError:
        reply = msgspec.json.decode(line, type=HostReply)
        raise reply.refusal.error(reply.error or _GONE) from None


def _require_own(ear: socket.socket) -> None:
    """Raises `PermissionError` where another user answers: a request may carry keys."""
    if not hasattr(socket, "SO_PEERCRED"):
        return
    credentials = ear.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(credentials)
    if user not in (os.geteuid(), 0):
        raise PermissionError(f"another user (number {user}) answers there")


def _check(greeting: bytes) -> None:
    """Raises `CommandError` unless a host of this protocol's version greets."""
    hello = msgspec.json.decode(greeting, type=Hello)
    if hello.papertape != PROTOCOL_VERSION:
        raise CommandError(
            f"the host (process {hello.pid}) speaks version {hello.papertape} of the control "
            f"protocol, this program version {PROTOCOL_VERSION}: stop it and start it with this "
            "program"
        )


class _Lines:
    """Lines read from a blocking socket."""

    def __init__(self, ear: socket.socket) -> None:
        self._file = ear.makefile("rb")

    def next(self) -> bytes:
        line = self._file.readline()
        if not line:
            raise ConnectionResetError("it hung up")
        return line
