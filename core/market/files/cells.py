"""Reads the cells of a candle file: numbers and times, as programs and exchanges write them."""

from __future__ import annotations

import calendar
import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
from numpy.typing import NDArray

from core.market.candles.candles import Floats, Times

_MISSING = frozenset({"", "-", "na", "n/a", "nan", "null", "none", "<na>"})

# Unix times of 1973 to 5138, told apart by size. Smaller numbers are spreadsheet days or row
# numbers, and never mean a time at which a market with candles existed.
_UNITS = (
    (1e8, 1e11, 1_000, 1),  # seconds: × 1000
    (1e11, 1e14, 1, 1),
    (1e14, 1e17, 1, 1_000),
    (1e17, 9.2e18, 1, 1_000_000),
)
_ROUNDING = 1e-6  # of a millisecond: what a float of seconds may fall short by
# Times written as digits, 20210131 to 20210131235959. As Unix times those of 12 and 14 digits would
# lie before 1980 or after 2500; those of 8 are none.
_DIGITS = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
_FIRST_YEAR, _LAST_YEAR = 1900, 2199
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

NO_TIME = np.iinfo(np.int64).min
"""Stands for a time that is missing in a row."""

Mask = NDArray[np.bool_]

_MONTHS = {
    name: number
    for number, month in enumerate(calendar.month_name)
    for name in (month.lower(), month[:3].lower())
    if month
}
_TIME = re.compile(
    r"""(?: (?P<digits>\d{8})
          | (?P<first>\d{1,4}) (?P<part>[-./ ]) (?P<second>\d{1,2}|[A-Za-z]{3,9}) [-./ ]
            (?P<third>\d{1,4})
          | (?P<month>[A-Za-z]{3,9})\.?\ (?P<day>\d{1,2}),?\ (?P<year>\d{4}) )
        (?: (?:[T,]|,?\ +) (?P<h>\d{1,2})
            (?: [:-]?(?P<m>\d{2}) (?: :?(?P<s>\d{2}) (?:[.,](?P<ms>\d{1,9}))? )? )?
            (?: [ -]? (?P<half>[AaPp])\.?[Mm]\.? )? )?
        \s* (?:Z|UTC|GMT)? \s* (?: (?P<sign>[+-]) (?P<zh>\d{1,2}) (?: :?(?P<zm>\d{2}) )? )? """,
    re.VERBOSE | re.ASCII,
)
_CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2})?([.,]\d+)?( ?[AaPp][Mm])?|\d{4}|\d{6}", re.ASCII)
_DATE = re.compile(r"\d{8}|\d{1,4}[-./]\d{1,2}[-./]\d{1,4}", re.ASCII)

_GROUPED = re.compile(r"[-+]?\d{1,3}(?P<by>,)\d{3}(,\d{3})*(?P<rest>\.\d+)?", re.ASCII)  # 28,923.63
_COMMA = re.compile(r"[-+]?(\d+|\d{1,3}(?P<by>\.\d{3})+),\d+", re.ASCII)  # 28923,63 and 28.923,63
_SCALED = re.compile(r"(?P<number>.*\d) ?(?P<scale>[KMB])", re.ASCII | re.IGNORECASE)
_SCALES = {"k": 1e3, "m": 1e6, "b": 1e9}
_NUMERIC = re.compile(r"[-+]?[\d.,]*\d[\d.,]*(e[-+]?\d+)?", re.ASCII | re.IGNORECASE)


class _EitherOrderError(ValueError):
    """A date is written so that its first number may be the day or the month."""


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


def is_numeric(cell: object) -> bool:
    """Whether a cell may be a finite number, whatever separates its decimals."""
    if isinstance(cell, str):
        return _NUMERIC.fullmatch(cell.strip()) is not None
    return isinstance(cell, int | float) and not isinstance(cell, bool) and math.isfinite(cell)


def is_date(cell: object) -> bool:
    """Whether a cell is a date without a time of day."""
    return _DATE.fullmatch(str(cell).strip()) is not None


def is_clock(cell: object) -> bool:
    """Whether a cell is a time of day without a date."""
    return _CLOCK.fullmatch(str(cell).strip()) is not None


def is_time(cell: object) -> bool:
    """Whether a cell is a time."""
    times, strange = as_times(column_of([cell]))
    return strange is None and bool(times[0] != NO_TIME)


# ── Numbers ──


def as_numbers(
    column: NDArray[np.generic], decimal_comma: bool = False
) -> tuple[Floats, int | None]:
    """A column as float64 (NaN where a value is missing), and the first position with no number."""
    if column.dtype.kind in "fiu":
        return np.ascontiguousarray(column, dtype=np.float64), None
    numbers = np.empty(len(column), dtype=np.float64)
    for position, value in enumerate(column.tolist()):
        try:
            numbers[position] = _number(value, decimal_comma)
        except (TypeError, ValueError, OverflowError):
            return numbers, position
    return numbers, None


def decimal_comma(columns: Iterable[NDArray[np.generic]]) -> tuple[bool, str | None]:
    """Whether a comma stands before decimals in these columns of one file.

    Returns:
        That, and a cell that could be read either way where no other cell decides.
    """
    doubtful = None
    for column in columns:
        if column.dtype.kind in "fiuM":
            continue
        for value in column.tolist():
            if not isinstance(value, str) or "," not in value:
                continue
            grouped, comma = _GROUPED.fullmatch(value.strip()), _COMMA.fullmatch(value.strip())
            if comma and not grouped:
                return True, None
            if grouped and not comma:
                return False, None
            if doubtful is None and grouped:
                doubtful = value
    return False, doubtful


def _number(value: object, decimal_comma: bool = False) -> float:
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
        scale = 1.0
        if (scaled := _SCALED.fullmatch(text)) is not None:
            text, scale = scaled["number"], _SCALES[scaled["scale"].lower()]
        if "," in text:
            if decimal_comma and _COMMA.fullmatch(text):
                text = text.replace(".", "").replace(",", ".")
            elif not decimal_comma and _GROUPED.fullmatch(text):
                text = text.replace(",", "")
        return float(text) * scale
    if isinstance(value, (int, float)) or hasattr(value, "__float__"):
        return float(value)
    raise TypeError("no number")


# ── Times ──


def as_times(column: NDArray[np.generic]) -> tuple[Times, int | None]:
    """A column as UTC ms, `NO_TIME` where it is missing, and the first position that is no time.

    Numbers are Unix times in s, ms, µs or ns, by their size, or dates of 8, 12 or 14 digits. Texts
    are these, ISO 8601, or dates as spreadsheets, brokers and exchanges write them; UTC where they
    name no zone. Where 1/2/2021 may be January or February, the whole column decides: a number
    above 12 is a day, else the order that makes the times lie closer together is meant.
    """
    if column.dtype.kind == "M":
        whole = column.astype("datetime64[ms]").astype(np.int64)  # NaT is the least int64: NO_TIME
        return whole, None
    if column.dtype.kind in "iu":
        whole = column.astype(np.int64)  # beyond its range a uint64 turns negative: no time
        missing = np.zeros(len(column), dtype=np.bool_)
    elif column.dtype.kind == "f":
        numbers = column.astype(np.float64)
        missing = np.isnan(numbers)
        if not (np.abs(numbers[~missing]) < 1e15).all() or (numbers[~missing] % 1).any():
            return _unix_times(numbers, missing)
        whole = np.where(missing, 0, numbers).astype(np.int64)
        if (times := _written_as_digits(whole, missing)) is not None:
            return times, None
        return _unix_times(numbers, missing)
    else:
        return _times_of_texts(column.tolist())
    times = _written_as_digits(whole, missing)
    return (times, None) if times is not None else _unix_times(whole, missing)


def joined_times(dates: NDArray[np.generic], clocks: NDArray[np.generic]) -> NDArray[np.generic]:
    """Dates and times of day that stand in columns of their own, as texts of one column."""

    def joined(date: object, clock: object) -> object:
        text = "" if clock is None else str(clock).strip()
        if text.isdecimal():  # 900 and 90000 are nine o'clock
            text = text.zfill(4 if len(text) <= 4 else 6)  # HHMM
            text = ":".join(text[place : place + 2] for place in range(0, len(text), 2))
        written = str(date).strip()
        return f"{written} {text}" if written.lower() not in _MISSING else None

    pairs = zip(dates.tolist(), clocks.tolist(), strict=True)
    return objects((joined(date, clock) for date, clock in pairs), len(dates))


def _written_as_digits(whole: Times, missing: Mask) -> Times | None:
    """Numbers as dates of 8, 12 or 14 digits, if all of them are."""
    known = whole[~missing]
    if not len(known):
        return None
    for digits in _DIGITS:
        scale = 10 ** (digits - 4)
        if not ((known >= _FIRST_YEAR * scale) & (known < (_LAST_YEAR + 1) * scale)).all():
            continue
        rest = np.where(missing, 20_000_101 * 10 ** (digits - 8), whole)
        parts: list[Times] = []
        for _ in range((digits - 4) // 2):
            rest, part = np.divmod(rest, 100)
            parts.insert(0, part)
        month, day, hour, minute, second = (*parts, *[np.zeros_like(rest)] * 3)[:5]
        if (
            ((month < 1) | (month > 12)).any()
            or ((day < 1) | (day > 31)).any()
            or ((hour > 23) | (minute > 59) | (second > 59)).any()
        ):
            return None
        first = (rest - 1970).astype("datetime64[Y]").astype("datetime64[M]")
        first = (first + (month - 1).astype("timedelta64[M]")).astype("datetime64[D]")
        dates = first + (day - 1).astype("timedelta64[D]")
        if (dates.astype("datetime64[M]").astype(np.int64) % 12 != month - 1).any():
            return None  # 31 February
        seconds = hour * 3600 + minute * 60 + second
        times = dates.astype("datetime64[ms]").astype(np.int64) + seconds * 1000
        return np.where(missing, NO_TIME, times)
    return None


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


def _times_of_texts(values: list[object]) -> tuple[Times, int | None]:
    try:
        return _times_in_order(values, None)
    except _EitherOrderError:
        ways = [_times_in_order(values, day_first) for day_first in (True, False)]
        sound = [way for way in ways if way[1] is None]
        if not sound:
            return max(ways, key=lambda way: way[1] or 0)
        return min(sound, key=lambda way: _reach(way[0]))


def _reach(times: Times) -> int:
    known = times[times != NO_TIME]
    return int(known.max() - known.min()) if len(known) else 0


def _times_in_order(values: list[object], day_first: bool | None) -> tuple[Times, int | None]:
    times = np.empty(len(values), dtype=np.int64)
    for position, value in enumerate(values):
        try:
            times[position] = _time(value, day_first)
        except _EitherOrderError:
            raise
        except (TypeError, ValueError, OverflowError):
            return times, position
    return times, None


def _time(value: object, day_first: bool | None) -> int:
    """A cell as UTC ms; `NO_TIME` where it is missing.

    Raises:
        TypeError, ValueError, OverflowError: if it is no time.
    """
    if isinstance(value, str):
        text = value.strip()
        if text.isdecimal():
            if (form := _DIGITS.get(len(text))) is not None and "19" <= text[:2] <= "21":
                return _moment(datetime.strptime(text, form))  # UTC is put in
            return _unix_time(int(text))
        try:
            number = _number(text)
        except ValueError:
            try:
                return _moment(datetime.fromisoformat(text))
            except ValueError:
                return _moment(_written_out(text, day_first))
    elif isinstance(value, datetime):
        return _moment(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        return _unix_time(value)
    else:
        number = _number(value)
    return NO_TIME if math.isnan(number) else _unix_time(number)


def _written_out(text: str, day_first: bool | None) -> datetime:
    """A time such as 31.01.2021 14:00:00.000, 2021.01.31 14:00 or 2021-01-31 02-PM."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError("no time")
    if found["digits"]:
        digits = found["digits"]
        year, month, day = int(digits[:4]), int(digits[4:6]), int(digits[6:])
    elif found["month"]:
        year, month, day = int(found["year"]), _month(found["month"]), int(found["day"])
    elif len(found["first"]) == 4:  # a year
        year, month, day = int(found["first"]), _month(found["second"]), int(found["third"])
    else:
        if len(found["third"]) != 4:  # 01.02.03 may be anything
            raise ValueError("no time")
        year, day, month = int(found["third"]), int(found["first"]), 0
        if found["part"] == "." or not found["second"].isdecimal():
            month = _month(found["second"])
        elif day_first is None:
            raise _EitherOrderError
        else:
            month = int(found["second"])
            if not day_first:
                day, month = month, day
    hour = int(found["h"] or 0)
    if found["half"]:
        if not 1 <= hour <= 12:
            raise ValueError("no time")
        hour = hour % 12 + (12 if found["half"] in "Pp" else 0)
    zone = UTC
    if found["sign"]:
        ahead = timedelta(hours=int(found["zh"]), minutes=int(found["zm"] or 0))
        zone = timezone(ahead if found["sign"] == "+" else -ahead)
    micros = int((found["ms"] or "0").ljust(6, "0")[:6])
    clock = (hour, int(found["m"] or 0), int(found["s"] or 0), micros)
    return datetime(year, month, day, *clock, tzinfo=zone)


def _month(text: str) -> int:
    if text.isdecimal():
        return int(text)
    if text.lower() not in _MONTHS:
        raise ValueError("no month")
    return _MONTHS[text.lower()]


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
