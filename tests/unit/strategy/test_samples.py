"""The strategies that come with Papertape can be run as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.market.files.candle_files import read_candles
from core.strategy.document.document import read_strategy
from core.strategy.signals.source import ENTER_LONG, ENTER_SHORT, EXIT_LONG, EXIT_SHORT
from core.strategy.signals.sources import signal_series
from tests.unit.strategy.making import config

SAMPLES = Path(__file__).resolve().parents[3] / "sample_strategies"
NAMES = [
    "band",
    "breakout",
    "cloud",
    "ema_cross",
    "heikin_ashi",
    "rsi_bounce",
    "short",
    "squeeze",
    "stoch_rsi",
    "trend_1h",
    "vwap_bands",
]


def test_the_samples_are_these() -> None:
    assert sorted(path.parent.name for path in SAMPLES.glob("*/STRATEGY.md")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_is_valid_without_warnings_and_named_like_its_folder(name: str) -> None:
    document = read_strategy(SAMPLES / name / "STRATEGY.md")
    parsed = document.parse()
    assert parsed.warnings == ()
    assert parsed.config.name == name
    assert parsed.config.extras["status"] == "draft"
    assert document.prose.strip().startswith("# ")


def test_rsi_bounce_trades_by_the_rules_of_the_source_document() -> None:
    sample = read_strategy(SAMPLES / "rsi_bounce" / "STRATEGY.md").parse().config
    source = config()
    assert sample.indicators == source.indicators
    assert sample.entry_conditions == source.entry_conditions
    assert sample.exit_conditions == source.exit_conditions
    assert (sample.stop_loss_pct, sample.take_profit_pct) == (5, 15)


@pytest.mark.shared_data
@pytest.mark.parametrize("name", NAMES)
def test_a_sample_enters_and_leaves_on_real_candles(name: str, shared_data: Path) -> None:
    strategy = read_strategy(SAMPLES / name / "STRATEGY.md").parse().config
    candles = read_candles(shared_data / "BTCUSDT-5m.csv.gz", strategy.timeframe).candles
    flags = signal_series(strategy, candles).flags
    enters, leaves = flags & (ENTER_LONG | ENTER_SHORT), flags & (EXIT_LONG | EXIT_SHORT)
    assert (enters > 0).sum() > 50
    assert (leaves > 0).sum() > 50
