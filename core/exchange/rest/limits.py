"""The request limits of the exchange, by weight and minute, and the ban that follows on more."""

from __future__ import annotations

from collections import deque

from core.exchange.errors import ExchangeError
from core.exchange.market.clock import ExchangeClock
from core.market.candles.timeframes import MINUTE

_WARNINGS = 10  # requests refused with 429 before the ban
_BAN = 2 * MINUTE


class RateLimit:
    """Request weight and order counts of one market type, in real time.

    Binance counts by address and by account; on loopback all clients share one address.
    """

    def __init__(self, clock: ExchangeClock, weight: int, orders: int) -> None:
        """`weight` a minute, and `orders` in ten seconds."""
        self._clock = clock
        self._weight = weight
        self._orders = orders
        self._minute = 0
        self._used = 0
        self._refused = 0
        self._banned_until: float | None = None
        self._placed: deque[float] = deque()

    def charge(self, weight: int) -> None:
        """Count a request.

        Raises:
            ExchangeError: 429 above the limit, 418 for who goes on regardless; each with
                Retry-After.
        """
        elapsed = self._clock.elapsed()
        if self._banned_until is not None:
            if elapsed < self._banned_until:
                raise banned(self._banned_until - elapsed, self._clock)
            self._banned_until = None
        minute = int(elapsed // MINUTE)
        if minute != self._minute:
            self._minute, self._used, self._refused = minute, 0, 0
        self._used += weight
        if self._used <= self._weight:
            return
        self._refused += 1
        if self._refused > _WARNINGS:
            self._banned_until = elapsed + _BAN
            raise banned(_BAN, self._clock)
        raise too_many_requests((minute + 1) * MINUTE - elapsed, self._weight)

    def charge_order(self) -> None:
        """Count an order; -1015 above the limit."""
        now = self._clock.elapsed()
        self._placed.append(now)
        while self._placed[0] <= now - 10_000:
            self._placed.popleft()
        if len(self._placed) > self._orders:
            limit = f"current limit is {self._orders} orders per 10 SECOND."
            raise ExchangeError(-1015, f"Too many new orders; {limit}", 429, {"Retry-After": "10"})

    def headers(self, *, order: bool) -> dict[str, str]:
        """What every answer tells about the limits."""
        used = {"X-MBX-USED-WEIGHT": str(self._used), "X-MBX-USED-WEIGHT-1M": str(self._used)}
        return used | ({"X-MBX-ORDER-COUNT-10S": str(len(self._placed))} if order else {})


def too_many_requests(left: float, limit: int) -> ExchangeError:
    """429: come back in `left` real ms."""
    problem = f"Too many requests; current limit is {limit} request weight per 1 MINUTE."
    return _refused(429, problem, "polling the API", left)


def banned(left: float, clock: ExchangeClock) -> ExchangeError:
    """418: the address is banned for `left` real ms."""
    until = clock.now() + int(left * clock.speed)
    problem = f"Way too much request weight used; IP banned until {until}."
    return _refused(418, problem, "bans", left)


def _refused(status: int, problem: str, avoid: str, left: float) -> ExchangeError:
    message = f"{problem} Please use WebSocket Streams for live updates to avoid {avoid}."
    return ExchangeError(-1003, message, status, {"Retry-After": str(max(1, round(left / 1000)))})
