"""Holds the closed trades of a session against what a backtest promised: the edge and the path.

Under a seal both are judged by lines drawn before the session began, which may be looked at after
every trade. Without one they are only described, for no error rate stands behind such a look.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.market.candles.candles import Floats, Times
from core.market.candles.timeframes import DAY
from core.trading.values import Trade
from core.trial.boundaries import Boundaries, calibrate
from core.trial.cone import BandSide, Cone, Course
from core.trial.costs import mean_intervals
from core.trial.forecast import Forecast, forecast
from core.trial.plan import sealed_band, sealed_lines
from core.trial.seal import Seal, closed_at, trade_returns
from core.trial.state import State

NOT_SEALED = "not sealed: no error rate stands behind this"
_LIVE_HORIZON = (60, 2_000)  # trades: the shortest and the longest that live trades are judged over
_KEPT_LINES = 16  # seals whose lines need not be drawn again
_FORECAST_UP_TO = 500  # trades of a horizon: beyond, the chances take longer than a screen may
_LEAST_FOR_RATE = 5  # trades: fewer tell no rate of their own


@dataclass(frozen=True, slots=True, eq=False)
class ClosedTrades:
    """The closed trades of a session in the order they closed.

    Attributes:
        returns: P&L in per cent of the equity at entry; shape (trades,).
        closes: when each closed, UTC ms, not falling; shape (trades,).
        path: change of equity since the start in per cent after each; shape (trades,).
    """

    returns: Floats
    closes: Times
    path: Floats


@dataclass(frozen=True, slots=True, eq=False)
class EdgeLayer:
    """Whether the promised edge is there.

    Attributes:
        state: kept, broken or open; None where it is only described.
        trades: how many closed trades were looked at.
        promise: mean return of a backtest's trade, in per cent; None where it is not known.
        shrunk: what is left of the promise once the luck of many tries is taken off, if counted.
        seen: mean return of the trades so far; None without one.
        interval: for the mean of those, valid at every look; None with fewer than 20 trades.
        unit: what the returns are per cent of.
        lines: the boundaries, where there are such.
        sums: running sum of the returns, shape (trades,).
        excess: running sum of returns less the promise, which the lower line is for; shape as sums.
        at: after how many trades it was decided; None while open.
        decided: when that trade closed, UTC ms.
        closes: when the horizon will probably be reached, UTC ms; None once it is, or unknown.
        chances: of an answer by the horizon, as they were before the start; None once decided, and
            for a horizon beyond 500 trades.
        reason: why it is not judged, in words; None where it is.
    """

    state: State | None
    trades: int
    promise: float | None
    shrunk: float | None
    seen: float | None
    interval: tuple[float, float] | None
    unit: str
    lines: Boundaries | None
    sums: Floats
    excess: Floats
    at: int | None = None
    decided: int | None = None
    closes: int | None = None
    chances: Forecast | None = None
    reason: str | None = None

    @property
    def text(self) -> str:
        """In words: what was promised, what is seen, and which line was crossed."""
        parts = []
        if self.promise is not None:
            parts.append(f"promised {self.promise:+.3f} % a trade")
            if self.shrunk is not None:
                parts.append(f"{self.shrunk:+.3f} % after the luck of many tries")
        if self.seen is not None:
            seen = f"seen {self.seen:+.3f} % over {self.trades:,}"
            if self.interval is not None:
                seen += f" ({self.interval[0]:+.3f} to {self.interval[1]:+.3f})"
            parts.append(seen)
        if self.lines is not None and self.state is State.OPEN:
            parts.append(
                f"trade {min(self.trades, self.lines.horizon):,} of {self.lines.horizon:,}"
            )
        if self.at is not None:
            parts.append(f"{self.state} at trade {self.at:,}")
        if self.reason is not None:
            parts.append(self.reason)
        return ", ".join(parts).replace("-", "−") or "no closed trade"


@dataclass(frozen=True, slots=True, eq=False)
class PathLayer:
    """Whether the equity curve is one that the promise could have made.

    Attributes:
        state: broken where it left the band below, else open; None where it is only described.
        band: the band by trade number; None where there is none.
        path: change of equity in per cent after each closed trade, shape (trades,).
        course: where the path has been; None without a band.
        left: when it left the band, UTC ms; None while inside.
        reason: why there is no band, in words; None where there is one.
    """

    state: State | None
    band: Cone | None
    path: Floats
    course: Course | None = None
    left: int | None = None
    reason: str | None = None

    @property
    def above(self) -> bool:
        """Whether it left the band above: better than promised."""
        return self.course is not None and self.course.side is BandSide.ABOVE

    @property
    def text(self) -> str:
        """In words: inside the band, or where it left it."""
        if self.course is None:
            return self.reason or "no band"
        if self.course.at is None:
            return "inside the band of the promise"
        return f"left the band {self.course.side} at trade {self.course.at:,}"


def closed_trades(trades: Sequence[Trade], starting_balance: float) -> ClosedTrades:
    """The closed trades of a session that began with `starting_balance`."""
    ordered = sorted(trades, key=closed_at)
    pnl = np.array([trade.pnl for trade in ordered], dtype=np.float64)
    return ClosedTrades(
        trade_returns(ordered, starting_balance),
        np.array([closed_at(trade) for trade in ordered], dtype=np.int64),
        pnl.cumsum() / starting_balance * 100,
    )


# Lines that were drawn once need not be drawn again each time a comparison is opened.
_lines = functools.lru_cache(maxsize=_KEPT_LINES)(sealed_lines)
_band = functools.lru_cache(maxsize=_KEPT_LINES)(sealed_band)


def edge_layer(seal: Seal, seen: ClosedTrades, start: int | None) -> EdgeLayer:
    """Judge the trades of a session by its seal; `start`: when it began, UTC ms."""
    promise = float(np.mean(seal.returns)) if seal.returns else None
    shrunk = None if seal.tries is None else seal.tries.mean_return
    try:
        lines = _lines(seal)
    except ValueError as error:
        return _edge(None, seen, promise, shrunk, State.OPEN, "% of equity", str(error))
    elapsed = None
    if seal.horizon.days is not None and start is not None:
        elapsed = np.maximum(0.0, (seen.closes - start) / (seal.horizon.days * DAY))
    judged = lines.judge(seen.returns, elapsed)
    layer = _edge(lines, seen, promise, shrunk, State(judged.state.value), "% of equity")
    chances = None
    if judged.at is None and seal.horizon.trades <= _FORECAST_UP_TO:
        chances = forecast(
            seal.backtest_returns,
            lines,
            promise=shrunk,
            trades_a_day=seal.trades_per_day,
            seed=seal.seed,
        )
    return replace(
        layer,
        at=judged.at,
        decided=None if judged.at is None else int(seen.closes[judged.at - 1]),
        closes=_closes(seal, seen, start) if judged.at is None else None,
        chances=chances,
    )


def described_edge(promised: Floats | None, seen: ClosedTrades, reason: str) -> EdgeLayer:
    """What was promised and what is seen, without a judgement."""
    promise = float(promised.mean()) if promised is not None and len(promised) else None
    return _edge(None, seen, promise, None, None, "% of equity", reason)


def live_edge(promised: Floats, seen: Floats, closes: Sequence[int], seed: int = 0) -> EdgeLayer:
    """Judge live trades by lines drawn from the backtest; both in per cent of margin.

    They were sealed by nobody: the horizon is their own number, from 60 to 2,000 trades.
    """
    shortest, longest = _LIVE_HORIZON
    horizon = min(max(shortest, len(seen)), longest)
    trades = ClosedTrades(seen, np.array(closes, dtype=np.int64), seen)
    promise = float(promised.mean()) if len(promised) else None
    unit = "% of margin"
    try:
        lines = calibrate(promised, horizon, seed=seed)
    except ValueError as error:
        return _edge(None, trades, promise, None, State.OPEN, unit, str(error))
    judged = lines.judge(seen)
    trades = ClosedTrades(seen[:longest], trades.closes[:longest], seen[:longest])
    layer = _edge(lines, trades, promise, None, State(judged.state.value), unit)
    decided = None if judged.at is None else int(trades.closes[judged.at - 1])
    return replace(layer, at=judged.at, decided=decided, reason=NOT_SEALED)


def path_layer(seal: Seal, seen: ClosedTrades) -> PathLayer:
    """Look whether the equity path stayed within the band of the seal."""
    try:
        band = _band(seal)
    except ValueError as error:
        return PathLayer(State.OPEN, None, seen.path, reason=str(error))
    course = band.judge(seen.path)
    left = None if course.at is None else int(seen.closes[course.at - 1])
    state = State.BROKEN if course.side is BandSide.BELOW else State.OPEN
    return PathLayer(state, band, seen.path, course, left)


def _edge(
    lines: Boundaries | None,
    seen: ClosedTrades,
    promise: float | None,
    shrunk: float | None,
    state: State | None,
    unit: str,
    reason: str | None = None,
) -> EdgeLayer:
    returns = seen.returns
    lows, highs = mean_intervals(returns, 0.025)
    known = len(returns) > 0 and bool(np.isfinite(lows[-1]))
    return EdgeLayer(
        state=state,
        trades=len(returns),
        promise=promise,
        shrunk=shrunk,
        seen=float(returns.mean()) if len(returns) else None,
        interval=(float(lows[-1]), float(highs[-1])) if known else None,
        unit=unit,
        lines=lines,
        sums=returns.cumsum(),
        excess=np.zeros(0) if lines is None else lines.excess(returns),
        reason=reason,
    )


def _closes(seal: Seal, seen: ClosedTrades, start: int | None) -> int | None:
    """When the horizon will probably be reached; None once it is, or where no rate is known."""
    if seal.horizon.days is not None:
        return None if start is None else start + round(seal.horizon.days * DAY)
    left = seal.horizon.trades - len(seen.returns)
    if left <= 0 or start is None:
        return None
    rate, last = seal.trades_per_day, start
    if len(seen.closes):
        last = int(seen.closes[-1])
        if len(seen.closes) >= _LEAST_FOR_RATE and last > start:
            rate = len(seen.closes) / ((last - start) / DAY)
    return last + round(left / rate * DAY) if rate > 0 else None
