"""The three answers of a trial and of each question in it."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """What a question of a trial is answered with."""

    KEPT = "kept"
    BROKEN = "broken"
    OPEN = "open"
