"""How sessions read in a terminal."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from core.session.snapshot import Level, LogLine
from core.store.notes import Notes
from core.strategy.signals.reading import Reading
from core.trading.values import Addition, ExitReason, TradePart
from tests.ui.scripted import busy, session
from tui.cli.session_text import log_text, session_text
from tui.screens.conditions import condition_rows


def test_a_session_without_a_candle_says_so() -> None:
    waiting = session("ab12cd34", "rsi_bounce", last_candle=None)
    assert "  last candle  none yet" in session_text(waiting)
    decided = session("ab12cd34", "rsi_bounce", last_candle=1_760_000_400_000)
    assert "  last candle  2025-10-09 09:00 UTC" in session_text(decided)


def test_note_and_tags_stand_in_it() -> None:
    noted = session("ab12cd34", "rsi_bounce", notes=Notes("stop too near\nwiden it", ("a", "b c")))
    text = session_text(noted)
    assert "  tags         #a #b c" in text
    assert "  your note    stop too near" in text
    assert "  your note    widen it" in text
    assert not any("your note" in line for line in session_text(session("ab12cd34", "x")))


async def test_a_condition_that_holds_is_off_by_nothing() -> None:
    link = busy()
    one = link.sessions[0]
    text = session_text(one, await link.detail(one.id))
    symbol = one.symbols[0]
    assert f"  entry        {symbol}: no  rsi < 30, now 41.80, off by 11.80" in text
    assert f"  entry        {symbol}: yes close > ema_200, now 64,598.35" in text


async def test_a_crossing_beyond_its_threshold_is_not_off_by_what_lies_behind_it() -> None:
    link = busy()
    one = link.sessions[0]
    detail = await link.detail(one.id)
    beyond = Reading("entry", "a crosses above b", 9.0, 8.0, 1.0, False, beyond="above")
    text = session_text(one, replace(detail, readings={one.symbols[0]: (beyond,)}))
    told = next(line for line in text if "crosses above" in line)
    assert told.endswith("now 9.00, is above already and has to come back first")
    (row,) = condition_rows([beyond])
    assert row.cells[-1].text == "is above"


async def test_its_trades_are_told_the_newest_first() -> None:
    link = busy()
    one = link.sessions[0]
    detail = await link.detail(one.id)
    told = [line for line in session_text(one, detail) if line.startswith("  trade ")]
    assert len(told) == len(detail.trades) == 2
    assert "take profit" in told[1], "the first that closed"


def test_lines_of_the_log_are_told_apart_by_their_seconds() -> None:
    line = LogLine(1, 1_760_000_401_000, Level.INFO, "ab12cd34", "running")
    assert log_text(line).startswith("2025-10-09 09:00:01  info ")


async def test_the_price_of_several_exits_is_told_as_their_average() -> None:
    link = busy()
    one = link.sessions[0]
    detail = await link.detail(one.id)
    reasons = ExitReason.TAKE_PROFIT, ExitReason.TAKE_PROFIT, ExitReason.STOP_LOSS
    parts = tuple(TradePart(1, 110.0, 0.4, 1.0, reason) for reason in reasons)
    entries = tuple(Addition(1, 100.0, 0.5, 50.0, 0.0) for _ in range(2))
    made = msgspec.structs.replace(
        detail.trades[-1], entry_price=100.0, exit_price=101.0, parts=parts, entries=entries
    )
    told = session_text(one, replace(detail, trades=(made,)))
    (line,) = (line for line in told if line.startswith("  trade "))
    assert "at 100.00 on average, out at 101.00 on average (take profit, then stop loss)" in line
