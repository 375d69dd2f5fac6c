"""Draws what each day earned as a calendar: a column a week, a line a weekday.

As long as the weeks have room each day is its figure on a shade; many weeks become a glyph a day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from tui.commands import Place, bindings
from tui.widgets.columns import fitted
from tui.widgets.line_view import LineView
from tui.widgets.tones import Tone, tone_of

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_LEFT = 7  # cells before the first week
_FEWEST = 4  # weeks shown, where nothing was earned before them
_WEEK = timedelta(days=6)  # from its first day to its last
_GAP = 1  # cells between two weeks
_DATE = len("31 Dec")
_WIDEST = 14  # cells of a week with figures
_GLYPHS = (2, 6)  # the fewest and most cells of a week without
_TALLEST = 3  # lines a day takes: its figure, its trades, and air


@dataclass(frozen=True, slots=True)
class DayResult:
    """What the trades that closed on a day earned, and how many they were."""

    pnl: float
    trades: int


@dataclass(frozen=True, slots=True)
class _Plan:
    """How the room is used: the Mondays shown, cells a week, lines a day, decimals of figures.

    `decimals` None: a glyph tells of a day.
    """

    weeks: tuple[date, ...]
    cells: int
    lines: int
    decimals: int | None


class Calendar(LineView, can_focus=True):
    """The weeks up to a day, each day told by its figure or a glyph, its tone and its shade."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.MAP)

    class Highlighted(Message):
        """The cursor came to rest on a day."""

        def __init__(self, calendar: Calendar, day: date) -> None:
            self.calendar = calendar
            self.day = day
            super().__init__()

        @property
        def control(self) -> Calendar:
            """The calendar."""
            return self.calendar

    class Chosen(Highlighted):
        """A day with trades was opened: Enter, or a double click."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name for it)
        super().__init__(id=id)
        self._days: dict[date, DayResult] = {}
        self._since: date | None = None
        self._last: date | None = None
        self._decimals = 2
        self._at: date | None = None  # the day under the cursor; None: the last
        self._pointed: date | None = None
        self._newest: date | None = None  # the last week shown, where one has gone back
        self._planned: _Plan | None = None

    def draw(
        self,
        days: Mapping[date, DayResult],
        last: date,
        since: date | None = None,
        decimals: int = 2,
    ) -> None:
        """Show what was earned on days, up to the last, today; the same again repaints nothing.

        `since`: weeks are shown from this day on, if it is before the days'. `decimals`: of the
        money. What rounds to nothing is neither a gain nor a loss.
        """
        given = (dict(days), last, since, decimals)
        if given != (self._days, self._last, self._since, self._decimals):
            self._days, self._last, self._since, self._decimals = given
            self._planned = None
            self.refresh()

    def point(self, day: date | None) -> None:
        """Mark a day that is looked at elsewhere, or none."""
        if day != self._pointed:
            self._pointed = day
            if day is not None and day != self._at:
                self._at = day
                self._reveal()
            self.refresh()

    @property
    def day(self) -> date | None:
        """The day under the cursor."""
        return self._last if self._at is None else self._at

    def fit(self) -> None:
        """Draw anew for the new size."""
        self.virtual_size = Size(self.size.width, self.size.height)
        self._planned = None

    def on_focus(self) -> None:
        """Show the cursor."""
        self.refresh()

    def on_blur(self) -> None:
        """Show none."""
        self.refresh()

    # ── layout ──

    def _monday(self) -> date | None:
        """The week of the last day."""
        return None if self._last is None else self._last - timedelta(days=self._last.weekday())

    def _first(self) -> date:
        """The Monday of the first week there is."""
        known = (*self._days, self._since, self._last)
        first = min(day for day in known if day is not None)
        return first - timedelta(days=first.weekday())

    def _plan(self) -> _Plan | None:
        newest = self._monday()
        if newest is None:
            return None
        if self._planned is None:
            count = max((newest - self._first()).days // 7 + 1, _FEWEST)
            room = self.size.width - _LEFT - 1
            lines = max(1, min(_TALLEST, (self.size.height - 2) // len(_WEEKDAYS)))
            each = min(_WIDEST, room // count)
            decimals = self._readable(each - 1 - _GAP)
            if decimals is None:
                fewest, most = _GLYPHS
                each = max(fewest, min(most, room // count))
            shown = max(1, min(count, room // each))
            end = newest if self._newest is None else min(newest, self._newest)
            weeks = (end - timedelta(weeks=back) for back in range(shown - 1, -1, -1))
            self._planned = _Plan(tuple(weeks), each, lines, decimals)
        return self._planned

    def _readable(self, width: int) -> int | None:
        """The decimals at which every day's figure has room in so many cells; None: at none."""
        gains = [one.pnl for one in self._days.values()]
        for decimals in range(self._decimals, -1, -1):
            if all(len(self._figure(gain, decimals)) <= width for gain in gains):
                return decimals
        return None

    def _figure(self, gain: float, decimals: int) -> str:
        """A gain or loss in at least so many decimals; nothing is written as 0 that is not 0."""
        if not round(gain, self._decimals):
            return f"{0:.{decimals}f}"
        while not round(gain, decimals):
            decimals += 1
        return f"{gain:+,.{decimals}f}"

    # ── drawing ──

    def render_line(self, y: int) -> Strip:
        """The dates, then a line or more a weekday, then what the weeks come to."""
        dim, plan = self.tone(Tone.DIM), self._plan()
        if plan is None:
            return Strip([]).adjust_cell_length(self.size.width, dim)
        weekday, line = divmod(y - 1, plan.lines)
        if y == 0:
            parts = self._dates(plan)
        elif weekday < len(_WEEKDAYS):
            parts = self._weekday(plan, weekday, line)
        elif weekday == len(_WEEKDAYS) and line == 0:
            parts = self._sums(plan)
        else:
            parts = []
        return Strip(parts).adjust_cell_length(self.size.width, dim)

    def _dates(self, plan: _Plan) -> list[Segment]:
        """The Mondays, this week's in bold; of many weeks the months over those they begin in."""
        dim, newest = self.tone(Tone.DIM), self._monday()
        older = "‹ " if self._first() < plan.weeks[0] else "  "  # one goes there by the cursor
        newer = Segment("›", dim) if plan.weeks[-1] != newest else Segment("", dim)
        parts = [Segment(older.rjust(_LEFT), dim)]
        if plan.cells - 1 - _GAP < _DATE:
            years = newest is not None and self._first().year < (newest + _WEEK).year
            return [*parts, Segment(_months(plan.weeks, plan.cells, years=years), dim), newer]
        for monday in plan.weeks:
            text = fitted(f"{monday:%d %b}", plan.cells - 1 - _GAP, "right") + " " * (1 + _GAP)
            parts.append(Segment(text, self.tone(self._label_tone(monday == newest))))
        return [*parts, newer]

    def _label_tone(self, todays: bool) -> Tone:
        return Tone.STRONG if todays else Tone.DIM

    def _weekday(self, plan: _Plan, weekday: int, line: int) -> list[Segment]:
        """A line of a weekday: its days' figures, or beneath these how many trades they are of."""
        todays = self._last is not None and weekday == self._last.weekday()
        name = "" if line else _WEEKDAYS[weekday]
        parts = [Segment(f"  {name}".ljust(_LEFT), self.tone(self._label_tone(todays)))]
        most = max((abs(one.pnl) for one in self._days.values()), default=0.0) or 1.0
        air = line == _TALLEST - 1
        for monday in plan.weeks:
            day = monday + timedelta(days=weekday)
            result = self._days.get(day)
            if self._last is None or day > self._last or air:
                parts.append(Segment(" " * plan.cells, self.tone(Tone.DIM)))
                continue
            gain = None if result is None else result.pnl
            heat = None if gain is None else gain / most
            text, tone = self._told(plan, gain, heat)
            if line:
                many = result is not None and plan.decimals is not None
                text = (
                    f"{result.trades} trade{'s'[: result.trades != 1]}" if result and many else ""
                )
                tone = Tone.DIM
                if len(text) > plan.cells - 1 - _GAP:
                    text = ""
            today = Style(bold=True, underline=True) if day == self._last and not line else None
            parts += self._block(plan, text, self._style(day, tone, heat), today)
        return parts

    def _sums(self, plan: _Plan) -> list[Segment]:
        """What each week came to."""
        dim = self.tone(Tone.DIM)
        sums = [self._sum(monday) for monday in plan.weeks]
        most = max((abs(one) for one in sums if one is not None), default=0.0) or 1.0
        parts = [Segment("  Week".ljust(_LEFT), dim)]
        for gain in sums:
            text, tone = self._told(plan, gain, None if gain is None else gain / most)
            parts += self._block(plan, text, self.tone(tone))
        return parts

    def _sum(self, monday: date) -> float | None:
        days = (self._days.get(monday + timedelta(days=n)) for n in range(7))
        gains = [day.pnl for day in days if day is not None]
        return sum(gains) if gains else None

    def _told(self, plan: _Plan, gain: float | None, heat: float | None) -> tuple[str, Tone]:
        """What stands for a gain or loss, and its tone; `heat`: its share of the largest."""
        if gain is None or heat is None:
            return "·", Tone.RULE
        tone = tone_of(gain, self._decimals)
        if plan.decimals is not None:
            room = plan.cells - 1 - _GAP
            for decimals in range(plan.decimals, -1, -1):
                if len(text := self._figure(gain, decimals)) <= room:
                    return text, tone
        if tone is Tone.DIM:
            return "▪", tone
        large = abs(heat) >= 1 / 3
        return ("▲" if large else "▴", tone) if gain > 0 else ("▼" if large else "▾", tone)

    def _block(
        self, plan: _Plan, text: str, style: Style, over: Style | None = None
    ) -> list[Segment]:
        """A text in the cells of a week, with air around it; `over`: the look of the text alone."""
        gap = int(plan.cells > _GLYPHS[0])
        room = plan.cells - gap
        before = room - 1 - len(text) if plan.decimals is not None else (room - len(text)) // 2
        after = room - before - len(text)
        return [
            Segment(" " * before, style),
            Segment(text, style if over is None else style + over),
            Segment(" " * after, style),
            Segment(" " * gap, self.tone(Tone.DIM)),
        ]

    def _style(self, day: date, tone: Tone, heat: float | None) -> Style:
        """The look of a day: its tone on its shade, turned round where one is or looks at it."""
        if day == self._pointed or (self.has_focus and day == self.day):
            return self.tone(Tone.PLAIN) + Style(reverse=True, bold=self.has_focus)
        return self.shade(heat, tone)

    # ── cursor ──

    def _reveal(self) -> None:
        """Show the week of the cursor."""
        plan, day, newest = self._plan(), self.day, self._monday()
        if plan is None or day is None or newest is None:
            return
        monday, span = day - timedelta(days=day.weekday()), timedelta(weeks=len(plan.weeks) - 1)
        if monday < plan.weeks[0]:
            self._newest = monday + span
        elif monday > plan.weeks[-1]:
            self._newest = monday
        else:
            return
        self._planned = None

    def action_step(self, down: int, across: int) -> None:
        """Move the cursor by days and weeks."""
        if (day := self.day) is not None:
            self._go(day + timedelta(days=down, weeks=across))

    def _go(self, day: date) -> None:
        plan = self._plan()
        if plan is None or self._last is None:
            return
        day = max(min(self._first(), plan.weeks[0]), min(day, self._last))
        if day != self.day:
            self._at = day
            self._reveal()
            self.refresh()
            self.post_message(self.Highlighted(self, day))

    def action_choose(self) -> None:
        """Open the day under the cursor, if there is a trade in it."""
        if self.day in self._days:
            self.post_message(self.Chosen(self, self.day))

    def on_click(self, event: events.Click) -> None:
        """Go to a day, open it with the second click."""
        offset, plan = event.get_content_offset(self), self._plan()
        if offset is None or plan is None or offset.x < _LEFT:
            return
        week, weekday = (offset.x - _LEFT) // plan.cells, (offset.y - 1) // plan.lines
        if week < len(plan.weeks) and 0 <= weekday < len(_WEEKDAYS):
            self._go(plan.weeks[week] + timedelta(days=weekday))
            if event.chain == 2:
                self.action_choose()


def _months(weeks: Iterable[date], cells: int, *, years: bool) -> str:
    """The names of months over the weeks that they begin in, each so many cells wide.

    `years`: the first of them and every January say of which year they are.
    """
    weeks = list(weeks)
    line = [" "] * (len(weeks) * cells)
    free = 0
    for number, monday in enumerate(weeks):
        soon = any((later + _WEEK).day <= 7 for later in weeks[1:3])
        begins = (number == 0 and not soon) or (monday + _WEEK).day <= 7
        sunday = monday + _WEEK
        label = f"{sunday:%b}"
        if years and (not free or sunday.month == 1):
            label += f" {sunday:%Y}"
        place = number * cells
        if begins and place >= free and place + len(label) <= len(line):
            line[place : place + len(label)] = label
            free = place + len(label) + 1
    return "".join(line)
