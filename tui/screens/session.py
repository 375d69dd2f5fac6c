"""One session by itself: its candles, why it acts or not, its equity, trades and log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from core.host.link import CommandError, HostLink, NotFoundError
from core.market.symbols import money_decimals
from core.session.snapshot import HostSnapshot, SessionDetail, SessionSnapshot
from core.strategy.chart_values import Chart
from core.text import safe_text
from core.trading.values import OpenTrade, Trade
from tui import formats
from tui.commands import Place, bindings
from tui.screens import session_view
from tui.screens.base import WIDE, BaseScreen, entitle, entitle_views, write
from tui.screens.compare import show_comparison
from tui.screens.conditions import condition_columns, condition_rows
from tui.screens.order_rows import ORDER_COLUMNS, order_rows
from tui.screens.sessions_table import POSITION_COLUMNS, position_rows
from tui.screens.trade import TradeScreen
from tui.screens.trade_rows import trade_columns
from tui.widgets.candle_chart import CandleChart
from tui.widgets.curve_chart import Curve, CurveChart, drawdown_points, equity_band
from tui.widgets.figures import Figures
from tui.widgets.hints import Hints
from tui.widgets.line_table import LineTable
from tui.widgets.log_pane import LogPane
from tui.widgets.tones import Tone

_LOG_FROM = 38  # lines of a wide terminal that has room for the log beneath the curves
_CUT = 16  # cells of the last part of a line that are kept in any case


def _line(parts: Sequence[tuple[str, Tone]], width: int | None = None) -> Content:
    """Parts in a line; what is dim is left out, the last first, where `width` has no room.

    A long last part that is not, such as why it is stale, is cut at the line's end before that.
    """
    kept = [(safe_text(text), tone) for text, tone in parts]
    long = kept[-1][0] if kept and kept[-1][1] is not Tone.DIM else ""
    spared = max(0, cell_len(long) - _CUT)
    while width is not None and sum(cell_len(text) + 3 for text, _ in kept) - 3 - spared > width:
        dim = [part for part in kept if part[1] is Tone.DIM]
        if not dim:
            break
        kept.remove(dim[-1])
    return Content(" · ").join(Content.styled(text, tone.css) for text, tone in kept)


def _decided(session: SessionSnapshot) -> tuple[object, ...]:
    """What of a session does not move with prices and time by itself: a change means a decision."""
    held = [(one.symbol, one.entry_time, one.quantity) for one in session.open_positions]
    still = replace(
        session,
        now=0,
        last_price_at=None,
        open_positions=(),
        unrealized_pnl=0.0,
        equity=0.0,
        pnl_today=0.0,
        next_jobs=(),
    )
    return still, held


_EMPTY = {
    "one-candles": "No candles yet.",
    "one-why": "Known once the first candle has closed.",
    "one-equity": "Nothing to draw yet.",
    "one-drawdown": "Nothing to draw yet.",
}
"""What stands in a pane that has nothing to show, once that is known."""
_VIEWS = {
    "one-trades": "Trades",
    "one-orders": "Orders",
    "one-log": "Log",
    "one-feed": "Feed",
    "one-equity": "Equity",
}
"""What takes turns beneath the candles: the panes and their names."""


class SessionScreen(BaseScreen):
    """A session, drawn from its snapshot and, about once a second, its detail."""

    PLACE = Place.SESSION
    TITLE = "Session"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.SESSION)

    def __init__(self, session_id: str, symbol: str | None = None) -> None:
        """`symbol`: the one to show, its first where none is given."""
        super().__init__()
        self._session_id = session_id
        self._row: SessionSnapshot | None = None  # as the host's list has it now
        self._session: SessionSnapshot | None = None  # as it is shown
        self._detail: SessionDetail | None = None
        self._symbol = symbol
        self._asking = False
        self._again = False  # whether to ask once more when it has answered
        self._told_by: HostLink | None = None  # the host the detail is of; None: it refused
        self._charted: tuple[object, ...] | None = None
        self._listed: tuple[
            object, ...
        ] = ()  # the trades in the table, and the zone of their times
        self._curve_title = "Equity"
        self._over = False  # whether the detail is that of its end

    def body(self) -> ComposeResult:
        """Title, figures; candles over conditions beside equity; positions; trades, log or feed."""
        yield Static("", id="one-title")
        yield Figures(id="one-figures")
        yield Static("", id="one-position-line")
        with Horizontal(id="one-upper"):
            with Vertical(id="one-main"):
                yield self.pane(CandleChart(id="one-candles"), "Candles")
                yield self.pane(
                    LineTable(
                        condition_columns(),
                        id="one-why",
                        idle_cursor=False,
                        sorts=False,
                        bare=True,
                        opens=False,
                    ),
                    "Why (not) now",
                )
            with Vertical(id="one-side"):
                equity = CurveChart(id="one-equity")
                falls = CurveChart(id="one-drawdown", write=formats.percent).stand_under(equity)
                yield self.pane(equity, "Equity")
                yield self.pane(falls, "Drawdown %")
                yield self.pane(LogPane(id="one-side-log"), "Log")
        yield self.pane(
            LineTable(POSITION_COLUMNS, id="one-positions", idle_cursor=False, bare=True),
            "Positions",
        )
        with Horizontal(id="one-lower"):
            trades = LineTable(trade_columns(0, several=False), id="one-trades", follows=True)
            trades.add_class("-shown")
            yield self.pane(trades, "Trades")
            yield self.pane(
                LineTable(ORDER_COLUMNS, id="one-orders", empty="No order yet.", opens=False),
                "Orders",
            )
            yield self.pane(LogPane(id="one-log"), "Log")
            yield self.pane(
                LineTable(
                    session_view.FEED_COLUMNS,
                    id="one-feed",
                    header=False,
                    empty="No notice, no job, and nothing of the feed.",
                    opens=False,
                ),
                "Feed",
            )

    def mounted(self) -> None:
        """Show what is known, and keep asking for more."""
        for log in self.query(LogPane):
            log.filter(session=self._session_id)
        super().mounted()
        for name in (*_EMPTY, "one-trades") if self._detail is None else ():
            self._pane_of(name).set_empty("Asking the host …")
        self.query_one("#one-trades").focus()
        self.set_interval(1.0, self._ask_unless_over)
        self.ask()

    def _pane_of(self, name: str) -> CandleChart | CurveChart | LineTable:
        pane = self.query_one(f"#{name}")
        assert isinstance(pane, CandleChart | CurveChart | LineTable)
        return pane

    # ── what is shown ──

    def show(self, snapshot: HostSnapshot) -> None:
        """Draw what the snapshot says of this session until its detail is there, and its log."""
        super().show(snapshot)
        found = next((s for s in snapshot.sessions if s.id == self._session_id), None)
        before, self._row = self._row, found
        link = self.papertape.link
        log = self._log
        if link is not None and found is not None:
            log.zone = self.papertape.zone
            log.set_empty(session_view.no_line(found))
            log.catch_up(link, snapshot)
            self.look_back(log, self._session_id)
        self.draw()
        left = before is not None and found is None  # archived, or deleted
        if left or (before and found and _decided(before) != _decided(found)):
            self._again = self._asking  # what is on its way may be older
            self.ask()

    @property
    def _log(self) -> LogPane:
        """The log that this terminal has room for: at the side, or as one of the views."""
        return self.query_one("#one-side-log" if self.has_class("-log") else "#one-log", LogPane)

    def resumed(self) -> None:
        """Show the present at once."""
        super().resumed()
        if self.ready:
            self.ask()

    def _ask_unless_over(self) -> None:
        if not self._over:
            self.ask()

    def ask(self) -> None:
        """Ask the host for the session as it is now, unless it still owes that."""
        if self._asking or not self.is_current or self.papertape.link is None:
            return
        self._asking, self._again = True, False
        shown = self._row or self._session
        over = shown is not None and shown.state.ended  # then it changes no more by itself

        async def work(link: HostLink) -> None:
            try:
                self._detail = await link.detail(self._session_id)
                self._told_by, self._over = link, over
            except NotFoundError:
                self._told_by = None
                self._leave()
                return
            except CommandError:
                self._told_by = None
                raise
            finally:
                self._asking = False
            if self.is_attached:
                self.draw()
                self.query_one(Hints).recheck()
            if self._again:
                self.ask()

        self.papertape.command("detail", work, quiet=True)

    def _leave(self) -> None:
        """Go back, for the session was deleted meanwhile by another screen or a command."""
        if self.is_on_top:
            self.app.pop_screen()
            self.papertape.say(f"Session {self._session_id} has been deleted.", "warning")

    @property
    def _is_told(self) -> bool:
        """Whether the detail is what the host that is there now answered last."""
        return self._told_by is not None and self._told_by is self.papertape.link

    def draw(self) -> None:
        """Draw the session, all of one moment: that of its detail, once there is one."""
        detail = self._detail
        found = self._row if detail is None else detail.snapshot or self._row
        if not self._is_told and self._row is not None:
            found = self._row
        if found is None:
            return
        self._session = found
        if self._symbol is None or self._symbol not in found.symbols:
            self._symbol = found.symbols[0]
        briefly, room = self.has_class("-narrow"), self.size.width - 4
        title = session_view.title(found, self.papertape.zone, briefly=briefly)
        write(self.query_one("#one-title", Static), _line(title, room))
        if self.has_class("-short"):
            positions_line = session_view.positions_in_a_line(found)
            line = self.query_one("#one-position-line", Static)
            write(line, _line(positions_line))
            line.set_class(not positions_line, "-nothing")
        self.query_one(Figures).show(session_view.figures(found, self.papertape.zone))
        positions = self.query_one("#one-positions", LineTable)
        positions.set_empty(session_view.no_position(found))
        positions.set_rows(position_rows(found))
        if detail is not None:
            for name, text in _EMPTY.items():
                self._pane_of(name).set_empty(text)
            self._pane_of("one-trades").set_empty(session_view.no_trade(found))
            self._draw_detail(found, detail, self._symbol)

    def _draw_detail(self, session: SessionSnapshot, detail: SessionDetail, symbol: str) -> None:
        chart = self.query_one(CandleChart)
        levels, marks = session_view.levels_and_marks(session, detail, symbol)
        zone = self.papertape.zone
        candles = detail.candles.get(symbol, ())
        if not session.state.ended and self._is_told:
            candles = session_view.candles_until_now(detail, symbol)
        chart.draw(candles, levels, marks, zone, formats.year(session.now, zone))
        charted = (symbol, session.timeframe, session.last_candle)
        if charted != self._charted:
            self._charted = charted
            chart.look_at(self._chart, symbol, session.timeframe)
        more = f" · {len(session.symbols)} symbols" if len(session.symbols) > 1 else ""
        entitle(chart, f"{symbol} {chart.shown(session.timeframe)}{more}", chart.readings)
        why = self.query_one("#one-why", LineTable)
        conditions = condition_rows(detail.readings.get(symbol, ()))
        why.take_columns(condition_columns(conditions))
        why.set_rows(conditions)
        entitle(why, session_view.why(session, detail.readings.get(symbol, ()), symbol))
        start = session.starting_balance
        tone = Tone.GAIN if session.equity >= start else Tone.LOSS
        equity = self.query_one("#one-equity", CurveChart)
        band, title = equity_band(detail.cone, start)
        decimals = money_decimals(*session.symbols)
        equity.draw([Curve(detail.equity, tone)], start, zone, band=band, decimals=decimals)
        self._curve_title = title
        self.query_one("#one-drawdown", CurveChart).draw(
            [Curve(drawdown_points(detail.equity, start), Tone.LOSS, filled=True)],
            0.0,
            zone,
        )
        trades = self.query_one("#one-trades", LineTable)
        if (listed := (detail.trades, zone)) != self._listed:
            self._listed = listed
            columns, rows = session_view.trade_table_of(session, detail.trades, zone)
            trades.take_columns(columns)
            trades.set_rows(rows)
        if session.orders is not None:
            orders = self.query_one("#one-orders", LineTable)
            orders.set_rows(order_rows(detail.orders))
        feed = session_view.feed_rows(session, detail, zone)
        self.query_one("#one-feed", LineTable).set_rows(feed)
        self._entitle_views()

    def _entitle_views(self) -> None:
        """Say in the titles which views take turns beneath the candles."""
        session, detail = self._session, self._detail
        views, shown = self._views(), self._viewed
        names = dict(_VIEWS)
        if detail is not None:
            names["one-trades"] = f"Trades · {len(detail.trades):,}"
        if shown == "one-orders" and session is not None and session.orders is not None:
            names[shown] = f"Orders on the testnet · {formats.order_counts(session.orders)}"
        log = self._log
        names["one-log"] = " · ".join(filter(None, (names["one-log"], log.top_day)))
        if log.id == "one-side-log":
            entitle(log, names["one-log"])
        if session is not None:
            names["one-feed"] = session_view.feed_title(session)
        entitle(self.query_one("#one-equity"), self._curve_title)
        if shown in views:
            titles, at = [names[view] for view in views], views.index(shown)
            entitle_views(self.query_one(f"#{shown}"), titles, at)

    async def _chart(
        self, symbol: str, timeframe: str | None, until: int | None, count: int
    ) -> Chart:
        link = self.papertape.link
        if link is None:
            raise CommandError("the host is still starting")
        return await link.chart(self._session_id, symbol, timeframe, until, count)

    @on(CandleChart.Turned)
    def _turned(self) -> None:
        self.draw()

    # ── commands ──

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what can be done with the session as it stands."""
        session = self._session
        if session is None:
            return True
        if action == "stop":
            return not session.state.ended
        if action == "pause":
            return session.interrupted or not session.state.ended
        if action == "flatten":
            return bool(session.open_positions) and not session.state.ended
        if action == "open":
            table = self.focused
            listed = isinstance(table, LineTable) and bool(table.rows)
            return listed and table is not None and table.id in ("one-trades", "one-positions")
        if action == "symbol":
            return len(session.symbols) > 1
        if action in ("block", "watch"):
            return not session.state.ended
        if action == "enter":
            held = any(one.symbol == self._symbol for one in session.open_positions)
            return bool(session.sides) and not held and not session.state.ended
        return True

    def action_back(self) -> None:
        """Return to the sessions."""
        self.dismiss()

    def action_view(self) -> None:
        """Show the next of trades, orders where there are any to be made, log, feed, and curves.

        Curves have their own place where the terminal is high enough, and the log where it is wide.
        """
        views, shown = self._views(), self._viewed
        at = views.index(shown) if shown in views else -1
        self._turn_to(views[(at + 1) % len(views)])

    def _views(self) -> list[str]:
        """What takes turns beneath the candles on this terminal."""
        left_out = {
            "one-orders": self._session is None or self._session.orders is None,
            "one-log": self.has_class("-log"),
            "one-equity": not self.has_class("-short"),
        }
        return [name for name in _VIEWS if not left_out.get(name)]

    @property
    def _viewed(self) -> str:
        """Which of the views is shown, beside what has a place of its own."""
        if self.has_class("-curves"):
            return "one-equity"
        return next(name for name in _VIEWS if self.query_one(f"#{name}").has_class("-shown"))

    def _turn_to(self, name: str) -> None:
        self.set_class(name == "one-equity", "-curves")
        if name != "one-equity":
            for each in _VIEWS:
                self.query_one(f"#{each}").set_class(each == name, "-shown")
        self.query_one(f"#{name}").focus()
        self.call_after_refresh(self._entitle_views)  # as wide as the panes are by then

    def laid_out(self, event: events.Resize) -> None:
        """Where a view gets a place of its own, another has that of the views."""
        super().laid_out(event)
        width, height = event.size
        self.set_class(width >= WIDE and height >= _LOG_FROM, "-log")
        if self.ready:
            if self._viewed not in self._views():
                self._turn_to("one-trades")
            self.call_after_refresh(self.show_again)

    def action_symbol(self, step: int) -> None:
        """Show another symbol's candles and conditions."""
        if self._session is None or self._symbol is None:
            return
        symbols = self._session.symbols
        self._symbol = symbols[(symbols.index(self._symbol) + step) % len(symbols)]
        self.draw()

    @on(LineTable.Chosen, "#one-trades")
    @on(LineTable.Chosen, "#one-positions")
    def _opened(self, event: LineTable.Chosen) -> None:
        self._open_trade(event.table, event.key)

    def action_open(self) -> None:
        """Open the trade or position under the cursor."""
        table = self.focused
        if isinstance(table, LineTable) and table.cursor_key is not None:
            self._open_trade(table, table.cursor_key)

    def _open_trade(self, table: LineTable, key: str) -> None:
        """Show a trade by itself; from there one can go on to the others, as they are listed."""
        session, detail = self._session, self._detail
        if session is None or detail is None:
            return
        trades: dict[str, Trade | OpenTrade] = {}
        if table.id == "one-trades":
            trades = {str(place): trade for place, trade in enumerate(detail.trades)}
        elif table.id == "one-positions":
            trades = {position.symbol: position for position in session.open_positions}
        keys = [row.key for row in table.rows if row.key in trades]
        if key in keys:
            shown = [trades[each] for each in keys]
            screen = TradeScreen(
                session.strategy,
                shown,
                keys.index(key),
                session.timeframe,
                self._chart,
                session.id,
                left_at=lambda place: table.move_to(keys[place]),
            )
            self.app.push_screen(screen)

    def action_pause(self) -> None:
        """Block entries, allow them again, or take the session up again."""
        if self._session is not None:
            self.papertape.sessions.pause([self._session], self._session)

    def action_stop(self) -> None:
        """Ask, then stop the session."""
        if self._session is not None:
            self.papertape.sessions.ask_stop([self._session])

    def action_flatten(self) -> None:
        """Ask, then close the position under the cursor or of the symbol shown, or all."""
        if self._session is not None and self._symbol is not None:
            table = self.query_one("#one-positions", LineTable)
            under = table.cursor_key if table.has_focus else None
            self.papertape.sessions.ask_flatten_one(self._session, under or self._symbol)

    def action_block(self) -> None:
        """Block the entries of the symbol shown, or allow them again."""
        if self._session is not None and self._symbol is not None:
            self.papertape.sessions.block(self._session, self._symbol)

    def action_enter(self) -> None:
        """Ask on which side, then enter a position in the symbol shown."""
        if self._session is not None and self._symbol is not None:
            self.papertape.sessions.ask_enter(self._session, self._symbol)

    def action_note(self) -> None:
        """Open the form for its note and tags."""
        if self._session is not None:
            self.note_on(self._session)

    def action_watch(self) -> None:
        """Open the form for what to be told of."""
        if self._session is not None and self._symbol is not None:
            self.tell_of(
                self._session,
                self._symbol,
                lambda: None if self._detail is None else self._detail.prices,
            )

    def action_compare(self) -> None:
        """Go to the comparison, with it selected."""
        if self._session is not None:
            show_comparison(self, self._session.id, self._session.strategy)

    def action_report(self) -> None:
        """Show its report."""
        if self._session is not None:
            self.papertape.sessions.report(self._session)
