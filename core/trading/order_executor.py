"""Executes an order exactly once, whatever goes wrong between here and the venue.

An order is sent again only when the venue says that it has none of that ID, and only once the
earlier request is too old for the venue to take it any more.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from math import isclose
from typing import Any

from core.market.retry import Backoff
from core.trading.order_client import (
    RECEIVE_WINDOW,
    ClockError,
    LaterError,
    NotSentError,
    OrderClient,
    OrderError,
    RefusedError,
    UnsureError,
)
from core.trading.orders import Execution, VenueOrder
from core.trading.venue_answers import OrderState
from core.trading.venue_hosts import ForbiddenAddressError

_TOO_OLD = RECEIVE_WINDOW / 1_000 + 2  # seconds; a clock may be ahead by one
_ROUNDED = 1e-3  # by which what an order came to may differ from the sum of its executions
_NO_POSITION = -2022
_REJECTED = -2010  # for one of many reasons, which only its words tell
_RESET = (
    "the testnet may have been reset, which takes balances, positions and orders away (about once "
    "a month, unannounced)"
)


@dataclass(slots=True)
class OrderExecutor:
    """Executes orders on one account of a test venue. Several sessions may share it."""

    client: OrderClient
    sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep
    monotonic: Callable[[], float] = time.monotonic
    _leverages: dict[str, int] = field(default_factory=dict)  # as last set, by symbol

    async def execute(
        self,
        order: VenueOrder,
        quantity: float,
        leverage: int,
        *,
        sent: bool,
        tell: Callable[[str], None],
    ) -> Execution:
        """Have `quantity` of an order executed once; returns when it is known what came of it.

        `sent`: a request for it may have gone out in an earlier life, so the venue is asked first.
        `tell` is told why it takes long.
        """
        return await _Order(self, order, quantity, leverage, tell).execute(sent)

    def reset(self) -> None:
        """The venue seems to have forgotten everything: also what it was told beforehand."""
        self._leverages.clear()

    async def prepare(self, symbol: str, leverage: int) -> None:
        """Set a perpetual's margin and leverage, unless they are so already."""
        if self.client.perpetual and self._leverages.get(symbol) != leverage:
            await self.client.prepare(symbol, leverage)
            self._leverages[symbol] = leverage


class _Order:
    """One order on its way."""

    def __init__(
        self,
        desk: OrderExecutor,
        order: VenueOrder,
        quantity: float,
        leverage: int,
        tell: Callable[[str], None],
    ) -> None:
        self._desk = desk
        self._order = order
        self._quantity = quantity
        self._leverage = leverage
        self._tell = tell
        self._told: str | None = None
        self._sent_at: float | None = None
        self._latency: int | None = None
        self._acknowledged: float | None = None  # when the venue first told of it
        self._unfilled: OrderState | None = None  # as it was told when it was sent
        self._rejected: str | None = None  # not by the venue's own word
        self._delays = Backoff(0.25, 30.0)

    async def execute(self, sent: bool) -> Execution:
        if sent:
            self._sent_at = self._desk.monotonic()
        while True:
            placing = self._sent_at is None
            try:
                execution = await (self._place() if placing else self._look())
                if execution is not None:
                    return execution
                if not placing and self._sent_at is None:
                    continue
            except ForbiddenAddressError as error:
                if self._sent_at is None:
                    return Execution.none(str(error))
                if not placing:
                    return Execution(None, why=str(error))
                self._say(f"{error}; the venue will be asked whether it was executed")
            except RefusedError as error:
                if self._turned_away(placing) and "duplicate" not in str(error).lower():
                    if error.code is not None or isinstance(error, NotSentError):
                        return self._refused(error)
                    self._rejected = str(error)
                self._say(f"whether it was executed is not told ({error})")
            except LaterError as error:
                if self._turned_away(placing) and error.told:
                    self._sent_at = None
                self._say(str(error))
            except ClockError as error:
                if self._turned_away(placing):
                    self._sent_at = None
                self._say(f"the clocks differ ({error})")
                await self._set_clock()
            except UnsureError as error:
                then = "the venue will be asked whether it was executed"
                self._say(f"{error}; {'not sent yet' if self._sent_at is None else then}")
            await self._desk.sleep(self._pause())

    async def _place(self) -> Execution | None:
        """Send it. From the moment of sending on it may be executed, whatever is heard of it."""
        client, order = self._desk.client, self._order
        try:
            quantity = await self._allowed()
            if not order.closes:
                await self._desk.prepare(order.symbol, self._leverage)
        except UnsureError as error:
            # Nothing was sent that could be executed.
            self._say(f"the venue does not answer ({error})")
            return None
        state = await client.place(order, quantity, self._sending)
        assert self._sent_at is not None
        self._latency = round((self._desk.monotonic() - self._sent_at) * 1_000)
        if state.ended and not state.filled:
            self._acknowledge()
            self._unfilled = state
            return None  # so seldom that it is asked for once more
        return await self._outcome(state)

    def _sending(self) -> None:
        self._sent_at = self._desk.monotonic()
        self._delays.reset()

    async def _look(self) -> Execution | None:
        """Ask for it. That the venue has none is believed only once no answer may lag behind.

        It may then be sent (again), unless the venue has told of it before.
        """
        state = await self._desk.client.find(self._order)
        if state is not None:
            self._unfilled = None
            return await self._outcome(state)
        if self._left() >= 0:
            return None
        if self._unfilled is not None:
            return await self._outcome(self._unfilled)
        if self._acknowledged is not None:
            return self._vanished("the venue knows nothing of it any more")
        if self._rejected is not None:
            return Execution.none(self._rejected)
        self._sent_at = None
        return None

    async def _allowed(self) -> float:
        """The quantity the venue lets one order."""
        order = self._order
        filters = await self._desk.client.filters(order.symbol)
        if order.closes and self._desk.client.perpetual:
            filters = replace(filters, min_notional=None)
        quantity = filters.floor_quantity(self._quantity)
        refusal = filters.refusal(quantity, order.price)
        if refusal is not None:
            raise NotSentError(f"not sent: {refusal}")
        return quantity

    async def _outcome(self, state: OrderState) -> Execution | None:
        """What came of it, once the venue is done with it."""
        self._acknowledge()
        if not state.ended:
            return None
        if not state.filled:
            return Execution(
                0.0, venue_id=state.venue_id, time=state.time, latency=self._latency,
                why=f"the venue let it go unfilled ({state.status}): nobody was on the other side",
            )  # fmt: skip
        fills = state.fills or await self._desk.client.fills(self._order, state.venue_id)
        done = sum(fill.quantity for fill in fills)
        if not isclose(done, state.filled):
            raise UnsureError("not all of its executions are told yet")
        cost = sum(fill.quantity * fill.price for fill in fills)
        if state.worth is not None and not isclose(cost, state.worth, rel_tol=_ROUNDED):
            raise UnsureError("its executions came to something else than the venue says it did")
        fees: dict[str, float] = {}
        for fill in fills:
            if fill.fee:
                fees[fill.fee_currency] = fees.get(fill.fee_currency, 0.0) + fill.fee
        return Execution(
            state.filled, cost / done, fees, state.venue_id, state.time, self._latency,
            None if state.complete else f"only a part was filled ({state.status})",
        )  # fmt: skip

    def _refused(self, error: RefusedError) -> Execution:
        no_balance = error.code == _REJECTED and "insufficient balance" in str(error).lower()
        if self._order.closes and (no_balance or error.code == _NO_POSITION):
            return self._vanished(str(error))
        return Execution.none(str(error))

    def _vanished(self, words: str) -> Execution:
        self._desk.reset()
        return Execution.none(f"{words.rstrip('.')}: {_RESET}", gone=True)

    def _turned_away(self, placing: bool) -> bool:
        """Whether an error is about the order itself, and not about a question after it."""
        return placing and self._acknowledged is None

    def _acknowledge(self) -> None:
        if self._acknowledged is None:
            self._acknowledged = self._desk.monotonic()

    def _left(self) -> float:
        """Seconds until the venue is believed that it has no such order; below 0 where it is."""
        since = self._sent_at if self._acknowledged is None else self._acknowledged
        assert since is not None
        return since + _TOO_OLD - self._desk.monotonic()

    def _pause(self) -> float:
        """Seconds until the next try, which is no later than that the venue is believed."""
        delay = self._delays.next()
        left = 0.0 if self._sent_at is None else self._left()
        return min(delay, left + 0.01) if left > 0 else delay

    async def _set_clock(self) -> None:
        try:
            await self._desk.client.set_clock()
        except OrderError as error:
            self._say(str(error))

    def _say(self, words: str) -> None:
        """Tell why it takes long; the same words once."""
        if words != self._told:
            self._told = words
            self._tell(words)
