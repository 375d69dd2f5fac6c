"""Keeps the candles that were fetched before, in cache/.

One folder for each exchange, symbol and timeframe, one file for each thousand open times. A file
holds one unbroken stretch [start, stop) of what the exchange said of closed candles; a candle
absent from it was absent there. Only closed candles are ever kept. Anything here may be deleted.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.market.candles.candle import Candle
from core.market.candles.candles import Candles
from core.market.candles.timeframes import Timeframe
from core.store.durable import OsDisk, open_regular, write_durably

_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is known of the open times [start, stop): its closed candles, and no others."""

    start: int
    stop: int
    candles: Candles


class CandleCache:
    """Fetched candles below `folder`. Files that cannot be read count as absent."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def known(
        self, exchange: str, symbol: str, timeframe: Timeframe, start: int, stop: int
    ) -> Stretch:
        """The longest known stretch that begins at `start` (on the grid), up to `stop`."""
        parts: list[Candles] = []
        reached = start
        while reached < stop:
            chunk = self._load(self._path(exchange, symbol, timeframe, reached))
            if chunk is None or not chunk.start <= reached < chunk.stop:
                break
            end = min(chunk.stop, stop)
            parts.append(chunk.candles.between(reached, end))
            reached = end
        return Stretch(start, reached, Candles.joined(parts))

    def everything(
        self, exchange: str, symbol: str, timeframe: Timeframe, start: int, stop: int
    ) -> Candles:
        """All candles there are of [start, stop), whether or not others of it are unknown."""
        chunk = timeframe.ms * _CHUNK
        files = self._path(exchange, symbol, timeframe, start).parent.glob("*.npz")
        numbered = {int(file.stem): file for file in files if file.stem.isdecimal()}
        within = (n for n in sorted(numbered) if start // chunk <= n <= (stop - 1) // chunk)
        stretches = filter(None, (self._load(numbered[n]) for n in within))
        return Candles.joined([one.candles.between(start, stop) for one in stretches])

    def keep(self, exchange: str, symbol: str, timeframe: Timeframe, stretch: Stretch) -> None:
        """Remember a stretch. Where it meets or overlaps what a file holds, the file grows.

        Raises:
            OSError: if the cache cannot be written.
        """
        for start, stop in _chunks(timeframe, stretch.start, stretch.stop):
            path = self._path(exchange, symbol, timeframe, start)
            new = Stretch(start, stop, stretch.candles.between(start, stop))
            old = self._load(path)
            if old is not None and old.start <= new.stop and new.start <= old.stop:
                new = Stretch(
                    min(old.start, new.start),
                    max(old.stop, new.stop),
                    Candles.joined(
                        [
                            old.candles.between(old.start, new.start),
                            new.candles,
                            old.candles.between(new.stop, old.stop),
                        ]
                    ),
                )
            path.parent.mkdir(parents=True, exist_ok=True)
            write_durably(path, _packed(new), OsDisk())

    def _path(self, exchange: str, symbol: str, timeframe: Timeframe, time: int) -> Path:
        folder = self._folder / _name(exchange) / _name(symbol) / timeframe.value
        return folder / f"{time // (timeframe.ms * _CHUNK)}.npz"

    @staticmethod
    def _load(path: Path) -> Stretch | None:
        try:
            with open_regular(path) as file:
                content = io.BytesIO(file.read())
            with np.load(content, allow_pickle=False) as data:
                start, stop = (int(bound) for bound in data["bounds"])
                times = data["time"].astype(np.int64)
                columns = [data[field].astype(np.float64) for field in Candle._fields[1:]]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None  # absent or damaged: it is fetched again
        if any(len(column) != len(times) for column in columns):
            return None
        return Stretch(start, stop, Candles(times, *columns))


def _chunks(timeframe: Timeframe, start: int, stop: int) -> Iterator[tuple[int, int]]:
    span = timeframe.ms * _CHUNK
    while start < stop:
        end = min(stop, (start // span + 1) * span)
        yield start, end
        start = end


def _packed(stretch: Stretch) -> bytes:
    sink = io.BytesIO()
    np.savez(
        sink,
        bounds=np.array([stretch.start, stretch.stop], dtype=np.int64),
        **{field: getattr(stretch.candles, field) for field in Candle._fields},
    )
    return sink.getvalue()


def _name(text: str) -> str:
    """A name from outside as a folder's: letters, digits and what cannot lead elsewhere."""
    return "".join(letter if letter.isalnum() or letter == "-" else "_" for letter in text) or "_"
