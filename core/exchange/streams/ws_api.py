"""The spot WebSocket API: what a client may ask over it."""

from __future__ import annotations

import itertools

import orjson
from aiohttp import web

from core.exchange.accounts.accounts import Accounts, ExchangeAccount
from core.exchange.errors import ExchangeError
from core.exchange.faults import Faults
from core.exchange.market.clock import ExchangeClock
from core.exchange.rest.calls import Params
from core.exchange.rest.signing import check_message, check_time, public_key
from core.exchange.streams.connections import Audience, Category, ClientConnection
from core.exchange.streams.sockets import SPOT_RULES, Socket
from core.exchange.streams.user_streams import UserStreams


class WebSocketApi:
    """`/ws-api/v3`: the clock, and the user data stream of a spot account.

    A subscription is signed by itself, or belongs to a session that was logged on, which takes an
    Ed25519 key.
    """

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
        self._sessions: dict[ClientConnection, tuple[ExchangeAccount, int]] = {}  # since (ms)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection."""
        socket = Socket(request, self._clock, SPOT_RULES)
        await socket.open()
        connection = ClientConnection(socket, Category.PRIVATE, combined=False)
        try:
            await self._audience.attend(connection, lambda text: self._hear(connection, text))
        finally:
            self._users.unsubscribe(connection)
            self._sessions.pop(connection, None)
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
            case "session.logon":
                account = self._signer(params)
                if public_key(account) is None:
                    raise ExchangeError(-4056, "HMAC_SHA256 API key is not supported.")
                self._sessions[connection] = account, self._now()
                return self._session(connection)
            case "session.status":
                return self._session(connection)
            case "session.logout":
                self._sessions.pop(connection, None)
                return self._session(connection)
            case "userDataStream.subscribe":
                if connection not in self._sessions:
                    raise ExchangeError(-2015, "Invalid API-key, IP, or permissions.", 401)
                return self._subscribe(connection, self._sessions[connection][0])
            case "userDataStream.subscribe.signature":
                return self._subscribe(connection, self._signer(params))
            case "userDataStream.unsubscribe":
                number = params.get("subscriptionId")
                if number is not None and not str(number).isdecimal():
                    raise ExchangeError(-1102, "Parameter 'subscriptionId' is malformed.")
                self._users.unsubscribe(connection, None if number is None else int(str(number)))
                return {}
            case _:
                raise ExchangeError(-1104, f"Unknown method {method!r}.")

    def _signer(self, params: dict[str, object]) -> ExchangeAccount:
        """The account whose key signed a request."""
        account = self._accounts.of(str(params.get("apiKey", "")))
        check_message(account, params)
        texts = {name: str(value) for name, value in params.items()}
        check_time(Params(texts), self._clock, self._now())
        return account

    def _subscribe(self, connection: ClientConnection, account: ExchangeAccount) -> object:
        subscription = next(self._numbers)
        self._users.subscribe(account, connection, subscription)
        return {"subscriptionId": subscription}

    def _session(self, connection: ClientConnection) -> object:
        account, since = self._sessions.get(connection, (None, None))
        return {
            "apiKey": None if account is None else account.key,
            "authorizedSince": since,
            "returnRateLimits": True,
            "serverTime": self._now(),
        }

    def _now(self) -> int:
        return self._clock.now() + self._faults.skew()


def _refusal(number: object, error: ExchangeError) -> dict[str, object]:
    return {
        "id": number,
        "status": error.status,
        "error": {"code": error.code, "msg": error.message},
        "rateLimits": [],
    }
