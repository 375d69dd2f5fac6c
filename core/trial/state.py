"""The five questions of a trial, and the three answers to each of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class SealDoubt:
    """Why a session has no verdict by its seal.

    Attributes:
        why: a sentence without its stop.
        unread: only that what it was started with cannot be read now: nothing was undone.
    """

    why: str
    unread: bool = False

    @property
    def in_short(self) -> str:
        """The same without any particulars."""
        if self.unread:
            return "whether its seal holds cannot be read now"
        return "the seal of its trial does not hold"


class State(StrEnum):
    """What a question of a trial is answered with."""

    KEPT = "kept"
    BROKEN = "broken"
    OPEN = "open"


DESCRIBED = "described"
"""The word of an answer that is not judged."""

OVER = "over, unanswered"
"""The word of an open verdict that no more evidence can close."""


class Layer(StrEnum):
    """The five questions of a trial, in the order they are shown."""

    DECISIONS = "decisions"
    COSTS = "costs"
    ACCOUNT = "account"
    PATH = "path"
    EDGE = "edge"
