"""Writes a comparison as JSON: for `--json`, tool calls, reports and files, and nowhere else."""

from __future__ import annotations

import dataclasses
import heapq
from collections.abc import Sequence

from core.compare.columns import ComparedColumn, describe_period
from core.compare.comparison import ComparisonResult
from core.compare.decisions import DecisionLayer
from core.compare.divergence import Divergence, MatchKind, Readings, TradeDifference
from core.compare.fill_costs import CostGroup, CostLayer
from core.compare.promise import EdgeLayer, PathLayer
from core.compare.replay import Replayed
from core.compare.text import LABELS, comparison_text
from core.compare.verdict import RanOn, TrialAnswers, TrialVerdict
from core.compare.waterfall import in_cents
from core.report.result import Json, curve_to_json, trade_to_json
from core.time_format import iso_time, optional_iso_time
from core.trial.cone_over_time import ConeOverTime
from core.trial.seal import Seal
from core.trial.state import State


def comparison_to_json(comparison: ComparisonResult) -> Json:
    """The comparison as plain JSON values, its text with it.

    A single session's trades have the indicator values at their signal candles beside them, and
    `replays` the equity of what the sessions were compared with.
    """
    divergence = comparison.divergence
    return {
        "strategy": comparison.strategy,
        "demo": comparison.demo,
        "together": comparison.together or None,
        "basis": comparison.basis,
        "columns": {column.name.lower(): _column_to_json(column) for column in comparison.columns},
        "rows": [
            {
                "metric": row.name,
                "label": row.labelled(LABELS[row.name]),
                **{name.lower(): value for name, value in row.values.items()},
                "intervals": {name.lower(): list(one) for name, one in row.intervals.items()},
            }
            for row in comparison.rows
        ],
        "verdict": None if comparison.verdict is None else _verdict_to_json(comparison.verdict),
        "layers": layers_to_json(comparison.layers),
        "replay": None if comparison.replay is None else _column_to_json(comparison.replay),
        "assessment": comparison.assessment,
        "recommendation": comparison.recommendation,
        "intervals": list(comparison.intervals),
        "warning_signs": list(comparison.warning_signs),
        "missing": list(comparison.missing),
        "notes": list(comparison.notes),
        "regimes": {
            name.lower(): dataclasses.asdict(regime) for name, regime in comparison.regimes.items()
        },
        "divergence": None
        if divergence is None
        else divergence_to_json(divergence, comparison.readings),
        "text": comparison_text(comparison),
        "replays": [_replay_to_json(one) for one in comparison.replays],
    }


def _column_to_json(column: ComparedColumn) -> Json:
    return {
        "source": column.source,
        "replayed": column.replayed,
        "period": None
        if column.period is None
        else {
            "start": optional_iso_time(column.period[0]),
            "end": optional_iso_time(column.period[1]),
        },
        "described": describe_period(column),
        "metrics": dict(column.metrics),
        "closed_trade_metrics": None if column.closed is None else dict(column.closed),
    }


def _verdict_to_json(verdict: TrialVerdict) -> Json:
    return {
        "state": str(verdict.state),
        "answer": verdict.word,
        "column": verdict.column.lower(),
        "broken_by": [str(layer) for layer in verdict.by],
        "reason": verdict.reason,
        "sealed": verdict.sealed,
        "closes_at": optional_iso_time(verdict.closes),
    }


def layers_to_json(layers: TrialAnswers) -> Json:
    """The five answers as plain JSON values; null where one could not be had.

    `account` is told by the comparison's `divergence`.
    """
    doubt = layers.doubt
    return {
        "sealed": layers.seal is not None,
        "trial": None if layers.seal is None else _trial_to_json(layers.seal, layers.trial),
        "seal_problem": None if doubt is None or doubt.unread else doubt.why,
        "seal_unread": doubt.why if doubt is not None and doubt.unread else None,
        "other_trials": [
            {
                "session_id": one.session_id,
                "sealed_at": iso_time(one.sealed_at),
                "state": str(one.state),
                "closes_at": optional_iso_time(one.closes),
            }
            for one in layers.others
        ],
        "own_candles": layers.own_period and layers.ran_on is RanOn.OWN,
        "copies": list(layers.copies),
        "decisions": None if layers.decisions is None else _decisions_to_json(layers.decisions),
        "costs": None if layers.costs is None else _costs_to_json(layers.costs),
        "account": None if layers.account is None else {"text": layers.account.summary},
        "path": None if layers.path is None else _path_to_json(layers.path),
        "edge": None if layers.edge is None else _edge_to_json(layers.edge),
        "live": None if layers.live is None else _edge_to_json(layers.live),
    }


def _trial_to_json(seal: Seal, session_id: str | None) -> Json:
    return {
        "session_id": session_id,
        "sealed_at": iso_time(seal.sealed_at),
        "horizon_trades": seal.horizon.trades,
        "horizon_days": seal.horizon.days,
    }


def _state(state: State | None) -> str | None:
    return None if state is None else str(state)


def _decisions_to_json(layer: DecisionLayer) -> Json:
    judged = layer.judged
    return {
        "state": str(layer.state),
        "text": layer.text,
        "decided": judged.decided,
        "differing": judged.differing,
        "unexplained": judged.unexplained,
        "at_most": judged.bound,
        "confidence": judged.confidence,
        "differences": [
            {
                "time": iso_time(each.time),
                "symbol": each.symbol,
                "session": each.session,
                "replay": each.replay,
                "cause": str(each.cause.kind),
                "detail": each.cause.detail,
            }
            for each in layer.differences
        ],
    }


def _costs_to_json(layer: CostLayer) -> Json:
    judged = layer.judged
    return {
        "state": _state(layer.state),
        "answer": layer.word,
        "finding": str(judged.finding),
        "text": layer.text,
        "fills": judged.fills,
        "assumed_bp": judged.assumed,
        "seen_bp": judged.seen,
        "low_bp": judged.low,
        "high_bp": judged.high,
        "margin_bp": judged.margin,
        "half_spread_bp": layer.half_spread,
        "delay_bp": layer.delay,
        "fees_bp": layer.fees,
        "assumed_fees_bp": layer.assumed_fees,
        "break_even_cost_bp": layer.break_even,
        "by_hour": [{"hour": int(one.low), **_group_to_json(one)} for one in layer.by_hour()],
        "by_size": [
            {"from": one.low, "to": one.high, **_group_to_json(one)} for one in layer.by_size()
        ],
    }


def _group_to_json(group: CostGroup) -> Json:
    return {
        "fills": group.fills,
        "seen_bp": group.shortfall,
        "half_spread_bp": group.half_spread,
        "delay_bp": group.delay,
    }


def _path_to_json(layer: PathLayer) -> Json:
    band = layer.band
    return {
        "state": _state(layer.state),
        "answer": layer.word,
        "text": layer.text,
        "side": None if layer.course is None else str(layer.course.side),
        "at": None if layer.course is None else layer.course.at,
        "left_at": optional_iso_time(layer.left),
        "path": layer.path.tolist(),
        "band": None
        if band is None
        else {
            "horizon": band.horizon,
            "lower": band.lower().tolist(),
            "middle": band.middle().tolist(),
            "upper": band.upper().tolist(),
        },
        "cone": None if layer.cone is None else _cone_to_json(layer.cone),
        "expected": None if layer.expected is None else dataclasses.asdict(layer.expected),
    }


def _cone_to_json(cone: ConeOverTime) -> Json:
    return {
        "legend": cone.legend,
        "rate": cone.rate,
        "points": [[iso_time(time), *sides] for time, *sides in cone.points],
    }


def _edge_to_json(layer: EdgeLayer) -> Json:
    lines, chances = layer.lines, layer.chances
    return {
        "state": _state(layer.state),
        "answer": layer.word,
        "text": layer.text,
        "trades": layer.trades,
        "trades_within": layer.within,
        "unit": layer.unit,
        "promise": layer.promise,
        "shrunk_promise": layer.shrunk,
        "seen": layer.seen,
        "interval": None if layer.interval is None else list(layer.interval),
        "at": layer.at,
        "decided_at": optional_iso_time(layer.decided),
        "closes_at": optional_iso_time(layer.closes),
        "chance_kept": None if chances is None else chances.kept,
        "chance_broken": None if chances is None else chances.broken,
        "reason": layer.reason,
        "lines": None if lines is None else lines.to_json(),
        "sums": layer.sums.tolist(),
        "beyond_best": layer.beyond.tolist(),
    }


def _replay_to_json(one: Replayed) -> Json:
    return {
        "session_id": one.session.record.id,
        "parity": one.parity,
        "same_candles": one.same_candles,
        "starting_balance": one.now.starting_balance,
        "equity": curve_to_json(one.now.times, one.now.equity),
    }


_MOST_TRADES = 1_000
"""Trades shown of a divergence: some 1.5 MB. The counts and sums are of all of them."""


def divergence_to_json(divergence: Divergence, readings: Readings | None = None) -> Json:
    """The divergence as plain JSON; `readings` adds the indicator values of signal candles.

    Of very many trades it shows those that differ most, then the newest of those that do not.
    """
    parts = divergence.parts
    shown = _most_telling(divergence.trades)
    return {
        "summary": divergence.summary,
        **{str(kind): divergence.count(kind) for kind in MatchKind},
        "difference": divergence.difference,
        "waterfall": {str(part): amount for part, amount in parts.items()},
        "waterfall_cents": {str(part): str(amount) for part, amount in in_cents(parts).items()},
        "causes": [
            {"cause": str(kind), "trades": count, "pnl": effect}
            for kind, count, effect in divergence.by_cause
        ],
        "trades": [_difference_to_json(each, readings) for each in shown],
        "trades_left_out": len(divergence.trades) - len(shown),
    }


def _most_telling(trades: Sequence[TradeDifference]) -> Sequence[TradeDifference]:
    if len(trades) <= _MOST_TRADES:
        return trades
    weights = (
        (each.cause is not None, abs(each.difference) if each.cause is not None else 0.0, place)
        for place, each in enumerate(trades)
    )
    kept = sorted(place for _, _, place in heapq.nlargest(_MOST_TRADES, weights))
    return [trades[place] for place in kept]


def _difference_to_json(each: TradeDifference, readings: Readings | None) -> Json:
    written: Json = {
        "match": str(each.kind),
        "backtest": None if each.backtest is None else trade_to_json(each.backtest),
        "paper": None if each.paper is None else trade_to_json(each.paper),
        "held": None if each.held is None else trade_to_json(each.held),
        "difference": each.difference,
        "parts": {str(part): amount for part, amount in each.parts.items() if amount},
        "cause": None if each.cause is None else str(each.cause.kind),
        "detail": None if each.cause is None else each.cause.detail,
    }
    if readings is not None:
        written["indicators"] = dict(readings(each.trade.symbol, each.trade.signal_time))
    return written
