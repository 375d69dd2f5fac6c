"""Says in messages how a trial stands: its verdict, its answers, and which of them turned.

Reads the report of a session (docs/formats.md §8), which is all that a job gets from its host.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from core.report.metric_words import UNDEFINED, undefined_text
from core.text import per_cent
from core.trial.state import DESCRIBED, State

_LAYERS = ("decisions", "costs", "account", "path", "edge", "live")
_NO_STATES = (
    "dearer",
    "above",
    "undecided",
)  # answers that leave a trial's state as it is, and are news
_IN_ORDER = ("decisions", "costs")
_SEAL = "seal"
_FIGURES = (
    ("win_rate_pct", "win rate", partial(per_cent, digits=1)),
    ("profit_factor", "PF", "{:.2f}".format),
    ("max_drawdown_pct", "max drawdown", partial(per_cent, digits=2)),
    ("sharpe_ratio", "Sharpe", "{:.2f}".format),
    ("total_trades", "trades", "{:.0f}".format),
)
_UNKNOWN = "–"


def layer_states(report: Mapping[str, object]) -> dict[str, str]:
    """How each layer that is judged stands, and the verdict under the name `verdict`.

    Mostly its state; what turns nothing and is an answer all the same has its own words. Under the
    name `seal` stands whether that of the trial holds. Nothing where there is no trial (what is
    only described has no error rate, and turning says nothing), or where that cannot be read now.
    """
    comparison = _mapping_or_empty(report.get("comparison"))
    layers = _mapping_or_empty(comparison.get("layers"))
    if not layers.get("sealed") and layers.get("seal_problem") is None:
        return {}
    answers = {name: _standing(_mapping_or_empty(layers.get(name))) for name in _LAYERS}
    answers["verdict"] = _standing(_mapping_or_empty(comparison.get("verdict")))
    if layers.get("seal_problem") is not None:
        answers[_SEAL] = State.BROKEN
    elif layers.get("sealed"):
        answers[_SEAL] = State.KEPT
    return {name: state for name, state in answers.items() if state is not None}


def without_trial(report: Mapping[str, object]) -> bool:
    """Whether a session is surely no trial, and not one whose seal cannot be read now."""
    comparison = _mapping_or_empty(report.get("comparison"))
    layers = _mapping_or_empty(comparison.get("layers"))
    named = ("sealed", "seal_problem", "seal_unread")
    return bool(layers) and not any(layers.get(name) for name in named)


def _standing(layer: Mapping[str, object]) -> str | None:
    state = layer.get("state")
    if not isinstance(state, str):
        return None
    answer = layer.get("answer")
    return str(answer) if answer in _NO_STATES else state


def turned(before: Mapping[str, str], report: Mapping[str, object]) -> tuple[str, ...]:
    """A sentence for each layer whose state is another than before.

    Every trial begins open. So what is decided when it is first looked at has turned since, but for
    decisions and costs, which are in order from the start: of these, only a fault is news then.

    Args:
        before: what `layer_states` gave at the last look; a layer may not have been known.
        report: as it is now.
    """
    layers = _mapping_or_empty(_mapping_or_empty(report.get("comparison")).get("layers"))
    found = []
    for name, state in layer_states(report).items():
        in_order = name == _SEAL or (name in _IN_ORDER and state == State.KEPT)
        usual = State.KEPT if in_order else State.OPEN
        earlier = before.get(name, usual)
        if earlier != state:
            text = _mapping_or_empty(layers.get(name)).get("text")
            if name == _SEAL:
                text = layers.get("seal_problem")
            why = f" ({text})" if isinstance(text, str) else ""
            found.append(f"{name}: {earlier} → {state}{why}")
    return tuple(found)


def comparison_in_words(report: Mapping[str, object]) -> str:
    """Backtest and paper figures side by side, and the five answers; empty without a comparison.

    A line each, its subject before a colon.
    """
    comparison = _mapping_or_empty(report.get("comparison"))
    return "\n".join((*_side_by_side(comparison), *_answers(comparison)))


def _side_by_side(comparison: Mapping[str, object]) -> list[str]:
    rows = comparison.get("rows")
    by_metric = {
        row["metric"]: row
        for row in (rows if isinstance(rows, list) else [])
        if isinstance(row, Mapping) and "metric" in row
    }
    columns = _mapping_or_empty(comparison.get("columns"))
    told = []
    for metric, label, write in _FIGURES:
        row = by_metric.get(metric)
        if row is not None:
            both = []
            for name in ("backtest", "paper"):
                metrics = _mapping_or_empty(_mapping_or_empty(columns.get(name)).get("metrics"))
                stands = undefined_text(metric, metrics)  # ∞, or nothing that is known
                unknown = _UNKNOWN if stands == UNDEFINED else stands
                both.append(_number(row.get(name), write, unknown))
            told.append(f"{label} {' / '.join(both)}")
    replayed = _mapping_or_empty(columns.get("backtest")).get("replayed")
    first = "Replay" if replayed else "Backtest"  # as the comparison heads its columns
    return [f"{first} / paper: {', '.join(told)}"] if told else []


def _answers(comparison: Mapping[str, object]) -> list[str]:
    verdict = _mapping_or_empty(comparison.get("verdict"))
    if not verdict:
        return []
    layers = _mapping_or_empty(comparison.get("layers"))
    by = ", by the live trades" if verdict.get("column") == "live" else ""
    sealed = "" if verdict.get("sealed") else ", not sealed"
    said = [f"Verdict: {verdict.get('answer') or verdict.get('state')}{by}{sealed}"]
    if (problem := layers.get("seal_problem") or layers.get("seal_unread")) is not None:
        said = [f"No verdict: {problem}"]
    for name in _LAYERS:
        layer = _mapping_or_empty(layers.get(name))
        if layer:
            word = layer.get("answer") or layer.get("state")
            shown = "" if word in (None, DESCRIBED) else f"{word}: "
            said.append(f"{name.capitalize()}: {shown}{layer.get('text')}")
    return said


def _number(value: object, write: Callable[[float], str], unknown: str) -> str:
    return write(value) if isinstance(value, int | float) else unknown


def _mapping_or_empty(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
