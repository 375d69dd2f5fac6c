"""The conditions of a strategy as rows, and at the candles that decided a trade's entry and exit.

What stands behind a session now and what stood behind a trade of it is read and written alike.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from datetime import tzinfo

from rich.cells import cell_len
from textual.message import Message
from textual.worker import Worker

from core.host.link import CommandError
from core.market.candles.timeframes import Timeframe
from core.strategy.chart_values import LONGEST_CHART, Chart, ChartSource, NoCandlesError
from core.strategy.signals.reading import Counted, Reading
from core.text import reason_text
from core.trading.values import ExitReason, OpenTrade, Trade
from tui import formats
from tui.widgets.columns import Column
from tui.widgets.line_table import LineTable
from tui.widgets.table_rows import Cell, Row
from tui.widgets.tones import Tone

_WORDS = (18, 45, 52)  # cells of a condition: the fewest, as many as matter more, the most


def condition_columns(rows: Sequence[Row] = ()) -> tuple[Column, ...]:
    """The columns of the conditions: the values take what they need, the words have the rest.

    How far off a condition is gives way to its words, for its two sides tell that too.
    """
    longest = [max((cell_len(row.cells[at].text) for row in rows), default=0) for at in range(6)]
    fewest, matter, most = _WORDS
    words = max(fewest, min(longest[2], matter))
    return (
        Column("", 1),
        Column("FOR", 5),
        Column("CONDITION", words, grow=most - words),
        Column("VALUE", max(9, longest[3]), "right"),
        Column("THRESHOLD", max(9, longest[4]), "right"),
        Column("OFF BY", max(8, longest[5]), "right", priority=1),
    )


def condition_rows(readings: Sequence[Reading]) -> list[Row]:
    """Each condition with both of its sides, how far they are apart, and whether it holds."""
    rows = []
    for number, reading in enumerate(readings):
        mark = Cell("✓", Tone.ACCENT) if reading.holds else Cell("✗", Tone.DIM)
        if reading.holds is None:
            mark = Cell("")
        known = reading.distance is not None
        counted = reading.counted
        off = _distance(reading) if known else "not yet"
        if reading.beyond:
            off = f"is {reading.beyond}"  # and to cross it has to come back first
        text = "  " * reading.depth + reading.text
        rows.append(
            Row(
                f"{number}",
                (
                    mark,
                    Cell("" if reading.depth else reading.group, Tone.DIM),
                    Cell(text, Tone.STRONG if reading.holds else Tone.PLAIN),
                    Cell(formats.side(reading.current, counted)),
                    Cell(formats.side(reading.threshold, counted), Tone.DIM),
                    Cell("" if reading.holds is not False else off, Tone.DIM),
                ),
            )
        )
    return rows


def _distance(reading: Reading) -> str:
    """How far a condition is off, in the decimals of its sides where these show it."""
    small = any(0 < abs(one or 0) < 1 for one in (reading.current, reading.threshold))
    plain = formats.number(reading.distance)
    if reading.counted or small or not formats.read_figure(plain):
        return formats.side(reading.distance, reading.counted and Counted.ROW)
    return plain


class SignalConditions(LineTable):
    """Each condition at the close of the candle that decided the entry of a trade."""

    def __init__(self, *, id: str) -> None:  # noqa: A002  (Textual's own name for it)
        super().__init__(
            condition_columns(), idle_cursor=False, sorts=False, bare=True, opens=False, id=id
        )

    def look_at(self, source: ChartSource | None, trade: Trade | OpenTrade, none: str = "") -> None:
        """Show those of a trade; where there is no source, say `none`: why not."""
        if source is None:
            self._draw((), none)
            return
        symbol, time = trade.symbol, trade.signal_time
        candle = "candle before its entry" if trade.by_hand else "candle of its signal"

        async def work() -> None:
            try:
                chart = await source(symbol, None, time + 1, 1)
            except NoCandlesError:  # the chart beside it says why
                self._draw((), f"The {candle} is not there to read them from.")
            except CommandError as error:
                self._draw((), f"They cannot be read: {error}")
            else:
                self._draw(chart.conditions or (), _why_none(chart, time, candle))

        self._read(f"Reading the {candle} …", work())

    def _read(self, meanwhile: str, work: Coroutine[None, None, None]) -> None:
        """Have `work` draw what it reads, and say what is done `meanwhile`."""
        self.set_empty(meanwhile)
        # Nothing of another trade stays, but the lines do, lest all about them move twice.
        self.set_rows(replace(row, cells=(Cell(""),) * len(row.cells)) for row in self.rows)
        _: Worker[None] = self.run_worker(
            work, group="conditions", exclusive=True, exit_on_error=False
        )

    def _draw(self, readings: Sequence[Reading], none: str) -> None:
        rows = condition_rows(readings)
        self.set_empty(none)
        self.take_columns(condition_columns(rows))
        self.set_rows(rows)


class ExitConditions(SignalConditions):
    """Why a trade was left: the conditions at the close that ordered it, or a sentence."""

    class Read(Message):
        """It is known what to call the pane."""

        def __init__(self, title: str) -> None:
            super().__init__()
            self.title = title

    def look_at_exit(
        self,
        source: ChartSource | None,
        trade: Trade | OpenTrade,
        timeframe: str,
        zone: tzinfo,
        none: str = "",
        name: str = "Exit",
        over: bool = False,
    ) -> None:
        """Show that of a trade, in a `zone`; where there is no source, say `none`: why not.

        `timeframe`: of its strategy. `name`: what its exit is called. `over`: one that was open has
        been closed since.
        """
        if isinstance(trade, OpenTrade):
            closed_by_now = "It is closed by now: its line among the trades tells why."
            text = closed_by_now if over else "It is open: nothing has closed it yet."
            self._show((), text, name)
            return
        reason, closed = reason_text(trade.exit_reason), trade
        title = f"{name}: {reason}, {formats.day_time(trade.exit_time, zone)}"
        if source is None:
            self._show((), none, title)
            return

        async def work() -> None:
            try:
                readings, text, decided = await _exit_of(closed, timeframe, source)
            except NoCandlesError:  # the chart beside it says why
                self._show((), "Its candles are not there to work it out from.", title)
            except CommandError as error:
                self._show((), f"It cannot be read: {error}", title)
            else:
                named = title
                if readings and decided is not None:
                    time = formats.day_time(decided, zone)
                    named = f"{name}: {reason}, its conditions at {time}"
                self._show(readings, formats.all_in_zone(text, zone), named)

        self.post_message(self.Read(title))
        self._read("Reading its candles …", work())

    def _show(self, readings: Sequence[Reading], text: str, title: str) -> None:
        self._draw(readings, text)
        self.post_message(self.Read(title))


_BY_SIGNAL = {ExitReason.SIGNAL: "exit", ExitReason.REVERSE: "entry"}
"""Of which group the conditions are that order an exit."""


async def _exit_of(
    trade: Trade, timeframe: str, source: ChartSource
) -> tuple[tuple[Reading, ...], str, int | None]:
    """The conditions that ordered an exit, all that is to be said of it, and the candle of these.

    Raises:
        CommandError, NoCandlesError: as the source does.
    """
    length = next((one.ms for one in Timeframe if one.value == timeframe), 0)
    # Gaps make it begin before the signal, which does no harm.
    count = (trade.exit_time - trade.signal_time) // length + 1 if length else LONGEST_CHART
    chart = await source(trade.symbol, None, trade.exit_time + 1, min(count, LONGEST_CHART))

    def told() -> tuple[str, int | None]:
        # Loads numpy and what reads configs, which the first frame must not wait for.
        from core.report.exit_told import exit_told  # noqa: PLC0415

        found = exit_told(trade, chart)
        return "\n".join(found.sentences), found.decided

    text, decided = await asyncio.to_thread(told)
    group = _BY_SIGNAL.get(trade.exit_reason)
    if group is None or decided is None:
        return (), text, decided
    if decided != chart.candles[-1].time:
        chart = await source(trade.symbol, None, decided + 1, 1)
    return tuple(one for one in chart.conditions or () if one.group == group), text, decided


def conditions_title(trade: Trade | OpenTrade, zone: tzinfo) -> str:
    """What the pane of a trade's conditions is called: a person may have decided without them."""
    time = formats.day_time(trade.signal_time, zone)
    if trade.by_hand:
        return f"Conditions at {time}, entered by hand"
    return f"Conditions at its signal, {time}"


def _why_none(chart: Chart, time: int, candle: str) -> str:
    """Why a chart that is to end with a candle tells no condition at it; `candle`: which it is."""
    if not chart.candles or chart.candles[-1].time != time:
        return f"The {candle} is not among those kept."
    if chart.conditions is None:
        return "The host is of an older version and does not tell them."
    return "What decides for this strategy are no conditions."
