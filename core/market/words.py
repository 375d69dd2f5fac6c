"""How does text from outside stand in a message?"""

from __future__ import annotations

_LONGEST = 200


def plain(value: object, longest: int = _LONGEST) -> str:
    """`value` as one line of printable text, cut where it is too long: no markup, no escapes."""
    text = " ".join(str(value).split())
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    return text if len(text) <= longest else text[: longest - 1] + "…"
