"""Is the timeframe of a candle file told from its candles?"""

from __future__ import annotations

from pathlib import Path

import pytest

from core.market.candles.timeframes import MINUTE, Timeframe
from core.market.files.candle_files import timeframe_of_file
from core.market.files.errors import CandleFileError


def candle_file(folder: Path, times: list[int]) -> Path:
    rows = [f"{time},1,2,0.5,1.5,10" for time in times]
    path = folder / "candles.csv"
    path.write_text("\n".join(["timestamp,open,high,low,close,volume", *rows]), encoding="utf-8")
    return path


@pytest.mark.parametrize("timeframe", list(Timeframe))
def test_it_is_told_in_spite_of_gaps_disorder_and_duplicates(
    tmp_path: Path, timeframe: Timeframe
) -> None:
    opens = [timeframe.next_open(1_700_000_000_000) + count * timeframe.ms for count in range(9)]
    times = [opens[8], *opens[:3], opens[2], *opens[5:8]]
    assert timeframe_of_file(candle_file(tmp_path, times)) is timeframe


@pytest.mark.parametrize(
    ("minutes", "why"), [([0], "fewer than two"), ([0, 7, 14], "holds 7m candles; expected")]
)
def test_what_cannot_be_told_is_said(tmp_path: Path, minutes: list[int], why: str) -> None:
    times = [1_700_000_000_000 + minute * MINUTE for minute in minutes]
    with pytest.raises(CandleFileError, match=why):
        timeframe_of_file(candle_file(tmp_path, times))
