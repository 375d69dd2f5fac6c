"""Finds out which column of a candle file is which, and reads its numbers and times."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from core.market.candles.candle import Candle
from core.market.candles.candles import Floats, Times

FIELDS = Candle._fields

# Where a file has several of them, the first named here is meant.
_NAMES = {
    "time": ("timestamp", "time", "date", "datetime", "open_time", "unix"),
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c"),
    "volume": ("volume", "v"),
}

_MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "<na>"})

# Unix times of 1973 to 5138, told apart by size. Smaller numbers are dates such as 20240131,
# spreadsheet days or row numbers, and never mean a time at which a market with candles existed.
_UNITS = (
    (1e8, 1e11, 1_000, 1),  # seconds: × 1000
    (1e11, 1e14, 1, 1),
    (1e14, 1e17, 1, 1_000),
    (1e17, 9.2e18, 1, 1_000_000),
)
_ROUNDING = 1e-6  # of a millisecond: what a float of seconds may fall short by
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

NO_TIME = np.iinfo(np.int64).min
"""Stands for a time that is missing in a row."""

Mask = NDArray[np.bool_]


def find_columns(names: Sequence[object]) -> tuple[dict[str, int], str | None]:
    """Positions of the six fields among column names, and what is wrong if not all are there.

    Names count in any case; columns of other names are ignored.
    """
    plain = [str(name).strip().lower() if isinstance(name, str) else None for name in names]
    found: dict[str, int] = {}
    missing: list[str] = []
    for field in FIELDS:
        alias = next((alias for alias in _NAMES[field] if alias in plain), None)
        if alias is None:
            missing.append(f"{field} (as {', '.join(_NAMES[field])})")
        elif plain.count(alias) > 1:
            return {}, f"{plain.count(alias)} columns are called {alias}"
        else:
            found[field] = plain.index(alias)
    return found, f"no column for {'; '.join(missing)}" if missing else None


def looks_like_rows(values: Sequence[object]) -> bool:
    """Whether a first line is data and not names: exchanges' archives begin with six numbers."""
    if len(values) < len(FIELDS):
        return False
    try:
        return all(math.isfinite(_number(value)) for value in values[: len(FIELDS)])
    except (TypeError, ValueError, OverflowError):
        return False


def objects(values: Iterable[object], count: int) -> NDArray[np.object_]:
    """Python values as an array, each left as it is."""
    return np.fromiter(values, dtype=np.object_, count=count)


def column_of(values: list[object]) -> NDArray[np.generic]:
    """Python values as the plainest array that holds them exactly."""
    kinds = set(map(type, values))
    if kinds == {int}:
        try:
            return np.array(values, dtype=np.int64)
        except OverflowError:
            return objects(values, len(values))
    if kinds and kinds <= {int, float}:
        try:
            return np.array(values, dtype=np.float64)
        except OverflowError:
            return objects(values, len(values))
    return objects(values, len(values))


def as_numbers(column: NDArray[np.generic]) -> tuple[Floats, int | None]:
    """A column as float64 (NaN where a value is missing), and the first position with no number."""
    if column.dtype.kind in "fiu":
        return np.ascontiguousarray(column, dtype=np.float64), None
    numbers = np.empty(len(column), dtype=np.float64)
    for position, value in enumerate(column.tolist()):
        try:
            numbers[position] = _number(value)
        except (TypeError, ValueError, OverflowError):
            return numbers, position
    return numbers, None


def as_times(column: NDArray[np.generic]) -> tuple[Times, int | None]:
    """A column as UTC ms, `NO_TIME` where it is missing, and the first position that is no time.

    Numbers are Unix times in s, ms, µs or ns, by their size; texts are numbers or ISO 8601 (UTC
    where they name no zone).
    """
    if column.dtype.kind == "M":
        whole = column.astype("datetime64[ms]").astype(np.int64)  # NaT is the least int64: NO_TIME
        return whole, None
    if column.dtype.kind in "iu":
        whole = column.astype(np.int64)  # beyond its range a uint64 turns negative: no time
        return _unix_times(whole, np.zeros(len(column), dtype=np.bool_))
    if column.dtype.kind == "f":
        numbers = column.astype(np.float64)
        return _unix_times(numbers, np.isnan(numbers))
    times = np.empty(len(column), dtype=np.int64)
    for position, value in enumerate(column.tolist()):
        try:
            times[position] = _time(value)
        except (TypeError, ValueError, OverflowError):
            return times, position
    return times, None


def _unix_times(column: Floats | Times, missing: Mask) -> tuple[Times, int | None]:
    times = np.full(len(column), NO_TIME, dtype=np.int64)
    known = missing.copy()
    for least, most, factor, divisor in _UNITS:
        unit = (column >= least) & (column < most)
        if not unit.any():
            continue
        if column.dtype.kind == "f":
            times[unit] = np.floor(column[unit] * factor / divisor + _ROUNDING)
        else:
            times[unit] = column[unit].astype(np.int64) * factor // divisor
        known |= unit
    strange = np.flatnonzero(~known)
    return times, int(strange[0]) if len(strange) else None


def _number(value: object) -> float:
    """A cell as a number; NaN where it is missing.

    Raises:
        TypeError, ValueError, OverflowError: if it is no number.
    """
    if value is None:
        return math.nan
    if isinstance(value, bool):
        raise TypeError("a truth value is no number")
    if isinstance(value, str):
        text = value.strip()
        if text.lower() in _MISSING:
            return math.nan
        if "_" in text:
            raise ValueError("no number")
        return float(text)
    if isinstance(value, (int, float)) or hasattr(value, "__float__"):
        return float(value)
    raise TypeError("no number")


def _time(value: object) -> int:
    """A cell as UTC ms; `NO_TIME` where it is missing.

    Raises:
        TypeError, ValueError, OverflowError: if it is no time.
    """
    if isinstance(value, str):
        text = value.strip()
        if text.isdecimal():
            return _unix_time(int(text))
        try:
            number = _number(text)
        except ValueError:
            return _moment(datetime.fromisoformat(text))
    elif isinstance(value, datetime):
        return _moment(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        return _unix_time(value)
    else:
        number = _number(value)
    return NO_TIME if math.isnan(number) else _unix_time(number)


def _unix_time(number: float) -> int:
    for least, most, factor, divisor in _UNITS:
        if least <= number < most:
            if isinstance(number, int):
                return number * factor // divisor
            return math.floor(number * factor / divisor + _ROUNDING)
    raise ValueError("no time")


def _moment(moment: datetime) -> int:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MILLISECOND
