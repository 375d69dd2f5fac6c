"""What the gate found in words: one wording for the terminal and the screen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from core.gate.chance import Place
from core.gate.gate import Gate, UnfinishedGate
from core.report.metric_labels import figure_text
from core.report.result import metrics_to_json
from core.time_format import short_date
from core.trial.expectation import Band, Expectation

MARKS = {True: "yes", False: "no", None: "?"}
"""The answer to a judged question."""
_FIGURES = {
    "return": "total_return_pct",
    "Sharpe": "sharpe_ratio",
    "max DD": "max_drawdown_pct",
    "trades": "total_trades",
}


@dataclass(frozen=True, slots=True)
class GateSection:
    """A part of the page: a title, rows beneath headings, then sentences.

    `headings` are empty where the rows need none. `right`: one character a column, `>` where it is
    flush right.
    """

    title: str
    headings: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    right: str = ""
    sentences: tuple[str, ...] = ()


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
        GateSection("Luck", sentences=tuple(_luck(gate))),
        _robustness(gate),
        expectation_section(gate.expectation),
    )


def _judged(gate: Gate, settings: Mapping[str, float | int | str]) -> GateSection:
    best, axes = gate.sweep.best, gate.sweep.axes
    varied = {axis.path for axis in axes}
    fixed = (f"{path}={value}" for path, value in settings.items() if path not in varied)
    named = ", ".join(filter(None, (settings_text(gate, best.values), *fixed)))
    tried = f"the best of {len(gate.sweep.rows):,}" if axes else "these settings alone"
    title = f"Judged: {named or 'the strategy'} ({tried if named else 'as it is'})"
    return GateSection(title, sentences=(_figures(metrics_to_json(best.result.metrics)),))


def _figures(plain: dict[str, object]) -> str:
    return ", ".join(f"{label} {figure_text(name, plain)}" for label, name in _FIGURES.items())


def settings_text(gate: Gate, values: tuple[float | int | str, ...]) -> str:
    """The values of a setting with the paths they are of."""
    paths = [axis.path for axis in gate.sweep.axes]
    return ", ".join(f"{path}={value}" for path, value in zip(paths, values, strict=True))


def _walk_forward(gate: Gate) -> GateSection:
    walked = gate.walk_forward
    rows = tuple(
        (
            f"{short_date(fold.traded_from)} – {short_date(fold.until)}",
            *(
                figure_text(name, metrics_to_json(fold.result.metrics))
                for name in ("total_return_pct", "total_trades")
            ),
            settings_text(gate, fold.values),
        )
        for fold in walked.folds
    )
    efficiency = "what it was chosen on had made nothing: no efficiency"
    if walked.efficiency is not None:
        efficiency = f"efficiency: {walked.efficiency:.0%} of what a day made where it was chosen"
    joined = _figures(metrics_to_json(walked.joined.metrics))
    return GateSection(
        "Chosen on what was, traded on what followed",
        ("Traded", "Return", "Trades", "Chosen"),
        rows,
        " >>",
        (f"joined: {joined}", efficiency),
    )


def _luck(gate: Gate) -> Iterator[str]:
    yield f"{gate.independent_tries:,.1f} independent tries stand behind it, with earlier ones"
    if gate.overfitting is not None:
        found = gate.overfitting
        yield (
            f"the best of one half of the days is below the median in the other half in "
            f"{found.probability:.0%} of {found.halvings:,} halvings (PBO), and loses in "
            f"{found.loss_probability:.0%}"
        )
    if gate.deflated is not None:
        tries = f"{gate.independent_tries:,.1f} independent tries"
        if gate.deflated.of_settings:
            tries = f"{gate.sweep.scattered:,} settings that scatter as these do"
        luck = gate.deflated.expected_best
        yield f"deflated Sharpe ratio {gate.deflated.probability:.1%}: " + (
            f"by luck alone the best of {tries} comes to {luck:.2f} a year"
            if luck
            else "of its one try there is nothing to deflate"
        )
    if gate.superiority is not None:
        yield (
            f"with these candles an edge needs a yearly Sharpe ratio of "
            f"{gate.superiority.detectable_sharpe(0.8):.1f} to be found in 80 %"
        )
    for what, place, unit in (
        ("daily Sharpe ratio on edgeless markets", gate.edgeless, ""),
        ("the same holdings at random times", gate.random_entries, " % a trade"),
    ):
        if place is not None:
            yield f"{what}: {_place(place, unit)}"


def _place(place: Place, unit: str) -> str:
    return (
        f"{place.middle:+z.3f}{unit} in the middle, {place.high:+z.3f} the best twentieth; "
        f"here {place.figure:+z.3f}, chance {place.p:.1%}"
    )


def _robustness(gate: Gate) -> GateSection:
    found = gate.robustness
    low, high = found.shifted_starts
    rows = [
        ("as it is", f"{found.return_pct:+z.1f} %"),
        ("costs doubled", f"{found.costs_doubled:+z.1f} %"),
        ("every entry one candle late", f"{found.delayed:+z.1f} %"),
        ("begun up to one higher candle later", f"{low:+z.1f} to {high:+z.1f} %"),
    ]
    if found.target_first is not None:
        rows.append(("targets before stops where unsure", f"{found.target_first:+z.1f} %"))
    rows += [(part.name, f"{part.return_pct:+z.1f} %") for part in (*found.years, *found.regimes)]
    sentences = []
    if found.break_even_cost_bp is not None:
        sentences.append(
            f"a fill is assumed to cost {found.assumed_cost_bp:.1f} bp and may cost "
            f"{found.break_even_cost_bp:.1f} before nothing is left"
        )
    if found.neighbours is not None:
        around = found.neighbours
        sentences.append(
            f"of {around.count} settings one step away {around.profitable} made a profit"
        )
    title = "Under other circumstances (return in all)"
    return GateSection(title, (), tuple(rows), " >", tuple(sentences))


def expectation_section(expected: Expectation | None) -> GateSection:
    """What as many trades again would bring; None: there were too few to draw from."""
    if expected is None:
        return GateSection("What to expect: too few trades to draw from")
    bands = (
        ("return", expected.return_pct, "+,.1f", " %"),
        ("max drawdown", expected.drawdown_pct, ",.1f", " %"),
        ("losses in a row", expected.losing_streak, ",.0f", ""),
    )
    return GateSection(
        f"What {expected.trades} such trades bring (one in twenty below, middle, one above)",
        (),
        tuple((name, f"{_band(band, form)}{unit}") for name, band, form, unit in bands),
        "",
        (f"a loss in all in {expected.loss_probability:.0%}",),
    )


def _band(band: Band, form: str) -> str:
    return " / ".join(format(value, form) for value in (band.low, band.middle, band.high))
