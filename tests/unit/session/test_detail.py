"""What the session screen draws: the whole curve with its deepest drawdown, and the present."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.host.living_session import report_later, report_of
from core.market.candles.candle import Candle
from core.market.feeds.feed import PriceSeen
from core.report.curves import drawdown, kept_points
from core.report.trade_columns import TradeColumns
from core.session.view import session_detail
from core.trading.values import Trade
from tests.unit.session.sessions import RSI, SPAN, Bench, market, replay
from tests.unit.session.test_live_engine import ALWAYS, LIVE, decided, feed_of, living, runner_of
from tests.waiting import until


@given(
    st.lists(st.floats(1, 1e6), min_size=1, max_size=300),
    st.integers(1, 20),
)
def test_a_reduced_curve_keeps_its_ends_extremes_and_deepest_drawdown(
    equity: list[float], columns: int
) -> None:
    values = np.array(equity)
    at = kept_points(values, columns)
    kept = values[at]
    assert (at[0], at[-1]) == (0, len(values) - 1)
    assert sorted(set(at.tolist())) == at.tolist()
    assert len(at) <= 2 * columns + 4
    assert (kept.min(), kept.max()) == (values.min(), values.max())
    assert drawdown(kept, 1.0).min() == drawdown(values, 1.0).min()


async def test_the_curve_of_a_long_session_is_its_whole_period(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    engine = bench.new(bench.record(RSI), replay(market(3_000)))
    await engine.live()
    run = runner_of(engine)
    whole = run.curve()
    shown = session_detail("abcd1234", run, ()).equity
    assert (shown[0], shown[-1]) == (whole[0], whole[-1])
    assert len(shown) < len(whole)
    assert set(shown) <= set(whole)
    lows = [drawdown(np.array([value for _, value in c]), 1e4).min() for c in (shown, whole)]
    assert lows[0] == lows[1]
    equities = [value for _, value in whole]
    spark = run.equity_at(60)
    assert (len(spark), spark[-1]) == (60, equities[-1])
    assert spark[29] == equities[len(equities) // 2 - 1]
    assert run.equity_at(len(equities) + 1) == tuple(equities)


async def test_the_forming_candle_and_the_price_are_those_of_one_moment(tmp_path: Path) -> None:
    bench, feed = Bench(tmp_path), feed_of()
    engine = bench.new(bench.record(RSI, **LIVE), feed)
    async with living(engine):
        closed = feed.candle(250)
        await decided(engine, closed.time)
        forming = Candle(closed.time + SPAN, 1.0, 3.0, 0.5, 2.0, 7.0)
        feed.say(PriceSeen("BTC/USDT", closed.time + SPAN + 9, 1.9, 2.1, 2.0, 0.5, 3.0, forming))
        handler = engine.handler
        assert handler is not None
        await until(lambda: "BTC/USDT" in handler.prices)
        detail = session_detail("abcd1234", handler.runner, (), (), handler.prices)
        assert detail.forming == {"BTC/USDT": forming}
        assert detail.prices == {"BTC/USDT": 2.0}
        quote = PriceSeen("BTC/USDT", closed.time + SPAN + 19, 3.4, 3.6, None, forming=forming)
        feed.say(quote)
        await until(lambda: handler.prices["BTC/USDT"] == quote)
        detail = session_detail("abcd1234", handler.runner, (), (), handler.prices)
        (now,) = detail.forming.values()
        assert (now.close, now.high, now.low) == (3.5, 3.5, 0.5)  # as a position is marked
        assert detail.prices == {"BTC/USDT": 3.5}
        await decided(engine, feed.candle(251).time)
        after = session_detail("abcd1234", handler.runner, (), (), handler.prices)
        assert after.forming == {}  # it has closed, and nothing is told of the next one


async def test_a_report_made_later_is_that_of_the_moment_it_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []  # trades
    columns_of = TradeColumns.of

    def counting(trades: Sequence[Trade]) -> TradeColumns:
        counted.append(len(trades))
        return columns_of(trades)

    bench, feed = Bench(tmp_path), feed_of()
    engine = bench.new(bench.record(ALWAYS, **LIVE), feed)
    async with living(engine):
        for place in range(250, 255):
            await decided(engine, feed.candle(place).time)
        at_once = report_of(engine)
        monkeypatch.setattr(TradeColumns, "of", counting)
        later = report_later(engine)
        assert not counted  # on the loop: of a million trades it takes a second
        for place in range(255, 300):
            feed.candle(place)
        await decided(engine, feed.candles["BTC/USDT"].at(299).time)
        assert await asyncio.to_thread(later) == at_once
        assert counted
        assert len(report_of(engine)["equity"]) == len(at_once["equity"]) + 45
