"""Compares every decision of a session with the replay of its own period.

A decision is what one candle's close led to in one symbol: an entry, an exit, both (a reversal), or
none. Each that differs has a cause: what happened to its candles, or the trade it follows from. One
that nothing recorded explains says that the session did not trade by its rules.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.compare.causes import Cause, CauseKind, decision_cause
from core.compare.divergence import TradeDifference
from core.compare.replay import Replayed
from core.compare.sessions import ComparedSession
from core.text import per_cent, reason_text, share_text
from core.trading.values import Decided, ExitReason, Side
from core.trial.decisions import Decisions, judge_decisions
from core.trial.seal import Margins
from core.trial.state import State

_NOTHING = "nothing"
_NEVER = 1 << 62


@dataclass(frozen=True, slots=True)
class DecisionDifference:
    """One decision that differs: of the candle of `symbol` that opened at `time` (UTC ms).

    `session` and `replay` say what each decided, in words.
    """

    time: int
    symbol: str
    session: str
    replay: str
    cause: Cause


@dataclass(frozen=True, slots=True)
class DecisionLayer:
    """Whether sessions decided what their rules decide on the same candles.

    Attributes:
        judged: how many decisions there were and differ, with the bound on those
            that nothing explains, which holds at every look.
        differences: those that differ, in order of time.
    """

    judged: Decisions
    differences: tuple[DecisionDifference, ...]

    @property
    def state(self) -> State:
        """Broken where more decisions are unexplained than the margin allows."""
        return self.judged.state

    @property
    def counted(self) -> str:
        """In words: `4,032 candles, 0 differ`."""
        judged = self.judged
        if not judged.decided:
            return "no candle was decided on"
        text = f"{judged.decided:,} candle{'s' * (judged.decided != 1)}"
        text += f", {judged.differing:,} differ{'s' * (judged.differing == 1)}"
        if judged.unexplained:
            text += f", {judged.unexplained:,} without an explanation"
        return text

    @property
    def meaning(self) -> str:
        """What *kept* means where the bound lies beyond the margin still; empty elsewhere."""
        judged = self.judged
        if self.state is not State.KEPT or judged.bound is None or judged.bound <= judged.margin:
            return ""
        return "none unexplained so far"

    @property
    def text(self) -> str:
        """In words: `4,032 candles, 0 differ; at most 0.09% (95%)`."""
        judged = self.judged
        if judged.bound is None:
            return self.counted
        of = "" if judged.differing == judged.unexplained else " unexplained"
        bound = f"at most {share_text(judged.bound)}{of} ({per_cent(judged.confidence * 100)})"
        parts = [bound, self.meaning]
        return f"{self.counted}; {', '.join(filter(None, parts))}"


def decision_layer(
    sessions: Sequence[ComparedSession], margins: Margins, period: tuple[int, int] | None = None
) -> DecisionLayer:
    """Compare the decisions of sessions with their replays (on the candles as known now).

    Args:
        sessions: all of them replayed; candles that count with another are left out.
        margins: how many may be unexplained.
        period: begin and end (exclusive, UTC ms) of the candles that count; None for all.
    """
    begin, end = period or (0, _NEVER)
    found, decided = [], 0
    for one in sessions:
        replayed = one.replayed
        if replayed is None:
            raise ValueError(f"session {one.id} was not replayed: its decisions are not known")
        found += [
            each
            for each in _differences(replayed)
            if begin <= each.time < end and one.counts(each.time)
        ]
        times = replayed.now.times
        counted = (times >= begin) & (times < end)
        for first, last in one.counted:
            counted &= (times < first) | (times > last)
        decided += int(counted.sum()) * len(replayed.session.config.symbols)
    found.sort(key=lambda each: (each.time, each.symbol))
    unexplained = sum(each.cause.kind is CauseKind.UNEXPLAINED for each in found)
    decided = max(decided, len(found))
    judged = judge_decisions(decided, len(found), unexplained, margin=margins.unexplained)
    return DecisionLayer(judged, tuple(found))


_Place = tuple[int, str]  # open time of a candle, symbol


def _differences(one: Replayed) -> Iterable[DecisionDifference]:
    if tuple(one.session.happened.decided) == one.decided:
        return
    last = one.session.last
    session = _decisions(one.session.happened.decided, last)
    replay = _decisions(one.decided, last)
    differing = _trades_by_symbol(one.divergence.differing)
    for place in sorted(session.keys() | replay.keys()):
        ours, theirs = session.get(place, frozenset()), replay.get(place, frozenset())
        if ours != theirs:
            time, symbol = place
            cause = _of_a_trade(differing.get(symbol, ()), time)
            cause = cause or decision_cause(symbol, time, one.evidence)
            yield DecisionDifference(time, symbol, _words(ours), _words(theirs), cause)


_Decision = tuple[Side, ExitReason | None]


def _decisions(decided: Iterable[Decided], last: int) -> Mapping[_Place, frozenset[_Decision]]:
    """What was decided where anything was."""
    found: dict[_Place, set[_Decision]] = defaultdict(set)
    for one in decided:
        if one.time <= last:
            found[one.time, one.symbol].add((one.side, one.reason))
    return {place: frozenset(each) for place, each in found.items()}


def _words(decided: frozenset[_Decision]) -> str:
    words = [
        f"enter {side}" if reason is None else f"leave {side} ({reason_text(reason)})"
        for side, reason in decided
    ]
    return ", ".join(sorted(words)) or _NOTHING


def _trades_by_symbol(
    differing: Sequence[TradeDifference],
) -> Mapping[str, Sequence[TradeDifference]]:
    found: dict[str, list[TradeDifference]] = defaultdict(list)
    for each in differing:
        found[each.trade.symbol].append(each)
    return found


def _of_a_trade(differing: Sequence[TradeDifference], time: int) -> Cause | None:
    """The cause of the trade a decision began or fell into, where that trade is explained."""
    for each in differing:
        runs = [run for run in (each.backtest, each.paper) if run is not None]
        if each.cause is None or each.cause.kind is CauseKind.UNEXPLAINED:
            continue
        if each.trade.signal_time <= time <= max(run.exit_time for run in runs):
            follows = each.trade.signal_time != time
            detail = f"follows from trade {each.trade.id}: " if follows else ""
            return Cause(each.cause.kind, f"{detail}{each.cause.detail}")
    return None
