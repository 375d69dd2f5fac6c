"""What sessions earned: a calendar of days, and their trades by day, pair, reason and more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widgets import ContentSwitcher

from core.host.link import HostLink
from core.market.symbols import money_decimals
from core.session.snapshot import HostSnapshot, SessionSnapshot
from core.trading.values import Trade
from tui.commands import Place, bindings
from tui.screens import performance_rows
from tui.screens.base import BaseScreen, entitle, entitle_views
from tui.screens.performance_rows import GROUPINGS, Closed, Money
from tui.screens.session import SessionScreen
from tui.screens.sessions_table import STARTING, total, total_pnl
from tui.screens.trade import TradeScreen
from tui.widgets.calendar import Calendar, DayResult
from tui.widgets.curve_chart import Curve, CurveChart
from tui.widgets.figures import Figures
from tui.widgets.line_table import LineTable
from tui.widgets.tones import Tone

_TRADES, _POSITIONS = len(GROUPINGS), len(GROUPINGS) + 1  # the views behind the groupings
_NO_TRADE = "No trade has closed yet."


class PerformanceScreen(BaseScreen):
    """The closed trades of all sessions, or of some, taken apart; and all open positions."""

    PLACE = Place.PERFORMANCE
    TITLE = "Performance"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.PERFORMANCE)

    def __init__(self) -> None:
        super().__init__()
        self._chosen: tuple[str, ...] = ()  # the sessions looked at; none: all
        self._view = 0
        self._money: Money | None = None
        self._within: tuple[int, str] | None = None  # the grouping and group whose trades are shown
        self._trades: dict[str, tuple[Trade, ...]] = {}
        self._counts: dict[str, int] = {}  # the trades a session had when they were asked for
        self._asking = False
        self._counted: tuple[object, ...] | None = None  # what the rows shown were made of
        self._summed: list[Closed] = []
        self._shown: list[Closed] = []  # of those, the ones in the group one is in
        self._days: dict[date, DayResult] = {}
        self._scope = ""  # whose trades these are
        self._decimals = 2

    def body(self) -> ComposeResult:
        """Figures, the calendar, and one of the tables."""
        yield Figures(id="performance-figures")
        with Horizontal(id="performance-upper"):
            yield self.pane(Calendar(id="performance-days"), "Days")
            yield self.pane(CurveChart(id="performance-sum", empty=""), "Closed P&L over time")
        with ContentSwitcher(initial="performance-slices", id="performance-tables"):
            for name, columns, empty in (
                ("slices", GROUPINGS[0].columns, STARTING),
                ("trades", performance_rows.TRADE_COLUMNS, STARTING),
                ("open", performance_rows.OPEN_COLUMNS, STARTING),
            ):
                table = LineTable(
                    columns, id=f"performance-{name}", empty=empty, follows=name != "open"
                )
                yield self.pane(table, "")

    def mounted(self) -> None:
        """Begin with the days."""
        super().mounted()
        self.query_one("#performance-slices").focus()
        self.watch(self, "focused", self._entitle_days, init=False)

    # ── what is shown ──

    def look_at(self, session_ids: Sequence[str]) -> None:
        """Look at these sessions alone; the group one is in may have none of their trades."""
        self._chosen = tuple(session_ids)
        if self._within is not None:
            self._turn_to(self._within[0])
        elif self.ready:
            self.show_again()
            self.refresh_hints()

    def _sessions(self, snapshot: HostSnapshot) -> list[SessionSnapshot]:
        return [one for one in snapshot.sessions if not self._chosen or one.id in self._chosen]

    def show(self, snapshot: HostSnapshot) -> None:
        """Draw what is known, and ask for the trades that are new."""
        super().show(snapshot)
        sessions = self._sessions(snapshot)
        self._ask(sessions)
        kinds = performance_rows.kinds_of_money(sessions)
        if self._money not in kinds:
            # That which is closest to real, of those in which there is anything to see.
            traded = performance_rows.kinds_of_money(
                one for one in sessions if one.trades_count or one.open_positions
            )
            self._money = next(iter((*traded, *kinds)), None)
        summed = [one for one in sessions if performance_rows.money_of(one) == self._money]
        self._decimals = money_decimals(*(symbol for one in summed for symbol in one.symbols))
        held = [one for one in summed if one.open_positions and not one.state.ended]
        open_pnl = sum(one.unrealized_pnl for one in held) if held else None
        left = [one for one in summed if one.open_positions and one.state.ended]
        left_open = sum(one.unrealized_pnl for one in left) if left else None
        known = all(
            one.id in self._counts or not (one.unread or one.trades_count) for one in summed
        )
        # The day of the sessions' own clock: a demo's or a replay's is not the host's.
        now = max((one.now for one in summed), default=snapshot.now)
        today = datetime.fromtimestamp(now / 1000, self.papertape.zone).date()
        ids = tuple(one.id for one in summed)
        shown = (self._view, self._within, self.papertape.zone, today)
        counted = (ids, dict(self._counts), shown, len(kinds))
        if counted != self._counted:
            # Thousands of trades are taken apart when there are more of them, not at every price.
            self._counted = counted
            self._summed = [
                Closed(one, trade) for one in summed for trade in self._trades.get(one.id, ())
            ]
            self._shown = self._summed
            if self._within is not None:
                of, name = GROUPINGS[self._within[0]].of, self._within[1]
                zone = self.papertape.zone
                self._shown = [one for one in self._summed if of(one, zone) == name]
            self._days = performance_rows.daily(self._shown, self.papertape.zone)
            calendar = self.query_one(Calendar)
            # Its weeks stay where they are while one looks into a group.
            since = performance_rows.first_day(self._summed, self.papertape.zone)
            calendar.draw(self._days, max([today, *self._days]), since, self._decimals)
            self._scope = self._told_of(len(summed), len(kinds))
            self._entitle_days()
            points = performance_rows.added_up(self._shown)
            tone = Tone.LOSS if points and points[-1][1] < 0 else Tone.GAIN
            added = self.query_one("#performance-sum", CurveChart)
            added.draw([Curve(points, tone)], 0.0, self.papertape.zone, decimals=self._decimals)
            self._show_table(sessions)
        elif self._view == _POSITIONS:
            self._show_table(sessions)
        for name in ("slices", "trades"):
            table = self.query_one(f"#performance-{name}", LineTable)
            table.set_empty(
                self._nothing(snapshot) if known else "Asking the host for the trades …"
            )
        self.query_one("#performance-open", LineTable).set_empty("No position is open.")
        self.query_one("#performance-sum", CurveChart).set_empty(_NO_TRADE if known else "")
        gained = total(map(total_pnl, summed))
        figures = performance_rows.figures(
            self._shown,
            open_pnl,
            self._days,
            left_open,
            gained,
            known=known,
            decimals=self._decimals,
            of_group=self._within is not None,
        )
        self.query_one(Figures).show(figures)

    def _nothing(self, snapshot: HostSnapshot) -> str:
        """What a table without trades says, and what there is to do."""
        if not snapshot.sessions:
            return f"{_NO_TRADE} 1 leads to the sessions, where s starts one."
        way = {0: "h", _TRADES: "l"}.get(self._view)  # the open positions are the last view
        return _NO_TRADE if way is None else f"{_NO_TRADE} {way} shows the open positions."

    def _told_of(self, count: int, kinds: int) -> str:
        money = "" if self._money is None else f"{self._money} · "
        which = "chosen, Esc goes back" if self._chosen else "all but archived"
        if self._within is not None:
            return f"{money}{self._within[1]}"
        more = " · m shows other money" if kinds > 1 else ""
        return f"{money}{count} session{'s'[: count != 1]}, {which}{more}"

    def _entitle_days(self) -> None:
        """Tell above the calendar whose days these are or, while one is in it, of the day."""
        calendar, title = self.query_one(Calendar), self._scope
        if self.focused is calendar and (day := calendar.day) is not None:
            title = performance_rows.day_words(day, self._days.get(day), self._decimals)
            title += " · Enter shows them" if day in self._days else ""
        entitle(calendar, title)

    def _list_trades(self, table: LineTable, closed: Sequence[Closed]) -> None:
        columns, sessions = performance_rows.TRADE_COLUMNS, [one.session for one in closed]
        table.take_columns(performance_rows.telling_apart(columns, sessions))
        table.set_rows(performance_rows.trade_rows(closed, self.papertape.zone))

    def _show_table(self, sessions: Sequence[SessionSnapshot]) -> None:
        closed, zone, table = self._summed, self.papertape.zone, self._table()
        if self._view == _TRADES and self._within is not None:
            self._list_trades(table, self._shown)
            entitle(table, f"Trades of {self._within[1]} · {len(table.rows):,} · Esc goes back")
            return
        if self._view == _TRADES:
            self._list_trades(table, closed)
            title = f"Trades · {len(table.rows):,}"
        elif self._view == _POSITIONS:
            columns = performance_rows.OPEN_COLUMNS
            held = [one for one in sessions if one.open_positions]
            table.take_columns(performance_rows.telling_apart(columns, held))
            table.set_rows(performance_rows.open_rows(held))
            left = sum(len(one.open_positions) for one in held if one.state.ended)
            title = f"Open · {len(table.rows) - left:,}"
            title += f", left at the end · {left:,}" if left else ""
            kinds = len(performance_rows.kinds_of_money(held))
            title += f" · {kinds:,} kinds of money" if kinds > 1 else ""
        else:
            grouping = GROUPINGS[self._view]
            rows = performance_rows.slice_rows(closed, grouping, zone, self._decimals)
            table.take_columns(grouping.columns_for(rows))
            table.set_rows(rows)
            title = grouping.title
        names = [*(one.title for one in GROUPINGS), "Trades", "Open"]
        names[self._view] = title
        entitle_views(table, names, self._view)

    def _point(self) -> None:
        """Mark in the calendar the day under the cursor of the days, or the one one is in."""
        name = None
        if self._view == 0:
            name = self.query_one("#performance-slices", LineTable).cursor_key
        elif self._within is not None and self._within[0] == 0:
            name = self._within[1]
        day = None if name is None else performance_rows.day_of(name)
        self.query_one(Calendar).point(day)

    def _table(self) -> LineTable:
        names = {_TRADES: "trades", _POSITIONS: "open"}
        name = names.get(self._view, "slices")
        return self.query_one(f"#performance-{name}", LineTable)

    def _ask(self, sessions: Sequence[SessionSnapshot]) -> None:
        """Ask the host for the trades of the sessions that have closed some since."""
        stale = [one for one in sessions if self._counts.get(one.id, 0) != one.trades_count]
        if self._asking or not stale or self.papertape.link is None:
            return
        self._asking = True

        async def work(link: HostLink) -> None:
            try:
                for one in stale:
                    self._trades[one.id] = await link.closed_trades(one.id)
                    self._counts[one.id] = one.trades_count
            finally:
                self._asking = False
            if self.is_attached and self.is_current:
                self.show_again()

        self.papertape.command("trades", work, quiet=True)

    @on(LineTable.Highlighted, "#performance-slices")
    def _row_reached(self) -> None:
        self._point()

    @on(Calendar.Highlighted)
    def _day_reached(self, event: Calendar.Highlighted) -> None:
        if self._view == 0:
            self._table().move_to(performance_rows.day_name(event.day))
        self._entitle_days()

    @on(Calendar.Chosen)
    def _day_chosen(self, event: Calendar.Chosen) -> None:
        self._turn_to(_TRADES, (0, performance_rows.day_name(event.day)))

    # ── commands ──

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what can be done."""
        if action == "back":
            return bool(self._chosen) or self._within is not None
        if action == "open" and self.ready:
            return bool(self._table().rows)
        snapshot = self.papertape.snapshot
        if action == "money" and snapshot is not None:
            return len(performance_rows.kinds_of_money(self._sessions(snapshot))) > 1
        return True

    def action_turn(self, step: int) -> None:
        """Take the trades apart in the next way."""
        view = self._view if self._within is None else self._within[0]
        self._turn_to((view + step) % (_POSITIONS + 1))

    def _turn_to(self, view: int, within: tuple[int, str] | None = None) -> None:
        self._view, self._within = view, within
        self.query_one(ContentSwitcher).current = self._table().id
        self._table().focus()
        self.show_again()
        self._table().action_edge(-1)
        self._point()
        self.refresh_hints()

    def action_money(self) -> None:
        """Show the next kind of money."""
        snapshot = self.papertape.snapshot
        if snapshot is None or self._money is None:
            return
        kinds = performance_rows.kinds_of_money(self._sessions(snapshot))
        self._money = kinds[(kinds.index(self._money) + 1) % len(kinds)]
        self.show_again()
        if self._within is not None and not self._table().rows:
            self._turn_to(self._within[0])  # the other money has no such group

    def action_back(self) -> None:
        """Go back to the groups, or else to the list in which sessions were chosen."""
        if self._within is None:
            self.look_at(())
            self.papertape.action_go(Place.SESSIONS.mode)
            return
        view, name = self._within
        self._turn_to(view)
        self._table().move_to(name)

    @on(LineTable.Chosen)
    def action_open(self) -> None:
        """Show the trades of the group, the trade by itself, or the session of the position."""
        key, snapshot = self._table().cursor_key, self.papertape.snapshot
        if key is None or snapshot is None:
            return
        if self._view < _TRADES:
            self._turn_to(_TRADES, (self._view, key))
            return
        session_id, _, of_it = key.partition(" ")
        if self._view == _POSITIONS:
            self.app.push_screen(SessionScreen(session_id, of_it))
            return
        session = next(one for one in snapshot.sessions if one.id == session_id)
        trades = list(reversed(self._trades[session_id]))
        place = next(n for n, one in enumerate(trades) if str(one.id) == of_it)
        link = self.papertape.link
        source = None if link is None else partial(link.chart, session_id)
        self.app.push_screen(
            TradeScreen(
                session.strategy,
                trades,
                place,
                session.timeframe,
                source,
                session_id,
                left_at=lambda at: self._table().move_to(f"{session_id} {trades[at].id}"),
            )
        )
