"""What stands behind a signal at the newest candle, as screens show it.

Apart from the sources of signals, so that who only shows readings need not load numpy.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Counted(StrEnum):
    """What the figures of a reading count."""

    MEMBERS = "members"
    """Of a group of conditions: how many hold, and how many must."""
    ROW = "candles"
    """Of a rule `for` candles: how many in a row it has held, and must."""
    AGO = "candles ago"
    """Of one `within` candles: how many ago it last held, and may have."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A condition or a part of one: `current operator threshold`, and whether it holds.

    `group` is "entry" or "exit". `counted`: what the figures count, where they are no values of
    series. `distance` is how far `current` is from holding, in its own units (0 when it holds). All
    three are None where they are not known yet.
    `depth`: 0 for an entry of the config's list, more for a part of the reading above it. A series
    within an expression is a part too: it has a value alone, and `holds` is None. `beyond`: where
    the value of a crossing that does not hold lies already, "above" or "below": it has to come back
    first. Empty for all others.
    """

    group: str
    text: str
    current: float | None
    threshold: float | None
    distance: float | None
    holds: bool | None
    depth: int = 0
    counted: Counted | None = None
    beyond: str = ""
