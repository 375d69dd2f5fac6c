"""Reads the results that a document holds, whatever they were called when it was written.

`backtest:` and `paper:` blocks of older documents spell their figures `win_rate: 0.62` or
`max_drawdown: "-8.0%"`; here they all come out under the names and units of docs/rules.md §4.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from core.strategy.config.problems import shown
from core.strategy.config.validators import as_word

_PER_CENT: Mapping[str, tuple[str, ...]] = {
    "win_rate_pct": ("win_rate", "winrate", "wr", "win_ratio"),
    "total_return_pct": ("total_return", "return", "net_return", "roi", "total_pnl_pct", "pnl_pct"),
    "max_drawdown_pct": ("max_drawdown", "max_dd", "maxdd", "drawdown", "max_dd_pct", "mdd"),
    "exposure_pct": ("exposure",),
    "benchmark_return_pct": ("benchmark_return", "buy_and_hold", "buy_hold_return", "benchmark"),
}
_PLAIN: Mapping[str, tuple[str, ...]] = {
    "total_trades": ("trades", "num_trades", "n_trades", "trade_count", "trades_count"),
    "profit_factor": ("pf",),
    "sharpe_ratio": ("sharpe",),
    "sortino_ratio": ("sortino",),
    "calmar_ratio": ("calmar",),
    "expectancy": (),
    "best": ("best_trade",),
    "worst": ("worst_trade",),
    "avg_win": ("average_win",),
    "avg_loss": ("average_loss",),
    "payoff_ratio": ("payoff",),
    "sqn": (),
    "max_consecutive_losses": ("consecutive_losses",),
    "avg_hold": (),
}
_NAMES = {
    written: name
    for table in (_PER_CENT, _PLAIN)
    for name, others in table.items()
    for written in (name, *others)
}
_TEXT = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(%?)")


@dataclass(frozen=True, slots=True)
class StoredMetrics:
    """Figures by the names and units of docs/rules.md §4; and what could not be read, in words."""

    values: Mapping[str, float]
    notes: tuple[str, ...]


def stored_metrics(block: object) -> StoredMetrics:
    """The figures in a `backtest:` or `paper:` block, at its top or under `metrics`.

    An old spelling without a per cent sign is taken for a fraction where the block's win rate is
    one, or where there is no win rate, if it is not beyond 1. Keys that are no figures (dates,
    notes) are passed over.
    """
    if not isinstance(block, Mapping):
        return StoredMetrics({}, ())
    inner = block.get("metrics")
    written = {**(inner if isinstance(inner, Mapping) else {}), **block}
    fractions = _in_fractions(written)
    values: dict[str, float] = {}
    notes = []
    for key, raw in written.items():
        name = _NAMES.get(as_word(key)) if isinstance(key, str) else None
        if name is None or raw is None or (name in values and as_word(key) != name):
            continue
        number = _number(raw)
        if number is None:
            notes.append(f"{key}: found {shown(raw)}, expected a number")
            continue
        value, has_sign = number
        if name in _PER_CENT and as_word(key) != name and not has_sign:
            beyond = abs(value) > 1 if fractions is None else not fractions
            value = value if beyond else value * 100
        values[name] = abs(value) if name == "max_drawdown_pct" else value
    return StoredMetrics(values, tuple(notes))


def _in_fractions(written: Mapping[object, object]) -> bool | None:
    """Whether the block's unmarked shares are fractions, by its win rate; None without one."""
    for key, raw in written.items():
        if isinstance(key, str) and as_word(key) in _PER_CENT["win_rate_pct"]:
            number = _number(raw)
            if number is not None and not number[1]:
                return number[0] <= 1
    return None


def _number(raw: object) -> tuple[float, bool] | None:
    """A finite number, and whether a per cent sign stood behind it."""
    if isinstance(raw, bool):
        return None
    has_sign = False
    if isinstance(raw, str):
        found = _TEXT.fullmatch(raw.strip()[:60])
        if found is None:
            return None
        raw, has_sign = float(found[1]), found[2] == "%"
    if not isinstance(raw, int | float):
        return None
    try:
        value = float(raw)
    except OverflowError:
        return None
    return (value, has_sign) if math.isfinite(value) else None
