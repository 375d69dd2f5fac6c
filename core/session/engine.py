"""One living session: feed → candle → signals → step → journal → what may be shown.

An engine is one coroutine. Nothing it has decided can be seen from outside, in its log or in its
account, before it is durable.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from core.journal.records import Commanded, Returned, Stopped
from core.journal.session_journal import SessionJournal
from core.journal.values import FeedKind, SessionState
from core.market.feeds.feed import Ended, Feed, FeedError, PriceSeen, UnavailableError
from core.market.tasks import is_own_end
from core.session.feed_handler import BY_HAND, SCHEDULED, FeedHandler, stopped_by
from core.session.log_messages import state_text
from core.session.order_mirror import OrderMirror, Route
from core.session.recovery import RecoveredState
from core.session.session_queue import Item, SessionCommand, SessionQueue, Tick
from core.session.snapshot import Level
from core.session.startup import SessionStartup
from core.store.journal_file import JournalError
from core.trading.values import Side

_logger = logging.getLogger(__name__)

_BATCH = 0.2  # seconds of work that may be committed together, at least
_REPLAY_BATCH = 1.0  # of a replay at full speed, which nobody waits for candle by candle
_LONGEST_BATCH = 2.0  # where the disk is slow: no more time goes into commits than into work
_GRACE = 15_000  # ms after a planned end in which the last candle may still come
_FLATTEN_WAIT = 20.0  # seconds a stop waits for a price to close positions at
_RETRY = 10.0  # seconds between attempts to take a feed up again

_LOUDNESS = {SessionState.STALE: Level.WARNING, SessionState.ERROR: Level.ERROR}

_T = TypeVar("_T")
_Told = list[tuple[Level, str]]


async def _at_once() -> None:
    """Wait for no turn."""


@dataclass(frozen=True, slots=True)
class EngineContext:
    """What an engine is given beside its session: clocks, and where to tell what happens.

    `clock` is the host's (UTC ms); `safe` makes an error's words fit to be shown; `turn` is awaited
    before work, so that many sessions woken by one moment do not hold the loop together; `sleep`
    and `monotonic` (seconds) are for waiting. `route` is where its orders go, if they go anywhere,
    and `orders_wait` for how many seconds its end waits for their answers.
    """

    clock: Callable[[], int]
    log: Callable[[Level, str], None]
    safe: Callable[[str], str] = str
    turn: Callable[[], Awaitable[None]] = _at_once
    sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep
    monotonic: Callable[[], float] = time.monotonic
    route: Route | None = None
    orders_wait: float = 20.0


class Engine:
    """One session, from its start (or its `recovered`) to its end.

    `handler` is None until the session's inputs are known.
    """

    def __init__(
        self,
        session: SessionJournal,
        feed: Feed,
        context: EngineContext,
        recovered: RecoveredState | None = None,
    ) -> None:
        self.record = session.record
        self.config = session.config
        self.feed = feed
        self.state = SessionState.STARTING
        self.reason: str | None = None
        self.ended_at: int | None = None
        self.waiting_for_venue = False  # before it can take commands
        self.durable = True  # whether the journal has taken everything so far
        self.handler: FeedHandler | None = None
        self.returns: list[Returned] = [] if recovered is None else recovered.returns
        self.orders = session.orders
        self._session = session
        self._context = context
        self._recovered = recovered
        self._queue = SessionQueue()
        self._mirror = OrderMirror(
            session,
            context.route,
            context.clock,
            context.log,
            self._queue.nudge,
            context.orders_wait,
        )
        self._unpaced = self.record.feed is FeedKind.REPLAY and self.record.speed is None
        self._flattening_since: float | None = None
        self._commit_took = 0.0  # seconds, the last time
        self._stopped_by = BY_HAND
        self._leaving = False
        self._over = False
        self._past_known = asyncio.Event()  # and durable, or never to be: it is over
        if recovered is None:
            self._past_known.set()
        self._untold: _Told = []
        self._looks: list[Callable[[], None]] = []  # to be taken once everything is durable

    # ── From outside ──

    async def command(
        self,
        do: str,
        *,
        symbol: str | None = None,
        flatten: bool = False,
        scheduled: bool = False,
        side: Side | None = None,
    ) -> bool:
        """Have something done (`Commanded`), or `leave`; whether it was, once durable.

        It is not where the session ended or was left before its turn came. `leave` ends the engine
        and not the session: another host will take it up. `scheduled`: a job stops it at its end.

        Raises:
            RefusedCommandError: an entry that cannot be, as the session stands.
        """
        if self._over or self.state.ended:
            return self._ended_as(do)
        return await self._queue.ask(do, symbol, flatten, scheduled, side)

    def tick(self) -> None:
        """Let the engine look at the clock."""
        if self.handler is not None:
            self._queue.nudge()

    def now(self) -> int:
        """The feed's clock, UTC ms, which is the machine's until the venue has told its time.

        Then it may lie behind the candles already decided on, and the session never goes back. A
        replay reads its file ahead: its session is where it has decided.
        """
        if self.handler is None:
            return self.feed.now()
        decided = self.handler.runner.forming or self.handler.since
        ahead = self.record.feed is FeedKind.REPLAY
        return decided if ahead else max(self.feed.now(), decided)

    async def once_durable(self, look: Callable[[], _T]) -> _T:
        """What `look` finds at the first moment at which everything decided is durable.

        Raises:
            JournalError: the engine has ended, and what it decided last could not be written.
        """
        found: asyncio.Future[_T] = asyncio.get_running_loop().create_future()

        def take() -> None:
            if found.done():  # who asked listens no more
                return
            try:
                if self.handler is not None and not self.handler.settled:
                    raise JournalError("what the session decided last cannot be written down")
                found.set_result(look())
            except Exception as error:  # noqa: BLE001  it is theirs who asked
                found.set_exception(error)

        self._looks.append(take)
        if self.handler is None or self.handler.settled or self._over:
            self._take_looks()
        return await found

    def _take_looks(self) -> None:
        looks, self._looks = self._looks, []
        for take in looks:
            take()

    @property
    def unread(self) -> bool:
        """Whether it has a past that it has not come to yet: nothing of its account is known."""
        return self.handler is None and self._recovered is not None

    async def past_known(self) -> None:
        """Return once it is `unread` no more, or is over. No venue is waited for."""
        await self._past_known.wait()

    @property
    def trouble(self) -> str | None:
        """Why its orders cannot be executed on the venue, for as long as that is so."""
        trouble = self._mirror.trouble
        return None if trouble is None else self._context.safe(trouble)

    @property
    def stand_ins(self) -> tuple[str, ...]:
        """What stands in for its streams or its venue, and why, for as long as it does."""
        found = [] if self.handler is None else [*self.handler.health.polled.values()]
        if self.trouble is not None:
            found.append(
                f"asked for {self.record.broker_asked}, runs simulated for now: {self.trouble}"
            )
        return tuple(dict.fromkeys(map(self._context.safe, found)))

    @property
    def passing_notices(self) -> tuple[str, ...]:
        """What else its owner should know for as long as it is so."""
        if self.handler is None:
            return ()
        return tuple(
            f"entries of {symbol} are blocked by hand" for symbol in self.handler.runner.blocked
        )

    @property
    def planned_end(self) -> int | None:
        """When the session ends by itself, on the feed's clock."""
        return self.record.until if self.handler is None else self.handler.end

    # ── Life ──

    async def live(self) -> None:
        """Run until the session ends or is left. Errors become its state, not exceptions."""
        pump: asyncio.Task[None] | None = None
        self._mirror.begin()
        try:
            if await self._prepared():
                pump = asyncio.create_task(self._queue.listen(self.feed))
                await self._work()
            if not self._leaving:
                why = None if self.handler is None else self.handler.stop_why
                await self._end(
                    SessionState.STOPPED, why or f"{self._stopped_by} before it had begun"
                )
        except JournalError as error:
            self._fail(str(error))
        except FeedError as error:
            await self._end_in_error(str(error))
        except BaseException as error:  # one session's fault must not end the others
            if is_own_end(error):
                raise
            _logger.exception("session %s", self.record.id)
            await self._end_in_error(f"{type(error).__name__}: {error}")
        finally:
            self._past_known.set()
            if pump is not None:
                pump.cancel()
            await self._mirror.close()
            try:
                await self.feed.close()
            except Exception:  # what it was for is over
                _logger.exception("session %s: its feed does not close", self.record.id)
            self._over = True
            self._take_looks()
            self._queue.close(self.durable, self._ended_as)

    async def _prepared(self) -> bool:
        """Get ready to take in what the feed says; False where someone said to stop meanwhile."""
        preparing = asyncio.ensure_future(self._begin())
        interrupted = asyncio.ensure_future(self._queue.interrupted.wait())
        try:
            await asyncio.wait({preparing, interrupted}, return_when=asyncio.FIRST_COMPLETED)
            if preparing.done():
                preparing.result()
                return True
            dropped = self._queue.drop()
            self._leaving = any(item.do == "leave" for item in dropped)
            if any(item.scheduled for item in dropped):
                self._stopped_by = SCHEDULED
            if self.handler is not None:
                self.handler.stop_why = self.handler.stop_why or self._stopped_by
            return False
        finally:
            interrupted.cancel()
            preparing.cancel()
            await asyncio.gather(preparing, interrupted, return_exceptions=True)

    async def _begin(self) -> None:
        """Begin the session, or take it up where its journal ends, and follow its markets."""
        startup = SessionStartup(self._session, self.feed, self._context.clock, self._tell)
        recovered = self._recovered
        if recovered is None:
            self._enter(SessionState.WARMING_UP)
            self.handler, after = await self._once_reached(startup.anew)
            await self._commit()
            await self._once_reached(lambda: startup.follow(after))
            self._show_progress()
            return
        handler, returned = await startup.again(recovered)
        self.handler = handler
        self.returns.append(returned)
        if recovered.stopping is not None:
            self._begin_stop(flatten=recovered.stopping.flatten)
        await self._commit()
        self._past_known.set()
        self._show_progress()
        while not self._finished():
            try:
                await startup.follow(handler.last_candle)
            except FeedError as error:
                await self._wait_for_venue(f"the feed cannot be taken up again: {error}")
            else:
                self.waiting_for_venue = False
                handler.away_until = self.feed.now()
                self._show_progress()
                return

    async def _once_reached(self, ask: Callable[[], Awaitable[_T]]) -> _T:
        """What the venue answers, asked again and again while it does not.

        Raises:
            FeedError: it answers, and cannot give what was asked of it.
        """
        while True:
            try:
                found = await ask()
            except UnavailableError as error:
                await self._wait_for_venue(f"{error}; it is tried again every {_RETRY:.0f} s")
            else:
                self.waiting_for_venue = False
                return found

    async def _wait_for_venue(self, why: str) -> None:
        self.waiting_for_venue = True
        self._enter(SessionState.STALE, why)
        self._tell_all()
        await self._context.sleep(_RETRY)

    async def _work(self) -> None:
        """Take in what comes, and commit what was made of it before anything of it is shown."""
        while not self._leaving and not self._finished():
            item = await self._queue.next()
            batch = _REPLAY_BATCH if self._unpaced else _BATCH
            until = self._context.monotonic() + min(max(batch, self._commit_took), _LONGEST_BATCH)
            while True:
                await self._context.turn()
                self._take(item)
                # A fill by a price is durable before the candle that would fill it otherwise.
                filled = isinstance(item, PriceSeen) and not self._ready().settled
                if filled or self._leaving or self._finished():
                    break
                if self._unpaced and not self._queue:
                    await asyncio.sleep(0)  # in which the feed puts what it has
                if not self._queue or self._context.monotonic() >= until:
                    break
                item = self._queue.next_at_once()
            began = self._context.monotonic()
            await self._commit()
            self._commit_took = self._context.monotonic() - began
            self._show_progress()
            self._queue.committed()

    def _take(self, item: Item) -> None:
        handler = self._ready()
        match item:
            case SessionCommand():
                self._obey(handler, item)
            case Tick():
                self._look_at_the_clock(handler)
            case Ended(why):
                if self.record.feed is not FeedKind.REPLAY:
                    raise FeedError(f"the feed ended: {why}")
                handler.no_more_candles()
                handler.stop_why = handler.stop_why or why
                self._flattening_since = None
            case _:
                handler.take(item)

    def _ready(self) -> FeedHandler:
        if self.handler is None:
            raise RuntimeError("the feed spoke before the session had begun")
        return self.handler

    # ── What is asked ──

    def _obey(self, handler: FeedHandler, command: SessionCommand) -> None:
        do, runner, symbol, side = command.do, handler.runner, command.symbol, command.side
        if symbol is not None and side is not None and (why := runner.enter(symbol, side)):
            command.refuse(why)
            return
        self._queue.obeyed(command)
        if do == "leave":
            self._leaving = True
            return
        self._session.append(
            Commanded(
                self._context.clock(),
                runner.moment_time,
                do,
                symbol,
                command.flatten,
                command.scheduled,
                side,
            )
        )
        handler.settled = False
        if do == "stop":
            if command.flatten:
                runner.pause(True)
                runner.flatten(None)
            self._begin_stop(flatten=command.flatten, why=stopped_by(command.scheduled))
        elif do == "flatten":
            asked = ", ".join(runner.flatten(symbol)) or "nothing"
            self._tell(Level.INFO, f"asked to close {asked} at the next price")
        elif do == "enter":
            self._tell(Level.INFO, f"asked by hand to enter {symbol} {side} at the next price")
        else:
            runner.pause(do == "pause", symbol)
            allowed = "blocked" if do == "pause" else "allowed"
            of = "" if symbol is None else f" of {symbol}"
            self._tell(Level.INFO, f"entries{of} are {allowed}")

    def _begin_stop(self, *, flatten: bool = False, why: str = BY_HAND) -> None:
        """Stop, now or (with `flatten`) as soon as prices have closed what is open."""
        handler = self._ready()
        if flatten and not handler.runner.flat:
            handler.closing = True
            self._flattening_since = self._context.monotonic()
            self._enter(SessionState.STOPPING, "closing the open positions at the next price")
        else:
            handler.stop_why = handler.stop_why or why

    def _finished(self) -> bool:
        """Whether the session has nothing more to wait for."""
        handler = self._ready()
        if handler.stop_why is not None:
            return True
        if self._flattening_since is None:
            return False
        handler.end_if_closed()
        waited = self._context.monotonic() - self._flattening_since
        if handler.stop_why is None and waited > _FLATTEN_WAIT:
            handler.stop_why = f"{BY_HAND}; no price came to close the open positions at"
        return handler.stop_why is not None

    def _look_at_the_clock(self, handler: FeedHandler) -> None:
        end = self.planned_end
        grace = min(_GRACE, self.config.timeframe.ms // 2)
        if end is not None and handler.stop_why is None and self.now() > end + grace:
            handler.stop_why = SCHEDULED

    # ── What is shown ──

    def _show_progress(self) -> None:
        """Enter the state that a session is in between its beginning and its stopping."""
        handler = self._ready()
        if self._flattening_since is not None or handler.stop_why is not None:
            return
        runner = handler.runner
        start, forming = runner.decide_from, runner.forming
        if start is not None and (forming is None or forming < start):
            self._enter(SessionState.WARMING_UP)
        elif handler.health.stale:
            self._enter(SessionState.STALE, "; ".join(handler.health.stale.values()))
        elif self.record.feed is not FeedKind.REPLAY and handler.overdue(self.feed.now()):
            self._enter(SessionState.STALE, "the next candle is overdue")
        elif runner.account.entries_paused:
            self._enter(SessionState.PAUSED)
        else:
            self._enter(SessionState.RUNNING)

    def _enter(self, state: SessionState, reason: str | None = None) -> None:
        reason = None if reason is None else self._context.safe(reason)
        if state is not self.state:
            self._tell(_LOUDNESS.get(state, Level.INFO), state_text(state, reason))
        self.state, self.reason = state, reason

    def _tell(self, level: Level, text: str) -> None:
        self._untold.append((level, text))

    def _tell_all(self) -> None:
        told, self._untold = self._untold, []
        for level, text in told:
            self._context.log(level, text)

    async def _commit(self) -> None:
        self._mirror.journal(self._tell)
        await self._session.commit()
        self._mirror.release()
        if self.handler is not None:
            self.handler.settled = True
        self._tell_all()
        self._take_looks()  # here, for the next decision may come before who waits has its turn

    # ── The end ──

    async def _end(self, state: SessionState, why: str) -> None:
        last = None if self.handler is None else self.handler.runner.moment_time
        if self._mirror.unsettled():
            self._enter(SessionState.STOPPING, "waiting for the testnet's answers")
            self._tell_all()
        await self._mirror.finish(self._commit)
        self._session.append(Stopped(self._context.clock(), self.now(), last, state.value, why))
        await self._commit()
        self.ended_at = self.now()
        self._enter(state, why)
        self._tell_all()

    async def _end_in_error(self, words: str) -> None:
        why = self._context.safe(words)
        if self.unread:  # an end of what nobody knows would be the end of an empty account
            self._fail(why)
            return
        try:
            await self._end(SessionState.ERROR, why)
        except JournalError as error:
            self._fail(f"{why}; and {error}")

    def _fail(self, why: str) -> None:
        """The journal cannot be written, or be gone on with: what is not durable is never told."""
        self._untold.clear()
        self.durable = False
        self.ended_at = self.now()
        self._enter(SessionState.ERROR, why)
        self._tell_all()

    def _ended_as(self, do: str) -> bool:
        """Whether what a command that nobody took in is for has come about all the same."""
        return do == "stop" and self.state.ended and self.durable
