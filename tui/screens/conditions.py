"""The conditions of a strategy as rows, and at the candle that decided a trade.

What stands behind a session now and what stood behind a trade of it is read and written alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import tzinfo

from rich.cells import cell_len
from textual.worker import Worker

from core.host.link import CommandError
from core.strategy.chart_values import Chart, ChartSource, NoCandlesError
from core.strategy.signals.reading import Counted, Reading
from core.trading.values import OpenTrade, Trade
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
        super().__init__(condition_columns(), idle_cursor=False, sorts=False, bare=True, id=id)

    def look_at(self, source: ChartSource | None, trade: Trade | OpenTrade, none: str = "") -> None:
        """Show those of a trade; where there is no source, say `none`: why not."""
        if source is None:
            self._draw((), none)
            return
        symbol, time = trade.symbol, trade.signal_time
        self.set_empty("Reading the candle of its signal …")
        # Nothing of another trade stays, but the lines do, lest all about them move twice.
        self.set_rows(replace(row, cells=(Cell(""),) * len(row.cells)) for row in self.rows)

        async def work() -> None:
            try:
                chart = await source(symbol, None, time + 1, 1)
            except NoCandlesError:  # the chart beside it says why
                self._draw((), "The candle of its signal is not there to read them from.")
            except CommandError as error:
                self._draw((), f"They cannot be read: {error}")
            else:
                self._draw(chart.conditions or (), _why_none(chart, time))

        _: Worker[None] = self.run_worker(
            work(), group="conditions", exclusive=True, exit_on_error=False
        )

    def _draw(self, readings: Sequence[Reading], none: str) -> None:
        rows = condition_rows(readings)
        self.set_empty(none)
        self.take_columns(condition_columns(rows))
        self.set_rows(rows)


def conditions_title(trade: Trade | OpenTrade, zone: tzinfo) -> str:
    """What the pane of a trade's conditions is called: a person may have decided without them."""
    time = formats.day_time(trade.signal_time, zone)
    if trade.by_hand:
        return f"Conditions at {time}, entered by hand"
    return f"Conditions at its signal, {time}"


def _why_none(chart: Chart, time: int) -> str:
    """Why a chart that is to end with a candle tells no condition at it."""
    if not chart.candles or chart.candles[-1].time != time:
        return "The candle of its signal is not among those kept."
    if chart.conditions is None:
        return "The host is of an older version and does not tell them."
    return "What decides for this strategy are no conditions."
