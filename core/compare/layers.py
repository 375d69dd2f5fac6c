"""Puts together the five answers about the sessions of a strategy, from what their files tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from core.compare.columns import trades_of
from core.compare.decisions import decision_layer
from core.compare.divergence import Divergence
from core.compare.fill_costs import CostLayer, FillCost, cost_layer, measured_fills
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
from core.compare.sessions import ComparedSession, ComparedSessions, Report
from core.compare.verdict import OtherTrial, RanOn, TrialAnswers, judge
from core.market.candles.candles import Floats, Times
from core.market.candles.timeframes import Timeframe
from core.report.break_even import break_even_cost_bp
from core.report.trade_columns import TradeColumns
from core.time_format import parse_time
from core.trading.values import FillOn, Trade
from core.trial.seal import (
    ErrorRates,
    Margins,
    PromisedCosts,
    Seal,
    closed_at,
    is_digest_of,
    is_of_period,
    trade_returns,
)
from core.trial.state import SealDoubt, State

_ROUNDING = 1e-9
_ANOTHER_MARKET = 0.01  # of a price: so far beyond a candle no other exchange's is

Period = tuple[int, int]
"""Begin and end (exclusive), UTC ms."""


def judge_layers(
    sessions: Sequence[ComparedSession],
    stored: Report | None,
    divergence: Divergence | None,
    *,
    judged: ComparedSession | None = None,
    doubt: SealDoubt | None = None,
    period: Period | None = None,
) -> TrialAnswers:
    """The five answers about some sessions, each where it can be had.

    Of a trial that is judged they are of the whole of it and of nothing else, but for the account:
    its error rates were sealed for that. Otherwise they are of all sessions, each candle once, and
    of the period asked for.

    Args:
        sessions: those that count.
        stored: the whole saved backtest (its JSON), where there is one.
        divergence: of all of them from their replays.
        judged: the trial among them that is judged; None where none is.
        doubt: why the trial among them is not, where its seal does not hold.
        period: to which the answers are cut where there is no trial; None for all.
    """
    seal = None if judged is None else judged.seal
    if judged is None:
        asked, cut = sessions, period
    else:
        # A seal is of all candles and trades, whoever else saw and took them.
        judged = replace(judged, counted=(), repeated=frozenset())
        asked, cut = (judged,), None
    new = _fresh(sessions, judged, stored)
    fresh = [one for one in asked if one.id in new]
    own = bool(asked) and not fresh
    promised = [] if stored is None else trades_of(stored)
    before = [one for one in sessions if one.id not in new]
    ran_on = RanOn.UNKNOWN
    if stored is not None and (seal is None or is_digest_of(seal.backtest_hash, stored)):
        found = {_ran_on(one, stored, promised) for one in before}
        ran_on = found.pop() if len(found) == 1 else RanOn.UNKNOWN
    described = NOT_SEALED if doubt is None else doubt.in_short
    if own:
        described = f"{ran_on}, which proves decisions and nothing else"
    edge, path = _promise_kept(fresh or asked, judged, stored, promised, cut, own, described)
    replayed = bool(asked) and all(one.replayed is not None for one in asked)
    margins = Margins() if seal is None else seal.margins
    return TrialAnswers(
        decisions=decision_layer(asked, margins, cut) if replayed else None,
        costs=_costs(asked, promised, seal, cut) if replayed else None,
        account=divergence,
        path=path,
        edge=edge,
        own_period=own,
        seen_before=tuple(one.id for one in before),
        ran_on=ran_on,
        seal=seal,
        trial=None if judged is None else judged.id,
        ended=bool(asked) and all(_has_ended(one) for one in asked),
        doubt=doubt,
    )


def other_trials(found: ComparedSessions, stored: Report | None) -> tuple[OtherTrial, ...]:
    """How the trials stand that are not judged, each by its own seal, in the order sealed."""
    others = []
    for session in (*found.sessions, *found.sealed_copies):
        if session.seal is None or session is found.judged:
            continue
        verdict = judge(
            judge_layers([session], stored, None, judged=session), paper=True, live=False
        )
        state = State.OPEN if verdict is None else verdict.state
        closes = None if verdict is None else verdict.closes
        word = str(state) if verdict is None else verdict.word
        others.append(OtherTrial(session.id, session.seal.sealed_at, state, closes, word))
    return tuple(sorted(others, key=lambda one: one.sealed_at))


def _promise_kept(
    sessions: Sequence[ComparedSession],
    judged: ComparedSession | None,
    stored: Report | None,
    promised: Sequence[Trade],
    period: Period | None,
    own: bool,
    described: str,
) -> tuple[EdgeLayer | None, PathLayer | None]:
    if not sessions:
        return None, None
    if judged is None or judged.seal is None or own:
        closed = [_closed(one, period) for one in sessions]
        returns = None
        if stored is not None:
            fixed = _fixed_amount(sessions[0])
            balance = float((sessions[0].report if fixed else stored)["starting_balance"])
            returns = trade_returns(promised, balance, fixed_amount=fixed)
        return described_edge(returns, _together(closed), described), None
    seen = _closed(judged, None)
    began, now = None, None
    if judged.report["period"]["start"] is not None:
        began, last = (parse_time(judged.report["period"][name]) for name in ("start", "end"))
        now = last + Timeframe(judged.report["timeframe"]).ms
    edge = edge_layer(judged.seal, seen, began, now, ended=_has_ended(judged))
    return edge, path_layer(judged.seal, seen, began, now)


def _has_ended(session: ComparedSession) -> bool:
    """Whether a session is over.

    From its files, one without an end is called stopped, though the next host goes on with it.
    """
    return session.report.get("ended") is not None


def _fixed_amount(session: ComparedSession) -> bool:
    """Whether every trade of a session is of the same amount of money, whatever its account has."""
    if session.seal is not None:
        return session.seal.fixed_amount
    replayed = session.replayed
    return replayed is not None and replayed.session.config.orders.fixed_amount


def _closed(session: ComparedSession, period: Period | None) -> ClosedTrades:
    """A session's closed trades, but for those that do not count."""
    balance = float(session.report["starting_balance"])
    closed = closed_trades(session.trades, balance, fixed_amount=_fixed_amount(session))
    keep = np.ones(len(closed.returns), dtype=np.bool_)
    if session.counted or session.repeated:
        evidence = {trade.id for trade in session.evidence}
        ordered = sorted(session.trades, key=closed_at)
        keep &= np.array([trade.id in evidence for trade in ordered], dtype=np.bool_)
    if period is not None:
        keep &= (closed.closes >= period[0]) & (closed.closes < period[1])
    if keep.all():
        return closed
    return _in_order(closed.returns[keep], closed.closes[keep])


def _fresh(
    sessions: Sequence[ComparedSession], judged: ComparedSession | None, stored: Report | None
) -> frozenset[str]:
    """The IDs of the sessions that ran over another period than the backtest."""
    if judged is not None and judged.seal is not None:
        begin, end = judged.seal.backtest_start, judged.seal.backtest_end
    elif stored is not None and stored["period"]["candles"]:
        begin, end = (parse_time(stored["period"][name]) for name in ("start", "end"))
    else:
        return frozenset(one.id for one in sessions)
    fresh = set()
    for one in sessions:
        first, last = one.span or (end, end)
        if not is_of_period(first, last, begin, end):
            fresh.add(one.id)
    return frozenset(fresh)


def _ran_on(session: ComparedSession, stored: Report, promised: Sequence[Trade]) -> RanOn:
    """What a session over the period of the saved backtest ran on, as the entries of that tell.

    Each was filled inside a candle of its symbol, slippage apart; a market order at an open, which
    tells the candles of two exchanges apart. The candles themselves are not kept with a backtest,
    and their digest is of all of them alone.
    """
    if session.replayed is None:
        return RanOn.UNKNOWN
    journaled = session.replayed.session
    if not set(stored["symbols"]) & set(journaled.seen):
        return RanOn.OTHER
    slippage = journaled.config.slippage_pct / 100
    at_opens = stored["fill_on"] == FillOn.NEXT_OPEN and journaled.config.orders.entry is None
    beyond: list[float] = []
    off: list[float] = []
    for symbol, candles in journaled.seen.items():
        entries = [
            (one.entry_time, one.entries[0].price if one.entries else one.entry_price, one.side)
            for one in promised
            if one.symbol == symbol
        ]
        times = np.array([time for time, _, _ in entries], dtype=np.int64)
        prices = np.array([price for _, price, _ in entries], dtype=np.float64)
        signs = np.array([side.sign for _, _, side in entries], dtype=np.float64)
        places = np.searchsorted(candles.time, times)
        had = np.append(candles.time, -1)[places] == times
        places, prices, signs = places[had], prices[had], signs[had]
        above = prices / candles.high[places] - 1
        beyond += np.maximum(above, 1 - prices / candles.low[places]).tolist()
        off += np.abs(prices / (candles.open[places] * (1 + signs * slippage)) - 1).tolist()
    if not beyond:
        return RanOn.UNKNOWN
    if max(off) <= _ROUNDING if at_opens else max(beyond) <= slippage + _ROUNDING:
        return RanOn.OWN
    far = sum(each > _ANOTHER_MARKET for each in beyond)
    return RanOn.OTHER if far > len(beyond) / 2 else RanOn.UNKNOWN


def _costs(
    sessions: Sequence[ComparedSession],
    promised: Sequence[Trade],
    seal: Seal | None,
    period: Period | None,
) -> CostLayer:
    fills: list[FillCost] = []
    trades: list[Trade] = []
    for one in sessions:
        assert one.replayed is not None
        session = one.replayed.session
        slippage_bp, orders = session.config.slippage_pct * 100, session.config.orders
        fills += measured_fills(
            one.evidence, slippage_bp, session, limit_entries=orders.enters_at_limits
        )
        trades += one.evidence
    config = session.config
    if period is not None:
        begin, end = period
        fills = [fill for fill in fills if begin <= fill.time < end]
        trades = [trade for trade in trades if begin <= closed_at(trade) < end]
    fills.sort(key=lambda fill: (fill.time, fill.symbol))
    costs = PromisedCosts(config.slippage_pct * 100, config.fees * 10_000)
    if seal is not None:
        costs = seal.costs
    if costs.break_even_bp is None and promised:
        columns = TradeColumns.of(promised)
        break_even = break_even_cost_bp(columns, config.slippage_pct, config.orders)
        costs = PromisedCosts(costs.slippage_bp, costs.fee_bp, break_even)
    margins = Margins() if seal is None else seal.margins
    errors = ErrorRates() if seal is None else seal.errors
    return cost_layer(fills, trades, costs, margins, errors)


def _together(parts: Sequence[ClosedTrades]) -> ClosedTrades:
    """The trades of several sessions in the order they closed, as if one account had made them."""
    if len(parts) == 1:
        return parts[0]
    returns = np.concatenate([part.returns for part in parts])
    return _in_order(returns, np.concatenate([part.closes for part in parts]))


def _in_order(returns: Floats, closes: Times) -> ClosedTrades:
    order = np.argsort(closes, kind="stable")
    returns = returns[order]
    path = np.cumprod(1 + returns / 100, dtype=np.float64) * 100 - 100
    return ClosedTrades(returns, closes[order], path)
