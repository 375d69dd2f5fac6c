"""A session to which one thing happens is told from its backtest by exactly that, to the cent.

Both are run by the rules themselves, candle by candle; only what is injected differs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from core.compare.causes import CauseKind, Evidence, Span
from core.compare.divergence import Divergence, MatchKind, TradeDifference, find_divergence
from core.compare.waterfall import Part, in_cents
from core.market.candles.candles import Candles
from core.market.candles.timeframes import HOUR, Timeframe
from core.market.filters import MarketFilters
from core.strategy.config.conditions import Condition, Operator, Reference
from core.strategy.config.config import IndicatorSpec, StrategyConfig
from core.strategy.signals.sources import signal_series
from core.trading.account import Account
from core.trading.bar import Bar
from core.trading.rules import Rules
from core.trading.step import step
from core.trading.values import Event, Refused, Side
from tests.unit.report.making import START, config

SYMBOL = "BTC/USDT"
STRATEGY = config(
    indicators=(IndicatorSpec("sma", "sma", {"period": 12}),),
    entry_conditions=(Condition(Reference("close"), Operator.CROSS_ABOVE, Reference("sma")),),
    exit_conditions=(Condition(Reference("close"), Operator.CROSS_BELOW, Reference("sma")),),
    stop_loss_pct=3.0,
    fees=0.0004,
)


def market(n: int = 700) -> Candles:
    rng = np.random.default_rng(42)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.008, n)))
    opened = np.concatenate(([100.0], close[:-1]))
    high = np.maximum(opened, close) * (1 + rng.uniform(0, 0.004, n))
    low = np.minimum(opened, close) * (1 - rng.uniform(0, 0.004, n))
    time = START + np.arange(n, dtype=np.int64) * HOUR
    return Candles(time, opened, high, low, close, np.ones(n))


@dataclass
class Ran:
    account: Account
    refused: tuple[Refused, ...]


def run(
    config: StrategyConfig,
    candles: Candles,
    *,
    filters: MarketFilters | None = None,
    funding: float = 0.0,
    meanwhile: Callable[[Account, int], None] = lambda account, time: None,
) -> Ran:
    """The strategy over the candles; `meanwhile` is asked after each, as a user at the keyboard."""
    account = Account(Rules.of(config, {SYMBOL: filters} if filters else None))
    flags = signal_series(config, candles).flags.tolist()
    events: list[Event] = []
    for candle, signals in zip(candles, flags, strict=True):
        due = funding if candle.time % (8 * HOUR) == 0 else 0.0
        bar = Bar(0, candle.open, candle.high, candle.low, candle.close, signals, due)
        events += step(account, candle.time, [bar])
        meanwhile(account, candle.time)
    return Ran(account, tuple(event for event in events if isinstance(event, Refused)))


def without(candles: Candles, first: int, last: int) -> Candles:
    keep = np.ones(len(candles), dtype=bool)
    keep[first : last + 1] = False
    return Candles(*(getattr(candles, name)[keep] for name in Candles.__dataclass_fields__))


def _held(each: TradeDifference) -> float:
    """What a position adds that one run closed and the other still holds."""
    if each.held is None:
        return 0.0
    return each.held.unrealized_pnl * (1 if each.paper is None else -1)


def told(session: Ran, *, backtest: Ran | None = None, **evidence: Any) -> Divergence:
    """The divergence of a session from the backtest on the untouched market; it always sums."""
    base = backtest or run(STRATEGY, market())
    known = Evidence(Timeframe.H1, lookback=12, **evidence)
    found = find_divergence(
        base.account.trades,
        session.account.trades,
        known,
        10_000.0,
        backtest_open=base.account.open_trades(),
        paper_open=session.account.open_trades(),
    )
    meant = math.fsum(
        [t.pnl for t in session.account.trades]
        + [-t.pnl for t in base.account.trades]
        + [_held(each) for each in found.trades]
    )
    assert found.difference == pytest.approx(meant, abs=1e-8)
    assert sum(in_cents(found.parts).values()) == round(Decimal(found.difference), 2)
    assert all(
        math.isclose(each.difference, (each.paper.pnl if each.paper else 0)
                     - (each.backtest.pnl if each.backtest else 0) + _held(each), abs_tol=1e-9)
        for each in found.trades
    )  # fmt: skip
    return found


def names(found: Divergence) -> set[str]:
    return {str(kind) for kind, _, _ in found.by_cause}


def at(candle: int) -> int:
    return START + candle * HOUR


def test_nothing_happened() -> None:
    found = told(run(STRATEGY, market()))
    assert len(found.trades) > 25
    assert names(found) == set()


def entry_candle(number: int) -> int:
    trade = run(STRATEGY, market()).account.trades[number]
    return (trade.signal_time - START) // HOUR


def test_a_gap() -> None:
    missing = entry_candle(8)
    session = run(STRATEGY, without(market(), missing, missing + 1))
    found = told(session, gaps=(Span(at(missing), at(missing + 1), SYMBOL),))
    assert names(found) == {"data gap", "balance"}
    assert found.differing[0].trade.signal_time == at(missing)


def test_a_revised_candle() -> None:
    candles, revised = market(), entry_candle(8)
    close = candles.close.copy()
    close[revised] = candles.open[revised]  # no longer above the average
    session = run(STRATEGY, replace(candles, close=close))
    found = told(session, revised=(Span(at(revised), at(revised), SYMBOL),))
    assert names(found) == {"candle revised", "balance"}
    assert found.count(MatchKind.MISSING) >= 1


def test_slippage() -> None:
    found = told(run(replace(STRATEGY, slippage_pct=0.05), market()))
    assert names(found) == {"slippage"}
    assert found.parts[Part.ENTRY_PRICE] < 0
    assert found.parts[Part.MISSING] == found.parts[Part.EXTRA] == 0


def test_a_filter_reject() -> None:
    bankrupt = replace(STRATEGY, fees=0.002)  # so that the account soon falls below the minimum
    backtest = run(bankrupt, market())
    session = run(bankrupt, market(), filters=MarketFilters(min_notional=Decimal(9000)))
    found = told(session, backtest=backtest, refused=session.refused)
    assert names(found) == {"filter reject"}
    assert found.count(MatchKind.MISSING) > 3


def test_downtime() -> None:
    away = entry_candle(8)
    session = run(STRATEGY, without(market(), away - 1, away + 2))
    found = told(session, away=(Span(at(away - 1), at(away + 2)),))
    assert names(found) == {"downtime", "balance"}


def test_a_risk_limit() -> None:
    session = run(replace(STRATEGY, max_daily_loss_pct=1.0), market())
    found = told(session, refused=session.refused)
    assert names(found) == {"risk limit", "balance"}
    assert found.count(MatchKind.MISSING) > 0


def test_a_manual_close() -> None:
    held = max(run(STRATEGY, market()).account.trades, key=lambda t: t.exit_time - t.entry_time)

    def by_hand(account: Account, time: int) -> None:
        if time == held.entry_time + 2 * HOUR:
            account.order_exit()

    found = told(run(STRATEGY, market(), meanwhile=by_hand))
    assert names(found) == {"manual", "balance"}
    (first, *_) = found.differing
    assert first.trade.signal_time == held.signal_time
    assert first.parts[Part.EXIT_REASON] != 0


def test_an_entry_by_hand() -> None:
    trades = run(STRATEGY, market()).account.trades
    before = next(
        one for one, other in pairwise(trades) if other.signal_time > one.exit_time + 4 * HOUR
    )
    asked = before.exit_time + 2 * HOUR

    def by_hand(account: Account, time: int) -> None:
        if time == asked:
            account.order_entry(0, Side.LONG, time, ())

    session = run(STRATEGY, market(), meanwhile=by_hand)
    entered = next(one for one in session.account.trades if one.by_hand)
    held = Span(entered.signal_time, entered.exit_time, SYMBOL)
    found = told(session, by_hand=(held,))
    assert names(found) == {"manual", "balance"}
    (extra,) = [one for one in found.differing if one.paper is not None and one.paper.by_hand]
    assert extra.backtest is None
    assert extra.cause is not None
    assert extra.cause.detail == "entered by hand"
    missing = [one for one in found.differing if one.paper is None]
    assert {one.cause.kind for one in missing if one.cause} <= {CauseKind.MANUAL}


def test_a_blocked_symbol() -> None:
    blocked = run(STRATEGY, market()).account.trades[8]

    def block(account: Account, time: int) -> None:
        if time == blocked.signal_time - HOUR:
            account.blocked.add(0)
        elif time == blocked.exit_time:
            account.blocked.clear()

    session = run(STRATEGY, market(), meanwhile=block)
    found = told(session, refused=session.refused)
    assert names(found) == {"manual", "balance"}
    assert found.differing[0].trade.signal_time == blocked.signal_time
    assert found.differing[0].paper is None


def test_leverage_and_funding() -> None:
    leveraged = replace(STRATEGY, leverage=3.0)
    found = told(run(leveraged, market(), funding=0.0001), backtest=run(leveraged, market()))
    assert names(found) == {"funding", "balance"}
    assert found.parts[Part.FUNDING] < 0


def test_liquidations_sum_too() -> None:
    wild = replace(STRATEGY, leverage=40.0, stop_loss_pct=None, trade_size_pct=20.0)
    backtest = run(wild, market())
    assert any(t.exit_reason == "liquidation" for t in backtest.account.trades)
    found = told(run(replace(wild, slippage_pct=0.3), market()), backtest=backtest)
    assert names(found) == {"slippage"}
