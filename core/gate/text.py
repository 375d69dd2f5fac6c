"""What the gate found in words: one wording for the terminal and the screen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from core.gate.gate import Finding, Gate, UnfinishedGate, Verdict
from core.report.metric_labels import figure_text
from core.report.result import RunResult, metrics_to_json
from core.text import (
    basis_points,
    chance_text,
    counted,
    independent_tries,
    per_cent,
    signed_per_cent,
)
from core.time_format import short_date
from core.trial.expectation import Expectation

MARKS = {True: "yes", False: "no", None: "not known"}
"""The answer to a judged question."""
_NOT_SHOWN = "not shown"
_FIGURES = {
    "Return": "total_return_pct",
    "Sharpe": "sharpe_ratio",
    "Max DD": "max_drawdown_pct",
    "Trades": "total_trades",
}
_OF_A_FOLD = ("Return", "Max DD", "Trades")  # a Sharpe ratio of some days says nothing


@dataclass(frozen=True, slots=True)
class GateSection:
    """A part of the page: a title, rows beneath headings, then sentences.

    `headings` are empty where the rows need none. `right`: one character a column, `>` where it is
    flush right. The last column may be wrapped where it is flush left.
    """

    title: str
    headings: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    right: str = ""
    sentences: tuple[str, ...] = ()

    def lines(self) -> Iterator[tuple[str, str]]:
        """Headings, if any, and rows: the columns that keep their place, and what may be wrapped.

        Columns stand two spaces apart. Headings come first.
        """
        listed = [self.headings, *self.rows] if self.headings else list(self.rows)
        if not listed:
            return
        marks = self.right.ljust(len(listed[0]))
        widths = [max(map(len, column)) for column in zip(*listed, strict=True)]
        last = len(widths) - (marks[-1] != ">")
        for row in listed:
            cells = [
                cell.rjust(width) if mark == ">" else cell.ljust(width)
                for cell, width, mark in zip(row, widths, marks, strict=True)
            ]
            yield "  ".join(cells[:last]), "".join(row[last:])


def answer(gate: Gate, finding: Finding) -> str:
    """The answer to a judged question; of too little data a "no" is none, but no proof either."""
    if finding.passed is False and gate.verdict is Verdict.TOO_LITTLE_DATA:
        return _NOT_SHOWN
    return MARKS[finding.passed]


def verdict_reasons(gate: Gate) -> tuple[str, ...]:
    """The reasons of the verdict that no judged question says by itself."""
    said = [one.says for one in gate.findings]
    return tuple(reason for reason in gate.reasons if reason not in said)


def unfinished_words(gate: UnfinishedGate) -> str:
    """What there is to say of a gate that was cancelled."""
    return f"{gate.reason[0].upper()}{gate.reason[1:]}."


def gate_sections(
    gate: Gate, settings: Mapping[str, float | int | str] = MappingProxyType({})
) -> tuple[GateSection, ...]:
    """Everything beside the judged questions, in order.

    `settings`: what was set of the strategy before anything was varied, by path.
    """
    return (
        _judged(gate, settings),
        _walk_forward(gate),
        GateSection("Luck", (), tuple(_luck(gate)), " >"),
        _robustness(gate),
        expectation_section(gate.expectation),
    )


def _judged(gate: Gate, settings: Mapping[str, float | int | str]) -> GateSection:
    best = gate.sweep.best
    fixed = (f"{path}={value}" for path, value in settings.items() if path not in gate.varied)
    named = ", ".join(filter(None, (settings_text(gate, best.values), *fixed)))
    tried = f"the best of {len(gate.sweep.rows):,}" if gate.varied else "these settings alone"
    title = f"Judged: {named or 'the strategy'} ({tried if named else 'as it is'})"
    rows = (("on all candles", *_figures(best.result, _FIGURES)),)
    return GateSection(title, ("", *_FIGURES), rows, " >>>>")


def _figures(result: RunResult, labels: Iterable[str]) -> Iterator[str]:
    plain = metrics_to_json(result.metrics)
    return (figure_text(_FIGURES[label], plain) for label in labels)


def settings_text(gate: Gate, values: tuple[float | int | str, ...]) -> str:
    """The values of a setting with the paths they are of."""
    return ", ".join(f"{path}={value}" for path, value in zip(gate.varied, values, strict=True))


def joined_words(gate: Gate) -> str:
    """What the joined parts of the walk-forward are, which is not the backtest that was judged."""
    parts = f"The last {len(gate.walk_forward.folds)} parts of the time, joined"
    return f"{parts}; the settings were chosen anew for each." if gate.varied else f"{parts}."


def _walk_forward(gate: Gate) -> GateSection:
    """The parts and all of them joined; where some were chosen, of other settings than judged.

    A return of a part without a trade is that of a position still open at its end: `0 +1`.
    """
    walked = gate.walk_forward
    chosen = [f"Chosen {', '.join(gate.varied)}"] if gate.varied else []
    title, before = "Traded part by part, each from a flat account", "in the time before it"
    if chosen:
        title, before = "Chosen on what was, traded on what followed", "where it was chosen"
    left_open = sum(fold.left_open or 0 for fold in walked.folds)
    rows = tuple(
        (
            short_date(fold.traded_from),
            *_with_open(fold.result, fold.left_open, left_open),
            *([", ".join(map(str, fold.values))] if chosen else []),
        )
        for fold in walked.folds
    )
    joined = (
        "joined",
        *_with_open(walked.joined, left_open, left_open),
        *([""] if chosen else []),
    )
    (sharpe,) = _figures(walked.joined, ("Sharpe",))
    efficiency = f"{before[0].upper()}{before[1:]}, it made no money, so there is no efficiency."
    if walked.efficiency is not None:
        efficiency = (
            f"A day here made {walked.efficiency:.0%} of what a day made {before} (efficiency)."
        )
    headings = ("Traded from", *_OF_A_FOLD, *chosen)
    marked = ["+ what was open at the end of a part, at its last close."] if left_open else []
    told = (*marked, f"Joined, their Sharpe ratio is {sharpe}.", efficiency)
    return GateSection(title, headings, (*rows, joined), " >>>", told)


def _with_open(result: RunResult, left_open: int | None, most: int) -> Iterator[str]:
    """The figures of parts, with what was open; `most`: in any, so that all have that room."""
    *figures, trades = _figures(result, _OF_A_FOLD)
    yield from figures
    also, room = f" +{left_open}" if left_open else "", len(f" +{most}") if most else 0
    yield f"{trades}{also:<{room}}"


def _luck(gate: Gate) -> Iterator[tuple[str, str, str]]:
    """What was looked at, its figure, and what the figure says."""
    tried = len(gate.sweep.rows)
    yield (
        "Independent tries",
        f"{gate.independent_tries:,.1f}",
        f"of {counted(tried, 'setting')} tried and earlier runs, added up as if none overlapped",
    )
    if gate.overfitting is not None:
        found = gate.overfitting
        yield (
            "Overfitting (PBO)",
            chance_text(found.probability),
            f"of {found.halvings:,} halvings of the days: the best of one half is below the median "
            f"in the other; it loses there in {chance_text(found.loss_probability)}",
        )
    if gate.deflated is not None:
        tries = independent_tries(gate.independent_tries)
        if gate.deflated.of_settings:
            tries = f"{gate.sweep.scattered:,} settings that scatter as these do"
        luck = gate.deflated.expected_best
        yield (
            "Deflated Sharpe",
            chance_text(gate.deflated.probability, 1),
            f"chance that it is above what luck brings the best of {tries}: {luck:.2f} a year"
            if luck
            else "chance that it is above 0: of its one try there is nothing to deflate",
        )
    if gate.superiority is not None:
        needed = gate.superiority.detectable_sharpe(0.8)
        yield "Edge that shows", f"{needed:.1f}", "yearly Sharpe, found in 80% on these candles"
    for what, place, told in (
        ("Edgeless markets", gate.edgeless, "daily Sharpe {:+z.3f}"),
        ("Random entries", gate.random_entries, "{:+z.3f}% a holding"),
    ):
        if place is not None:
            yield (
                what,
                chance_text(place.p, 1),
                f"as good: {told.format(place.figure)} here; theirs {place.middle:+z.3f} in "
                f"the middle, {place.high:+z.3f} in the best twentieth",
            )


def _gain(value: float) -> str:
    return signed_per_cent(value)


def _robustness(gate: Gate) -> GateSection:
    found = gate.robustness
    low, high = found.shifted_starts
    rows = [
        ("as it is", _gain(found.return_pct), ""),
        ("costs doubled", _gain(found.costs_doubled), ""),
        ("every entry one candle late", _gain(found.delayed), ""),
        ("begun up to one higher candle later", _gain(low), f"to {_gain(high)}"),
    ]
    if found.target_first is not None:
        rows.append(("targets before stops where unsure", _gain(found.target_first), ""))
    rows += [(part.name, _gain(part.return_pct), "") for part in (*found.years, *found.regimes)]
    if found.break_even_cost_bp is not None:
        rows.append(
            (
                "a fill may cost, before nothing is left",
                f"{basis_points(found.break_even_cost_bp)} bp",
                f"{basis_points(found.assumed_cost_bp)} bp assumed",
            )
        )
    if found.neighbours is not None:
        around = found.neighbours
        rows.append(
            (
                "settings one step away with a profit",
                f"{around.profitable}",
                f"of {around.count}",
            )
        )
    return GateSection("Under other circumstances", ("", "Return", ""), tuple(rows), " >")


def expectation_section(expected: Expectation | None) -> GateSection:
    """What as many trades again would bring; None: there were too few to draw from."""
    if expected is None:
        return GateSection("What to expect: too few trades to draw from")
    bands = (
        ("return", expected.return_pct, partial(signed_per_cent, digits=1)),
        ("max drawdown", expected.drawdown_pct, partial(per_cent, digits=1)),
        ("losses in a row", expected.losing_streak, "{:,.0f}".format),
    )
    rows = (
        (name, *(write(value) for value in (band.low, band.middle, band.high)))
        for name, band, write in bands
    )
    return GateSection(
        f"What to expect of {expected.trades} such trades",
        ("", "1 in 20 below", "middle", "1 in 20 above"),
        tuple(rows),
        " >>>",
        (f"A loss in all in {chance_text(expected.loss_probability)} of cases.",),
    )
