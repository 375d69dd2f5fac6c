"""Hides keys in texts meant for people and in words that came from outside.

A journal's own fields are never rewritten: a text is redacted where it enters, before anything is
cut from it, so that no half of a key survives.
"""

from __future__ import annotations

import base64
import contextlib
import html
import re
from collections.abc import Iterator
from urllib.parse import quote

from core.text import safe_text

HIDDEN = "[hidden]"
_SHORTEST = 12  # characters of a key; those of Binance have 64
_SHORTEST_HIDDEN = 8  # characters of a text that is hidden where it is known to be private
_FEWEST_DIFFERENT = 6
# A word, several in one case joined as in names and symbols, or a number, date or time.
_PLAIN = re.compile(r"[a-z]+(?:[_ /:.,+]+[a-z]+)*|[A-Z]+(?:[_ /:.,+]+[A-Z]+)*|[\d:.,+\-TZ _/eE]+")
_LONG = 32  # characters from which on a part of a secret is hidden as well
_PART = 16  # characters of such a part
_RUN = re.compile(rf"[\w+/=.~-]{{{_PART},}}", re.ASCII)
_ESCAPED = re.compile(r"[%\\&]")
_LONGEST = 200  # characters of what is quoted of a foreign text


class Secret:
    """A string that never shows itself: `reveal` is the only way to its value."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value, to hand to the one client that needs it."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({HIDDEN})"

    __str__ = __repr__

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a secret is not written anywhere but to exchanges.yaml")


def why_no_key(text: str) -> str | None:
    """Why a text cannot be a venue's key, in words that do not repeat it; None where it can.

    To hide what is short or an ordinary word would hide half of every log.
    """
    if len(text) < _SHORTEST:
        return f"is too short to be a key: {len(text)} characters, expected at least {_SHORTEST}"
    if _is_plain(text):
        return "is too plain to be a key: expected letters and digits as the venue gives them"
    return None


def _is_plain(text: str) -> bool:
    return len(set(text)) < _FEWEST_DIFFERENT or _PLAIN.fullmatch(text) is not None


def spellings(secret: str) -> set[str]:
    """The forms in which a secret is met in one piece: as it is, quoted for a URL, in JSON, base64
    (also in the middle of something longer) and hex."""
    data = secret.encode()
    quoted = quote(secret, safe="")
    found = {secret, quote(secret), quoted, re.sub("%..", lambda code: code[0].lower(), quoted)}
    found |= {secret.replace("\\", "\\\\").replace('"', '\\"'), secret.replace("/", "\\/")}
    found |= {data.hex(), data.hex().upper()}
    for shift in range(3):
        whole = base64.b64encode(bytes(shift) + data).decode()
        # Only the characters that the secret alone decides.
        part = whole[(shift * 8 + 5) // 6 : (shift + len(data)) * 8 // 6]
        found |= {part, part.replace("+", "-").replace("/", "_")}
    return found


def _within_pem(text: str) -> Iterator[str]:
    """What a private key in PEM is met as beside its whole text; nothing where it is none."""
    if not text.startswith("-----BEGIN"):
        return
    lines = [line.strip() for line in text.splitlines() if ":" not in line and "-----" not in line]
    body = "".join(lines)
    yield from (one for one in (*lines, body) if len(one) >= _PART)
    with contextlib.suppress(ValueError):
        yield base64.b64decode(body).hex()


class Redactor:
    """Replaces every known secret in a text, whatever it was encoded as, and parts of long ones."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._forms: set[str] = set()
        self._parts: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._escaped: re.Pattern[str] | None = None

    def add(self, secret: str | None) -> None:
        """Hide this secret from now on. None, and what is too short or plain, is ignored.

        Of a private key in PEM each line is hidden by itself too, its body, and the hex of that.
        """
        if secret is None or secret in self._known:
            return
        if len(secret) < _SHORTEST_HIDDEN or _is_plain(secret):
            return
        self._known.add(secret)
        for text in (secret, *_within_pem(secret)):
            for form in spellings(text):
                self._forms.add(form)
                if len(text) >= _LONG:
                    self._parts.update(form[at : at + _PART] for at in range(len(form) - _PART + 1))
        self._pattern = re.compile("|".join(map(re.escape, _longest_first(self._forms))))
        self._escaped = re.compile("|".join(map(_in_escapes, _longest_first(self._known))))

    def redact(self, text: str) -> str:
        """`text` without any known secret."""
        if self._pattern is None or self._escaped is None:
            return text
        text = self._pattern.sub(HIDDEN, text)
        if _ESCAPED.search(text):
            text = self._escaped.sub(HIDDEN, text)
        return _RUN.sub(self._without_parts, text) if self._parts else text

    def _without_parts(self, run: re.Match[str]) -> str:
        text = run[0]
        windows = range(len(text) - _PART + 1)
        places = [at for at in windows if text[at : at + _PART] in self._parts]
        if not places:
            return text
        return f"{text[: places[0]]}{HIDDEN}{text[places[-1] + _PART :]}"


def _longest_first(texts: set[str]) -> Iterator[str]:
    return iter(sorted(texts, key=len, reverse=True))


def _in_escapes(secret: str) -> str:
    """A pattern of a secret any of whose characters may be escaped for a URL, JSON or HTML."""
    return "".join(map(_any_spelling, secret))


def _any_spelling(character: str) -> str:
    code, named = ord(character), html.escape(character)
    forms = [re.escape(character), rf"\\+u{code:04x}", rf"&#0*{code};", rf"&#x0*{code:x};"]
    forms.append("".join(f"%(?:25)*{byte:02x}" for byte in character.encode()))
    if not character.isalnum():
        forms += [rf"\\+{re.escape(character)}", re.escape(named)]
    if character == "\n":
        forms.append(r"\\+n")
    return f"(?:{forms[0]}|(?i:{'|'.join(forms[1:])}))"


KNOWN_SECRETS = Redactor()
"""Every secret this process has learnt of."""


def brief(value: object) -> str:
    """What an exchange or a library said, as one plain line without secrets and not too long."""
    return safe_text(KNOWN_SECRETS.redact(str(value)), limit=_LONGEST).strip()
