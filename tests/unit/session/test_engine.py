"""A session is a backtest that happens one candle at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from core.backtest.run import run_backtest
from core.host.living_session import report_of, snapshot_of
from core.journal.manifest import write_manifest
from core.journal.records import Begun
from core.journal.values import SessionState
from core.market.candles.timeframes import DAY, HOUR, Timeframe
from core.market.files.candle_files import read_candles
from core.session.view import session_detail
from core.strategy.config.parsing import parse_config
from core.strategy.signals.sources import signal_source
from core.time_format import iso_time
from tests.unit.session.sessions import (
    RSI,
    SPAN,
    START,
    TWO_SYMBOLS,
    Bench,
    market,
    replay,
    without,
)


async def test_replay_session_makes_the_trades_of_the_backtest(tmp_path: Path) -> None:
    candles = market(2_000)
    bench = Bench(tmp_path)
    engine = bench.new(bench.record(RSI), replay(candles))
    await engine.live()
    expected = run_backtest(parse_config(RSI).config, {"BTC/USDT": candles})
    assert engine.state is SessionState.STOPPED
    assert engine.reason == "the data ends"
    assert engine.handler is not None
    run = engine.handler.runner
    assert len(expected.trades) > 10
    assert tuple(run.account.trades) == expected.trades
    assert run.account.open_trades() == expected.open_trades
    result = run.result(())
    assert result.equity.tolist() == expected.equity.tolist()
    assert result.times.tolist() == expected.times.tolist()
    assert result.metrics == expected.metrics


async def test_a_replay_that_is_to_end_early_has_lasted_so_long_and_no_longer(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path)
    engine = bench.new(bench.record(RSI, run_for=700 * SPAN), replay(market(2_000)))
    await engine.live()
    shown = snapshot_of(engine)
    assert engine.reason == "its scheduled end was reached"
    assert shown.running_since == START
    assert shown.now == shown.ended == shown.planned_end == START + 700 * SPAN


async def test_a_replay_shows_why_not_now_as_a_session_does_to_whom_candles_come(
    tmp_path: Path,
) -> None:
    candles = market(300)
    bench = Bench(tmp_path)
    engine = bench.new(bench.record(RSI), replay(candles))
    await engine.live()
    stream = signal_source(engine.config).stream()
    for candle in candles:
        stream.update(candle)
    assert engine.handler is not None
    assert stream.readings()
    shown = session_detail("abcd1234", engine.handler.runner, ())
    assert shown.readings == {"BTC/USDT": stream.readings()}


async def test_a_replay_begun_again_acts_on_the_candles_received_before(tmp_path: Path) -> None:
    received, file = market(500), market(500, seed=9)
    bench = Bench(tmp_path)
    engine = bench.new(bench.record(RSI), replay(file))
    journal = bench.journals["abcd1234"]
    await journal.open_candle_journals()
    for candle in received:
        journal.take_candle(0, candle)
    await engine.live()
    expected = run_backtest(parse_config(RSI).config, {"BTC/USDT": received})
    assert engine.handler is not None
    assert expected.trades
    assert tuple(engine.handler.runner.account.trades) == expected.trades


@pytest.mark.parametrize("gaps", [(), (50, 51, 300), (0, 1, 2), (1_999,), (998, 999, 1_000)])
async def test_symbols_with_gaps_of_their_own_trade_as_in_the_backtest(
    tmp_path: Path, gaps: tuple[int, ...]
) -> None:
    candles = {
        "BTC/USDT": without(market(2_000), 100, 101),
        "ETH/USDT": without(market(2_000, seed=8), *gaps),
    }
    bench = Bench(tmp_path)
    engine = bench.new(bench.record(TWO_SYMBOLS), replay(candles))
    await engine.live()
    expected = run_backtest(parse_config(TWO_SYMBOLS).config, candles)
    assert engine.handler is not None
    assert tuple(engine.handler.runner.account.trades) == expected.trades
    assert engine.handler.runner.result(()).equity.tolist() == expected.equity.tolist()


@pytest.mark.shared_data
async def test_real_candles_of_two_markets_make_the_same_trades(
    tmp_path: Path, shared_data: Path
) -> None:
    candles = {
        f"{coin}/USDT": read_candles(
            shared_data / f"{coin}USDT-5m.csv.gz", Timeframe.M5
        ).candles.slice(-6_000)
        for coin in ("BTC", "ETH")
    }
    bench = Bench(tmp_path)
    engine = bench.new(bench.record(TWO_SYMBOLS), replay(candles))
    await engine.live()
    expected = run_backtest(parse_config(TWO_SYMBOLS).config, candles)
    assert engine.handler is not None
    assert len(expected.trades) > 50
    assert tuple(engine.handler.runner.account.trades) == expected.trades
    assert engine.handler.runner.result(()).equity.tolist() == expected.equity.tolist()


async def test_a_replay_goes_on_though_one_candle_journal_is_ahead_of_the_other(
    tmp_path: Path,
) -> None:
    candles = {
        "BTC/USDT": market(400),
        "ETH/USDT": without(market(400, seed=8), 120, 250),
    }
    bench = Bench(tmp_path)
    bench.new(bench.record(TWO_SYMBOLS), replay({}))
    session = bench.journals["abcd1234"]
    await session.open_candle_journals()
    session.append(Begun(START, {}, {}, None, START))
    for slot, (symbol, count) in enumerate((("BTC/USDT", 200), ("ETH/USDT", 90))):
        for candle in candles[symbol].slice(0, count):
            session.take_candle(slot, candle)
    await session.commit()  # what a power cut between the two candle journals' writes leaves
    bench.restart()
    engine = await bench.again(replay(candles))
    await engine.live()
    expected = run_backtest(parse_config(TWO_SYMBOLS).config, candles)
    assert engine.handler is not None
    assert tuple(engine.handler.runner.account.trades) == expected.trades
    assert engine.handler.runner.result(()).equity.tolist() == expected.equity.tolist()


async def test_a_new_day_starts_before_its_first_candle(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    engine = bench.new(bench.record(RSI), replay(market(400)))
    await engine.live()
    assert engine.handler is not None
    run = engine.handler.runner
    last, equity = run.curve()[-1]
    midnight = last // DAY * DAY
    evening = [value for at, value in run.curve() if at < midnight][-1]
    assert evening != equity
    assert run.day_start_equity(last) == evening
    assert run.day_start_equity(midnight + DAY - 1) == evening
    assert run.day_start_equity(midnight + DAY) == equity
    tokyo = ZoneInfo("Asia/Tokyo")
    begins = midnight + 15 * HOUR if last >= midnight + 15 * HOUR else midnight - 9 * HOUR
    before = [value for at, value in run.curve() if at < begins][-1]
    assert before != evening
    assert run.day_start_equity(last, tokyo) == before
    assert run.day_start_equity(run.curve()[0][0]) == run.config.starting_balance


async def test_a_gap_whose_line_was_lost_is_stated_by_the_next_host(tmp_path: Path) -> None:
    # The candles of a commit reach the disk before the session's own lines.
    bench, table = Bench(tmp_path), without(market(300), 250, 251)
    await bench.new(bench.record(RSI), replay(table)).live()
    path = bench.workspace.session("abcd1234") / "events.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]))  # its header, and that it had begun
    bench.restart()
    again = await bench.again(replay(table))
    await again.live()
    gaps: Any = report_of(again)["gaps"]
    missing = [(gap["first"], gap["candles"]) for gap in gaps]
    assert missing == [(iso_time(START + 250 * SPAN), 2)]


def test_the_lines_of_a_journal_that_is_not_there_yet_are_none(tmp_path: Path) -> None:
    # A host was killed between the session's record and its journal.
    bench = Bench(tmp_path)
    record = bench.record(RSI)
    write_manifest(bench.workspace.session(record.id), record, bench.disk)
    _, lines, torn = bench.storage.reopen_log(record)
    assert (list(lines), lines.rare, torn) == ([], [], 0)
