"""Writes what the gate found for a terminal: the verdict, why, and what stands beside it."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from core.gate.chance import Place
from core.gate.expectation import Band, Expectation
from core.gate.gate import Gate, UnfinishedGate
from core.report.metric_labels import figure_text
from core.report.result import metrics_to_json
from core.time_format import short_date
from tui.cli.output import table

_MARKS = {True: "yes", False: "no", None: "?"}
_WIDTH = 96
_FIGURES = ("total_return_pct", "sharpe_ratio", "max_drawdown_pct", "total_trades")


def gate_text(gate: Gate | UnfinishedGate) -> list[str]:
    """The lines a person reads."""
    if isinstance(gate, UnfinishedGate):
        return [f"{gate.reason[0].upper()}{gate.reason[1:]}."]
    return [
        f"Verdict: {gate.verdict.value}",
        "",
        *_findings(gate),
        "",
        *_best(gate),
        "",
        "Chosen on what was, traded on what followed",
        *_walk_forward(gate),
        "",
        "Luck",
        *_luck(gate),
        "",
        "Under other circumstances (return in all)",
        *_robustness(gate),
        "",
        *expectation_lines(gate.expectation),
    ]


def _findings(gate: Gate) -> Iterator[str]:
    for reason in gate.reasons:
        if reason not in [one.says for one in gate.findings]:
            yield from _indented(reason, "  ")
    for one in gate.findings:
        yield f"  {_MARKS[one.passed]:<4}{one.question}"
        yield from _indented(one.says, "      ")


def _indented(text: str, margin: str) -> list[str]:
    return wrap(text, _WIDTH, initial_indent=margin, subsequent_indent=margin)


def _best(gate: Gate) -> list[str]:
    best = gate.sweep.best
    settings = _settings(gate, best.values)
    tried = f"the best of {len(gate.sweep.rows):,}" if settings else "as it is"
    plain = metrics_to_json(best.result.metrics)
    figures = ", ".join(
        f"{label} {figure_text(name, plain)}"
        for label, name in zip(("return", "Sharpe", "max DD", "trades"), _FIGURES, strict=True)
    )
    return [f"Judged: {settings or 'the strategy'} ({tried})", f"  {figures}"]


def _settings(gate: Gate, values: tuple[float | int | str, ...]) -> str:
    paths = [axis.path for axis in gate.sweep.axes]
    return ", ".join(f"{path}={value}" for path, value in zip(paths, values, strict=True))


def _walk_forward(gate: Gate) -> list[str]:
    walked = gate.walk_forward
    joined = metrics_to_json(walked.joined.metrics)
    rows = [
        [
            f"{short_date(fold.traded_from)} – {short_date(fold.until)}",
            *(
                figure_text(name, metrics_to_json(fold.result.metrics))
                for name in ("total_return_pct", "total_trades")
            ),
            _settings(gate, fold.values),
        ]
        for fold in walked.folds
    ]
    efficiency = "what it was chosen on had made nothing: no efficiency"
    if walked.efficiency is not None:
        efficiency = f"efficiency: {walked.efficiency:.0%} of what a day made where it was chosen"
    together = ", ".join(
        f"{label} {figure_text(name, joined)}"
        for label, name in zip(("return", "Sharpe", "max DD", "trades"), _FIGURES, strict=True)
    )
    return [
        *(
            f"  {line}"
            for line in table(["Traded", "Return", "Trades", "Chosen"], rows, right=" >>")
        ),
        f"  joined: {together}",
        f"  {efficiency}",
    ]


def _luck(gate: Gate) -> Iterator[str]:
    yield f"  {gate.independent_tries:,.1f} independent tries stand behind it, with earlier ones"
    if gate.overfitting is not None:
        found = gate.overfitting
        yield (
            f"  the best of one half of the days is below the median in the other half in "
            f"{found.probability:.0%} of {found.halvings:,} halvings (PBO), and loses in "
            f"{found.loss_probability:.0%}"
        )
    if gate.sweep.deflated_sharpe is not None:
        yield f"  deflated Sharpe ratio {gate.sweep.deflated_sharpe:.1%}"
    if gate.superiority is not None:
        yield (
            f"  with these candles an edge needs a yearly Sharpe ratio of "
            f"{gate.superiority.detectable_sharpe(0.8):.1f} to be found in 80 %"
        )
    for what, place, unit in (
        ("daily Sharpe ratio on edgeless markets", gate.edgeless, ""),
        ("the same holdings at random times", gate.random_entries, " % a trade"),
    ):
        if place is not None:
            yield f"  {what}: {_place(place, unit)}"


def _place(place: Place, unit: str) -> str:
    return (
        f"{place.middle:+.3f}{unit} in the middle, {place.high:+.3f} the best twentieth; "
        f"here {place.figure:+.3f}, chance {place.p:.1%}"
    )


def _robustness(gate: Gate) -> list[str]:
    found = gate.robustness
    low, high = found.shifted_starts
    rows = [
        ["as it is", f"{found.return_pct:+.1f} %"],
        ["costs doubled", f"{found.costs_doubled:+.1f} %"],
        ["every entry one candle late", f"{found.delayed:+.1f} %"],
        ["begun up to one higher candle later", f"{low:+.1f} to {high:+.1f} %"],
    ]
    if found.target_first is not None:
        rows.append(["targets before stops where unsure", f"{found.target_first:+.1f} %"])
    rows += [[part.name, f"{part.return_pct:+.1f} %"] for part in (*found.years, *found.regimes)]
    lines = [f"  {line}" for line in table(["", ""], rows, right=" >")[1:]]
    if found.break_even_cost_bp is not None:
        lines.append(
            f"  a fill is assumed to cost {found.assumed_cost_bp:.1f} bp and may cost "
            f"{found.break_even_cost_bp:.1f} before nothing is left"
        )
    if found.neighbours is not None:
        around = found.neighbours
        lines.append(
            f"  of {around.count} settings one step away {around.profitable} made a profit"
        )
    return lines


def expectation_lines(expected: Expectation | None) -> list[str]:
    """What as many trades again would bring; None: there were too few to draw from."""
    if expected is None:
        return ["What to expect: too few trades to draw from"]
    bands = (
        ("return", expected.return_pct, "+,.1f", " %"),
        ("max drawdown", expected.drawdown_pct, ",.1f", " %"),
        ("losses in a row", expected.losing_streak, ",.0f", ""),
    )
    return [
        f"What {expected.trades} such trades bring (one in twenty below, middle, one above)",
        *(f"  {name:<16}{_band(band, form)}{unit}" for name, band, form, unit in bands),
        f"  a loss in all in {expected.loss_probability:.0%}",
    ]


def _band(band: Band, form: str) -> str:
    return " / ".join(format(value, form) for value in (band.low, band.middle, band.high))
