"""Entries, blocks and closes by hand in a session: journaled, and the same after any kill."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.host.living_session import snapshot_of
from core.host.stored_sessions import stored_session
from core.journal.manifest import EVENTS
from core.journal.records import SessionLines
from core.session.log_messages import retell
from core.session.session_queue import RefusedCommandError
from core.trading.values import ExitReason, Fills, Side
from tests.unit.session.sessions import RSI, SPAN, TWO_SYMBOLS, Bench
from tests.unit.session.test_live_engine import (
    ALWAYS,
    LIVE,
    decided,
    feed_of,
    handler_of,
    living,
    runner_of,
)
from tests.waiting import until

NEVER = {**RSI, "entry_conditions": [{"indicator": "close", "operator": "lt", "value": 0}]}
BTC, ETH = "BTC/USDT", "ETH/USDT"


@pytest.mark.parametrize("fills", list(Fills))
async def test_a_session_killed_after_every_step_makes_the_trade_by_hand(
    tmp_path: Path, fills: Fills
) -> None:
    bench, feed = Bench(tmp_path), feed_of()
    engine = bench.new(bench.record(NEVER, **LIVE, fills=fills), feed)
    async with living(engine):
        await decided(engine, feed.candle(250).time)
        await engine.command("enter", symbol=BTC, side=Side.LONG)
    bench.restart()  # all that is not on the disk is gone
    feed = feed_of(known=251)
    engine = await bench.again(feed)
    async with living(engine):
        feed.price(101.0)
        await until(lambda: not runner_of(engine).flat and handler_of(engine).settled)
    assert any("entered long" in text and "by hand" in text for text in bench.log)
    bench.restart()
    feed = feed_of(known=251)
    engine = await bench.again(feed)
    async with living(engine):
        (position,) = runner_of(engine).account.open_trades()
        assert (position.by_hand, position.entry_price) == (True, 101.0)
        await engine.command("flatten", symbol=BTC)
        feed.price(102.5)
        await until(lambda: runner_of(engine).flat and handler_of(engine).settled)
        trades = runner_of(engine).account.trades
    (trade,) = trades
    assert trade.signal_time == feed.candles[BTC].at(250).time
    assert (trade.by_hand, trade.exit_reason) == (True, ExitReason.MANUAL)
    bench.restart()
    stored = await stored_session(bench.storage, "abcd1234")
    assert stored.runner is not None
    assert stored.runner.account.trades == trades
    warnings = stored.report()["warnings"]
    assert warnings[:2] == [  # before all else that there is to know of it
        f"1 trade was {done} by hand: what came of it is not the strategy's alone"
        for done in ("entered", "closed")
    ]
    lines = SessionLines(bench.workspace.session("abcd1234") / EVENTS)
    told = [text for _, _, text in retell(lines, SPAN)]
    assert "enter BTC/USDT long, by hand" in told
    assert "flatten BTC/USDT, by hand" in told


async def test_an_entry_by_hand_without_prices_is_filled_after_the_candle_that_was_forming(
    tmp_path: Path,
) -> None:
    bench, feed = Bench(tmp_path), feed_of()
    engine = bench.new(bench.record(NEVER, **LIVE, fills=Fills.CANDLE), feed)
    async with living(engine):
        assert snapshot_of(engine).sides == ()  # it is still warming up
        await decided(engine, feed.candle(250).time)
        assert snapshot_of(engine).sides == (Side.LONG,)
        await engine.command("enter", symbol=BTC, side=Side.LONG)
        assert snapshot_of(engine).asked_in == (BTC,)
        for place in (251, 252):
            await decided(engine, feed.candle(place).time)
        (position,) = runner_of(engine).account.open_trades()
        assert (position.by_hand, position.entry_time) == (True, feed.candles[BTC].at(252).time)
        assert snapshot_of(engine).asked_in == ()
        await engine.command("flatten", symbol=BTC)
        assert snapshot_of(engine).asked_out == (BTC,)
        for place in (253, 254):
            await decided(engine, feed.candle(place).time)
        (trade,) = runner_of(engine).account.trades
        assert (trade.exit_reason, trade.exit_time) == (
            ExitReason.MANUAL,
            feed.candles[BTC].at(254).time,
        )
        assert snapshot_of(engine).asked_out == ()


async def test_a_blocked_symbol_stays_blocked_over_a_kill_and_is_told_once(tmp_path: Path) -> None:
    bench, feed = Bench(tmp_path), feed_of(BTC, ETH)
    config = {**TWO_SYMBOLS, **{key: ALWAYS[key] for key in ("indicators", "entry_conditions")}}
    config["exit_conditions"] = []
    engine = bench.new(bench.record(config, **LIVE), feed)
    async with living(engine):
        await engine.command("pause", symbol=BTC)
        assert engine.passing_notices == ("entries of BTC/USDT are blocked by hand",)
        for place in (250, 251, 252):
            feed.candle(place, ETH)
            await decided(engine, feed.candle(place).time)
        assert [one.symbol for one in runner_of(engine).account.open_trades()] == [ETH]
        (told,) = (one for one in runner_of(engine).result(()).warnings if "refused" in one)
        # It would have been one entry, asked for again at the close of each candle.
        assert told == (
            "3 entry signals were refused while entries were paused or, in their symbol, blocked "
            "by hand"
        )
    assert sum("entries of the symbol are blocked" in text for text in bench.log) == 1
    bench.restart()
    feed = feed_of(BTC, ETH, known=253)
    engine = await bench.again(feed)
    async with living(engine):
        assert runner_of(engine).blocked == (BTC,)
        await engine.command("resume", symbol=BTC)
        for place in (253, 254):
            feed.candle(place, ETH)
            await decided(engine, feed.candle(place).time)
        held = {one.symbol for one in runner_of(engine).account.open_trades()}
        assert held == {BTC, ETH}


async def test_an_entry_that_cannot_be_is_refused_with_the_reason_and_leaves_no_line(
    tmp_path: Path,
) -> None:
    bench, feed = Bench(tmp_path), feed_of()
    engine = bench.new(bench.record(NEVER, **LIVE), feed)

    async def refused(side: Side = Side.LONG) -> str:
        with pytest.raises(RefusedCommandError) as refusal:
            await engine.command("enter", symbol=BTC, side=side)
        return str(refusal.value)

    async with living(engine):
        assert "warming up" in await refused()
        await decided(engine, feed.candle(250).time)
        assert await refused(Side.SHORT) == "its strategy trades long only"
        await engine.command("pause", symbol=BTC)
        assert await refused() == "entries of the symbol are blocked by hand"
        await engine.command("resume", symbol=BTC)
        await engine.command("enter", symbol=BTC, side=Side.LONG)
        assert await refused() == "an entry in BTC/USDT is under way already"
        feed.price(101.0)
        await until(lambda: not runner_of(engine).flat and handler_of(engine).settled)
        assert await refused() == "it has a position in BTC/USDT"
    journal = (bench.workspace.session("abcd1234") / EVENTS).read_text()
    assert journal.count('"do":"enter"') == 1
