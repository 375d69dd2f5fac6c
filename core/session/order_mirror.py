"""Sends a session's fills as orders to a venue, without the session ever waiting for it.

The session fills by its own rules. What its journal then says is to be ordered is sent from a task
of its own, one order after the other; each answer goes back to the session's journal before the
next order is sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from math import ceil
from typing import Protocol

from core.journal.records import OrderAnswered
from core.journal.session_journal import SessionJournal
from core.market.tasks import cancelled
from core.session.log_messages import tell_order
from core.session.snapshot import Level
from core.text import number
from core.trading.order_executor import OrderExecutor
from core.trading.orders import Execution, VenueOrder

_logger = logging.getLogger(__name__)

_MIND_EVERY = 30.0  # seconds between two looks at keys that do not work

_NOTHING_OPEN = "not sent: nothing was opened on the testnet that it could close"


class NoDeskError(Exception):
    """A session's orders can be sent nowhere; the message says why and what to do."""


class Route(Protocol):
    """Where a session's orders go."""

    def desk(self, symbol: str) -> OrderExecutor:
        """Who executes orders of a symbol.

        Raises:
            NoDeskError: nobody does.
        """
        ...

    async def trouble(self) -> str | None:
        """Why no order of the session could be executed now; None where one may be.

        The venue is asked, which changes nothing there. Where it does not answer, nobody knows.
        """
        ...

    def watch(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Have `changed` called when `trouble` may answer otherwise; the result ends that."""
        ...


class OrderMirror:
    """The way of one session's orders to a venue and back. Does nothing for a simulated one.

    `trouble` is why its orders cannot be executed, for as long as that is so: keys that are gone or
    that the venue refuses. It is looked for at the beginning and after a refusal, until it is over.
    `patience`: seconds for which the end of the session waits for answers. `log` tells at once;
    what has to be durable first is told by `journal`.
    """

    def __init__(
        self,
        session: SessionJournal,
        route: Route | None,
        clock: Callable[[], int],
        log: Callable[[Level, str], None],
        wake: Callable[[], None],
        patience: float,
    ) -> None:
        """`wake` has the session come to its next commit."""
        self._session = session
        self._book = session.orders
        self._route = route
        self._clock = clock
        self._log = log
        self._wake = wake
        self._patience = patience
        self._leverage = ceil(session.config.leverage)
        # No order is sent before the answer to the one before is durable, so that of all orders of
        # an earlier life only the oldest without an answer can have gone out.
        self._perhaps_sent = next((order.number for order in self._book.waiting()), None)
        self._durable = 0
        self._answers: list[OrderAnswered] = []  # that are not durable yet
        self._written = 0  # how many of them wait in the journal for its commit
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self.trouble: str | None = None
        self._minding: asyncio.Task[None] | None = None
        self._look = asyncio.Event()
        self._forget: Callable[[], None] = lambda: None

    def begin(self) -> None:
        """Say at once if no orders can be sent, and why."""
        if self._route is None:
            return
        for symbol in self._session.config.symbols:
            try:
                self._route.desk(symbol)
            except NoDeskError as error:
                self._take_trouble(str(error))
                break
        self._forget = self._route.watch(self._look.set)
        name = f"keys of {self._session.record.id}"
        self._minding = asyncio.create_task(self._mind(self._route), name=name)

    async def _mind(self, route: Route) -> None:
        """Ask the venue until nothing is wrong, and again when something may be."""
        while True:
            self._look.clear()
            try:
                trouble = await route.trouble()
            except Exception as error:  # the session goes on
                _logger.exception("keys of session %s", self._session.record.id)
                trouble = f"{type(error).__name__}: {error}"
            self._take_trouble(trouble)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if trouble is None else _MIND_EVERY):
                    await self._look.wait()

    def _take_trouble(self, trouble: str | None) -> None:
        if trouble == self.trouble:
            return
        self.trouble = trouble
        if trouble is None:
            self._log(Level.INFO, "orders are sent to the testnet again")
        else:
            self._log(Level.WARNING, f"no orders are sent to the testnet: {trouble}")
        self._wake()

    def journal(self, tell: Callable[[Level, str], None]) -> None:
        """Put the answers that have come into the journal, and tell them once that is durable."""
        for answer in self._answers[self._written :]:
            order = self._book.orders[answer.number - 1]
            self._session.append(answer)
            tell(*tell_order(order, answer.execution))
        self._written = len(self._answers)

    def release(self) -> None:
        """Everything in the journal is durable: its orders may be sent."""
        del self._answers[: self._written]
        self._written = 0
        self._durable = len(self._book.orders)
        self._news.set()
        if self._closed or self._route is None:
            return
        if self._task is None and self._book.waiting():
            self._task = asyncio.create_task(
                self._send_all(self._route), name=f"orders of {self._session.record.id}"
            )

    async def finish(self, commit: Callable[[], Awaitable[None]]) -> None:
        """Wait a while for the answers still missing, and say what is left open on the venue."""
        deadline = asyncio.get_running_loop().time() + self._patience
        while self.unsettled() and asyncio.get_running_loop().time() < deadline:
            if not self._answers:
                self._news.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(deadline):
                        await self._news.wait()
            await commit()
        await self.close()
        if left := self._book.waiting():
            names = ", ".join(order.id for order in left)
            self._log(
                Level.WARNING,
                f"unsettled at the end, and perhaps executed on the testnet: {names}",
            )
        for symbol, quantity in self._book.open_positions().items():
            self._log(
                Level.WARNING,
                f"{symbol}: the testnet account still holds the session's position of "
                f"{number(quantity)}; close it there, or stop with --flatten next time",
            )

    async def close(self) -> None:
        """Send nothing more. What is on its way is asked for when the session is taken up again."""
        self._closed = True
        self._forget()
        tasks, self._task, self._minding = (self._task, self._minding), None, None
        for task in filter(None, tasks):
            await cancelled(task)

    def unsettled(self) -> bool:
        """Whether answers are missing that may still come."""
        sending = self._task is not None and not self._task.done()
        return sending and bool(self._book.waiting())

    async def _send_all(self, route: Route) -> None:
        try:
            while True:
                order = await self._next()
                execution = await self._execute(route, order)
                self._answers.append(OrderAnswered(order.number, self._clock(), execution))
                if execution.quantity:
                    self._take_trouble(None)
                elif (
                    execution.quantity == 0
                    and execution.why != _NOTHING_OPEN
                    and self.trouble is None
                ):
                    self._look.set()
                self._news.set()
                self._wake()
        except Exception as error:  # the session goes on, and its owner has to know
            _logger.exception("orders of session %s", self._session.record.id)
            words = f"{type(error).__name__}: {error}"
            self._log(Level.ERROR, f"no more orders are sent to the testnet ({words})")

    async def _next(self) -> VenueOrder:
        """The oldest order that is durable and not answered, once earlier answers are durable."""
        while True:
            for order in [] if self._answers else self._book.waiting():
                if order.number <= self._durable:
                    return order
            self._news.clear()
            await self._news.wait()

    async def _execute(self, route: Route, order: VenueOrder) -> Execution:
        """What came of an order."""
        sent = order.number == self._perhaps_sent
        try:
            desk = route.desk(order.symbol)
        except NoDeskError as error:
            if sent:
                return Execution(None, why=f"whether it was executed cannot be asked: {error}")
            return Execution.none(f"not sent: {error}")
        quantity = self._book.quantity(order)
        if quantity is None:
            return Execution.none(_NOTHING_OPEN)

        def tell(words: str) -> None:
            self._log(Level.WARNING, f"{order.symbol}: testnet order {order.id}: {words}")

        return await desk.execute(order, quantity, self._leverage, sent=sent, tell=tell)
