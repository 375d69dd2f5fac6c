"""A report read back from its JSON, as types: what screens show of it.

It may be of an older version or another process: what it lacks is None or empty, and shown as
unknown; what is of another type than reports write is an error. docs/formats.md §8 has the fields.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from core.market.candles.timeframes import Timeframe
from core.time_format import parse_time, short_time
from core.typed import prepare

AS_ITS_BACKTEST = "The session traded as a backtest of its own period would have."
"""What a recommendation begins with where no earlier backtest stands behind the session."""


class ReportError(ValueError):
    """What should be a report is none; the message says where."""


class ReportedPeriod(msgspec.Struct, frozen=True):
    """The candles decided on: open times of the first and the last, and how many."""

    start: str | None = None
    end: str | None = None
    candles: int | None = None


class ReportedMetrics(msgspec.Struct, frozen=True):
    """Figures of docs/rules.md §4, in their units; `metrics_undefined` says why one is None."""

    total_return_pct: float | None = None
    benchmark_return_pct: float | None = None
    max_drawdown_pct: float | None = None
    sharpe_ratio: float | None = None
    sortino_ratio: float | None = None
    calmar_ratio: float | None = None
    expectancy: float | None = None
    payoff_ratio: float | None = None
    profit_factor: float | None = None
    best: float | None = None
    worst: float | None = None
    win_rate_pct: float | None = None
    win_rate_ci: tuple[float, float] | None = None
    total_trades: int | None = None
    max_consecutive_losses: int | None = None
    avg_hold: float | None = None
    exposure_pct: float | None = None
    break_even_cost_bp: float | None = None
    metrics_undefined: dict[str, str] = {}


class ReportedTrade(msgspec.Struct, frozen=True):
    """A closed trade, times in ISO 8601; `parts`: its exits, where there was more than one."""

    id: int | None = None
    symbol: str | None = None
    side: str | None = None
    signal_time: str | None = None
    entry_time: str | None = None
    entry_price: float | None = None
    exit_time: str | None = None
    exit_price: float | None = None
    quantity: float | None = None
    leverage: float | None = None
    margin: float | None = None
    fees: float | None = None
    funding: float | None = None
    pnl: float | None = None
    pnl_pct: float | None = None
    entry_filled_at: str | None = None
    exit_filled_at: str | None = None
    exit_reason: str | None = None
    ambiguous: bool = False
    seen_late: bool = False
    by_hand: bool = False
    parts: tuple[dict[str, object], ...] = ()


class ReportedMonth(msgspec.Struct, frozen=True):
    """The return of a calendar month, per cent."""

    month: str
    return_pct: float | None = None


class ReportedCondition(msgspec.Struct, frozen=True):
    """How often a condition held; `without`: the entries there would be without it."""

    group: str = ""
    condition: str = ""
    hits: int = 0
    valid: int = 0
    without: int | None = None


class ReportedDiagnosis(msgspec.Struct, frozen=True):
    """Why there was no trade."""

    summary: str = ""
    conditions: tuple[ReportedCondition, ...] = ()


class ReportedOrders(msgspec.Struct, frozen=True):
    """What the fills became on a test venue."""

    made: int = 0
    filled: int = 0
    mean_difference_bp: float | None = None


class ReportedVerdict(msgspec.Struct, frozen=True):
    """Whether a session keeps its backtest's promise: `kept`, `broken` (by which answers), `open`.

    Of one that was `sealed` it holds with the error rates of its trial; of another it describes.
    `answer`: the state in words; also of its answers. None in reports older than it.
    """

    state: str = "open"
    answer: str | None = None
    broken_by: tuple[str, ...] = ()
    sealed: bool = False
    closes_at: str | None = None


class ReportedAnswer(msgspec.Struct, frozen=True):
    """One of the answers that a verdict rests on; no state where none could be had."""

    state: str | None = None
    answer: str | None = None


class ReportedAnswers(msgspec.Struct, frozen=True):
    """The answers with a state of their own, in the order in which they are told."""

    decisions: ReportedAnswer | None = None
    costs: ReportedAnswer | None = None
    path: ReportedAnswer | None = None
    edge: ReportedAnswer | None = None


class ReportedDifference(msgspec.Struct, frozen=True):
    """One decision in a session and in the backtest of its period; None: that one made no trade.

    `held`: what the one that made none still holds of it. `difference`: P&L of the session minus
    the backtest's; no `cause` where the trades are the same.
    """

    backtest: ReportedTrade | None = None
    paper: ReportedTrade | None = None
    held: dict[str, object] | None = None
    difference: float | None = None
    cause: str | None = None
    detail: str | None = None


class ReportedDivergence(msgspec.Struct, frozen=True):
    """The trades of a session beside those of its backtest; of very many not all."""

    trades: tuple[ReportedDifference, ...] = ()


class ReportedComparison(msgspec.Struct, frozen=True):
    """How a session's comparison with its backtest ended; no verdict where nothing is judged."""

    verdict: ReportedVerdict | None = None
    layers: ReportedAnswers = ReportedAnswers()
    divergence: ReportedDivergence | None = None


class WrittenReport(msgspec.Struct, frozen=True):
    """The report of a backtest, a replay or a session.

    `fees`: a fraction of each fill. `settings`: what was varied, by path. `parts`: of how many
    parts of the time it is, joined, each begun from a flat account; None of a run.
    """

    strategy: str | None = None
    symbols: tuple[str, ...] = ()
    timeframe: str = ""
    mode: str | None = None
    session_id: str | None = None
    period: ReportedPeriod = ReportedPeriod()
    fees: float | None = None
    starting_balance: float | None = None
    ending_balance: float | None = None
    metrics: ReportedMetrics = ReportedMetrics()
    trades: tuple[ReportedTrade, ...] = ()
    open_trades: tuple[dict[str, object], ...] = ()
    monthly: tuple[ReportedMonth, ...] = ()
    warnings: tuple[str, ...] = ()
    quality_flags: tuple[str, ...] = ()
    comparison: ReportedComparison | None = None
    recommendation: str | None = None
    diagnosis: ReportedDiagnosis | None = None
    gaps: tuple[dict[str, object], ...] = ()
    restarts: tuple[dict[str, object], ...] = ()
    venue_orders: ReportedOrders | None = None
    settings: dict[str, float | int | str] = {}
    parts: int | None = None


def last_close(end: str | None, timeframe: str) -> int | None:
    """When the last candle of a period closed, UTC ms: to then its report tells.

    Args:
        end: its open time, as the report has it; None where no candle was decided on.
        timeframe: of the strategy.
    """
    try:
        return None if end is None else Timeframe(timeframe).next_open(parse_time(end))
    except (ValueError, OverflowError):  # by another hand
        return None


def told_until(end: str | None, timeframe: str) -> str | None:
    """`last_close` in words: `2024-01-31 08:00`."""
    closed = last_close(end, timeframe)
    return None if closed is None else short_time(closed)


def left_open(parts: int | None) -> tuple[str, str]:
    """Where positions were still open, and what they are marked to, in words.

    `parts`: see `WrittenReport`; the end of a lone part is that of its run.
    """
    if parts is None or parts == 1:
        return "the end", "the close of the last candle"
    return f"the ends of the {parts} parts", "the last close of each"


def written_report(report: Mapping[str, object]) -> WrittenReport:
    """The report in an object as `core.report.result` and sessions write it.

    Raises:
        ReportError: it is none.
    """
    try:
        return msgspec.convert(report, WrittenReport)
    except msgspec.ValidationError as error:
        raise ReportError(f"this is no report that this program can show: {error}") from error


prepare(WrittenReport)
