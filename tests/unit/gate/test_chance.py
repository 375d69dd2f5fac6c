"""Markets without an edge are as wild as the real one, and hold nothing to find."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.backtest.run import run_backtest
from core.gate.chance import Place, among_edgeless_markets, among_random_entries
from core.gate.edgeless import EdgelessMarkets
from core.market.candles.candles import Candles, Floats
from core.market.candles.timeframes import DAY
from core.strategy.config.parsing import parse_config
from tests.benchmarks.gate_error_rates import STRATEGY, market

CANDLES = 3_000


def moves(candles: Candles) -> Floats:
    change: Floats = np.diff(np.log(candles.close))
    return change


def scaled(candles: Candles, by: Floats) -> Candles:
    return replace(
        candles,
        open=candles.open * by,
        high=candles.high * by,
        low=candles.low * by,
        close=candles.close * by,
    )


def correlation(one: Floats, other: Floats) -> float:
    return float(np.corrcoef(one, other)[0, 1])


def test_an_edgeless_market_is_one_of_candles_as_wild_and_without_direction() -> None:
    real = market(1, CANDLES, drift=0.5)  # what came before says much here
    drawn = EdgelessMarkets({"BTC": real}, DAY).draw(np.random.default_rng(1))["BTC"]
    assert drawn.time.tolist() == real.time.tolist()
    assert (drawn.high >= np.maximum(drawn.open, drawn.close) * (1 - 1e-12)).all()
    assert (drawn.low <= np.minimum(drawn.open, drawn.close) * (1 + 1e-12)).all()
    trend, none = moves(real), moves(drawn)
    assert none.std() == pytest.approx(trend.std(), rel=0.2)
    assert correlation(trend[1:], trend[:-1]) > 0.1
    assert abs(correlation(none[1:], none[:-1])) < 0.08
    wild = correlation(np.abs(trend[1:]), np.abs(trend[:-1]))
    assert correlation(np.abs(none[1:]), np.abs(none[:-1])) > wild / 2 > 0.05


def test_what_the_market_earned_by_itself_stays() -> None:
    real = market(2, CANDLES, drift=0.0)
    risen = scaled(real, np.exp(0.002 * np.arange(CANDLES)))
    maker = EdgelessMarkets({"BTC": risen}, DAY)
    rng = np.random.default_rng(1)
    drawn = [moves(maker.draw(rng)["BTC"]).mean() for _ in range(40)]
    assert np.mean(drawn) == pytest.approx(moves(risen).mean(), abs=0.0004)


def test_of_candles_that_only_warm_up_nothing_is_drawn() -> None:
    real = market(2, CANDLES, drift=0.0)
    slope = np.where(np.arange(CANDLES) < 1_000, 0.004, -0.002)  # another market than is traded
    turned = scaled(real, np.exp(slope.cumsum()))
    maker = EdgelessMarkets({"BTC": turned}, DAY, int(turned.time[1_000]))
    rng = np.random.default_rng(1)
    drawn = [maker.draw(rng)["BTC"] for _ in range(40)]
    assert drawn[0].time.tolist() == turned.time.tolist()
    earned = [moves(one)[999:].mean() for one in drawn]
    assert np.mean(earned) == pytest.approx(moves(turned)[999:].mean(), abs=0.0004)
    assert not EdgelessMarkets.possible({"BTC": turned}, int(turned.time[-20]))
    with pytest.raises(ValueError, match="20 candles in common"):
        EdgelessMarkets({"BTC": turned}, DAY, int(turned.time[-20]))


def test_symbols_keep_what_they_have_in_common() -> None:
    one = market(3, CANDLES, drift=0.0)
    other = scaled(one, np.full(CANDLES, 2.0))
    late = other.slice(500)
    drawn = EdgelessMarkets({"A": one, "B": late}, DAY).draw(np.random.default_rng(1))
    assert len(drawn["A"]) == len(drawn["B"]) == CANDLES - 500
    assert correlation(moves(drawn["A"]), moves(drawn["B"])) > 0.999


def test_a_rule_with_an_edge_stands_out_and_one_without_does_not() -> None:
    config = parse_config(STRATEGY).config
    places = []
    for drift in (0.5, 0.0):
        candles = {config.symbols[0]: market(4, CANDLES, drift)}
        result = run_backtest(config, candles)
        places.append(among_edgeless_markets(config, candles, result, 20, seed=1))
        places.append(among_random_entries(candles, result.trades, seed=1))
    edge, times, no_edge, no_times = places
    assert edge is not None
    assert times is not None
    assert no_edge is not None
    assert no_times is not None
    assert edge.p == pytest.approx(1 / 21)
    assert times.p < 0.01
    assert no_edge.p > 0.05
    assert no_times.p > 0.05


def test_a_place_counts_what_is_as_good() -> None:
    place = Place.of(2.0, np.array([1.0, 2.0, 3.0]))
    assert place.p == pytest.approx(3 / 4)
    assert place.middle == 2.0


def test_too_few_trades_have_no_place() -> None:
    config = parse_config(STRATEGY).config
    candles = {config.symbols[0]: market(4, 200, 0.0)}
    trades = run_backtest(config, candles).trades[:19]
    assert among_random_entries(candles, trades, seed=1) is None
