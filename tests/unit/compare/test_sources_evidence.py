"""What a session's lines tell of the time in which nobody ran it, and of candles told otherwise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.backtest.run import run_backtest
from core.compare.causes import Evidence, Span
from core.compare.evidence import Happened, Journaled, evidence_of, revised
from core.journal.records import Begun, GapSeen, MomentPassed, Record, Returned
from core.journal.values import FeedKind
from core.market.candles.candles import Candle, Candles
from core.report.result import RunResult
from core.strategy.config.parsing import parse_config
from core.trading.values import Halted, Obstacle, Refused, Side
from tests.unit.session.sessions import RSI, SPAN, START, Bench, market

CONFIG = parse_config(RSI).config
SYMBOL = "BTC/USDT"
COUNT = 300


def at(place: int) -> int:
    return START + place * SPAN


@pytest.fixture
def backtest() -> RunResult:
    return run_backtest(CONFIG, {SYMBOL: market(COUNT)})


def session(root: Path, *lines: Record, feed: FeedKind = FeedKind.LIVE) -> Journaled:
    record = Bench(root).record(RSI, feed=feed)
    begun = Begun(START, {}, {SYMBOL: START}, None, START)
    candles = {SYMBOL: market(COUNT)}
    happened = Happened()
    happened.take((begun, *lines))
    return Journaled(record, CONFIG, begun, happened, at(COUNT - 1), candles, candles)


def told(one: Journaled, backtest: RunResult, now: Candles | None = None) -> Evidence:
    return evidence_of(one, {SYMBOL: market(COUNT) if now is None else now}, backtest.happened)


def test_downtime_ends_with_the_last_candle_that_closed_before_the_return(
    tmp_path: Path, backtest: RunResult
) -> None:
    back = Returned(at(120) + 100_000, at(100))
    assert told(session(tmp_path, back), backtest).away == (Span(at(101), at(119)),)


def test_on_an_exchange_with_a_clock_of_its_own_only_its_candles_tell(
    tmp_path: Path, backtest: RunResult
) -> None:
    back = Returned(at(5_000), at(100))
    lines = (back, MomentPassed(at(104), 1.0, [], away=True), MomentPassed(at(110), 1.0, []))
    demo = session(tmp_path, *lines, feed=FeedKind.DEMO)
    assert told(demo, backtest).away == (Span(at(101), at(104)),)


def test_a_gap_while_nobody_was_there_is_downtime(tmp_path: Path, backtest: RunResult) -> None:
    lines = (
        GapSeen(SYMBOL, at(50), at(52), "the venue has none"),
        Returned(at(120) + 1, at(100)),
        GapSeen(SYMBOL, at(105), at(110), "the venue has none any more"),
    )
    found = told(session(tmp_path, *lines), backtest)
    assert found.gaps == (Span(at(50), at(52), SYMBOL, "the venue has none"),)


def test_candles_told_otherwise_and_candles_never_had_are_found(
    tmp_path: Path, backtest: RunResult
) -> None:
    now = market(COUNT)
    close = now.close.copy()
    close[200] += 1
    now = replace(now, close=close)
    one = session(tmp_path)
    keep = np.ones(COUNT, dtype=bool)
    keep[[10, 11, 20]] = False
    names = ("time", "open", "high", "low", "close", "volume")
    had = Candles(*(getattr(market(COUNT), name)[keep] for name in names))
    found = told(replace(one, seen={SYMBOL: had}), backtest, now)
    assert [(gap.first, gap.last) for gap in found.gaps] == [(at(10), at(11)), (at(20), at(20))]
    ((span,),) = (found.revised,)
    assert (span.first, span.symbol) == (at(200), SYMBOL)
    assert "close" in span.note


def test_candles_the_venue_has_no_more_leave_the_indicators_another_beginning(
    tmp_path: Path, backtest: RunResult
) -> None:
    assert told(session(tmp_path), backtest).same_warmup
    assert not told(session(tmp_path), backtest, market(COUNT).slice(5)).same_warmup


def test_a_backtest_that_stopped_for_good_and_its_refusals_are_evidence(
    tmp_path: Path, backtest: RunResult
) -> None:
    refused = Refused(at(40), SYMBOL, Side.LONG, Obstacle.FILTER, "below the minimum notional")
    halted = Halted(at(60), "max_drawdown_pct", 10.0, 9_000.0)
    daily = Halted(at(50), "max_daily_loss_pct", 5.0, 9_500.0)
    run = replace(backtest, told=lambda: (refused, daily, halted))
    found = told(session(tmp_path), run)
    assert found.backtest_refused == (refused,)
    assert [(span.first, span.last) for span in found.backtest_halted] == [(at(60), at(299))]


def test_revisions_of_candles_that_are_not_there_change_nothing() -> None:
    candles = market(5)
    beyond = Candles.of([Candle(at(1) + 1, 1, 1, 1, 1, 1), Candle(at(9), 1, 1, 1, 1, 1)])
    assert revised(candles, beyond).close.tolist() == candles.close.tolist()
    changed = revised(candles, Candles.of([Candle(at(3), 7, 8, 6, 7.5, 2)]))
    assert changed.at(3) == Candle(at(3), 7, 8, 6, 7.5, 2)
    assert changed.at(2) == candles.at(2)
