"""Two results side by side: their figures, how far they are apart, the settings that differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.market.symbols import money_decimals, quote_currency
from core.report.library import (
    ListedResult,
    Setting,
    differently_run,
    differing_settings,
    listed_to_json,
    unlike,
)
from core.report.metric_labels import figure_text, is_money, metric_figures
from core.report.metrics import tells_better
from core.report.quality import too_few
from core.report.spreadsheet import csv_text
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


@dataclass(frozen=True, slots=True)
class ResultPair:
    """Two results of the library beside each other.

    Attributes:
        listed: their rows.
        reports: all of their files.
        unlike: in what they are of something else, so that neither is better; None: in nothing.
        few: that a result is of too few trades, as its report says; None where they are enough.
            Its figures are set beside the other's all the same, as a sweep ranks such.
        figures: every figure of both.
        settings: those that differ, path and both values; None where one of the two was kept
            without its config.
    """

    listed: tuple[ListedResult, ListedResult]
    reports: tuple[Mapping[str, Any], Mapping[str, Any]]
    unlike: str | None
    few: tuple[str | None, str | None]
    figures: tuple[SideBySide, ...]
    settings: tuple[tuple[str, Setting | None, Setting | None], ...] | None

    def doubts(self, names: tuple[str, str]) -> list[str]:
        """What makes one doubt the figures of either, a sentence each; `names`: to call them by."""
        return [
            f"{name}: {few}" for name, few in zip(names, self.few, strict=True) if few is not None
        ]


def paired(
    listed: tuple[ListedResult, ListedResult],
    reports: tuple[Mapping[str, Any], Mapping[str, Any]],
    names: tuple[str, str],
) -> ResultPair:
    """Set two results, as `open_result` reads them, beside each other; `names`: to call them by."""
    one, other = (each.result for each in listed)
    ours, theirs = reports
    apart = unlike(one, other, names)
    settings = None
    if "config" in ours and "config" in theirs:
        settings = (
            *differently_run(one, other),
            *differing_settings(ours["config"], theirs["config"]),
        )
    figures = side_by_side(ours, theirs, alike=apart is None)
    few = _few_trades(ours), _few_trades(theirs)
    return ResultPair(listed, reports, apart, few, figures, settings)


def _few_trades(report: Mapping[str, Any]) -> str | None:
    trades = report["metrics"].get("total_trades")
    return None if trades is None else too_few(trades)


def pair_to_json(pair: ResultPair) -> dict[str, Any]:
    """What `backtests compare --json` prints."""
    one, other = pair.listed
    return {
        "one": listed_to_json(one),
        "other": listed_to_json(other),
        "unlike": unlike(one.result, other.result, (one.key, other.key)),
        "warnings": dict(zip(("one", "other"), pair.few, strict=True)),
        "figures": list(_whole_figures(pair)),
        "settings": None
        if pair.settings is None
        else [{"path": path, "one": ours, "other": theirs} for path, ours, theirs in pair.settings],
    }


def pair_csv(pair: ResultPair) -> str:
    """The two in columns: what they are, every figure in full, the settings that differ."""
    one, other = map(_identity, pair.listed)
    return csv_text(
        ("kind", "name", "A", "B", "B_minus_A", "B_is_better"),
        (
            *(("result", name, told, other[name]) for name, told in one.items()),
            *([("warning", "few_trades", *pair.few)] if any(pair.few) else []),
            *(("figure", *figure.values()) for figure in _whole_figures(pair)),
            *(("setting", *setting) for setting in pair.settings or ()),
        ),
    )


def _identity(listed: ListedResult) -> dict[str, Any]:
    """What a result is of."""
    result = listed.result
    return {
        "id": listed.key,
        "strategy": result.strategy,
        "symbols": " ".join(result.symbols),
        "timeframe": result.timeframe,
        "start": result.period.start,
        "end": result.period.end,
        "starting_balance": result.starting_balance,
    }


def _whole_figures(pair: ResultPair) -> Iterator[dict[str, Any]]:
    """The figures with both values in full."""
    ours, theirs = (report["metrics"] for report in pair.reports)
    for one in pair.figures:
        yield {
            "name": one.name,
            "one": ours.get(one.name),
            "other": theirs.get(one.name),
            "change": one.change,
            "better": one.better,
        }


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
    judged = name not in _NEITHER and tells_better(name, first, second)
    better = (change < 0) == (name in _LESS_IS_BETTER) if judged else None
    sign = "▲ +" if change > 0 else "▼ -"
    return SideBySide(name, label, ours, theirs, change, f"{sign}{unsigned}", better)
