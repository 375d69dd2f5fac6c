"""Backtests a session's own period, and finds where the session differs from that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.backtest.run import BacktestError, run_backtest
from core.compare.causes import Evidence
from core.compare.divergence import Divergence, Readings, find_divergence
from core.compare.evidence import Journaled, evidence_of, read_session
from core.market.candles.candles import Candles
from core.report.result import RunResult, open_trade_from_json, trade_from_json
from core.store.journal_file import JournalError
from core.store.workspace import Workspace
from core.strategy.config.config import StrategyConfig
from core.strategy.signals.sources import condition_series
from core.time_format import parse_time
from core.trading.values import Decided, ExitReason, Trade


class ReplayError(Exception):
    """A session cannot be replayed; the message says why."""


@dataclass(frozen=True, slots=True, eq=False)
class Replayed:
    """A session beside backtests of its period, from the same first candle and balance.

    Attributes:
        session: its files.
        seen: the backtest on the candles the session saw.
        seen_divergence: where the session differs from it.
        now: the backtest on the candles as they are known now; `seen` where they are the same.
        divergence: where the session differs from that one.
        evidence: what may explain why it does.
        decided: what `now` decided, in order.
        candles: the candles of `now`, by symbol.
        beyond: how many of the session's trades prices closed after its last whole candle. A
            backtest has not come that far, so they are not matched.
    """

    session: Journaled
    seen: RunResult
    seen_divergence: Divergence
    now: RunResult
    divergence: Divergence
    evidence: Evidence
    decided: tuple[Decided, ...]
    candles: Mapping[str, Candles]
    beyond: int

    @property
    def same_candles(self) -> bool:
        """Whether the session saw the candles as they are known now."""
        return self.now is self.seen

    @property
    def parity(self) -> str:
        """In words: how the session compares with the backtest on the candles it saw."""
        trades = self.seen_divergence.trades
        differing = len(self.seen_divergence.differing)
        if not differing:
            return f"On the candles it saw, a backtest makes the same {len(trades)} trades."
        return f"On the candles it saw: {self.seen_divergence.summary}."


def replay_session(
    workspace: Workspace,
    report: Mapping[str, Any],
    present: Mapping[str, Candles] | None = None,
    trades: Sequence[Trade] | None = None,
) -> Replayed:
    """Backtest a session's strategy over its period, and compare trade by trade. Blocks.

    Args:
        workspace: where its files are.
        report: of the session (its JSON), final or as it stands.
        present: the exchange's candles now, by symbol, from the session's first warm-up candle on;
            None: what its candle journals tell.
        trades: its closed trades, where they have been read from the report already.

    Raises:
        ReplayError: it has decided on no candle yet, or its files cannot be read.
    """
    if not report["period"]["candles"]:
        raise ReplayError(f"session {report['session_id']} has decided on no candle yet")
    try:
        session = read_session(workspace, report["session_id"], parse_time(report["period"]["end"]))
        seen = _backtest(session, session.seen)
        candles = session.known
        if present is not None:
            candles = {
                symbol: present[symbol].between(int(own.time[0]), session.last + 1)
                for symbol, own in session.seen.items()
            }
        same = all(_same(candles[symbol], own) for symbol, own in session.seen.items())
        now = seen if same else _backtest(session, candles)
    except (JournalError, BacktestError) as error:
        raise ReplayError(str(error)) from error
    if trades is None:
        trades = [trade_from_json(trade) for trade in report["trades"]]
    within = [trade for trade in trades if not _is_beyond(trade, session.last)]
    positions = [open_trade_from_json(trade) for trade in report["open_trades"]]

    def compared(backtest: RunResult, evidence: Evidence) -> Divergence:
        return find_divergence(
            backtest.trades,
            within,
            evidence,
            report["starting_balance"],
            backtest_open=backtest.open_trades,
            paper_open=positions,
        )

    happened = seen.happened  # another run: asked for once
    evidence = evidence_of(session, session.seen, happened)
    seen_divergence = divergence = compared(seen, evidence)
    if not same:
        happened = now.happened
        evidence = evidence_of(session, candles, happened)
        divergence = compared(now, evidence)
    decided = tuple(event for event in happened if isinstance(event, Decided))
    beyond = len(trades) - len(within)
    return Replayed(
        session, seen, seen_divergence, now, divergence, evidence, decided, candles, beyond
    )


def readings_at(config: StrategyConfig, candles: Mapping[str, Candles]) -> Readings:
    """Looks up what the conditions compared at the candle of a symbol that opened at a time."""
    series = {
        symbol: {
            name: values
            for one in condition_series(config, candles[symbol])
            for name, values in one.series.items()
        }
        for symbol in config.symbols
    }

    def readings(symbol: str, time: int) -> dict[str, float | None]:
        times = candles[symbol].time
        at = int(np.searchsorted(times, time))
        if at == len(times) or times[at] != time:
            return {}
        values = {name: float(column[at]) for name, column in series[symbol].items()}
        return {name: None if np.isnan(value) else value for name, value in values.items()}

    return readings


def _backtest(session: Journaled, candles: Mapping[str, Candles]) -> RunResult:
    return run_backtest(
        session.config,
        candles,
        filters=session.begun.filters,
        funding=session.happened.funding,
        decide_from=session.begun.decide_from,
    )


def _is_beyond(trade: Trade, last: int) -> bool:
    """Whether a price, and nobody's hand, closed a trade after the candle that opened at `last`."""
    return trade.exit_time > last and trade.exit_reason is not ExitReason.MANUAL


def _same(one: Candles, other: Candles) -> bool:
    names = ("time", "open", "high", "low", "close", "volume")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)
