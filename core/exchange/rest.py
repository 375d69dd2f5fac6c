"""How does a REST request reach the answer it asks for?"""

from __future__ import annotations

import orjson
from aiohttp import web

from core.exchange.calls import Call, Endpoint, Params, Routes
from core.exchange.clock import ExchangeClock
from core.exchange.errors import VenueError


class RestServer:
    """Takes requests in, checks what each has to prove, and writes the answers."""

    def __init__(self, clock: ExchangeClock, routes: Routes) -> None:
        self._clock = clock
        self._routes = routes

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        try:
            endpoint = self._endpoint(request)
            params = Params(
                {**request.query, **{k: str(v) for k, v in (await request.post()).items()}}
            )
            return _json(200, endpoint.answer(Call(params, self._clock.now())))
        except VenueError as error:
            return _json(error.status, {"code": error.code, "msg": error.message})

    def _endpoint(self, request: web.Request) -> Endpoint:
        endpoint = self._routes.get((request.method, request.path))
        if endpoint is None:
            raise VenueError(-5000, f"Path {request.path}, Method {request.method} is invalid", 404)
        return endpoint


def _json(status: int, body: object) -> web.Response:
    return web.Response(
        body=orjson.dumps(body), status=status, content_type="application/json", charset="utf-8"
    )
