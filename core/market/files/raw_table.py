"""Defines the table that every format of candle file is read into, and names its columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.market.files.columns import USUAL_ORDER, Layout, find_columns
from core.market.files.errors import CandleFileError, shown_value

HEADERLESS = f"no column names: taken as {USUAL_ORDER}"
HEAD = 40
"""The first rows of a file, within which it is found out what it holds."""

FEWEST = 5
"""The fewest columns of candles: a time and four prices."""


@dataclass(frozen=True, slots=True)
class RawTable:
    """The fields of a file as columns of equal length, values as the file has them.

    `columns`: by the names in `layout.positions`. `line_of` gives the place of a row in the file,
    counted from 1 in `unit`s.
    """

    columns: dict[str, NDArray[np.generic]]
    layout: Layout
    unit: str
    line_of: Callable[[Sequence[int]], list[int]]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a file is to be read: the columns where its names do not say, and whose candles."""

    columns: tuple[str, ...] | None = None
    base: str | None = None


def layout_of(
    path: Path, names: Sequence[object], rows: Sequence[Sequence[object]], wanted: Wanted
) -> Layout:
    """What the columns of these names are.

    Raises:
        CandleFileError: they are not those of candles.
    """
    chosen = names if wanted.columns is None else wanted.columns
    layout, trouble = find_columns(chosen, rows, wanted.base)
    if layout is None:
        raise unknown_columns(path, names, trouble)
    beyond = max(layout.positions.values())
    if beyond >= len(names):
        raise CandleFileError(
            path, f"has {len(names)} columns", expected=f"the {beyond + 1} that were named"
        )
    return layout


def unknown_columns(
    path: Path, names: Sequence[object], trouble: str | None, line: int | None = None
) -> CandleFileError:
    """The error of columns that are not those of candles, with what to do about it."""
    has = f"it has {', '.join(shown_value(name) for name in names[:20])}"
    return CandleFileError(
        path,
        f"{trouble}; {has}",
        line=line,
        advice="name its columns in their order with --columns, such as --columns "
        f"{USUAL_ORDER.replace(' ', '')}",
    )
