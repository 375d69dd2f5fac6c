"""Published strategies can be written down; six of them trade as worked out here by plain loops."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest

from core.backtest.run import run_backtest
from core.market.candles.candles import Candle, Candles
from core.strategy.config.parsing import parse_config
from core.strategy.signals.sources import signal_series, signal_source
from tests.unit.strategy.making import START, values_of
from tests.unit.strategy.published import LEFT_OUT, PUBLISHED, published

MINUTES = {"5m": 5, "15m": 15, "1h": 60, "4h": 240, "1d": 1440}


def market(timeframe: str, count: int, seed: int = 5) -> Candles:
    """Candles of a market with quiet and wild times, from a midnight on."""
    random = np.random.default_rng(seed)
    wild = np.repeat(random.choice([0.004, 0.012, 0.03], count // 50 + 1), 50)[:count]
    close = 100 * np.exp(np.cumsum(random.standard_t(4, count) * wild / 1.4))
    opened = np.concatenate(([100.0], close[:-1]))
    return Candles(
        START + np.arange(count) * MINUTES[timeframe] * 60_000,
        opened,
        np.maximum(opened, close) * (1 + np.abs(random.normal(0, 0.003, count))),
        np.minimum(opened, close) * (1 - np.abs(random.normal(0, 0.003, count))),
        close,
        random.exponential(10.0, count),
    )


def test_there_are_twenty_two_and_few_leave_something_out() -> None:
    assert len(PUBLISHED) == 22
    assert len(LEFT_OUT) <= 2
    assert LEFT_OUT.keys() < PUBLISHED.keys()


@pytest.mark.parametrize("name", PUBLISHED)
def test_each_is_valid_without_warnings_and_streams_as_it_is_computed(name: str) -> None:
    parsed = parse_config(published(name))
    assert parsed.warnings == ()
    candles = market(parsed.config.timeframe.value, 700)
    series, stream = signal_series(parsed.config, candles), signal_source(parsed.config).stream()
    assert [stream.update(candle) for candle in candles] == series.flags.tolist()
    told = run_backtest(parsed.config, {parsed.config.symbols[0]: candles}).warnings
    assert not [one for one in told if "no exit condition acts" in one]


@pytest.mark.parametrize("period", [1, 3])
def test_the_extremes_of_so_many_candles(period: int) -> None:
    rows = list(market("5m", 50))
    found = values_of({"donchian": period}, market("5m", 50))
    for at in range(period - 1, len(rows)):
        window = rows[at - period + 1 : at + 1]
        assert found["upper"][at] == max(row.high for row in window)
        assert found["lower"][at] == min(row.low for row in window)


class Signals(NamedTuple):
    """What a strategy says at each close, None before everything it looks at is known."""

    enter: list[bool | None]
    leave: list[bool]


class Made(NamedTuple):
    entered: int
    left: int
    entry: float
    exit: float


def trades(rows: list[Candle], said: Signals, stop_pct: float = 0, max_hold: int = 0) -> list[Made]:
    """The trades of a long strategy with market orders, by the rules as they read."""
    made: list[Made] = []
    entered: tuple[int, float] | None = None
    enter_due = exit_due = False
    for at, row in enumerate(rows):
        if exit_due and entered is not None:
            made.append(Made(entered[0], row.time, entered[1], row.open))
            entered = None
        if enter_due and entered is None:
            entered = (row.time, row.open)
        if entered is not None and stop_pct:
            stop = entered[1] * (1 - stop_pct / 100)
            if row.low <= stop:
                made.append(Made(entered[0], row.time, entered[1], min(row.open, stop)))
                entered = None
        decided = said.enter[at] is not None
        enter, leave = bool(said.enter[at]), said.leave[at] and decided
        enter_due = enter and not leave and entered is None
        exit_due = leave and not enter and entered is not None
        if entered is not None and max_hold:
            held = sum(entered[0] <= one.time <= row.time for one in rows[at - max_hold : at + 1])
            exit_due = exit_due or held >= max_hold
    return made


def average(values: list[float], at: int, period: int) -> float:
    if at < period - 1:
        return math.nan
    return sum(values[at - period + 1 : at + 1]) / period


def exponential(values: list[float], period: int) -> list[float]:
    found: list[float] = []
    for at, value in enumerate(values):
        if at < period - 1:
            found.append(math.nan)
        elif at == period - 1:
            found.append(average(values, at, period))
        else:
            found.append(found[-1] + (value - found[-1]) * 2 / (period + 1))
    return found


def relative_strength(values: list[float], period: int) -> list[float]:
    found = [math.nan] * len(values)
    gain = loss = 0.0
    for at in range(1, len(values)):
        up, down = max(values[at] - values[at - 1], 0), max(values[at - 1] - values[at], 0)
        if at <= period:
            gain, loss = gain + up / period, loss + down / period
        else:
            gain = (gain * (period - 1) + up) / period
            loss = (loss * (period - 1) + down) / period
        if at >= period:
            found[at] = 100 * gain / (gain + loss)
    return found


def said(
    enter: Callable[[int], bool], leave: Callable[[int], bool], first: int, count: int
) -> Signals:
    """Signals from the candle on at which everything is known."""
    known = range(first, count)
    return Signals(
        [enter(at) if at in known else None for at in range(count)],
        [at in known and leave(at) for at in range(count)],
    )


def connors(rows: list[Candle]) -> list[Made]:
    close = [row.close for row in rows]
    rsi = relative_strength(close, 2)
    signals = said(
        lambda at: close[at] > average(close, at, 200) and rsi[at] < 5,
        lambda at: close[at] > average(close, at, 5),
        199,
        len(rows),
    )
    return trades(rows, signals, max_hold=5)


def golden_cross(rows: list[Candle]) -> list[Made]:
    close = [row.close for row in rows]
    gap = [average(close, at, 50) - average(close, at, 200) for at in range(len(rows))]
    signals = said(
        lambda at: gap[at - 1] <= 0 < gap[at], lambda at: gap[at - 1] >= 0 > gap[at], 199, len(rows)
    )
    return trades(rows, signals)


def heikin_ashi(rows: list[Candle]) -> list[Made]:
    colours: list[int] = []
    opened = closed = math.nan
    for row in rows:
        opened = (row.open + row.close) / 2 if math.isnan(opened) else (opened + closed) / 2
        closed = (row.open + row.high + row.low + row.close) / 4
        colours.append((closed > opened) - (closed < opened))
    signals = said(
        lambda at: colours[max(at - 2, 0) : at + 1] == [1] * 3,
        lambda at: colours[max(at - 2, 0) : at + 1] == [-1] * 3,
        0,
        len(rows),
    )
    return trades(rows, signals)


def daily_trend(rows: list[Candle]) -> list[Made]:
    close = [row.close for row in rows]
    rsi = relative_strength(close, 14)
    days = exponential(close[23::24], 50)  # the closes of whole days
    trend = [days[(at + 1) // 24 - 1] if at >= 23 else math.nan for at in range(len(rows))]
    signals = said(
        lambda at: close[at] > trend[at] and rsi[at] < 40,
        lambda at: rsi[at] > 60,
        50 * 24 - 1,
        len(rows),
    )
    return trades(rows, signals)


def stochastic_rsi(rows: list[Candle]) -> list[Made]:
    close = [row.close for row in rows]
    rsi, ema = relative_strength(close, 14), exponential(close, 50)
    raw = [math.nan] * len(rows)
    for at in range(27, len(rows)):
        window = rsi[at - 13 : at + 1]
        raw[at] = 100 * (rsi[at] - min(window)) / (max(window) - min(window))
    k = [average(raw, at, 3) for at in range(len(rows))]
    d = [average(k, at, 3) for at in range(len(rows))]
    signals = said(
        lambda at: k[at - 1] <= d[at - 1] and k[at] > d[at] and k[at] < 20 and close[at] > ema[at],
        lambda at: k[at] > 80,
        49,
        len(rows),
    )
    return trades(rows, signals, stop_pct=3)


def vwap_reversion(rows: list[Candle]) -> list[Made]:
    close = [row.close for row in rows]
    rsi = relative_strength(close, 14)
    vwap = []
    money = volume = 0.0
    for at, row in enumerate(rows):
        if at % 96 == 0:
            money = volume = 0.0
        money += (row.high + row.low + row.close) / 3 * row.volume
        volume += row.volume
        vwap.append(money / volume)
    signals = said(
        lambda at: close[at] < 0.98 * vwap[at] and rsi[at] < 30,
        lambda at: close[at] >= vwap[at],
        14,
        len(rows),
    )
    return trades(rows, signals, stop_pct=2)


@pytest.mark.parametrize(
    ("name", "plainly"),
    [
        ("connors_rsi2", connors),
        ("golden_cross", golden_cross),
        ("heikin_ashi", heikin_ashi),
        ("daily_trend", daily_trend),
        ("stochastic_rsi", stochastic_rsi),
        ("vwap_reversion", vwap_reversion),
    ],
)
def test_the_trades_are_those_worked_out_by_hand(
    name: str, plainly: Callable[[list[Candle]], list[Made]]
) -> None:
    config = parse_config(published(name)).config
    candles = market(config.timeframe.value, 4_000)
    found = run_backtest(config, {config.symbols[0]: candles}).trades
    plain = plainly(list(candles))
    assert len(plain) > 5
    assert [(one.entry_time, one.exit_time) for one in found] == [one[:2] for one in plain]
    assert [one.entry_price for one in found] == pytest.approx([one.entry for one in plain])
    assert [one.exit_price for one in found] == pytest.approx([one.exit for one in plain])
