"""A result on its screen: what is said of it, and which of its views are where."""

from __future__ import annotations

from typing import Any

import pytest
from textual.content import Content
from textual.geometry import Region
from textual.strip import Strip

from core.compare.verdict import NO_BACKTEST
from core.report.written_report import AS_ITS_BACKTEST, written_report
from core.session.start_notices import NOT_BACKTESTED
from tests.ui.driving import NARROW, VAST, WIDE, arrived, driven, make_app, until
from tests.ui.scripted import busy, report
from tests.ui.test_sessions import drawn
from tui.app import PapertapeApp
from tui.screens.report import ReportScreen
from tui.screens.report_rows import figures, month_rows, period, remarks
from tui.widgets.hints import Hints
from tui.widgets.line_table import LineTable
from tui.widgets.line_view import LineView
from tui.widgets.remarks import RemarkLines, Remarks
from tui.widgets.tones import Tone

MANY = [f"doubt number {number}, in so many words that it takes two lines on a narrow terminal"
        for number in range(8)]  # fmt: skip


def show(app: PapertapeApp, told: dict[str, Any]) -> ReportScreen:
    screen = ReportScreen(told, ((0, 10_000.0), (3_600_000, 10_380.0)))
    app.push_screen(screen)
    return screen


def test_good_news_advice_and_warning_are_told_apart_by_sign_and_tone() -> None:
    told = report(
        "rsi_bounce",
        recommendation=f"{AS_ITS_BACKTEST} {NO_BACKTEST}",
        warnings=[NOT_BACKTESTED],
        quality_flags=["more than 8 losses in a row (9)"],
        open_trades=[],
    )
    assert [(one.sign, one.text, one.tone) for one in remarks(written_report(told))][:3] == [
        ("✓", AS_ITS_BACKTEST, Tone.GAIN),
        ("→", f"As of 2025-11-22 16:00 UTC: {NO_BACKTEST}", Tone.PLAIN),
        ("!", "more than 8 losses in a row (9)", Tone.WARNING),
    ]


def test_the_time_of_a_demo_is_told_as_that_of_its_own_clock() -> None:
    for mode, told in (("DEMO", " by the demo's clock"), ("SIMULATED", "")):
        first = remarks(written_report(report("band", mode=mode, recommendation="Go on.")))[0]
        assert first.text == f"As of 2025-11-22 16:00 UTC{told}: Go on."


def test_figures_unknown_for_one_reason_share_it() -> None:
    few = "2 daily returns are too few, at least 7 are needed"
    told = report(
        "rsi_bounce",
        metrics={
            "metrics_undefined": {
                "sharpe_ratio": few,
                "sortino_ratio": few,
                "benchmark_return_pct": "no candles",
                "sqn": "is not shown here",
            }
        },
    )
    said = [(one.sign, one.text) for one in remarks(written_report(told))]
    assert said[-2:] == [("–", f"Sharpe, Sortino: {few}"), ("–", "Buy and hold: no candles")]


def test_a_result_tells_the_cost_at_which_nothing_is_left() -> None:
    for cost, shown in ((36.37, "36.4 bp/fill"), (None, "–")):
        told = report("rsi_bounce", metrics={"break_even_cost_bp": cost})
        behind = {one.label: one.value for one in figures(written_report(told))[1]}
        assert behind["BREAK-EVEN"] == shown


def test_what_a_fill_cost_stands_beside_what_it_may_cost() -> None:
    told = period(written_report(report("rsi_bounce")))
    assert told.endswith(" to 2025-11-22 16:00 UTC, 130 candles, fees 6 bp a fill"), "its close"


def test_a_month_alone_has_no_bar_that_would_say_how_much_it_is() -> None:
    def shares(*returns: float) -> list[float | None]:
        monthly = [{"month": f"2025-{n:02}", "return_pct": one} for n, one in enumerate(returns, 1)]
        rows = month_rows(written_report(report("rsi_bounce", monthly=monthly)))
        return [row.cells[-1].share for row in rows]

    assert shares(0.0) == [None]
    assert shares(2.0, 1.0) == [1.0, 0.5]


def test_figures_that_belong_together_stand_above_each_other() -> None:
    pairs = {(a.label, b.label) for a, b in zip(*figures(written_report(report("x"))), strict=True)}
    assert {("RETURN", "BUY & HOLD"), ("WIN RATE", "95% RANGE"), ("EXPECTANCY", "PAYOFF")} <= pairs


async def test_a_narrow_terminal_has_the_figures_one_asks_for_first() -> None:
    app = make_app(busy())
    async with driven(app, NARROW) as pilot:
        screen = show(app, report("rsi_bounce"))
        await until(pilot, lambda: screen.query(Remarks))
        await pilot.pause()
        labels = drawn(app, "#result-figures")
        for label in ("BUY & HOLD", "DRAWDOWN", "95% RANGE", "BREAK-EVEN", "SHARPE", "SORTINO"):
            assert label in labels


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ({"state": "kept", "sealed": True}, "✓ Trial kept: it keeps its backtest's promise"),
        (
            {"state": "broken", "sealed": True, "broken_by": ["costs", "edge"]},
            "✗ Trial broken by costs, edge",
        ),
        (
            {"state": "open", "sealed": True, "closes_at": "2026-03-01T00:00:00Z"},
            "? Trial open: neither kept nor broken, closes about 2026-03-01",
        ),
        (
            {"state": "open", "answer": "over, unanswered", "sealed": True},
            "? Trial over, unanswered",
        ),
        ({"state": "kept", "sealed": False}, None),
        (None, None),
    ],
)
def test_the_report_of_a_trial_begins_with_its_verdict(
    verdict: dict[str, Any] | None, said: str | None
) -> None:
    told = report("rsi_bounce", comparison={"verdict": verdict}, recommendation="Go on.")
    first = remarks(written_report(told))[0]
    assert f"{first.sign} {first.text}" == (said or "→ As of 2025-11-22 16:00 UTC: Go on.")


def test_what_is_counted_in_a_diagnosis_is_one_or_several() -> None:
    rows = [
        {"group": "entry", "condition": name, "hits": 0, "valid": valid, "without": without}
        for name, valid, without in (("a < 1", 1, 1), ("b < 1", 2_000, 0), ("c < 1", 2, None))
    ]
    told = report("one", diagnosis={"summary": "no entry", "conditions": rows})
    texts = [one.text for one in remarks(written_report(told)) if one.text.startswith("entry")]
    assert texts == [
        "entry a < 1: held on 0 of 1 candle; without it 1 entry",
        "entry b < 1: held on 0 of 2,000 candles; without it 0 entries",
        "entry c < 1: held on 0 of 2 candles",
    ]


def test_the_verdict_of_a_trial_is_followed_by_the_answers_it_rests_on() -> None:
    answers = {
        "sealed": True,
        "edge": {"state": "open", "answer": "undecided", "text": "…"},
        "decisions": {"state": "kept", "text": "…", "decided": 80},
        "path": {"state": "open", "answer": "inside", "text": "…"},
        "costs": {"state": None, "text": "…"},
    }
    verdict = {"state": "open", "sealed": True}
    told = report("rsi_bounce", comparison={"verdict": verdict, "layers": answers})
    _, resting, *_ = remarks(written_report(told))
    assert resting.text == "decisions kept, path inside, edge undecided; c shows each"


async def test_lines_of_a_remark_stand_beneath_each_other() -> None:
    app = make_app(busy())
    async with driven(app, NARROW) as pilot:
        show(app, report("rsi_bounce", quality_flags=MANY[:1], open_trades=[]))
        await until(pilot, lambda: app.screen.query(RemarkLines))
        await pilot.pause()
        shown = app.screen.query_one(RemarkLines).render()
        assert isinstance(shown, Content)
        lines = shown.plain.splitlines()
        at = next(number for number, line in enumerate(lines) if line.startswith("! doubt"))
        assert lines[at + 1].startswith("  ")
        assert not lines[at + 1].startswith("   ")


async def test_remarks_that_have_no_room_are_reached_by_keys() -> None:
    app = make_app(busy())
    async with driven(app, NARROW) as pilot:
        show(app, report("rsi_bounce", quality_flags=MANY))
        await until(pilot, lambda: app.screen.query(Remarks))
        await pilot.pause()
        said = app.screen.query_one(Remarks)
        assert said.max_scroll_y > 0
        for _ in range(4):
            await pilot.press("tab")
            if said.has_focus:
                break
        await pilot.press("end")
        await until(pilot, lambda: said.scroll_offset.y == said.max_scroll_y)


@pytest.mark.parametrize(("size", "many"), [(WIDE, 4), (VAST, 8)])
@pytest.mark.parametrize("traded", [1, 40])
async def test_what_is_said_takes_the_lines_it_needs_of_empty_ones(
    size: tuple[int, int], many: int, traded: int
) -> None:
    flags = [f"{flag}; {flag}; {flag}" for flag in MANY[:many]]
    app = make_app(busy())
    async with driven(app, size) as pilot:
        told = report("rsi_bounce", quality_flags=flags, open_trades=[])
        told["trades"] = (told["trades"] * 40)[:traded]
        screen = show(app, told)
        await until(pilot, lambda: screen.query(Remarks))
        said = screen.query_one(Remarks)
        await until(pilot, lambda: said.size.height > 8 and said.max_scroll_y == 0)
        await until(pilot, lambda: not said.can_focus)
        assert screen.query_one("#result-trades").size.height >= min(traded, 5) + 1
        assert screen.query_one("#result-equity").size.height >= 6
        assert screen.query_one("#result-tables").region.bottom <= screen.size.height - 1
        await pilot.resize_terminal(*NARROW)
        await until(pilot, lambda: said.size.height <= 7)


async def test_remarks_that_have_room_are_no_stop_for_tab() -> None:
    app = make_app(busy())
    async with driven(app, WIDE) as pilot:
        show(app, report("rsi_bounce", quality_flags=[]))
        await until(pilot, lambda: app.screen.query(Remarks))
        await pilot.pause()
        assert not app.screen.query_one(Remarks).can_focus


@pytest.mark.parametrize("size", [NARROW, WIDE, VAST])
async def test_a_report_is_painted_for_its_terminal_from_the_first_time_on(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    paint = LineView.render_lines
    first: dict[LineView, tuple[Region, str, frozenset[str]]] = {}

    def text(strips: list[Strip]) -> str:
        """But for the cursor, which comes with the focus."""
        lines = (strip.text.replace("▏", " ").replace("▌", " ") for strip in strips[1:])
        return "\n".join(lines)

    def painted(view: LineView, crop: Region) -> list[Strip]:
        strips = paint(view, crop)
        first.setdefault(view, (crop, text(strips), frozenset(view.screen.classes)))
        return strips

    app = make_app(busy())
    async with driven(app, size) as pilot:
        monkeypatch.setattr(LineView, "render_lines", painted)
        await pilot.press("r")
        screen = await arrived(pilot, ReportScreen)
        trades = screen.query_one("#result-trades", LineTable)
        await until(pilot, lambda: trades.has_focus)
        await pilot.pause()
        assert trades in first
        for view, (crop, shown, kind) in first.items():
            assert kind == screen.classes
            if crop.size == view.outer_size:
                assert shown == text(paint(view, crop))


async def test_months_stand_beside_the_curves_and_share_their_view_on_a_low_terminal() -> None:
    app = make_app(busy())
    async with driven(app, WIDE) as pilot:
        screen = show(app, report("rsi_bounce"))
        await until(pilot, lambda: app.screen.query("#result-months"))
        await pilot.pause()
        months = screen.query_one("#result-months", LineTable)
        trades = screen.query_one("#result-trades", LineTable)
        assert months.region.y == screen.query_one("#result-equity").region.y
        assert f"Trades · {len(trades.rows)}" in str(trades.border_title)
        await pilot.resize_terminal(*NARROW)
        await until(pilot, lambda: "Equity and months" in str(trades.border_title))
        assert not months.size
        await pilot.press("v")
        await until(pilot, lambda: months.size.height > 1)
        assert not trades.size
        said = screen.query_one(Remarks)
        assert not said.size, "the curves have its room"
        await pilot.press("v")
        await until(pilot, lambda: said.size.height > 1)
        await pilot.press("v")
        await until(pilot, lambda: months.size.height > 1)
        await pilot.resize_terminal(*WIDE)
        await until(pilot, lambda: trades.size.height > 1)
        assert months.size.height > 1


async def test_the_key_for_other_views_is_offered_only_where_there_are_some() -> None:
    app = make_app(busy())
    async with driven(app, WIDE) as pilot:
        screen = show(app, report("rsi_bounce"))
        await until(pilot, lambda: screen.query(Hints))
        await pilot.pause()
        assert "view" not in str(screen.query_one(Hints).render())
        await pilot.resize_terminal(*NARROW)
        await until(pilot, lambda: "v view" in str(screen.query_one(Hints).render()))


async def test_the_view_shown_is_told_from_the_others_without_colour_or_focus() -> None:
    app = make_app(busy())
    async with driven(app, NARROW) as pilot:
        screen = show(app, report("rsi_bounce"))
        await until(pilot, lambda: screen.query("#result-trades"))
        trades = screen.query_one("#result-trades", LineTable)
        await until(pilot, lambda: "Equity" in str(trades.border_title))
        title = Content.from_markup(str(trades.border_title))
        bold = [title.plain[span.start : span.end] for span in title.spans if span.style == "bold"]
        assert bold == [f"Trades · {len(trades.rows)}"]


async def test_a_wide_terminal_has_what_is_said_beside_the_figures() -> None:
    app = make_app(busy())
    async with driven(app, VAST) as pilot:
        screen = show(app, report("rsi_bounce", quality_flags=MANY[:3]))
        await until(pilot, lambda: screen.query(Remarks))
        await pilot.pause()
        said, figures = screen.query_one(Remarks), screen.query_one("#result-figures")
        assert said.region.y == figures.region.y
        assert said.region.x == figures.region.right
        await pilot.resize_terminal(*WIDE)
        await until(pilot, lambda: said.region.y >= figures.region.bottom)
