"""What the owner of a session puts down is kept with it, and what is waited for is told once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from core.host.alert_watch import AlertConditions
from core.host.host import Host
from core.host.link import BadRequestError, CommandError
from core.journal.session_notes import AlertKind, AlertRule, SessionNotes
from core.market.candles.candles import Candle
from core.market.candles.timeframes import DAY
from core.market.feeds.feed import PriceSeen
from core.session.snapshot import StartRequest
from core.store.notes import NOTES, read_notes
from tests.unit.host.hosts import hosting, live_feed
from tests.unit.session.scripted import TestFeed
from tests.unit.session.sessions import RSI, Bench, market
from tests.unit.session.test_live_engine import ALWAYS, LIVE, decided, feed_of, living
from tests.waiting import until

BTC = "BTC/USDT"


def notes_of(host: Host, session_id: str) -> SessionNotes:
    (found,) = [one for one in host.fresh_snapshot().sessions if one.id == session_id]
    return found.notes


async def test_a_price_is_told_once_on_every_screen_and_not_again_by_the_next_host(
    tmp_path: Path,
) -> None:
    feed = TestFeed({BTC: market(300)}, 250)

    options: dict[str, Any] = {"feeds": live_feed(feed)}
    async with hosting(tmp_path, **options) as host:
        session_id = (await host.start(StartRequest(RSI))).session_id
        await until(lambda: bool(feed.subscribed))
        await host.annotate(
            session_id, "mind the <b>fork</b> [/x]", ("slow", "#slow", " # btc ", "#")
        )
        waited = AlertRule(AlertKind.ABOVE, 1_000.0, BTC)
        await host.set_alerts(session_id, (waited, AlertRule(AlertKind.DRAWDOWN, 50.0)))
        feed.price(999.0)
        feed.price(1_000.5)
        await until(lambda: any(line.alert for line in host.logs()))
        (told,) = [line for line in host.logs() if line.alert]
        assert told.text == f"rsi_bounce ({session_id}): BTC/USDT above 1,000, now 1,000.5"
        kept = notes_of(host, session_id)
        assert (kept.note, kept.tags) == ("mind the <b>fork</b> [/x]", ("slow", "btc"))
        assert [one.told is None for one in kept.alerts] == [False, True]
    folder = host.workspace.session(session_id)
    assert read_notes(folder, SessionNotes) == kept
    feed = TestFeed({BTC: market(300)}, 250)
    async with hosting(tmp_path, **options) as host:
        assert notes_of(host, session_id) == kept
        await host.stop(session_id)
        await host.annotate(session_id, "it is over", ())
        with pytest.raises(CommandError, match="has ended"):
            await host.set_alerts(session_id, ())
        assert notes_of(host, session_id).note == "it is over"
        assert not [line for line in host.logs() if line.alert]


async def test_a_drawdown_and_days_without_a_trade_come_true_and_no_sooner(tmp_path: Path) -> None:
    bench, feed = Bench(tmp_path), feed_of()
    engine = bench.new(bench.record(ALWAYS, **LIVE), feed)
    conditions = AlertConditions()
    drawdown, quiet = AlertRule(AlertKind.DRAWDOWN, 10.0), AlertRule(AlertKind.NO_TRADE, 2.0)

    def true() -> dict[AlertRule, str]:
        return conditions.come_true(engine, (drawdown, quiet))

    async with living(engine):
        for place in (250, 251):
            await decided(engine, feed.candle(place).time)
        assert true() == {}
        held = feed.candles[BTC].at(251).close
        feed.price(held * 0.95)
        await until(lambda: engine.handler is not None and bool(engine.handler.prices))
        assert true() == {}
        feed.price(held * 0.85)
        await until(lambda: list(true()) == [drawdown])
        assert re.fullmatch(r", now 1[45]\.\d\d%", true()[drawdown])
        feed.time += 2 * DAY
        assert list(true()) == [drawdown, quiet]


async def test_a_price_touched_between_two_looks_comes_true_and_one_touched_before_does_not(
    tmp_path: Path,
) -> None:
    bench, feed = Bench(tmp_path), feed_of()
    engine = bench.new(bench.record(ALWAYS, **LIVE), feed)
    conditions = AlertConditions()
    start = 0

    async def seen(last: float, low: float, high: float) -> None:
        forming = Candle(start, last, high, low, last, 1.0)
        feed.say(PriceSeen(BTC, feed.time, None, None, last, low, high, forming))
        await until(
            lambda: (
                engine.handler is not None
                and (shown := engine.handler.prices.get(BTC)) is not None
                and shown.forming == forming
            )
        )

    def true(*alerts: AlertRule) -> dict[AlertRule, str]:
        return conditions.come_true(engine, alerts)

    async with living(engine):
        for place in (250, 251):
            await decided(engine, feed.candle(place).time)
        start = feed.time
        above = AlertRule(AlertKind.ABOVE, 2_000.0, BTC)
        below = AlertRule(AlertKind.BELOW, 50.0, BTC)
        await seen(1_000.0, 900.0, 2_500.0)
        assert true(above, below) == {}, "it was there before anybody waited for it"
        await seen(1_100.0, 900.0, 2_500.0)
        assert true(above, below) == {}
        await seen(1_200.0, 40.0, 2_600.0)
        assert true(above, below) == {
            above: ", reached 2,600, now 1,200",
            below: ", reached 40, now 1,200",
        }
        assert true(above) == {}, "set once more, it is waited for from now on"


async def test_what_an_outage_kept_back_was_before_anybody_waited(tmp_path: Path) -> None:
    bench, feed = Bench(tmp_path), feed_of()
    engine = bench.new(bench.record(ALWAYS, **LIVE), feed)
    length = engine.config.timeframe.ms
    conditions, above = AlertConditions(), AlertRule(AlertKind.ABOVE, 2_000.0, BTC)

    async def true(start: int, high: float) -> dict[AlertRule, str]:
        forming = Candle(start, 1_000.0, high, 900.0, 1_000.0, 1.0)
        feed.say(PriceSeen(BTC, feed.time, None, None, 1_000.0, 900.0, high, forming))
        await until(
            lambda: (
                engine.handler is not None
                and (shown := engine.handler.prices.get(BTC)) is not None
                and shown.forming == forming
            )
        )
        return conditions.come_true(engine, (above,))

    async with living(engine):
        for place in (250, 251):
            await decided(engine, feed.candle(place).time)
        stalled = engine.config.timeframe.floor(feed.time)
        feed.time = stalled + 10 * length + 1
        assert await true(stalled, 1_100.0) == {}
        assert await true(stalled + 3 * length, 2_500.0) == {}
        assert await true(stalled + 10 * length, 2_500.0) == {}, "perhaps before anybody waited"
        assert await true(stalled + 11 * length, 2_600.0) == {above: ", reached 2,600, now 1,000"}


@pytest.mark.parametrize(
    ("alerts", "said"),
    [
        ((AlertRule(AlertKind.ABOVE, 5.0, "ETH/USDT"),), "a price is of one of BTC/USDT"),
        ((AlertRule(AlertKind.DRAWDOWN, 100.0),), "below 100 per cent"),
        ((AlertRule(AlertKind.NO_TRADE, -1.0),), "expected a number above 0"),
        ((AlertRule(AlertKind.NO_TRADE, 1.0),) * 21, "up to 20 alerts"),
    ],
)
async def test_what_cannot_be_waited_for_is_refused(
    tmp_path: Path, alerts: tuple[AlertRule, ...], said: str
) -> None:
    feed = TestFeed({BTC: market(300)}, 250)

    async with hosting(tmp_path, feeds=live_feed(feed)) as host:
        session_id = (await host.start(StartRequest(RSI))).session_id
        with pytest.raises(BadRequestError, match=said):
            await host.set_alerts(session_id, alerts)
        with pytest.raises(BadRequestError, match="no comma"):
            await host.annotate(session_id, "", ("x" * 25,))
        path = host.workspace.session(session_id) / NOTES
        path.write_text("{")
        with pytest.raises(BadRequestError, match="cannot be read"):
            await host.annotate(session_id, "", ())
        assert path.read_text() == "{", "what cannot be read is never written over"
