"""Writes numbers, times and spans for the screen.

Unknown values (None) are written as an en dash. Times are given as UTC milliseconds and written in
a zone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

from core.market.candles.timeframes import Timeframe
from core.strategy.signals.reading import Counted
from core.text import basis_points as bp_text
from core.text import per_cent, price_decimals, signed_basis_points, signed_per_cent

if TYPE_CHECKING:
    from core.journal.values import OrderCounts
    from core.trading.values import WaitingOrder

UNKNOWN = "–"
_SECOND = 1_000
_MINUTE = 60 * _SECOND
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_WRITTEN = r"\d{4}-\d\d-\d\d \d\d:\d\d"
# As the log names candles: a time in somebody's own words, as in the message of a job, is theirs.
_UTC_MINUTE = re.compile(
    rf"(?<=candle ){_WRITTEN}(?!:|\w| UTC)"
    rf"|(?<=the ){_WRITTEN}(?= candle)|(?<=from ){_WRITTEN}(?= on:)"
    rf"|(?<=a full report on ){_WRITTEN} UTC\b"
)
_ANY_MINUTE = re.compile(rf"\b{_WRITTEN}(?!:|\w| UTC)")
_NAMED_MINUTE = re.compile(rf"\b{_WRITTEN} UTC\b")
MOST_NAMED = 12  # names in a question: three lines of the narrowest terminal
_CONDITION = re.compile(r"((entry|exit)\[\d+\])\.value")
_SWAP = re.compile(r"([A-Z0-9]+/[A-Z0-9]+):[A-Z0-9]+ ?(\+\d+)?")
_NUMBER = re.compile(r"(?:[▲▼] )?(([+-]?)([\d,]+)(?:\.(\d+))?([%×]?))")
_FIGURE = re.compile(r"(?:[▲▼✓✗] )?[+-]?[\d.]")
_LONGEST = 28  # letters of a figure; what has more is a sentence
_UNITS = {"s": _SECOND, "m": _MINUTE, "h": _HOUR, "d": _DAY, "w": 7 * _DAY, "M": 30 * _DAY}
_LENGTH_WRITTEN = re.compile(rf"\d+[{''.join(_UNITS)}](?: \d+[smh])?")
_FEWEST = 5  # digits of a figure that stay where there is no room for all
_AGO = re.compile(r"(\d+[smhd]) ago")
_SPENT = re.compile(r"(\d+[mhd]) \d+[mh]( of .+)")
_FLAT = 0.01  # of its values: what a small curve is high in all, so that 0.05% is no cliff
# The dots of a braille cell by column and, from the top down, row, as bits of U+2800.
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))


def length_of(timeframe: str) -> int:
    """The length of a timeframe in ms, to sort by; 0 for one of another version."""
    return next((one.ms for one in Timeframe if one.value == timeframe), 0)


def several(names: Sequence[str]) -> str:
    """The names in one line; beyond `MOST_NAMED` how many more there are."""
    more = len(names) - MOST_NAMED
    text = ", ".join(names[:MOST_NAMED])
    return f"{text} and {more} more" if more > 0 else text


def setting_names(paths: Sequence[str]) -> list[str]:
    """What was varied, each by as short a name as tells it from the others.

    `ichimoku.tenkan_period` is `tenkan`, `rsi.period` itself, `entry_conditions[0].value` `entry`,
    or `entry[0]` beside that of another condition.
    """
    ways = [_shorter(path) for path in paths]
    found = []
    for place, own in enumerate(ways):
        others = {name for number, way in enumerate(ways) if number != place for name in way}
        found.append(next((name for name in own if name not in others), own[-1]))
    return found


def setting(value: float | int | str) -> str:
    """The value of a setting, alike however it was written: 26 also of 26.0."""
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


def setting_words(settings: Mapping[str, float | int | str]) -> str:
    """What was set of a strategy, by short names; empty where nothing was."""
    named = zip(setting_names([*settings]), settings.values(), strict=True)
    return " ".join(f"{name}={setting(value)}" for name, value in named)


def axis_words(axes: Iterable[str]) -> list[str]:
    """What is varied of a strategy (`PATH=RANGE`), each by a short name."""
    parts = [axis.partition("=") for axis in axes]
    names = setting_names([path.strip() for path, _, _ in parts])
    return [f"{name}={values}" for name, (_, _, values) in zip(names, parts, strict=True)]


def grid_words(axes: Iterable[str]) -> str:
    """Over what a strategy is varied (`PATH=RANGE`), short enough for a table: `fast 5–20`.

    Steps are left out, and that it is a period which is varied, where no other name is then alike.
    """
    parts = [axis.partition("=") for axis in axes]
    names = setting_names([path.strip() for path, _, _ in parts])
    bare = [name.removesuffix(".period") for name in names]
    names = [one if bare.count(one) == 1 else name for one, name in zip(bare, names, strict=True)]
    ranges = (values.strip().split(":") for _, _, values in parts)
    return ", ".join(f"{name} {'–'.join(of[:2])}" for name, of in zip(names, ranges, strict=True))


def _shorter(path: str) -> tuple[str, ...]:
    """A path as it may be written, the shortest first: periods and values are what one expects."""
    whole = path.replace("_conditions[", "[")
    if (condition := _CONDITION.fullmatch(whole)) is not None:
        return condition[2], condition[1], whole
    key, _, parameter = path.partition(".")
    if "[" in key or "_" not in parameter:
        return (whole,)
    return parameter.removesuffix("_period"), parameter, whole


def path(place: Path) -> str:
    """A file or folder as a person writes it: what is in one's home begins with ~."""
    with suppress(ValueError, RuntimeError):
        return str(Path("~") / place.relative_to(Path.home()))
    return str(place)


def money(value: float | None, decimals: int = 2) -> str:
    """An amount of quote currency: `12,345.67`; `decimals`: those of it (`money_decimals`)."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{value:z,.{decimals}f}"


def change(value: float | None, decimals: int = 2) -> str:
    """A gain or loss of money with its sign and direction: `▲ +12.34`, `0.00`."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    mark = _mark(value, decimals)
    return f"{mark}{value:{'+' if mark else ''}z,.{decimals}f}"


def funding(paid: float | None, decimals: int = 2) -> str:
    """Funding as the P&L beside it takes it: `+2.72` received, `-2.72` paid.

    `paid`: as trades hold it. It has no mark of a gain or loss, for it is a part of one.
    """
    return UNKNOWN if paid is None else as_number(change(-paid, decimals))


def change_percent(value: float | None) -> str:
    """A gain or loss in per cent with its sign and direction: `▼ -1.20%`, `0.00%`."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{_mark(value, 2)}{signed_per_cent(value)}"


def _mark(value: float, decimals: int) -> str:
    """The direction of what is not written as 0."""
    rounded = round(value, decimals)
    return "▲ " if rounded > 0 else "▼ " if rounded < 0 else ""


def is_change(text: str) -> bool:
    """Whether a text is a gain or loss with its mark."""
    return text.startswith(("▲ ", "▼ "))


def as_number(text: str) -> str:
    """A gain or loss without its mark, which no spreadsheet reads as a number: `-1.20%`."""
    return text.removeprefix("▲ ").removeprefix("▼ ")


def is_figure(text: str) -> bool:
    """Whether a text is a number, a length of time or a moment: it begins with a digit or sign."""
    return len(text) <= _LONGEST and _FIGURE.match(text) is not None


def read_figure(text: str) -> float | None:
    """What a number or a length of time comes to that was written here, a length in ms.

    None: neither of them. Of what is `of` something else, the first counts.
    """
    text = as_number(text).removesuffix(" ago").removesuffix(" bp").partition(" of ")[0]
    if (found := _NUMBER.fullmatch(text)) is not None:
        digits = found[3].replace(",", "")
        return float(f"{found[2]}{digits}.{found[4] or 0}") if digits else None
    if _LENGTH_WRITTEN.fullmatch(text) is None:
        return None
    return sum(int(part[:-1]) * _UNITS[part[-1]] for part in text.split())


def narrowed(text: str, width: int) -> str:
    """A text in so many cells, or the fewest it can be in, if it is a figure or a swap.

    Of a gain or loss (`change`) its mark goes first, for its sign says the same. Then decimals are
    rounded away, but five digits stay, and all of what is less than 1: nothing is written as 0 that
    is not 0. Of a swap's symbol, alone or with how many others there are, what it settles in goes:
    `BTC/USDT:…`; of `2s ago` the second word, of `2d 4h of 7d` the hours.
    """
    if len(text) <= width:
        return text
    if (found := _AGO.fullmatch(text)) is not None:
        return found[1]
    if (found := _SPENT.fullmatch(text)) is not None:
        return found[1] + found[2]
    if (found := _SWAP.fullmatch(text)) is not None:
        return f"{found[1]}:…{found[2] or ''}"
    if (found := _NUMBER.fullmatch(text)) is None:
        return text
    bare, sign, whole, fraction, unit = found.groups()
    whole = whole.replace(",", "")
    if len(bare) <= width or not fraction or not whole.strip("0"):
        return bare
    fewest = min(len(fraction), max(0, _FEWEST - len(whole)))
    left = max(fewest, len(fraction) - (len(bare) - width))
    return f"{float(f'{sign}{whole}.{fraction}'):{sign and '+'},.{left}f}{unit}"


def set_apart(text: str, width: int) -> str:
    """A gain or loss in so many cells with its mark in the first; any other text as it is.

    So marks stand in one column, and so do the numbers.
    """
    return text[0] + text[1:].rjust(width - 1) if is_change(text) else text


def percent(value: float | None, digits: int = 1) -> str:
    """A share in per cent, without a sign of direction: `62.5%`."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return per_cent(value, digits)


def drawdown(value: float | None) -> str:
    """A fall in per cent, in the two decimals that returns have wherever they stand: `8.31%`."""
    return percent(value, 2)


def gain(value: float | None, digits: int = 2) -> str:
    """A return in per cent without a mark of direction, as it stands in charts: `+1.20%`."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return signed_per_cent(value, digits)


def basis_points(value: float | None) -> str:
    """A cost a fill, in hundredths of a per cent."""
    return UNKNOWN if value is None else f"{bp_text(value)} bp"


def price(value: float | None) -> str:
    """A price with as many decimals as its size asks for: `64,210.50`, `0.3512`, `0.00001234`."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{value:z,.{price_decimals(abs(value))}f}"


def quantity(value: float | None) -> str:
    """An amount of base currency in at most seven significant digits: `0.1551234`."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    size = abs(value)
    if size >= 1_000_000:
        return f"{value:,.0f}"
    digits = 6 if size == 0 else max(0, 6 - math.floor(math.log10(size)))
    text = f"{value:,.{min(digits, 10)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def number(value: float | None, digits: int = 2) -> str:
    """A plain figure such as a ratio: `1.83`."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{value:z,.{digits}f}"


def side(value: float | None, counted: Counted | None = None) -> str:
    """A side of a condition, or how far off it is; a count of something has no decimals."""
    if value is None:
        return UNKNOWN
    if counted is not None:
        return count(int(value)) + (" ago" if counted is Counted.AGO else "")
    return price(value) if 0 < abs(value) < 1 else number(value)  # of DOGE, say, or ETH in BTC


def count(value: int) -> str:
    """How many: `1,668`."""
    return f"{value:,}"


def span(milliseconds: int | None) -> str:
    """A length of time in its two largest units, to the nearest of the smaller: `2d 4h`, `12s`.

    So it agrees with the times that it lies between, which are written to the minute beside it.
    """
    if milliseconds is None:
        return UNKNOWN
    left = max(0, milliseconds)
    unit = _SECOND if left < _MINUTE else _MINUTE if left < _DAY else _HOUR
    left = (left + unit // 2) // unit * unit
    if left < _MINUTE:
        return f"{left // _SECOND}s"
    if left < _HOUR:
        return f"{left // _MINUTE}m"
    if left < _DAY:
        hours, rest = divmod(left, _HOUR)
        return f"{hours}h {rest // _MINUTE:02d}m" if rest >= _MINUTE else f"{hours}h"
    days, rest = divmod(left, _DAY)
    return f"{days}d {rest // _HOUR}h" if rest >= _HOUR else f"{days}d"


def age(milliseconds: int | None) -> str:
    """How old something is, in its largest unit: `3s`, `12m`, `4h`, `2d`."""
    if milliseconds is None:
        return UNKNOWN
    left = max(0, milliseconds)
    for unit, length in (("d", _DAY), ("h", _HOUR), ("m", _MINUTE)):
        if left >= length:
            return f"{left // length}{unit}"
    return f"{left // _SECOND}s"


def _moment(time: int | None, zone: tzinfo) -> datetime | None:
    if time is None:
        return None
    try:
        return datetime.fromtimestamp(time / 1000, zone)
    except (OverflowError, ValueError, OSError):
        return None


def _at(moment: datetime, *, seconds: bool) -> str:
    return f"{moment:%H:%M:%S}" if seconds else f"{moment:%H:%M}"


def ago(milliseconds: int | None) -> str:
    """How long ago something was: `3s ago`."""
    return UNKNOWN if milliseconds is None else f"{age(milliseconds)} ago"


def clock(time: int | None, zone: tzinfo = UTC) -> str:
    """The time of day: `14:02:11`."""
    moment = _moment(time, zone)
    return UNKNOWN if moment is None else f"{_at(moment, seconds=True)}"


def minute(time: int | None, zone: tzinfo = UTC) -> str:
    """The time of day without its seconds: `14:02`."""
    moment = _moment(time, zone)
    return UNKNOWN if moment is None else _at(moment, seconds=False)


def date_time(time: int | None, zone: tzinfo = UTC, *, seconds: bool = False) -> str:
    """Day and minute: `2026-11-22 14:02`."""
    moment = _moment(time, zone)
    if moment is None:
        return UNKNOWN
    return f"{moment:%Y-%m-%d} {_at(moment, seconds=seconds)}{_which(moment)}"


def day(time: int | None, zone: tzinfo = UTC) -> str:
    """The day on which something happened, or will: `2026-11-22`."""
    return date_time(time, zone)[: len("2026-11-22")]


def candle_day(time: int | None, zone: tzinfo = UTC) -> str:
    """A day of candles, which are counted by those of UTC in every zone: `2026-11-22 UTC`."""
    return f"{day(time)}{'' if zone is UTC or time is None else ' UTC'}"


def day_time(time: int | None, zone: tzinfo = UTC, *, seconds: bool = False) -> str:
    """Day of the month and minute: `22 Nov 14:02`."""
    moment = _moment(time, zone)
    if moment is None:
        return UNKNOWN
    return f"{moment:%d %b} {_at(moment, seconds=seconds)}{_which(moment)}"


def in_zone(text: str, zone: tzinfo) -> str:
    """A sentence of the log in a zone: it names candles in UTC, as `2026-11-22 14:02` alone.

    Of what was said at a start the moment of the report is moved, too.
    """
    return _moved(_UTC_MINUTE, text, zone)


def all_in_zone(text: str, zone: tzinfo) -> str:
    """A sentence all of whose minutes are in UTC, such as the cause of a difference, in a zone."""
    return _moved(_ANY_MINUTE, text, zone)


def named_in_zone(text: str, zone: tzinfo) -> str:
    """A sentence of the host in a zone, whose name stands for the `UTC` behind each moment."""
    return _moved(_NAMED_MINUTE, text, zone)


def _moved(minutes: re.Pattern[str], text: str, zone: tzinfo) -> str:
    if zone is UTC:
        return text

    def moved(found: re.Match[str]) -> str:
        with suppress(ValueError, OverflowError):
            moment = datetime.fromisoformat(found[0].removesuffix(" UTC")).replace(tzinfo=UTC)
            time = round(moment.timestamp() * 1_000)
            named = f" {zone_name(time, zone)}" if found[0].endswith(" UTC") else ""
            return f"{date_time(time, zone)}{named}"
        return found[0]

    return minutes.sub(moved, text)


def year(time: int, zone: tzinfo = UTC) -> int | None:
    """The year of a time."""
    moment = _moment(time, zone)
    return None if moment is None else moment.year


def weekday(time: int | None, zone: tzinfo = UTC) -> str:
    """The day of the week: `Thu`."""
    moment = _moment(time, zone)
    return UNKNOWN if moment is None else f"{moment:%a}"


def _which(moment: datetime) -> str:
    """The zone, where clocks show a time twice, as when they are put back: ` CEST`."""
    twice = moment.replace(fold=1 - moment.fold).utcoffset() != moment.utcoffset()
    return f" {moment.tzname()}" if twice else ""


def zone_name(time: int | None, zone: tzinfo = UTC) -> str:
    """What a zone is called at a time: `UTC`, `CET`, `-03`."""
    moment = _moment(time, zone)
    return "" if moment is None else moment.tzname() or ""


def order_counts(counts: OrderCounts) -> str:
    """How the orders went, in few words."""
    text = f"{counts.filled} of {counts.made} filled"
    if counts.refused:
        text += f", {counts.refused} refused"
    if counts.mean_difference_bp is not None:
        text += f", {signed_basis_points(counts.mean_difference_bp)} bp"
    return text


def spark(values: Sequence[float], width: int) -> str:
    """The last part of a curve as a line of dots in `width` cells, two values a cell.

    More values than that are thinned to the last of each equal part. The cells are as high as from
    its lowest to its highest value, and at least a hundredth of what it amounts to: a curve that
    hardly moves is drawn so.
    """
    if not values or width <= 0:
        return ""
    most, count = 2 * width, len(values)
    if count > most:
        values = [values[(index + 1) * count // most - 1] for index in range(most)]
    low, high = min(values), max(values)
    reach = max(high - low, _FLAT * max(abs(low), abs(high))) or 1.0
    top = high + 0.6 * (reach - (high - low))  # a flat one in the middle of a line, not between two
    rows = [min(3, math.floor((top - value) / reach * 4)) for value in values]
    cells = [0] * -(-len(rows) // 2)
    before = rows[0]
    for place, row in enumerate(rows):
        for dot in range(min(row, before + 1), max(row, before - 1) + 1):
            cells[place // 2] |= _DOTS[place % 2][dot]
        before = row
    return "".join(chr(0x2800 + bits) for bits in cells)


def waiting(order: WaitingOrder) -> str:
    """An order that waits to enter, in words: `limit order to buy at 95, 2 candles left`."""
    verb = "buy" if order.side.sign > 0 else "sell"
    left = "1 candle" if order.candles_left == 1 else f"{order.candles_left} candles"
    return f"{order.kind} order to {verb} at {price(order.price)}, {left} left"
