"""Holds what a closed candle gives the rules."""

from __future__ import annotations

import msgspec


class Bar(msgspec.Struct, frozen=True, gc=False):
    """A closed candle of one symbol in one moment, with what the conditions said at its close.

    `signals` are the raw flags of the conditions, `levels` what orders need to know of the candle
    (`Orders.levels`); `funding_rate` is the sum of the rates that fell due since the previous
    candle's open, up to and including this one's.
    """

    slot: int
    open: float
    high: float
    low: float
    close: float
    signals: int
    funding_rate: float = 0.0
    levels: tuple[float, ...] = ()
