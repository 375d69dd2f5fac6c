"""One verdict from five answers: kept, broken, or open, and why.

The chance of a false *broken* is shared out among the answers that can give one by chance, live
trades among them, so that together they keep within 5 % (Bonferroni; `core.trial.seal.ErrorRates`).
Decisions are facts and spend nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from core.trial.boundaries import Edge
from core.trial.cone import BandSide, Course
from core.trial.costs import CostFinding, Costs
from core.trial.decisions import Decisions
from core.trial.state import State


class Layer(StrEnum):
    """The five questions of a trial, in the order they are shown."""

    DECISIONS = "decisions"
    COSTS = "costs"
    ACCOUNT = "account"
    PATH = "path"
    EDGE = "edge"


class Reason(StrEnum):
    """Why a verdict is what it is. The layer each one speaks of is `Because.layer`."""

    EDGE_KEPT = "edge_kept"
    EDGE_BROKEN = "edge_broken"
    EDGE_OPEN = "edge_open"
    PATH_BELOW = "path_below"
    PATH_ABOVE = "path_above"
    COSTS_BEARABLE = "costs_bearable"
    COSTS_DEARER = "costs_dearer"
    COSTS_EAT_EDGE = "costs_eat_edge"
    COSTS_OPEN = "costs_open"
    DECISIONS_EXPLAINED = "decisions_explained"
    DECISIONS_UNEXPLAINED = "decisions_unexplained"
    DECISIONS_NONE = "decisions_none"
    NOT_SEALED = "not_sealed"


@dataclass(frozen=True, slots=True)
class Because:
    """One reason of a verdict.

    Attributes:
        reason: what was found.
        layer: the question it answers; None for what concerns the whole trial.
        at: after how many trades (fills, for costs) it was found; None where it was not at one.
    """

    reason: Reason
    layer: Layer | None
    at: int | None = None


@dataclass(frozen=True, slots=True)
class Layers:
    """What each question of a trial was answered with.

    Attributes:
        decisions: against the replay of the session's own candles.
        costs: of its fills.
        path: of its equity against the sealed cone; None without a seal.
        edge: of its trades against the sealed boundaries; None without a seal.
        explained: difference in P&L that causes account for, as a share of all of it; None where
            it has not been reckoned. The account describes and is not judged.
        sealed: whether the trial was sealed before its first candle, and the seal is whole.
    """

    decisions: Decisions
    costs: Costs
    path: Course | None
    edge: Edge | None
    explained: float | None = None
    sealed: bool = True

    def __post_init__(self) -> None:
        if self.sealed and (self.path is None or self.edge is None):
            raise ValueError("layers: a sealed trial has a path and an edge, found none")

    def state(self, layer: Layer) -> State | None:
        """A layer's state; None for the account, and for path and edge without a seal."""
        match layer:
            case Layer.DECISIONS:
                return self.decisions.state
            case Layer.COSTS:
                return _costs_state(self.costs)
            case Layer.PATH:
                return _path_state(self.path) if self.sealed and self.path else None
            case Layer.EDGE:
                return self.edge.state if self.sealed and self.edge else None
            case Layer.ACCOUNT:
                return None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the strategy behaves as its backtest promised.

    Attributes:
        state: kept, broken or open; None for a session that was not sealed: no error rate would
            stand behind it.
        because: the reasons that make it so, those that decide first; for an open verdict, what is
            still missing. Never empty.
        remarks: what was found beside it and decides nothing (dearer costs, a path above its cone).
    """

    state: State | None
    because: tuple[Because, ...]
    remarks: tuple[Because, ...] = ()


def verdict(layers: Layers) -> Verdict:
    """Join the layers.

    *Broken*: the edge is, or the path left its cone below, or costs eat the edge, or a decision
    differs without a cause. *Kept*: the edge is, costs lie below break-even, and decisions are
    explained. *Open* otherwise. A session without a seal is described only.
    """
    remarks = tuple(_remarks(layers))
    if not layers.sealed:
        return Verdict(None, (Because(Reason.NOT_SEALED, None),), remarks)
    breaking = tuple(_breaking(layers))
    if breaking:
        return Verdict(State.BROKEN, breaking, remarks)
    missing = tuple(_missing(layers))
    if missing:
        return Verdict(State.OPEN, missing, remarks)
    edge_at = layers.edge.at if layers.edge else None
    keeping = (
        Because(Reason.EDGE_KEPT, Layer.EDGE, edge_at),
        Because(Reason.COSTS_BEARABLE, Layer.COSTS),
        Because(Reason.DECISIONS_EXPLAINED, Layer.DECISIONS),
    )
    return Verdict(State.KEPT, keeping, remarks)


def _breaking(layers: Layers) -> Iterator[Because]:
    if layers.decisions.state == State.BROKEN:
        yield Because(Reason.DECISIONS_UNEXPLAINED, Layer.DECISIONS)
    if layers.costs.finding == CostFinding.EATS_EDGE:
        yield Because(Reason.COSTS_EAT_EDGE, Layer.COSTS, layers.costs.at)
    if layers.edge and layers.edge.state == State.BROKEN:
        yield Because(Reason.EDGE_BROKEN, Layer.EDGE, layers.edge.at)
    if layers.path and layers.path.side == BandSide.BELOW:
        yield Because(Reason.PATH_BELOW, Layer.PATH, layers.path.at)


def _missing(layers: Layers) -> Iterator[Because]:
    if layers.edge and layers.edge.state == State.OPEN:
        yield Because(Reason.EDGE_OPEN, Layer.EDGE)
    if not layers.costs.bearable:
        yield Because(Reason.COSTS_OPEN, Layer.COSTS)
    if layers.decisions.state == State.OPEN:
        yield Because(Reason.DECISIONS_NONE, Layer.DECISIONS)


def _remarks(layers: Layers) -> Iterator[Because]:
    if layers.costs.finding == CostFinding.DEARER:
        yield Because(Reason.COSTS_DEARER, Layer.COSTS)
    if layers.sealed and layers.path and layers.path.side == BandSide.ABOVE:
        yield Because(Reason.PATH_ABOVE, Layer.PATH, layers.path.at)


def _costs_state(costs: Costs) -> State:
    if costs.finding == CostFinding.EATS_EDGE:
        return State.BROKEN
    return State.KEPT if costs.bearable else State.OPEN


def _path_state(path: Course) -> State:
    """Open while inside: a path that may still leave has not been kept to."""
    return State.BROKEN if path.side == BandSide.BELOW else State.OPEN
