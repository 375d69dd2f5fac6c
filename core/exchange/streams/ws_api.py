"""The spot WebSocket API: what a client may ask over it."""

from __future__ import annotations

import itertools

import orjson
from aiohttp import web

from core.exchange.accounts.accounts import Accounts
from core.exchange.errors import ExchangeError
from core.exchange.faults import Faults
from core.exchange.market.clock import ExchangeClock
from core.exchange.rest.calls import Params
from core.exchange.rest.signing import check_message, check_time
from core.exchange.streams.connections import Audience, Category, ClientConnection
from core.exchange.streams.sockets import SPOT_RULES, Socket
from core.exchange.streams.user_streams import UserStreams


class WebSocketApi:
    """`/ws-api/v3`: the clock, and the user data stream of a spot account by signature."""

    def __init__(
        self,
        clock: ExchangeClock,
        accounts: Accounts,
        audience: Audience,
        users: UserStreams,
        faults: Faults,
    ) -> None:
        self._clock = clock
        self._accounts = accounts
        self._audience = audience
        self._users = users
        self._faults = faults
        self._numbers = itertools.count()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection."""
        socket = Socket(request, self._clock, SPOT_RULES)
        await socket.open()
        connection = ClientConnection(socket, Category.PRIVATE, combined=False)
        try:
            await self._audience.attend(connection, lambda text: self._hear(connection, text))
        finally:
            self._users.unsubscribe(connection)
        return socket.web

    def _hear(self, connection: ClientConnection, text: str) -> None:
        number: object = None
        try:
            message = orjson.loads(text)
            if not isinstance(message, dict):
                raise ExchangeError(-1135, "JSON Request format is invalid.")
            number = message.get("id")
            params = message.get("params") or {}
            result = self._answer(connection, message.get("method"), params)
        except orjson.JSONDecodeError:
            connection.reply(_refusal(number, ExchangeError(-1135, "JSON Request is invalid.")))
        except ExchangeError as error:
            connection.reply(_refusal(number, error))
        else:
            connection.reply({"id": number, "status": 200, "result": result, "rateLimits": []})

    def _answer(self, connection: ClientConnection, method: object, params: object) -> object:
        if not isinstance(params, dict):
            raise ExchangeError(-1135, "JSON Request format is invalid.")
        match method:
            case "ping":
                return {}
            case "time":
                return {"serverTime": self._now()}
            case "userDataStream.subscribe.signature":
                account = self._accounts.of(str(params.get("apiKey", "")))
                check_message(account, params)
                texts = {name: str(value) for name, value in params.items()}
                check_time(Params(texts), self._clock, self._now())
                subscription = next(self._numbers)
                self._users.subscribe(account, connection, subscription)
                return {"subscriptionId": subscription}
            case "userDataStream.unsubscribe":
                self._users.unsubscribe(connection, params.get("subscriptionId"))
                return {}
            case _:
                raise ExchangeError(-1104, f"Unknown method {method!r}.")

    def _now(self) -> int:
        return self._clock.now() + self._faults.skew()


def _refusal(number: object, error: ExchangeError) -> dict[str, object]:
    return {
        "id": number,
        "status": error.status,
        "error": {"code": error.code, "msg": error.message},
        "rateLimits": [],
    }
