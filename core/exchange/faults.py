"""The faults that the embedded exchange can be told to show, and the address that switches them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

import msgspec
import orjson
from aiohttp import web

from core.typed import prepare


class FaultKind(StrEnum):
    """The faults, each with what its target is and what its amount means."""

    # Streams: the target is a stream's name.
    SILENT_STALL = "silent_stall"  # its messages are lost; the socket stays open
    DROP = "drop"  # the line is cut in place of its next message
    DUPLICATE = "duplicate"  # a message comes twice
    REORDER = "reorder"  # a message comes after its successor
    LATE_CLOSE = "late_close"  # a closed candle comes late by exchange ms
    MISSING_CANDLE = "missing_candle"  # a candle never closes, over REST neither
    REVISED_CANDLE = "revised_candle"  # it closes again, the close moved by basis points
    # REST: the target is a path.
    SLOW_REPLY = "slow_reply"  # the answer takes real ms
    TOO_MANY_REQUESTS = "too_many_requests"  # 429, Retry-After in seconds
    BANNED = "banned"  # 418, Retry-After in seconds
    UNAVAILABLE = "unavailable"  # 503, nothing was executed
    UNKNOWN_OUTCOME = "unknown_outcome"  # 504 after the request was executed
    # The exchange as a whole.
    CLOCK_SKEW = "clock_skew"  # the server's clock is ahead by ms (behind if negative)
    DELISTING = "delisting"  # the target is BTCUSDT or BTC/USDT:USDT; its market stops
    TESTNET_RESET = "testnet_reset"  # orders, positions, balances start anew; keys stay
    SHUTDOWN = "shutdown"  # serverShutdown on every stream, then all are closed with 1001


_DEFAULT_AMOUNTS = {
    FaultKind.LATE_CLOSE: 5_000.0,
    FaultKind.REVISED_CANDLE: 10.0,
    FaultKind.SLOW_REPLY: 1_000.0,
    FaultKind.TOO_MANY_REQUESTS: 10.0,
    FaultKind.BANNED: 120.0,
    FaultKind.CLOCK_SKEW: 10_000.0,
}


class FaultError(ValueError):
    """A fault was described in a way that makes none; the message says what would."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault that is switched on: it strikes what `target` (a glob) matches, with `chance`.

    `times`: how often it strikes before it is over; None for as long as it is on.
    """

    id: int
    kind: FaultKind
    target: str
    times: int | None
    chance: float
    amount: float


class Faults:
    """The faults that are on. Chance is drawn from a seed: the same run meets the same faults."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self._on: dict[int, Fault] = {}
        self._left: dict[int, int] = {}
        self._last = 0

    @property
    def on(self) -> tuple[Fault, ...]:
        """Everything that is switched on, oldest first."""
        return tuple(self._on.values())

    def add(
        self,
        kind: FaultKind | str,
        target: str = "*",
        *,
        times: int | None = None,
        chance: float = 1.0,
        amount: float | None = None,
    ) -> Fault:
        """Switch a fault on. `amount` None takes the kind's usual size.

        Raises:
            FaultError: if there is no such kind, or a number makes no sense.
        """
        try:
            kind = FaultKind(kind)
        except ValueError:
            known = ", ".join(FaultKind)
            raise FaultError(f"there is no fault {kind!r}: the kinds are {known}") from None
        if not 0 < chance <= 1:
            raise FaultError(f"chance {chance!r} must be above 0 and at most 1")
        if times is not None and times < 1:
            raise FaultError(f"times {times!r} must be at least 1, or absent")
        self._last += 1
        size = _DEFAULT_AMOUNTS.get(kind, 0.0) if amount is None else amount
        fault = Fault(self._last, kind, target, times, chance, size)
        self._on[fault.id] = fault
        if times is not None:
            self._left[fault.id] = times
        return fault

    def remove(self, number: int) -> None:
        """Switch one fault off; no matter if it is over already."""
        self._on.pop(number, None)
        self._left.pop(number, None)

    def strikes(self, kind: FaultKind, target: str) -> Fault | None:
        """The fault of that kind that strikes `target` now, if one does. It counts as once."""
        for fault in self._on.values():
            if fault.kind is not kind or not fnmatchcase(target, fault.target):
                continue
            if fault.chance < 1 and self._random.random() >= fault.chance:
                continue
            if fault.id in self._left:
                self._left[fault.id] -= 1
                if not self._left[fault.id]:
                    self.remove(fault.id)
            return fault
        return None

    def skew(self) -> int:
        """By how many ms the server's clock is ahead."""
        return sum(int(fault.amount) for fault in self.on if fault.kind is FaultKind.CLOCK_SKEW)


class FaultRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /_papertape/faults`; only `kind` is needed."""

    kind: str
    target: str = "*"
    times: int | None = None
    chance: float = 1.0
    amount: float | None = None


class FaultPanel:
    """`/_papertape/faults`: GET lists what is on, POST switches one on, DELETE all or `?id=N` off.

    `/_papertape/status`: the exchange's time, and whether its market has ended. A page in a browser
    has no business here: requests that carry an Origin are refused.
    """

    def __init__(
        self,
        switch_on: Callable[[FaultRequest], Fault],
        switch_off: Callable[[int | None], None],
        listing: Callable[[], tuple[Fault, ...]],
        status: Callable[[], dict[str, object]],
    ) -> None:
        self._switch_on = switch_on
        self._switch_off = switch_off
        self._listing = listing
        self._status = status

    def routes(self) -> list[web.RouteDef]:
        """The endpoints."""
        return [
            web.get("/_papertape/faults", self._list),
            web.post("/_papertape/faults", self._add),
            web.delete("/_papertape/faults", self._remove),
            web.get("/_papertape/status", self._tell),
        ]

    async def _list(self, request: web.Request) -> web.Response:
        return _answer(request, 200, self._listing())

    async def _tell(self, request: web.Request) -> web.Response:
        return _answer(request, 200, self._status())

    async def _add(self, request: web.Request) -> web.Response:
        _refuse_browsers(request)
        try:
            wanted = msgspec.json.decode(await request.read(), type=FaultRequest)
            return _answer(request, 200, self._switch_on(wanted))
        except (msgspec.DecodeError, FaultError) as error:
            return _answer(request, 400, {"error": str(error)})

    async def _remove(self, request: web.Request) -> web.Response:
        _refuse_browsers(request)
        number = request.query.get("id")
        if number is not None and not number.isdecimal():
            return _answer(request, 400, {"error": f"id {number!r} is not a fault's number"})
        self._switch_off(None if number is None else int(number))
        return _answer(request, 200, self._listing())


def _refuse_browsers(request: web.Request) -> None:
    if "Origin" in request.headers:
        raise web.HTTPForbidden(text="faults are not switched from a web page")


def _answer(request: web.Request, status: int, body: object) -> web.Response:
    _refuse_browsers(request)
    return web.Response(
        body=orjson.dumps(body), status=status, content_type="application/json", charset="utf-8"
    )


prepare(FaultRequest)
