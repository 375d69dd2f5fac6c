"""A market that stops trading while a session holds a position in it is told to its user."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.exchange.faults import FaultKind
from core.exchange.market.clock import ManualClock
from core.exchange.server import EmbeddedExchange
from core.journal.values import FeedKind, SessionState
from core.market.candles.timeframes import MINUTE
from core.market.feeds.streams.follower import StreamFeed
from core.schedule.service import Schedule
from core.session.snapshot import SessionSnapshot, StartRequest
from tests.unit.host.hosts import hosting
from tests.unit.session.test_live_engine import ALWAYS

from .conftest import START
from .feeds import FOLLOW_PACE, STREAM_PACE, pass_until
from .test_feeds_live import market_of


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START, speed=20)


async def test_a_position_in_a_market_that_trades_no_more_is_told_of_once(
    exchange: EmbeddedExchange, clock: ManualClock, tmp_path: Path
) -> None:
    desk = market_of(exchange, replace(STREAM_PACE, silent_after=0.25))

    async def feed(*_: object) -> StreamFeed:
        return StreamFeed(desk, FOLLOW_PACE)

    async with hosting(
        tmp_path, feeds={FeedKind.LIVE: feed}, schedule=Schedule, clock=clock.now
    ) as host:

        def one() -> SessionSnapshot:
            return host.fresh_snapshot().sessions[0]

        def told(words: str) -> int:
            return sum(words in line.text for line in host.logs())

        config = {**ALWAYS, "timeframe": "1m", "stop_loss_pct": 90, "take_profit_pct": 90}
        await host.start(StartRequest(config=config))
        await pass_until(clock, 10_000, lambda: one().open_positions)
        exchange.switch_on(FaultKind.DELISTING, "BTCUSDT")
        words = "has no prices, with 1 open position: "
        await pass_until(clock, MINUTE // 2, lambda: told(words))
        await pass_until(clock, MINUTE // 2, lambda: "does not trade on" in str(one().state_reason))
        assert one().state is SessionState.STALE
        assert len(one().open_positions) == 1
        exchange.switch_off()
        await pass_until(clock, 10_000, lambda: told("has prices again"))
        assert (told(words), told("has prices again")) == (1, 1)
    await desk.close()
