"""Holds the closed trades of a session against what a backtest promised: the edge and the path.

Under a seal both are judged by lines drawn before the session began, which may be looked at after
every trade. Without one they are only described, for no error rate stands behind such a look.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.market.candles.candles import Floats, Times
from core.market.candles.timeframes import DAY
from core.text import chance_text, per_cent, signed_per_cent
from core.trading.values import Trade
from core.trial.boundaries import Boundaries, calibrate
from core.trial.cone import BandSide, Cone, Course
from core.trial.cone_over_time import BAND, ConeOverTime
from core.trial.costs import mean_intervals
from core.trial.expectation import Expectation
from core.trial.forecast import Forecast, forecast
from core.trial.plan import (
    end_of_trial,
    live_lines,
    sealed_band,
    sealed_cone,
    sealed_expectation,
    sealed_lines,
)
from core.trial.resampling import FEWEST_TRADES
from core.trial.seal import Margins, Seal, closed_at, trade_returns
from core.trial.state import DESCRIBED, State

NOT_SEALED = "not sealed: no error rate stands behind this"
_NO_SHARE = "the trial's error rates have no share for live trades: none stands behind this"
_FORECAST_UP_TO = 500  # trades of a horizon: beyond, the chances take longer than a screen may


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
        trades: how many closed trades there are.
        within: how many of them lie within the horizon.
        promise: mean return of a backtest's trade, in per cent; None where it is not known.
        shrunk: what is left of the promise once the luck of many tries is taken off, if counted.
        seen: mean return of the trades judged, or else of all so far; None without one.
        interval: for the mean of those, valid at every look, and no narrower than the spread of
            the backtest's trades allows; None with fewer than 20 trades.
        unit: what the returns are per cent of.
        lines: the boundaries, where there are such.
        sums: running sum of the returns, shape (trades,).
        beyond: running sum of what trades brought beyond the backtest's best, by which the upper
            line is raised; shape as sums.
        excess: running sum of returns less the promise, which the lower line is for; shape as sums.
        at: after how many trades it was decided; None while open.
        decided: when that trade closed, UTC ms.
        closes: when the horizon will probably be reached, UTC ms; None once it is, or unknown.
        over: whether the horizon has passed, or the session has ended, without a decision.
        chances: of an answer by the horizon, as they were before the start; None once decided, and
            for a horizon beyond 500 trades.
        reason: why it is not judged, in words; None where it is.
        far_below: whether trades too few for an interval, and judged by no lines, have lost more
            than chance explains.
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
    beyond: Floats
    excess: Floats
    within: int = 0
    at: int | None = None
    decided: int | None = None
    closes: int | None = None
    over: bool = False
    chances: Forecast | None = None
    reason: str | None = None
    far_below: bool = False

    @property
    def word(self) -> str:
        """Its state, in one word; *undecided* once no answer can come any more."""
        if self.state is None:
            return DESCRIBED
        return "undecided" if self.over and self.at is None else str(self.state)

    @property
    def judged(self) -> int:
        """How many trades it is judged by: those until it was decided, or of its horizon."""
        return self.trades if self.lines is None else self.at or self.within

    @property
    def since(self) -> str:
        """How many trades closed after those judged, in words; empty where none has."""
        return since_text(self.trades - self.judged)

    @property
    def walls(self) -> tuple[Floats, Floats] | None:
        """The sums at which the edge is broken and kept; None without lines.

        Place k stands for k closed trades, shape (horizon + 1,). What the trades so far brought
        beyond the backtest's best raises the upper one.
        """
        lines = self.lines
        if lines is None:
            return None
        counted = np.arange(lines.horizon + 1)
        line = np.maximum(counted - 1, 0)
        beyond = np.concatenate(([0.0], self.beyond))[np.minimum(counted, len(self.beyond))]
        low = lines.lower_line()[line] + counted * (lines.promise - lines.margin)
        return low, lines.upper_line()[line] + beyond

    @property
    def outlook(self) -> str:
        """In words, while it is open: how far off either answer is, and how likely by the horizon.

        The chances are those of before the start.
        """
        walls = self.walls
        if self.state is not State.OPEN or self.over or walls is None:
            return ""
        here = float(self.sums[self.within - 1]) if self.within else 0.0
        low, high = (float(wall[self.within]) for wall in walls)
        text = f"{per_cent(high - here, 2)} short of kept, {per_cent(here - low, 2)} above broken"
        if self.chances is not None:
            text += (
                f"; as sealed, kept with {chance_text(self.chances.kept)} if the promise holds, "
                f"broken with {chance_text(self.chances.broken)} if there is no edge"
            )
        return text

    @property
    def no_answer(self) -> str | None:
        """That it can hardly be answered by its horizon, in words; None where it may, or was."""
        return None if self.chances is None or self.over else self.chances.no_answer

    @property
    def surely_less(self) -> bool:
        """Whether what is not decided lies certainly below the promise and its margin.

        The interval for the mean is valid at every look, so that this may be said without a seal.
        """
        if self.at is not None or self.promise is None or self.interval is None:
            return self.far_below
        forgiven = max(0.0, self.promise) * Margins().mean_return
        return self.interval[1] < self.promise - forgiven

    @property
    def text(self) -> str:
        """In words: what was promised, what is seen, and which line was crossed."""
        parts = []
        if self.promise is not None:
            parts.append(f"promised {signed_per_cent(self.promise, 3)} a trade")
            if self.shrunk is not None and not math.isclose(self.shrunk, self.promise):
                luck = "after the luck of many tries"
                parts.append(f"{signed_per_cent(self.shrunk, 3)} {luck}")
        if self.seen is not None:
            seen = f"seen {signed_per_cent(self.seen, 3)} over {self.judged:,}"
            if self.interval is not None:
                seen += f" ({self.interval[0]:+z.3f} to {self.interval[1]:+z.3f})"
            parts.append(seen)
        if self.lines is not None and self.state is State.OPEN:
            parts.append(f"trade {self.within:,} of {self.lines.horizon:,}")
        if self.at is not None:
            parts.append(f"{self.state} at trade {self.at:,}")
        if self.since:
            parts.append(self.since)
        if self.over:
            parts.append("over without an answer")
        if self.reason is not None:
            parts.append(self.reason)
        return ", ".join(parts) or "no closed trade"


@dataclass(frozen=True, slots=True, eq=False)
class PathLayer:
    """Whether the equity curve is one that the promise could have made.

    Attributes:
        state: broken where it left the band below, else open; None where it is only described.
        band: the band by trade number; None where there is none.
        path: change of equity in per cent after each closed trade, shape (trades,).
        course: where the path has been; None without a band.
        left: when it left the band, UTC ms; None while inside.
        cone: the band over the time of the trial, as charts draw it.
        reason: why there is no band, in words; None where there is one.
        within: how many of the trades closed within the horizon.
        seal: of a trial that has a band; None elsewhere.
    """

    state: State | None
    band: Cone | None
    path: Floats
    course: Course | None = None
    left: int | None = None
    cone: ConeOverTime | None = None
    reason: str | None = None
    within: int = 0
    seal: Seal | None = None

    @property
    def word(self) -> str:
        """Where it has been, in one word."""
        if self.state is None:
            return DESCRIBED
        if self.course is None or not self.within:
            return str(State.OPEN)
        return str(self.course.side)

    @property
    def above(self) -> bool:
        """Whether it left the band above: better than promised."""
        return self.course is not None and self.course.side is BandSide.ABOVE

    @property
    def judged(self) -> int:
        """How many trades it is judged by: those until it left the band, or of its horizon."""
        return self.within if self.course is None else self.course.at or self.within

    @property
    def since(self) -> str:
        """How many trades closed after those judged, in words; empty where none has."""
        return since_text(len(self.path) - self.judged)

    @property
    def expected(self) -> Expectation | None:
        """What the trades of the whole horizon were expected to bring, which is not judged.

        None where nothing was. Drawn when it is asked for: most look at the state alone.
        """
        return None if self.seal is None else sealed_expectation(self.seal)

    @property
    def outlook(self) -> str:
        """In words: what was expected of the horizon, and what came so far."""
        expected = self.expected
        if expected is None:
            return ""
        made, fall, losses = expected.return_pct, expected.drawdown_pct, expected.losing_streak
        fallen, lost = fall_and_losses(self.path[: self.within])
        return (
            f"expected of all {expected.trades:,} trades, and not judged: {made.low:+z,.1f} to "
            f"{signed_per_cent(made.high, 1)}, a deepest fall of {fall.low:.1f} to "
            f"{per_cent(fall.high, 1)} (so far {fallen:.1f} by closed trades), {losses.low:.0f} to "
            f"{losses.high:.0f} losses in a row (so far {lost:,})"
        )

    @property
    def text(self) -> str:
        """In words: inside the band, or where it left it."""
        if self.course is None or self.band is None:
            return self.reason or "no band"
        if not self.within:
            text = f"no trade of {self.band.horizon:,} has closed within the horizon"
        elif self.course.at is None:
            text = f"inside the {BAND}, trade {self.within:,} of {self.band.horizon:,}"
        else:
            text = f"left the {BAND} {self.course.side} at trade {self.course.at:,}"
        return f"{text}, {self.since}" if self.since else text


def since_text(later: int) -> str:
    """How many trades closed after those judged; empty where none has."""
    return f"{later:,} closed since, not judged" if later else ""


def closed_trades(
    trades: Sequence[Trade], starting_balance: float, *, fixed_amount: bool = False
) -> ClosedTrades:
    """The closed trades of a session that began with `starting_balance`; see `trade_returns`."""
    ordered = sorted(trades, key=closed_at)
    pnl = np.array([trade.pnl for trade in ordered], dtype=np.float64)
    return ClosedTrades(
        trade_returns(ordered, starting_balance, fixed_amount=fixed_amount),
        np.array([closed_at(trade) for trade in ordered], dtype=np.int64),
        pnl.cumsum() / starting_balance * 100,
    )


def edge_layer(
    seal: Seal,
    seen: ClosedTrades,
    start: int | None,
    now: int | None = None,
    *,
    ended: bool = False,
) -> EdgeLayer:
    """Judge the trades of a session by its seal.

    Args:
        seal: of its trial.
        seen: its closed trades.
        start: when it began, UTC ms; None where it has decided on nothing yet.
        now: to when it is known, UTC ms.
        ended: whether no trade can come any more, wherever in its horizon it has stopped.
    """
    promised = seal.backtest_returns
    shrunk = None if seal.tries is None else seal.tries.mean_return
    try:
        lines = sealed_lines(seal)
    except ValueError as error:
        return _edge(None, seen, promised, shrunk, State.OPEN, "% of equity", str(error))
    elapsed = None
    if seal.horizon.days is not None and start is not None:
        elapsed = np.maximum(0.0, (seen.closes - start) / (seal.horizon.days * DAY))
    judged = lines.judge(seen.returns, elapsed)
    within = min(len(seen.returns), seal.horizon.trades)
    if elapsed is not None:
        within = min(within, int((elapsed <= 1).sum()))
    state = State(judged.state.value)
    layer = _edge(lines, seen, promised, shrunk, state, "% of equity", judged=judged.at or within)
    chances = None
    if judged.at is None and seal.horizon.trades <= _FORECAST_UP_TO:
        chances = forecast(
            seal.backtest_returns,
            lines,
            promise=shrunk,
            trades_a_day=seal.trades_per_day,
            seed=seal.seed,
        )
    closes, over = None, judged.at is None and ended
    if judged.at is None and start is not None:
        closes = end_of_trial(seal, start, seen.closes.tolist(), now)
        over |= len(seen.returns) >= seal.horizon.trades
        days = seal.horizon.days
        over |= days is not None and now is not None and now >= start + days * DAY
    return replace(
        layer,
        within=within,
        at=judged.at,
        decided=None if judged.at is None else int(seen.closes[judged.at - 1]),
        closes=None if over else closes,
        over=over,
        chances=chances,
    )


def described_edge(promised: Floats | None, seen: ClosedTrades, reason: str) -> EdgeLayer:
    """What was promised and what is seen, without a judgement."""
    return _edge(None, seen, promised, None, None, "% of equity", reason)


def live_edge(
    promised: Floats, seen: Floats, closes: Sequence[int], seal: Seal | None = None
) -> EdgeLayer:
    """Hold live trades against the backtest's; both in per cent of margin at one leverage.

    Under the seal of a trial they are judged, by its horizon, by the share of its error rates that
    is kept for them and by lines drawn from the backtest's trades: those that closed since it was
    sealed. Without a seal, or such a share in it, they are described.

    Args:
        promised: of the backtest's trades, shape (n,).
        seen: of the live trades in the order they closed, shape (k,).
        closes: when each of those closed, UTC ms.
        seal: of the trial; None where there is none, or where live trades are cut to a period.
    """
    trades = ClosedTrades(seen, np.array(closes, dtype=np.int64), seen)
    unit = "% of margin"
    if seal is None or not seal.errors.live:
        why = NOT_SEALED if seal is None else _NO_SHARE
        layer = _edge(None, trades, promised, None, None, unit, why)
        return replace(layer, far_below=_far_below(promised, seen))
    since = trades.closes >= seal.sealed_at
    trades = ClosedTrades(seen[since], trades.closes[since], seen[since])
    try:
        lines = live_lines(seal, tuple(promised.tolist()))
    except ValueError as error:
        return _edge(None, trades, promised, None, State.OPEN, unit, str(error))
    judged = lines.judge(trades.returns)
    within = min(len(trades.returns), seal.horizon.trades)
    state = State(judged.state.value)
    layer = _edge(lines, trades, promised, None, state, unit, judged=judged.at or within)
    decided = None if judged.at is None else int(trades.closes[judged.at - 1])
    over = judged.at is None and len(trades.returns) >= seal.horizon.trades
    return replace(layer, within=within, at=judged.at, decided=decided, over=over)


def _far_below(promised: Floats, seen: Floats) -> bool:
    """Whether trades too few for an interval fell further behind the promise than chance explains.

    By the lines of a trial of so many, which may be looked at after each.
    """
    if not 0 < len(seen) < FEWEST_TRADES:
        return False
    try:
        return calibrate(promised, FEWEST_TRADES).judge(seen).state is State.BROKEN
    except ValueError:  # the backtest does not tell what chance does
        return False


def path_layer(
    seal: Seal, seen: ClosedTrades, start: int | None, now: int | None = None
) -> PathLayer:
    """Look whether the equity path stayed within the band of the seal.

    `start`: when the session began, UTC ms; `now`: to when it is known. A trade that closed after
    the end of the trial's time is not looked at.
    """
    try:
        band = sealed_band(seal)
    except ValueError as error:
        return PathLayer(State.OPEN, None, seen.path, reason=str(error))
    path, cone = seen.path, None
    if start is not None:
        cone = sealed_cone(seal, start, tuple(seen.closes.tolist()), now)
        if seal.horizon.days is not None:
            path = path[seen.closes <= start + seal.horizon.days * DAY]
    course = band.judge(path)
    left = None if course.at is None else int(seen.closes[course.at - 1])
    state = State.BROKEN if course.side is BandSide.BELOW else State.OPEN
    within = min(len(path), seal.horizon.trades)
    return PathLayer(state, band, seen.path, course, left, cone, within=within, seal=seal)


def fall_and_losses(path: Floats) -> tuple[float, int]:
    """Deepest fall from a peak in per cent of it, and most losses in a row.

    `path`: change of equity since the start in per cent after each closed trade.
    """
    equity = 1 + np.concatenate(([0.0], path)) / 100
    fall = float((1 - equity / np.maximum.accumulate(equity)).max()) * 100
    longest = running = 0
    for lost in (np.diff(equity) < 0).tolist():
        running = running + 1 if lost else 0
        longest = max(longest, running)
    return fall, longest


def _edge(
    lines: Boundaries | None,
    seen: ClosedTrades,
    promised: Floats | None,
    shrunk: float | None,
    state: State | None,
    unit: str,
    reason: str | None = None,
    *,
    judged: int | None = None,
) -> EdgeLayer:
    """`judged`: by how many of the trades, the first; None: by all of them."""
    returns = seen.returns
    counted = returns[:judged]
    promise = float(promised.mean()) if promised is not None and len(promised) else None
    spread = float(promised.std(ddof=1)) if promised is not None and len(promised) > 1 else 0.0
    lows, highs = mean_intervals(counted, 0.025, spread=spread)
    known = len(counted) > 0 and bool(np.isfinite(lows[-1]))
    return EdgeLayer(
        state=state,
        trades=len(returns),
        promise=promise,
        shrunk=shrunk,
        seen=float(counted.mean()) if len(counted) else None,
        interval=(float(lows[-1]), float(highs[-1])) if known else None,
        unit=unit,
        lines=lines,
        sums=returns.cumsum(),
        beyond=np.zeros(0) if lines is None else lines.beyond(returns),
        excess=np.zeros(0) if lines is None else lines.excess(returns),
        within=len(returns),
        reason=reason,
    )
