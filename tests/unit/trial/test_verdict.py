"""One verdict from the layers, and the reasons it names."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from core.trial.boundaries import Edge
from core.trial.cone import BandSide, Course
from core.trial.costs import CostFinding, Costs
from core.trial.decisions import Decisions, judge_decisions
from core.trial.state import State
from core.trial.verdict import (
    Because,
    Layer,
    Layers,
    Reason,
    verdict,
)


def costs(finding: CostFinding = CostFinding.WITHIN, *, bearable: bool | None = True) -> Costs:
    at = 40 if finding == CostFinding.EATS_EDGE else None
    return Costs(finding, 60, 6.0, 5.0, 7.0, 5.0, 1.0, 31.0, bearable, at)


def layers(**changes: Any) -> Layers:
    """A trial whose every layer is as promised."""
    good: dict[str, Any] = {
        **{"decisions": judge_decisions(4_032, 0, 0), "costs": costs()},
        **{"path": Course(BandSide.INSIDE, None), "edge": Edge(State.KEPT, 50)},
    }
    return Layers(**(good | changes))


DEAR = costs(CostFinding.EATS_EDGE, bearable=False)


def test_all_as_promised_is_kept() -> None:
    found = verdict(layers())
    assert found.state == State.KEPT
    assert [one.reason for one in found.because] == [
        Reason.EDGE_KEPT,
        Reason.COSTS_BEARABLE,
        Reason.DECISIONS_EXPLAINED,
    ]
    assert found.because[0].at == 50
    assert found.remarks == ()


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({"edge": Edge(State.BROKEN, 30)}, Because(Reason.EDGE_BROKEN, Layer.EDGE, 30)),
        ({"path": Course(BandSide.BELOW, 7)}, Because(Reason.PATH_BELOW, Layer.PATH, 7)),
        ({"costs": DEAR}, Because(Reason.COSTS_EAT_EDGE, Layer.COSTS, 40)),
        (
            {"decisions": judge_decisions(90, 2, 1)},
            Because(Reason.DECISIONS_UNEXPLAINED, Layer.DECISIONS),
        ),
    ],
)
def test_each_broken_layer_breaks_alone(change: dict[str, Any], because: Because) -> None:
    found = verdict(layers(**change))
    assert found.state == State.BROKEN
    assert found.because == (because,)


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({"edge": Edge(State.OPEN, None)}, Because(Reason.EDGE_OPEN, Layer.EDGE)),
        (
            {"costs": costs(CostFinding.OPEN, bearable=None)},
            Because(Reason.COSTS_OPEN, Layer.COSTS),
        ),
        (
            {"decisions": judge_decisions(0, 0, 0)},
            Because(Reason.DECISIONS_NONE, Layer.DECISIONS),
        ),
    ],
)
def test_what_is_missing_leaves_it_open(change: dict[str, Any], because: Because) -> None:
    found = verdict(layers(**change))
    assert found.state == State.OPEN
    assert found.because == (because,)


def test_a_path_above_and_dearer_costs_are_remarks_that_decide_nothing() -> None:
    found = verdict(layers(path=Course(BandSide.ABOVE, 9), costs=costs(CostFinding.DEARER)))
    assert found.state == State.KEPT
    assert found.remarks == (
        Because(Reason.COSTS_DEARER, Layer.COSTS),
        Because(Reason.PATH_ABOVE, Layer.PATH, 9),
    )


def test_without_a_seal_there_is_no_verdict() -> None:
    for path, edge in ((None, None), (Course(BandSide.BELOW, 3), Edge(State.BROKEN, 3))):
        unsealed = layers(sealed=False, path=path, edge=edge)
        found = verdict(unsealed)
        assert found.state is None
        assert found.because == (Because(Reason.NOT_SEALED, None),)
        assert unsealed.state(Layer.EDGE) is None
        assert unsealed.state(Layer.PATH) is None
        assert unsealed.state(Layer.DECISIONS) == State.KEPT


def test_a_sealed_trial_has_all_its_layers() -> None:
    with pytest.raises(ValueError, match="sealed trial"):
        layers(edge=None)


def test_each_layer_has_its_state() -> None:
    good = layers()
    assert [good.state(layer) for layer in Layer] == [
        State.KEPT,
        State.KEPT,
        None,
        State.OPEN,
        State.KEPT,
    ]
    bad = layers(costs=DEAR, path=Course(BandSide.BELOW, 1))
    assert bad.state(Layer.COSTS) == bad.state(Layer.PATH) == State.BROKEN


def test_every_mixture_has_one_verdict_with_reasons() -> None:
    edges = [Edge(State.KEPT, 1), Edge(State.BROKEN, 1), Edge(State.OPEN, None)]
    paths = [Course(BandSide.INSIDE, None), Course(BandSide.BELOW, 2), Course(BandSide.ABOVE, 2)]
    shown = [costs(), DEAR, costs(CostFinding.OPEN, bearable=None)]
    decided: list[Decisions] = [judge_decisions(*n) for n in ((9, 0, 0), (9, 1, 1), (0, 0, 0))]
    for edge, path, cost, decisions in itertools.product(edges, paths, shown, decided):
        mixed = Layers(decisions, cost, path, edge)
        found = verdict(mixed)
        states = [mixed.state(layer) for layer in Layer]
        assert found.because
        assert (found.state == State.BROKEN) == (State.BROKEN in states)
        if found.state == State.KEPT:
            assert states.count(State.KEPT) == 3
