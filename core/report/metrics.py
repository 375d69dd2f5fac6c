"""Measures how good a run was (docs/rules.md §4), one implementation for all reports.

Per cent for `*_pct`, basis points for `*_bp`, quote currency for money, seconds for `avg_hold`. A
figure that is not defined is None, with the reason in `metrics_undefined`; NaN and Infinity never
leave this module.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.market.candles.candles import Floats, Times
from core.market.candles.timeframes import DAY, Timeframe
from core.report.break_even import break_even_cost_bp
from core.report.equity import Equity, MarkedEquity
from core.report.trade_columns import TradeColumns
from core.strategy.config.orders import Orders

Z95 = 1.959963984540054  # the standard normal's 97.5% quantile
SHORT_PERIOD_DAYS = 30
RISK_RATIOS = frozenset({"sharpe_ratio", "sortino_ratio", "calmar_ratio", "sqn"})
"""What was earned over the risk of it: by how much it varied or fell."""
_FEWEST_RETURNS = 7  # daily ones, of which a ratio is made
_ROUNDING = 1e-14  # daily returns are differences of numbers near 1: a smaller spread is rounding

_NO_TRADE = "no closed trade"
NO_STARTING_BALANCE = "no starting balance is known"


@dataclass(frozen=True, slots=True)
class Metrics:
    """The figures of docs/rules.md §4.

    `max_drawdown_pct` is positive. `win_rate_ci` is the Wilson 95% interval in per cent.
    `profit_factor` is None without a losing trade: `endless_profit_factor` tells that case of an
    infinite factor from that of no trade. `calmar_ratio` annualises over the time from the first
    candle's open to the last one's close. `short_period`: under 30 days, so that the annualised
    figures (Sharpe, Sortino, Calmar) say little. `metrics_undefined` maps the name of every figure
    that is None to the reason.
    """

    total_trades: int
    win_rate_pct: float | None
    win_rate_ci: tuple[float, float] | None
    profit_factor: float | None
    total_return_pct: float | None
    max_drawdown_pct: float | None
    sharpe_ratio: float | None
    sortino_ratio: float | None
    calmar_ratio: float | None
    expectancy: float | None
    best: float | None
    worst: float | None
    avg_win: float | None
    avg_loss: float | None
    payoff_ratio: float | None
    sqn: float | None
    max_consecutive_losses: int
    avg_hold: float | None
    exposure_pct: float | None
    benchmark_return_pct: float | None
    break_even_cost_bp: float | None
    short_period: bool = False
    metrics_undefined: Mapping[str, str] = field(default_factory=dict)

    @property
    def endless_profit_factor(self) -> bool:
        """Whether there are wins and no loss: shown as ∞, null in JSON."""
        return self.profit_factor is None and self.best is not None and self.best > 0

    @property
    def idle(self) -> bool:
        """Whether nothing was ever held, so that the equity, if it is known, says nothing."""
        return self.total_trades == 0 and not self.exposure_pct


ANNUALISED = ("sharpe_ratio", "sortino_ratio", "calmar_ratio")


def compute_metrics(
    closed: TradeColumns,
    times: Times,
    equity: Equity,
    daily: Floats,
    starting_balance: float,
    timeframe: Timeframe,
    exposed: int,
    benchmark_return_pct: float | None,
    slippage_pct: float = 0.0,
    orders: Orders | None = None,
) -> Metrics:
    """The metrics of a run with an equity curve.

    Args:
        closed: the closed trades, in exit order.
        times: open times of the candles decided on, UTC ms, increasing; shape (n,).
        equity: that of those candles' closes.
        daily: that of the ends of days (`day_ends`).
        starting_balance: equity before the first candle, above 0.
        timeframe: of the candles.
        exposed: in how many of the candles a position was held (`exposed_candles`).
        benchmark_return_pct: buy and hold over the same candles; None where it is not known.
        slippage_pct: what the config adds to a candle's price; part of the break-even cost.
        orders: of the config, which tell to what it adds nothing.
    """
    candles = len(times)
    undefined: dict[str, str] = {}
    if benchmark_return_pct is None:
        undefined["benchmark_return_pct"] = "no candles to buy and hold"
    exposure = exposed / candles * 100 if candles else None
    if exposure is None:
        undefined["exposure_pct"] = "no candle"
    break_even = break_even_cost_bp(closed, slippage_pct, orders)
    if break_even is None:
        undefined["break_even_cost_bp"] = _NO_TRADE
    if candles:
        start, end = int(times[0]), int(times[-1]) + timeframe.ms
    else:
        start = end = 0
    return _metrics(
        _of_trades(closed.pnl, closed.held, undefined),
        _of_equity(equity, daily, starting_balance, (end - start) / DAY, undefined),
        exposure,
        benchmark_return_pct,
        break_even,
        short_period=end - start < SHORT_PERIOD_DAYS * DAY,
        undefined=undefined,
    )


def closed_trade_metrics(
    pnl: Sequence[float],
    holds: Sequence[float],
    closed_at: Sequence[int],
    period: tuple[int, int] | None,
    starting_balance: float | None,
) -> Metrics:
    """The metrics of trades without an equity curve: equity is stepped at each close.

    Args:
        pnl: net P&L of the closed trades in the order they closed, quote currency.
        holds: how long each was held, seconds.
        closed_at: when each closed, UTC ms, not decreasing.
        period: begin and end (exclusive) of the time the trades were drawn from, UTC ms; None
            where nothing is known but the trades: then the first to the last close.
        starting_balance: equity before the first trade; without one return, drawdown and ratios
            are undefined.

    Exposure and benchmark need candles and are undefined here.
    """
    undefined = {
        "exposure_pct": "trades alone do not tell on how many candles a position was open",
        "benchmark_return_pct": "trades alone do not tell what buy and hold would have made",
        "break_even_cost_bp": "P&L alone does not tell what was traded",
    }
    closes = np.asarray(closed_at, dtype=np.int64)
    if period is None:
        period = (int(closes[0]), int(closes[-1]) + 1) if len(closes) else (0, 0)
    begin, end = period
    of_trades = _of_trades(pnl, holds, undefined)
    if starting_balance is None:
        of_equity: dict[str, float | None] = dict.fromkeys(_EQUITY_FIGURES)
        undefined.update(dict.fromkeys(_EQUITY_FIGURES, NO_STARTING_BALANCE))
    else:
        stepped = starting_balance + np.cumsum(np.asarray(pnl, dtype=np.float64))
        # The period's first and last moment, so that its days without a trade count as days.
        first = np.array([min(begin, int(closes[0]) if len(closes) else begin)], dtype=np.int64)
        last = np.array([max(end - 1, int(closes[-1]) if len(closes) else begin)], dtype=np.int64)
        final = stepped[-1:] if len(stepped) else np.array([starting_balance])
        steps = MarkedEquity(np.concatenate(([starting_balance], stepped, final)))
        daily = _day_ends(np.concatenate((first, closes, last)), steps, 0)
        days = (end - begin) / DAY
        of_equity = _of_equity(steps, daily, starting_balance, days, undefined)
    return _metrics(
        of_trades,
        of_equity,
        None,
        None,
        None,
        short_period=end - begin < SHORT_PERIOD_DAYS * DAY,
        undefined=undefined,
    )


def wilson_interval(successes: int, n: int) -> tuple[float, float]:
    """Wilson's 95% score interval of a proportion, as fractions; `n` must be above 0.

    E. B. Wilson, Probable inference, the law of succession, and statistical inference (1927).
    """
    share = successes / n
    scale = 1 + Z95**2 / n
    centre = (share + Z95**2 / (2 * n)) / scale
    half = Z95 / scale * math.sqrt(share * (1 - share) / n + Z95**2 / (4 * n * n))
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return low, high


def day_ends(times: Times, equity: Equity, timeframe: Timeframe) -> Floats:
    """The equity at the end of each UTC day, from the first day to the last; shape (days,).

    The arguments are those of `compute_metrics`. A candle counts on the day of its last
    millisecond: it is known at open + timeframe - 1.
    """
    return _day_ends(times, equity, timeframe.ms - 1) if len(times) else np.empty(0)


def daily_returns(daily: Floats, starting_balance: float) -> Floats:
    """The returns of each UTC day, fractions, as the Sharpe ratio takes them; shape (days,).

    `daily`: equity at the ends of days, which must stay above 0.
    """
    before = _before(daily, starting_balance)
    returns: Floats = (daily - before) / before
    return returns


def _before(daily: Floats, starting_balance: float) -> Floats:
    """The equity that each day begins with."""
    before = np.empty(len(daily))
    before[:1], before[1:] = starting_balance, daily[:-1]
    return before


def _mean(values: Floats) -> float:
    """The mean of one value or more, as `np.mean` adds them up, at a third of its time."""
    return _sum(values) / len(values)


def _sum(values: Floats) -> float:
    return float(np.add.reduce(values))


def _spread(values: Floats, mean: float) -> float:
    """The standard deviation of a sample around its mean, as `np.std`."""
    away = values - mean
    return math.sqrt(_sum(away * away) / (len(values) - 1))


def _day_ends(times: Times, equity: Equity, known_after: int) -> Floats:
    """The equity at the end of each UTC day, from the first day to the last.

    An equity is known `known_after` ms after its time. A day without one carries the last. Only the
    ends of days are looked up, so that a million candles cost as little as their few hundred days.
    """
    first = (int(times[0]) + known_after) // DAY
    last = (int(times[-1]) + known_after) // DAY
    ends = (np.arange(first, last + 1, dtype=np.int64) + 1) * DAY
    return equity.at(np.searchsorted(times, ends - known_after, side="left") - 1)


def tells_better(name: str, one: float, other: float) -> bool:
    """Whether the larger (or the smaller) of two values of a metric tells the better result.

    A ratio to risk does not where both are below 0: of two equal losses the one with more risk has
    the ratio nearer to 0, and the smaller loss with the smaller fall may have the worse one. With
    one of them at 0 or above, that is the better. The others order losses as well: a profit
    factor and a payoff below 1 are ratios of amounts that are never negative, expectancy is no
    ratio, and the break-even cost divides by what was traded, which is no risk: a fill loses less.
    """
    return name not in RISK_RATIOS or one >= 0 or other >= 0


_EQUITY_FIGURES = (
    "total_return_pct",
    "max_drawdown_pct",
    "sharpe_ratio",
    "sortino_ratio",
    "calmar_ratio",
)


def _of_equity(
    equity: Equity,
    daily: Floats,
    starting_balance: float,
    days: float,
    undefined: dict[str, str],
) -> dict[str, float | None]:
    """The figures of equity.

    `daily`: its UTC days' ends; `days`: the time it spans.
    """
    end = float(daily[-1]) if len(daily) else starting_balance
    drawdown = equity.deepest_fall(starting_balance) * 100
    sharpe = sortino = None
    if (_before(daily, starting_balance) <= 0).any():
        reason = "equity fell to 0 or below, from where no daily return can be counted"
        undefined["sharpe_ratio"] = undefined["sortino_ratio"] = reason
    else:
        returns = daily_returns(daily, starting_balance)
        sharpe = _sharpe(returns, undefined)
        sortino = _sortino(returns, undefined)
    return {
        "total_return_pct": (end - starting_balance) / starting_balance * 100,
        "max_drawdown_pct": drawdown,
        "sharpe_ratio": sharpe,
        "sortino_ratio": sortino,
        "calmar_ratio": _calmar(end / starting_balance, days, drawdown, undefined),
    }


def _sharpe(returns: Floats, undefined: dict[str, str]) -> float | None:
    if _too_few("sharpe_ratio", returns, undefined):
        return None
    mean = _mean(returns)
    spread = _spread(returns, mean)
    if spread < _ROUNDING:
        undefined["sharpe_ratio"] = "the daily returns do not vary"
        return None
    return mean / spread * math.sqrt(365)


def _too_few(name: str, returns: Floats, undefined: dict[str, str]) -> bool:
    """Whether there are fewer daily returns than say anything; then noted as the reason."""
    if len(returns) >= _FEWEST_RETURNS:
        return False
    are = "1 daily return is" if len(returns) == 1 else f"{len(returns)} daily returns are"
    undefined[name] = f"{are} too few, at least {_FEWEST_RETURNS} are needed"
    return True


def _sortino(returns: Floats, undefined: dict[str, str]) -> float | None:
    if _too_few("sortino_ratio", returns, undefined):
        return None
    downside = np.minimum(returns, 0.0)
    deviation = math.sqrt(_mean(downside * downside))
    if deviation < _ROUNDING:
        undefined["sortino_ratio"] = "no day with a negative return"
        return None
    return _mean(returns) / deviation * math.sqrt(365)


def _calmar(growth: float, days: float, drawdown: float, undefined: dict[str, str]) -> float | None:
    """Annualised return over drawdown; `growth` is end / start, `days` the time between them."""
    if days < SHORT_PERIOD_DAYS:
        undefined["calmar_ratio"] = (
            f"{days:.3g} days are too few to annualise, at least {SHORT_PERIOD_DAYS} are needed"
        )
        return None
    if drawdown == 0:
        undefined["calmar_ratio"] = "no drawdown"
        return None
    # Logarithms, so that a return raised to a year overflows into a reason, not an error.
    exponent = math.log(growth) * 365 / days if growth > 0 else -math.inf
    if exponent > 700:
        undefined["calmar_ratio"] = "the return is too large to annualise"
        return None
    return math.expm1(exponent) / (drawdown / 100)


def _of_trades(pnl: ArrayLike, holds: ArrayLike, undefined: dict[str, str]) -> dict[str, object]:
    """The figures of closed trades, given in the order they closed."""
    amounts = np.asarray(pnl, dtype=np.float64)
    n = len(amounts)
    if n == 0:
        undefined.update(dict.fromkeys(_TRADE_FIGURES, _NO_TRADE))
        nothing: dict[str, object] = dict.fromkeys(_TRADE_FIGURES)
        return nothing | {"total_trades": 0, "max_consecutive_losses": 0}
    lost = amounts < 0
    wins, losses = amounts[amounts > 0], amounts[lost]
    low, high = wilson_interval(len(wins), n)
    won, given = _sum(wins), -_sum(losses)
    avg_win = won / len(wins) if len(wins) else None
    avg_loss = -given / len(losses) if len(losses) else None
    if avg_win is None:
        undefined["avg_win"] = undefined["payoff_ratio"] = "no winning trade"
    if avg_loss is None:
        undefined |= dict.fromkeys(("avg_loss", "payoff_ratio", "profit_factor"), "no losing trade")
    mean = _mean(amounts)
    best, worst = float(np.maximum.reduce(amounts)), float(np.minimum.reduce(amounts))
    return {
        "total_trades": n,
        "win_rate_pct": len(wins) / n * 100,
        "win_rate_ci": (low * 100, high * 100),
        "profit_factor": won / given if len(losses) else None,
        "expectancy": mean,
        "best": best,
        "worst": worst,
        "avg_win": avg_win,
        "avg_loss": avg_loss,
        "payoff_ratio": None if avg_win is None or avg_loss is None else avg_win / -avg_loss,
        "sqn": _sqn(amounts, mean, max(best, -worst), undefined),
        "max_consecutive_losses": _longest_run(lost),
        "avg_hold": _mean(np.asarray(holds, dtype=np.float64)),
    }


_TRADE_FIGURES = (
    "win_rate_pct",
    "win_rate_ci",
    "profit_factor",
    "expectancy",
    "best",
    "worst",
    "avg_win",
    "avg_loss",
    "payoff_ratio",
    "sqn",
    "avg_hold",
)


def _sqn(amounts: Floats, mean: float, largest: float, undefined: dict[str, str]) -> float | None:
    """System quality number (Van Tharp): √n · mean / std of the trades' P&L.

    `largest`: the absolute P&L of the one that has most of it.
    """
    if len(amounts) < 2:
        undefined["sqn"] = "1 trade, at least 2 are needed"
        return None
    spread = _spread(amounts, mean)
    if spread <= _ROUNDING * largest:
        undefined["sqn"] = "the trades' P&L does not vary"
        return None
    return math.sqrt(len(amounts)) * mean / spread


def _longest_run(flags: NDArray[np.bool_]) -> int:
    """How many neighbours are true at most."""
    runs = flags.tobytes().split(b"\0")
    return max(map(len, runs))


def _metrics(
    of_trades: Mapping[str, object],
    of_equity: Mapping[str, object],
    exposure_pct: float | None,
    benchmark_return_pct: float | None,
    break_even_cost_bp: float | None,
    *,
    short_period: bool,
    undefined: dict[str, str],
) -> Metrics:
    figures: dict[str, object] = {**of_trades, **of_equity}
    figures |= {"exposure_pct": exposure_pct, "benchmark_return_pct": benchmark_return_pct}
    figures["break_even_cost_bp"] = break_even_cost_bp
    for name, value in figures.items():
        if isinstance(value, float) and not math.isfinite(value):
            figures[name] = None
            undefined[name] = "too large for a number"
    return Metrics(**figures, short_period=short_period, metrics_undefined=undefined)  # type: ignore[arg-type]  # the two mappings hold the fields' own names and types


def buy_and_hold_pct(prices: Iterable[tuple[float, float]]) -> float | None:
    """The return of holding the symbols in equal parts, without fees (docs/rules.md §4).

    Args:
        prices: of each symbol the first candle's open and the last candle's close, over the candles
            decided on. A symbol without candles is left out.

    Returns:
        Per cent, or None without any symbol.
    """
    growths = [(last - first) / first for first, last in prices]
    return math.fsum(growths) / len(growths) * 100 if growths else None
