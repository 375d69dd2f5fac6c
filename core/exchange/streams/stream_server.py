"""Opens market streams for clients, and takes their SUBSCRIBE and UNSUBSCRIBE messages."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import orjson
from aiohttp import web

from core.exchange.market.clock import ExchangeClock
from core.exchange.streams.connections import MAX_STREAMS, Audience, Category, ClientConnection
from core.exchange.streams.sockets import FUTURES_RULES, SPOT_RULES, Socket
from core.exchange.streams.user_streams import UserStreams

_UNSERVED = re.compile(
    r"!.+|.+@(?:depth(?:@\d+ms)?|ticker_\w+|avgPrice(?:@\w+)?|continuousKline_\w+|forceOrder)"
)
"""Streams that Binance has and this exchange does not."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class StreamServer:
    """The market stream endpoints.

    `/ws`, `/ws/<stream>` and `/stream?streams=a/b` are spot's; the same below `/public` and
    `/market` are USDⓈ-M's, where each carries its own kinds of stream only; `/private` carries the
    events of a USDⓈ-M account. Subscribing to a stream that does not exist, or that another
    category carries, is acknowledged and stays silent, as on Binance; to one that Binance has and
    this exchange does not, it is refused.
    """

    def __init__(self, clock: ExchangeClock, audience: Audience, users: UserStreams) -> None:
        self._clock = clock
        self._audience = audience
        self._users = users

    def routes(self) -> list[web.RouteDef]:
        """The endpoints."""
        found: list[web.RouteDef] = []
        for prefix, category in (
            ("", Category.SPOT),
            ("/public", Category.PUBLIC),
            ("/market", Category.MARKET),
        ):
            raw = self._handler(category, combined=False)
            found += [
                web.get(f"{prefix}/ws", raw),
                web.get(f"{prefix}/ws/{{streams:.*}}", raw),
                web.get(f"{prefix}/stream", self._handler(category, combined=True)),
            ]
        private = self._private
        return [
            *found,
            web.get("/private/ws", private),
            web.get("/private/ws/{key}", private),
            web.get("/private/stream", private),
        ]

    async def _private(self, request: web.Request) -> web.StreamResponse:
        """A USDⓈ-M account's events: by path, `?listenKey=K&events=A/B`, or `?streams=K`."""
        query = request.query
        named = request.match_info.get("key") or query.get("listenKey") or query.get("streams", "")
        socket = Socket(request, self._clock, FUTURES_RULES)
        await socket.open()
        combined = request.path.endswith("/stream")
        connection = ClientConnection(socket, Category.PRIVATE, combined=combined)
        events = frozenset(name for name in query.get("events", "").split("/") if name)
        if events:
            self._users.want(connection, events)
        try:
            await self._attend(connection, [name for name in named.split("/") if name])
        finally:
            self._users.unsubscribe(connection)
        return socket.web

    def _handler(self, category: Category, *, combined: bool) -> Handler:
        async def serve(request: web.Request) -> web.StreamResponse:
            names = request.match_info.get("streams") or request.query.get("streams", "")
            rules = SPOT_RULES if category is Category.SPOT else FUTURES_RULES
            socket = Socket(request, self._clock, rules)
            await socket.open()
            connection = ClientConnection(socket, category, combined=combined)
            await self._attend(connection, [name for name in names.split("/") if name])
            return socket.web

        return serve

    async def _attend(self, connection: ClientConnection, streams: list[str]) -> None:
        """Serve a connection until it ends, subscribed to `streams` from the start."""
        self._audience.subscribe(connection, streams[:MAX_STREAMS])
        await self._audience.attend(connection, lambda text: self._hear(connection, text))

    def _hear(self, connection: ClientConnection, text: str) -> None:
        """Answer one request of the client."""
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            connection.reply({"code": 3, "msg": f"Invalid JSON: {error}"})
            return
        if not isinstance(message, dict):
            connection.reply({"code": 2, "msg": "Invalid request: request must be an object"})
            return
        number = message.get("id")
        params = message.get("params", [])
        match message.get("method"):
            case "SUBSCRIBE" | "UNSUBSCRIBE" as method:
                if not _names(params):
                    problem = "params must be an array of stream names"
                    connection.reply(_refusal(number, f"Invalid request: {problem}"))
                    return
                if method == "UNSUBSCRIBE":
                    self._audience.unsubscribe(connection, params)
                elif unserved := next(filter(_UNSERVED.fullmatch, params), None):
                    # Acknowledged, it would stay silent for ever, and look like a quiet market.
                    problem = f"stream {unserved[:60]!r} is not served here"
                    connection.reply(_refusal(number, f"Invalid request: {problem}"))
                    return
                elif len({*connection.streams, *params}) > MAX_STREAMS:
                    problem = f"too many streams, the limit is {MAX_STREAMS}"
                    connection.reply(_refusal(number, f"Invalid request: {problem}"))
                    return
                else:
                    self._audience.subscribe(connection, params)
                connection.reply({"result": None, "id": number})
            case "LIST_SUBSCRIPTIONS":
                connection.reply({"result": list(connection.streams), "id": number})
            case "SET_PROPERTY" if params in (["combined", True], ["combined", False]):
                connection.combined = params[1]
                connection.reply({"result": None, "id": number})
            case "GET_PROPERTY" if params == ["combined"]:
                connection.reply({"result": connection.combined, "id": number})
            case method:
                unknown = f"Invalid request: unknown variant `{method}`"
                connection.reply(_refusal(number, unknown))


def _names(params: object) -> bool:
    return isinstance(params, list) and all(isinstance(name, str) for name in params)


def _refusal(number: object, problem: str) -> dict[str, object]:
    return {"error": {"code": 2, "msg": problem}, "id": number}
