"""Numbers and times as they stand on the screen."""

import re
from datetime import UTC
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from core.journal.values import OrderCounts, OrderRow
from core.market.candles.timeframes import DAY, HOUR
from core.strategy.signals.reading import Counted, Reading
from core.time_format import parse_time
from core.trading.values import Side, WaitingOrder
from tui import formats
from tui.modals.form import number_in
from tui.screens.conditions import condition_rows
from tui.screens.order_rows import ORDER_COLUMNS, order_rows
from tui.widgets.axes import time_labels

ROOT = Path(formats.__file__).parent.parent


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (12.345, "▲ +12.35"),
        (-1_234.5, "▼ -1,234.50"),
        (0.004, "0.00"),
        (-0.004, "0.00"),
        (None, "–"),
        (float("nan"), "–"),
    ],
)
def test_a_change_carries_its_sign_beside_any_colour(value: float | None, shown: str) -> None:
    assert formats.change(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (64_210.5, "64,210.50"),
        (3.14159, "3.1416"),
        (0.35123, "0.3512"),
        (0.000012345, "0.00001234"),
        (0.0, "0.00"),
        (-0.5, "-0.5000"),
        (None, "–"),
    ],
)
def test_a_price_has_as_many_decimals_as_its_size_asks_for(value: float | None, shown: str) -> None:
    assert formats.price(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.15512345678, "0.1551235"), (70.0, "70"), (1.5e9, "1,500,000,000"), (0.0, "0")],
)
def test_a_quantity_has_seven_digits_that_matter(value: float, shown: str) -> None:
    assert formats.quantity(value) == shown


@pytest.mark.parametrize(
    ("milliseconds", "span", "age"),
    [
        (0, "0s", "0s"),
        (59_999, "1m", "59s"),
        (3_599_000, "1h", "59m"),
        (3_600_000, "1h", "1h"),
        (3_900_000, "1h 05m", "1h"),
        (187_200_000, "2d 4h", "2d"),
        (-5, "0s", "0s"),
        (None, "–", "–"),
    ],
)
def test_spans_and_ages(milliseconds: int | None, span: str, age: str) -> None:
    assert (formats.span(milliseconds), formats.age(milliseconds)) == (span, age)


@pytest.mark.parametrize(
    ("milliseconds", "length"),
    [
        (
            1_199_100,
            "20m",
        ),  # from 08:55:00.700 to 09:14:59.800, written to the second as 20 minutes
        (1_169_000, "19m"),
        (59_600, "1m"),
        (11_700, "12s"),
        (3_590_000, "1h"),
        (86_380_000, "1d"),
        (187_200_000, "2d 4h"),
        (None, "–"),
    ],
)
def test_a_length_is_told_to_the_nearest_unit(milliseconds: int | None, length: str) -> None:
    assert formats.span(milliseconds) == length


def test_times_are_utc_and_impossible_ones_unknown() -> None:
    assert formats.clock(1_763_820_131_000) == "14:02:11"
    assert formats.date_time(1_763_820_131_000) == "2025-11-22 14:02"
    assert formats.date_time(10**20) == "–"


def test_the_axis_of_years_says_which() -> None:
    opening = 1_502_942_400_000  # 17 August 2017
    days = [opening + n * DAY for n in range(1_200)]
    assert time_labels(days[::20], 60).split() == ["2018", "2019", "2020"]
    assert time_labels(days[:60], 60).split()[:2] == ["28", "Aug"]


def test_the_axis_of_more_than_a_year_says_which_however_narrow() -> None:
    days = [1_710_000_000_000 + n * 17 * DAY for n in range(36)]  # 20 months
    assert all(
        re.search(r" 20\d\d$", one) for one in re.split(r" {2,}", time_labels(days, 36).strip())
    )


def test_the_axis_of_some_days_names_them_before_it_names_hours() -> None:
    start = 1_763_510_400_000  # 19 November 2025
    two = [start - 5 * HOUR + n * 2 * HOUR for n in range(26)]  # two midnights in 26 cells
    assert {"19 Nov", "20 Nov"} <= set(re.split(r" {2,}", time_labels(two, 26).strip()))


@pytest.mark.parametrize(
    ("order", "text"),
    [
        (
            WaitingOrder("BTC/USDT", Side.LONG, "limit", 95.0, 2),
            "limit order to buy at 95.0000, 2 candles left",
        ),
        (
            WaitingOrder("BTC/USDT", Side.SHORT, "stop", 95.0, 1),
            "stop order to sell at 95.0000, 1 candle left",
        ),
    ],
)
def test_an_order_that_waits_in_words(order: WaitingOrder, text: str) -> None:
    assert formats.waiting(order) == text


def test_what_rounds_to_nothing_has_no_minus() -> None:
    assert formats.number(-0.001) == formats.money(-0.001) == "0.00"
    assert formats.percent(-0.04) == "0.0%"
    signed = re.compile(r":\+,?\.\d+f")  # without the z that rounds -0.004 to 0.00
    sources = [path for room in ("core", "tui") for path in (ROOT / room).rglob("*.py")]
    assert len(sources) > 300
    assert not [path for path in sources if signed.search(path.read_text(encoding="utf-8"))]


def test_orders_of_a_venue_have_the_decimals_of_the_smallest_difference_in_their_column() -> None:
    sent = ("BTC/USDT", "buy", False, 0.5, 64_000.0, 0.5, 64_016.0)
    orders = [OrderRow(str(bp), *sent, bp) for bp in (12.34, -0.43, 0.001, None)]
    place = [column.label for column in ORDER_COLUMNS].index("BP")
    assert [row.cells[place].text for row in order_rows(orders)] == ["", "0.00", "-0.43", "+12.34"]
    for mean, told in ((0.43, "+0.43 bp"), (0.001, "0.00 bp"), (-2.5, "-2.5 bp")):
        counts = OrderCounts(made=3, filled=3, refused=0, mean_difference_bp=mean)
        assert formats.order_counts(counts) == f"3 of 3 filled, {told}"


@pytest.mark.parametrize(
    ("value", "text"),
    [(26.0, "26"), (26.5, "26.5"), (26, "26"), (1e300, "1e+300"), (0.1, "0.1"), ("a.0", "a.0")],
)
def test_a_setting_is_written_alike_and_a_huge_one_as_a_power(
    value: float | int | str, text: str
) -> None:
    assert formats.setting(value) == text


def test_what_a_condition_counts_has_no_decimals() -> None:
    readings = [
        Reading("entry", "within 3 candles", 32, 2, 30, False, 0, Counted.AGO),
        Reading("entry", "for 6 candles", 0, 6, 6, False, 1, Counted.ROW),
        Reading("entry", "rsi < 30", 47.1234, 30.0, 17.1234, False, 2),
    ]
    assert [[cell.text for cell in row.cells[3:]] for row in condition_rows(readings)] == [
        ["32 ago", "2 ago", "30"],
        ["0", "6", "6"],
        ["47.12", "30.00", "17.12"],
    ]


def test_of_a_time_that_clocks_show_twice_it_is_said_which() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    first, second = (parse_time(f"2026-10-25T{hour}:30") for hour in ("00", "01"))
    assert formats.day_time(first, berlin) == "25 Oct 02:30 CEST"
    assert formats.day_time(second, berlin) == "25 Oct 02:30 CET"
    assert formats.date_time(second, berlin) == "2026-10-25 02:30 CET"
    assert formats.day_time(second + 2 * HOUR, berlin) == "25 Oct 04:30"
    assert formats.day_time(first) == "25 Oct 00:30"


def test_the_log_names_candles_in_the_zone_and_leaves_words_of_others_alone() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    for text, told in (
        ("enter long, candle 2026-12-24 18:00", "enter long, candle 2026-12-24 19:00"),
        (
            "2 candles missing from 2026-12-24 18:00 on: x",
            "2 candles missing from 2026-12-24 19:00 on: x",
        ),
        ("revised the 2026-12-24 18:00 candle", "revised the 2026-12-24 19:00 candle"),
        ("markets close 2026-12-24 18:00", "markets close 2026-12-24 18:00"),
        ("close 2026-12-24 18:00 UTC", "close 2026-12-24 18:00 UTC"),
        (
            "and a full report on 2026-12-24 18:00 UTC.",
            "and a full report on 2026-12-24 19:00 CET.",
        ),
    ):
        assert formats.in_zone(text, berlin) == told


def test_what_the_host_says_of_a_moment_in_utc_is_in_the_zone_of_the_screen() -> None:
    said = "a1: check b2, at 2026-07-24 18:00 UTC, next 2026-12-24 23:30 UTC"
    told = "a1: check b2, at 2026-07-24 20:00 CEST, next 2026-12-25 00:30 CET"
    assert formats.named_in_zone(said, ZoneInfo("Europe/Berlin")) == told
    assert formats.named_in_zone(said, UTC) == said
    assert formats.named_in_zone("candles of 2026-12-24 18:00", ZoneInfo("Asia/Tokyo")) == (
        "candles of 2026-12-24 18:00"
    )


def test_two_small_prices_of_a_condition_are_told_apart() -> None:
    assert (formats.side(0.15234), formats.side(0.15011)) == ("0.1523", "0.1501")
    assert (formats.side(0.05123), formats.side(0.05071)) == ("0.05123", "0.05071")
    assert (formats.side(0.0), formats.side(29.7)) == ("0.00", "29.70")


def test_a_curve_that_hardly_moves_is_no_cliff() -> None:
    flat = formats.spark([10_000.0] * 8, 4)
    assert formats.spark([10_000.0, 10_001.0, 9_999.0, 10_000.0] * 2, 4) == flat
    assert formats.spark([10_000.0, 9_900.0], 4) not in ("", flat)
    assert formats.spark([9_000.0, 9_000.0, 10_000.0, 10_000.0], 2) == "⣀⠏", "joined, high last"
    assert len(formats.spark(range(1_000), 9)) == 9
    assert formats.spark([0.0, 0.0], 3) == formats.spark([5.0, 5.0], 3)


def test_a_mark_is_set_apart_and_nothing_else_moves() -> None:
    assert formats.set_apart("▲ +9.50", 9) == "▲   +9.50"
    assert formats.set_apart("▼ -57.59%", 9) == "▼ -57.59%"
    assert [formats.set_apart(text, 9) for text in ("–", "0.00", "long")] == ["–", "0.00", "long"]


@pytest.mark.parametrize(
    ("typed", "number", "said"),
    [
        ("", None, ""),
        ("10,000", 10_000.0, ""),
        ("1,234,567.5", 1_234_567.5, ""),
        ("0.5", 0.5, ""),
        ("1,5", None, "such as 10,000.5, found '1,5'"),  # fifteen to nobody
        ("0,001", None, "above 0"),
        ("10,00", None, "above 0"),
        ("nan", None, "above 0"),
        ("1e999", None, "below 1e+15, found '1e999'"),
    ],
)
def test_a_number_of_a_form_is_read_as_it_is_meant_or_not_at_all(
    typed: str, number: float | None, said: str
) -> None:
    problems: list[str] = []
    field: Any = SimpleNamespace(value=typed, id="balance")
    assert number_in(field, "balance", problems) == number
    assert len(problems) == bool(said)
    assert all(said in problem for problem in problems)


@pytest.mark.parametrize(
    ("text", "comes_to"),
    [
        ("10,000", 10_000.0),
        ("9.5", 9.5),
        ("▼ -1,234.50%", -1_234.5),
        ("3×", 3.0),
        ("12.5 bp", 12.5),
        ("4 of 10", 4.0),
        ("9m", 9 * 60_000),
        ("10d 10h of 30d", 250 * 3_600_000),
        ("5m ago", 5 * 60_000),
        ("1M", 30 * 86_400_000),
        ("22 Nov 14:02", None),
        ("2025-11-22", None),
        ("BTC/USDT", None),
        ("9lives", None),
        ("–", None),
        ("", None),
        (",", None),
    ],
)
def test_what_a_figure_comes_to_is_read_from_it(text: str, comes_to: float | None) -> None:
    assert formats.read_figure(text) == comes_to
