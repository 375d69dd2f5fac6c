"""A live session: warm-up, alignment, states, commands, ends, and what it does when it cannot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from core.journal.manifest import EVENTS
from core.journal.values import FeedKind, Mode, SessionState
from core.market.candles.timeframes import Timeframe
from core.market.feeds.feed import Ended, FeedState, FeedStatus, Revised
from core.session.engine import Engine
from core.session.feed_handler import FeedHandler
from core.session.snapshot import Level
from core.store.durable import OsDisk
from core.store.journal_file import JournalError
from core.trading.values import ExitReason, Fills
from tests.unit.host.test_parts import ForeignError
from tests.unit.session.scripted import TestFeed
from tests.unit.session.sessions import RSI, SPAN, TWO_SYMBOLS, Bench, market
from tests.unit.store.disks import ChangingDisk, ForgetfulDisk, FullDisk
from tests.waiting import until

ALWAYS = {
    **RSI,
    "indicators": [],
    "entry_conditions": [{"indicator": "close", "operator": "gt", "value": 0}],
    "exit_conditions": [],
}
LIVE: dict[str, Any] = {
    "feed": FeedKind.LIVE,
    "mode": Mode.SIMULATED,
    "source": "live",
    "warmup": 200,
}


def feed_of(*symbols: str, known: int = 250, count: int = 400) -> TestFeed:
    names = symbols or ("BTC/USDT",)
    return TestFeed({name: market(count, seed=7 + n) for n, name in enumerate(names)}, known)


@asynccontextmanager
async def living(engine: Engine) -> AsyncIterator[asyncio.Task[None]]:
    """An engine that lives, at least until its feed is followed."""
    task = asyncio.create_task(engine.live())
    feed = engine.feed
    assert isinstance(feed, TestFeed)
    wanted = len(engine.config.symbols)
    await until(lambda: len(feed.subscribed) == wanted or task.done())
    try:
        yield task
    finally:
        await engine.command("leave")
        await task


def handler_of(engine: Engine) -> FeedHandler:
    assert engine.handler is not None
    return engine.handler


def state_of(engine: Engine) -> SessionState:
    """The state now: a type checker takes an attribute for unchanged by what was awaited."""
    return engine.state


def runner_of(engine: Engine) -> Any:
    return handler_of(engine).runner


async def decided(engine: Engine, time: int) -> None:
    """Return once the candle that opens at `time` has been decided on, and that is durable."""
    await until(
        lambda: (
            engine.handler is not None
            and engine.handler.settled
            and (engine.handler.runner.moment_time or 0) >= time
        )
    )


async def test_decisions_begin_with_the_candle_that_forms_at_the_start(tmp_path: Path) -> None:
    bench, feed = Bench(tmp_path), feed_of()
    engine = bench.new(bench.record(ALWAYS, **LIVE), feed)
    async with living(engine):
        forming = feed.candles["BTC/USDT"].at(250)
        assert feed.subscribed == {"BTC/USDT": forming.time - SPAN}
        assert runner_of(engine).decide_from == forming.time
        assert engine.state is SessionState.RUNNING
        await decided(engine, feed.candle(250).time)
        assert runner_of(engine).curve() == [(forming.time, 10_000.0)]
        await decided(engine, feed.candle(251).time)
        (position,) = runner_of(engine).account.open_trades()
        assert position.signal_time == forming.time
        assert position.entry_price == feed.candles["BTC/USDT"].at(251).open


async def test_too_short_a_history_is_waited_out(tmp_path: Path) -> None:
    bench, feed = Bench(tmp_path), feed_of(known=190)
    engine = bench.new(bench.record(ALWAYS, **LIVE), feed)
    async with living(engine):
        assert state_of(engine) is SessionState.WARMING_UP
        assert any("10 candles too few for the warm-up" in text for text in bench.log)
        for place in range(190, 200):
            await decided(engine, feed.candle(place).time)
        assert not runner_of(engine).decided
        await until(lambda: state_of(engine) is SessionState.RUNNING)
        await decided(engine, feed.candle(200).time)
        assert runner_of(engine).decided


async def test_a_moment_waits_for_every_symbol_or_its_gap(tmp_path: Path) -> None:
    bench, feed = Bench(tmp_path), feed_of("BTC/USDT", "ETH/USDT")
    engine = bench.new(bench.record({**TWO_SYMBOLS}, **LIVE), feed)
    async with living(engine):
        one = feed.candle(250)
        two = feed.candle(251)
        await until(
            lambda: engine.handler is not None and engine.handler.last_candle[0] == two.time
        )
        assert runner_of(engine).moment_time == one.time - SPAN
        feed.candle(250, "ETH/USDT")
        await decided(engine, one.time)
        assert runner_of(engine).moment_time == one.time
        missing = feed.candles["ETH/USDT"].at(251)
        feed.gap(missing, missing, "ETH/USDT")
        await decided(engine, two.time)
        assert [(gap.symbol, gap.first) for gap in handler_of(engine).gaps] == [
            ("ETH/USDT", missing.time)
        ]


async def test_duplicates_and_late_candles_change_nothing(tmp_path: Path) -> None:
    bench, feed = Bench(tmp_path), feed_of()
    engine = bench.new(bench.record(ALWAYS, **LIVE), feed)
    async with living(engine):
        for place in (250, 250, 251, 249, 251, 253, 252, 254):
            feed.candle(place)
        await decided(engine, feed.candles["BTC/USDT"].at(254).time)
        times = [time for time, _ in runner_of(engine).curve()]
        start = feed.candles["BTC/USDT"].at(250).time
        assert times == [start + SPAN * step for step in (0, 1, 3, 4)]
        assert any("1 candle missing" in text for text in bench.log)


async def test_a_revised_candle_is_told_and_what_was_decided_stands(tmp_path: Path) -> None:
    bench, feed = Bench(tmp_path), feed_of()
    engine = bench.new(bench.record(ALWAYS, **LIVE), feed)
    async with living(engine):
        old = feed.candle(250)
        revised = Revised("BTC/USDT", Timeframe.M5, old, old._replace(close=old.close * 2))
        feed.say(revised, revised)
        await decided(engine, feed.candle(251).time)
        assert engine.handler is not None
        assert len(engine.handler.revised) == 1
        assert runner_of(engine).recent[0][-2] == old
        assert any("revised" in text and "stands" in text for text in bench.log)
    assert (
        '"revised"'
        in bench.storage.candle_journals.path("live", "BTC/USDT", Timeframe.M5).read_text()
    )


async def test_pause_blocks_entries_and_resume_allows_them(tmp_path: Path) -> None:
    bench, feed = Bench(tmp_path), feed_of()
    engine = bench.new(bench.record(ALWAYS, **LIVE), feed)
    async with living(engine):
        await engine.command("pause")
        assert engine.state is SessionState.PAUSED
        for place in (250, 251):
            await decided(engine, feed.candle(place).time)
        assert runner_of(engine).flat
        await engine.command("resume")
        for place in (252, 253):
            await decided(engine, feed.candle(place).time)
        assert not runner_of(engine).flat


async def test_entries_that_a_pause_refuses_are_told_once_a_pause(tmp_path: Path) -> None:
    bench, feed = Bench(tmp_path), feed_of()
    engine = bench.new(bench.record(ALWAYS, **LIVE), feed)

    def told() -> int:
        return sum("entries are paused" in text for text in bench.log)

    async with living(engine):
        for pause in (1, 2):
            await engine.command("pause")
            start = 250 + 10 * pause
            for place in range(start, start + 5):
                await decided(engine, feed.candle(place).time)
            assert told() == pause
            await engine.command("resume")
            await decided(engine, feed.candle(start + 5).time)
    journal = (bench.workspace.session("abcd1234") / EVENTS).read_text()
    assert journal.count("entries are paused") >= 10


async def test_flatten_closes_at_the_next_price(tmp_path: Path) -> None:
    bench, feed = Bench(tmp_path), feed_of()
    engine = bench.new(bench.record(ALWAYS, **LIVE), feed)
    async with living(engine):
        for place in (250, 251):
            await decided(engine, feed.candle(place).time)
        await engine.command("flatten")
        assert not runner_of(engine).flat
        feed.price(123.0)
        await until(lambda: runner_of(engine).flat and handler_of(engine).settled)
        (trade,) = runner_of(engine).account.trades
        assert (trade.exit_reason, trade.exit_price) == (ExitReason.MANUAL, 123.0)


async def test_stop_with_flatten_waits_for_a_price_and_not_for_ever(tmp_path: Path) -> None:
    bench, feed = Bench(tmp_path), feed_of()
    engine = bench.new(bench.record(ALWAYS, **LIVE), feed)
    async with living(engine) as task:
        for place in (250, 251):
            await decided(engine, feed.candle(place).time)
        stopping = asyncio.create_task(engine.command("stop", flatten=True))
        await until(lambda: engine.state is SessionState.STOPPING)
        assert not stopping.done()
        feed.price(99.0)
        await stopping
        await task
        assert engine.state is SessionState.STOPPED
        assert engine.reason == "stopped by hand, positions closed"
        assert runner_of(engine).account.trades[0].exit_price == 99.0
    result = runner_of(engine).result([])
    made = sum(trade.pnl for trade in runner_of(engine).account.trades)
    start = result.starting_balance
    assert result.equity[-1] == pytest.approx(start + made), "its last fill is money, too"
    assert result.metrics.total_return_pct == pytest.approx(made / start * 100)


async def test_a_stop_without_a_price_to_flatten_at_gives_up_and_says_so(tmp_path: Path) -> None:
    bench, feed = Bench(tmp_path), feed_of()
    engine = bench.new(bench.record(ALWAYS, **LIVE), feed)
    async with living(engine) as task:
        for place in (250, 251):
            await decided(engine, feed.candle(place).time)
        stopping = asyncio.create_task(engine.command("stop", flatten=True))
        await until(lambda: engine.state is SessionState.STOPPING)
        bench.seconds += 60
        engine.tick()
        await stopping
        await task
        assert "no price came to close the open positions at" in str(engine.reason)
        assert not runner_of(engine).flat


async def test_the_planned_time_counts_from_running_and_includes_its_last_candle(
    tmp_path: Path,
) -> None:
    bench, feed = Bench(tmp_path), feed_of()
    engine = bench.new(bench.record(ALWAYS, **LIVE, run_for=2 * SPAN), feed)
    async with living(engine) as task:
        assert engine.planned_end == feed.candles["BTC/USDT"].at(252).time
        for place in (250, 251, 252):
            feed.candle(place)
        await task
        assert engine.reason == "its scheduled end was reached"
        assert runner_of(engine).moment_time == feed.candles["BTC/USDT"].at(251).time


async def test_a_silent_feed_does_not_outlive_the_planned_end(tmp_path: Path) -> None:
    bench, feed = Bench(tmp_path), feed_of()
    engine = bench.new(bench.record(ALWAYS, **LIVE, run_for=SPAN), feed)
    async with living(engine) as task:
        feed.time += SPAN + 10_000
        engine.tick()
        await asyncio.sleep(0)
        assert not task.done()
        feed.time += 10_000
        engine.tick()
        await task
        assert engine.state is SessionState.STOPPED


async def test_a_silent_market_makes_the_session_stale_until_it_speaks(tmp_path: Path) -> None:
    bench, feed = Bench(tmp_path), feed_of()
    engine = bench.new(bench.record(ALWAYS, **LIVE), feed)
    async with living(engine):
        feed.say(FeedStatus("BTC/USDT", FeedState.STALE, "silent for 30 s"))
        await until(lambda: engine.state is SessionState.STALE)
        assert engine.reason == "BTC/USDT: silent for 30 s"
        feed.candle(250)
        await until(lambda: engine.state is SessionState.RUNNING)
        feed.time += 3 * SPAN
        engine.tick()
        await until(lambda: engine.state is SessionState.STALE)
        assert engine.reason == "the next candle is overdue"
    assert (Level.WARNING, "stale: the next candle is overdue") in bench.loud


async def test_a_feed_that_is_polled_for_now_says_so_until_its_streams_are_back(
    tmp_path: Path,
) -> None:
    bench, feed = Bench(tmp_path), feed_of()
    engine = bench.new(bench.record(ALWAYS, **LIVE), feed)
    async with living(engine):
        feed.say(FeedStatus("BTC/USDT", FeedState.STALE, "silent for 30 s"))
        feed.say(FeedStatus("BTC/USDT", FeedState.POLLING, "asked over REST"))
        await until(lambda: engine.stand_ins == ("asked over REST",))
        assert engine.state is SessionState.RUNNING
        feed.say(FeedStatus("BTC/USDT", FeedState.CONNECTED, "the streams answer again"))
        await until(lambda: engine.stand_ins == ())


async def test_a_feed_that_ends_is_an_error_with_its_words(tmp_path: Path) -> None:
    bench, feed = Bench(tmp_path), feed_of()
    engine = bench.new(bench.record(ALWAYS, **LIVE), feed)
    async with living(engine) as task:
        feed.say(Ended("the market was delisted"))
        await task
        assert engine.state is SessionState.ERROR
        assert engine.reason == "the feed ended: the market was delisted"
        assert feed.closed


async def test_a_drawdown_limit_stops_the_session_for_good(tmp_path: Path) -> None:
    bench, feed = Bench(tmp_path), feed_of()
    config = {**ALWAYS, "max_drawdown_pct": 0.01}
    engine = bench.new(bench.record(config, **LIVE), feed)
    async with living(engine) as task:
        for place in range(250, 300):
            feed.candle(place)
        await task
        assert engine.state is SessionState.STOPPED
        assert "max_drawdown_pct" in str(engine.reason)


@pytest.mark.parametrize("disk", [FullDisk(40), ForgetfulDisk(0)], ids=["full", "failing"])
async def test_a_disk_that_takes_nothing_stops_trading_and_shows_nothing_undurable(
    tmp_path: Path, disk: Any
) -> None:
    changing = ChangingDisk()
    bench, feed = Bench(tmp_path, changing), feed_of()
    engine = bench.new(bench.record(ALWAYS, **LIVE), feed)
    async with living(engine) as task:
        await decided(engine, feed.candle(250).time)
        told = len(bench.log)
        changing.now = disk
        feed.candle(251)
        await task
        assert engine.state is SessionState.ERROR
        assert "cannot be written" in str(engine.reason)
        assert not engine.durable
        assert engine.handler is not None
        assert not engine.handler.settled
        assert [text.split(":")[0] for text in bench.log[told:]] == ["error"]
    changing.now = OsDisk()
    bench.restart()
    later = feed_of()
    again = await bench.again(later)
    async with living(again):
        await decided(again, later.candle(251).time)
        await decided(again, later.candle(252).time)
        assert len(runner_of(again).curve()) == 3


async def test_a_vanished_workspace_stops_trading(tmp_path: Path) -> None:
    bench, feed = Bench(tmp_path / "home"), feed_of()
    engine = bench.new(bench.record(ALWAYS, **LIVE), feed)
    async with living(engine) as task:
        (tmp_path / "home").rename(tmp_path / "elsewhere")
        feed.candle(250)
        await task
        assert engine.state is SessionState.ERROR
        assert "No such file or directory" in str(engine.reason)


async def test_a_return_waits_for_a_venue_that_does_not_answer(tmp_path: Path) -> None:
    both = ("BTC/USDT", "ETH/USDT")
    bench, feed = Bench(tmp_path), feed_of(*both)
    engine = bench.new(bench.record(TWO_SYMBOLS, **LIVE), feed)
    async with living(engine):
        feed.candle(250)
        await decided(engine, feed.candle(250, "ETH/USDT").time)
    bench.restart()
    later = feed_of(*both)
    later.unreachable = 3
    again = await bench.again(later)
    async with living(again):
        assert bench.naps == [10.0] * 3
        assert again.state is SessionState.RUNNING
        assert any("cannot be taken up again" in text for text in bench.log)


@pytest.mark.parametrize(
    "fields", [{"silent": 2}, {"unreachable": 2}, {"silent": 1, "unreachable": 1}]
)
async def test_a_start_waits_for_a_venue_that_does_not_answer(
    tmp_path: Path, fields: dict[str, int]
) -> None:
    bench, feed = Bench(tmp_path), feed_of()
    for name, times in fields.items():
        setattr(feed, name, times)
    engine = bench.new(bench.record(ALWAYS, **LIVE), feed)
    async with living(engine):
        assert bench.naps == [10.0] * sum(fields.values())
        waited = "stale: the venue does not answer; it is tried again every 10 s"
        assert bench.loud == [(Level.WARNING, waited)]
        assert engine.state is SessionState.RUNNING
        await decided(engine, feed.candle(250).time)
        assert len(runner_of(engine).curve()) == 1


async def test_a_session_that_waits_for_its_venue_can_be_stopped(tmp_path: Path) -> None:
    bench, feed = Bench(tmp_path), feed_of()
    feed.silent = 1_000_000
    engine = bench.new(bench.record(ALWAYS, **LIVE), feed)
    task = asyncio.create_task(engine.live())
    await until(lambda: len(bench.naps) > 3)
    assert state_of(engine) is SessionState.STALE
    assert engine.waiting_for_venue
    await engine.command("stop")
    await task
    assert state_of(engine) is SessionState.STOPPED
    assert engine.reason == "stopped by hand before it had begun"


async def test_a_market_that_is_not_there_is_an_error_at_once(tmp_path: Path) -> None:
    bench, feed = Bench(tmp_path), feed_of("ETH/USDT")
    engine = bench.new(bench.record(ALWAYS, **LIVE), feed)
    await engine.live()
    assert engine.state is SessionState.ERROR
    assert engine.reason == "there is no market BTC/USDT"
    assert bench.naps == []


async def test_what_was_missed_is_run_through_the_rules_and_marked(tmp_path: Path) -> None:
    bench, feed = Bench(tmp_path), feed_of()
    engine = bench.new(bench.record(ALWAYS, **LIVE), feed)
    async with living(engine):
        await decided(engine, feed.candle(250).time)
    bench.restart()
    later = feed_of(known=260)
    again = await bench.again(later)
    async with living(again):
        assert later.subscribed == {"BTC/USDT": feed.candles["BTC/USDT"].at(250).time}
        for place in range(251, 260):
            later.candle(place, backfilled=True)
        await decided(again, later.candle(260).time)
        assert len(runner_of(again).curve()) == 11
        away = [text for text in bench.log if text.startswith("while away: ")]
        assert any("entered long" in text for text in away)
    lines = (bench.workspace.session("abcd1234") / EVENTS).read_text().splitlines()
    assert sum('"away":true' in line for line in lines) >= 1


async def test_a_journal_that_contradicts_its_candles_is_not_gone_on_with(tmp_path: Path) -> None:
    bench, feed = Bench(tmp_path), feed_of()
    engine = bench.new(bench.record(ALWAYS, **LIVE), feed)
    async with living(engine):
        for place in (250, 251):
            await decided(engine, feed.candle(place).time)
    journal = bench.storage.candle_journals.path("live", "BTC/USDT", Timeframe.M5)
    kept = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(kept[:-1]))
    bench.restart()
    with pytest.raises(JournalError, match="which is in none of its candle journals"):
        await bench.again(feed)


async def test_sessions_share_a_journal_and_the_first_value_is_everyones(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    one, two = feed_of(), feed_of()
    shifted = two.candles["BTC/USDT"]
    shifted.close[240] *= 1.5  # the second session's venue revised it meanwhile
    first = bench.new(bench.record(ALWAYS, **LIVE), one)
    async with living(first):
        second = bench.new(bench.record(ALWAYS, **LIVE, id="efgh5678"), two)
        async with living(second):
            for feed, engine in ((one, first), (two, second)):
                await decided(engine, feed.candle(250).time)
            assert list(runner_of(first).recent[0]) == list(runner_of(second).recent[0])
    journal = bench.storage.candle_journals.path("live", "BTC/USDT", Timeframe.M5)
    lines = journal.read_text().splitlines()
    assert sum(line.startswith('{"c"') for line in lines) == 201
    assert sum(line.startswith('{"revised"') for line in lines) == 1


async def test_market_fills_take_the_first_price_after_the_close(tmp_path: Path) -> None:
    bench, feed = Bench(tmp_path), feed_of()
    engine = bench.new(bench.record(ALWAYS, **LIVE, fills=Fills.MARKET), feed)
    async with living(engine):
        await decided(engine, feed.candle(250).time)
        feed.price(98.5)
        await until(lambda: not runner_of(engine).flat and handler_of(engine).settled)
        (position,) = runner_of(engine).account.open_trades()
        assert position.entry_price == 98.5
        assert position.entry_filled_at == feed.time
        assert position.entry_time == feed.candles["BTC/USDT"].at(251).time
    bench.restart()
    again = await bench.again(feed_of())
    async with living(again):
        assert runner_of(again).account.open_trades() == (position,)


async def test_a_session_never_ends_before_its_last_candle(tmp_path: Path) -> None:
    bench, feed = Bench(tmp_path), feed_of()
    engine = bench.new(bench.record(ALWAYS, **LIVE), feed)
    async with living(engine):
        last = feed.candle(250)
        await decided(engine, last.time)
    bench.restart()
    unset = feed_of(known=251)
    again = await bench.again(unset)
    async with living(again) as task:
        unset.time -= 1_000 * SPAN  # the machine's clock: the venue has not told its own yet
        await again.command("stop")
        await task
        assert again.now() == again.ended_at == last.time + SPAN


@pytest.mark.parametrize("fault", [SystemExit, asyncio.CancelledError, ForeignError])
@pytest.mark.parametrize("where", ["feed", "signals"])
async def test_a_fault_of_any_kind_ends_its_session_alone_and_is_journaled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: type[BaseException], where: str
) -> None:
    bench, feed = Bench(tmp_path), feed_of()
    engine = bench.new(bench.record(ALWAYS, **LIVE), feed)

    async def breaks_off(_: object) -> None:
        raise fault

    def breaks(_: object) -> None:
        raise fault

    if where == "feed":
        monkeypatch.setattr(feed, "run", breaks_off)
    async with living(engine) as task:
        if where == "signals":
            monkeypatch.setattr(runner_of(engine), "moment", breaks)
            feed.candle(250)
        await task
    assert engine.state is SessionState.ERROR
    assert fault.__name__ in (engine.reason or "")
    assert b'"error"' in (tmp_path / "sessions/abcd1234" / EVENTS).read_bytes()
