"""Draws what each day earned as a calendar: a column a week, a line a weekday."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from rich.segment import Segment
from textual.geometry import Size
from textual.strip import Strip

from tui.widgets.line_view import LineView
from tui.widgets.tones import Tone, tone_of

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_LEFT = 6  # cells before the first week
_WEEK = 2  # cells a week takes
_FEWEST = 26  # weeks shown, where nothing was earned before them


class Calendar(LineView, can_focus=False):
    """The weeks up to a day that fit, each day a mark whose shape and tone say how it went."""

    DEFAULT_CSS = "Calendar { height: 8; }"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name for it)
        super().__init__(id=id)
        self._days: dict[date, float] = {}
        self._last: date | None = None
        self._decimals = 2

    def draw(self, days: Mapping[date, float], last: date, decimals: int = 2) -> None:
        """Show what was earned on days, up to the last; the same again repaints nothing.

        `decimals`: of the money. What rounds to nothing is neither a gain nor a loss.
        """
        if (dict(days), last, decimals) != (self._days, self._last, self._decimals):
            self._days, self._last, self._decimals = dict(days), last, decimals
            self.refresh()

    def on_resize(self) -> None:
        """Draw anew for the new size."""
        self.virtual_size = Size(self.size.width, self.size.height)

    def render_line(self, y: int) -> Strip:
        """The months, then a line a weekday."""
        dim = self.tone(Tone.DIM)
        weeks = self._weeks()
        if not weeks or y > len(_WEEKDAYS):
            return Strip([]).adjust_cell_length(self.size.width, dim)
        if y == 0:
            text = f"{' ' * _LEFT}{_months(weeks)}"
            return Strip([Segment(text, dim)]).adjust_cell_length(self.size.width, dim)
        segments = [Segment(f"  {_WEEKDAYS[y - 1]} "[:_LEFT].ljust(_LEFT), dim)]
        most = max(map(abs, self._days.values()), default=0.0)
        for monday in weeks:
            glyph, tone = self._mark(monday + timedelta(days=y - 1), most)
            segments.append(Segment(glyph.ljust(_WEEK), self.tone(tone)))
        return Strip(segments).adjust_cell_length(self.size.width, dim)

    def _weeks(self) -> list[date]:
        """The Mondays of the weeks shown."""
        if self._last is None:
            return []
        newest = self._last - timedelta(days=self._last.weekday())
        since = (newest - min(self._days, default=newest)).days // 7 + 2
        count = max(1, min((self.size.width - _LEFT - 2) // _WEEK, max(since, _FEWEST)))
        return [newest - timedelta(weeks=back) for back in range(count - 1, -1, -1)]

    def _mark(self, day: date, most: float) -> tuple[str, Tone]:
        earned = self._days.get(day)
        if self._last is None or day > self._last:
            return " ", Tone.DIM
        if earned is None:
            return "·", Tone.RULE
        tone = tone_of(earned, self._decimals)
        if tone is Tone.DIM:
            return "▪", tone
        large = abs(earned) >= most / 3
        return ("▲" if large else "▴", tone) if earned > 0 else ("▼" if large else "▾", tone)


def _months(weeks: list[date]) -> str:
    """The names of months over the weeks that they begin in."""
    line = [" "] * (len(weeks) * _WEEK)
    free = 0
    for number, monday in enumerate(weeks):
        soon = any((later + timedelta(days=6)).day <= 7 for later in weeks[1:3])
        begins = (number == 0 and not soon) or (monday + timedelta(days=6)).day <= 7
        label = f"{monday + timedelta(days=6):%b}"
        if begins and number * _WEEK >= free and number * _WEEK + len(label) <= len(line):
            line[number * _WEEK : number * _WEEK + len(label)] = label
            free = number * _WEEK + len(label) + 1
    return "".join(line)
