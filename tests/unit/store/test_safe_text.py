"""Text from outside is shown as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text import (
    chance_text,
    counted,
    number,
    per_cent,
    prices,
    reason_text,
    safe_text,
    share_text,
    signed_basis_points,
    signed_per_cent,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain [bold]text[/] 100%", "plain [bold]text[/] 100%"),
        ("\x1b[31mred\x1b]0;title\x07", "␛[31mred␛]0;title␇"),
        ("two\nlines\ttab\r", "two lines tab "),
        ("\x9b31m", "�31m"),
        ("safe\u202eexe.txt", "safe�exe.txt"),
        ("zero\u200bwidth", "zero�width"),
        ("lone \ud800 surrogate", "lone � surrogate"),
        ("日本語 ▲ é", "日本語 ▲ é"),
        ("e" + "\u0301" * 50, "e\u0301\u0301"),
    ],
)
def test_controls_are_made_visible_and_the_rest_is_left_alone(text: str, shown: str) -> None:
    assert safe_text(text) == shown


@given(st.text(alphabet=st.characters()))
def test_nothing_a_terminal_obeys_comes_through(text: str) -> None:
    shown = safe_text(text)
    assert not any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in shown)
    shown.encode("utf-8")
    assert safe_text(shown) == shown


def test_a_text_too_long_is_cut() -> None:
    assert safe_text("x" * 5_000, limit=10) == "xxxxxxxxx…"
    assert safe_text("x" * 5_000) == "x" * 5_000


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [
        (63743.5224868, 8, "63,743.522"),
        (63743.5224868, 12, "63,743.5224868"),
        (0.000012345678, 8, "0.000012345678"),
        (1.5e-10, 8, "0.00000000015"),
        (123_456_789_012.6, 8, "123,456,789,013"),
        (1e15, 12, "1,000,000,000,000,000"),
        (0.1 + 0.2, 12, "0.3"),
        (-0.00001, 8, "-0.00001"),
        (0.0, 8, "0"),
        (float("nan"), 8, "nan"),
    ],
)
def test_a_number_is_never_a_power_of_ten(value: float, digits: int, shown: str) -> None:
    assert number(value, digits) == shown


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ((74436.13, 74420.0), ("74,436.13", "74,420.00")),
        ((100.2, 99.98765), ("100.20", "99.99")),
        ((101.0041, 101.0012), ("101.004", "101.001")),
        ((0.00001234, 0.0000123), ("0.00001234", "0.00001230")),
        ((1.5, 1.5), ("1.5000", "1.5000")),
        ((0.1 + 0.2, 0.3), ("0.3000", "0.3000")),
        ((64_210.5, 64_210.500000000007), ("64,210.50", "64,210.50")),
    ],
)
def test_prices_beside_each_other_have_the_same_decimals_and_are_told_apart(
    values: tuple[float, float], shown: tuple[str, str]
) -> None:
    assert prices(*values) == shown


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (62.5, 1, "62.5%"),
        (1234.567, 2, "1,234.57%"),
        (-0.001, 2, "0.00%"),
        (2.0, None, "2%"),
        (0.05, None, "0.05%"),
        (0.1 + 0.2, None, "0.3%"),
        (0.00001, None, "0.00001%"),
        (-0.0, None, "0%"),
    ],
)
def test_a_figure_in_per_cent_has_its_sign_right_behind_it(
    value: float, digits: int | None, text: str
) -> None:
    assert per_cent(value, digits) == text


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (1.2, 2, "+1.20%"),
        (-0.4, 2, "-0.40%"),
        (0.0, 2, "0.00%"),
        (0.004, 2, "0.00%"),
        (0.004, 3, "+0.004%"),
        (100.0, 0, "+100%"),
        (3.0, None, "+3%"),
    ],
)
def test_a_gain_in_per_cent_has_a_plus_unless_it_is_written_as_0(
    value: float, digits: int | None, text: str
) -> None:
    assert signed_per_cent(value, digits) == text


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ((0.43,), "+0.43"),
        ((-0.43,), "-0.43"),
        ((0.004,), "0.00"),
        ((-0.004,), "0.00"),
        ((1.25,), "+1.2"),
        ((1_234.56, 0.43), "+1,234.56"),
        ((12.0, -3.0), "+12.0"),
    ],
)
def test_a_difference_in_basis_points_has_its_sign_unless_it_is_written_as_0(
    values: tuple[float, ...], text: str
) -> None:
    assert signed_basis_points(*values) == text


@pytest.mark.parametrize(
    ("word", "text"),
    [("stop_loss", "stop loss"), ("manual", "by hand"), ("data gap", "data gap")],
)
def test_a_reason_is_told_in_words(word: str, text: str) -> None:
    assert reason_text(word) == text


def test_what_there_is_one_of_is_told_in_the_singular() -> None:
    assert [counted(count, "entry", "entries") for count in (0, 1, 1_668)] == [
        "0 entries",
        "1 entry",
        "1,668 entries",
    ]
    assert [counted(count, "trade") for count in (0, 1, 2)] == ["0 trades", "1 trade", "2 trades"]


@pytest.mark.parametrize(
    ("probability", "digits", "text"),
    [
        (0.0, 0, "<1%"), (0.004, 0, "<1%"), (0.006, 0, "1%"), (0.62, 0, "62%"),
        (0.994, 0, "99%"), (0.996, 0, ">99%"), (1.0, 0, ">99%"),
        (0.0004, 1, "<0.1%"), (0.0006, 1, "0.1%"), (0.9994, 1, "99.9%"), (0.9996, 1, ">99.9%"),
    ],
)  # fmt: skip
def test_no_probability_is_written_as_never_or_always(
    probability: float, digits: int, text: str
) -> None:
    assert chance_text(probability, digits) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0%"), (0.004, "0.4%"), (0.05, "5%"), (0.142625, "14%"), (0.9949, "99%"), (1.0, "100%")],
)
def test_a_small_bound_on_a_share_is_not_written_as_none(share: float, text: str) -> None:
    assert share_text(share) == text
