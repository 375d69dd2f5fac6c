"""Of which timeframe are the candles in a file, where nobody has said?"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.market.columns import NO_TIME, as_times
from core.market.file_error import CandleFileError
from core.market.raw_table import read_table
from core.market.timeframes import Timeframe
from core.market.vetting import length_in_words


def timeframe_of_file(path: Path | str) -> Timeframe:
    """The timeframe whose length most neighbouring candles of the file are apart.

    Raises:
        CandleFileError: if the file cannot be read, has fewer than two candles, or its usual
            interval is no timeframe. What else is wrong with it, `read_candles` says.
    """
    path = Path(path)
    times, _ = as_times(read_table(path).columns["time"])
    steps = np.diff(np.unique(times[times != NO_TIME]))
    if not len(steps):
        raise CandleFileError(
            path, "has fewer than two candles, so that their timeframe cannot be told"
        )
    sizes, counts = np.unique(steps, return_counts=True)
    usual = int(sizes[counts.argmax()])
    for timeframe in Timeframe:
        if timeframe.ms == usual:
            return timeframe
    raise CandleFileError(
        path,
        f"holds {length_in_words(usual)} candles",
        expected=f"candles of one of {', '.join(Timeframe)}",
    )
