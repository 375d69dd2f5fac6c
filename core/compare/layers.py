"""Puts together the five answers about the sessions of a strategy, from what their files tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.compare.columns import trades_of
from core.compare.decisions import decision_layer
from core.compare.divergence import Divergence
from core.compare.fill_costs import CostLayer, cost_layer, measured_fills
from core.compare.promise import (
    NOT_SEALED,
    ClosedTrades,
    EdgeLayer,
    PathLayer,
    closed_trades,
    described_edge,
    edge_layer,
    path_layer,
)
from core.compare.replay import Replayed
from core.compare.verdict import TrialAnswers
from core.market.candles.candles import Floats
from core.report.break_even import break_even_cost_bp
from core.time_format import parse_time
from core.trading.values import Trade
from core.trial.seal import ErrorRates, Margins, PromisedCosts, Seal, trade_returns

Report = Mapping[str, Any]
"""A session's report: its JSON (docs/formats.md §8)."""

_OWN_SHARE = 0.1  # of a session's time: more of it in the backtest's period is no new evidence
_OWN = "on the backtest's own candles, which prove decisions and nothing else"


def judge_layers(
    reports: Sequence[Report],
    trades: Sequence[Sequence[Trade]],
    replayed: Sequence[Replayed],
    stored: Report | None,
    divergence: Divergence | None,
    *,
    seal: tuple[Seal, Report] | None = None,
    copies: tuple[str, ...] = (),
) -> TrialAnswers:
    """The five answers about some sessions, each where it can be had.

    Args:
        reports: of the sessions (their JSON).
        trades: the closed trades of each of them.
        replayed: each of them beside backtests of its period; empty if one could not be replayed.
        stored: the whole saved backtest (its JSON), where there is one.
        divergence: of all of them from their replays.
        seal: of the trial, with the report of its session; None where there is none.
        copies: IDs of sessions that were left out as copies.
    """
    sealed = None if seal is None else seal[0]
    margins = Margins() if sealed is None else sealed.margins
    own = _on_own_candles(reports if seal is None else [seal[1]], sealed, stored)
    promised = [] if stored is None else trades_of(stored)
    edge, path = _promise_kept(reports, trades, seal, stored, promised, own=own)
    return TrialAnswers(
        decisions=decision_layer(replayed, margins) if replayed else None,
        costs=_costs(trades, replayed, promised, sealed) if replayed else None,
        account=divergence,
        path=path,
        edge=edge,
        own_candles=own,
        seal=sealed,
        copies=copies,
    )


def _promise_kept(
    reports: Sequence[Report],
    trades: Sequence[Sequence[Trade]],
    seal: tuple[Seal, Report] | None,
    stored: Report | None,
    promised: Sequence[Trade],
    *,
    own: bool,
) -> tuple[EdgeLayer | None, PathLayer | None]:
    if not reports:
        return None, None
    closed = [
        closed_trades(each, float(report["starting_balance"]))
        for report, each in zip(reports, trades, strict=True)
    ]
    if seal is None or own:
        returns = None
        if stored is not None:
            returns = trade_returns(promised, float(stored["starting_balance"]))
        return described_edge(returns, _together(closed), _OWN if own else NOT_SEALED), None
    sealed, report = seal
    start = report["period"]["start"]
    seen = next(each for one, each in zip(reports, closed, strict=True) if one is report)
    edge = edge_layer(sealed, seen, None if start is None else parse_time(start))
    return edge, path_layer(sealed, seen)


def _on_own_candles(reports: Sequence[Report], seal: Seal | None, stored: Report | None) -> bool:
    """Whether the sessions ran over candles of the period that the backtest had seen."""
    if seal is not None:
        begin, end = seal.backtest_start, seal.backtest_end
    elif stored is not None and stored["period"]["candles"]:
        begin, end = (parse_time(stored["period"][name]) for name in ("start", "end"))
    else:
        return False
    for report in reports:
        if report["period"]["candles"]:
            first, last = (parse_time(report["period"][name]) for name in ("start", "end"))
            if min(last, end) - max(first, begin) > _OWN_SHARE * (last - first):
                return True
    return False


def _costs(
    trades: Sequence[Sequence[Trade]],
    replayed: Sequence[Replayed],
    promised: Sequence[Trade],
    seal: Seal | None,
) -> CostLayer:
    config = replayed[0].session.config
    fills = []
    for closed, one in zip(trades, replayed, strict=True):
        fills += measured_fills(closed, one.session.config.slippage_pct * 100, one.session)
    fills.sort(key=lambda fill: (fill.time, fill.symbol))
    costs = PromisedCosts(config.slippage_pct * 100, config.fees * 10_000)
    if seal is not None:
        costs = seal.costs
    if costs.break_even_bp is None and promised:
        break_even = break_even_cost_bp(promised, config.slippage_pct)
        costs = PromisedCosts(costs.slippage_bp, costs.fee_bp, break_even)
    margins = Margins() if seal is None else seal.margins
    errors = ErrorRates() if seal is None else seal.errors
    everything = [trade for closed in trades for trade in closed]
    return cost_layer(fills, everything, costs, margins, errors)


def _together(parts: Sequence[ClosedTrades]) -> ClosedTrades:
    """The trades of several sessions in the order they closed, as if one account had made them."""
    if len(parts) == 1:
        return parts[0]
    closes = np.concatenate([part.closes for part in parts])
    order = np.argsort(closes, kind="stable")
    returns: Floats = np.concatenate([part.returns for part in parts])[order]
    path = np.cumprod(1 + returns / 100, dtype=np.float64) * 100 - 100
    return ClosedTrades(returns, closes[order], path)
