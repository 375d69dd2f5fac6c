"""One WebSocket: kept alive by pings, held to its message limits, and ended after its time."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import WSCloseCode, WSMsgType, web

from core.exchange.market.clock import ExchangeClock
from core.market.candles.timeframes import DAY, MINUTE


@dataclass(frozen=True, slots=True)
class SocketRules:
    """What a connection has to keep to, in real time."""

    ping_every: int  # ms
    pong_within: int  # ms
    messages_per_second: int  # from the client, pings and pongs included
    life: int = DAY  # ms


SPOT_RULES = SocketRules(20_000, MINUTE, 5)
FUTURES_RULES = SocketRules(3 * MINUTE, 10 * MINUTE, 10)


class Socket:
    """One WebSocket from handshake to end: pings, its 24 hours, and its message rate."""

    def __init__(self, request: web.Request, clock: ExchangeClock, rules: SocketRules) -> None:
        # No compression: loopback has room, and a quote compressed for each listener costs a core.
        self.web = web.WebSocketResponse(autoping=False, compress=False, max_msg_size=1 << 20)
        self._request = request
        self._clock = clock
        self._rules = rules
        self._unanswered: float | None = None  # when the oldest ping without a pong was sent
        self._heard: deque[float] = deque()

    async def open(self) -> None:
        """Shake hands."""
        await self.web.prepare(self._request)

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye; a client that does not answer is let go all the same."""
        with contextlib.suppress(ConnectionError, TimeoutError):
            await asyncio.wait_for(self.web.close(code=code, message=reason.encode()), timeout=2)
        self.abort()

    def abort(self) -> None:
        """Cut the line without a word."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def listen(self, hear: Callable[[str], None]) -> None:
        """Hand every text to `hear` until the connection ends; guard it meanwhile."""
        guard = asyncio.create_task(self._guard())
        try:
            async for message in self.web:
                if self._too_many():
                    await self.close(WSCloseCode.POLICY_VIOLATION, "Too many requests")
                    return
                if message.type is WSMsgType.TEXT:
                    hear(message.data)
                elif message.type is WSMsgType.PING:
                    await self.web.pong(message.data)
                elif message.type is WSMsgType.PONG:
                    self._unanswered = None
        except ConnectionError:
            return  # the client is gone: nothing is left to say to it
        finally:
            guard.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await guard

    async def _guard(self) -> None:
        rules, born = self._rules, self._clock.elapsed()
        with contextlib.suppress(ConnectionError):
            while not self.web.closed:
                age = self._clock.elapsed() - born
                await self._clock.pause(min(rules.ping_every, rules.life - age))
                now = self._clock.elapsed()
                if now - born >= rules.life:
                    await self.close(WSCloseCode.GOING_AWAY, "24 hours have passed")
                elif self._unanswered is not None and now - self._unanswered >= rules.pong_within:
                    await self.close(WSCloseCode.POLICY_VIOLATION, "Pong timeout")
                else:
                    if self._unanswered is None:
                        self._unanswered = now
                    await self.web.ping(str(self._clock.now()).encode())

    def _too_many(self) -> bool:
        now = self._clock.elapsed()
        self._heard.append(now)
        while self._heard[0] <= now - 1000:
            self._heard.popleft()
        return len(self._heard) > self._rules.messages_per_second
