"""On a wide and high terminal nothing is cut, hidden or left small that has room."""

from __future__ import annotations

from datetime import UTC

import pytest
from textual.app import ComposeResult
from textual.screen import Screen

from core.market.candles.candle import Candle
from core.strategy.signals.reading import Reading
from tests.ui.driving import driven, make_app, until
from tests.ui.scripted import busy
from tui.screens.session_view import condition_columns, condition_rows
from tui.widgets.candle_picture import Picture, PriceLevel, Slot
from tui.widgets.columns import places
from tui.widgets.heat_map import HeatCell, HeatGrid, HeatMap
from tui.widgets.tones import Tone


@pytest.mark.parametrize(("price", "line"), [(10.0, -2), (900.0, 0)])
def test_a_level_beyond_the_prices_hides_no_candle(price: float, line: int) -> None:
    candles = [Candle(n * 60_000, 100.0 + n, 101.0 + n, 99.0 + n, 100.5 + n, 0.0) for n in range(9)]
    picture = Picture(
        [Slot(one, ()) for one in (*candles, *reversed(candles))], 1, (),
        [PriceLevel("stop", price, Tone.LOSS)], (), UTC, 8,
    )  # fmt: skip
    rows = ["".join(glyph for glyph, _ in row) for row in picture.painted(18, 20)]
    assert rows[line].startswith("stop")
    prices = [row[:18] for number, row in enumerate(rows[:-1]) if number != line % len(rows)]
    assert all(any(row[column] != " " for row in prices) for column in range(18))


@pytest.mark.parametrize(("width", "words"), [(53, 18), (76, 32)])
def test_both_sides_of_a_condition_have_their_figures_and_its_words_the_rest(
    width: int, words: int
) -> None:
    reading = Reading("entry", "close < way_out.lower", 109_362.57, 109_118.02, 244.55, False)
    columns = condition_columns(condition_rows([reading]))
    shown = {columns[one.column].label: one for one in places(columns, 0, width)}
    assert shown["NOW"].width == shown["THRESHOLD"].width == len("109,362.57")
    assert shown["CONDITION"].width >= words


class _Map(Screen[None]):
    """Nothing but a map."""

    def compose(self) -> ComposeResult:
        yield HeatMap()


async def test_a_small_heat_map_fills_a_high_pane_and_is_clicked_where_it_is() -> None:
    app = make_app(busy())
    async with driven(app, (80, 40)) as pilot:
        app.push_screen(_Map())
        await until(pilot, lambda: bool(app.screen.query(HeatMap)))
        cells = tuple(tuple(HeatCell(f"{r}{c}", 0.5) for c in range(3)) for r in range(4))
        shown = app.screen.query_one(HeatMap)
        shown.draw(HeatGrid("down", "across", tuple("pqrs"), tuple("xyz"), cells))
        await pilot.pause()
        lines = [shown.render_line(y).text for y in range(shown.size.height)]
        told = [number for number, line in enumerate(lines) if line.strip()[:1] in tuple("pqrs")]
        assert told == [2, 5, 8, 11]
        await pilot.click(HeatMap, offset=(lines[8].index("21"), 9))
        assert shown.at == (2, 1)
