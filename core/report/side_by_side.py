"""Two results side by side: every figure of both, and how far the second is from the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.market.symbols import money_decimals, quote_currency
from core.report.metric_labels import figure_text, is_money, metric_figures
from core.time_format import short_duration, shown_seconds

_LESS_IS_BETTER = ("max_drawdown_pct", "max_consecutive_losses")
_NEITHER = ("benchmark_return_pct", "total_trades", "avg_hold", "exposure_pct")


@dataclass(frozen=True, slots=True)
class SideBySide:
    """A figure of two results.

    Attributes:
        name: of docs/rules.md §4.
        label, one, other: as a reader has them.
        change: the second minus the first, in the figure's unit; None where one is not known, or
            they are of different money.
        change_text: the difference of both as they are shown, with its sign and direction: who
            subtracts them comes to the same.
        better: whether the second is the better one; None where neither is, or it is no question.
    """

    name: str
    label: str
    one: str
    other: str
    change: float | None
    change_text: str
    better: bool | None


def side_by_side(
    one: Mapping[str, Any], other: Mapping[str, Any], *, alike: bool = True
) -> tuple[SideBySide, ...]:
    """The figures of two results (as in their JSON), in a reader's order.

    Amounts of different money have no difference: each is written with its currency. None is better
    where the results are not `alike`, but of other periods or markets.
    """
    results = (_Result(one["metrics"], one["symbols"]), _Result(other["metrics"], other["symbols"]))
    names = metric_figures(one["metrics"])
    pairs = (_pair(figure.name, figure.label, *results) for figure in names)
    return tuple(each if alike else replace(each, better=None) for each in pairs)


@dataclass(frozen=True, slots=True)
class _Result:
    """The metrics of a result, and the symbols whose money they are in."""

    metrics: Mapping[str, Any]
    symbols: Sequence[str]

    @property
    def money(self) -> str:
        """The currencies: `USDT`."""
        return " ".join(sorted({quote_currency(symbol) for symbol in self.symbols}))

    def text(self, name: str) -> str:
        """One of its figures."""
        return figure_text(name, self.metrics, money_decimals(*self.symbols))


def _pair(name: str, label: str, one: _Result, other: _Result) -> SideBySide:
    ours, theirs = one.text(name), other.text(name)
    first, second = one.metrics.get(name), other.metrics.get(name)
    if first is None or second is None:
        return SideBySide(name, label, ours, theirs, None, "", None)
    if is_money(name) and one.money != other.money:
        ours, theirs = f"{ours} {one.money}", f"{theirs} {other.money}"
        return SideBySide(name, label, ours, theirs, None, "other money", None)
    change = second - first
    if ours == theirs:
        return SideBySide(name, label, ours, theirs, change, "=", None)
    if name == "avg_hold":
        unsigned = short_duration(abs(shown_seconds(second) - shown_seconds(first)))
    else:
        digits = len(ours.rstrip("% bp").partition(".")[2])
        apart = abs(round(second, digits) - round(first, digits))
        unsigned = figure_text(name, {name: apart}, money_decimals(*one.symbols)).lstrip("+")
    # Two percentages differ by percentage points.
    unsigned = unsigned.replace("%", " pp")
    better = None if name in _NEITHER else (change < 0) == (name in _LESS_IS_BETTER)
    sign = "▲ +" if change > 0 else "▼ -"
    return SideBySide(name, label, ours, theirs, change, f"{sign}{unsigned}", better)
