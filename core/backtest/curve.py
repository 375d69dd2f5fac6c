"""What was the account worth at every close? Computed from the fills, after the run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.backtest.tape import END, Tape
from core.market.candles import Floats, Times
from core.trading.account import Account, Position


class Curve:
    """Records what an account held and when, and marks it to the closes of all moments at once.

    The sums are those of `Account.equity`, in the same order, so the curve is bit for bit what
    marking the account at every close would have given.
    """

    def __init__(self, account: Account, tapes: Sequence[Tape], moments: Times) -> None:
        self._account = account
        self._tapes = tapes
        self._moments = moments
        self._length = len(moments)
        self._free: list[tuple[int, float]] = [(0, account.free)]  # from a time on
        self._positions = account.positions.copy()
        self._held: list[list[tuple[int, int, Position]]] = [[] for _ in tapes]  # from, until
        self._open: list[tuple[int, Position] | None] = [None] * len(tapes)

    @property
    def last_time(self) -> int:
        """Open time of the last moment of the run."""
        return int(self._moments[self._length - 1]) if self._length else 0

    @property
    def times(self) -> Times:
        """Open times of the run's moments."""
        return self._moments[: self._length]

    def note(self, time: int) -> None:
        """Take down what the step at `time` left behind, if it changed what the account holds."""
        account = self._account
        if account.free == self._free[-1][1] and account.positions == self._positions:
            return
        self._free.append((time, account.free))
        self._positions = account.positions.copy()
        for slot, position in enumerate(account.positions):
            known = self._open[slot]
            if known is not None and known[1] is not position:
                self._held[slot].append((known[0], time, known[1]))
                known = self._open[slot] = None
            if known is None and position is not None:
                self._open[slot] = (time, position)

    def end(self, time: int) -> None:
        """The run ends with the moment `time`."""
        self._length = int(np.searchsorted(self._moments, time)) + 1

    def equity(self) -> tuple[Floats, int]:
        """Equity at each moment's close, and at how many of those a position was open."""
        times = self.times
        changed = np.searchsorted(times, [time for time, _ in self._free])
        balances = np.array([free for _, free in self._free])
        equity = np.repeat(balances, np.diff(changed, append=len(times)))
        entered, left = [], []
        for tape, held, still in zip(self._tapes, self._held, self._open, strict=True):
            stays = held if still is None else [*held, (still[0], END, still[1])]
            if not stays:
                continue
            starts = np.searchsorted(times, [start for start, _, _ in stays])
            stops = np.searchsorted(times, [stop for _, stop, _ in stays])
            equity += self._worth(tape, starts, stops, [position for _, _, position in stays])
            entered.append(starts)
            left.append(stops)
        return equity, _covered(entered, left)

    def _worth(
        self,
        tape: Tape,
        starts: NDArray[np.intp],
        stops: NDArray[np.intp],
        positions: Sequence[Position],
    ) -> Floats:
        """What one symbol's `positions` add to equity at each moment; 0 where there is none.

        Each is held from its start to its stop (exclusive), and none before the last has stopped.
        """
        lengths = np.diff(np.column_stack((starts, stops)).ravel(), prepend=0, append=self._length)

        def spread(values: Sequence[float]) -> Floats:
            """Each position's value at its moments, 0 between them."""
            between = np.zeros(2 * len(values) + 1)
            between[1::2] = values
            return np.repeat(between, lengths)

        worth = self._closes(tape)[: self._length] - spread([one.entry_price for one in positions])
        worth *= spread([one.quantity * one.sign for one in positions])
        worth += spread([one.margin for one in positions])
        return worth

    def _closes(self, tape: Tape) -> Floats:
        """The last known close at every moment (what comes before the first is never looked at)."""
        candles = tape.candles
        if len(candles) == len(self._moments):
            return candles.close
        latest = np.searchsorted(candles.time, self._moments, side="right") - 1
        return candles.close[np.maximum(latest, 0)]


def _covered(starts: Sequence[NDArray[np.intp]], stops: Sequence[NDArray[np.intp]]) -> int:
    """How many places lie in any of the spans from a start to its stop (exclusive)."""
    if not starts:
        return 0
    ends = np.concatenate([*starts, *stops])
    order = ends.argsort()
    spans_open = np.where(order < len(ends) // 2, 1, -1).cumsum()
    return int(np.diff(ends[order])[spans_open[:-1] > 0].sum())
