"""What texts, figures and states mean, as tones that the theme gives a look."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from textual.content import Content

from core.journal.values import SessionState
from core.text import safe_text


class Tone(StrEnum):
    """What a piece of text means; the theme says how that looks."""

    PLAIN = "plain"
    STRONG = "strong"
    DIM = "dim"
    GAIN = "gain"
    LOSS = "loss"
    STALE = "stale"
    ACCENT = "accent"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    RULE = "rule"

    @property
    def css(self) -> str:
        """The tone as a style for `Content`."""
        return _CSS[self]


_CSS = {
    Tone.PLAIN: "$foreground",
    Tone.STRONG: "bold $foreground",
    Tone.DIM: "$dim",
    Tone.GAIN: "$gain",
    Tone.LOSS: "$loss",
    Tone.STALE: "italic $stale",
    Tone.ACCENT: "$accent",
    Tone.INFO: "$info",
    Tone.WARNING: "$warning",
    Tone.ERROR: "bold $error",
    Tone.RULE: "$rule",
}


def tone_of(value: float | None, decimals: int = 2) -> Tone:
    """The tone of a gain or loss, as it is shown with so many decimals."""
    if value is None:
        return Tone.DIM
    rounded = round(value, decimals)
    return Tone.GAIN if rounded > 0 else Tone.LOSS if rounded < 0 else Tone.DIM


def toned(lines: Iterable[tuple[str, Tone]]) -> Content:
    """Lines of text, shown literally, each in its tone."""
    return Content("\n").join(Content.styled(safe_text(text), tone.css) for text, tone in lines)


_STATES: dict[SessionState, tuple[str, Tone]] = {
    SessionState.STARTING: ("◌ starting", Tone.DIM),
    SessionState.WARMING_UP: ("◌ warming", Tone.DIM),
    SessionState.RUNNING: ("● running", Tone.INFO),
    SessionState.PAUSED: ("‖ paused", Tone.WARNING),
    SessionState.STALE: ("○ stale", Tone.STALE),
    SessionState.STOPPING: ("◌ stopping", Tone.DIM),
    SessionState.STOPPED: ("■ stopped", Tone.DIM),
    SessionState.ERROR: ("✗ error", Tone.ERROR),
}


_VERDICTS = {"kept": ("✓", Tone.GAIN), "broken": ("✗", Tone.LOSS), "open": ("?", Tone.WARNING)}


def verdict_sign(state: str) -> tuple[str, Tone]:
    """The sign of a trial's verdict, and its tone; of an unknown one those of an open question."""
    return _VERDICTS.get(state, _VERDICTS["open"])


def state_words(state: SessionState) -> tuple[str, Tone]:
    """The mark and word of a session's state, and their tone."""
    return _STATES[state]
