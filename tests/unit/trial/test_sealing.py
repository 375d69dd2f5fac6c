"""A trial is sealed on the saved backtest of the very config that runs, or it is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.backtest.run import run_backtest
from core.market.candles.timeframes import DAY
from core.report.stored_backtest import save_backtest, stored_backtest
from core.strategy.config.config import StrategyConfig
from core.strategy.config.parsing import parse_config
from core.strategy.document.document import read_strategy
from core.strategy.document.yaml_text import write_yaml
from core.trial.plan import plan_trial
from core.trial.seal import Horizon, Tries, canonical_digest, is_digest_of
from core.trial.sealing import DEFAULT_DAYS, NoPromiseError, doubts, seal_trial
from tests.unit.session.sessions import RSI, START, market

CONFIG = parse_config({**RSI, "slippage_pct": 0.05, "fees": 0.0004}).config


def saved(folder: Path, config: StrategyConfig = CONFIG, candles: int = 4_000) -> dict[str, Any]:
    """The backtest of `config`, as it is read back once it was saved."""
    document = folder / "STRATEGY.md"
    document.write_text(f"---\n{write_yaml({**RSI, 'fees': 0.0004})}---\n", encoding="utf-8")
    history = {"BTC/USDT": market(candles)}
    save_backtest(document, run_backtest(config, history), history, START)
    whole = stored_backtest(document, read_strategy(document).config["backtest"])
    assert whole is not None
    return whole


def test_the_seal_holds_what_the_backtest_promised(tmp_path: Path) -> None:
    stored = saved(tmp_path)
    seal = seal_trial(CONFIG, stored, trades=60, now=START)
    seal.verify()
    assert seal.horizon == Horizon(60)
    assert len(seal.returns) == len(stored["trades"]) > 20
    first = stored["trades"][0]
    assert seal.returns[0] == pytest.approx(first["pnl"] / 10_000 * 100)
    days = stored["period"]["candles"] * 5 / (24 * 60)
    assert seal.trades_per_day == pytest.approx(len(stored["trades"]) / days)
    assert seal.costs.slippage_bp == pytest.approx(5.0)
    assert seal.costs.fee_bp == pytest.approx(4.0)


def test_a_horizon_in_days_becomes_trades_by_the_backtests_rate(tmp_path: Path) -> None:
    stored = saved(tmp_path)
    seal = seal_trial(CONFIG, stored, days=10, now=START)
    assert seal.horizon == Horizon(round(10 * seal.trades_per_day), 10)
    assert seal_trial(CONFIG, stored, now=START).horizon.days == DEFAULT_DAYS
    assert seal_trial(CONFIG, stored, days=0.001, now=START).horizon.trades == 1


def test_a_horizon_of_years_is_judged_by_its_first_ten_thousand_trades(tmp_path: Path) -> None:
    long = seal_trial(CONFIG, saved(tmp_path), days=3_650, now=START)
    assert long.horizon == Horizon(10_000, 3_650)
    fewer = msgspec.structs.replace(long, horizon=Horizon(40, 3_650))  # quicker to plan
    first, *_ = plan_trial(fewer).rows
    assert first.label == "Horizon"
    assert first.text.startswith("3650 days bring about ")
    assert first.text.endswith(" trades, the first 40 are judged")


def test_a_plan_says_what_holds_without_an_edge_only_of_what_promises_none(tmp_path: Path) -> None:
    promising = seal_trial(CONFIG, saved(tmp_path), trades=40, now=START)
    better = msgspec.structs.replace(promising, returns=tuple(1 + one for one in promising.returns))
    worse = msgspec.structs.replace(promising, returns=tuple(one - 1 for one in promising.returns))
    whole = [row.label for row in plan_trial(better).rows]
    assert whole[:4] == ["Horizon", "Edge holds", "No edge", "For 80%"]
    rest = [row.label for row in plan_trial(worse).rows]
    assert rest == [label for label in whole if label not in ("Edge holds", "For 80%")]
    brought = next(row.text for row in plan_trial(worse).rows if row.label == "Return")
    assert brought.endswith("% end with a loss")


def test_another_starting_balance_promises_the_same(tmp_path: Path) -> None:
    richer = parse_config(
        {**RSI, "slippage_pct": 0.05, "fees": 0.0004, "starting_balance": 50_000}
    ).config
    assert seal_trial(richer, saved(tmp_path), trades=60, now=START).horizon.trades == 60


def test_without_a_saved_backtest_there_is_nothing_to_seal() -> None:
    with pytest.raises(NoPromiseError, match=r"backtest rsi_bounce --period 6m --save"):
        seal_trial(CONFIG, None, now=START)


def test_a_backtest_of_another_version_of_the_config_seals_nothing(tmp_path: Path) -> None:
    other = parse_config({**RSI, "slippage_pct": 0.05, "fees": 0.0004, "stop_loss_pct": 3}).config
    with pytest.raises(NoPromiseError, match="another version"):
        seal_trial(other, saved(tmp_path), now=START)


def test_a_backtest_under_other_rules_seals_nothing(tmp_path: Path) -> None:
    with pytest.raises(NoPromiseError, match="rules 0"):
        seal_trial(CONFIG, {**saved(tmp_path), "rules_version": 0}, now=START)


def test_a_backtest_of_few_trades_seals_nothing(tmp_path: Path) -> None:
    with pytest.raises(NoPromiseError, match="a trial needs 20"):
        seal_trial(CONFIG, saved(tmp_path, candles=100), now=START)


def test_a_backtest_without_a_loss_seals_nothing(tmp_path: Path) -> None:
    stored = saved(tmp_path)
    won = [{**one, "pnl": abs(one["pnl"])} for one in stored["trades"]]
    with pytest.raises(NoPromiseError, match=f"none of .* {len(won)} trades lost anything"):
        seal_trial(CONFIG, {**stored, "trades": won}, now=START)


def test_the_same_backtest_saved_once_more_is_the_one_that_was_sealed(tmp_path: Path) -> None:
    stored = saved(tmp_path)
    sealed = seal_trial(CONFIG, stored, trades=60, now=START).backtest_hash
    assert is_digest_of(sealed, {**stored, "saved": "2030-01-01T00:00:00Z"})
    assert is_digest_of(sealed, {name: stored[name] for name in stored if name != "candles_digest"})
    elsewhere = {"source": {"file": "/b.csv"}, "config": {"name": "trend"}, "settings": {}}
    assert is_digest_of(sealed, {**stored, **elsewhere}), "the same candles in another file"
    assert not is_digest_of(sealed, {**stored, "ending_balance": 0.0})
    assert is_digest_of(canonical_digest(stored), stored), "as version 0.2.0 sealed it"


def test_a_trial_that_is_of_little_use_is_told_so(tmp_path: Path) -> None:
    seal = seal_trial(CONFIG, saved(tmp_path), days=10, now=START)
    winning = msgspec.structs.replace(seal, returns=(1.0, 2.0))
    assert doubts(winning, None) == doubts(winning, 10 * DAY) == ()
    (losing,) = doubts(msgspec.structs.replace(seal, returns=(-1.0, 0.5)), None)
    assert "makes -0.250% a trade: there is no edge to keep" in losing
    (lucky,) = doubts(msgspec.structs.replace(winning, tries=Tries(40, 12.0, -0.1)), None)
    assert lucky == (
        "the trial's backtest makes +1.500% a trade, of which nothing is left once the luck of "
        "12.0 independent tries is taken off"
    )
    (short,) = doubts(winning, 3 * DAY)
    assert short.startswith("the trial runs 3 days of the 10 days it is judged over")


def test_a_fixed_amount_is_another_share_of_another_balance(tmp_path: Path) -> None:
    given = {**RSI, "slippage_pct": 0.05, "fees": 0.0004, "trade_amount": 100}
    stored = saved(tmp_path, parse_config(given).config)
    poorer = parse_config({**given, "starting_balance": 1_000}).config
    seal = seal_trial(poorer, stored, trades=60, now=START)
    assert seal.fixed_amount
    pnl = [trade["pnl"] for trade in stored["trades"]]
    assert seal.returns == pytest.approx([one / 1_000 * 100 for one in pnl])
    assert not seal_trial(CONFIG, saved(tmp_path), trades=60, now=START).fixed_amount
