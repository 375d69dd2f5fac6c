"""Makes text from outside safe to show: control characters visible, lengths bounded."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches

_UNKNOWN = "�"
# What breaks a line or a column becomes a space. Control pictures stand in for the other C0
# controls, so that an escape is seen and not obeyed.
_VISIBLE = (
    {code: 0x2400 + code for code in range(0x20)}
    | {0x7F: 0x2421}
    | dict.fromkeys(map(ord, "\t\n\r"), ord(" "))
)
# Cc: the C1 controls; Cf: bidi overrides, zero-width joiners; Cs: lone surrogates, which no
# terminal's encoding takes; Zl, Zp: separators that some terminals break the line at.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn"})
_MOST_MARKS = 2
_MOST_DECIMALS = 12
_TO_TYPE = re.compile(
    r"(?<=`)papertape(?=`)|"
    r"\bpapertape(?= (?:alert|backtests?|compare|doctor|gate|host|keys|logs|note|report|schedule|"
    r"start|status|stop|sweep|trial)\b)"
)


def typed_for(program: str, text: str) -> str:
    """A text whose commands work as they stand. `program`: what is typed for it (`program_for`)."""
    return _TO_TYPE.sub(lambda _: program, text)


def safe_text(text: str, *, limit: int | None = None) -> str:
    """`text` on one line, with every control character made visible and no endless accents.

    The result contains no escape sequence, line break, bidirectional override or lone surrogate.
    It may still contain markup characters: pass it only to what takes it literally. What is longer
    than `limit` characters is cut.
    """
    if limit is not None and len(text) > limit:
        text = text[: limit - 1] + "…"
    if text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    marks = 0
    for character in text.translate(_VISIBLE):
        category = unicodedata.category(character)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if marks <= _MOST_MARKS:
            shown.append(_UNKNOWN if category in _UNSEEN else character)
    return "".join(shown)


def composed(name: str) -> str:
    """A name that is typed, or that a file has, as it is compared: `ü` is one letter (NFC).

    Some keyboards and file systems, macOS's among them, make it of u and a mark.
    """
    return unicodedata.normalize("NFC", name)


def nearest(word: str, known: Iterable[str], alike: float = 0.6) -> str | None:
    """What of the known is spelt most like a word, in whatever case; None where nothing is.

    `alike`: difflib's ratio from which one word may be a misspelling of another.
    """
    by_plain = {one.lower(): one for one in known}
    close = get_close_matches(word.strip().lower(), by_plain, 1, alike)
    return by_plain[close[0]] if close else None


def safe_lines(text: str) -> str:
    """`text` with its line breaks, each line as `safe_text` has it."""
    return "\n".join(safe_text(line) for line in text.split("\n"))


def independent_tries(count: float) -> str:
    """How many tries that owe nothing to each other some settings tried come to: `2.2 independent
    tries`, which is told everywhere alike, so that it is taken for no number of settings.
    """
    told = f"{count:,.1f}"
    return "1 independent try" if told == "1.0" else f"{told} independent tries"


def number(value: float, digits: int = 8) -> str:
    """A price or a quantity in `digits` significant digits, its thousands apart: `64,210.5`.

    Never as a power of ten, never rounded before its decimal point.
    """
    if not math.isfinite(value):
        return str(value)
    if "e" not in (shown := f"{value:,.{digits}g}"):
        return shown
    rounded = round(value) if abs(value) >= 10**digits else f"{value:.{digits}g}"
    return f"{Decimal(rounded):,f}"


def price_decimals(size: float) -> int:
    """The decimals of a price of this size: `64,210.50`, `1.2345`, `0.3512`, `0.00001234`."""
    if size >= 100 or size == 0:
        return 2
    return 4 if size >= 1 else min(_MOST_DECIMALS, 3 - math.floor(math.log10(size)))


def prices(*values: float) -> tuple[str, ...]:
    """Prices that stand beside each other, alike in decimals: as many as tell them apart.

    What differs beyond twelve digits differs by the rounding of its arithmetic alone.
    """
    decimals = price_decimals(max(map(abs, values)))
    different = len({f"{value:.12g}" for value in values})
    while True:
        shown = tuple(f"{value:,.{decimals}f}" for value in values)
        if len(set(shown)) >= different or decimals >= _MOST_DECIMALS:
            return shown
        decimals += 1


def counted(count: int, noun: str, nouns: str | None = None) -> str:
    """How many: `1 trade`, `1,668 trades`. `nouns`: of any other count than 1, if not with an s."""
    return f"{count:,} {noun if count == 1 else nouns or f'{noun}s'}"


def per_cent(value: float, digits: int | None = None) -> str:
    """A figure in per cent with its sign right behind it: `62.5%`, `1,234.56%`.

    `digits`: its decimals; None: as many as it was written with, as for a setting: `2%`, `0.05%`.
    """
    # An added 0 takes the sign from what is -0.
    return f"{number(value + 0.0, 12)}%" if digits is None else f"{value:z,.{digits}f}%"


def signed_per_cent(value: float, digits: int | None = 2) -> str:
    """A gain or loss in per cent (`per_cent`): `+1.20%`, `-0.40%`, and `0.00%` without a sign."""
    text = per_cent(value, digits)
    return f"+{text}" if value > 0 and text.strip("0.%") else text


def chance_text(probability: float, digits: int = 0) -> str:
    """A probability in per cent: `62%`, and `<1%` or `>99%` of what is written as none or all.

    One that is estimated, from few draws or from many, is never known to be either.
    """
    least = 10.0**-digits
    text = per_cent(probability * 100, digits)
    if text == per_cent(0, digits):
        return f"<{per_cent(least, digits)}"
    return f">{per_cent(100 - least, digits)}" if text == per_cent(100, digits) else text


def share_text(share: float) -> str:
    """A share, or a bound on one, in per cent to two digits, however small: `5%`, `0.12%`."""
    return per_cent(float(f"{share * 100:.2g}") if share < 0.995 else 100)


def basis_points(value: float, *beside: float, digits: int = 1) -> str:
    """Hundredths of a per cent, without their unit: `12.3`, and `0.05` of what is less than one.

    `beside`: what stands in the same column, in the decimals of the smallest. `digits`: its
    decimals from one on. What rounds to nothing has no sign.
    """
    small = any(round(abs(one), 1) < 1 for one in (value, *beside))
    return f"{value:z,.{max(digits, 2) if small else digits}f}"


def signed_basis_points(value: float, *beside: float) -> str:
    """What was paid more or less than a price, as `basis_points`: `+0.43`, and `0.00` unsigned."""
    text = basis_points(value, *beside)
    return f"+{text}" if value > 0 and text.strip("0.") else text


def reason_text(word: str) -> str:
    """A reason or cause for a reader: `stop loss` of `stop_loss`, `by hand` of `manual`."""
    return "by hand" if word == "manual" else word.replace("_", " ")


def reasons_text(words: Iterable[str]) -> str:
    """Reasons in the order in which they came, each once: `take profit, then stop loss`."""
    return ", then ".join(reason_text(word) for word in dict.fromkeys(words))


@dataclass(frozen=True, slots=True)
class TextRow:
    """What a page says of one thing: a short name for it, and the rest in words."""

    label: str
    text: str

    @property
    def sentence(self) -> str:
        """As it stands among other sentences."""
        return f"{self.label}: {self.text}."


def aligned(rows: Iterable[TextRow]) -> tuple[str, ...]:
    """Rows as lines, their texts beneath each other."""
    rows = tuple(rows)
    width = max((len(row.label) for row in rows), default=0) + 2
    return tuple(f"{row.label:<{width}}{row.text}" for row in rows)
