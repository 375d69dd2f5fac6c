"""A freqtrade strategy's declared values become a config; its code is listed with its lines."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.strategy.config.problems import ConfigError
from core.strategy.document.document import strategy_document
from core.strategy.importing.freqtrade import (
    Imported,
    Unread,
    import_freqtrade,
)
from core.strategy.importing.freqtrade_source import ImportRefusedError

HEAD = "from freqtrade.strategy import IStrategy\nHOUR = 60\nclass MyRSIStrategy(IStrategy):\n"
ENTRY = (
    '    def populate_entry_trend(self, dataframe, metadata):\n        return dataframe["x"] > 1\n'
)


def read(*attributes: str, settings: object = None, **named: str) -> Imported:
    body = "".join(f"    {line}\n" for line in attributes) or "    pass\n"
    text = None if settings is None else json.dumps(settings)
    return import_freqtrade(HEAD + body + ENTRY, "s.py", settings=text, **named)


def reason(found: Imported, what: str) -> Unread:
    (one,) = [one for one in found.unread if one.what == what]
    return one


@pytest.mark.parametrize(
    ("attributes", "config"),
    [
        (('timeframe = "15m"',), {"timeframe": "15m"}),
        (('ticker_interval: str = "1h"',), {"timeframe": "1h"}),
        (("stoploss = -0.105",), {"stop_loss_pct": 10.5}),
        (("can_short = True",), {"direction": "both"}),
        (("minimal_roi = {'0': 0.03}",), {"take_profit_pct": 3}),
        (
            ('minimal_roi = {"60": 0.01, HOUR * 2: 0, "0": 0.04}',),
            {"roi": {"0": 4, "60m": 1, "120m": 0}},
        ),
        (("minimal_roi = {'0': 100}",), {}),
        (
            ('timeframe = "5m"', "minimal_roi = {'0': 0.02, '60': 0.01, '1440': -1}"),
            {"timeframe": "5m", "roi": {"0": 2, "60m": 1}, "max_hold": 288},
        ),
        (
            ('timeframe = "1h"', "minimal_roi = {'120': -1}"),
            {"timeframe": "1h", "max_hold": 2},
        ),
        (("stoploss = -0.1", "trailing_stop = True"), {"trailing_stop_pct": 10}),
        (
            ("stoploss = -0.1", "trailing_stop = False", "trailing_stop_positive = 0.01"),
            {"stop_loss_pct": 10},
        ),
        (
            ("stoploss = -0.1", "def leverage(self, *a, **b): return 5"),
            {"leverage": 5, "stop_loss_pct": 2},
        ),
    ],
)
def test_what_is_declared_becomes_a_key(
    attributes: tuple[str, ...], config: dict[str, object]
) -> None:
    found = read(*attributes)
    keys = {"stop_loss_pct", "take_profit_pct", "trailing_stop_pct", "roi", "direction"}
    keys |= {"timeframe", "leverage", "max_hold"}
    assert {key: value for key, value in found.config.items() if key in keys} == config


def test_a_config_json_gives_pairs_and_money_and_overrides() -> None:
    found = import_freqtrade(
        HEAD + '    timeframe = "5m"\n    stoploss = -0.2\n' + ENTRY,
        "s.py",
        settings="""{ // a comment with "quotes"
        "stake_amount": "unlimited", "max_open_trades": 4, "dry_run_wallet": 500, "stoploss": -0.1,
        "exchange": {"pair_whitelist": ["BTC/USDT", "ETH/USDT:USDT", ".*/BTC", "BTC/USDT",], },
        /* and, another, */ }""",
    )
    assert found.config["symbols"] == ["BTC/USDT", "ETH/USDT:USDT"]
    assert found.config["trade_size_pct"] == 25
    assert found.config["starting_balance"] == 500
    assert found.config["stop_loss_pct"] == 10
    assert reason(found, "pair '.*/BTC'").why == "no single market"


def test_what_freqtrade_optimised_is_taken_in_place_of_the_class() -> None:
    tuned = {"params": {"stoploss": {"stoploss": -0.3}, "roi": {"0": 0.5, "10": 0.1}, "buy": {}}}
    found = read("stoploss = -0.1", tuned=json.dumps(tuned))
    assert found.config["stop_loss_pct"] == 30
    assert found.config["roi"] == {"0": 50, "10m": 10}


def test_what_cannot_be_read_has_its_lines_and_a_reason() -> None:
    found = read(
        "stoploss = compute()",
        "buy_rsi = IntParameter(10, 40, default=30)",
        "exit_profit_only = True",
        "use_exit_signal = True",
        "trailing_stop = True",
        "trailing_stop_positive = 0.01",
        "startup_candle_count = 30",
        'timeframe = "10m"',
    )
    assert reason(found, "stoploss") == Unread(4, 4, "stoploss", "compute() is worked out by code")
    assert "from 30 on" in reason(found, "buy_rsi").why
    assert "begins to trail" in reason(found, "trailing_stop_positive").why
    assert reason(found, "exit_profit_only").first == 6
    assert "expected 1m" in reason(found, "timeframe").why.replace("one of ", "")
    entry = reason(found, "populate_entry_trend")
    assert (entry.first, entry.last) == (12, 13)
    assert "entry_conditions" in entry.why
    assert not [
        one for one in found.unread if one.what in ("use_exit_signal", "startup_candle_count")
    ]


def test_the_document_lacks_its_conditions_and_nothing_else() -> None:
    found = read('timeframe = "1h"', "stoploss = -0.1", settings={"pair_whitelist": ["BTC/USDT"]})
    document = strategy_document(found.document, "s")
    assert document.config == found.config
    assert "   7 |         return" in document.prose
    with pytest.raises(ConfigError) as caught:
        document.parse()
    assert [problem.path for problem in caught.value.problems] == ["entry_conditions"]


def test_nothing_in_the_file_is_run(capsys: pytest.CaptureFixture[str]) -> None:
    found = import_freqtrade(
        'print("run")\n' + HEAD + "    stoploss = print('run') or -0.1\n" + ENTRY, "s.py"
    )
    assert capsys.readouterr().out == ""
    assert "stop_loss_pct" not in found.config


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("class A:\n  pass\n", "expected a class of IStrategy, found classes: A"),
        ("x = (", "line 1: no Python"),
        ("\0", "no Python"),
        ("x" * (1 << 21), "longer than"),
        (HEAD + "    pass\nclass B(IStrategy):\n    pass\n", "say which with --class"),
    ],
)
def test_what_is_no_strategy_is_refused(source: str, words: str) -> None:
    with pytest.raises(ImportRefusedError, match=words):
        import_freqtrade(source, "s.py")


def test_one_of_several_classes_is_chosen() -> None:
    source = HEAD + "    stoploss = -0.1\nclass B(IStrategy):\n    stoploss = -0.2\n"
    assert import_freqtrade(source, "s.py", wanted="B").config["stop_loss_pct"] == 20


def test_a_strategy_has_what_it_inherits_of_others_in_the_file() -> None:
    source = (
        HEAD + "    timeframe = '15m'\n    stoploss = -0.2\n    use_custom_stoploss = True\n"
        "class Mine(MyRSIStrategy):\n    stoploss = -0.1\n    use_custom_stoploss = False\n"
    )
    found = import_freqtrade(source, "s.py")
    assert found.name == "mine"
    assert (found.config["timeframe"], found.config["stop_loss_pct"]) == ("15m", 10)
    assert not [one for one in found.unread if "use_custom" in one.what]
    base = import_freqtrade(source, "s.py", wanted="MyRSIStrategy")
    assert base.config["stop_loss_pct"] == 20


@pytest.mark.fuzz
@given(
    st.lists(
        st.sampled_from(
            [
                *("stoploss", "minimal_roi", "timeframe", "trailing_stop", "can_short", "leverage"),
                *("=", ":", "{", "}", "'0'", "-0.1", "1e999", "1 / 0", "10 ** 9", "'\\x1b[31m'"),
                *(
                    "\n    ",
                    "def leverage(self): return 'x'",
                    "None",
                    "True",
                    "[",
                    "]",
                    ",",
                    "'5m'",
                ),
            ]
        ),
        max_size=30,
    )
)
def test_any_class_is_read_or_refused(parts: list[str]) -> None:
    try:
        found = import_freqtrade(HEAD + "    pass\n    " + " ".join(parts) + "\n", "s.py")
    except ImportRefusedError as refusal:
        assert str(refusal).isprintable()
    else:
        assert "\x1b" not in found.document
        strategy_document(found.document, "s")
