"""Defines what a source of signals gives the rules: the seam between a strategy and its trading.

A signal is a set of the four flags below, as a small int: raw, before the rules of `core.trading`
weigh the flags against each other and against the position. Whatever computes them gives the same
flags for all candles at once (a backtest) and for one candle after another (a session).

Beside the flags a source gives levels: prices that a stop, a target or the price of an order is
made from, such as `bollinger.lower` or `0.99 * close`. Which there are and what they are called
follows from the config (`core.strategy.signals.levels`). Each has a float64 for every candle, NaN
where it is not known: a part of it has no value yet, or it divides by 0. `core.trading` gets those
of the signal candle alone, as they stand at its close, and decides what NaN means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from core.market.candles.candles import Candle, Candles, Floats
from core.strategy.config.conditions import Rule
from core.strategy.indicators.batch import Batch
from core.strategy.signals.reading import Reading

ENTER_LONG = 1
EXIT_LONG = 2
ENTER_SHORT = 4
EXIT_SHORT = 8


def add_flag(number: int, *, long: bool) -> int:
    """The flag of an add to a position: `number` is its place in `Orders.adds`."""
    return (16 if long else 32) << 2 * number


Flags = NDArray[np.unsignedinteger[Any]]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class SignalSeries:
    """The flags of every candle, and `first`: the position from which decisions count.

    Flags are uint32 where a config adds to positions, else uint8.

    `first` is the first candle for which everything the source computes is known, the number of
    candles where there is none; flags before it are 0. `levels`: by name, one value a candle.
    `notes`: sentences on what the candles lack, for whoever reads the result.
    """

    flags: Flags
    first: int
    levels: Mapping[str, Floats] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class ConditionSeries:
    """One rule of a config over all candles, for explaining why nothing happened.

    `group` is "entry" or "exit"; `values` and `thresholds` are its two sides (of a group: how many
    members hold and how many must; of a rule `for` or `within` candles: on how many of them it
    held, and must), `valid` where neither is NaN (for a crossing: nor the candle before), `holds`
    where it is true. `series`: all that it looks at, by name. Nothing is cut off before the first
    decision.
    """

    group: str
    condition: Rule
    holds: Bools
    valid: Bools
    values: Floats
    thresholds: Floats
    series: Mapping[str, Floats] = field(default_factory=dict)


class SignalStream(Protocol):
    """The flags of one candle after another.

    Not to be copied or pickled: after a restart it is fed the same candles from the same first one.
    """

    @property
    def ready(self) -> bool:
        """Whether decisions count by now; once true it stays true."""

    def update(self, candle: Candle) -> int:
        """Take one closed candle; its flags, 0 as long as the stream is not `ready`."""

    def levels(self) -> Mapping[str, float]:
        """The levels at the newest candle, by name; NaN where one is not known."""

    def notes(self) -> tuple[str, ...]:
        """Sentences on what the candles so far lack, for whoever reads the result."""

    def readings(self) -> tuple[Reading, ...]:
        """What stands behind the flags of the newest candle; empty where nothing can be shown."""

    def preparation(self) -> Callable[[], object] | None:
        """What `readings` would compute first and take long for, in any thread; None: nothing."""


class SignalSource(Protocol):
    """What decides for one strategy. Registered in `core.strategy.signals.sources`.

    The flags of a candle depend on it and on the candles before it alone: no clock, no I/O and no
    later candle. `series` and `stream` give the same flags to the last bit.
    """

    @property
    def warmup(self) -> int:
        """How many candles a session wants before its first decision (docs/rules.md §2)."""

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of all that decides: the config, and any code of the strategy's own."""

    def series(self, candles: Candles, batch: Batch | None = None) -> SignalSeries:
        """The flags of all candles at once.

        `batch`: the series known of these candles; strategies that share one compute none twice.
        """

    def stream(self, known: Candles | None = None) -> SignalStream:
        """A stream that has seen no candle yet.

        `known`: all candles that it will be given, where they are known as a replay's are. Who can
        compute all at once does so here, and blocks; the stream gives the same to the last bit.
        """

    def conditions(self, candles: Candles) -> tuple[ConditionSeries, ...]:
        """Each condition by itself over all candles, entries first; empty where there are none."""
