"""Takes a REST request to its endpoint: limits, signature and faults come before the answer."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from aiohttp import web

from core.exchange.accounts.accounts import Accounts, ExchangeAccount
from core.exchange.errors import ExchangeError
from core.exchange.faults import FaultKind, Faults
from core.exchange.market.clock import ExchangeClock
from core.exchange.rest.calls import Call, Endpoint, Params, Routes, Security
from core.exchange.rest.limits import RateLimit, banned, too_many_requests
from core.exchange.rest.payloads import FUTURES_WEIGHT_LIMIT, SPOT_WEIGHT_LIMIT
from core.exchange.rest.signing import check_request, check_time


class RestServer:
    """Takes requests of one market type in, checks what each has to prove, writes the answers.

    In this order: faults that strike before, rate limits, key, signature and time, the answer
    itself, faults that strike after.
    """

    def __init__(
        self,
        clock: ExchangeClock,
        accounts: Accounts,
        faults: Faults,
        routes: Routes,
        *,
        perpetual: bool,
    ) -> None:
        self._clock = clock
        self._accounts = accounts
        self._faults = faults
        self._routes = routes
        self._perpetual = perpetual
        self._limit = (
            RateLimit(clock, FUTURES_WEIGHT_LIMIT, orders=300)
            if perpetual
            else RateLimit(clock, SPOT_WEIGHT_LIMIT, orders=100)
        )

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        path = request.path
        limit = self._limit
        endpoint: Endpoint | None = None
        try:
            slow = self._faults.strikes(FaultKind.SLOW_REPLY, path)
            if slow is not None:
                await self._clock.pause(slow.amount)
            self._strike_before(path)
            endpoint = self._endpoint(request)
            body = await request.text()
            params = Params.of(request.url.raw_query_string, body)
            weight = endpoint.weight
            limit.charge(weight if isinstance(weight, int) else weight(params))
            if endpoint.order:
                limit.charge_order()
            now = self._clock.now() + self._faults.skew()
            owner = self._owner(request, endpoint, params, body, now)
            answer = endpoint.answer(Call(params, now, owner))
            if self._faults.strikes(FaultKind.UNKNOWN_OUTCOME, path):
                raise ExchangeError(
                    -1007,
                    "Timeout waiting for response from backend server. "
                    "Send status unknown; execution status unknown.",
                    504,
                )
        except ExchangeError as error:
            refusal = {"code": error.code, "msg": error.message}
            return _json(error.status, refusal, error.headers | limit.headers(order=False))
        return _json(200, answer, limit.headers(order=endpoint.order))

    def _strike_before(self, path: str) -> None:
        fault = self._faults.strikes(FaultKind.BANNED, path)
        if fault is not None:
            raise banned(fault.amount * 1000, self._clock)
        fault = self._faults.strikes(FaultKind.TOO_MANY_REQUESTS, path)
        if fault is not None:
            raise too_many_requests(fault.amount * 1000, SPOT_WEIGHT_LIMIT)
        if self._faults.strikes(FaultKind.UNAVAILABLE, path):
            raise web.HTTPServiceUnavailable  # from a proxy in front: a text, not Binance's JSON

    def _endpoint(self, request: web.Request) -> Endpoint:
        endpoint = self._routes.get((request.method, request.path))
        if endpoint is None:
            words = f"Path {request.path}, Method {request.method} is invalid"
            if request.path.startswith("/api" if self._perpetual else "/fapi"):
                words += "; spot and USDⓈ-M have a port each"
            raise ExchangeError(-5000, words, 404)
        return endpoint

    def _owner(
        self, request: web.Request, endpoint: Endpoint, params: Params, body: str, now: int
    ) -> ExchangeAccount | None:
        if endpoint.security is Security.NONE:
            return None
        account = self._accounts.of(request.headers.get("X-MBX-APIKEY", ""))
        if endpoint.security is Security.SIGNED:
            check_request(account, request.url.raw_query_string, body)
            check_time(params, self._clock, now)
        return account


def _json(status: int, body: object, headers: Mapping[str, str]) -> web.Response:
    return web.Response(
        body=orjson.dumps(body),
        status=status,
        headers=headers,
        content_type="application/json",
        charset="utf-8",
    )
