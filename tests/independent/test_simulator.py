"""Papertape's backtest against the simulator that knows the pages alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import settings

from core.backtest.run import run_backtest
from core.market.candles.candles import Candle, Candles
from core.market.filters import MarketFilters
from core.report.result import RunResult
from core.strategy.config.parsing import parse_config
from core.strategy.config.problems import ConfigError
from core.trading.values import FillOn, Refused
from tests.independent.cases import ALL, START, Case, random_case
from tests.independent.simulator import Limits, Outcome, Row, Simulator, milliseconds


def papertape(case: Case) -> RunResult:
    """The case in the program's own backtest."""
    limits = case.limits
    filters = None
    if limits is not None:
        one = MarketFilters(limits.lot_step, limits.min_quantity, limits.min_notional)
        filters = dict.fromkeys(case.candles, one)
    return run_backtest(
        parse_config(case.config).config,
        {s: Candles.of(Candle(*row) for row in rows) for s, rows in case.candles.items()},
        fill_on=FillOn.CLOSE if case.at_close else FillOn.NEXT_OPEN,
        filters=filters,
        funding=case.funding,
    )


def simulated(case: Case) -> Outcome:
    """The case by the pages."""
    return Simulator(
        case.config,
        case.candles,
        at_close=case.at_close,
        limits=case.limits,
        funding=case.funding,
    ).run()


def parts(found: object) -> list[object]:
    """The facts of parts or entries, side by side."""
    rows: list[object] = []
    for part in found or ():  # type: ignore[attr-defined]
        rows.extend((part.time, part.price, part.quantity, part.fee, getattr(part, "reason", "")))
    return rows


def facts(found: RunResult | Outcome, symbols: list[str]) -> list[list[object]]:
    """What is compared of a result: each trade, then what the account came to."""
    rows: list[list[object]] = []
    trades: Sequence[Any] = found.trades
    for t in sorted(trades, key=lambda t: (t.exit_time, symbols.index(t.symbol))):
        row: list[object] = [t.symbol, str(t.side), t.signal_time, t.entry_time, t.entry_price]
        row += [t.exit_time, t.exit_price, t.quantity, t.margin, t.fees, t.funding, t.pnl]
        row += [str(t.exit_reason), t.ambiguous, *parts(t.parts), *parts(t.entries)]
        rows.append(row)
    if isinstance(found, Outcome):
        refused = sorted(found.refused)
    else:
        told = (e for e in found.happened if isinstance(e, Refused))
        refused = sorted((e.time, e.symbol, str(e.obstacle)) for e in told)
    still = found.still_open if isinstance(found, Outcome) else len(found.open_trades)
    rows.append(["end", still, found.ending_balance])
    rows.extend([[*refusal] for refusal in refused])
    return rows


def same(one: object, other: object) -> bool:
    """Equal, or within a relative 1e-9; P&L near 0 within that of what it is the difference of."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-7)
    return one == other


def difference(case: Case) -> str:
    """The first difference of the two, in words; empty where there is none."""
    symbols = case.config["symbols"]
    simulation = simulated(case)
    if simulation.ending_balance < 1e-6 * case.config.get("starting_balance", 10_000):
        return ""  # ruined: what is left is rounding
    ours, theirs = facts(simulation, symbols), facts(papertape(case), symbols)
    for one, other in zip(ours, theirs, strict=False):
        if len(one) != len(other) or not all(map(same, one, other)):
            return f"by the pages {one}\nby the program {other}"
    return "" if len(ours) == len(theirs) else f"{len(ours)} rows by the pages, not {len(theirs)}"


def compared(seed: int, features: frozenset[str] = ALL) -> int:
    """Compare the case of a seed; how many trades it made, -1 where its config is refused."""
    case = random_case(seed, features)
    try:
        parse_config(case.config)
    except ConfigError:
        return -1
    told = difference(case)
    assert not told, f"seed {seed}: {told}\n{case.config}"
    return len(simulated(case).trades)


@pytest.mark.parametrize("block", range(4))
def test_random_strategies_trade_as_the_pages_say(block: int) -> None:
    counts = [compared(seed) for seed in range(block * 12, block * 12 + 12)]
    assert sum(n > 0 for n in counts) >= 4


@pytest.mark.fuzz
def test_as_many_as_the_profile_asks_for_trade_as_the_pages_say() -> None:
    assert settings.default is not None
    for seed in range(1000, 1000 + settings.default.max_examples):
        compared(seed)


def case(
    rows: Sequence[Sequence[float]] | dict[str, Sequence[Sequence[float]]],
    at_close: bool = False,
    limits: Limits | None = None,
    **config: Any,
) -> Case:
    """A few candles from Monday 00:00 on; a volume of 9 is the signal."""
    config = {
        "name": "small",
        "timeframe": "4h",
        "entry_conditions": [{"indicator": "volume", "operator": "eq", "value": 9}],
        "trade_size_pct": 10,
        "fees": 0,
        **config,
    }
    config = {key: value for key, value in config.items() if value is not None}
    by_symbol = rows if isinstance(rows, dict) else {"AAA/USDT:USDT": rows}
    config["symbols"] = list(by_symbol)
    length = milliseconds(config["timeframe"])
    candles = {
        s: [Row(START + i * length, *row) for i, row in enumerate(one)]
        for s, one in by_symbol.items()
    }
    return Case(config, candles, at_close, limits)


GO = (100.0, 101.0, 99.0, 100.0, 9.0)
FLAT = (100.0, 101.0, 99.0, 100.0, 1.0)
LIMIT = {"limit": "close"}
BY_THE_PAGES = {
    "3.18 the day of max_trades_per_day is that of the fill's moment, a close of 24:00": case(
        [GO, FLAT, FLAT, FLAT, FLAT, GO, FLAT, FLAT, FLAT],
        at_close=True,
        max_trades_per_day=1,
        max_hold=1,
    ),
    "3.19 hours look at the open of a resting entry's candle": case(
        [GO, FLAT, FLAT, FLAT], at_close=True, hours=["08:00-12:00"], max_hold=1, entry=LIMIT
    ),
    "3.16 roi counts from the candle that filled a resting entry": case(
        [GO, FLAT, (100, 103, 99, 102, 1), (102, 103, 101, 102, 1), FLAT, FLAT],
        at_close=True,
        timeframe="1h",
        roi={"0": 10, "60m": 2},
        entry=LIMIT,
    ),
    "3.18 flat_at counts from the candle that filled a resting entry": case(
        [FLAT] * 4 + [GO] + [FLAT] * 9, at_close=True, flat_at="00:00", entry=LIMIT
    ),
    "3.7 what was entered inside a candle counts at its open in the equity of the next entry": case(
        {
            "AAA/USDT:USDT": [GO, (100, 101, 98, 99, 1), FLAT, FLAT],
            "BBB/USDT:USDT": [GO, FLAT, FLAT, FLAT],
        },
        entry={"limit": "low"},
        max_hold=1,
    ),
    "3.20 an add in favour that the open is beyond fills there, whatever else waits": case(
        [GO, FLAT, (103, 104, 90, 91, 1), (91, 91, 91, 91, 1)],
        stop_loss_pct=5,
        adds=[{"at_pct": 2, "size_pct": 50}, {"at_pct": -2, "size_pct": 50}],
    ),
    "2.5 only indicators, ATR and swing are waited for; 3.19 an unknown price refuses": case(
        [GO, GO, FLAT, GO, FLAT, FLAT], entry={"limit": "95 - 5 / (volume - 9)"}, max_hold=1
    ),
    "2.4 the window of an RSI is one close more than its period": case(
        [(100, 101, 99, x, 9) for x in (100, 101, 101, 101, 101, 102, 102, 102)],
        indicators=[{"name": "rsi", "params": {"period": 2}}],
        entry_conditions=[{"indicator": "rsi", "operator": "gte", "value": 0}],
        max_hold=1,
    ),
    "3.5 a stop between the open and the slipped entry fills at the open": case(
        [GO, FLAT, FLAT, FLAT], slippage_pct=2, stop={"level": "close + 1"}, max_hold=1
    ),
    "3.8 liquidation shows its price, or the open beyond it": case(
        [GO, (100, 101, 90, 91, 9), GO, (60, 61, 59, 60, 1), FLAT], leverage=10, max_hold=5
    ),
    "3.8 an exit that would cost more than the margin keeps its price and reason": case(
        [GO, FLAT, (97, 98, 95.6, 96, 1), FLAT],
        leverage=20,
        fees=0.01,
        stop_loss_pct=4.2,
        starting_balance=1000,
    ),
    "3.14 break even moves the stop once, to the entry as it is then": case(
        [GO, FLAT, (100, 102.5, 100, 102, 1), (102, 104, 102, 103, 1), (103, 103, 90, 95, 1)],
        stop_loss_pct=2,
        break_even_at_r=1,
        adds=[{"at_pct": 1, "size_pct": 100}, {"at_pct": 3.5, "size_pct": 100}],
    ),
    "3.15 a part too small for the market goes to the next target, what rounding takes stays": case(
        [GO, FLAT, (100, 101.5, 99, 101, 1), (101, 102.5, 101, 102, 1), (102, 104, 101, 103, 1)],
        limits=Limits(Decimal(1), Decimal(3), Decimal(1)),
        target=[
            {"pct": 1, "close_pct": 25},
            {"pct": 2, "close_pct": 26},
            {"pct": 3, "close_pct": 30},
        ],
        max_hold=5,
    ),
    "3.17 the quantity that a risk buys is rounded once": case(
        [(97, 98, 94.75, 97, 9), (97.25, 98, 97, 97.5, 1), (98, 98, 97, 98, 1)],
        limits=Limits(Decimal(1), Decimal(1), Decimal(1)),
        leverage=7,
        trade_size_pct=None,
        risk_pct=0.5,
        stop={"level": "low"},
        max_hold=1,
    ),
    "3.18 of several exits due at once the reason is signal, max_hold, flat_at": case(
        [GO, FLAT, (100, 101, 99, 100, 5), FLAT, FLAT, FLAT, GO, FLAT, FLAT, FLAT],
        exit_conditions=[{"indicator": "volume", "operator": "eq", "value": 5}],
        max_hold=2,
        flat_at="12:00",
    ),
    "3.19 a stop between an order's price and its slipped fill is certain": case(
        [GO, (99, 102, 99, 101, 1), FLAT],
        slippage_pct=2,
        entry={"stop": "high"},
        stop={"level": "high + 1"},
    ),
    "3.20 a stop behind an add against is certain, unless a target is reached too": case(
        [GO, FLAT, (100, 101, 94, 95, 9), FLAT, (100, 101, 94, 103, 1), FLAT],
        stop_loss_pct=4,
        take_profit_pct=3,
        adds=[{"at_pct": -2, "size_pct": 100}],
    ),
    "3.20 adds at one price fill in the order of the list": case(
        [GO, FLAT, (100, 101, 97, 98, 1), FLAT],
        trade_size_pct=40,
        max_hold=2,
        adds=[
            {"at_pct": -2, "size_pct": 25},
            {"at_pct": -2, "size_pct": 100},
            {"at_pct": -2, "size_pct": 50},
        ],
    ),
}


def test_an_add_of_less_than_a_lot_is_refused_by_the_limits_not_for_want_of_balance() -> None:
    assert not difference(
        case(
            [GO, FLAT, (100, 101, 97, 99, 1), FLAT, FLAT],
            limits=Limits(Decimal(1), Decimal(1), Decimal(1)),
            trade_size_pct=3,
            max_hold=4,
            adds=[{"at_pct": -2, "size_pct": 25}],
        )
    )


@pytest.mark.parametrize("sentence", BY_THE_PAGES)
def test_a_sentence_of_the_pages_at_its_edge(sentence: str) -> None:
    assert not difference(BY_THE_PAGES[sentence])
