"""How is text from outside made safe to show?"""

from __future__ import annotations

import unicodedata

_REPLACEMENT = "�"
# Control pictures stand in for the C0 controls, so that an escape is seen and not obeyed.
_VISIBLE = {code: 0x2400 + code for code in range(0x20)} | {0x7F: 0x2421}
# Cc: the C1 controls; Cf: bidi overrides, zero-width joiners; Cs: lone surrogates, which no
# terminal's encoding takes; Zl, Zp: separators that some terminals break the line at.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn"})
_LONGEST_MARKS = 2


def safe_text(text: str) -> str:
    """`text` on one line, with every control character made visible and no endless accents.

    The result contains no escape sequence, line break, bidirectional override or lone surrogate.
    It may still contain markup characters: pass it only to what takes it literally.
    """
    if text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    marks = 0
    for character in text.translate(_VISIBLE):
        category = unicodedata.category(character)
        if category in _UNSEEN:
            shown.append(_REPLACEMENT)
        elif category in ("Mn", "Me"):
            marks += 1
            if marks <= _LONGEST_MARKS:
                shown.append(character)
            continue
        else:
            shown.append(character)
        marks = 0
    return "".join(shown)


def safe_lines(text: str) -> str:
    """`text` with its line breaks, each line as `safe_text` has it."""
    return "\n".join(safe_text(line) for line in text.split("\n"))
