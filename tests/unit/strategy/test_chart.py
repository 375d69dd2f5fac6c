"""Is a chart made of the numbers that a strategy saw, in any timeframe above its own?"""

from __future__ import annotations

import numpy as np
import pytest

from core.market.candles.candles import Candles
from core.market.candles.timeframes import DAY, Timeframe
from core.strategy.chart import ChartError, strategy_chart
from core.strategy.chart_values import timeframes_from, whole_together
from core.strategy.config.config import StrategyConfig
from core.strategy.indicators.described import indicator_values
from core.strategy.signals.sources import signal_source
from tests.unit.strategy.making import condition, config

START = 1_700_438_400_000  # Monday 2023-11-20


def waves(count: int, step: int) -> Candles:
    time = START + step * np.arange(count, dtype=np.int64)
    close = 100 + 5 * np.sin(np.arange(count) / 7)
    open_ = np.append(100.0, close[:-1])
    high, low = np.maximum(open_, close) + 0.5, np.minimum(open_, close) - 0.5
    return Candles(time, open_, high, low, close, np.full(count, 2.0))


def hourly(**changes: object) -> StrategyConfig:
    indicators = [
        {"name": "rsi", "params": {"period": 5}},
        {"name": "bollinger", "params": {"period": 8}},
        {"name": "macd", "params": {}},
    ]
    return config(timeframe="1h", indicators=indicators, **changes)


def test_indicators_that_are_prices_lie_over_the_candles_and_others_apart() -> None:
    chart = strategy_chart(hourly(), waves(200, Timeframe.H1.ms))
    assert [(line.name, line.pane) for line in chart.lines] == [
        ("rsi", "rsi"),
        *(("bollinger.mid", ""), ("bollinger.lower", ""), ("bollinger.upper", "")),
        *(("macd.line", "macd"), ("macd.signal", "macd"), ("macd.histogram", "macd")),
    ]
    assert chart.lines[0].values[:5] == (None,) * 5
    assert (len(chart.candles), chart.more) == (200, False)


def test_lines_of_longer_candles_tell_the_lowest_and_highest_within_each() -> None:
    market = waves(200, Timeframe.H1.ms)
    own = strategy_chart(hourly(), market)
    assert all((line.lows, line.highs) == ((), ()) for line in own.lines)
    chart = strategy_chart(hourly(), market, "1d", until=START + 6 * DAY, count=5)
    assert [one.time for one in chart.candles] == [START + n * DAY for n in range(1, 6)]
    for line, each in zip(chart.lines, own.lines, strict=True):
        for at in range(5):
            within = [one for one in each.values[24 * (at + 1) : 24 * (at + 2)] if one is not None]
            assert line.values[at] == within[-1]
            assert (line.lows[at], line.highs[at]) == (min(within), max(within))
    rsi = strategy_chart(hourly(), market, "4h").lines[0]
    known = [one for one in own.lines[0].values[4:8] if one is not None]
    assert (rsi.lows[0], rsi.highs[0]) == (None, None)
    assert len(known) == 3, "from the first that is known on"
    assert (rsi.lows[1], rsi.highs[1]) == (min(known), max(known))


def test_a_line_has_the_numbers_that_conditions_compare_it_with() -> None:
    made = hourly(
        entry_conditions=[
            condition("rsi", "lt", 30),
            {"any": [condition("macd.signal", "gt", 0), condition("close", "gt", "bollinger")]},
        ],
        exit_conditions=[condition("rsi", "gt", 70), condition("rsi", "cross_above", 30)],
    )
    lines = strategy_chart(made, waves(200, Timeframe.H1.ms)).lines
    told = {line.name: line.thresholds for line in lines if line.thresholds}
    assert told == {"rsi": (30.0, 70.0), "macd.signal": (0.0,)}


def test_the_lines_that_conditions_read_come_first() -> None:
    made = hourly(
        entry_conditions=[condition("close", "gt", "bollinger.upper")],
        exit_conditions=[{"any": [condition("macd.signal", "gt", 0)]}],
    )
    lines = strategy_chart(made, waves(200, Timeframe.H1.ms)).lines
    assert [line.name for line in lines] == [
        *("bollinger.upper", "macd.signal"),
        *("rsi", "bollinger.mid", "bollinger.lower", "macd.line", "macd.histogram"),
    ]
    assert lines[0].values[-1] != lines[3].values[-1] != lines[4].values[-1]


def test_lines_and_conditions_name_the_same_thing_in_the_same_way() -> None:
    made = hourly(
        entry_conditions=[
            condition("close", "cross_above", "bollinger"),
            condition("close", "gt", "bollinger + 1"),
            condition("macd.signal", "lt", "macd"),
        ]
    )
    chart = strategy_chart(made, waves(200, Timeframe.H1.ms))
    assert [one.text for one in chart.conditions or ()][:4] == [
        "close crosses above bollinger.mid",
        *("close > bollinger.mid + 1", "bollinger.mid"),
        "macd.signal < macd.line",
    ]
    assert {"bollinger.mid", "macd.line"} <= {line.name for line in chart.lines}


def test_an_indicator_of_another_series_is_no_price() -> None:
    indicators = [
        *({"name": "rsi", "params": {"period": 5}}, {"name": "ichimoku", "params": {}}),
        {"name": "ema", "key": "smooth", "params": {"period": 5}, "source": "rsi"},
    ]
    made = strategy_chart(
        config(timeframe="1h", indicators=indicators), waves(200, Timeframe.H1.ms)
    )
    panes = {line.name: line.pane for line in made.lines}
    assert panes["smooth"] == "smooth"
    assert panes["ichimoku.span_b"] == ""


@pytest.mark.parametrize("timeframe", ["1h", "4h", "1d", "1w"])
def test_a_longer_candle_holds_its_own_and_the_indicator_at_its_close(timeframe: str) -> None:
    candles, strategy = waves(24 * 20, Timeframe.H1.ms), hourly()
    chart = strategy_chart(strategy, candles, timeframe)
    length = Timeframe(timeframe).ms
    rsi = indicator_values(strategy.indicators[0], candles, Timeframe.H1)["value"]
    for one, shown in zip(chart.candles, chart.lines[0].values, strict=True):
        assert Timeframe(timeframe).floor(one.time) == one.time
        own = [n for n, time in enumerate(candles.time) if one.time <= time < one.time + length]
        assert one.open == candles.open[own[0]]
        assert one.close == candles.close[own[-1]]
        assert one.high == candles.high[own].max()
        assert one.low == candles.low[own].min()
        assert one.volume == candles.volume[own].sum()
        assert shown == (None if np.isnan(rsi[own[-1]]) else rsi[own[-1]])
    assert list(chart.candles) == whole_together(list(candles), length, 4 * DAY)
    assert chart.candles[0].time >= candles.time[0]


@pytest.mark.parametrize("timeframe", ["4h", "1d"])
def test_a_longer_candle_that_began_before_the_first_at_hand_is_left_out(timeframe: str) -> None:
    length = Timeframe(timeframe).ms
    candles = waves(24 * 8, Timeframe.H1.ms)
    later = candles.slice(1 + (-int(candles.time[0]) // Timeframe.H1.ms) % 4, len(candles))
    assert later.time[0] % length
    chart = strategy_chart(hourly(), later, timeframe)
    assert chart.candles[0].time == -(-int(later.time[0]) // length) * length
    first = int(np.searchsorted(later.time, chart.candles[0].time))
    assert chart.candles[0].open == later.open[first]
    assert whole_together(list(later), length)[0] == chart.candles[0]
    # What there is of the only one is shown.
    few = later.slice(0, 2)
    assert len(whole_together(list(few), length)) == 1
    assert len(strategy_chart(hourly(), few, timeframe).candles) == 1


def test_a_chart_ends_where_it_is_asked_to_and_says_whether_there_is_more() -> None:
    candles = waves(100, Timeframe.H1.ms)
    until = int(candles.time[60])
    chart = strategy_chart(hourly(), candles, None, until, 10)
    assert [one.time for one in chart.candles] == candles.time[50:60].tolist()
    assert chart.more
    assert not strategy_chart(hourly(), candles, None, START, 10).candles
    assert not strategy_chart(hourly(), candles.slice(0, 0)).candles


@pytest.mark.parametrize("timeframe", ["30m", "5m", "1x", ""])
def test_no_chart_is_made_of_less_than_the_candles_there_are(timeframe: str) -> None:
    with pytest.raises(ChartError, match="multiples"):
        strategy_chart(hourly(), waves(50, Timeframe.H1.ms), timeframe)


def test_the_timeframes_above_are_multiples() -> None:
    assert timeframes_from("4h") == ("4h", "8h", "12h", "1d", "3d", "1w")
    assert timeframes_from("strange") == ("strange",)


def test_its_conditions_read_what_a_session_read_at_the_close_of_its_last_candle() -> None:
    rsi = {"indicator": "rsi", "operator": "<", "value": 45, "for": 2}
    strategy = hourly(
        entry_conditions=[{"any": [rsi, condition("close", "cross_above", "bollinger.upper")]}],
        exit_conditions=[condition("rsi", ">", 60)],
    )
    candles = waves(120, Timeframe.H1.ms)
    stream = signal_source(strategy).stream()
    seen = set()
    for at, candle in enumerate(candles):
        stream.update(candle)
        chart = strategy_chart(strategy, candles, None, candle.time + 1, 1)
        assert (chart.candles, chart.conditions) == ((candle,), stream.readings()), at
        seen |= {(one.text, one.holds) for one in chart.conditions or ()}
    assert {("any of", True), ("any of", False), ("for 2 candles", True)} <= seen
    longer = strategy_chart(strategy, candles, "4h")
    assert longer.conditions == stream.readings()
