"""The five questions of a trial, and the three answers to each of them."""

from __future__ import annotations

from enum import StrEnum

SEAL_IN_DOUBT = "the seal of its trial does not hold"
"""Why a trial has no verdict whose seal is not the one it was started with."""


class State(StrEnum):
    """What a question of a trial is answered with."""

    KEPT = "kept"
    BROKEN = "broken"
    OPEN = "open"


DESCRIBED = "described"
"""The word of an answer that is not judged."""


class Layer(StrEnum):
    """The five questions of a trial, in the order they are shown."""

    DECISIONS = "decisions"
    COSTS = "costs"
    ACCOUNT = "account"
    PATH = "path"
    EDGE = "edge"
