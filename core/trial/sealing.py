"""Makes the seal of a trial: what a saved backtest promises, and how long it is put to the test.

A trial asks whether a session keeps the promise of one backtest, so that backtest must be of this
very config, saved whole, and under the same rules. Where it is not, there is nothing to seal, and
the refusal says what to do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from core.market.candles.candles import Floats
from core.market.candles.durations import in_words
from core.market.candles.timeframes import DAY, Timeframe
from core.report.break_even import break_even_cost_bp
from core.report.result import trade_from_json
from core.report.trade_columns import TradeColumns
from core.strategy.config.config import StrategyConfig
from core.strategy.signals.sources import signal_source
from core.text import independent_tries, signed_per_cent
from core.time_format import parse_time
from core.trading.rules import RULES_VERSION
from core.trial.boundaries import MOST_TRADES
from core.trial.ledger import TryCount
from core.trial.promise import shrunk_promise
from core.trial.resampling import FEWEST_TRADES, Resampler
from core.trial.seal import (
    SEALED_RATES,
    Horizon,
    PromisedCosts,
    Seal,
    Tries,
    backtest_digest,
    trade_returns,
)

DEFAULT_DAYS = 60.0


class NoPromiseError(Exception):
    """There is no backtest that a trial could be sealed on; the message says what to do."""


def seal_trial(
    config: StrategyConfig,
    stored: Mapping[str, Any] | None,
    *,
    days: float | None = None,
    trades: int | None = None,
    counted: TryCount | None = None,
    now: int,
) -> Seal:
    """Seal a trial of `config` on its saved backtest.

    Args:
        config: what the session will run.
        stored: the whole saved backtest (its JSON), None where there is none.
        days: the horizon in days; trades then follow by the backtest's rate, up to `MOST_TRADES`.
        trades: the horizon in closed trades. With neither it is `DEFAULT_DAYS`.
        counted: the tries of the strategy, of which the backtest is taken to be the best; None
            where they were not counted.
        now: UTC ms.

    Raises:
        NoPromiseError: the backtest is missing, of another config or other rules, too short,
            without a loss, or of trades that are all alike.
    """
    promise = _promise(config, stored)
    closed = [trade_from_json(trade) for trade in promise["trades"]]
    if len(closed) < FEWEST_TRADES:
        raise NoPromiseError(
            f"the saved backtest has {len(closed)} closed trades; a trial needs {FEWEST_TRADES} to "
            "know what is promised: backtest a longer period and --save it"
        )
    fixed = config.orders.fixed_amount
    # The same money is another share of another balance: what counts is the session's own.
    balance = config.starting_balance if fixed else float(promise["starting_balance"])
    returns = trade_returns(closed, balance, fixed_amount=fixed)
    if (returns >= 0).all():
        raise NoPromiseError(
            f"none of the saved backtest's {len(closed)} trades lost anything, so that it does not "
            "tell how large a loss is: backtest a longer period and --save it"
        )
    try:
        Resampler.fit(returns)
    except ValueError as error:
        raise NoPromiseError(f"the saved backtest promises nothing certain: {error}") from error
    start, end = (parse_time(promise["period"][edge]) for edge in ("start", "end"))
    length = (end + Timeframe(promise["timeframe"]).ms - start) / DAY
    rate = len(closed) / length
    return Seal(
        config_hash=signal_source(config).digest,
        backtest_hash=backtest_digest(promise),
        backtest_start=start,
        backtest_end=end,
        returns=tuple(returns.tolist()),
        trades_per_day=rate,
        costs=PromisedCosts(
            config.slippage_pct * 100,
            config.fees * 10_000,
            break_even_cost_bp(TradeColumns.of(closed), config.slippage_pct, config.orders),
        ),
        horizon=_horizon(days, trades, rate),
        errors=SEALED_RATES,
        rules_version=RULES_VERSION,
        sealed_at=now,
        tries=_tries(returns, counted),
        fixed_amount=fixed,
    ).sealed()


def doubts(seal: Seal, run_for: int | None) -> tuple[str, ...]:
    """Why a trial may be of no use, a sentence each.

    `run_for`: how long it is to run, ms; None without an end.
    """
    told = []
    promise = math.fsum(seal.returns) / len(seal.returns)
    makes = signed_per_cent(promise, 3)
    if promise <= 0:
        told.append(f"the trial's backtest makes {makes} a trade: there is no edge to keep")
    elif seal.tries is not None and seal.tries.mean_return <= 0:
        told.append(
            f"the trial's backtest makes {makes} a trade, of which nothing is left once the luck "
            f"of {independent_tries(seal.tries.effective)} is taken off"
        )
    judged_over = None if seal.horizon.days is None else round(seal.horizon.days * DAY)
    if judged_over is not None and run_for is not None and run_for < judged_over:
        told.append(
            f"the trial runs {in_words(run_for)} of the {in_words(judged_over)} it is judged over: "
            "it may well end without an answer"
        )
    return tuple(told)


def _tries(returns: Floats, counted: TryCount | None) -> Tries | None:
    """What is left of the promise of the best of so many; the backtest itself is one of them."""
    if counted is None or not counted.runs:
        return None
    effective = max(1.0, counted.effective)
    shrunk = shrunk_promise(returns, effective).shrunk
    return Tries(counted.tried, effective, shrunk)


def _promise(config: StrategyConfig, stored: Mapping[str, Any] | None) -> Mapping[str, Any]:
    again = f"run `papertape backtest {config.name} --period 6m --save` first"
    if stored is None:
        raise NoPromiseError(f"no saved backtest of {config.name} promises anything: {again}")
    balance = float(stored["starting_balance"])  # returns are relative: it may be another one
    if stored["config_hash"] != signal_source(replace(config, starting_balance=balance)).digest:
        raise NoPromiseError(
            f"the saved backtest is of another version of {config.name} than the one to start: "
            f"{again}"
        )
    if stored["rules_version"] != RULES_VERSION:
        raise NoPromiseError(
            f"the saved backtest was run under rules {stored['rules_version']}, this program has "
            f"{RULES_VERSION}: {again}"
        )
    return stored


def _horizon(days: float | None, trades: int | None, rate: float) -> Horizon:
    if trades is not None:
        return Horizon(trades)
    wanted = DEFAULT_DAYS if days is None else days
    return Horizon(min(max(1, round(wanted * rate)), MOST_TRADES), wanted)
