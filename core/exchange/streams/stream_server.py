"""Opens market streams for clients, and takes their SUBSCRIBE and UNSUBSCRIBE messages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import orjson
from aiohttp import web

from core.exchange.market.quotes import MarketQuotes
from core.exchange.streams.connections import MAX_STREAMS, Audience, Category, ClientConnection
from core.exchange.streams.market_streams import unserved
from core.exchange.streams.sockets import FUTURES_RULES, SPOT_RULES, Socket
from core.exchange.streams.user_streams import UserStreams

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class StreamServer:
    """The market stream endpoints of spot, or of USDⓈ-M.

    `/ws`, `/ws/<stream>` and `/stream?streams=a/b` are spot's. USDⓈ-M has the same below `/public`
    and `/market`, where each carries its own kinds of stream only, and `/private` for the events of
    an account. A stream that another category carries, or of a market that is not there, is
    acknowledged and stays silent, as on Binance. What is not served at all is refused, in the
    address as in SUBSCRIBE: acknowledged, it would look like a quiet market. Without a category
    USDⓈ-M carries what `/public` does, as Binance since April 2026; the others are refused there.
    """

    def __init__(self, venue: MarketQuotes, audience: Audience, users: UserStreams) -> None:
        self._venue = venue
        self._clock = venue.clock
        self._audience = audience
        self._users = users

    def routes(self, *, perpetual: bool) -> list[web.RouteDef]:
        """The endpoints of USDⓈ-M where `perpetual`, else of spot."""
        if not perpetual:
            return self._market_routes("", Category.SPOT)
        private = self._private
        return [
            *self._market_routes("", Category.UNROUTED),
            *self._market_routes("/public", Category.PUBLIC),
            *self._market_routes("/market", Category.MARKET),
            web.get("/private/ws", private),
            web.get("/private/ws/{key}", private),
            web.get("/private/stream", private),
        ]

    def _market_routes(self, prefix: str, category: Category) -> list[web.RouteDef]:
        raw = self._handler(category, combined=False)
        return [
            web.get(f"{prefix}/ws", raw),
            web.get(f"{prefix}/ws/{{streams:.*}}", raw),
            web.get(f"{prefix}/stream", self._handler(category, combined=True)),
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
            text = request.match_info.get("streams") or request.query.get("streams", "")
            # A number is no stream: clients tell their connections apart by it, as in `/ws/0`.
            names = [name for name in text.split("/") if name and not name.isdecimal()]
            if problem := self._refused(category, names):
                answer = {"code": 2, "msg": f"Invalid request: {problem}"}
                return web.json_response(answer, status=400)
            rules = SPOT_RULES if category is Category.SPOT else FUTURES_RULES
            socket = Socket(request, self._clock, rules)
            await socket.open()
            await self._attend(ClientConnection(socket, category, combined=combined), names)
            return socket.web

        return serve

    async def _attend(self, connection: ClientConnection, streams: list[str]) -> None:
        """Serve a connection until it ends, subscribed to `streams` from the start."""
        self._audience.subscribe(connection, streams)
        await self._audience.attend(connection, lambda text: self._hear(connection, text))

    def _refused(self, category: Category, streams: Iterable[str]) -> str | None:
        """Why a connection of that category cannot have these streams; None if it can."""
        named = set(streams)
        if len(named) > MAX_STREAMS:
            return f"too many streams, the limit is {MAX_STREAMS}"
        if category is Category.PRIVATE:  # they are listen keys
            return None
        for name in sorted(named):
            if problem := unserved(self._venue, category, name):
                return problem
        return None

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
                elif refused := self._refused(connection.category, {*connection.streams, *params}):
                    connection.reply(_refusal(number, f"Invalid request: {refused}"))
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
