"""The control socket, by which a host answers other processes; it is the user's alone (0600)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
import socket
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from core.host.host import Host
from core.host.link import CommandError
from core.host.protocol import (
    PROTOCOL_VERSION,
    Hello,
    HostReply,
    News,
    RefusalKind,
    Request,
    line_of,
)
from core.session.snapshot import Level
from core.store.durable import set_aside

_logger = logging.getLogger(__name__)

_NEWS_EVERY = 0.2  # seconds
_UNREAD = 1 << 20  # bytes a follower may leave unread before it is told nothing more for a while
_LONGEST_REQUEST = 1 << 20  # bytes; a large strategy has some thousands
_BACKLOG = 100  # callers that may wait to be greeted
_MOST_CALLERS = 100
_BREATH = 1.0  # seconds to wait where the system gives no more files


def _callers() -> int:
    """How many callers leave most of the files that this process may open to what it is for."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST_CALLERS if files == resource.RLIM_INFINITY else min(_MOST_CALLERS, files // 4)


@dataclass(frozen=True, slots=True)
class CallerLimits:
    """What callers may take of a host: how many there may be, and how long one may say nothing.

    Every caller takes a file; without a limit callers could take those that journals need.
    """

    callers: int = field(default_factory=_callers)
    silence: float = 60.0  # seconds without a whole request; a follower need not say more


class ControlSocket:
    """Serves a host's commands on its socket. A companion of the host (`HostOptions`)."""

    def __init__(self, host: Host, limits: CallerLimits | None = None) -> None:
        self._host = host
        self._limits = limits or CallerLimits()
        self._callers: set[asyncio.Task[None]] = set()

    @property
    def attached(self) -> int:
        """How many callers there are at the moment."""
        return len(self._callers)

    async def serve(self) -> None:
        """Answer callers until cancelled."""
        path = self._host.workspace.socket
        listening = _bound(path)
        try:
            listening.listen(_BACKLOG)
            await self._accept(listening)
        finally:
            listening.close()
            for caller in list(self._callers):
                caller.cancel()
            await asyncio.gather(*self._callers, return_exceptions=True)
            path.unlink(missing_ok=True)

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        short_of_files = False
        while True:
            try:
                connection, _ = await loop.sock_accept(listening)
            except OSError as error:
                if not short_of_files:
                    self._host.log.add(Level.WARNING, f"no caller can be answered: {error}")
                short_of_files = True
                await asyncio.sleep(_BREATH)
                continue
            short_of_files = False
            reader, writer = await asyncio.open_unix_connection(
                sock=connection, limit=_LONGEST_REQUEST
            )
            if len(self._callers) >= self._limits.callers:
                await self._refuse(writer, f"the host has {self._limits.callers} callers already")
                continue
            caller = asyncio.create_task(self._greet(reader, writer))
            self._callers.add(caller)
            caller.add_done_callback(self._callers.discard)

    async def _refuse(self, writer: asyncio.StreamWriter, why: str) -> None:
        """Tell a caller why it is not served, and hang up."""
        hello = Hello(PROTOCOL_VERSION, os.getpid(), self._host.options.kind)
        writer.write(line_of(hello) + line_of(HostReply(0, error=why)))
        writer.close()

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(line_of(Hello(PROTOCOL_VERSION, os.getpid(), self._host.options.kind)))
            while line := await asyncio.wait_for(reader.readline(), self._limits.silence):
                await self._answer(line, writer)
        except TimeoutError:
            pass  # whoever has something to ask connects again
        except ValueError:
            longest = f"expected a request of at most {_LONGEST_REQUEST:,} bytes on one line"
            writer.write(line_of(HostReply(0, error=longest, refusal=RefusalKind.BAD_REQUEST)))
        except (ConnectionError, asyncio.CancelledError):
            pass  # the caller hung up, or the host stops
        finally:
            with contextlib.suppress(ConnectionError):
                writer.close()

    async def _answer(self, line: bytes, writer: asyncio.StreamWriter) -> None:
        try:
            request = msgspec.json.decode(line, type=Request)
        except msgspec.DecodeError as error:
            writer.write(line_of(HostReply(0, error=f"not understood: {error}")))
            return
        if request.do == "follow":
            await self._tell(writer, request.arguments.get("after", 0))
            return
        writer.write(line_of(await self._carry_out(request)))
        await writer.drain()

    async def _carry_out(self, request: Request) -> HostReply:
        try:
            value = await self._host.carry_out(request.do, request.arguments)
        except CommandError as error:
            words = self._host.redactor.redact(str(error))
            return HostReply(request.id, error=words, refusal=RefusalKind.of(error))
        except Exception as error:  # a fault in one command must not leave its caller waiting
            _logger.exception("command %s", request.do)
            words = f"{request.do} failed: {type(error).__name__}: {error}"
            return HostReply(request.id, error=self._host.redactor.redact(words))
        return HostReply(request.id, msgspec.Raw(msgspec.json.encode(value)))

    async def _tell(self, writer: asyncio.StreamWriter, after: int) -> None:
        """Send news, no faster than they are read: a viewer that stalls delays nobody."""
        self._host.fresh_snapshot()
        try:
            while not writer.is_closing():
                if writer.transport.get_write_buffer_size() < _UNREAD:
                    logs = self._host.logs(after)
                    after = logs[-1].number if logs else after
                    writer.write(line_of(News(self._host.snapshot(), logs)))
                await asyncio.sleep(_NEWS_EVERY)
        finally:
            # Why a host stops is said last of all.
            writer.write(line_of(News(self._host.snapshot(), self._host.logs(after))))


def _bound(path: Path) -> socket.socket:
    """A socket at `path` that is this user's alone before anybody can connect: it listens later.

    The umask is left alone: it is the whole process's, and would change what other threads make.
    """
    # The lock is held, so whatever stands there was left by a host that died.
    try:
        path.unlink(missing_ok=True)
    except OSError:  # a folder
        set_aside(path)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        bound.setblocking(False)
        bound.bind(str(path))
        path.chmod(0o600)
    except OSError:
        bound.close()
        raise
    return bound
