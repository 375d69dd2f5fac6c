"""Shows a market with what was done in it: candles, volume, indicators, entries, exits and levels.

It can be zoomed and moved through time, in any timeframe above the strategy's own; a crosshair
tells the values of one candle. What it is given with `draw` it shows as it is; where it is told of
a source (`look_at`), it asks that for older candles, other timeframes and indicators.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from itertools import pairwise
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.worker import Worker

from core.host.link import CommandError
from core.market.candles.candle import Candle
from core.market.candles.timeframes import Timeframe
from core.strategy.chart_values import (
    LONGEST_CHART,
    Chart,
    ChartLine,
    ChartSource,
    NoCandlesError,
    timeframes_from,
    together,
    whole_together,
)
from core.text import safe_text
from tui import formats
from tui.commands import Command, Place, bindings
from tui.widgets.candle_cells import Cells, Span
from tui.widgets.candle_picture import (
    LABELS,
    Mark,
    Picture,
    PriceLevel,
    Slot,
    price_scale,
    readings,
    span_of,
)
from tui.widgets.line_view import LineView
from tui.widgets.text_lines import wrapped
from tui.widgets.tones import Tone

_AROUND = 5  # cells of air: two on the left, two before the prices, one behind them
_ZOOMS = (-16, -8, -4, -2, 1, 2, 3, 4)  # cells a candle; negative: candles a cell
_PLAIN = _ZOOMS.index(1)
_FIRST_LOAD = 1_000  # candles
_READING = "Reading the candles …"


@dataclass(frozen=True, slots=True)
class _Looking:
    """What is looked at: whose candles, of which symbol, in which timeframe by itself, to when."""

    source: ChartSource
    symbol: str
    own: str
    until: int | None


class CandleChart(LineView, can_focus=True):
    """The latest candles that fit, a column each, until another place or size is asked for."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.CHART)

    PLACE = Place.CHART

    class Turned(Message):
        """What its title tells is another now, or what was asked for has come."""

        def __init__(self, chart: CandleChart) -> None:
            self.chart = chart
            super().__init__()

        @property
        def control(self) -> CandleChart:
            """The chart."""
            return self.chart

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name for it)
        super().__init__(id=id)
        self._given: tuple[Candle, ...] = ()
        self._levels: tuple[PriceLevel, ...] = ()
        self._marks: tuple[Mark, ...] = ()
        self._zone: tzinfo = UTC
        self._year: int | None = None
        self._looking: _Looking | None = None
        self._chart: Chart | None = None
        self._timeframe: str | None = None
        self._count = _FIRST_LOAD
        self._slots: list[Slot] = []
        self._zoom = _PLAIN
        self._chosen: int | None = None  # the zoom that few longer candles are shown larger than
        self._right: int | None = None  # the time of the last candle shown; None: the newest
        self._cross: int | None = None  # the time of the candle the crosshair is on
        self._since: int | None = None  # what is to be seen until one moves or zooms by hand
        self._adorned = True  # whether volume and indicators are shown
        self._axis = 0  # cells the prices take beside the chart
        self._lines: Cells = []
        self._empty = "No candles yet."
        self._waits = False  # for the first candles of what is looked at
        self._to_oldest = False  # whether the oldest are to be shown once they have come
        self._ends = (True, True)  # whether there is nothing older, and nothing newer, to go to

    # ── what is shown ──

    def draw(
        self,
        candles: Sequence[Candle],
        levels: Sequence[PriceLevel] = (),
        marks: Sequence[Mark] = (),
        zone: tzinfo = UTC,
        year: int | None = None,
    ) -> None:
        """Show these, with times in a zone; the same again repaints nothing.

        `year`: the present one, where the candles are of the present.

        Where a source is looked at, the candles are those at its end: they may be newer than it is,
        and where they do not reach back to its last one they go on with it.
        """
        given = (tuple(candles), tuple(levels), tuple(marks), zone, year)
        if given != (self._given, self._levels, self._marks, self._zone, self._year):
            self._given, self._levels, self._marks, self._zone, self._year = given
            self._arrange()

    def look_at(
        self,
        source: ChartSource,
        symbol: str,
        own: str,
        until: int | None = None,
        since: int | None = None,
    ) -> None:
        """Show the candles that a source has of a symbol, up to a time (UTC ms; None: to the last).

        `own`: the timeframe of the strategy. `since`: a time that is to be seen, for which candles
        become smaller, until one moves or zooms by hand. The same again asks for what is new.
        """
        wanted = _Looking(source, symbol, own, until)
        self._since = since
        if wanted != self._looking:
            self._looking, self._chart, self._count = wanted, None, _FIRST_LOAD
            self._right = self._cross = None
            self._waits, self._to_oldest = True, False
            self._arrange()
        self._load()

    @property
    def timeframe(self) -> str | None:
        """The timeframe shown, where it is not the strategy's own."""
        return self._timeframe

    def shown(self, own: str) -> str:
        """What a candle shown is, given the strategy's own: `5m`, or `5m, 8 in one`.

        Where all there are fill less than half of the chart, how many that is. Where candles are
        longer than the strategy's, that the indicators are not.
        """
        several, count = -_ZOOMS[self._zoom], len(self._slots)
        text = f"{self._timeframe or own}{f', {several} in one' if several > 1 else ''}"
        whole = self._chart is not None and not self._chart.more
        to_the_last = self._looking is not None and self._looking.until is None
        if whole and to_the_last and 0 < count < self._room() // 2:
            text += f", {count} candle{'s'[: count != 1]} in all"
        if self._timeframe and self._adorned and self._chart is not None and self._chart.lines:
            text += f", indicators on {own}"
        return text

    @property
    def readings(self) -> Sequence[tuple[str, Tone]]:
        """The indicators shown and their newest values; none where the crosshair tells others."""
        if self._chart is None or not self._adorned or self._cross is not None:
            return ()
        # The candle that forms has no values of its own yet.
        last = next((one.values for one in reversed(self._slots) if _has_any(one)), ())
        return readings(self._chart.lines, last)

    def set_empty(self, text: str) -> None:
        """Change what the chart says while it has no candle."""
        if text != self._empty:
            self._empty = text
            self.refresh()

    @property
    def symbol(self) -> str:
        """The symbol of the source looked at; empty where there is none."""
        return "" if self._looking is None else self._looking.symbol

    def _load(self) -> None:
        looking, timeframe, count = self._looking, self._timeframe, self._count
        if looking is None:
            return

        async def work() -> None:
            try:
                chart = await looking.source(looking.symbol, timeframe, looking.until, count)
            except NoCandlesError as error:
                self._waits = False
                self.set_empty(str(error))
                return
            except CommandError:
                self._waits = False
                self.refresh()
                raise
            self._waits = False
            if self.is_attached and (looking, timeframe) == (self._looking, self._timeframe):
                self._chart = chart
                self._fit()
                self._arrange()
                if self._to_oldest:
                    self._show_to(0)
                self.post_message(self.Turned(self))

        # Where a host refuses (it is of an older version), what was given stays shown.
        _: Worker[None] = self.run_worker(work, group="chart", exclusive=True, exit_on_error=False)

    def values_at(self, time: int) -> Mapping[str, float | None]:
        """The indicators at the close of the candle that opened at a time, by their names."""
        chart = self._chart
        if chart is None:
            return {}
        at = next((n for n, one in enumerate(chart.candles) if one.time == time), None)
        return {} if at is None else {line.name: line.values[at] for line in chart.lines}

    def _fit(self) -> None:
        """Give candles the size at which the time asked for is seen, or few longer ones fill it."""
        chart, since, chosen = self._chart, self._since, self._chosen
        if chart is None or not chart.candles or not self.size.width:
            return
        if since is not None:
            self._zoom = self._fitting(sum(one.time >= since for one in chart.candles))
        elif chosen is not None:
            few = not chart.more and self._fitting(len(chart.candles) + 1)  # one more forms
            self._zoom = max(chosen, few) if few > _PLAIN else chosen

    def _fitting(self, count: int) -> int:
        """The zoom at which so many candles are as large as there is room for."""
        width = self.size.width - LABELS - _AROUND
        room = [width // cells if cells > 0 else width * -cells for cells in _ZOOMS]
        return max((at for at, seen in enumerate(room) if seen >= count), default=0)

    def _arrange(self) -> None:
        """Put candles and lines together as they are shown."""
        chart, given = self._chart, self._given
        timeframe = _known(self._timeframe or (self._looking.own if self._looking else ""))
        length, origin = (timeframe.ms, timeframe.floor(0)) if timeframe else (0, 0)
        candles = list(given)
        if chart is not None and chart.candles:
            last = chart.candles[-1].time
            newer = [one for one in given if one.time >= last]
            candles = list(chart.candles)
            if newer and timeframe and given[0].time <= last + length:  # else there is a hole
                whole = given[0].time <= last
                candles[-1:] = together(newer if whole else [candles[-1], *newer], length, origin)
        elif self._timeframe and timeframe:
            candles = whole_together(given, length, origin)
        lines = () if chart is None else chart.lines
        longer = any(line.lows for line in lines)
        slots = [
            Slot(
                one,
                tuple(line.values[at] if at < len(line.values) else None for line in lines),
                tuple(_span_at(line, at) for line in lines) if longer else (),
            )
            for at, one in enumerate(candles)
        ]
        if (per := -_ZOOMS[self._zoom]) > 1 and len(candles) > 1:
            length = length or min(later.time - one.time for one, later in pairwise(candles))
            slots = _merged(slots, length * per, origin)
        self._slots = slots
        self._paint()

    def fit(self) -> None:
        """Draw anew for the new size."""
        if self._since is not None or self._chosen is not None:
            self._fit()
            self._arrange()
            self.post_message(self.Turned(self))
        self._paint()

    # ── moving about ──

    @property
    def _each(self) -> int:
        """Cells a slot takes."""
        return max(1, _ZOOMS[self._zoom])

    def _times(self) -> list[int]:
        return [slot.candle.time for slot in self._slots]

    def _end(self) -> int:
        """The place behind the last slot shown."""
        room = min(self._room(), len(self._slots))
        if self._right is None:
            return len(self._slots)
        return max(room, bisect_right(self._times(), self._right))

    def _room(self) -> int:
        return max(1, (self.size.width - self._axis - _AROUND) // self._each)

    def _may_ask(self) -> bool:
        """Whether there are older candles that can be asked for."""
        more = self._chart is not None and self._chart.more
        return more and self._count < LONGEST_CHART

    def _show_to(self, end: int, *, oldest: bool = False) -> None:
        """Have the chart end before a place, and ask for more where there is no more to show.

        `oldest`: for all that can be asked for, of which the oldest are shown once they have come.
        """
        self._since, self._to_oldest = None, False
        room = min(self._room(), len(self._slots))
        end = max(room, min(end, len(self._slots)))
        self._right = None if end >= len(self._slots) else self._slots[end - 1].candle.time
        self.refresh_bindings()  # there may be a way back to the newest now, or none any more
        if end <= self._room() and self._may_ask():
            self._count = LONGEST_CHART if oldest else min(LONGEST_CHART, self._count * 3)
            self._to_oldest = oldest
            self._load()
        self._paint()

    def action_pan(self, step: int) -> None:
        """Move through time by half of what is shown."""
        self._show_to(self._end() + step * max(1, self._room() // 2))

    def action_oldest(self) -> None:
        """Go to the oldest candles there are, as far as so many are shown."""
        self._put_cross(None)
        self._show_to(0, oldest=True)

    def action_newest(self) -> None:
        """Go back to the newest candles, and follow."""
        self._put_cross(None)
        self._show_to(len(self._slots))

    def action_zoom(self, step: int) -> None:
        """Give a candle more room, or less."""
        self._since = self._chosen = None
        zoom = max(0, min(len(_ZOOMS) - 1, self._zoom + step))
        if zoom != self._zoom:
            self._zoom = zoom
            self._arrange()
            self.post_message(self.Turned(self))

    def action_cross(self, step: int) -> None:
        """Put the crosshair on the candle beside; first on the last one shown."""
        if not self._slots:
            return
        end = self._end()
        at = end - 1
        if self._cross is not None:
            at = bisect_right(self._times(), self._cross) - 1 + step
        at = max(0, min(at, len(self._slots) - 1))
        self._put_cross(self._slots[at].candle.time)
        first = max(0, end - self._room())
        if first <= at < end:
            self._paint()
        else:
            self._show_to(at + self._room() if at < first else at + 1)

    def action_drop(self) -> None:
        """Take the crosshair away."""
        self._put_cross(None)
        self._paint()

    def _put_cross(self, time: int | None) -> None:
        """Put the crosshair on a candle; the title tells of the newest where there is none."""
        before, self._cross = self._cross, time
        if (before is None) != (time is None):
            self.post_message(self.Turned(self))
            self.refresh_bindings()

    def action_timeframe(self, step: int) -> None:
        """Show the next longer candles, or the next shorter, from the strategy's own up."""
        if self._looking is None:
            return
        choices = timeframes_from(self._looking.own)
        at = choices.index(self._timeframe) if self._timeframe in choices else 0
        wanted = choices[max(0, min(at + step, len(choices) - 1))]
        shown = None if wanted == self._looking.own else wanted
        if shown != self._timeframe:
            self._since = None
            if self._chosen is None:
                self._chosen = self._zoom
            self._zoom = self._chosen
            self._timeframe, self._chart, self._count = shown, None, _FIRST_LOAD
            self._right, self._cross, self._to_oldest = None, None, False
            self._load()
            self._arrange()
            self.post_message(self.Turned(self))

    def action_adorn(self) -> None:
        """Show volume and indicators, or the candles alone."""
        self._adorned = not self._adorned
        self._paint()
        self.post_message(self.Turned(self))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave Esc to the screen where no crosshair is to be taken away.

        To the newest there is a way from older ones, and from a crosshair; through time as long as
        there are candles.
        """
        if action == "pan" and parameters:
            oldest, newest = self._ends
            return not (oldest if parameters[0] == -1 else newest)
        if action == "newest":
            return (self._right, self._cross) != (None, None)
        return self._cross is not None if action == "drop" else True

    def label_of(self, command: Command) -> str:
        """What a command is called in the footer: a crosshair that is there moves on."""
        if command.id == "chart.last":
            return "newest"
        moves = command.id == "chart.cross_right" and self._cross is not None
        return "next candle" if moves else command.label

    def on_click(self, event: events.Click) -> None:
        """Put the crosshair where it was clicked."""
        offset = event.get_content_offset(self)
        if offset is None or not self._slots:
            return
        end = self._end()
        shown = self._slots[max(0, end - self._room()) : end]
        right = 2 + (self._room() - len(shown)) * self._each
        at = max(0, min((offset.x - right) // self._each, len(shown) - 1))
        self._put_cross(shown[at].candle.time)
        self._paint()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Zoom in."""
        event.stop()
        self.action_zoom(1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Zoom out."""
        event.stop()
        self.action_zoom(-1)

    # ── drawing ──

    def _paint(self) -> None:
        self.virtual_size = Size(self.size.width, self.size.height)
        self._axis = self._beside()
        width, height = self.size.width - self._axis - _AROUND, self.size.height - 1
        self._lines = []
        if self._slots and width >= self._each and height > 0:
            end = self._end()
            self._lines = Picture(
                self._slots[max(0, end - self._room()) : end],
                self._each,
                self._chart.lines if self._chart is not None and self._adorned else (),
                self._levels,
                self._marks,
                self._zone,
                self._axis,
                self._cross,
                volume=self._adorned,
                newest=self._right is None,
                by_shape=self.app.no_color,
                now=self._looking is None or self._looking.until is None,
                year=self._year,
            ).painted(width, height)
        ends = (self._end() <= self._room() and not self._may_ask(), self._right is None)
        if ends != self._ends:
            self._ends = ends
            self.refresh_bindings()
        self.refresh()

    def _beside(self) -> int:
        """How many cells the prices take beside the chart."""
        if not self._slots or not self.size.width:
            return 0
        end = len(self._slots)
        if self._right is not None:
            end = max(1, bisect_right(self._times(), self._right))
        seen = [slot.candle for slot in self._slots[max(0, end - self.size.width) : end]]
        ticks = price_scale(seen, self._levels, max(1, self.size.height - 1)).ticks().values()
        shown = [*ticks, seen[-1].close]
        return min(LABELS, max(len(formats.price(price)) for price in shown))

    def render_line(self, y: int) -> Strip:
        """One line of the chart."""
        dim = self.tone(Tone.DIM)
        if y >= len(self._lines):
            said = _READING if self._waits else self._empty
            lines = [] if self._lines else wrapped(safe_text(said), max(1, self.size.width - 4))
            text = f"  {lines[y]}" if y < len(lines) else ""
            return Strip([Segment(text, dim)]).adjust_cell_length(self.size.width, dim)
        segments = [Segment("  ", dim)]
        segments += [Segment(text, self.tone(tone)) for text, tone in self._lines[y]]
        return Strip(segments).simplify().adjust_cell_length(self.size.width, dim)


def _known(timeframe: str) -> Timeframe | None:
    return next((one for one in Timeframe if one.value == timeframe), None)


def _merged(slots: Sequence[Slot], length: int, origin: int) -> list[Slot]:
    """Slots put together to such of `length` ms."""
    candles = whole_together([slot.candle for slot in slots], length, origin)
    parts: dict[int, list[Slot]] = {}
    for slot in slots:
        parts.setdefault(slot.candle.time - (slot.candle.time - origin) % length, []).append(slot)
    return [_as_one(candle, parts[candle.time]) for candle in candles]


def _as_one(candle: Candle, parts: Sequence[Slot]) -> Slot:
    """A slot for several: the lines' last values there, and the spans of all.

    The candle that forms has no values yet: those before it are the last.
    """
    last = next((one.values for one in reversed(parts) if _has_any(one)), parts[-1].values)
    spans = tuple(
        span_of(end for one in parts for end in one.span(at) or ()) for at in range(len(last))
    )
    return Slot(candle, last, spans)


def _has_any(slot: Slot) -> bool:
    return any(value is not None for value in slot.values)


def _span_at(line: ChartLine, at: int) -> Span | None:
    """The span of a line within the candle at a place."""
    ends = (line.lows[at], line.highs[at]) if at < min(len(line.lows), len(line.highs)) else ()
    return span_of(end for end in ends if end is not None)
