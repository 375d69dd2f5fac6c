"""What may be shown of a text that may hold a secret?"""

from __future__ import annotations

import base64
import re
from urllib.parse import quote

HIDDEN = "[hidden]"
# Shorter strings would turn ordinary words of a log into [hidden].
_SHORTEST = 6


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


class Redactor:
    """Replaces every known secret in a text, also where it was quoted for a URL or encoded.

    One per process: whoever learns of a secret adds it, and every log, journal and error message
    passes through `redact`.
    """

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, secret: str | None) -> None:
        """Hide this secret from now on. Empty and very short ones are ignored, and None."""
        if secret is None or len(secret) < _SHORTEST:
            return
        encoded = base64.b64encode(secret.encode()).decode().rstrip("=")
        self._known |= {secret, quote(secret, safe=""), encoded, secret.replace('"', '\\"')}
        longest_first = sorted(self._known, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def redact(self, text: str) -> str:
        """`text` without any known secret."""
        return text if self._pattern is None else self._pattern.sub(HIDDEN, text)
