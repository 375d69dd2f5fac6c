"""What a session fills is ordered on a test venue as well, once each, and never waited for."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.exchange.market.clock import ManualClock
from core.exchange.market.synthetic import SyntheticMarket
from core.exchange.server import EmbeddedExchange
from core.host.living_session import report_of
from core.journal.manifest import EVENTS
from core.journal.session_journal import Storage
from core.journal.values import BrokerKind, FeedKind, Mode, OrderRow, SessionState
from core.journal.versions import SESSION_JOURNAL
from core.market.candles.timeframes import DAY
from core.session.engine import Engine, EngineContext
from core.session.order_mirror import NoDeskError
from core.store.journal_file import read_journal
from core.trading.order_executor import OrderExecutor
from core.trading.values import Fills
from tests.exchange.desks import Desk, executed
from tests.unit.session.scripted import TestFeed
from tests.unit.session.sessions import RSI, Bench, market
from tests.unit.session.test_live_engine import ALWAYS, decided, handler_of, runner_of
from tests.waiting import until

SPOT, PERPETUAL = "BTC/USDT", "BTC/USDT:USDT"
TESTNET: dict[str, Any] = {
    "feed": FeedKind.LIVE,
    "mode": Mode.TESTNET,
    "broker": BrokerKind.TESTNET,
    "broker_asked": BrokerKind.TESTNET,
    "accounts": {"spot": "binance_testnet", "perpetual": "binance_demo"},
    "fills": Fills.MARKET,
    "source": "live",
    "warmup": 200,
}
SMALL = {**ALWAYS, "trade_size_pct": 10}
BOTH_WAYS = {
    **RSI,
    "symbols": [PERPETUAL],
    "direction": "both",
    "leverage": 3,
    "trade_size_pct": 10,
    "indicators": [],
    "entry_conditions": [
        {"indicator": "close", "operator": "gt", "value": "open", "direction": "long"},
        {"indicator": "close", "operator": "lt", "value": "open", "direction": "short"},
    ],
    "exit_conditions": [],
    "stop_loss_pct": 50,
    "take_profit_pct": 90,
}


class Venue:
    """A test venue with one account, and the desks of a host at it."""

    def __init__(self, exchange: EmbeddedExchange) -> None:
        self.exchange = exchange
        self.desks: dict[bool, Desk] = {}
        self.refuses: str | None = None
        self.spot, self.perpetual = exchange.rest_url, exchange.futures_rest_url

    def desk(self, symbol: str) -> OrderExecutor:
        if self.refuses is not None:
            raise NoDeskError(self.refuses)
        perpetual = ":" in symbol
        if perpetual not in self.desks:
            self.desks[perpetual] = Desk(
                self.perpetual if perpetual else self.spot, perpetual=perpetual
            )
        return self.desks[perpetual].desk

    async def trouble(self) -> str | None:
        return self.refuses

    def watch(self, changed: Callable[[], None]) -> Callable[[], None]:
        return lambda: None

    async def close(self) -> None:
        for desk in self.desks.values():
            await desk.client.close()
        self.desks.clear()


@pytest.fixture
async def venue() -> AsyncIterator[Venue]:
    rich = {"USDT": Decimal(10**9)}
    clock, shown = ManualClock(20_755 * DAY), SyntheticMarket(seed=7)
    async with EmbeddedExchange(shown, clock, balances=rich, wallet=rich) as exchange:
        found = Venue(exchange)
        yield found
        await found.close()


class TestnetBench(Bench):
    """A bench whose sessions order on a venue."""

    __test__ = False
    orders_wait = 20.0

    def __init__(self, root: Path, venue: Venue) -> None:
        self.venue = venue
        super().__init__(root)

    def context(self) -> EngineContext:
        return replace(super().context(), route=self.venue, orders_wait=self.orders_wait)


def feed_of(symbol: str = SPOT, known: int = 250) -> TestFeed:
    return TestFeed({symbol: market(400)}, known)


@asynccontextmanager
async def living(engine: Engine) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(engine.live())
    feed = engine.feed
    assert isinstance(feed, TestFeed)
    await until(lambda: len(feed.subscribed) == 1 or task.done())
    try:
        yield task
    finally:
        if not task.done():
            task.cancel()  # as a host that is killed: nothing more is written
            await asyncio.gather(task, return_exceptions=True)


async def enter(engine: Engine, feed: TestFeed, place: int = 250) -> None:
    """Let a candle close that decides an entry, and a price come that fills it."""
    feed.candle(place)
    await until(lambda: (runner_of(engine).moment_time or 0) >= feed.candles[SPOT].at(place).time)
    feed.price(100.0)
    await until(lambda: not runner_of(engine).flat)


async def leave(engine: Engine, feed: TestFeed) -> None:
    """Have the position closed at the next price."""
    await engine.command("flatten")
    feed.price(101.0)
    await until(lambda: runner_of(engine).flat)


def rows(engine: Engine) -> tuple[OrderRow, ...]:
    return engine.orders.rows()


async def answered(engine: Engine, count: int) -> tuple[OrderRow, ...]:
    await until(lambda: sum(row.filled is not None for row in rows(engine)) >= count)
    return rows(engine)


async def settled(engine: Engine) -> None:
    await until(lambda: not engine.orders.waiting())


async def logged(bench: Bench, words: str) -> None:
    await until(lambda: any(words in text for text in bench.log))


def lines_of(bench: Bench, kind: str) -> list[dict[str, Any]]:
    path = bench.workspace.session("abcd1234") / EVENTS
    return [line for line in read_journal(path, SESSION_JOURNAL).lines if line["kind"] == kind]


async def test_entry_and_exit_are_ordered_and_both_prices_told(
    tmp_path: Path, venue: Venue
) -> None:
    bench, feed = TestnetBench(tmp_path, venue), feed_of()
    engine = bench.new(bench.record(SMALL, **TESTNET), feed)
    async with living(engine):
        await enter(engine, feed)
        (bought,) = await answered(engine, 1)
        (position,) = runner_of(engine).account.open_trades()
        assert (bought.side, bought.price) == ("buy", 100.0)
        assert bought.quantity == position.quantity
        assert bought.filled == pytest.approx(position.quantity, abs=1e-5)
        assert bought.venue_price is not None
        assert bought.difference_bp == pytest.approx((bought.venue_price / 100 - 1) * 10_000)
        await leave(engine, feed)
        sold = (await answered(engine, 2))[1]
        # The venue took its fee in the coin bought, and sells no more than is there.
        assert sold.side == "sell"
        assert sold.filled is not None
        assert bought.filled is not None
        assert sold.filled == pytest.approx(bought.filled * 0.999, abs=1e-5)
        assert sold.filled < bought.filled
        assert executed(venue.exchange) == [Decimal(str(row.filled)) for row in rows(engine)]
        for words in ("the testnet bought", "the testnet sold"):
            await logged(bench, words)
    assert [line["number"] for line in lines_of(bench, "order")] == [1, 2]
    (quote, _) = lines_of(bench, "quote")
    assert quote["orders"][0]["id"] == "pt-abcd1234-1"


async def test_each_part_of_an_exit_is_an_order_of_its_own(tmp_path: Path, venue: Venue) -> None:
    """The last one closes what is left on the venue, whatever fees have taken of it."""
    bench, feed = TestnetBench(tmp_path, venue), feed_of()
    targets = [{"pct": 1, "close_pct": 50}, {"pct": 2}]
    config = {**SMALL, "take_profit_pct": None, "target": targets}
    engine = bench.new(bench.record(config, **TESTNET), feed)
    async with living(engine):
        await enter(engine, feed)
        feed.price(101.5)
        _, part = await answered(engine, 2)
        (position,) = runner_of(engine).account.open_trades()
        assert (part.side, part.quantity) == ("sell", position.quantity)
        assert part.filled == pytest.approx(part.quantity, abs=1e-5)
        assert list(engine.orders.open_positions()) == [SPOT]
        feed.price(103.0)
        bought, _, rest = await answered(engine, 3)
        assert bought.filled is not None
        assert part.filled is not None
        assert rest.filled == pytest.approx(bought.filled * 0.999 - part.filled, abs=1e-5)
        await until(lambda: not engine.orders.open_positions())


async def test_the_sessions_own_account_does_not_know_of_the_venue(
    tmp_path: Path, venue: Venue
) -> None:
    trades = []
    for name, fields in (("simulated", {"broker": BrokerKind.SIMULATED}), ("testnet", {})):
        bench, feed = TestnetBench(tmp_path / name, venue), feed_of()
        engine = bench.new(bench.record(SMALL, **{**TESTNET, **fields}), feed)
        async with living(engine):
            await enter(engine, feed)
            await leave(engine, feed)
            trades.append((runner_of(engine).account.trades, runner_of(engine).account.free))
            await settled(engine)
    assert trades[0] == trades[1]
    assert len(executed(venue.exchange)) == 2


async def test_a_reversal_closes_and_opens_the_perpetual(tmp_path: Path, venue: Venue) -> None:
    bench, feed = TestnetBench(tmp_path, venue), feed_of(PERPETUAL)
    engine = bench.new(bench.record(BOTH_WAYS, **TESTNET), feed)
    async with living(engine):
        place = 250
        while len(rows(engine)) < 3:
            closed = feed.candle(place, PERPETUAL)
            await decided(engine, closed.time)
            feed.price(closed.close, PERPETUAL)
            await until(lambda: handler_of(engine).last_price_at == feed.time)
            place += 1
        found = await answered(engine, 3)
        sides = [(row.closes, row.side) for row in found[:3]]
        first = "buy" if sides[0][1] == "buy" else "sell"
        other = "sell" if first == "buy" else "buy"
        assert sides == [(False, first), (True, other), (False, other)]
        assert found[1].filled == found[0].filled
        (account,) = venue.exchange.accounts
        await until(lambda: not engine.orders.waiting())
        position = account.position(PERPETUAL)
        assert (position.leverage, position.isolated_margin) == (3, True)
        assert (position.amount > 0) == (rows(engine)[-1].side == "buy")
        assert abs(position.amount) == Decimal(str(rows(engine)[-1].filled))


async def test_a_refusal_is_told_and_the_session_goes_on_by_the_rules(
    tmp_path: Path, venue: Venue
) -> None:
    (account,) = venue.exchange.accounts
    account.balance("USDT").free = Decimal(1)
    bench, feed = TestnetBench(tmp_path, venue), feed_of()
    engine = bench.new(bench.record(SMALL, **TESTNET), feed)
    async with living(engine):
        await enter(engine, feed)
        (refused,) = await answered(engine, 1)
        assert refused.filled == 0
        assert "-2010 Account has insufficient balance" in str(refused.why)
        await leave(engine, feed)
        closing = (await answered(engine, 2))[1]
        assert "nothing was opened on the testnet" in str(closing.why)
        assert len(runner_of(engine).account.trades) == 1
        await until(lambda: any("the testnet did not sell" in text for text in bench.log))
    assert executed(venue.exchange) == []


async def test_a_reset_of_the_testnet_is_survived_and_named(tmp_path: Path, venue: Venue) -> None:
    config = {**SMALL, "symbols": [PERPETUAL]}
    bench, feed = TestnetBench(tmp_path, venue), feed_of(PERPETUAL)
    feed.candles = {SPOT: feed.candles[PERPETUAL], PERPETUAL: feed.candles[PERPETUAL]}
    engine = bench.new(bench.record(config, **TESTNET), feed)

    async def price(value: float) -> None:
        feed.price(value, PERPETUAL)

    async with living(engine):
        feed.candle(250, PERPETUAL)
        await until(lambda: runner_of(engine).decided)
        await price(100.0)
        await answered(engine, 1)
        venue.exchange.switch_on("testnet_reset")
        await engine.command("flatten")
        await price(101.0)
        closing = (await answered(engine, 2))[1]
        assert "the testnet may have been reset" in str(closing.why)
        assert engine.orders.open_positions() == {}
        feed.candle(251, PERPETUAL)
        await until(lambda: runner_of(engine).account.due_entries[0] is not None)
        await price(100.0)
        again = (await answered(engine, 3))[2]
        assert (again.closes, again.why) == (False, None)
        (account,) = venue.exchange.accounts
        position = account.position(PERPETUAL)
        assert (position.leverage, position.isolated_margin) == (1, True)
    assert len(runner_of(engine).account.trades) == 1


async def test_a_session_never_waits_for_a_venue_that_is_silent(
    tmp_path: Path, venue: Venue
) -> None:
    venue.exchange.switch_on("slow_reply", "/api/*")  # the exchange's clock stands still
    bench, feed = TestnetBench(tmp_path, venue), feed_of()
    bench.orders_wait = 0.3
    engine = bench.new(bench.record(SMALL, **TESTNET), feed)
    async with living(engine) as task:
        await enter(engine, feed)
        await leave(engine, feed)
        assert [row.filled for row in rows(engine)] == [None, None]
        stopping = asyncio.ensure_future(engine.command("stop"))
        await until(lambda: engine.state is SessionState.STOPPING)
        assert engine.reason == "waiting for the testnet's answers"
        await stopping
        await task
    assert any("unsettled at the end" in text for text in bench.log)
    assert report_of(engine)["venue_orders"]["unsettled"] == 2


async def test_what_a_stop_leaves_open_on_the_venue_is_said(tmp_path: Path, venue: Venue) -> None:
    bench, feed = TestnetBench(tmp_path, venue), feed_of()
    engine = bench.new(bench.record(SMALL, **TESTNET), feed)
    async with living(engine) as task:
        await enter(engine, feed)
        await engine.command("stop")
        await task
    assert len(executed(venue.exchange)) == 1  # its answer was waited for
    assert any("still holds the session's position" in text for text in bench.log)
    report = report_of(engine)["venue_orders"]
    assert (report["made"], report["filled"], report["unsettled"]) == (1, 1, 0)
    assert list(report["still_held"]) == [SPOT]


async def test_a_stop_that_flattens_closes_on_the_venue_too(tmp_path: Path, venue: Venue) -> None:
    bench, feed = TestnetBench(tmp_path, venue), feed_of()
    engine = bench.new(bench.record(SMALL, **TESTNET), feed)
    async with living(engine) as task:
        await enter(engine, feed)
        stopping = asyncio.ensure_future(engine.command("stop", flatten=True))
        await asyncio.sleep(0)
        feed.price(102.0)
        await stopping
        await task
    assert len(executed(venue.exchange)) == 2
    assert report_of(engine)["venue_orders"]["still_held"] == {}
    kinds = [line["kind"] for line in read_all(bench)]
    assert kinds.index("stopped") == len(kinds) - 1


def read_all(bench: Bench) -> list[dict[str, Any]]:
    path = bench.workspace.session("abcd1234") / EVENTS
    return read_journal(path, SESSION_JOURNAL).lines


async def test_without_keys_nothing_is_sent_and_that_is_said(tmp_path: Path, venue: Venue) -> None:
    venue.refuses = "its keys are not here"
    bench, feed = TestnetBench(tmp_path, venue), feed_of()
    engine = bench.new(bench.record(SMALL, **TESTNET), feed)
    async with living(engine):
        await enter(engine, feed)
        (order,) = await answered(engine, 1)
        await until(lambda: any("its keys are not here" in text for text in bench.log))
    assert order.why == "not sent: its keys are not here"


# ── Killed, and taken up again ──


async def resumed(bench: TestnetBench, feed: TestFeed) -> Engine:
    """The session as the next host finds it, on the disk alone."""
    await bench.venue.close()
    bench.storage.committer.close()
    bench.storage = Storage.of(bench.workspace, bench.disk)
    return await bench.again(feed)


async def test_killed_before_the_request_the_order_is_sent_once_by_the_next_host(
    tmp_path: Path, venue: Venue
) -> None:
    venue.spot = "http://127.0.0.1:9"  # nobody listens: it never goes out
    bench, feed = TestnetBench(tmp_path, venue), feed_of()
    engine = bench.new(bench.record(SMALL, **TESTNET), feed)
    async with living(engine):
        await enter(engine, feed)
        await until(lambda: len(venue.desks[False].naps) > 3 if venue.desks else False)
    assert executed(venue.exchange) == []
    venue.spot = venue.exchange.rest_url
    later = feed_of(known=251)
    again = await resumed(bench, later)
    async with living(again):
        (order,) = await answered(again, 1)
        assert order.why is None
    assert len(executed(venue.exchange)) == 1


async def test_killed_between_execution_and_answer_nothing_is_sent_again(
    tmp_path: Path, venue: Venue
) -> None:
    fault = venue.exchange.switch_on("unknown_outcome", "/api/v3/order")
    bench, feed = TestnetBench(tmp_path, venue), feed_of()
    engine = bench.new(bench.record(SMALL, **TESTNET), feed)
    async with living(engine):
        await enter(engine, feed)
        await until(lambda: len(venue.desks[False].naps) > 3 if venue.desks else False)
        assert len(executed(venue.exchange)) == 1
    assert lines_of(bench, "order") == []
    venue.exchange.switch_off(fault.id)
    again = await resumed(bench, feed_of(known=251))
    async with living(again):
        (order,) = await answered(again, 1)
        assert order.filled == float(executed(venue.exchange)[0])
        assert order.fees
    assert len(executed(venue.exchange)) == 1


async def test_copies_of_a_workspace_name_their_orders_differently(
    tmp_path: Path, venue: Venue
) -> None:
    bench, feed = TestnetBench(tmp_path / "first", venue), feed_of()
    engine = bench.new(bench.record(SMALL, **TESTNET), feed)
    async with living(engine):
        await enter(engine, feed)
        await answered(engine, 1)
    shutil.copytree(tmp_path / "first", tmp_path / "copy")
    names = []
    for root in (tmp_path / "first", tmp_path / "copy"):
        bench, later = TestnetBench(root, venue), feed_of(known=251)
        again = await resumed(bench, later)
        async with living(again):
            await leave(again, later)
            await answered(again, 2)
            names.append([row.id for row in rows(again)])
    assert names[0][0] == names[1][0] == "pt-abcd1234-1"
    assert names[0][1].startswith("pt-abcd1234-2-")
    assert names[0][1] != names[1][1]
    assert len(executed(venue.exchange)) == 2  # what was bought once is sold once


async def test_a_flatten_after_an_order_of_unknown_outcome_closes_what_was_executed(
    tmp_path: Path, venue: Venue
) -> None:
    fault = venue.exchange.switch_on("unknown_outcome", "/api/v3/order")
    bench, feed = TestnetBench(tmp_path, venue), feed_of()
    engine = bench.new(bench.record(SMALL, **TESTNET), feed)
    async with living(engine):
        await enter(engine, feed)
        await until(lambda: len(executed(venue.exchange)) == 1)
        await leave(engine, feed)  # the session knows nothing of its entry on the venue yet
        venue.exchange.switch_off(fault.id)
        bought, sold = await answered(engine, 2)
    assert bought.filled == float(executed(venue.exchange)[0])
    assert sold.why is None
    assert sold.filled == pytest.approx(bought.filled * 0.999, abs=1e-5)


async def test_killed_at_any_moment_each_order_is_executed_once(
    tmp_path: Path, venue: Venue
) -> None:
    (account,) = venue.exchange.accounts
    seen: set[tuple[int, int]] = set()
    moments = [(False, 60 * turns) for turns in range(4)] + [(True, turns) for turns in range(7)]
    for number, (after_execution, turns) in enumerate(moments):
        account.orders.clear()
        bench, feed = TestnetBench(tmp_path / str(number), venue), feed_of()
        engine = bench.new(bench.record(SMALL, **TESTNET), feed)
        async with living(engine):
            await enter(engine, feed)
            if after_execution:
                await until(lambda: bool(executed(venue.exchange)))
            for _ in range(turns):
                await asyncio.sleep(0)
        seen.add((len(executed(venue.exchange)), len(lines_of(bench, "order"))))
        later = feed_of(known=251)
        again = await resumed(bench, later)
        async with living(again):
            assert not runner_of(again).flat
            await answered(again, 1)
            await leave(again, later)
            found = await answered(again, 2)
        assert [row.why for row in found] == [None, None]
        assert [float(quantity) for quantity in executed(venue.exchange)] == [
            row.filled for row in found
        ]
        bench.storage.committer.close()
        await venue.close()
    # (executed, answer in the journal) at the kill
    assert {(0, 0), (1, 0), (1, 1)} <= seen
