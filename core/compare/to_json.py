"""Writes a comparison as JSON: for `--json`, tool calls, reports and files, and nowhere else."""

from __future__ import annotations

import dataclasses

from core.compare.columns import ComparedColumn, describe_period
from core.compare.comparison import ComparisonResult
from core.compare.divergence import Divergence, MatchKind, Readings, TradeDifference
from core.compare.replay import Replayed
from core.compare.text import LABELS, comparison_text
from core.compare.verdict import Measure, Verdict
from core.compare.waterfall import in_cents
from core.report.result import Json, trade_to_json
from core.time_format import iso_time, optional_iso_time


def comparison_to_json(comparison: ComparisonResult) -> Json:
    """The comparison as plain JSON values, its text with it.

    A single session's trades have the indicator values at their signal candles beside them, and
    `replays` the equity of what the sessions were compared with.
    """
    divergence = comparison.divergence
    return {
        "strategy": comparison.strategy,
        "basis": comparison.basis,
        "columns": {column.name.lower(): _column_to_json(column) for column in comparison.columns},
        "rows": [
            {
                "metric": row.name,
                "label": LABELS[row.name],
                **{name.lower(): value for name, value in row.values.items()},
                "intervals": {name.lower(): list(one) for name, one in row.intervals.items()},
                "meaning": {name.lower(): value for name, value in row.meaning.items()},
            }
            for row in comparison.rows
        ],
        "verdicts": {
            name.lower(): _verdict_to_json(verdict) for name, verdict in comparison.verdicts.items()
        },
        "replay": None
        if comparison.replay is None
        else {
            **_column_to_json(comparison.replay),
            "verdict": None
            if comparison.replay_verdict is None
            else _verdict_to_json(comparison.replay_verdict),
        },
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


def _verdict_to_json(verdict: Verdict) -> Json:
    needed = verdict.needed
    return {
        "verdict": str(verdict.judgement),
        "reason": verdict.reason,
        "better": verdict.better,
        "same_period": verdict.same_period,
        "measures": [_measure_to_json(measure) for measure in verdict.measures],
        "trades_needed": None if needed is None else needed.each,
        "trades_needed_beside_backtest": None if needed is None else needed.beside,
        "trades_for_observed_difference": None if needed is None else needed.for_observed,
        "expected_at": None if needed is None else optional_iso_time(needed.at),
    }


def _measure_to_json(measure: Measure) -> Json:
    return {
        "measure": measure.name,
        "unit": measure.unit,
        "difference": measure.difference.estimate,
        "low": measure.difference.low,
        "high": measure.difference.high,
        "margin": measure.margin,
        "p": measure.p,
        "significant": measure.significant,
    }


def _replay_to_json(one: Replayed) -> Json:
    times, equity = one.now.times.tolist(), one.now.equity.tolist()
    return {
        "session_id": one.session.record.id,
        "parity": one.parity,
        "same_candles": one.same_candles,
        "starting_balance": one.now.starting_balance,
        "equity": [[iso_time(time), value] for time, value in zip(times, equity, strict=True)],
    }


def divergence_to_json(divergence: Divergence, readings: Readings | None = None) -> Json:
    """The divergence as plain JSON; `readings` adds the indicator values of signal candles."""
    parts = divergence.parts
    return {
        "summary": divergence.summary,
        **{str(kind): divergence.count(kind) for kind in MatchKind},
        "difference": divergence.difference,
        "waterfall": {str(part): amount for part, amount in parts.items()},
        "waterfall_cents": {str(part): str(amount) for part, amount in in_cents(parts).items()},
        "causes": [
            {"cause": str(kind), "trades": count, "pnl": effect}
            for kind, count, effect in divergence.by_cause()
        ],
        "trades": [_difference_to_json(each, readings) for each in divergence.trades],
    }


def _difference_to_json(each: TradeDifference, readings: Readings | None) -> Json:
    written: Json = {
        "match": str(each.kind),
        "backtest": None if each.backtest is None else trade_to_json(each.backtest),
        "paper": None if each.paper is None else trade_to_json(each.paper),
        "difference": each.difference,
        "parts": {str(part): amount for part, amount in each.parts.items() if amount},
        "cause": None if each.cause is None else str(each.cause.kind),
        "detail": None if each.cause is None else each.cause.detail,
    }
    if readings is not None:
        written["indicators"] = dict(readings(each.trade.symbol, each.trade.signal_time))
    return written
