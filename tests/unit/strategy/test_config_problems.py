"""Every mistake in a config has its own message: where, what was found, what is allowed."""

from __future__ import annotations

from typing import Any

import pytest

from core.strategy.config.parsing import parse_config
from core.strategy.config.problems import ConfigError
from tests.unit.strategy.making import condition, problems, problems_of, written

TIMEFRAMES = "1m, 3m, 5m, 15m, 30m, 1h, 2h, 4h, 6h, 8h, 12h, 1d, 3d, 1w"
OPERATORS = "lt, gt, lte, gte, eq, ne, cross_above, cross_below"
SERIES = "rsi, open, high, low, close, volume, hl2, hlc3, ohlc4, hour, minute, weekday"
PER_CENT_OF_PRICE = "per cent of price; leave it out for none"

CASES: list[tuple[dict[str, Any], str]] = [
    # names
    ({"name": ...}, "name: found nothing, expected 1 to 64 letters, digits, - and _"),
    ({"name": "my bot"}, "name: found 'my bot', expected 1 to 64 letters, digits, - and _"),
    ({"name": "../x"}, "name: found '../x', expected 1 to 64 letters, digits, - and _"),
    ({"name": "a\n"}, "name: found 'a\\n', expected 1 to 64 letters, digits, - and _"),
    (
        {"name": "gr\u202eöße"},
        "name: found 'gr\\u202eöße', expected 1 to 64 letters, digits, - and _",
    ),
    ({"name": 7}, "name: found 7, expected 1 to 64 letters, digits, - and _"),
    # symbols
    (
        {"symbols": ...},
        'symbols: found nothing, expected a list of at least one symbol, like ["BTC/USDT"]',
    ),
    (
        {"symbols": []},
        'symbols: found an empty list, expected a list of at least one symbol, like ["BTC/USDT"]',
    ),
    (
        {"symbols": "BTC/USDT"},
        "symbols: found 'BTC/USDT', expected a list of at least one symbol, like [\"BTC/USDT\"]",
    ),
    (
        {"symbols": ["BTC"]},
        "symbols[0]: found 'BTC', expected BTC/USDT (spot), BTC/USDT:USDT (perpetual) or BTCUSDT",
    ),
    (
        {"symbols": ["BTC/USDT", "btcusdt"]},
        "symbols[1]: found 'btcusdt', expected each symbol once: BTC/USDT is there already",
    ),
    # timeframes
    ({"timeframe": ...}, f"timeframe: found nothing, expected one of {TIMEFRAMES}"),
    (
        {"timeframe": "4hr"},
        f"timeframe: found '4hr', expected one of {TIMEFRAMES}; did you mean 4h?",
    ),
    (
        {"timeframe": "1M"},
        f"timeframe: found '1M', expected one of {TIMEFRAMES}; did you mean 1m?",
    ),
    ({"timeframe": 60}, f"timeframe: found 60, expected one of {TIMEFRAMES}"),
    # numbers
    (
        {"stop_loss_pct": "5"},
        "stop_loss_pct: found '5', expected a number above 0 and below 100 "
        f"({PER_CENT_OF_PRICE}), without quotes",
    ),
    (
        {"stop_loss_pct": True},
        f"stop_loss_pct: found true, expected a number above 0 and below 100 ({PER_CENT_OF_PRICE})",
    ),
    (
        {"stop_loss_pct": 100},
        f"stop_loss_pct: found 100, expected a number above 0 and below 100 ({PER_CENT_OF_PRICE})",
    ),
    (
        {"stop_loss_pct": 0},
        f"stop_loss_pct: found 0, expected a number above 0 and below 100 ({PER_CENT_OF_PRICE})",
    ),
    (
        {"take_profit_pct": -15},
        "take_profit_pct: found -15, expected a number above 0 and up to 100000 "
        f"({PER_CENT_OF_PRICE})",
    ),
    (
        {"trade_size_pct": 101},
        "trade_size_pct: found 101, expected a number above 0 and up to 100",
    ),
    ({"leverage": 0.5}, "leverage: found 0.5, expected a number from 1 to 125"),
    ({"leverage": 126}, "leverage: found 126, expected a number from 1 to 125"),
    (
        {"leverage": 10**600},
        "leverage: found a whole number of about 600 digits, expected a number from 1 to 125",
    ),
    (
        {"fees": 6},
        "fees: found 6, expected a number from 0 and below 1 (a fraction: 0.0006 is 0.06 per cent)",
    ),
    (
        {"slippage_pct": float("nan")},
        "slippage_pct: found nan, expected a number from 0 and below 100",
    ),
    (
        {"starting_balance": float("inf")},
        "starting_balance: found inf, expected a number from 1e-06 to 1e+15",
    ),
    (
        {"starting_balance": 1e-300},
        "starting_balance: found 1e-300, expected a number from 1e-06 to 1e+15",
    ),
    (
        {"trade_amount": 1e-300},
        "trade_amount: found 1e-300, expected a number from 1e-06 to 1e+15 (quote currency)",
    ),
    (
        {"starting_balance": None},
        "starting_balance: found null, expected a number from 1e-06 to 1e+15",
    ),
    ({"max_hold": 2.5}, "max_hold: found 2.5, expected a whole number from 1 to 1000000"),
    ({"max_hold": 0}, "max_hold: found 0, expected a whole number from 1 to 1000000"),
    (
        {"max_drawdown_pct": "8%"},
        "max_drawdown_pct: found '8%', expected a number above 0 and up to 100, without quotes",
    ),
    # directions
    ({"direction": "up"}, "direction: found 'up', expected one of long, short, both"),
    (
        {"direction": "shrot"},
        "direction: found 'shrot', expected one of long, short, both; did you mean short?",
    ),
    (
        {"entry_conditions": [condition("rsi", "lt", 30, "long")]},
        "entry_conditions[0].direction: found 'long', expected no direction here: "
        'the strategy\'s is "long", not "both"',
    ),
    (
        {"direction": "both", "entry_conditions": [condition("rsi", "lt", 30, "both")]},
        "entry_conditions[0].direction: found 'both', expected one of long, short",
    ),
    (
        {"direction": "both"},
        "entry_conditions: found conditions by which neither side can ever enter: "
        'both sides together cancel out, expected a "direction" of "long" or "short" '
        "on the conditions that tell the sides apart",
    ),
    (
        {
            "direction": "both",
            "entry_conditions": [condition("rsi", "lt", 30), condition("close", "gt", 5, "long")],
        },
        "entry_conditions: found conditions by which no long can ever enter: "
        'both sides together cancel out, expected a "direction" of "long" or "short" '
        "on the conditions that tell the sides apart",
    ),
    # conditions
    (
        {"entry_conditions": ...},
        "entry_conditions: found nothing, expected a list of at least one condition",
    ),
    (
        {"entry_conditions": []},
        "entry_conditions: found an empty list, expected a list of at least one condition",
    ),
    (
        {"entry_conditions": condition("rsi", "lt", 30)},
        "entry_conditions: found a mapping, expected a list of conditions",
    ),
    (
        {"entry_conditions": ["rsi < 30"]},
        "entry_conditions[0]: found 'rsi < 30', expected a condition like "
        '{"indicator": "rsi", "operator": "lt", "value": 30}',
    ),
    (
        {"entry_conditions": [{**condition("rsi", "lt", 30), "feild": "value"}]},
        "entry_conditions[0].feild: found an unknown key, expected only indicator, field, "
        "operator, value, for, within, direction, any, all, not; did you mean field?",
    ),
    (
        {"entry_conditions": [{"operator": "lt", "value": 30}]},
        f"entry_conditions[0].indicator: found nothing, expected one of {SERIES}",
    ),
    (
        {"entry_conditions": [condition("rsl", "lt", 30)]},
        f"entry_conditions[0].indicator: found 'rsl', expected one of {SERIES}; did you mean rsi?",
    ),
    (
        {"entry_conditions": [{**condition("rsi", "lt", 30), "field": "signal"}]},
        "entry_conditions[0].field: found 'signal', expected a field of rsi: value",
    ),
    (
        {"entry_conditions": [condition("rsi.hist", "lt", 30)]},
        "entry_conditions[0].indicator: found 'rsi.hist', expected a field of rsi: value",
    ),
    (
        {"entry_conditions": [{**condition("close", "lt", 30), "field": "upper"}]},
        "entry_conditions[0].field: found 'upper', expected no field: close is a series by itself",
    ),
    (
        {"entry_conditions": [condition("rsi", "less than", 30)]},
        f"entry_conditions[0].operator: found 'less than', expected one of {OPERATORS}",
    ),
    (
        {"entry_conditions": [condition("rsi", "lessthan", 30)]},
        f"entry_conditions[0].operator: found 'lessthan', expected one of {OPERATORS}; "
        "did you mean lt?",
    ),
    (
        {"entry_conditions": [condition("rsi", "cross_abov", 30)]},
        f"entry_conditions[0].operator: found 'cross_abov', expected one of {OPERATORS}; "
        "did you mean cross_above?",
    ),
    (
        {"entry_conditions": [condition("rsi", "lt", "30")]},
        "entry_conditions[0].value: found '30', expected a number without quotes",
    ),
    (
        {"entry_conditions": [condition("rsi", "lt", True)]},
        "entry_conditions[0].value: found true, expected a number, "
        'or a series like "close", "ema_21", "macd.signal"',
    ),
    (
        {"entry_conditions": [condition("rsi", "lt", float("nan"))]},
        "entry_conditions[0].value: found nan, expected a number",
    ),
    (
        {"entry_conditions": [condition("rsi", "lt", 10**400)]},
        "entry_conditions[0].value: found a whole number of about 400 digits, expected a number",
    ),
    (
        {"entry_conditions": [condition("rsi", "lt", "ema_21")]},
        f"entry_conditions[0].value: found 'ema_21', expected one of {SERIES}",
    ),
    (
        {"exit_conditions": [condition("rsi", "gt", "clsoe")]},
        f"exit_conditions[0].value: found 'clsoe', expected one of {SERIES}; did you mean close?",
    ),
    (
        {"exit_conditions": [], "stop_loss_pct": ..., "take_profit_pct": None},
        "exit_conditions: found no way out of a position, expected at least one exit condition, "
        "or one of stop_loss_pct, take_profit_pct, trailing_stop_pct, max_hold, stop, target, roi, "
        "flat_at",
    ),
    # documents' keys
    (
        {"description": b"x"},
        "description: found a value of type bytes, "
        "expected text, numbers, dates, lists and mappings",
    ),
    ({"risk": {1: 2}}, "risk.1: found 1, expected a key that is a text"),
]


@pytest.mark.parametrize(("changes", "expected"), CASES)
def test_one_mistake_one_message(changes: dict[str, Any], expected: str) -> None:
    assert problems(**changes) == [expected]


INDICATOR_CASES: list[tuple[Any, str]] = [
    (
        ["rsi"],
        "indicators[0]: found 'rsi', expected an indicator like "
        '{"name": "rsi", "params": {"period": 14}}',
    ),
    (
        [{"params": {"period": 14}, "key": "rsi"}],
        "indicators[0].name: found nothing, expected the name of an indicator",
    ),
    (
        [{"name": "rsi", "period": 14}],
        'indicators[0].period: found a parameter, expected it within "params": '
        '{"params": {"period": …}}',
    ),
    (
        [{"name": "rsi", "parms": {}}],
        "indicators[0].parms: found an unknown key, expected only name, params, key, offset, "
        "source, timeframe; "
        "did you mean params?",
    ),
    (
        [{"name": "rsi", "params": {"lenght": 14}}],
        "indicators[0].params.lenght: found an unknown parameter, expected only period, "
        "offset, source, timeframe",
    ),
    (
        [{"name": "rsi", "params": {"perod": 14}}],
        "indicators[0].params.perod: found an unknown parameter, expected only period, "
        "offset, source, timeframe; "
        "did you mean period?",
    ),
    (
        [{"name": "rsi", "params": {"period": 14, "length": 21}}],
        "indicators[0].params.length: found period again, "
        "expected it once: indicators[0].params.period gives it",
    ),
    (
        [{"name": "rsi", "params": 14}],
        "indicators[0].params: found 14, expected a mapping of parameters",
    ),
    (
        [{"name": "rsi", "params": {"period": 1}}],
        "indicators[0].params.period: found 1, expected a whole number from 2 to 10000",
    ),
    (
        [{"name": "rsi", "params": {"period": 14.5}}],
        "indicators[0].params.period: found 14.5, expected a whole number from 2 to 10000",
    ),
    (
        {"rsi": "14"},
        'indicators.rsi: found \'14\', expected a mapping like {"params": {"period": 14}}, '
        "or the period",
    ),
    (
        [{"name": "rsi", "params": {"offset": -1}}],
        "indicators[0].params.offset: found -1, expected a whole number from 0 to 10000",
    ),
    (
        [{"name": "rsi"}, {"name": "RSI"}],
        "indicators[1].key: found 'rsi', expected a \"key\" of its own: indicators[0] has this one",
    ),
    (
        [{"name": "rsi"}, {"name": "ema", "key": "Close"}],
        "indicators[1].key: found 'Close', expected another word: "
        "open, high, low, close, volume, price are prices",
    ),
    (
        [{"name": "rsi"}, {"name": "ema", "key": "ema.fast"}],
        "indicators[1].key: found 'ema.fast', expected a word of letters, digits, - and _ "
        "that begins with a letter",
    ),
    (
        [{"name": "rsi"}, {"macd": 12}],
        "indicators[1].macd: found 12, expected its parameters by name: "
        "fast_period, slow_period, signal_period, offset",
    ),
    (
        [{"name": "rsi"}, {"name": "psar", "params": {"step": 0.3}}],
        "indicators[1].params.step: found 0.3, expected at most max, which is 0.2",
    ),
    (
        [{"name": "rsi"}, {"name": "vwap", "params": {"anchor": "week"}}],
        "indicators[1].params.anchor: found 'week', expected one of day, none",
    ),
    (
        [{"name": "rsi"}, {"name": "bbands", "params": {"std": "2"}}],
        "indicators[1].params.std: found '2', expected a number from 0.01 to 100, without quotes",
    ),
]


@pytest.mark.parametrize(("indicators", "expected"), INDICATOR_CASES)
def test_one_mistake_in_an_indicator_one_message(indicators: Any, expected: str) -> None:
    # What refers to an indicator with a mistake is not blamed as well.
    assert problems(indicators=indicators) == [expected]


def test_indicators_are_a_list_or_a_mapping() -> None:
    assert problems(indicators="rsi")[0] == (
        'indicators: found \'rsi\', expected a list of {"name": …, "params": {…}}, '
        "or a mapping of names to parameters"
    )


def test_a_condition_is_not_blamed_for_the_misspelt_name_of_its_indicator() -> None:
    for name in ("rsii", "rsi"):
        entries = [{"indicator": name, "operator": "lt", "value": 30}]
        (problem,) = problems(indicators=[{"name": "rsii"}], entry_conditions=entries)
        assert problem.endswith("did you mean rsi?")


def test_a_misspelt_indicator_is_named_with_its_nearest() -> None:
    (problem,) = problems(indicators=[{"name": "rsii", "key": "rsi"}])
    assert problem.startswith("indicators[0].name: found 'rsii', expected one of sma, ema, wma,")
    assert problem.endswith("; did you mean rsi?")


def test_an_alias_suggests_the_canonical_name() -> None:
    (problem,) = problems(indicators=[{"rsi": 14}, {"name": "stochastics_"}])
    assert problem.endswith("; did you mean stoch?")


@pytest.mark.parametrize(
    ("key", "right"),
    [("stop_loss", "stop_loss_pct"), ("symbol", "symbols"), ("tiemframe", "timeframe")],
)
def test_an_unknown_key_is_named_with_the_right_one(key: str, right: str) -> None:
    (problem,) = problems(**{key: 1})
    assert problem.startswith(f"{key}: found an unknown key, expected only name, symbols,")
    assert problem.endswith(f"; did you mean {right}?")


def test_all_mistakes_come_at_once() -> None:
    found = problems(
        name="", timeframe="4 h", stop_loss_pct="5", entry_conditions=[condition("rsi", "!", "x")]
    )
    assert [problem.partition(":")[0] for problem in found] == [
        "name",
        "timeframe",
        "entry_conditions[0].operator",
        "entry_conditions[0].value",
        "stop_loss_pct",
    ]


def test_a_problem_says_its_parts() -> None:
    with pytest.raises(ConfigError) as refusal:
        parse_config(written(entry_conditions=[condition("rsi", "cross_abov", 30)]))
    (problem,) = refusal.value.problems
    assert problem.path == "entry_conditions[0].operator"
    assert problem.found == "'cross_abov'"
    assert problem.expected == f"one of {OPERATORS}"
    assert problem.nearest == "cross_above"
    assert problem.line is None
    assert str(refusal.value) == f"1 problem in the config\n{problem}"


@pytest.mark.parametrize("raw", [None, [], "rsi", 5, {}, {1: 2}, [{}], b"", object()])
def test_what_is_no_config_at_all_is_refused(raw: object) -> None:
    assert problems_of(raw)


def deep_list(depth: int) -> list[Any]:
    nested: list[Any] = []
    for _ in range(depth):
        nested = [nested]
    return nested


def cyclic() -> dict[str, Any]:
    loop: dict[str, Any] = {}
    loop["again"] = loop
    return loop


@pytest.mark.parametrize(
    "changes",
    [
        {"description": deep_list(100_000)},
        {"risk": cyclic()},
        {"backtest": {"x": list(range(100_000))}},
        {"entry_conditions": [condition("rsi", "lt", 30)] * 100_000},
        {"entry_conditions": deep_list(100_000)},
        {"indicators": {f"x{number}": 1 for number in range(10_000)}},
        {"symbols": ["BTC/USDT"] * 10_000},
        {"name": "x" * 10_000_000},
        {"timeframe": "\x1b[31m4h"},
        {"\x1b]0;title\x07": 1},
        {"paper": 10**5000},
        {"indicators": {"\x1b[2J": None}},
        {"indicators": [{"name": "rsi", "time\x1fperiod": 14}]},
        {"entry_conditions": [condition("relative\x1fstrength\x1findex.valu", "lt", 3)]},
        {"indicators": [{"name": "rsi", "key": "\x1b[2J"}]},
    ],
    ids=lambda changes: next(iter(changes)).encode("ascii", "replace").hex()[:12],
)
def test_hostile_values_are_problems_in_printable_words(changes: dict[str, Any]) -> None:
    found = problems(**changes)
    assert found
    assert all(problem.isprintable() and len(problem) < 1000 for problem in found)


def test_a_word_that_is_like_none_gets_no_suggestion() -> None:
    (found,) = problems(tags=["trend"])
    assert found.startswith("tags: found an unknown key, expected only name, symbols,")
    assert "did you mean" not in found


@pytest.mark.parametrize("name", ["größe", "стратегия-2", "均线_交叉"])
def test_a_name_is_of_the_letters_of_any_language(name: str) -> None:
    assert parse_config(written(name=name)).config.name == name
