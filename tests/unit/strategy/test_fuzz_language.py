"""Any strategy of the whole language is the same however it is run, and never looks ahead."""

from __future__ import annotations

import json
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.backtest.run import run_backtest
from core.strategy.config.canonical import config_digest, config_to_dict
from core.strategy.config.parsing import parse_config
from core.strategy.config.problems import ConfigError
from core.strategy.lint.words import paragraph
from core.strategy.signals.sources import signal_source
from tests.unit.backtest.test_every_driver import candle_by_candle
from tests.unit.strategy.language import any_strategy


@pytest.mark.fuzz
@given(seed=st.integers(0, 2**63))
def test_any_strategy_is_the_same_however_it_is_run(seed: int) -> None:
    random = Random(seed)
    raw, candles = any_strategy(random)
    try:
        config = parse_config(raw).config
    except ConfigError as refused:  # what was drawn contradicts itself
        assert all("can ever enter" in str(one) or "reached" in str(one)
                   for one in refused.problems), refused  # fmt: skip
        return
    stored = json.loads(json.dumps(config_to_dict(config)))
    assert parse_config(stored).config == config
    assert config_digest(parse_config(stored).config) == config_digest(config)
    assert paragraph(config).isprintable()

    source = signal_source(config)
    series, stream, known = source.series(candles), source.stream(), source.stream(candles)
    flags = []
    for at, candle in enumerate(candles):
        flags.append(stream.update(candle))
        assert known.update(candle) == flags[-1]
        assert stream.ready == known.ready == (at >= series.first)
        if at % 7 == 0:
            shown = stream.readings(), stream.levels(), stream.notes()
            assert repr((known.readings(), known.levels(), known.notes())) == repr(shown)
    assert flags == series.flags.tolist()
    assert stream.notes() == series.notes
    tops = [reading for reading in stream.readings() if not reading.depth]
    assert [one.holds for one in tops] == [
        bool(one.holds[-1]) for one in source.conditions(candles)
    ]

    cut = random.randrange(len(candles))
    beginning = source.series(candles.slice(0, cut))
    assert np.array_equal(beginning.flags, series.flags[:cut])

    histories = {config.symbols[0]: candles}
    at_once, one_by_one = run_backtest(config, histories), candle_by_candle(config, histories)
    assert at_once.trades == one_by_one.trades
    assert at_once.open_trades == one_by_one.open_trades
    assert at_once.equity.tolist() == one_by_one.equity.tolist()
    assert at_once.metrics == one_by_one.metrics


def test_the_strategies_drawn_are_mostly_valid_and_trade() -> None:
    valid = trades = 0
    for seed in range(60):
        raw, candles = any_strategy(Random(seed))
        try:
            config = parse_config(raw).config
        except ConfigError:
            continue
        valid += 1
        trades += len(run_backtest(config, {config.symbols[0]: candles}).trades)
    assert valid > 40
    assert trades > 100
