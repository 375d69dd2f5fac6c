"""Shows a log that never stops: a bounded, filtered view, following or standing still."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Set
from datetime import UTC, tzinfo
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from core.host.link import HostLink
from core.host.logs import KEPT
from core.session.snapshot import HostSnapshot, Level, LogLine
from core.text import safe_text
from tui import formats
from tui.commands import Place, bindings
from tui.widgets.columns import fitted
from tui.widgets.line_view import LineView
from tui.widgets.text_lines import wrapped
from tui.widgets.tones import Tone

_LOUDNESS = {level: loudness for loudness, level in enumerate(Level)}
_TONES = {
    Level.DEBUG: Tone.DIM,
    Level.INFO: Tone.PLAIN,
    Level.WARNING: Tone.WARNING,
    Level.ERROR: Tone.ERROR,
}
_KINDS = {
    Level.DEBUG: "line",
    Level.INFO: "line",
    Level.WARNING: "warning or error",
    Level.ERROR: "error",
}
_QUARTER = 900_000  # ms
_DAY = -1  # in place of a part of a line: the day that begins with it
_MARKS = {Level.DEBUG: "·", Level.INFO: " ", Level.WARNING: "!", Level.ERROR: "✗"}
_TIME = 11  # cells of a mark, `14:02:11` and what parts them from each other and the rest
_SHORTEST_NAME, _LONGEST_NAME, _AIR = 8, 16, 2  # cells of a session's name (or ID), and after it
_LONGEST_NARROW = 12  # of a name where there is no such air
_AIRY = 100  # the width from which there is as much
_WITH_ID, _ID = 140, 10  # the width from which its ID stands behind its name, and cells of that
_ALIKE_WITH_ID = 100  # the same where sessions have one name; on less the ID's beginning does
_BEGINNING = 4  # cells of that, where it tells them apart
_ROOMY = 70  # the width from which the name stands there also where there is one session alone
_PARTS = re.compile(r"(?<=[;:]) (?=#\d)|(?<=;) (?=(?:\d+|no) new )|(?<=[^.]\.) (?=[A-Z]|[a-z]+: )")


class LogPane(LineView, can_focus=True):
    """Log lines, newest at the bottom.

    Following shows every new line; frozen holds the view still while lines go on being collected.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.LOG)

    following: reactive[bool] = reactive(True, repaint=False)
    zone: reactive[tzinfo] = reactive[tzinfo](UTC)

    class Following(Message):
        """The pane began to follow the end, or to stand still."""

        def __init__(self, following: bool) -> None:
            self.following = following
            super().__init__()

    class NoTrouble(Message):
        """There is no warning or error to go back to; `text` says so."""

        def __init__(self, text: str) -> None:
            self.text = text
            super().__init__()

    def __init__(
        self,
        *,
        names: bool = False,
        empty: str = "",
        none_passes: str = "No line passes the filter.",
        id: str | None = None,  # noqa: A002  (Textual's own name for it)
    ) -> None:
        super().__init__(id=id)
        self.empty = empty
        self._none_passes = none_passes
        self._names = names
        self._by_id: Mapping[str, str] = {}
        self._name_width = _LONGEST_NAME
        self._told_of: set[str] = set()  # the sessions of which there are lines
        self._short_id = 0  # cells of an ID's beginning, where several sessions have one name
        self._lines: deque[LogLine] = deque(maxlen=KEPT)
        self._earlier: dict[str, tuple[LogLine, ...] | None] = {}  # None: they are asked for
        self._host: tuple[int, int] | None = None
        self._last = -KEPT  # what earlier hosts logged has numbers of 0 and below
        self._shown: list[tuple[LogLine, int, str]] = []  # a part below 0 is the day of a line
        self._days: dict[int, str] = {}
        self._now = 0  # by the host, when it was last asked; 0: never
        self._sought: LogLine | None = None  # the warning or error last gone back to
        self._level = Level.DEBUG
        self._sessions: frozenset[str] | None = None
        self._text = ""

    # ── lines ──

    @property
    def shown(self) -> tuple[str, ...]:
        """The texts that pass the filters, one entry a line of the screen."""
        return tuple(text for _, part, text in self._shown if part >= 0)

    @property
    def search(self) -> str:
        """The text that lines must have to be shown."""
        return self._text

    def catch_up(self, link: HostLink, snapshot: HostSnapshot) -> None:
        """Take in what a host has logged since; another host counts its lines anew."""
        host = (snapshot.pid, snapshot.since)
        if host != self._host:
            if self._host is not None:
                self.clear()
            self._host = host
        began, self._now = self._now, snapshot.now
        if self._shown and self._day(began) != self._day(self._now):
            self._rebuild()
        if snapshot.last_log > self._last:
            self.add(link.logs(after=self._last))

    def add(self, lines: Iterable[LogLine]) -> None:
        """Take in newer lines."""
        fresh = [line for line in lines if line.number > self._last]
        if not fresh:
            return
        self._last = fresh[-1].number
        self._told_of |= {line.session_id for line in fresh if line.session_id is not None}
        overflow = len(self._lines) + len(fresh) > KEPT
        self._lines.extend(fresh)
        if overflow:
            self._rebuild()
            return
        before = len(self._shown)
        for line in fresh:
            if self._passes(line):
                self._shown.extend(self._with_day(line))
        if len(self._shown) != before:
            self._measure(before)

    @property
    def unnamed(self) -> Set[str]:
        """The sessions of which there are lines, and no name."""
        return self._told_of - self._by_id.keys()

    def lacks(self, session_id: str) -> bool:
        """Whether nobody has asked yet what a session logged before the lines that are here."""
        return self._host is not None and session_id not in self._earlier

    def put_before(self, session_id: str, lines: Iterable[LogLine] | None) -> None:
        """Have earlier lines of a session (None: they are asked for), shown where it alone is."""
        self._earlier[session_id] = None if lines is None else tuple(lines)
        self._rebuild()

    @property
    def _alone(self) -> str:
        """The one session whose lines are shown; empty where it is not one."""
        return next(iter(self._sessions)) if self._sessions and len(self._sessions) == 1 else ""

    def watch_zone(self) -> None:
        """Write all in the zone."""
        self._days.clear()
        self._rebuild()

    def clear(self) -> None:
        """Forget every line."""
        self._lines.clear()
        self._earlier.clear()
        self._last = -KEPT
        self._rebuild()

    def set_empty(self, text: str) -> None:
        """Change what an empty log says."""
        if text != self.empty:
            self.empty = text
            self.refresh()

    def name_sessions(self, names: Mapping[str, str]) -> None:
        """Say which name to show for a session's ID."""
        if names != self._by_id:
            self._by_id = dict(names)
            self._short_id = _telling(names) if len(set(names.values())) < len(names) else 0
            longest = max((cell_len(safe_text(name)) for name in names.values()), default=0)
            self._name_width = max(_SHORTEST_NAME, min(longest, _LONGEST_NAME))
            self._rebuild()

    def filter(
        self,
        *,
        level: Level | None = None,
        session: str | Iterable[str] | None = "",
        text: str | None = None,
    ) -> None:
        """Show only lines at least so loud, of a session or several (None: all), with that text.

        What is not given stays as it was. Among several `""` stands for the host itself.
        """
        self._level = self._level if level is None else level
        if session is None:
            self._sessions = None
        elif session != "":
            self._sessions = frozenset([session] if isinstance(session, str) else session)
        self._text = self._text if text is None else text.casefold()
        self._rebuild()

    def _passes(self, line: LogLine) -> bool:
        return (
            _LOUDNESS[line.level] >= _LOUDNESS[self._level]
            and (self._sessions is None or (line.session_id or "") in self._sessions)
            and (not self._text or self._text in self._searched(line))
        )

    def _searched(self, line: LogLine) -> str:
        return f"{self._text_of(line)} {self._origin(line)} {line.session_id or ''}".casefold()

    def _text_of(self, line: LogLine) -> str:
        """What a line says, the candles it names in the zone as its own time is.

        What is told everywhere begins with the session's name and ID: here that stands before it.
        """
        text = formats.in_zone(line.text, self.zone)
        if self._indent == _TIME or line.session_id is None:
            return text
        return text.removeprefix(f"{self._origin(line)} ({line.session_id}): ")

    def _origin(self, line: LogLine) -> str:
        return "" if line.session_id is None else self._by_id.get(line.session_id, line.session_id)

    def _rebuild(self) -> None:
        self._shown = []
        for line in (*(self._earlier.get(self._alone) or ()), *self._lines):
            if self._passes(line):
                self._shown.extend(self._with_day(line))
        self._measure(0)
        self.refresh()

    def _day(self, time: int) -> str:
        """The day of a time; no zone changes it but at a quarter of an hour."""
        quarter = time // _QUARTER
        if quarter not in self._days:
            date = formats.day_time(time, self.zone)[:6]
            self._days[quarter] = f"{formats.weekday(time, self.zone)} {date}"
        return self._days[quarter]

    def _with_day(self, line: LogLine) -> list[tuple[LogLine, int, str]]:
        """A line as it is shown, beneath the day that begins with it, unless that is today's.

        Of today the first lines have no heading; it has one where it follows another day.
        """
        parts, day = self._wrapped(line), self._day(line.time)
        if not self._shown:
            before = self._day(self._now) if self._now else day
        else:
            before = self._day(self._shown[-1][0].time)
        return parts if day == before else [(line, _DAY, day), *parts]

    @property
    def top_day(self) -> str:
        """The day of the uppermost line seen, where lines are of several."""
        if not self._shown or self._shown[0][1] >= 0:
            return ""
        return self._day(self._shown[min(self.scroll_offset.y, len(self._shown) - 1)][0].time)

    @property
    def _indent(self) -> int:
        shown = self._names and (self.size.width >= _ROOMY or len(self._by_id) > 1)
        return _TIME + (self._origin_width + self._air if shown else 0)

    @property
    def _name_cells(self) -> int:
        most = _LONGEST_NAME if self.size.width >= _AIRY else _LONGEST_NARROW
        return min(self._name_width, most if self.size.width >= _ROOMY else _SHORTEST_NAME)

    @property
    def _air(self) -> int:
        return _AIR if self.size.width >= _AIRY else 1

    @property
    def _origin_width(self) -> int:
        least = _ALIKE_WITH_ID if self._short_id else _WITH_ID
        if self.size.width >= least:
            return self._name_cells + _ID
        return self._name_cells + (self._air + self._short_id if self._short_id else 0)

    def _wrapped(self, line: LogLine) -> list[tuple[LogLine, int, str]]:
        # The scrollbar's cell is always left free: no line is wrapped anew where it comes.
        width = max(20, self.outer_size.width - self._indent - 1)
        return [
            (line, number, part)
            for number, part in enumerate(_laid_out(safe_text(self._text_of(line)), width))
        ]

    def _measure(self, first_new: int) -> None:
        self.virtual_size = Size(self.size.width, len(self._shown))
        if self.following:
            self._go_to_end()
            # Before the first layout there is no end to go to yet.
            self.call_after_refresh(self._go_to_end)
            self.refresh()
        elif first_new < self.scroll_offset.y + self.size.height:
            self.refresh()

    def fit(self) -> None:
        """Wrap the lines to the new width."""
        self._rebuild()

    # ── drawing ──

    def render_line(self, y: int) -> Strip:
        """One line of what is visible."""
        width = self.size.width
        dim = self.tone(Tone.DIM)
        if not self._shown:
            lines = self._nothing.splitlines()
            text = f"  {lines[y]}" if y < len(lines) else ""
            return Strip([Segment(text, dim)]).adjust_cell_length(width, dim)
        index = y + self.scroll_offset.y
        if index >= len(self._shown):
            return Strip.blank(width, dim)
        line, part, text = self._shown[index]
        if part == _DAY:
            rule = "─" * max(0, width - len(text) - 4)
            return Strip([Segment(f"  {text} ", dim), Segment(rule, self.tone(Tone.RULE))])
        behind = "line--cursor" if line is self._sought and not self.following else None
        dim, tone = self.tone(Tone.DIM, behind), self.tone(_TONES[line.level], behind)
        segments: list[Segment] = []
        if part:
            segments.append(Segment(" " * self._indent, dim))
        else:
            segments.append(Segment(f"{_MARKS[line.level]} ", tone))
            segments.append(Segment(f"{formats.clock(line.time, self.zone)} ", dim))
            if self._indent > _TIME:
                name = fitted(safe_text(self._origin(line)), self._name_cells, "left")
                segments.append(Segment(name + " " * self._air, self.tone(Tone.INFO, behind)))
                if cells := self._origin_width - self._name_cells:
                    known = line.session_id if line.session_id in self._by_id else None
                    beginning = (known or "")[: self._short_id if cells < _ID else None]
                    segments.append(Segment(beginning.ljust(cells), dim))
        segments.append(Segment(text, tone))
        return Strip(segments).adjust_cell_length(width, dim)

    @property
    def _nothing(self) -> str:
        """Why no line is shown."""
        if self._lines and self._text:
            return f"No {_KINDS[self._level]} has “{safe_text(self._text)}”. Esc shows all."
        if self._lines and self._level is not Level.DEBUG:
            return self._none_passes
        if self._earlier.get(self._alone, ()) is None:
            return "Asking the host for its log …"
        return self.empty

    # ── following and standing still ──

    def watch_following(self, following: bool) -> None:
        """Jump to the end when following begins."""
        if following and self.is_attached:
            self._go_to_end()
        self.post_message(self.Following(following))

    @property
    def line_at_hand(self) -> LogLine | None:
        """The line that one means: that which was gone back to, while it is seen, or the lowest."""
        top = self.scroll_offset.y
        seen = [line for line, *_ in self._shown[top : top + max(1, self.size.height)]]
        if not self.following and any(line is self._sought for line in seen):
            return self._sought
        return seen[-1] if seen else None

    def action_copy_line(self) -> None:
        """Copy the line that one means."""
        line = self.line_at_hand
        if line is not None:
            self.copy_out([self._copied(line)], "Line")

    def action_copy_lines(self) -> None:
        """Copy every line that passes the filters."""
        lines = [line for line, part, _ in self._shown if part == 0]
        self.copy_out([self._copied(line) for line in lines], f"{len(lines)} lines")

    def _copied(self, line: LogLine) -> list[str]:
        time = formats.date_time(line.time, self.zone, seconds=True)
        return [time, line.level.value, self._origin(line), self._text_of(line)]

    def action_move(self, step: int) -> None:
        """Scroll by lines; scrolling up stands still, reaching the end follows again."""
        self._go(self.scroll_offset.y + step)

    def action_page(self, step: int) -> None:
        """Scroll by screenfuls."""
        self._go(self.scroll_offset.y + step * max(1, self.size.height - 1))

    def action_edge(self, step: int) -> None:
        """Scroll to the first or last line."""
        self._go(0 if step < 0 else self.max_scroll_y)

    def _go(self, line: int) -> None:
        self.following = line >= self.max_scroll_y
        if not self.following:
            self.scroll_to(y=max(0, line), animate=False)

    def action_trouble(self) -> None:
        """Go back to the warning or error before the one gone to last, or before the end."""
        sought = self._sought
        end = next((at for at, (line, *_) in enumerate(self._shown) if line is sought), None)
        for at in range(len(self._shown) if end is None or self.following else end)[::-1]:
            line, part, _ = self._shown[at]
            if part == 0 and _LOUDNESS[line.level] >= _LOUDNESS[Level.WARNING]:
                self._sought = line
                self.following = False
                self.scroll_to(y=max(0, at - self.size.height // 2), animate=False)
                self.refresh()
                return
        where = "" if end is None or self.following else " before this one"
        self.post_message(self.NoTrouble(f"No warning or error{where}."))

    def _go_to_end(self) -> None:
        if self.following:
            self.scroll_end(animate=False, immediate=True)

    def on_mouse_scroll_up(self) -> None:
        """Stand still once someone looks back."""
        if self.max_scroll_y:
            self.following = False

    def on_mouse_scroll_down(self) -> None:
        """Follow again at the end."""
        if self.scroll_offset.y >= self.max_scroll_y - 1:
            self.following = True


def _telling(ids: Collection[str]) -> int:
    """How many characters of IDs tell them apart, but not too few to know one again."""
    longest = max(map(len, ids))
    enough = (n for n in range(_BEGINNING, longest) if len({one[:n] for one in ids}) == len(ids))
    return next(enough, longest)


def _laid_out(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` cells.

    What takes more than two lines begins one with each thing, sentence and trade that it tells of.
    """
    parts = _PARTS.split(text) if cell_len(text) > 2 * width else [text]
    return [line for part in parts for line in wrapped(part, width)]
