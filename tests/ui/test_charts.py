"""Gauges, and bands and dots on charts: where their signs stand."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from textual.app import ComposeResult
from textual.screen import Screen

from core.report.curves import kept_points
from tests.ui.driving import arrived, driven, make_app, until
from tests.ui.scripted import ScriptedHosting, ScriptedLink, busy
from tui import formats
from tui.app import PapertapeApp
from tui.screens.report import ReportScreen
from tui.widgets.axes import count_labels
from tui.widgets.curve_chart import Band, Curve, CurveChart, Dot, drawdown_points
from tui.widgets.gauge import HERE, SHADED, WALL, Gauge, GaugeFill, Parts, Pointer
from tui.widgets.tones import Tone

COSTS = Gauge(
    0.0,
    40.0,
    (GaugeFill(30.0, 40.0, Tone.LOSS, SHADED), GaugeFill(5.0, 8.0, Tone.GAIN)),
    (
        Pointer(6.5, HERE, Tone.STRONG, "seen 6.5"),
        Pointer(30.0, WALL, Tone.LOSS, "break-even 30"),
        Pointer(5.0, "┊", Tone.PLAIN, "assumed 5"),
    ),
)


def text(parts: Parts) -> str:
    return "".join(part for part, _ in parts)


def test_a_gauge_shows_what_is_filled_and_where_its_marks_are() -> None:
    bar = text(COSTS.bar(40))
    assert bar == "─" * 5 + "┊◆██" + "─" * 21 + WALL + SHADED * 9
    assert len(text(COSTS.bar(7))) == 7


def test_labels_stand_near_their_marks_and_never_over_each_other() -> None:
    assert text(COSTS.labels(60)) == (
        "assumed 5 ┊  ◆ seen 6.5                      ┃ break-even 30"
    )
    for width in (1, 9, 20, 33, 80):
        labels = text(COSTS.labels(width))
        assert len(labels) == width
        shown = [label for label in ("seen 6.5", "break-even 30", "assumed 5") if label in labels]
        assert " ".join(labels.split()).count("◆") == labels.count("seen 6.5")
        assert len(shown) >= (width >= 20)


def test_a_label_has_its_sign_beneath_its_mark() -> None:
    values = {2.0: "┊", 20.0: "◆", 38.0: "┃"}
    marks = tuple(Pointer(at, glyph, Tone.DIM, f"at {at:g}") for at, glyph in values.items())
    gauge = Gauge(0.0, 40.0, (), marks)
    bar, labels = text(gauge.bar(80)), text(gauge.labels(80))
    assert [bar.index(glyph) for glyph in values.values()] == [4, 40, 76]
    assert [labels.index(glyph) for glyph in values.values()] == [4, 40, 76]
    assert labels.rstrip().endswith("at 38 ┃"), "at the end it reads to the left"
    unsigned = Gauge(0.0, 40.0, (), (Pointer(20.0, "", Tone.DIM, "delay"),))
    assert text(unsigned.labels(80)).index("delay") == 38


def test_a_hundred_labels_are_set_at_once() -> None:
    marks = tuple(Pointer(float(at), "┊", Tone.DIM, f"{at}%") for at in range(100))
    began = time.process_time()
    labels = text(Gauge(0.0, 100.0, (), marks).labels(196))
    assert time.process_time() - began < 5, "ways to set them double with each"
    assert len(labels) == 196
    assert labels.startswith("┊ 0%")


def test_labels_stand_in_the_order_of_their_marks() -> None:
    values = (0.0, -0.9, 3.3, 1.6, -1.9, 1.0, -0.8, -3.9)
    gauge = Gauge(-4.5, 4.0, (), tuple(Pointer(v, "┊", Tone.DIM, f"{v:+.1f}") for v in values))
    for width in range(20, 130, 7):
        shown = [float(one) for one in text(gauge.labels(width)).split() if one != "┊"]
        assert shown == sorted(shown), f"at {width} cells"
        assert len(shown) >= 2


def test_a_mark_beyond_the_scale_is_an_arrow_at_its_end() -> None:
    gauge = Gauge(0.0, 10.0, (), (Pointer(-5.0, HERE, Tone.LOSS), Pointer(99.0, WALL, Tone.GAIN)))
    assert text(gauge.bar(10)) == "◂────────▸"
    named = Gauge(0.0, 10.0, (), (Pointer(99.0, WALL, Tone.GAIN, "most"),))
    assert text(named.labels(10)) == "    most ▸"


def test_a_scale_without_extent_has_its_marks_in_the_middle() -> None:
    assert text(Gauge(1.0, 1.0, (), (Pointer(1.0, HERE, Tone.STRONG),)).bar(5)) == "──◆──"


def test_round_counts_stand_under_their_columns() -> None:
    line = count_labels(list(range(0, 61)), 61)
    assert line.split() == ["0", "20", "40", "60"] or line.split() == ["0", "20", "40"]
    assert line.index("20") == 20
    assert count_labels([5], 10) == " " * 10


def test_a_band_lies_between_its_points_and_nowhere_else() -> None:
    band = Band(((100, 0.0, 0.0), (200, -10.0, 10.0), (200, -10.0, 20.0), (300, -20.0, 20.0)))
    found = list(band.at([50, 100, 150, 200, 250, 300, 301]))
    assert found == [
        None,
        (0.0, 0.0),
        (-5.0, 5.0),
        (-10.0, 20.0),
        (-15.0, 20.0),
        (-20.0, 20.0),
        None,
    ]


class ChartScreen(Screen[None]):
    """Nothing but a chart."""

    def __init__(self, write: Callable[[float | None], str]) -> None:
        super().__init__()
        self._write = write

    def compose(self) -> ComposeResult:
        yield CurveChart(write=self._write)


class ChartApp(PapertapeApp):
    """The app, for its themes, with nothing but a chart on it."""

    DEFAULT_MODE = "chart"

    def __init__(self, write: Callable[[float | None], str] = formats.money) -> None:
        hosting = ScriptedHosting(ScriptedLink())
        super().__init__(hosting, list, host_name="x", poll_every=3_600)
        self.add_mode("chart", lambda: ChartScreen(write))


RISE = Curve(((0, 0.0), (50, 1.0), (100, 2.0)), Tone.ACCENT)


async def drawn(
    band: Band | None, *, curve: Curve = RISE, whole: bool = False, dots: tuple[Dot, ...] = ()
) -> str:
    """What the chart of a curve, a small rise, shows."""
    app = ChartApp()
    async with app.run_test(size=(60, 12)) as pilot:
        await pilot.pause()
        chart = app.screen.query_one(CurveChart)
        chart.draw([curve], 0.0, band=band, whole=whole, dots=dots)
        await pilot.pause()
        return "\n".join(chart.render_line(y).text for y in range(12))


@pytest.mark.parametrize("height", [1, 2, 3])
async def test_a_chart_too_low_to_tell_a_loss_from_none_says_it(height: int) -> None:
    app = ChartApp(write=formats.gain)
    async with app.run_test(size=(60, height)) as pilot:
        await pilot.pause()
        chart = app.screen.query_one(CurveChart)
        points = ((0, 0.0), (50, -3.25), (100, -2.98))
        chart.draw([Curve(points, Tone.ACCENT, name="abcd1234")], 0.0)
        await pilot.pause()
        lines = [chart.render_line(y).text.strip() for y in range(height)]
        assert lines[0] == "abcd1234: 0.00% to -2.98%, lowest -3.25%"
        assert not any(lines[1:])


async def test_a_band_is_shaded_behind_the_curve_and_cut_where_it_is_too_wide() -> None:
    band = Band(((0, 0.0, 0.0), (200, -1_000.0, 1_000.0)))
    alone = await drawn(None)
    assert SHADED not in alone
    cut = await drawn(band)
    assert SHADED in cut
    assert "1,000" not in cut
    whole = await drawn(band, whole=True)
    assert SHADED in whole
    assert "1,000" in whole


async def test_a_curve_ends_where_it_ends_though_its_band_goes_on() -> None:
    band = Band(((0, -1.0, 3.0), (400, -1.0, 3.0)))
    lines = (await drawn(band, whole=True)).splitlines()
    assert set(lines[0][2:50]) == {"⠉"}
    assert set(lines[-2][2:50]) == {"⣀"}
    assert all("⠤" in line[:20] for line in lines if "⠤" in line)
    assert not any(0x2800 < ord(cell) < 0x2900 for line in lines[1:-2] for cell in line[20:])


async def test_a_base_line_does_not_break_the_band_it_lies_in() -> None:
    """Its row was blank but for dots: a curve along it seemed to be out of its band."""
    band = Band(((0, -2.0, 3.0), (100, -2.0, 3.0)))
    lines = await drawn(band, whole=True, curve=replace(RISE, points=((0, 2.0), (200, 3.0))))
    base = next(line for line in lines.splitlines() if line.endswith(" 0.00 "))
    assert "┈" not in base[4:25]
    assert SHADED * 10 in base
    assert "┈" in base[30:], "beside the band it is drawn"


async def test_the_sides_of_a_band_are_joined_where_they_are_steep() -> None:
    band = Band(((0, -1.0, 0.0), (2, -1.0, 3.0), (400, -1.0, 3.0)))
    lines = (await drawn(band, whole=True)).splitlines()
    rise = [any(0x2800 < ord(cell) < 0x2900 for cell in line[2:4]) for line in lines[:9]]
    assert all(rise)


async def test_a_curve_ends_in_its_last_value_and_bears_its_name() -> None:
    rise = Curve(((0, 0.0), (1, 1.0), (2, 2.0)), Tone.ACCENT, name="seen 2.00")
    band = Band(((0, -1.0, 3.0), (4, -1.0, 3.0)))
    lines = (await drawn(band, curve=rise, whole=True)).splitlines()
    (named,) = (line for line in lines if "seen 2.00" in line)
    dots = [at for at, cell in enumerate(named) if 0x2800 < ord(cell) < 0x2900]
    width = lines[0].rindex("⠉") - 1
    assert abs(max(dots) - 2 - width / 2) <= 1, "not until the third trade"
    assert named.index("seen") == max(dots) + 2


async def test_a_name_stands_where_nothing_is_written_over() -> None:
    whole = Curve(((0, 2.0), (100, 2.0)), Tone.ACCENT, name="kept")
    lines = (await drawn(None, curve=whole)).splitlines()
    assert "kept" in lines[1]
    assert "kept" not in (await drawn(None, curve=replace(whole, name="kept" * 30)))


async def test_a_drawdown_of_nothing_fills_nothing() -> None:
    lines = (await drawn(None, curve=Curve(((0, 0.0), (100, 0.0)), Tone.LOSS, filled=True))).split(
        "\n"
    )
    assert set(lines[0][2:40]) == {"⠉"}
    assert not any(0x2800 < ord(cell) < 0x2900 for line in lines[1:] for cell in line)


async def test_a_dot_stands_over_the_curve() -> None:
    lines = (await drawn(None, dots=(Dot(100, 2.0, HERE, Tone.STRONG),))).splitlines()
    assert HERE in lines[0]


async def test_the_same_time_is_in_the_same_column_of_equity_and_drawdown() -> None:
    """A report's drawdown was wider than the equity above it, by the cells that this says more."""
    app = make_app(busy())
    async with driven(app, (80, 24)) as pilot:
        await pilot.press("r")
        await arrived(pilot, ReportScreen)
        await pilot.press("v", "v")
        charts = [
            app.screen.query_one(f"#result-{name}", CurveChart) for name in ("equity", "drawdown")
        ]
        await until(pilot, lambda: all(one.size.height > 2 for one in charts))

        def times() -> list[str]:
            return [one.render_line(one.size.height - 1).text for one in charts]

        await until(pilot, lambda: "Nov" in times()[0] and times()[0] == times()[1])


async def test_small_falls_beside_a_chart_are_told_apart() -> None:
    app = ChartApp(write=formats.percent)
    async with app.run_test(size=(60, 12)) as pilot:
        await pilot.pause()
        chart = app.screen.query_one(CurveChart)
        for least, labels in ((-0.13, 2), (-13.0, 0), (-0.8, 1)):
            chart.draw([Curve(((0, 0.0), (100, least)), Tone.LOSS, filled=True)], 0.0)
            await pilot.pause()
            lines = [chart.render_line(y).text for y in range(12)]
            values = re.findall(r"(-?\d+\.?(\d*))%", "\n".join(lines))
            assert {len(decimals) for _, decimals in values} == {labels}
            shown = [float(value) for value, _ in values]
            steps = {round(a - b, 6) for a, b in pairwise(shown)}
            assert len(steps) == 1, "labels are told as they are, not rounded to unequal steps"
            assert len(shown) >= 3


@pytest.mark.parametrize("size", [(30, 8), (60, 12), (150, 40)])
async def test_the_deepest_fall_and_the_highest_point_are_drawn_wherever_they_lie(
    size: tuple[int, int],
) -> None:
    """A chart drew the last value before each column: what fell between was on its scale alone."""
    random = np.random.default_rng(size[0])
    app = ChartApp()
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        chart = app.screen.query_one(CurveChart)
        for count in (50, 600, 9_000):
            equity = 10_000 * np.exp(np.cumsum(random.normal(0, 1e-3, count)))
            low, high = random.choice(np.arange(1, count - 1), 2, replace=False).tolist()
            equity[low] *= 0.75
            equity[high] *= 1.5
            kept = kept_points(equity, 400).tolist()
            points = tuple((at, float(equity[at])) for at in kept)
            falls = drawdown_points(points, 10_000)
            deepest = min(value for _, value in falls)
            for curve in (Curve(points, Tone.GAIN), Curve(falls, Tone.LOSS, filled=True)):
                chart.draw([curve])
                await pilot.pause()
                lines = [chart.render_line(y).text for y in range(size[1] - 1)]
                drawn_at = [any(0x2800 < ord(cell) < 0x2900 for cell in line) for line in lines]
                assert drawn_at[0], "the scale begins at the highest"
                assert drawn_at[-1], (count, curve.filled, deepest)


async def test_every_value_between_two_columns_is_drawn_in_the_later_one() -> None:
    spike = Curve(((0, 0.0), (500, 0.0), (501, -9.0), (502, 0.0), (1_000, 1.0)), Tone.LOSS)
    lines = (await drawn(None, curve=spike)).splitlines()
    fallen = [[at for at, cell in enumerate(line) if 0x2800 < ord(cell) < 0x2900] for line in lines]
    assert len(fallen[-2]) == 1, "one column falls to the bottom"
    assert all(fallen[-2][0] in line for line in fallen[2:-1]), "joined with what was before it"


@pytest.mark.parametrize("height", range(4, 12))
async def test_a_chart_has_three_values_beside_it_as_soon_as_it_has_lines_for_them(
    height: int,
) -> None:
    random = np.random.default_rng(height)
    app = ChartApp()
    async with app.run_test(size=(70, height)) as pilot:
        await pilot.pause()
        chart = app.screen.query_one(CurveChart)
        for _ in range(20):
            low, span = random.uniform(-1e4, 1e4), 10 ** random.uniform(-1, 5)
            chart.draw([Curve(((0, low), (100, low + span)), Tone.GAIN)])
            await pilot.pause()
            beside = [chart.render_line(y).text.split()[-1:] for y in range(height - 1)]
            told = [one for (one,) in beside if re.fullmatch(r"-?[\d,]+\.\d\d", one)]
            assert len(told) >= 3, (low, span, told)
