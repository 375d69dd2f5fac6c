"""A journaled stop is where a session ends, whatever its host died in the middle of."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.host.stored_sessions import stored_session
from core.journal.records import Commanded
from core.journal.values import SessionState
from tests.unit.session.sessions import SPAN, START, Bench
from tests.unit.session.test_live_engine import ALWAYS, LIVE, decided, feed_of, living, runner_of

FICKLE = {**ALWAYS, "max_hold": 3}
"""Enters at every chance and leaves again: whatever goes on, trades."""


async def killed_after_a_stop(
    bench: Bench, *, flatten: bool, scheduled: bool = False
) -> tuple[int, int]:
    """Leave a session whose stop is in its journal and whose end is not, with later candles.

    Returns how many trades it had, and its last moment.
    """
    feed = feed_of()
    engine = bench.new(bench.record(FICKLE, **LIVE), feed)
    async with living(engine):
        for place in range(250, 261):
            await decided(engine, feed.candle(place).time)
        run = runner_of(engine)
        assert not run.flat
    session = bench.journals["abcd1234"]
    stop = Commanded(START, run.moment_time, "stop", flatten=flatten, scheduled=scheduled)
    session.append(stop)
    for place in range(261, 280):  # the connection went on until the host was killed
        session.take_candle(0, feed.candles["BTC/USDT"].at(place))
    await session.commit()
    bench.restart()
    return len(run.account.trades), run.moment_time


@pytest.mark.parametrize(
    ("scheduled", "reason"),
    [(False, "stopped by hand"), (True, "its scheduled end was reached")],
)
async def test_nothing_is_decided_after_a_stop(
    tmp_path: Path, scheduled: bool, reason: str
) -> None:
    bench = Bench(tmp_path)
    trades, last = await killed_after_a_stop(bench, flatten=False, scheduled=scheduled)
    stored = await stored_session(bench.storage, "abcd1234")
    stored.read_on()
    assert stored.snapshot().trades_count == trades
    bench.restart()
    again = await bench.again(feed_of(known=280))
    await again.live()
    assert again.state is SessionState.STOPPED
    assert again.reason == reason
    assert len(runner_of(again).account.trades) == trades
    assert runner_of(again).moment_time == last


@pytest.mark.parametrize("read_first", [False, True])
async def test_a_stop_that_flattens_closes_what_is_open_and_decides_nothing_more(
    tmp_path: Path, read_first: bool
) -> None:
    bench = Bench(tmp_path)
    trades, last = await killed_after_a_stop(bench, flatten=True)
    if read_first:
        stored = await stored_session(bench.storage, "abcd1234")
        stored.read_on()
        assert stored.snapshot().trades_count == trades + 1
        bench.restart()
    again = await bench.again(feed_of(known=280))
    await again.live()
    assert again.reason == "stopped by hand, positions closed"
    assert runner_of(again).flat
    assert len(runner_of(again).account.trades) == trades + 1
    # The candle that was forming passes; at the open of the next one the position is closed.
    assert runner_of(again).moment_time == last + 2 * SPAN
