"""The demo's market is like a real one, and no rule on its past prices earns anything."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from core.backtest.run import run_backtest
from core.exchange.market.clock import ManualClock
from core.exchange.market.quotes import MarketQuotes
from core.exchange.market.synthetic import SyntheticMarket
from core.market.candles.candles import Candles, Floats
from core.market.candles.timeframes import DAY, Timeframe
from core.market.files.candle_files import read_candles
from core.strategy.document.document import read_strategy

NOW = 20_780 * DAY
SAMPLES = sorted((Path(__file__).parents[2] / "sample_strategies").glob("*/STRATEGY.md"))


def returns(candles: Candles) -> Floats:
    """Log returns from close to close."""
    moves: Floats = np.diff(np.log(candles.close))
    return moves


def correlation(values: Floats, lag: int) -> float:
    return float(np.corrcoef(values[:-lag], values[lag:])[0, 1])


def together(one: Candles, other: Candles) -> float:
    return float(np.corrcoef(returns(one), returns(other))[0, 1])


@dataclass(frozen=True)
class Figures:
    """What is known of real returns; volatility in basis points of five minutes."""

    volatility: float
    kurtosis: float
    foretold: float  # the largest autocorrelation of returns up to an hour
    clustering: tuple[float, float, float]  # of their sizes: next candle, an hour, six hours
    reach: float  # how far a candle's range exceeds its move


def figures(candles: Candles) -> Figures:
    moves = returns(candles)
    spread = np.log(candles.high / candles.low).mean()
    return Figures(
        volatility=float(moves.std()) * 1e4,
        kurtosis=float(np.mean((moves - moves.mean()) ** 4) / moves.var() ** 2),
        foretold=max(abs(correlation(moves, lag)) for lag in range(1, 13)),
        clustering=(
            correlation(np.abs(moves), 1),
            correlation(np.abs(moves), 12),
            correlation(np.abs(moves), 72),
        ),
        reach=float(spread / np.abs(np.log(candles.close / candles.open)).mean()),
    )


def five_minutes(market: SyntheticMarket, symbol: str = "BTC/USDT", days: int = 90) -> Candles:
    return market.candles(symbol, Timeframe.M5, NOW - days * DAY, NOW)


@pytest.mark.shared_data
def test_it_resembles_bitcoin(shared_data: Path) -> None:
    real = figures(read_candles(shared_data / "BTCUSDT-5m.csv.gz", Timeframe.M5).candles)
    made = [figures(five_minutes(SyntheticMarket(seed))) for seed in range(1, 5)]
    for one in (real, *made):
        assert one.foretold < 0.035
        assert one.kurtosis > 7
        assert 0.2 < one.clustering[0] < 0.45
        assert 0.1 < one.clustering[1] < 0.3
        assert one.clustering[2] > 0.04
        assert 1.8 < one.reach < 2.1
    volatility = float(np.mean([one.volatility for one in made]))
    assert 0.7 < volatility / real.volatility < 1.4


@pytest.mark.shared_data
def test_coins_move_together_as_real_ones_do(shared_data: Path) -> None:
    btc, eth = (
        read_candles(shared_data / f"{coin}USDT-5m.csv.gz", Timeframe.M5).candles
        for coin in ("BTC", "ETH")
    )
    made = []
    for seed in range(1, 5):
        market = SyntheticMarket(seed)
        made.append(together(five_minutes(market), five_minutes(market, "ETH/USDT")))
    real = together(btc, eth)
    assert np.mean(made) == pytest.approx(real, abs=0.1)


def test_days_foretell_nothing_either() -> None:
    moves = np.concatenate(
        [
            returns(SyntheticMarket(seed).candles("BTC/USDT", Timeframe.D1, NOW - 400 * DAY, NOW))
            for seed in range(1, 6)
        ]
    )
    bound = 4 / np.sqrt(len(moves))
    assert all(abs(correlation(moves, lag)) < bound for lag in range(1, 8))


def test_the_spread_is_that_of_a_liquid_market() -> None:
    market = SyntheticMarket(1)
    quotes = MarketQuotes(market, ManualClock(NOW))
    for instrument in market.instruments:
        bid, ask = quotes.best(instrument, NOW)
        spread = ask.price - bid.price
        assert spread > 0
        assert spread <= max(2.01 * float(instrument.tick_size), 0.00002 * bid.price)


def test_the_spread_can_be_that_of_another_market() -> None:
    market = SyntheticMarket(1)
    quotes = MarketQuotes(market, ManualClock(NOW), half_spread=0.0005)
    for instrument in market.instruments:
        bid, ask = quotes.best(instrument, NOW)
        assert (ask.price - bid.price) / bid.price == pytest.approx(0.001, rel=0.05)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.parent.name)
def test_the_samples_earn_nothing(sample: Path) -> None:
    config = read_strategy(sample).parse().config
    gross, net, trades = [], [], 0
    for seed in range(1, 9):
        market = SyntheticMarket(seed)
        history = {
            symbol: market.candles(symbol, config.timeframe, NOW - 30 * DAY, NOW)
            for symbol in config.symbols
        }
        free = run_backtest(replace(config, fees=0.0), history).metrics
        gross.append(free.total_return_pct or 0.0)
        net.append(run_backtest(config, history).metrics.total_return_pct or 0.0)
        trades += free.total_trades
    assert trades > 8 * 10
    error = float(np.std(gross, ddof=1) / np.sqrt(len(gross)))
    assert abs(float(np.mean(gross))) < 3.5 * error
    assert float(np.mean(net)) < 2
