"""The messages between a host and its callers over the control socket.

JSON lines, one message each. The host greets with `Hello`. A caller sends `Request`s and gets one
`HostReply` for each; `follow` is answered by a stream of `News` instead, until the caller hangs up.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from core.host.link import BadRequestError, CommandError, NotFoundError
from core.session.snapshot import HostSnapshot, LogLine
from core.typed import prepare

PROTOCOL_VERSION = 2
LONGEST_LINE = 256 * 1024 * 1024  # bytes; a report with its equity curve is long


class Hello(msgspec.Struct, frozen=True):
    """The first line of the host. Callers of another version hang up."""

    papertape: int
    pid: int
    kind: str


class Request(msgspec.Struct, frozen=True):
    """A command of `HostLink` by its name, with its arguments."""

    do: str
    id: int = 0
    arguments: dict[str, Any] = {}


class RefusalKind(StrEnum):
    """Why a request came to nothing, for callers that treat these differently."""

    FAILED = "failed"
    BAD_REQUEST = "bad_request"
    NOT_FOUND = "not_found"

    @classmethod
    def of(cls, error: CommandError) -> RefusalKind:
        """What kind of refusal an error is."""
        return next((kind for kind, made in _ERRORS.items() if isinstance(error, made)), cls.FAILED)

    def error(self, message: str) -> CommandError:
        """The error that stands for it on the caller's side."""
        return _ERRORS.get(self, CommandError)(message)


_ERRORS = {RefusalKind.BAD_REQUEST: BadRequestError, RefusalKind.NOT_FOUND: NotFoundError}


class HostReply(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to the request of the same ID: what it returned, or the words of its failure."""

    id: int
    value: msgspec.Raw = msgspec.Raw(b"null")
    error: str | None = None
    refusal: RefusalKind = RefusalKind.FAILED


class News(msgspec.Struct, frozen=True):
    """What a follower is told: the state of everything, and the log lines since the last news."""

    snapshot: HostSnapshot
    logs: tuple[LogLine, ...]


def line_of(message: msgspec.Struct) -> bytes:
    """A message as it goes over the socket."""
    return msgspec.json.encode(message) + b"\n"


prepare(Hello, Request, HostReply, News)
