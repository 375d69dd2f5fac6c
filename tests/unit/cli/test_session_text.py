"""How sessions read in a terminal."""

from __future__ import annotations

from tests.ui.scripted import session
from tui.cli.session_text import session_text


def test_a_session_without_a_candle_says_so() -> None:
    waiting = session("ab12cd34", "rsi_bounce", last_candle=None)
    assert "  last candle  none yet" in session_text(waiting)
    decided = session("ab12cd34", "rsi_bounce", last_candle=1_760_000_400_000)
    assert "  last candle  2025-10-09 09:00 UTC" in session_text(decided)
