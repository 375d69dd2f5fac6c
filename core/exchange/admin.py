"""How does a person at the shell, or a test in another process, switch faults on and off?"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import orjson
from aiohttp import web

from core.exchange.faults import Fault, FaultError


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
