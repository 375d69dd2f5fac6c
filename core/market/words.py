"""How do times, and an exchange's own words, stand in a message?"""

from __future__ import annotations

from datetime import UTC, datetime

from core.store.safe_text import safe_text

_LONGEST = 200


def brief(value: object) -> str:
    """What an exchange or a library said, as one plain line that is not too long."""
    return safe_text(str(value), limit=_LONGEST).strip()


def when(time: int) -> str:
    """A time (UTC ms) as ISO 8601, or as the number itself where no calendar reaches."""
    try:
        return datetime.fromtimestamp(time / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return str(time)
