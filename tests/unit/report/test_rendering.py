"""Reports for a reader: what they say, and that no text from outside becomes markup in them."""

from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from core.compare.causes import Evidence
from core.compare.divergence import find_divergence
from core.compare.to_json import divergence_to_json
from core.market.candles.timeframes import Timeframe
from core.report.curves import SvgCurve, drawdown, svg
from core.report.html import report_page
from core.report.markdown import report_markdown
from core.report.metric_labels import price_text
from core.report.report_sections import outline
from core.report.result import result_to_json
from core.report.spreadsheet import equity_csv, trades_csv
from core.report.text import report_text
from core.time_format import iso_time
from tests.unit.report.making import START, result, trade

NASTY = "<script>alert(1)</script> \x1b[31m`a` | **b** [c](d) \u202e"


def report(**more: Any) -> dict[str, Any]:
    trades = [
        trade(12.5, candle=i * 10) if i % 3 else trade(-5.0, candle=i * 10) for i in range(25)
    ]
    run = result(trades, [10_000.0 + i for i in range(300)], warnings=("fees look high",))
    return result_to_json(run, equity=True) | more


class Page(HTMLParser):
    """Collects tags and attributes; fails where a tag that must be closed is not."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_terminal_report_names_every_part() -> None:
    text = report_text(report())
    for part in (
        "rsi_bounce", "BTC/USDT on 1h", "2024-01-01 00:00 to 2024-01-13 12:00 UTC, 300 candles",
        "Balance 10,000.00 to 10,299.00 (+299.00)", "Win rate", "64.0%", "95% interval",
        "Warnings", "fees look high", "Signs to doubt", "fewer than 30 trades (25)", "Months",
        "2024-01", "the last 20 of 25; the JSON and the CSV have all",
    ):  # fmt: skip
        assert part in text, part
    assert "\x1b" not in text
    assert not any(line.endswith(" ") for line in text.splitlines())


@pytest.mark.parametrize("render", [report_text, report_markdown, report_page])
def test_the_balance_says_what_of_it_is_in_open_positions(render: Any) -> None:
    position = {
        "symbol": "BTC/USDT", "side": "long", "entry_time": "2024-01-13T10:00:00Z",
        "entry_price": 100.0, "mark_price": 101.0, "quantity": 1.0, "unrealized_pnl": 36.93,
    }  # fmt: skip
    one = render({**report(), "open_trades": [position]})
    assert "1 position open at the end, +36.93 of it" in one
    two = {**report(), "open_trades": [position, {**position, "unrealized_pnl": -40.0}]}
    assert (
        "2 positions open at the end, -3.07 of it, marked to the close of the last candle"
        in render(two)
    )
    assert "open at the end" not in render(report())
    assert "1 position open at the end, " in render(
        {**report(), "open_trades": [position], "parts": 1}
    )
    assert (
        "2 positions open at the ends of the 4 parts, -3.07 of it, marked to the last close of each"
        in render({**two, "parts": 4})
    )


@pytest.mark.parametrize("render", [report_markdown, report_page])
def test_very_many_trades_are_left_to_the_json_and_the_csv(render: Any) -> None:
    whole = report()
    many = render({**whole, "trades": whole["trades"] * 50})
    assert "the last 1,000 of 1,250; the JSON and the CSV have all" in many
    assert len(many) < 40 * len(render(whole))


def test_an_undefined_figure_shows_its_reason_and_never_a_number() -> None:
    text = report_text(result_to_json(result()))
    assert re.search(r"Win rate +– +no closed trade", text)
    assert re.search(r"Profit factor +– ", text)


def test_wins_without_a_loss_show_an_endless_profit_factor() -> None:
    assert re.search(r"Profit factor +∞ ", report_text(result_to_json(result([trade(1.0)]))))


def test_a_run_without_trades_shows_its_diagnosis() -> None:
    condition = {
        "group": "entry", "condition": "rsi < 5", "hits": 0, "valid": 90, "nan": 14, "without": 90,
    }  # fmt: skip
    diagnosis = {"summary": "rsi < 5 never held", "conditions": [condition]}
    text = report_text(report(diagnosis=diagnosis))
    assert "Why no trade was closed" in text
    assert re.search(r"entry +rsi < 5 +0 +90 +14 +90", text)


@pytest.mark.parametrize("render", [report_text, report_markdown, report_page])
def test_a_session_adds_its_gaps_restarts_comparison_and_recommendation(render: Any) -> None:
    page = render(
        report(
            session_id="ab12cd34",
            mode="SIMULATED",
            gaps=["BTC/USDT: candles 3"],
            restarts=["2024-01-05 04:00: 12 candles while away"],
            comparison={"text": "Win Rate | 62%", "notes": ["closed-trade basis"]},
            recommendation="Strategy validated.",
        )
    )
    for part in ("ab12cd34", "SIMULATED", "candles 3", "while away", "Strategy validated"):
        assert part in page, part
    assert "Win Rate | 62%" in page
    # Of the close of its last candle, and not of the live trades that came since.
    assert "Recommendation as of 2024-01-13 12:00 UTC" in page


def test_the_trades_that_differ_are_listed_with_their_causes() -> None:
    backtest = [trade(candle=i * 9) for i in range(3)]
    paper = [backtest[0], trade(candle=9, exit_=100.5)]
    found = divergence_to_json(find_divergence(backtest, paper, Evidence(Timeframe.H1), 1e4))
    text = report_text(report(comparison={"text": "", "divergence": found}))
    assert re.search(
        r"matched +BTC/USDT +long +2024-01-01 09:00 +\+1.00 +\+0.50 +-0.50 +slip", text
    )
    assert re.search(r"missing +BTC/USDT +long +2024-01-01 18:00 +\+1.00 +– +-1.00 +unex", text)
    assert "matched  BTC/USDT  long  2024-01-01 00:00" not in text
    assert text.index("missing  BTC/USDT") < text.index("matched  BTC/USDT"), "the newest first"


@pytest.mark.parametrize("render", [report_text, report_markdown])
def test_trades_are_listed_the_newest_first(render: Any) -> None:
    listed = [int(one) for one in re.findall(r"^[| ]+(\d+)[| ]+BTC/USDT", render(report()), re.M)]
    assert len(listed) > 3
    assert listed == sorted(listed, reverse=True)


def test_text_from_outside_is_no_markup_in_html() -> None:
    page = report_page(report(warnings=[NASTY], recommendation=NASTY, restarts=[NASTY]))
    parsed = Page(page)
    assert "script" not in parsed.tags
    assert "&lt;script&gt;" in page
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_the_page_asks_the_network_for_nothing() -> None:
    parsed = Page(report_page(report(comparison={"replays": [report()]})))
    assert not {"script", "link", "img", "iframe", "object", "audio"} & set(parsed.tags)
    assert not [value for name, value in parsed.attributes if name in ("src", "href")]
    assert "url(" not in report_page(report())
    assert parsed.open == []
    assert parsed.tags.count("svg") == 2


def test_text_from_outside_is_no_markup_in_markdown() -> None:
    text = report_markdown(report(warnings=[NASTY]))
    assert "<script>" not in text.replace("\\<script\\>", "")
    assert "\\`a\\` \\| \\*\\*b\\*\\* \\[c\\](d)" in text
    assert "\x1b" not in text


def test_a_fence_is_longer_than_any_in_its_text() -> None:
    text = report_markdown(report(comparison={"text": "````\nout"}))
    assert "`````text\n````\nout\n`````" in text


@pytest.mark.parametrize(
    ("value", "shown"),
    [(64_210.5, "64,210.50"), (101.0, "101"), (0.5123, "0.5123"), (0.00001234, "0.00001234")],
)
def test_a_price_is_written_out_however_small(value: float, shown: str) -> None:
    assert price_text(value) == shown


def test_markdown_holds_every_trade() -> None:
    text = report_markdown(report())
    assert len(re.findall(r"^\| +\d+ \| BTC/USDT", text, re.M)) == 25


def test_nothing_to_say_makes_no_section() -> None:
    titles = [section.title for section in outline(result_to_json(result()))]
    assert titles == ["Run", "Result", "Signs to doubt", "Months"]


def test_drawdown_is_what_is_missing_to_the_peak() -> None:
    assert drawdown(np.array([90.0, 120.0, 60.0]), 100.0).tolist() == [-10.0, 0.0, -50.0]


def test_a_long_curve_keeps_its_peaks() -> None:
    values = np.zeros(100_000)
    values[77_777] = 5.0
    line = SvgCurve("x", np.arange(100_000, dtype=np.int64) * 60_000 + START, values, "first")
    drawn = svg([line], "x")
    assert len(drawn) < 60_000
    assert ",10.0" in drawn.split("polyline")[1]  # the top of the plot


def test_a_flat_curve_and_a_single_point_are_drawn_without_dividing_by_nothing() -> None:
    flat = SvgCurve("x", np.array([1, 2], dtype=np.int64), np.array([5.0, 5.0]), "first")
    assert "polyline" in svg([flat], "x")
    assert svg([SvgCurve("x", flat.times[:1], flat.values[:1], "first")], "x") == ""


def test_the_page_of_a_trial_shows_the_band_that_its_equity_was_to_stay_in() -> None:
    points = [[f"2024-01-{day:02}T00:00:00Z", -day, 0.5 * day, 2.0 * day] for day in range(1, 29)]
    cone = {
        "legend": "band of the promise, which a true one leaves below in at most 1.5%",
        "rate": 0.015,
        "points": points,
    }
    comparison = {"replays": (), "layers": {"path": {"cone": cone}}}
    text = report_page({**report(), "comparison": comparison} | {"divergence": None})
    page = Page(text)
    assert page.tags.count("rect") == 1
    assert "band of the promise, which a true one leaves below in at most 1.5%" in text
    (corners,) = re.findall(r'<polygon class="band" points="([^"]*)"', text)
    places = [tuple(map(float, corner.split(","))) for corner in corners.split()]
    assert all(70 <= x <= 790 for x, _ in places), "as far as the equity reaches"
    assert 'class="band"' not in report_page(report())


def test_csv_holds_numbers_in_full_and_times_in_iso() -> None:
    rows = list(csv.DictReader(io.StringIO(trades_csv(report()))))
    assert len(rows) == 25
    assert rows[0]["signal_time"] == "2024-01-01T00:00:00Z"
    assert float(rows[0]["pnl"]) == -5.0
    assert rows[0]["ambiguous"] == "false"
    assert rows[0]["entry_filled_at"] == ""
    assert equity_csv(report()).splitlines()[:2] == ["time,equity", "2024-01-01T00:00:00Z,10000.0"]
    times = (-1, 0, 60_000, 86_399_999, 1_704_067_200_000, 253_402_300_799_000)
    whole = equity_csv(report(), ((time, 1e4) for time in times)).splitlines()[1:]
    assert whole == [f"{iso_time(time)},10000.0" for time in times]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1+2", "@x", "\t=1", " =1"])
def test_a_text_cell_is_no_formula(text: str) -> None:
    bad = report()
    bad["trades"][0]["symbol"] = text
    (cell,) = [row["symbol"] for row in csv.DictReader(io.StringIO(trades_csv(bad)))][:1]
    assert cell.startswith("'")


@pytest.mark.parametrize("render", [report_text, report_page])
def test_gaps_and_restarts_of_a_session_are_told_in_words(render: Any) -> None:
    gap = {
        "symbol": "BTC/USDT",
        "first": "2024-01-03T00:00:00Z",
        "last": "2024-01-03T08:00:00Z",
        "candles": 3,
        "why": "the venue answered with none",
    }
    alone = {**gap, "last": gap["first"], "candles": 1}
    back = {"at": "2024-01-05T04:00:30Z", "after": "2024-01-05T00:00:00Z"}
    told = render(report(gaps=[gap, alone], restarts=[back]))
    assert "BTC/USDT 2024-01-03 00:00 to 2024-01-03 08:00, 3 candles: the venue answered" in told
    assert "BTC/USDT 2024-01-03 00:00, 1 candle: " in told
    assert "2024-01-05 04:00, last candle before 2024-01-05 00:00" in told
    lacking = {key: value for key, value in gap.items() if key != "why"}
    odd = ({**gap, "first": "soon"}, {**gap, "last": 5}, {**gap, "candles": "3"}, lacking)
    told = render(report(gaps=odd, restarts=[{"at": None, "after": "then"}]))
    assert told.count("symbol BTC/USDT, first") == len(odd)
    assert "after then" in told
