"""The skipping driver is the candle-by-candle driver, to the last bit, whatever it is given."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.backtest.bar_index import BarIndex, funding_by_candle
from core.backtest.curve import RunEquity
from core.backtest.drive import drive
from core.market.candles.candles import Candle, Candles, Floats
from core.market.candles.timeframes import HOUR
from core.market.filters import NO_FILTERS, MarketFilters
from core.report.equity import MarkedEquity
from core.report.exposure import exposed_candles
from core.report.trade_columns import TradeColumns
from core.strategy.config.conditions import Condition, Operator, Reference
from core.strategy.config.orders import (
    NO_ORDERS,
    Add,
    Atr,
    Basis,
    Cooldown,
    LevelSpec,
    Orders,
    Outcome,
    PriceRule,
    RestingEntry,
    Stop,
    Swing,
    Target,
)
from core.strategy.signals.source import add_flag
from core.trading.account import Account
from core.trading.rules import Rules
from core.trading.values import FillOn
from tests.unit.backtest.plain_driver import Played, play_every_candle

START = 1_767_225_600_000  # 2026-01-01T00:00:00Z
SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")


def percent(low: float, high: float) -> st.SearchStrategy[float | None]:
    return st.none() | st.floats(low, high)


RANGE, LOWER, UPPER = Atr(14, 2.0), Reference("bollinger", "lower"), Reference("bollinger", "upper")
CONDITION = Condition(LOWER, Operator.LT, 1.0)
LOWS, HIGHS = Swing(10, highest=False), Swing(10, highest=True)


@st.composite
def price_rules(draw: st.DrawFn, bases: list[Basis]) -> PriceRule:
    """Where a stop or a target lies, by any of these."""
    match basis := draw(st.sampled_from(bases)):
        case Basis.PCT | Basis.R:
            return PriceRule(basis, draw(st.floats(0.2, 3)))
        case Basis.ATR:
            return PriceRule(basis, long=RANGE, short=RANGE)
        case Basis.SWING:
            return PriceRule(basis, long=LOWS, short=HIGHS)
    below = draw(st.booleans())
    return PriceRule(basis, long=LOWER if below else UPPER, short=UPPER if below else LOWER)


@st.composite
def all_adds(draw: st.DrawFn) -> tuple[Add, ...]:
    """Any adds to a position, or none."""
    sizes = st.sampled_from([50.0, 100.0, 300.0])
    at = st.builds(Add, sizes, st.sampled_from([-3.0, -1.0, -0.3, 0.3, 1.0, 2.0]))
    when = st.builds(Add, sizes, st.none(), st.just((CONDITION,)))
    return tuple(draw(st.just([]) | st.lists(at | when, max_size=4)))


SHARES: list[list[float | None]] = [[None], [50.0], [50.0, None], [30.0, 30.0, None], [60.0, 40.0]]
ROI = ((0, 3.0), (2 * HOUR, 1.0), (5 * HOUR, 0.0))


@st.composite
def all_orders(draw: st.DrawFn) -> Orders:
    """Any orders beyond the plain keys, or none."""
    if draw(st.booleans()):
        return NO_ORDERS
    stop = None
    if draw(st.booleans()):
        bases = [Basis.ATR, Basis.SWING, Basis.LEVEL]
        stop = Stop(draw(price_rules(bases)), draw(st.booleans()))
    bases = [Basis.PCT, Basis.ATR, Basis.LEVEL, *([Basis.R] if stop else [])]
    aims = draw(st.sampled_from(["targets", "roi", "neither"]))
    targets = [
        Target(draw(price_rules(bases)), share)
        for share in (draw(st.sampled_from(SHARES)) if aims == "targets" else ())
    ]
    cooldowns = st.builds(Cooldown, st.integers(1, 5), st.sampled_from([None, *Outcome]))
    price = PriceRule(Basis.LEVEL, long=LOWER, short=UPPER)
    entries = st.builds(RestingEntry, st.just(price), st.booleans(), st.integers(1, 4))
    return Orders(
        entry=draw(st.none() | entries),
        stop=stop,
        break_even_at_r=draw(st.none() | st.floats(0.3, 2)) if stop else None,
        targets=tuple(targets),
        roi=ROI[draw(st.integers(0, 2)) :] if aims == "roi" else (),
        adds=() if any(one.close_pct for one in targets) else draw(all_adds()),
        risk_pct=draw(st.none() | st.floats(0.2, 5)) if stop else None,
        trade_amount=None if stop else draw(st.none() | st.floats(500, 20_000)),
        cooldown=draw(st.none() | cooldowns),
        max_trades_per_day=draw(st.none() | st.integers(1, 3)),
        hours=draw(st.sampled_from([(), ((480, 960),), ((1320, 240),)])),
        weekdays=draw(st.sampled_from([(), (1, 2, 3, 4, 5)])),
        flat_at=draw(st.sampled_from([None, 1315, 1440, 600])),
    )


@st.composite
def all_rules(draw: st.DrawFn, symbols: int) -> Rules:
    orders = draw(all_orders())
    trails = orders.stop is not None and orders.stop.trail
    aimed = orders.targets or orders.roi
    lots = MarketFilters(lot_step=Decimal("0.001"), min_notional=Decimal(5))
    return Rules(
        symbols=SYMBOLS[:symbols],
        filters=(draw(st.sampled_from([NO_FILTERS, lots])),) * symbols,
        timeframe_ms=HOUR,
        starting_balance=10_000.0,
        trade_size_pct=draw(st.sampled_from([100.0, 33.0, 10.0])),
        leverage=draw(st.sampled_from([1.0, 3.0, 20.0])),
        fees=draw(st.sampled_from([0.0, 0.0006])),
        slippage_pct=draw(st.sampled_from([0.0, 0.05])),
        stop_loss_pct=None if orders.stop else draw(percent(0.1, 5)),
        take_profit_pct=None if aimed else draw(percent(0.1, 8)),
        trailing_stop_pct=None if trails else draw(percent(0.1, 5)),
        max_hold=draw(st.none() | st.integers(1, 12)),
        max_daily_loss_pct=draw(st.none() | st.floats(0.5, 10)),
        max_drawdown_pct=draw(st.none() | st.floats(2, 30)),
        fill_on=draw(st.sampled_from(FillOn)),
        target_first=draw(st.booleans()),
        orders=orders,
    )


def walk(seed: int, length: int, volatility: float, present: float) -> Candles:
    """A random walk of hourly candles with gaps, some of them flat."""
    random = np.random.default_rng(seed)
    candles, price = [], 100.0
    for index in range(length):
        open_ = price * (1 + random.choice([0.0, random.normal(0, volatility / 3)]))
        close = open_ * (1 + random.normal(0, volatility) * random.integers(0, 2))
        high = max(open_, close) * (1 + abs(random.normal(0, volatility / 2)))
        low = min(open_, close) * (1 - abs(random.normal(0, volatility / 2)))
        price = close
        if random.random() < present or index == 0:
            candles.append(Candle(START + index * HOUR, open_, high, low, close, 1.0))
    return Candles.of(candles)


def levels_of(candles: Candles) -> dict[LevelSpec, Floats]:
    """Every level that a rule may ask for; now and then one is not known."""
    close, step = candles.close, np.arange(len(candles))
    known = np.where(step % 17 == 3, np.nan, 1.0)
    return {
        RANGE: np.maximum(candles.high - candles.low, close * 0.001) * 2 * known,
        LOWS: candles.low * (1 - 0.002 * (step % 5)),
        HIGHS: candles.high * (1 + 0.002 * (step % 5)),
        LOWER: close * (0.99 + 0.001 * (step % 7)) * known,
        UPPER: close * (1.02 - 0.002 * (step % 11)),
    }


@st.composite
def runs(draw: st.DrawFn) -> tuple[Rules, list[BarIndex]]:
    symbols = draw(st.integers(1, 3))
    rules = draw(all_rules(symbols))
    seed = draw(st.integers(0, 2**32 - 1))
    length = draw(st.integers(1, 400))
    volatility = draw(st.sampled_from([0.002, 0.01, 0.04]))
    present = draw(st.sampled_from([1.0, 0.9, 0.5]))
    density = draw(st.sampled_from([0.01, 0.1, 0.6]))
    allowed = draw(st.sampled_from([3, 12, 15]))
    all_bars = []
    for slot in range(symbols):
        candles = walk(seed + slot, length, volatility, present)
        random = np.random.default_rng(seed + 100 + slot)
        flags = np.zeros(len(candles), dtype=np.uint32)
        for bit in (1, 2, 4, 8):
            flags |= np.where(random.random(len(candles)) < density, bit, 0).astype(np.uint32)
        rates = [
            (int(time), float(random.normal(0, 0.001)))
            for time in START + np.arange(0, length * HOUR, 8 * HOUR)
        ]
        funding = funding_by_candle(candles, rates) if draw(st.booleans()) else None
        adding = np.zeros(len(candles), dtype=np.uint32)
        for number, add in enumerate(rules.orders.adds):
            for long in (True, False) if add.when else ():
                flag = add_flag(number, long=long)
                adding |= np.where(random.random(len(candles)) < 0.3, flag, 0).astype(np.uint32)
        levels = [levels_of(candles)[level] for level in rules.orders.levels]
        all_bars.append(
            BarIndex(slot, candles, flags & np.uint32(allowed) | adding, funding, levels)
        )
    return rules, all_bars


def skipping(rules: Rules, all_bars: list[BarIndex], moments: Any) -> Played:
    account = Account(rules, tells=False)  # as backtests are run; the plain driver's is told
    course = drive(account, all_bars, moments)
    closed = TradeColumns.of_account(account)
    of_trades = vars(TradeColumns.of(account.trades))
    for name, column in vars(closed).items():
        if isinstance(column, np.ndarray):
            assert column.tolist() == of_trades[name].tolist(), name
    equity = RunEquity(account, all_bars, course, closed)
    deepest = equity.deepest_fall(rules.starting_balance)
    assert equity.at(np.arange(len(course.times))).tolist() == equity.whole().tolist()
    assert deepest == MarkedEquity(equity.whole()).deepest_fall(rules.starting_balance)
    return Played(
        account.trades,
        account.open_trades(),
        account.free,
        course.times.tolist(),
        equity.whole().tolist(),
        exposed_candles(course.times, closed, account.open_trades(), rules.fill_on),
    )


@pytest.mark.fuzz
@given(runs())
def test_skipping_changes_nothing(run: tuple[Rules, list[BarIndex]]) -> None:
    rules, all_bars = run
    moments = np.unique(np.concatenate([bars.candles.time for bars in all_bars]))
    assert skipping(rules, all_bars, moments) == play_every_candle(rules, all_bars, moments)
