"""Writes the verdict and the five answers of a comparison, each with a gauge."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING

from textual.content import Content

from core.text import basis_points, reason_text, safe_text, share_text, signed_per_cent, typed_for
from core.trial.state import DESCRIBED, State
from tui import formats
from tui.widgets.answer_list import AnswerRow
from tui.widgets.gauge import (
    DOT,
    HERE,
    POSSIBLE,
    SHADED,
    WALL,
    Gauge,
    GaugeFill,
    Pointer,
    decimals_apart,
)
from tui.widgets.tones import Tone, tone_of, verdict_sign

if TYPE_CHECKING:
    from core.compare.comparison import ComparisonResult
    from core.compare.decisions import DecisionLayer
    from core.compare.divergence import Divergence
    from core.compare.fill_costs import CostLayer
    from core.compare.promise import EdgeLayer, PathLayer

_DESCRIBED = ("·", DESCRIBED, Tone.PLAIN)
_AROUND = 0.35  # of what lies between two walls: shown beyond them
_FARTHEST = 20.0  # times the other costs: a break-even farther away is an arrow at the scale's end
_NO_SESSION = "no paper session to judge"
_SHOW_ONE = "No paper session to judge: S shows one by itself, a replay session too."
_TIMES_TOLERATED = 3.0  # of what may be unexplained: so far a scale of decisions reaches
_NO_TRADE = "no trade of {:,} has closed yet"
_NO_DIFFERENCE = "no difference"
_CAUSES = "█▓▒"  # causes beside each other are told apart by them


def verdict_text(
    result: ComparisonResult, program: str = "papertape", zone: tzinfo = UTC
) -> Content:
    """The verdict in a line, what it is of, what to do next, and how other trials stand.

    `program`: what is typed for it on this workspace.
    """
    lines: list[Content] = []
    verdict, layers = result.verdict, result.layers
    if verdict is not None:
        sign, tone = verdict_sign(verdict.state)
        whose = " ".join(filter(None, (verdict.column, result.judged_session)))
        parts = [f"{whose}, DEMO" if result.demo else whose]
        if verdict.by:
            parts.append(f"by {', '.join(verdict.by)}")
        if layers.seal is not None:
            sealed = f" {formats.day(layers.seal.sealed_at, zone)}"
            if verdict.closes is not None and verdict.closes < layers.seal.sealed_at:
                sealed = ""  # by this machine's clock, and a demo's market has its own
            parts.append(f"trial {layers.trial}, sealed{sealed}")
        elif layers.doubt is not None:
            parts.append(f"described · no verdict: {layers.doubt.in_short}")
        else:
            parts.append("not sealed: no error rate stands behind this")
        if verdict.closes is not None:
            parts.append(f"closes about {formats.day(verdict.closes, zone)}")
        lines.append(
            Content.assemble(
                (f"{sign} {verdict.word.upper()}", f"bold {tone.css}"),
                (safe_text(f"   {' · '.join(parts)}"), tone.css),
            )
        )
    if result.together:
        lines.append(Content.styled(safe_text(f"{result.together}."), Tone.PLAIN.css))
    lines.append(
        Content.styled(safe_text(typed_for(program, result.recommendation)), Tone.ACCENT.css)
    )
    if not result.reports:
        lines.append(Content.styled(_SHOW_ONE, Tone.WARNING.css))
    if result.left_out:
        lines.append(Content.styled(safe_text(f"{result.left_out}."), Tone.WARNING.css))
    if layers.others:
        others = "; ".join(other.in_words(zone) for other in layers.others)
        lines.append(Content.styled(safe_text(f"Other trials: {others}"), Tone.DIM.css))
    return Content("\n").join(lines)


def answers(result: ComparisonResult, zone: tzinfo = UTC) -> list[AnswerRow]:
    """The five answers, also those that could not be had, and that of live trades if there are."""
    layers = result.layers
    path = path_answer(layers.path, layers.no_band, zone)
    if layers.path is None and layers.edge is None:
        path = _unknown("path", _NO_SESSION)
    rows = [
        _decisions(layers.decisions),
        _costs(layers.costs),
        _account(layers.account),
        path,
        _edge("edge", layers.edge, zone),
    ]
    return rows if layers.live is None else [*rows, _edge("live", layers.live, zone)]


def _unknown(layer: str, why: str) -> AnswerRow:
    return AnswerRow(layer, layer.capitalize(), "·", "unknown", Tone.DIM, why)


def _decisions(layer: DecisionLayer | None) -> AnswerRow:
    if layer is None:
        return _unknown("decisions", _NO_SESSION)
    judged = layer.judged
    sign, tone = verdict_sign(layer.state)
    if judged.bound is None:
        return AnswerRow("decisions", "Decisions", sign, "open", tone, layer.text)
    most, tolerated = judged.bound, judged.margin
    unexplained = judged.unexplained / judged.decided
    texts = [layer.counted]
    if layer.meaning:
        texts.insert(0, f"{layer.counted}; {layer.meaning}")
    # The scale is of what breaks: how far the bound reaches beyond it is no fault.
    high = max(tolerated * _TIMES_TOLERATED, unexplained * 1.25) or most
    fills = [GaugeFill(0.0, min(most, high), Tone.PLAIN, POSSIBLE)]
    if judged.unexplained:
        fills.append(GaugeFill(0.0, unexplained, tone))
    pointers = (
        Pointer(unexplained, HERE, Tone.STRONG, f"{share_text(unexplained)} unexplained"),
        Pointer(tolerated, WALL, Tone.LOSS, f"broken above {share_text(tolerated)}"),
        Pointer(most, POSSIBLE, Tone.PLAIN, f"up to {share_text(most)} not ruled out"),
    )
    gauge = Gauge(0.0, high, tuple(fills), pointers)
    text, *shorter = texts
    word = str(layer.state)
    return AnswerRow(
        "decisions", "Decisions", sign, word, tone, text, gauge, shorter=tuple(shorter)
    )


COST_FINDINGS = {
    "within": ("✓", Tone.GAIN),
    "as_assumed": ("?", Tone.PLAIN),
    "dearer": ("!", Tone.WARNING),
    "eats_edge": ("✗", Tone.LOSS),
    "open": ("?", Tone.WARNING),
}
"""Sign and tone of each `CostFinding`, whose module would load numpy here."""

_SIDES = {"below": ("✗", Tone.LOSS), "above": ("▲", Tone.GAIN), "inside": ("✓", Tone.GAIN)}


def _costs(layer: CostLayer | None) -> AnswerRow:
    if layer is None:
        return _unknown("costs", _NO_SESSION)
    judged = layer.judged
    sign, tone = COST_FINDINGS[judged.finding] if layer.fills else ("·", Tone.PLAIN)
    texts = ["filled by the candles, at the assumed cost"]
    if layer.fees is None:
        texts = ["no trade has closed yet"]
    if layer.fills:
        fills = f"{judged.fills:,} fill{'s' * (judged.fills != 1)}"
        found = "" if layer.found == layer.word else f": {layer.found}"
        texts = [f"{fills}{found}"]
        if layer.half_spread is not None and layer.delay is not None:
            half, delay = basis_points(layer.half_spread), basis_points(layer.delay)
            parts = f"half spread {half} bp, delay {delay} bp"
            texts.insert(0, f"{fills}, {parts}{found}")
    text, *shorter = texts
    gauge = cost_gauge(layer)
    return AnswerRow("costs", "Costs", sign, layer.word, tone, text, gauge, shorter=tuple(shorter))


def cost_gauge(layer: CostLayer) -> Gauge:
    """Assumed and seen cost of a fill, the interval of its mean, and where nothing is left."""
    judged = layer.judged
    tone = COST_FINDINGS[judged.finding][1]
    known = [judged.assumed, *(value for value in (judged.seen, judged.low, judged.high) if value)]
    low, high = min(0.0, *known), max(1.0, *known)
    even = judged.break_even
    if even is not None:
        low, high = min(low, even), max(high, min(even, high * _FARTHEST))
    room = (high - low) * 0.08
    low, high = (low - room if low < 0 else 0.0), high + room
    fills, pointers = [], []
    if even is not None and even < high:
        fills.append(GaugeFill(even, high, Tone.LOSS, SHADED))
    if judged.low is not None and judged.high is not None:
        fills.append(GaugeFill(judged.low, judged.high, tone))
    places = decimals_apart([judged.assumed, *(() if judged.seen is None else (judged.seen,))], 1)

    def bp(value: float) -> str:
        return basis_points(value, digits=places)

    as_assumed = judged.seen is not None and bp(judged.seen) == bp(judged.assumed)
    if judged.seen is not None:
        label = f"seen {bp(judged.seen)} bp{', as assumed' if as_assumed else ''}"
        if judged.low is not None and judged.high is not None:
            label += f" ({bp(judged.low)} to {bp(judged.high)})"
        pointers.append(Pointer(judged.seen, HERE, Tone.STRONG, label))
    if even is not None:
        # The scale is of slippage, and the sentences count fees in: another number.
        label = f"break-even {bp(even)}, fees apart"
        pointers.append(Pointer(even, WALL, Tone.LOSS, label))
    if not as_assumed:
        unit = " bp" if judged.seen is None else ""
        label = f"assumed {bp(judged.assumed)}{unit}"
        pointers.append(Pointer(judged.assumed, DOT, Tone.PLAIN, label))
    return Gauge(low, high, tuple(fills), tuple(pointers))


def _account(layer: Divergence | None) -> AnswerRow:
    if layer is None:
        return _unknown("account", _NO_SESSION)
    differing, count = len(layer.differing), len(layer.trades)
    total = layer.difference
    text = layer.summary
    if differing:
        text = f"{differing:,} of {count:,} trades differ{'s'[: differing == 1]} from the replay"
    sign, word, tone = _DESCRIBED
    cents = layer.causes_in_cents.items()
    effects = sorted(((float(each), reason_text(kind)) for kind, each in cents), key=_size)
    if not any(effect for effect, _ in effects):
        gauge = Gauge(-1.0, 1.0, (), (Pointer(0.0, HERE, Tone.STRONG, _NO_DIFFERENCE),))
        return AnswerRow("account", "Account", sign, word, tone, text, gauge)
    fills, labels, ends = [], [], {-1: 0.0, 1: 0.0}
    for number, (effect, kind) in enumerate(effects):
        side = 1 if effect > 0 else -1
        begin = ends[side]
        ends[side] = begin + effect
        fills.append(
            GaugeFill(
                begin, ends[side], tone_of(effect, layer.decimals), _CAUSES[number % len(_CAUSES)]
            )
        )
        label = f"{kind} {effect:+z,.{layer.decimals}f}"
        labels.append(Pointer((begin + ends[side]) / 2, "", tone_of(effect, layer.decimals), label))
    room = (ends[1] - ends[-1]) * 0.06
    scale = (ends[-1] - room, ends[1] + room)
    if ends[1] - ends[-1] < layer.fees:
        scale = (-layer.fees, layer.fees)  # what is less than fees takes is not drawn as if it were
    together = f"P&L {total:+z,.{layer.decimals}f}"
    marks = (
        Pointer(total, HERE, Tone.STRONG, together),
        Pointer(0.0, DOT, Tone.STRONG, _NO_DIFFERENCE),
    )
    gauge = Gauge(*scale, tuple(fills), (*marks, *labels))
    return AnswerRow("account", "Account", sign, word, tone, text, gauge)


def _size(effect: tuple[float, str]) -> float:
    return -abs(effect[0])


def path_answer(layer: PathLayer | None, no_band: str = "", zone: tzinfo = UTC) -> AnswerRow:
    """Where the equity stands between the sides of its band, after the trades so far.

    `no_band`: why there is no such answer, where there is none.
    """
    name = "path"
    if layer is None or layer.band is None:
        text, none = (no_band, "") if layer is None else ("there is no band", layer.text)
        described = layer is None or layer.state is None
        sign, tone = ("·", Tone.PLAIN) if described else verdict_sign(State.OPEN)
        word = DESCRIBED if layer is None else layer.word
        return AnswerRow(name, "Path", sign, word, tone, text, none=none)
    band, course = layer.band, layer.course
    seen = layer.within
    if not seen:
        text, none = _NO_TRADE.format(band.horizon), "each trade widens the band"
        if layer.since:
            text, none = f"0 of {band.horizon:,} trades, {layer.since}", ""
        return AnswerRow(name, "Path", "?", layer.word, Tone.WARNING, text, none=none)
    sign, tone = _SIDES[layer.word]
    at = seen if course is None or course.at is None else course.at
    low, high = float(band.lower()[at]), float(band.upper()[at])
    here = float(layer.path[at - 1])
    texts = _after(seen, band.horizon, layer.since, "equity after {}")
    if course is not None and course.at is not None:
        left = None if layer.left is None else formats.day(layer.left, zone)
        texts = _decided(course.at, band.horizon, left, layer.since, "left the band ")
    gauge = _between(low, high, here, float(band.middle()[at]), tone, "above ")
    return AnswerRow(name, "Path", sign, layer.word, tone, texts[0], gauge, shorter=texts[1:])


def _after(seen: int, horizon: int, since: str, told: str) -> tuple[str, ...]:
    """How far a trial has come, in words and in fewer. `told`: of what, with a place for that."""
    count = f"{seen:,} of {horizon:,} trades"
    text = told.format(count)
    return (f"{text}, {since}", f"{count}, {since}") if since else (text,)


def _decided(
    at: int, horizon: int, when: str | None, since: str, what: str = ""
) -> tuple[str, ...]:
    """When an answer came, in words and in fewer."""
    later = f", {since}" if since else ""
    day = "" if when is None else f" on {when}"
    short = f"at trade {at:,} of {horizon:,}"
    return f"{what}{short}{day}{later}", f"{short}{day}{later}", f"{short}{later}"


def _between(
    low: float, high: float, here: float, promised: float, tone: Tone, above: str
) -> Gauge:
    """Where something stands between two walls, behind which lie the loss and the gain.

    The bar reaches from the lower wall to it; all in per cent.
    """
    room = max((high - low) * _AROUND, 1e-9)
    first, last = min(low - room, here), max(high + room, here)
    fills = [GaugeFill(first, low, Tone.LOSS, SHADED), GaugeFill(high, last, Tone.GAIN, SHADED)]
    if here > low:
        fills.append(GaugeFill(low, here, tone))

    places = decimals_apart((here, low, high, promised), 2)

    def pointer(value: float, glyph: str, mark: Tone, name: str) -> Pointer:
        return Pointer(value, glyph, mark, f"{name}{signed_per_cent(value, places)}")

    pointers = [
        pointer(here, HERE, Tone.STRONG, "seen "),
        pointer(low, WALL, Tone.LOSS, "broken "),
        pointer(high, WALL, Tone.GAIN, above),
    ]
    if here != promised:  # before the first trade they are one
        pointers.append(pointer(promised, DOT, Tone.PLAIN, "promised "))
    return Gauge(first, last, tuple(fills), tuple(pointers))


def _edge(name: str, layer: EdgeLayer | None, zone: tzinfo) -> AnswerRow:
    if layer is None:
        return _unknown(name, _NO_SESSION)
    sign, word, tone = _DESCRIBED
    if layer.state is not None:
        sign, tone = verdict_sign(layer.state)
        word = layer.word
    walls = layer.walls
    if layer.lines is None or walls is None:
        none = layer.reason or "" if layer.state is not None else ""
        trades = f"{layer.trades:,} trade{'s' * (layer.trades != 1)}"
        text = f"mean return of {trades}, {layer.unit}"
        if not layer.trades:
            text = "no trade has closed yet"
        return AnswerRow(name, name.capitalize(), sign, word, tone, text, _means_gauge(layer), none)
    lines = layer.lines
    seen = layer.within
    at = layer.at or seen
    low, high = (float(wall[at]) for wall in walls)
    here = float(layer.sums[at - 1]) if at else 0.0
    texts = _after(seen, lines.horizon, layer.since, f"returns of {{}} added up, {layer.unit}")
    if not layer.trades:
        texts = (_NO_TRADE.format(lines.horizon),)
    if layer.at is not None:
        decided = None if layer.decided is None else formats.day(layer.decided, zone)
        texts = _decided(layer.at, lines.horizon, decided, layer.since)
    gauge = _between(low, high, here, at * lines.promise, tone, "kept ")
    if not at:
        gauge = _begun(gauge)
    title = name.capitalize()
    return AnswerRow(name, title, sign, word, tone, texts[0], gauge, shorter=texts[1:])


def _begun(gauge: Gauge) -> Gauge:
    """The walls before the first trade: nothing is seen between them yet."""
    walls = gauge.pointers[1:]
    start = Pointer(0.0, HERE, Tone.DIM, "no trade yet")
    return replace(gauge, fills=gauge.fills[:2], pointers=(start, *walls))


def _means_gauge(layer: EdgeLayer) -> Gauge | None:
    """Mean return of a trade, promised and seen, where there are no lines to hold it against."""
    if layer.seen is None:
        return None
    known = [0.0, layer.seen, *(() if layer.promise is None else (layer.promise,))]
    places = decimals_apart(known, 3)
    known += layer.interval or ()
    room = (max(known) - min(known)) * 0.15 or 1.0
    fills = () if layer.interval is None else (GaugeFill(*layer.interval, Tone.ACCENT),)
    seen = f"seen {signed_per_cent(layer.seen, places)}"
    if layer.interval is not None:
        low, high = layer.interval
        seen += f" ({low:+z.{places}f} to {high:+z.{places}f})"
    pointers = [Pointer(layer.seen, HERE, Tone.STRONG, seen)]
    if layer.promise is not None:
        promised = f"promised {signed_per_cent(layer.promise, places)}"
        pointers.append(Pointer(layer.promise, DOT, Tone.PLAIN, promised))
    pointers.append(Pointer(0.0, WALL, Tone.PLAIN, "no edge"))
    return Gauge(min(known) - room, max(known) + room, fills, tuple(pointers))
