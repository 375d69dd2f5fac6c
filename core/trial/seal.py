"""Fixes what a trial asks before its first candle, so that no answer can be fitted to the outcome.

A seal holds the config and the backtest by their hashes, what that backtest promised, the horizon,
the error rates and the margins. Its own hash is taken over all of that; `verify` finds a change.
Fields added later need a default: a default is left out of what is hashed, so that older seals
still verify.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import orjson

from core.market.candles.candles import Floats
from core.trading.values import Trade


class SealError(Exception):
    """A seal does not hold; the message says what was expected and what was found."""


class Horizon(msgspec.Struct, frozen=True, omit_defaults=True):
    """How long a trial is to run.

    `trades`: how many closed trades, at least 1; with a horizon in days, by the backtest's rate.
    `days`: the horizon in days; None where it was set in trades.
    """

    trades: int
    days: float | None = None


class ErrorRates(msgspec.Struct, frozen=True, omit_defaults=True):
    """How often a trial may be wrong, as fractions, over its whole horizon and all looks together.

    `edge`, `path`, `costs` and `live` share the chance of "broken" although the promise holds,
    `kept` and `live_kept` that of "kept" although there is no edge. The two of live trades are 0 in
    seals older than they are; live trades are then described only.
    """

    edge: float = 0.025
    path: float = 0.015
    costs: float = 0.01
    kept: float = 0.05
    live: float = 0.0
    live_kept: float = 0.0

    @property
    def any_broken(self) -> float:
        """The chance that anything says "broken" although the promise holds, at most."""
        return math.fsum((self.edge, self.path, self.costs, self.live))

    @property
    def any_kept(self) -> float:
        """The chance that paper or live trades say "kept" although there is no edge, at most."""
        return math.fsum((self.kept, self.live_kept))


SEALED_RATES = ErrorRates(edge=0.015, kept=0.04, live=0.01, live_kept=0.01)
"""What a trial is sealed with: at most 5% of either error, paper and live together."""


class Margins(msgspec.Struct, frozen=True, omit_defaults=True):
    """How large a difference must be to matter; inside its margin it is alike.

    Attributes:
        mean_return: fraction of the promised mean return that may be missing.
        cost_bp: basis points of a fill's notional by which costs may exceed the assumed ones.
        unexplained: fraction of the decisions that may differ without a known cause.
    """

    mean_return: float = 0.1
    cost_bp: float = 2.0
    unexplained: float = 0.001


class PromisedCosts(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a fill costs in the backtest, in basis points of its notional.

    `slippage_bp` and `fee_bp` are assumed; `break_even_bp` is what slippage and fees of a fill may
    come to before nothing is left of the P&L, None where it is not known.
    """

    slippage_bp: float
    fee_bp: float
    break_even_bp: float | None = None


class Tries(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of how many tries the backtest was the best.

    `counted`: backtests and sweep runs. `effective`: how many independent ones they are worth, at
    least 1. `mean_return`: the promised mean return of a trade in per cent, shrunk by the expected
    maximum of that many tries.
    """

    counted: int
    effective: float
    mean_return: float


class Seal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a trial was sealed with.

    Attributes:
        config_hash: the digest of the strategy's signals (`SignalSource.digest`).
        backtest_hash: `backtest_digest` of the stored backtest.
        backtest_start: open time of its first candle, UTC ms.
        backtest_end: open time of its last candle, UTC ms.
        returns: P&L of its trades in per cent of the equity at entry, in exit order.
        trades_per_day: how many trades it closed a day.
        costs: what a fill costs in it.
        horizon: how long the trial is to run.
        errors: how often it may be wrong.
        margins: what matters.
        seed: of the resampling.
        rules_version: of the trading rules.
        sealed_at: UTC ms.
        tries: of how many the backtest was the best; None where none were counted.
        fixed_amount: whether returns are in per cent of the session's starting balance, for every
            trade is of the same amount of money.
        hash: over all of the above.
    """

    config_hash: str
    backtest_hash: str
    backtest_start: int
    backtest_end: int
    returns: tuple[float, ...]
    trades_per_day: float
    costs: PromisedCosts
    horizon: Horizon
    errors: ErrorRates = ErrorRates()
    margins: Margins = Margins()
    seed: int = 0
    rules_version: int
    sealed_at: int
    tries: Tries | None = None
    fixed_amount: bool = False
    hash: str = ""

    def sealed(self) -> Seal:
        """The same with its hash filled in."""
        return msgspec.structs.replace(self, hash=self._digest())

    def verify(self) -> None:
        """Check that nothing was changed since it was sealed.

        Raises:
            SealError: something was.
        """
        found = self._digest()
        if found != self.hash:
            raise SealError(
                f"the seal was changed: its contents have the hash {found[:12]}, "
                f"{self.hash[:12] or 'none'} was recorded when it was sealed; start a new trial"
            )

    @property
    def backtest_returns(self) -> Floats:
        """`returns` as an array, shape (n,)."""
        return np.array(self.returns, dtype=np.float64)

    def _digest(self) -> str:
        contents = msgspec.to_builtins(msgspec.structs.replace(self, hash=""))
        return canonical_digest(contents)


def canonical_digest(contents: Any) -> str:
    """SHA-256 (hex) of JSON values, written with sorted keys and without spaces."""
    return hashlib.sha256(orjson.dumps(contents, option=orjson.OPT_SORT_KEYS)).hexdigest()


_OWN_SHARE = 0.1  # of a session's time: more of it in the backtest's period is no new evidence


def is_of_period(first: int, last: int, begin: int, end: int) -> bool:
    """Whether a session ran over the very period its backtest is of, which proves no promise.

    Args:
        first, last: open times of the candles it decided on, UTC ms.
        begin, end: those of the backtest's.
    """
    return min(last, end) - max(first, begin) > _OWN_SHARE * (last - first)


_NOT_PROMISED = ("saved", "candles_digest", "config", "settings", "source")


def backtest_digest(stored: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of a stored backtest (its JSON), but for when it was saved and what of.

    The same backtest run once more promises the same, wherever its candles lie, and so it does by a
    version that also writes which candles and what config it was of.
    """
    promised = {name: value for name, value in stored.items() if name not in _NOT_PROMISED}
    return canonical_digest(promised)


def is_digest_of(digest: str, stored: Mapping[str, Any]) -> bool:
    """Whether a seal's hash is that of a stored backtest.

    Seals of version 0.2.0 hashed when it was saved as well.
    """
    return digest in (backtest_digest(stored), canonical_digest(dict(stored)))


def trade_returns(
    trades: Sequence[Trade], starting_balance: float, *, fixed_amount: bool = False
) -> Floats:
    """P&L of each trade in per cent of the equity at its entry, in exit order; shape (n,).

    Where every trade is of the same amount of money (`fixed_amount`), whatever the account has
    grown to, it is in per cent of the starting balance.

    The equity at an entry is the starting balance with the P&L of all trades closed by then; what
    other positions were worth at that moment is not known from the trades alone. A trade entered
    without equity left counts as 0.
    """
    order = sorted(range(len(trades)), key=lambda at: closed_at(trades[at]))
    closes = np.array([closed_at(trades[at]) for at in order], dtype=np.int64)
    pnl = np.array([trades[at].pnl for at in order], dtype=np.float64)
    entries = np.array([_entered(trades[at]) for at in order], dtype=np.int64)
    balances = starting_balance + np.concatenate(([0.0], np.cumsum(pnl)))
    if fixed_amount:
        return pnl * 100 / starting_balance
    equity = balances[np.searchsorted(closes, entries, side="right")]
    returns = np.zeros(len(trades))
    np.divide(pnl * 100, equity, out=returns, where=equity > 0)
    return returns


def closed_at(trade: Trade) -> int:
    """When a trade closed, UTC ms: the time of its fill where known, else of its candle."""
    return trade.exit_filled_at or trade.exit_time


def _entered(trade: Trade) -> int:
    return trade.entry_filled_at or trade.entry_time
