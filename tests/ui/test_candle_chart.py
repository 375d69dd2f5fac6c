"""Can a chart be looked at closely: larger, back in time, one candle, longer candles?"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from core.journal.values import SessionState
from core.market.candles.candle import Candle
from core.market.candles.timeframes import Timeframe
from core.strategy.chart_values import LONGEST_CHART, Chart, ChartLine
from tests.ui.driving import NARROW, VAST, WIDE, driven, make_app, until
from tests.ui.scripted import HOUR, NOW, busy, candles
from tests.ui.test_sessions import drawn
from tui import formats
from tui.app import PapertapeApp
from tui.screens.report import ReportScreen
from tui.screens.session import SessionScreen
from tui.screens.trade import TradeScreen
from tui.widgets.axes import Scale
from tui.widgets.candle_cells import Cells, blank, draw_line
from tui.widgets.candle_chart import CandleChart
from tui.widgets.candle_picture import Picture, PriceLevel, Slot
from tui.widgets.filter_box import FilterBox
from tui.widgets.hints import Hints
from tui.widgets.line_table import LineTable
from tui.widgets.tones import Tone


@asynccontextmanager
async def full_screen(
    size: tuple[int, int] = WIDE,
) -> AsyncIterator[tuple[PapertapeApp, Pilot[int]]]:
    """The chart of a session over the whole screen."""
    app = make_app(busy())
    async with driven(app, size) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        chart = app.screen.query_one(CandleChart)
        await until(pilot, lambda: "sma_10" in str(chart.border_title))
        chart.focus()
        await pilot.press("z")
        await until(pilot, lambda: chart.size.height > size[1] - 6)
        yield app, pilot


@pytest.mark.parametrize("size", [NARROW, WIDE, VAST])
async def test_tab_leads_from_the_trades_of_a_session_into_its_chart(size: tuple[int, int]) -> None:
    """As docs/screens.md and the refusal of a crosshair among the trades say."""
    link = busy()
    for one in link.sessions:
        link.change(one.id, state=SessionState.STOPPED, ended=NOW)
    app = make_app(link)
    async with driven(app, size) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        chart = app.screen.query_one(CandleChart)
        await until(pilot, lambda: "sma_10" in str(chart.border_title))
        await pilot.press("right")
        await until(pilot, lambda: any("Tab leads" in one.message for one in app.notes))
        await pilot.press("tab", "z")
        await until(pilot, lambda: chart.has_focus and chart.size.width == size[0])


def picture(app: PapertapeApp) -> list[str]:
    return drawn(app, "#one-candles").splitlines()


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_a_pane_is_shown_over_the_whole_screen_and_back(size: tuple[int, int]) -> None:
    async with full_screen(size) as (app, pilot):
        chart = app.screen.query_one(CandleChart)
        assert chart.size.width == size[0]
        assert app.screen.query_one(Hints).region.height == 1
        await pilot.press("z")
        await until(pilot, lambda: chart.size.width <= size[0] and chart.size.height < size[1] - 6)
        await pilot.press("z", "escape")
        await until(pilot, lambda: chart.size.height < size[1] - 6)
        assert isinstance(app.screen, SessionScreen)


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_from_a_pane_in_full_screen_one_goes_on_to_the_next_and_finds_the_way_back(
    size: tuple[int, int],
) -> None:
    """Tab did nothing there on Session, and nothing said which key leads back."""
    async with full_screen(size) as (app, pilot):
        chart = app.screen.query_one(CandleChart)
        seen = []
        for _ in range(3):
            assert "z all panes" in drawn(app, "Hints")
            seen.append(app.screen.maximized)
            await pilot.press("tab")
            await until(pilot, lambda: app.screen.maximized is not seen[-1])
            assert app.screen.maximized is app.screen.focused
        assert len(set(seen)) == len(seen)
        await pilot.press(*["shift+tab"] * 3)
        await until(pilot, lambda: app.screen.maximized is chart)
        await pilot.press("z")
        await until(pilot, lambda: app.screen.maximized is None)
        await until(pilot, lambda: "all panes" not in drawn(app, "Hints"))


async def test_the_field_of_a_filter_is_no_pane_for_the_whole_screen() -> None:
    """There `z`, which leads back, was typed into it."""
    app = make_app(busy())
    async with driven(app, WIDE) as pilot:
        await until(pilot, lambda: bool(app.screen.query_one("#sessions", LineTable).rows))
        await pilot.press("slash", "o", "enter", "z")
        await until(pilot, lambda: app.screen.maximized is not None)
        seen = {app.screen.maximized}
        for _ in range(4):
            before = app.screen.maximized
            await pilot.press("tab")
            await until(pilot, lambda: app.screen.maximized is not before)  # noqa: B023
            seen.add(app.screen.maximized)
        assert app.screen.query_one(FilterBox).display
        assert app.screen.query_one(FilterBox) not in seen
        await pilot.press("slash")
        await until(pilot, lambda: app.screen.query_one(FilterBox).has_focus)
        await until(pilot, lambda: app.screen.query_one(FilterBox).region.height == 1)
        await pilot.press("enter")
        await pilot.press("z")
        await until(pilot, lambda: app.screen.maximized is None)
        assert app.screen.query_one(FilterBox).text == "o"


async def test_volume_and_the_strategys_indicators_are_drawn_and_can_be_left_out() -> None:
    async with full_screen() as (app, pilot):
        await until(pilot, lambda: any(line.startswith("  rsi") for line in picture(app)))
        assert any(line.startswith("  volume") for line in picture(app))
        assert any(0x2800 < ord(letter) < 0x2900 for letter in "".join(picture(app)))
        await pilot.press("i")
        await until(pilot, lambda: "volume" not in drawn(app, "#one-candles"))
        assert "rsi" not in drawn(app, "#one-candles")


async def test_the_crosshair_tells_one_candle_and_escape_takes_it_away() -> None:
    async with full_screen() as (app, pilot):
        last = candles(step=4 * HOUR)[-1]
        await pilot.press("left", "left")  # the newest, which forms, then the one before
        await until(pilot, lambda: f"C {last.close:,.2f}" in picture(app)[0])
        assert f"O {last.open:,.2f}  H {last.high:,.2f}  L {last.low:,.2f}" in picture(app)[0]
        assert "┊" in drawn(app, "#one-candles")
        await pilot.press("z")  # back among the other panes, where Esc would leave the session
        await pilot.press("escape")
        await until(pilot, lambda: "┊" not in drawn(app, "#one-candles"))
        assert isinstance(app.screen, SessionScreen)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, SessionScreen))


async def test_candles_grow_shrink_and_are_put_together() -> None:
    async with full_screen() as (app, pilot):
        columns = bodies(app)
        await pilot.press("plus")
        await until(pilot, lambda: 0 < bodies(app) <= columns // 2 + 1)
        await pilot.press("minus", "minus")
        await until(pilot, lambda: 0 < bodies(app) < 80)


def bodies(app: PapertapeApp) -> int:
    """How many columns hold a candle."""
    rows = picture(app)
    return sum(any(row[at : at + 1] in "┃╻╹╽╿│" for row in rows if row[at:]) for at in range(100))


async def test_one_goes_back_in_time_and_returns_to_the_newest() -> None:
    async with full_screen() as (app, pilot):
        newest = picture(app)[-1]
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: picture(app)[-1] != newest)
        await pilot.press("g")
        first = "29 Oct"
        await until(pilot, lambda: first in picture(app)[-1])
        await pilot.press("G")
        await until(pilot, lambda: picture(app)[-1] == newest)


async def test_longer_candles_hold_the_forming_one_and_name_themselves() -> None:
    async with full_screen() as (app, pilot):
        chart = app.screen.query_one(CandleChart)
        await pilot.press("full_stop", "full_stop")
        await until(pilot, lambda: "12h" in str(chart.border_title))
        await until(pilot, lambda: "63,987.25" in drawn(app, "#one-candles"))
        await pilot.press("comma", "comma", "comma")
        await until(pilot, lambda: "4h" in str(chart.border_title))


async def test_the_footer_names_the_keys_of_the_chart_one_is_in() -> None:
    async with full_screen() as (app, pilot):
        hints = app.screen.query_one(Hints)
        await until(pilot, lambda: "→ crosshair" in str(hints.render()))
        await pilot.press("z")
        await until(pilot, lambda: "Esc back" in str(hints.render()))


async def test_the_footer_of_a_chart_names_the_way_back_to_the_newest_and_out_of_a_crosshair() -> (
    None
):
    """On the narrowest terminal neither was named, and in full screen not even `-` and `[`."""
    async with full_screen(NARROW) as (app, pilot):

        async def says(*wanted: str, without: str = "G") -> None:
            def right() -> bool:
                shown = drawn(app, "Hints")
                return all(one in shown for one in wanted) and f"{without} " not in shown

            await until(pilot, right)

        await says("+ larger", "- smaller", "→ crosshair", "[ older", "z all panes")
        await pilot.press("left_square_bracket")
        await says("[ older", "G newest", "z all panes", without="Esc")
        await pilot.press("right")
        await says("→ next candle", "Esc no crosshair", without="→ crosshair")
        await pilot.press("escape")
        await says("→ crosshair", "G newest", "z all panes", without="Esc")
        await pilot.press("G")
        await says("→ crosshair", "[ older")


async def test_a_trade_of_a_report_opens_with_its_candles() -> None:
    link = busy()
    app = make_app(link)
    async with driven(app, WIDE) as pilot:
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, ReportScreen))
        report = app.screen
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TradeScreen))
        await until(pilot, lambda: "97.13" in drawn(app, "#trade-fields"))
        await until(pilot, lambda: "┃" in drawn(app, "#trade-candles"))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is report)


async def test_one_key_leads_to_the_oldest_candles_and_there_nothing_older_is_offered() -> None:
    """`g` went to the oldest of those loaded, ten times until there were no more."""
    asked: list[int] = []
    whole = candles(4_000)

    async def source(symbol: str, timeframe: str | None, until: int | None, count: int) -> Chart:
        asked.append(count)
        shown = whole[-count:]
        return Chart("5m", shown, (), more=len(shown) < len(whole))

    app = make_app(busy())
    async with driven(app, WIDE) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        chart = app.screen.query_one(CandleChart)
        chart.look_at(source, "BTC/USDT", "5m")
        await until(pilot, lambda: asked == [1_000])
        chart.focus()
        await pilot.press("z")

        async def offers(older: bool, newer: bool) -> None:
            def right() -> bool:
                shown = drawn(app, "Hints")
                return ("[ older" in shown, "] newer" in shown) == (older, newer)

            await until(pilot, right)

        await offers(older=True, newer=False)
        await pilot.press("g")
        await until(pilot, lambda: asked == [1_000, LONGEST_CHART])
        await offers(older=False, newer=True)
        await pilot.press(*["left"] * chart.size.width)
        first = formats.day_time(whole[0].time)
        await until(pilot, lambda: first in picture(app)[0])
        await pilot.press("escape", "right_square_bracket")
        await offers(older=True, newer=True)
        await pilot.press("G")
        await offers(older=True, newer=False)


async def test_older_candles_are_asked_for_when_one_comes_to_the_first() -> None:
    asked: list[int] = []

    async def source(symbol: str, timeframe: str | None, until: int | None, count: int) -> Chart:
        asked.append(count)
        shown = candles(4_000)[-count:]
        return Chart("5m", shown, (), more=len(shown) < 4_000)

    app = make_app(busy())
    async with driven(app, WIDE) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        chart = app.screen.query_one(CandleChart)
        chart.look_at(source, "BTC/USDT", "5m")
        await until(pilot, lambda: asked == [1_000])
        chart.focus()
        await pilot.press("minus", "minus", *["left_square_bracket"] * 14)
        await until(pilot, lambda: asked == [1_000, 3_000])


async def test_a_trade_is_whole_on_its_chart_at_every_size_and_its_prices_are_lines() -> None:
    app = make_app(busy())
    async with driven(app, VAST) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        await until(pilot, lambda: app.screen.query_one("#one-trades", LineTable).rows)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TradeScreen))
        for size in (VAST, NARROW, WIDE):
            await pilot.resize_terminal(*size)
            await until(pilot, lambda: app.screen.size == size)  # noqa: B023
            for sign in ("▲", "◆", "entry", "exit"):
                await until(pilot, lambda: sign in drawn(app, "#trade-candles"))  # noqa: B023
        title = str(app.screen.query_one("#trade-title", Static).render())
        assert title.count("%") == 1
        # The newest is the first of the list: its number alone is told, and of how many.
        assert "trade 2 of 2, rsi_bounce" in title
        assert "1 of 2" not in title


async def test_a_chart_zoomed_by_hand_stays_so_on_another_terminal() -> None:
    app = make_app(busy())
    async with driven(app, VAST) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        await until(pilot, lambda: app.screen.query_one("#one-trades", LineTable).rows)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TradeScreen))
        chart = app.screen.query_one(CandleChart)
        await until(pilot, lambda: "◆" in drawn(app, "#trade-candles"))
        chart.focus()
        await pilot.press(*["minus"] * 6)
        await until(pilot, lambda: "16 in one" in chart.shown("4h"))
        await pilot.resize_terminal(*WIDE)
        await until(pilot, lambda: app.screen.size == WIDE)
        await pilot.pause()
        assert "16 in one" in chart.shown("4h")


async def test_the_title_tells_the_indicators_and_how_few_candles_there_are() -> None:
    app = make_app(busy())
    async with driven(app, NARROW) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        chart = app.screen.query_one(CandleChart)
        await until(pilot, lambda: "sma_10 6" in str(chart.border_title))
        assert "in all" not in str(chart.border_title)
        chart.focus()
        await pilot.press("left")  # the crosshair has values of its own
        await until(pilot, lambda: "sma_10" not in str(chart.border_title))
        await pilot.press("escape", *["full_stop"] * 5)
        await until(pilot, lambda: "candles in all" in str(chart.border_title))
        assert f", {len(chart._slots)} candles in all" in str(chart.border_title)


def test_levels_in_one_row_each_have_their_price() -> None:
    step = [Slot(Candle(n * HOUR, 100.0, 110.0, 90.0, 100.0, 0.0), ()) for n in range(60)]
    near = [PriceLevel("entry", 100.1, Tone.ACCENT), PriceLevel("exit", 100.2, Tone.GAIN)]
    far = [PriceLevel("entry", 109.0, Tone.ACCENT), PriceLevel("target", 500.0, Tone.GAIN)]

    def rows(levels: Sequence[PriceLevel], *, now: bool = True) -> list[str]:
        cells = Picture(step, 1, (), levels, (), UTC, 8, now=now).painted(60, 7)
        return ["".join(text for text, _ in row) for row in cells]

    assert any("entry 100.10  exit 100.20 " in row for row in rows(near))
    # A trade that is over has no present price; that of an open one takes no other's place.
    (over,) = [row for row in rows(near[:1], now=False) if "entry" in row]
    assert over.split()[0] == "entry"
    assert over.split()[-1] == "100.10"
    (held,) = [row for row in rows(near[:1]) if "entry" in row]
    assert held.startswith("entry 100.10 ")
    assert held.split()[-1] == "100.00"
    labelled = [row for row in rows(far) if "entry" in row or "target" in row]
    assert [row.split()[0] for row in labelled] == ["entry", "target"], "each in a row of its own"


def test_lines_of_one_pane_are_named_each_in_its_own_tone() -> None:
    step = [Candle(n * HOUR, 100.0, 110.0, 90.0, 100.0, 0.0) for n in range(60)]
    values = [Slot(one, (9.0, 8.0, 7.0)) for one in step]
    lines = [ChartLine(name, "adx", (9.0,) * 60) for name in ("adx", "adx.plus_di", "adx.minus_di")]
    cells = Picture(values, 1, lines, (), (), UTC, 8).painted(60, 24)
    texts = ["".join(text for text, _ in row) for row in cells]
    (at,) = [n for n, text in enumerate(texts) if "adx plus_di" in text]
    tones = [cells[at][texts[at].index(name)][1] for name in ("adx", "plus", "minus")]
    assert len(set(tones)) == 3
    assert Tone.DIM not in tones


def test_thresholds_are_lines_across_their_pane_with_their_values_beside_it() -> None:
    step = [Candle(n * HOUR, 100.0, 110.0, 90.0, 100.0, 0.0) for n in range(60)]
    slots = [Slot(one, (20.0 + n,)) for n, one in enumerate(step)]  # from 20 to 79
    lines = [ChartLine("rsi", "rsi", (), (-400.0, 5.0, 45.0, 110.0, 400.0))]
    rows = ["".join(text for text, _ in row) for row in painted(slots, lines)]
    rows = rows[next(n for n, row in enumerate(rows) if row.startswith("rsi")) : -1]
    assert rows[0].startswith("rsi 400.00 ↑ "), "too far: the values would be flat"
    assert rows[-1].startswith("-400.00 ↓ ")
    (crossed,) = [row for row in rows if row.endswith("45.00")]
    assert all(0x2800 < ord(letter) < 0x2900 for letter in crossed[:60])
    values = [row[60:].strip() for row in rows]
    assert list(filter(None, values)) == ["110.00", "45.00", "5.00"], "none is left out"
    assert all("⠁" in row or "⡀" in row for row in (rows[0], rows[-1])), "as lines beyond the curve"


async def test_what_decided_within_candles_put_together_is_drawn() -> None:
    values = [50.0 + 30 * (n % 8 == 4) for n in range(400)]  # never at the close of several
    prices = [100.0 + 5 * (n % 8 == 4) for n in range(400)]
    made = [Candle(n * HOUR, 100.0, 110.0, 90.0, 100.0, 0.0) for n in range(400)]
    lines = (
        ChartLine("ema", "", tuple(prices)),
        ChartLine("rsi", "rsi", tuple(values), (20.0, 60.0)),
    )

    async def source(symbol: str, timeframe: str | None, until: int | None, count: int) -> Chart:
        return Chart("1h", tuple(made), lines)

    app = make_app(busy())
    async with driven(app, WIDE) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        chart = CandleChart()
        await app.screen.mount(chart)
        chart.styles.height = 24
        chart.look_at(source, "BTC/USDT", "1h", 400 * HOUR)
        await until(pilot, lambda: len(chart._slots) == 400)
        for zoom in ("1h, 2 in one", "1h, 4 in one", "1h, 8 in one"):
            chart.action_zoom(-1)
            await until(pilot, lambda: chart.shown("1h") == zoom)  # noqa: B023
            chart.action_cross(-1)
            rows = ["".join(text for text, _ in row) for row in chart._lines]
            assert any(row.startswith("last  ema 100.00  rsi 50.00") for row in rows)
            chart.action_drop()
            at = next(n for n, text in enumerate(rows) if text.startswith("rsi"))
            assert rows[at].rstrip().endswith("80.00"), "the highest, which no group closed at"
            assert any(row.rstrip().endswith("60.00") for row in rows[at : at + 4])
            assert rows[at + 3].rstrip().endswith("20.00"), "a threshold below all of them"
            assert {slot.spans for slot in chart._slots[8:] if slot.spans[1] != (50.0, 50.0)} == {
                ((100.0, 105.0), (50.0, 80.0))
            }


def test_a_line_over_the_candles_is_drawn_from_its_lowest_to_its_highest() -> None:
    step = [Candle(n * HOUR, 60.0, 110.0, 60.0, 60.0, 0.0) for n in range(30)]
    slots = [Slot(one, (70.0,), ((70.0, 100.0),)) for one in step]
    cells = blank(60, 20)
    scale = Scale.around(60.0, 110.0, 20)
    draw_line(cells, [(70.0, one.span(0)) for one in slots], 0, 1, scale, Tone.INFO)
    lines = [n for n, row in enumerate(cells) if row[3][0] != " "]
    assert lines == [*range(scale.line(100.0), scale.line(70.0) + 1)]
    cells = blank(60, 20)
    draw_line(cells, [(None, (70.0, 900.0))], 0, 1, scale, Tone.INFO)
    lines = [n for n, row in enumerate(cells) if row[0][0] != " "]
    assert lines == [*range(scale.line(70.0) + 1)], "as far as the scale goes"


def test_the_crosshair_names_the_year_of_candles_that_are_not_of_the_present_one() -> None:
    late = 1_767_222_000_000  # 31 December 2025, 23:00
    step = [Candle(late + n * HOUR, 100.0, 110.0, 90.0, 100.0, 0.0) for n in range(-40, 20)]
    slots = [Slot(one, ()) for one in step]

    def legend(slots: Sequence[Slot], year: int | None) -> str:
        cells = painted(slots, (), cross=slots[3].candle.time, year=year)
        return "".join(text for text, _ in cells[0])

    assert legend(slots[:30], 2025).startswith("30 Dec 10:00  O")
    assert legend(slots[:30], 2026).startswith("2025-12-30 10:00  O")
    assert legend(slots[:30], None).startswith("2025-12-30 10:00  O")
    assert legend(slots[30:], 2025).startswith("2025-12-31 16:00  O"), "the chart goes on in 2026"


def painted(
    slots: Sequence[Slot],
    lines: Sequence[ChartLine],
    cross: int | None = None,
    year: int | None = None,
) -> Cells:
    return Picture(slots, 1, lines, (), (), UTC, 8, cross, year=year).painted(60, 24)


BANDS = [ChartLine(name, "", ()) for name in ("band.lower", "band.upper", "band.mid", "ema_200")]


def told(width: int, height: int, cross: int = 30, volume: float = 12.0) -> list[str]:
    """What is told of the candle the crosshair is on, in the lines above the candles."""
    slots = [
        Slot(Candle(n * HOUR, 200.0, 210.0, 190.0, 205.0, volume), (201.0, 209.0 - n, None, 199.0))
        for n in range(50)
    ]
    cells = Picture(slots, 1, BANDS, (), (), UTC, 8, slots[cross].candle.time, year=1970)
    texts = ["".join(text for text, _ in row) for row in cells.painted(width, height)]
    candle = next(n for n, text in enumerate(texts) if "│" in text)
    assert max(len(text.rstrip()) for text in texts[:candle]) <= width + 10
    return [text.rstrip() for text in texts[:candle]]


def test_indicators_at_the_crosshair_have_lines_of_their_own_where_there_is_height() -> None:
    prices, bands = told(90, 16)
    assert prices.split("  ")[1:] == ["O 200.00", "H 210.00", "L 190.00", "C 205.00", "V 12.00"]
    assert re.split("  +", bands) == [
        *("band.lower 201.00", "band.upper 179.00", "band.mid –", "ema_200 199.00")
    ]
    assert len(told(90, 30)) == 2, "no more than are needed"
    _, *narrow = told(52, 30)
    assert " ".join(narrow).split() == bands.split(), "on one line more"
    assert "…" not in narrow[0]
    assert told(52, 16)[1].endswith("…")
    # They neither become more nor stand elsewhere as it is moved.
    assert {len(told(52, 30, cross)) for cross in range(50)} == {3}
    assert {told(90, 16, cross)[1].index("ema_200") for cross in range(50)} == {50}


def test_where_lines_are_few_volume_and_open_give_way_to_indicators_and_it_says_when_not_all() -> (
    None
):
    day = "02 Jan 06:00"
    bands = "band.lower 201.00  band.upper 179.00  band.mid –  ema_200 199.00"
    prices = "H 210.00  L 190.00  C 205.00"
    assert told(130, 8) == [f"{day}  O 200.00  {prices}  V 12.00  {bands}"]
    assert told(110, 8) == [f"{day}  O 200.00  {prices}  {bands}"]
    assert told(100, 8) == [f"{day}  {prices}  {bands}"]
    assert told(75, 8) == [f"{day}  {prices}  band.lower 201.00  band.upper 179.00  …"]


async def test_few_longer_candles_fill_the_chart_and_shrink_again_with_shorter_ones() -> None:
    async def source(symbol: str, timeframe: str | None, until: int | None, count: int) -> Chart:
        every = Timeframe(timeframe or "5m").ms // Timeframe.M5.ms
        shown = candles(300)[::every]
        return Chart(timeframe or "5m", shown, (ChartLine("ema", "", (1.0,) * len(shown)),))

    app = make_app(busy())
    async with driven(app, WIDE) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        chart = app.screen.query_one(CandleChart)
        chart.draw(())
        chart.look_at(source, "BTC/USDT", "5m")
        await until(pilot, lambda: len(chart._slots) == 300)
        chart.focus()
        await pilot.press("z")
        await until(pilot, lambda: chart.size.width == WIDE[0])
        assert chart.shown("5m") == "5m"
        await pilot.press(*["full_stop"] * 3)
        await until(pilot, lambda: chart.timeframe == "1h" and len(chart._slots) == 25)
        await until(pilot, lambda: chart._each == 3)
        assert chart.shown("5m") == "1h, indicators on 5m"
        await pilot.resize_terminal(*NARROW)
        await until(pilot, lambda: chart._each == 2)
        await pilot.press("minus")  # by hand it stays
        await pilot.resize_terminal(*WIDE)
        await until(pilot, lambda: chart.size.width == WIDE[0])
        await pilot.pause()
        assert chart._each == 1
        await pilot.press("comma")
        await until(pilot, lambda: chart.timeframe != "1h")


async def test_the_chart_of_a_trade_that_is_over_tells_its_exit_and_no_later_price() -> None:
    app = make_app(busy())
    async with driven(app, WIDE) as pilot:
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, ReportScreen))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TradeScreen))
        await until(pilot, lambda: "exit" in drawn(app, "#trade-candles"))
        chart = app.screen.query_one(CandleChart)
        strong = [part for row in chart._lines for part, tone in row if tone is Tone.STRONG]
        assert not strong
