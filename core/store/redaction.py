"""Hides keys in texts meant for people and in words that came from outside.

A journal's own fields are never rewritten: a text is redacted where it enters, before anything is
cut from it, so that no half of a key survives.

A key is looked for by its letters and digits alone, in the text as it is and with its escapes
undone: what is put between them (line breaks, escapes, marks nobody sees) and their case hide none.
"""

from __future__ import annotations

import base64
import contextlib
import html
import logging
import re
import sys
import threading
import traceback
import unicodedata
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from core.text import safe_text

HIDDEN = "[hidden]"
_SHORTEST = 12  # characters of a key; those of Binance have 64
_SHORTEST_HIDDEN = 8  # characters of a text that is hidden where it is known to be private
_FEWEST_DIFFERENT = 6
# A word, several in one case joined as in names and symbols, or a number, date or time.
_PLAIN = re.compile(r"[a-z]+(?:[_ /:.,+]+[a-z]+)*|[A-Z]+(?:[_ /:.,+]+[A-Z]+)*|[\d:.,+\-TZ _/eE]+")
_LONG = 32  # characters from which on a part of a secret is hidden as well
_PART = 12  # letters and digits of such a part
_NEITHER = re.compile(r"[\W_]+")  # no letter and no digit
_ESCAPED = re.compile(r"[%\\&<\x1b␛]")
# What stands for one other character, or for none: of URLs, JSON, JavaScript, HTML, terminals.
_ESCAPE = re.compile(
    r"""%(?:25)*(?P<url>[0-9a-f]{2})
    | \\+(?:u000(?P<long>[0-9a-f]{5})|u\{0*(?P<braced>[0-9a-f]{1,6})\}|u(?P<json>[0-9a-f]{4})
        |x(?P<byte>[0-9a-f]{2})|(?P<octal>[0-3][0-7]{2})|(?P<same>[^a-z\d\\])|(?P<line>n)|[rt])
    | (?P<html>&\#?[a-z\d]{1,10};?) | <[a-z/!][^<>]{0,60}> | [\x1b␛]\[[\d;]*[a-z]""",
    re.IGNORECASE | re.VERBOSE,
)
_DEEPEST = 4  # escapes within escapes
_LONGEST = 200  # characters of what is quoted of a foreign text
_LONGEST_READ = 8_000  # characters of a foreign text that are looked at: it may have megabytes
_END = 2_000  # of these, the last in which a key may have begun that was cut off


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
    return not _varied(text) or _PLAIN.fullmatch(text) is not None


def _within_pem(text: str) -> Iterator[str]:
    """What a private key in PEM is met as beside its whole text; nothing where it is none."""
    if not text.startswith("-----BEGIN"):
        return
    lines = [line.strip() for line in text.splitlines() if ":" not in line and "-----" not in line]
    body = "".join(lines)
    yield from (one for one in (*lines, body) if len(one) >= _PART)
    with contextlib.suppress(ValueError):
        yield base64.b64decode(body).hex()


def _encoded(secret: str) -> Iterator[str]:
    """What the letters and digits of a secret are met as, once and (in base64 and hex) twice."""
    data = secret.encode(errors="surrogatepass")
    yield "".join(map(str, data))
    yield "".join(f"0x{byte:02x}" for byte in data)
    inner = [data, quote(data, safe="").encode(), secret.encode("utf-16-le", "surrogatepass")]
    inner += [data.hex().encode(), base64.b64encode(data)]
    for one in inner:
        yield one.hex()
        yield from _base64(one)


def _base64(data: bytes) -> Iterator[str]:
    """The characters that these bytes decide of base64 they are in, wherever in it they are."""
    for shift in range(3):
        whole = base64.b64encode(bytes(shift) + data).decode()
        yield whole[(shift * 8 + 5) // 6 : (shift + len(data)) * 8 // 6]


def _letters(text: str) -> str:
    """The letters and digits of a text, in one case and one width."""
    if not text.isascii():
        text = "".join(unicodedata.normalize("NFKC", one) for one in text)
    return _NEITHER.sub("", text).casefold()


class _View:
    """A text as keys are looked for in it, and where in the text each of its characters stands."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._starts = self._ends = list(range(len(text)))

    def unescaped(self) -> _View:
        """With what escapes stand for in their place, also of escapes within escapes."""
        view = self
        for _ in range(_DEEPEST):
            parts, starts, ends, at = [], [], [], 0
            for found in _ESCAPE.finditer(view.text):
                meant = _meant(found)
                parts += [view.text[at : found.start()], meant]
                starts += view._starts[at : found.start()]
                starts += [view._starts[found.start()]] * len(meant)
                ends += view._ends[at : found.start()]
                ends += [view._ends[found.end() - 1]] * len(meant)
                at = found.end()
            if not at:
                break
            deeper = _View("".join((*parts, view.text[at:])))
            deeper._starts, deeper._ends = starts + view._starts[at:], ends + view._ends[at:]
            view = deeper
        return view

    def span(self, found: re.Match[str]) -> tuple[int, int]:
        """Where something found in this view stands in the text."""
        return self._starts[found.start()], self._ends[found.end() - 1] + 1

    def spans_of_letters(self, found: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """Where these ranges of the view's `_letters` stand in the text."""
        if not found:
            return
        places = [place for place, one in enumerate(self.text) for _ in _letters(one)]
        for begin, end in found:
            yield self._starts[places[begin]], self._ends[places[end - 1]] + 1


def _meant(escape: re.Match[str]) -> str:
    kind, found = escape.lastgroup, escape[escape.lastgroup or 0]
    if kind is None:
        return ""
    if kind == "html":
        return html.unescape(found if found.endswith(";") else f"{found};")
    if kind in ("same", "line"):
        return "\n" if kind == "line" else found
    return chr(int(found, 8 if kind == "octal" else 16) % (sys.maxunicode + 1))


class Redactor:
    """Replaces every known secret in a text, whatever it was encoded as, and parts of long ones."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._wholes: set[str] = set()
        self._parts: set[str] = set()
        self._exact: re.Pattern[str] | None = None

    def add(self, secret: str | None) -> None:
        """Hide this secret from now on. None, and what is too short or plain, is ignored.

        Of a private key in PEM each line is hidden by itself too, its body, and the hex of that.
        """
        if secret is None or secret in self._known:
            return
        if len(secret) < _SHORTEST_HIDDEN or _is_plain(secret):
            return
        self._known.add(secret)
        longest_first = sorted(self._known, key=len, reverse=True)
        self._exact = re.compile("|".join(map(re.escape, longest_first)))
        for text in (secret, *_within_pem(secret)):
            self._wholes.update(map(_letters, _encoded(text)))
            own = _NEITHER.sub("", text)
            if len(own) >= _SHORTEST_HIDDEN and not _is_plain(own):  # else words of a log as well
                self._wholes.add(_letters(own))
            if len(text) < _LONG:
                continue
            self._parts.update(_letters(one) for one in _parts(own) if not _is_plain(one))
            for form in _encoded(text):
                self._parts.update(_letters(one) for one in _parts(form) if _varied(one))

    def redact(self, text: str) -> str:
        """`text` without any known secret."""
        if self._exact is None:
            return text
        spans = list(self._spans(self._exact, _View(text)))
        if _ESCAPED.search(text) and (unescaped := _View(text).unescaped()).text != text:
            spans += self._spans(self._exact, unescaped)
        for begin, end in reversed(_joined(spans)):
            text = f"{text[:begin]}{HIDDEN}{text[end:].lstrip('+/=')}"  # of base64
        return text

    def brief(self, text: str, limit: int) -> str:
        """`text` as one plain line without secrets, of at most `limit` characters.

        Of a very long one only the beginning is looked at.
        """
        if len(text) > _LONGEST_READ:
            text = f"{self.redact(text[:_LONGEST_READ])[:-_END]}…"
        else:
            text = self.redact(text)
        return safe_text(text, limit=limit)

    def _spans(self, exact: re.Pattern[str], view: _View) -> Iterator[tuple[int, int]]:
        """Where secrets stand in a text, or parts of them."""
        yield from map(view.span, exact.finditer(view.text))
        letters = _letters(view.text)
        found = []
        for whole in self._wholes:
            at = letters.find(whole)
            while at >= 0:
                found.append((at, at + len(whole)))
                at = letters.find(whole, at + 1)
        if self._parts:
            for at in range(len(letters) - _PART + 1):
                if letters[at : at + _PART] in self._parts:
                    found.append((at, at + _PART))
        yield from view.spans_of_letters(found)


def _parts(text: str) -> Iterator[str]:
    letters = _NEITHER.sub("", text)
    return (letters[at : at + _PART] for at in range(len(letters) - _PART + 1))


def _varied(text: str) -> bool:
    return len(set(text)) >= _FEWEST_DIFFERENT


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """These ranges in order, those that touch as one."""
    joined: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined


class _OfProcess(Redactor):
    """The secrets of this process, kept from its last words as well.

    What Python prints of a fault that nobody caught, with what caused it, and what libraries log
    where no handler listens goes to stderr, which may be a file.
    """

    def add(self, secret: str | None) -> None:
        """See `Redactor.add`."""
        if self._exact is None:
            self._hide_in_last_words()
        super().add(secret)

    def _hide_in_last_words(self) -> None:
        def say(*error: Any) -> None:
            sys.stderr.write(self.redact("".join(traceback.format_exception(*error))))

        sys.excepthook = say
        if threading.excepthook is threading.__excepthook__:
            threading.excepthook = lambda fault: say(*fault[:3])
        if logging.lastResort is not None:
            logging.lastResort.setFormatter(_Hiding(self))


class _Hiding(logging.Formatter):
    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        return self._redactor.redact(super().format(record))


KNOWN_SECRETS: Redactor = _OfProcess()
"""Every secret this process has learnt of."""


def brief(value: object) -> str:
    """What an exchange or a library said, as one plain line without secrets and not too long."""
    return KNOWN_SECRETS.brief(str(value), _LONGEST).strip()
