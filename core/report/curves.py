"""Curves: reduced to what can be seen, and drawn as SVG with nothing from outside."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from core.market.candles.candles import Floats, Times
from core.time_format import short_date

_WIDTH, _HEIGHT = 800, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 10, 10, 24
_LEGEND = 20  # above the plot, where several curves need one
_BUCKETS = 600
_LEAST_RANGE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class SvgCurve:
    """A named line: UTC ms and values, shapes (n,); `style` is a class of the style sheet."""

    name: str
    times: Times
    values: Floats
    style: str


@dataclass(frozen=True, slots=True, eq=False)
class SvgBand:
    """A shaded area: UTC ms, lower and upper values, shapes (n,); `name` says what it is."""

    name: str
    times: Times
    lower: Floats
    upper: Floats


def drawdown(equity: Floats, starting_balance: float) -> Floats:
    """How far below its peak equity is, in per cent; 0 or negative, shape as `equity`."""
    peak = np.maximum(np.maximum.accumulate(equity), starting_balance)
    return (equity - peak) / peak * 100


def svg(
    curves: Sequence[SvgCurve], title: str, *, filled: bool = False, band: SvgBand | None = None
) -> str:
    """The curves on one time axis as an SVG element; an empty text where there is nothing to draw.

    Long curves are thinned to the lowest and highest value of each stretch, so that no peak is
    lost. `filled` shades between a curve and the top, as is usual for a drawdown. A `band` lies
    behind the curves, as far as they reach.
    """
    drawn = [curve for curve in curves if len(curve.times) > 1]
    if not drawn:
        return ""
    first = min(int(curve.times[0]) for curve in drawn)
    last = max(int(curve.times[-1]) for curve in drawn)
    if band is not None:
        band = _between(band, first, last)
    areas = [curve.values for curve in drawn]
    areas += [] if band is None else [band.lower, band.upper]
    low = min(float(values.min()) for values in areas)
    high = max(float(values.max()) for values in areas)
    if high - low < _LEAST_RANGE * max(abs(high), 1.0):
        low, high = low - 1, high if filled else high + 1
    decimals = max(0, 1 - math.floor(math.log10((high - low) / 4)))

    legend = len(drawn) > 1 or band is not None
    top = _TOP + (_LEGEND if legend else 0)

    def y(value: float) -> float:
        return top + (high - value) / (high - low) * (_HEIGHT - top - _BOTTOM)

    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">',
        f"<title>{escape(title)}</title>",
    ]
    for value in np.linspace(low, high, 5).tolist():
        height, label = y(value), f"{value:,.{decimals}f}"
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" '
            f'y1="{height:.1f}" y2="{height:.1f}"/>'
            f'<text x="{_LEFT - 6}" y="{height + 4:.1f}" text-anchor="end">{label}</text>'
        )
    for time, x, anchor in ((first, _LEFT, "start"), (last, _WIDTH - _RIGHT, "end")):
        parts.append(
            f'<text x="{x}" y="{_HEIGHT - 6}" text-anchor="{anchor}">{short_date(time)}</text>'
        )
    if band is not None:
        xs = _LEFT + (band.times - first) / (last - first) * (_WIDTH - _LEFT - _RIGHT)
        around = [*zip(xs, band.lower, strict=True), *zip(xs[::-1], band.upper[::-1], strict=True)]
        corners = " ".join(f"{x:.1f},{y(float(value)):.1f}" for x, value in around)
        parts.append(f'<polygon class="band" points="{corners}"/>')
    for curve in drawn:
        kept = kept_points(curve.values, _BUCKETS)
        times, values = curve.times[kept], curve.values[kept]
        xs = _LEFT + (times - first) / (last - first) * (_WIDTH - _LEFT - _RIGHT)
        ys = top + (high - values) / (high - low) * (_HEIGHT - top - _BOTTOM)
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(xs.tolist(), ys.tolist(), strict=True))
        if filled:
            edge = f"{xs[0]:.1f},{y(high):.1f} {points} {xs[-1]:.1f},{y(high):.1f}"
            parts.append(f'<polygon class="area {curve.style}" points="{edge}"/>')
        parts.append(f'<polyline class="curve {curve.style}" points="{points}"/>')
    if legend:
        for at, curve in enumerate(drawn):
            x = _LEFT + 10 + at * 150
            parts.append(
                f'<line class="curve {curve.style}" x1="{x}" x2="{x + 20}" y1="10" y2="10"/>'
                f'<text x="{x + 26}" y="14">{escape(curve.name)}</text>'
            )
    if band is not None:
        x = _LEFT + 10 + len(drawn) * 150
        parts.append(
            f'<rect class="band" x="{x}" y="4" width="20" height="12"/>'
            f'<text x="{x + 26}" y="14">{escape(band.name)}</text>'
        )
    parts.append("</svg>")
    return "".join(parts)


def _between(band: SvgBand, first: int, last: int) -> SvgBand | None:
    """The part of a band between two times; None where there is none."""
    times = np.clip(band.times, first, last)
    if len(times) < 2 or times[0] == times[-1]:
        return None
    inside = np.unique(times)
    lower, upper = (np.interp(inside, band.times, side) for side in (band.lower, band.upper))
    return SvgBand(band.name, inside, lower, upper)


def kept_points(values: Floats, columns: int) -> Times:
    """The positions of at most 2 `columns` + 4 of the values: lowest and highest of each stretch.

    The first and the last are kept, and peak and trough of the deepest drawdown, whichever stretch
    they lie in, so that a drawdown of the kept values is as deep as that of all.
    """
    if len(values) <= 2 * columns:
        return np.arange(len(values), dtype=np.int64)
    edges = np.linspace(0, len(values), columns + 1).astype(np.int64)
    peaks = np.maximum.accumulate(values)
    trough = int(((values - peaks) / np.where(peaks > 0, peaks, 1.0)).argmin())
    kept = {0, len(values) - 1, trough, int(values[: trough + 1].argmax())}
    for begin, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        stretch = values[begin:end]
        kept |= {begin + int(stretch.argmin()), begin + int(stretch.argmax())}
    return np.array(sorted(kept), dtype=np.int64)
