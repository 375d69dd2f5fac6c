"""Reads what is known of a strategy from files: its backtest, paper sessions and live trades.

What is missing or cannot be read is said in the result, never raised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from core.compare.causes import CauseKind
from core.compare.columns import (
    REPLAY,
    ComparedColumn,
    column_of_block,
    column_of_live_trades,
    column_of_reports,
)
from core.compare.comparison import ComparisonResult, EquityCurve, compare
from core.compare.divergence import Divergence
from core.compare.layers import judge_layers, other_trials
from core.compare.replay import Replayed, ReplayError, replay_session
from core.compare.request import ComparisonRequest
from core.compare.sessions import ComparedSession, Report, compared_sessions
from core.compare.verdict import (
    ANOTHER_CONFIG,
    BETTER,
    DEMO_MARKET,
    ENDED_EARLY,
    KEPT_BY_ANOTHER,
    KEPT_ON_DEMO,
    LEFT_OUT,
    MATCHES,
    NO_BACKTEST,
    TOO_EARLY,
    VALIDATED,
    WORSE,
    TrialAnswers,
)
from core.journal.values import Mode
from core.market.candles.candles import Candles, Floats, Times
from core.market.candles.timeframes import DAY
from core.report.curves import kept_points
from core.report.market_regime import Regime, regime_of_run
from core.report.result import result_to_json
from core.report.stored_backtest import stored_backtest
from core.report.trade_columns import TradeColumns
from core.report.written_report import AS_ITS_BACKTEST
from core.store.live_trades import read_live_trades
from core.store.workspace import Workspace
from core.strategy.config.config import StrategyConfig
from core.strategy.config.parsing import parse_config
from core.strategy.config.problems import ConfigError
from core.strategy.document.document import read_strategy
from core.strategy.signals.sources import signal_source
from core.text import composed, share_text
from core.time_format import parse_time, short_date
from core.trading.values import Trade
from core.trial.seal import Seal, is_digest_of
from core.trial.state import State

_MOST_NAMED = 3  # sessions that are told by their IDs: of more their number is told
_CURVE_POINTS = 1_500  # of a curve: more than any screen has dots


def compare_sources(
    workspace: Workspace,
    request: ComparisonRequest,
    reports: Sequence[Report],
    present: Mapping[str, Mapping[str, Candles]] | None = None,
) -> ComparisonResult:
    """Compare all there is. Blocks.

    Args:
        workspace: where the sessions' files are.
        request: what is to be compared, with the strategy's document and blocks.
        reports: of its paper sessions (their JSON), one or several.
        present: the exchange's candles now, by session ID and symbol, where they were fetched.
    """
    found = compared_sessions(workspace, reports)
    told = list(found.notes)
    promised, stored = _promised(request, told)
    sessions = _replayed(workspace, found.sessions, present or {}, told)
    found = replace(
        found,
        sessions=tuple(sessions),
        judged=next((one for one in sessions if found.judged and one.id == found.judged.id), None),
        sealed_copies=tuple(_replayed(workspace, found.sealed_copies, present or {}, told)),
    )
    replayed = [one.replayed for one in sessions if one.replayed is not None]
    if len(replayed) < len(sessions):
        replayed = []
    reports = [one.report for one in sessions]
    paper = _paper(request, sessions)
    replay, divergence = None, None
    if replayed and paper is not None:
        divergence = _together(sessions, request.period)
        replay = _replay_column(sessions, request.period)
        for one in replayed:
            told.append(f"session {one.session.record.id}: {one.parity}")
            if one.beyond:
                told.append(
                    f"session {one.session.record.id}: {one.beyond} of its trades closed after its "
                    "last whole candle, which no backtest knows, and so not matched"
                )
        told += _other_version(stored, replayed)
    layers = judge_layers(
        sessions,
        stored,
        divergence,
        judged=found.judged,
        doubt=found.doubt,
        period=request.period,
    )
    layers = replace(layers, others=other_trials(found, stored), copies=found.copies)
    told += _scope(layers, sessions, request.period)
    together = _taken_together(layers, sessions)
    live_seal = _seal_of(stored, layers.seal)
    if live_seal is not layers.seal:
        told.append(
            "the saved backtest is not the one that the trial was sealed on: the trial is judged "
            "by its own all the same, live trades are described"
        )
    comparison = compare(
        request.strategy,
        request.timeframe,
        backtest=promised or replay,
        paper=paper,
        live=_live(request, workspace, told),
        layers=layers,
        replay=None if promised is None or _is_promised(replay, promised) else replay,
        regimes=_regimes(stored, promised, replayed),
        live_seal=None if request.period is not None else live_seal,
    )
    if promised is None and replay is not None:
        comparison = _without_promise(comparison)
    if _is_of_another_config(request, found.judged):
        comparison = _of_another_config(comparison)
    if _is_of_a_demo(request, reports):
        comparison = _of_a_demo(comparison)
    return replace(
        comparison,
        left_out=_left_out(found.apart),
        together=together,
        warning_signs=(*comparison.warning_signs, *_doubts(divergence)),
        notes=(*comparison.notes, *told, *filter(None, [_left_out(found.apart)])),
        stored=stored,
        reports=tuple(reports),
        replays=tuple(replayed),
        curves=tuple(_curves(reports, replayed, stored)),
    )


def _scope(
    layers: TrialAnswers, sessions: Sequence[ComparedSession], period: tuple[int, int] | None
) -> list[str]:
    """What the answers are of, where that is not all that is compared."""
    told = []
    seal = layers.seal
    if seal is not None and period is not None:
        told.append(
            "the period asked for cuts figures and account; decisions, costs, path and edge are of "
            "the whole trial, for which their error rates were sealed"
        )
    if layers.seen_before and not layers.own_period:
        told.append(
            f"{_listed(layers.seen_before)} ran {layers.ran_on}, which proves decisions only: the "
            "edge is of the others"
        )
    replays = [
        one.id
        for one in sessions
        if seal is not None
        and one.report["mode"] == Mode.REPLAY
        and one.id not in layers.seen_before
    ]
    if replays:
        told.append(
            f"{_listed(replays)} ran on candle files that were there before the seal: whether "
            "anybody knew them is not for this program to tell"
        )
    if seal is not None and layers.others:
        trials = len(layers.others) + 1
        rate = seal.errors.any_broken
        at_most = min(1.0, trials * rate)  # they share a backtest: not independent (Boole)
        told.append(
            f"each of the {trials} trials may be wrong with {share_text(rate)}; the chance that at "
            f"least one of them is wrong may be up to {share_text(at_most)}"
        )
    return told


def _taken_together(layers: TrialAnswers, sessions: Sequence[ComparedSession]) -> str:
    """Which sessions are taken together, and for what; empty where there are not several.

    Of a trial that is judged only the account and the figures are not of it alone.
    """
    if len(sessions) < 2:
        return ""
    ids = [one.id for one in sessions[:_MOST_NAMED]]
    more = len(sessions) - len(ids)
    named = f"{', '.join(ids)} and {more} more" if more else ", ".join(ids)
    if layers.seal is None:
        return f"{len(sessions)} sessions taken together: {named}"
    return f"Account and figures: {len(sessions)} sessions ({named}); the rest: the trial"


def _listed(session_ids: Sequence[str]) -> str:
    return f"session{'s' * (len(session_ids) > 1)} {', '.join(session_ids)}"


def _seal_of(stored: Mapping[str, Any] | None, seal: Seal | None) -> Seal | None:
    """The seal, where the saved backtest is the very one that was sealed."""
    if stored is None or seal is None or not is_digest_of(seal.backtest_hash, stored):
        return None
    return seal


def document_of(workspace: Workspace, name: str) -> tuple[Path | None, dict[str, object]]:
    """The document of the workspace's strategy of this name (None: it has none), and its keys."""
    for path in sorted(
        workspace.strategies.glob("*/STRATEGY.md"),
        key=lambda path: composed(path.parent.name) != name,
    ):
        try:
            config = read_strategy(path).config
        except ConfigError:
            continue
        if config.get("name") == name:
            return path, config
    return None, {}


def _promised(
    request: ComparisonRequest, told: list[str]
) -> tuple[ComparedColumn | None, Mapping[str, Any] | None]:
    """The column of the backtest that was made before, and its whole result if it was kept."""
    document, block = request.document, (request.blocks or {}).get("backtest")
    stored = None if document is None else stored_backtest(document, block)
    if stored is not None:
        source = f"saved beside its document on {short_date(parse_time(stored['saved']))}"
        return column_of_reports("Backtest", [stored], source, request.period), stored
    column = column_of_block("Backtest", block, f"`backtest:` of {_where(request)}")
    if column is not None and request.period is not None:
        told.append(
            "Backtest: its single trades are not known, so it is not cut to the period asked for"
        )
    return column, None


def _where(request: ComparisonRequest) -> str:
    return "the config" if request.document is None else request.document.name


def _paper(
    request: ComparisonRequest, sessions: Sequence[ComparedSession]
) -> ComparedColumn | None:
    """The column of the sessions, or of what the document has recorded of earlier ones."""
    if sessions:
        reports = [one.report for one in sessions]

        def column(trades: list[Trade]) -> ComparedColumn:
            return column_of_reports("Paper", reports, _named(reports), request.period, trades)

        paper = column([trade for one in sessions for trade in one.counting])
        if any(one.repeated for one in sessions):
            evidence = column([trade for one in sessions for trade in one.evidence])
            paper = replace(paper, sample=evidence.sample)
        return paper
    block = (request.blocks or {}).get("paper")
    return column_of_block("Paper", block, f"`paper:` of {_where(request)}")


def _replayed(
    workspace: Workspace,
    sessions: Sequence[ComparedSession],
    present: Mapping[str, Mapping[str, Candles]],
    told: list[str],
) -> list[ComparedSession]:
    """The sessions, each with its replay where there can be one."""
    found = []
    for one in sessions:
        try:
            replayed = replay_session(workspace, one.report, present.get(one.id), one.trades)
        except ReplayError as error:
            told.append(f"session {one.id} was not replayed: {error}")
            found.append(one)
        else:
            found.append(replace(one, replayed=replayed))
    return found


def _named(reports: Sequence[Report]) -> str:
    shown = ", ".join(f"{report['session_id']} ({report['mode']})" for report in reports)
    return f"session{'s' * (len(reports) > 1)} {shown}"


def _replay_column(
    sessions: Sequence[ComparedSession], period: tuple[int, int] | None
) -> ComparedColumn:
    pairs = [(one, one.replayed.now) for one in sessions if one.replayed is not None]
    same = all(one.replayed.same_candles for one in sessions if one.replayed is not None)
    candles = "the candles it saw" if same else "the candles as they are known now"
    column = column_of_reports(
        "Backtest",
        [
            result_to_json(replace(now, closed=TradeColumns.of(()))) for _, now in pairs
        ],  # given below
        f"of the session's own period, on {candles}",
        period,
        [trade for one, now in pairs for trade in now.trades if one.counts(trade.signal_time)],
    )
    return replace(column, replayed=True)


def _is_promised(replay: ComparedColumn | None, promised: ComparedColumn) -> bool:
    """Whether the replay is the promised backtest itself: the same trades over the same period.

    Its trades are then paired with the session's, and the verdict rests on the pairs.
    """
    if replay is None or replay.period is None or promised.period is None:
        return False
    apart = max(abs(one - other) for one, other in zip(replay.period, promised.period, strict=True))
    same_trades = replay.metrics["total_trades"] == promised.metrics.get("total_trades")
    return apart < DAY and same_trades  # a block records its period by the day


def _together(sessions: Sequence[ComparedSession], period: tuple[int, int] | None) -> Divergence:
    """The divergence of the sessions: of trades that count, and left within the period."""
    parts = [(one, one.replayed.divergence) for one in sessions if one.replayed is not None]
    trades = [
        each for one, part in parts for each in part.trades if one.counts(each.trade.signal_time)
    ]
    if period is not None:
        begin, end = period
        trades = [each for each in trades if begin <= each.trade.exit_time < end]
    if len(parts) > 1:
        trades.sort(key=lambda each: (each.trade.signal_time, each.trade.id))
    return Divergence(tuple(trades), parts[0][1].starting_balance)


_TELLING_CAUSES = {
    CauseKind.UNEXPLAINED: "nothing recorded explains why {} differ{}",
    CauseKind.MANUAL: "{} differ{} by hand: the answers are of the strategy and of that hand",
}


def _doubts(divergence: Divergence | None) -> list[str]:
    """Warnings where trades differ without a cause, or by one that is not the strategy's."""
    counts = {} if divergence is None else {kind: n for kind, n, _ in divergence.by_cause}
    return [
        f"Paper: {words.format(f'{n} trades' if n > 1 else '1 trade', '' if n > 1 else 's')}"
        for kind, words in _TELLING_CAUSES.items()
        if (n := counts.get(kind, 0))
    ]


def _other_version(stored: Mapping[str, Any] | None, replayed: Sequence[Replayed]) -> list[str]:
    if stored is None:
        return []
    return [
        f"the backtest was made with another version of the config than session "
        f"{one.session.record.id} was started with"
        for one in replayed
        if _digest_at(one.session.config, stored["starting_balance"]) != stored["config_hash"]
    ]


def _digest_at(config: StrategyConfig, balance: float) -> str:
    """The digest of a config with another starting balance, which makes it no other strategy."""
    return signal_source(replace(config, starting_balance=float(balance))).digest


def _live(
    request: ComparisonRequest, workspace: Workspace, told: list[str]
) -> ComparedColumn | None:
    path = request.live or workspace.live_trades
    try:
        read = read_live_trades(path)
    except OSError as error:
        told.append(f"{path.name} cannot be read ({error.strerror or error})")
        return None
    if read.bad_lines:
        first = read.bad_lines[0]
        lines = (
            "1 line is no trade"
            if len(read.bad_lines) == 1
            else (f"{len(read.bad_lines)} lines are no trades")
        )
        told.append(f"{path.name}: {lines} and left out, first line {first.number} ({first.why})")
    trades = read.of_strategy(request.strategy)
    column = column_of_live_trades(
        trades,
        request.balance,
        f'{path.name}, source "strategy:{request.strategy}"',
        request.period,
    )
    if column is None and trades:
        told.append(f"{path.name} has {len(trades)} trades of it, none closed in the period")
    return column


def _regimes(
    stored: Mapping[str, Any] | None, promised: ComparedColumn | None, replayed: Sequence[Replayed]
) -> dict[str, Regime]:
    """What the market was like, where there is a backtest of another period to set it beside."""
    if promised is None or not replayed:
        return {}
    last = replayed[-1]
    found = {"Paper": regime_of_run(last.candles, last.now)}
    if stored is not None:
        then = stored["regime"]
        found["Backtest"] = Regime(then["benchmark_return_pct"], then["volatility_pct"])
    elif (benchmark := promised.metrics.get("benchmark_return_pct")) is not None:
        found["Backtest"] = Regime(benchmark, None)
    return found


def _without_promise(comparison: ComparisonResult) -> ComparisonResult:
    """A replay of the session's own period proves the rules, not the strategy: it says so.

    A trial has the promise of its backtest in its seal, whatever has become of that since.
    """
    missing = (
        f"no saved backtest of an earlier period: papertape backtest {comparison.strategy} "
        "--period 6m --save; until then the session is compared with one of its own period",
        *comparison.missing,
    )
    if comparison.layers.seal is not None or comparison.layers.doubt is not None:
        return replace(comparison, missing=missing)
    same = comparison.divergence is not None and not comparison.divergence.differing
    recommendation = f"{AS_ITS_BACKTEST} {NO_BACKTEST}" if same else NO_BACKTEST
    if comparison.verdict is not None and comparison.verdict.state is State.BROKEN:
        recommendation = f"{comparison.recommendation} {NO_BACKTEST}"  # why comes before
    return replace(comparison, recommendation=recommendation, missing=missing)


def _is_of_another_config(request: ComparisonRequest, judged: ComparedSession | None) -> bool:
    """Whether the trial that is judged ran another config than the strategy has by now."""
    if judged is None or not request.blocks:
        return False
    try:
        config = parse_config(request.blocks).config
    except ConfigError:
        return False  # there is none to set beside it
    present = _digest_at(config, judged.report["starting_balance"])
    return bool(present != judged.report["config_hash"])


def _of_another_config(comparison: ComparisonResult) -> ComparisonResult:
    """Nothing that an older config has proved validates the one there is now."""
    told = ANOTHER_CONFIG.format(strategy=comparison.strategy)
    if not comparison.recommendation.startswith((VALIDATED, MATCHES, BETTER)):
        told = f"{comparison.recommendation} {told}"
    verdict, assessment = comparison.verdict, comparison.assessment
    if verdict is not None and verdict.state is State.KEPT:
        assessment = KEPT_BY_ANOTHER
    return replace(comparison, recommendation=told, assessment=assessment)


def _is_of_a_demo(request: ComparisonRequest, reports: Sequence[Report]) -> bool:
    """Whether the paper column is of a demo's sessions, or of what is recorded of one."""
    block = (request.blocks or {}).get("paper")
    recorded = [block] if isinstance(block, Mapping) else []
    return any(one.get("mode") == Mode.DEMO for one in reports or recorded)


def _of_a_demo(comparison: ComparisonResult) -> ComparisonResult:
    """Nothing that a made-up market has shown validates a strategy, nor tells against it."""
    verdict = comparison.verdict
    if verdict is None or verdict.column != "Paper":
        return replace(comparison, demo=True, notes=(*comparison.notes, DEMO_MARKET))
    early = (TOO_EARLY, ENDED_EARLY)
    of_market = (VALIDATED, MATCHES, BETTER, *early, WORSE.format(column="Paper"))
    told = DEMO_MARKET
    if not comparison.recommendation.startswith(of_market):
        told += f" {comparison.recommendation}"
    assessment = KEPT_ON_DEMO if verdict.state is State.KEPT else f"DEMO: {comparison.assessment}"
    return replace(comparison, demo=True, recommendation=told, assessment=assessment)


def _left_out(session_ids: Sequence[str]) -> str:
    """Which of a demo's sessions are not judged with the others; empty where there are none."""
    if not session_ids:
        return ""
    count = len(session_ids)
    sessions = "1 demo session is" if count == 1 else f"{count} demo sessions are"
    ids = f" ({', '.join(session_ids)})" if count <= _MOST_NAMED else ""
    return LEFT_OUT.format(sessions=sessions, ids=ids)


def _curves(
    reports: Sequence[Report], replayed: Sequence[Replayed], stored: Report | None
) -> list[EquityCurve]:
    """Paper and backtest over the session's own period; the saved backtest where there is none."""
    curves = [_curve_of_report("Paper", report) for report in reports if report.get("equity")]
    if len(reports) > 1:
        ids = [str(report["session_id"]) for report in reports if report.get("equity")]
        curves = [replace(one, session=own) for one, own in zip(curves, ids, strict=True)]
    for one in replayed:
        curves.append(_curve(REPLAY, one.now.times, one.now.equity, one.now.starting_balance))
    if not curves and stored is not None and stored.get("equity"):
        curves.append(_curve_of_report("Backtest", stored))
    return curves


def _curve_of_report(name: str, report: Report) -> EquityCurve:
    points = report["equity"]
    times = np.array([parse_time(time) for time, _ in points])
    return _curve(name, times, np.array([value for _, value in points]), report["starting_balance"])


def _curve(name: str, times: Times, equity: Floats, start: float) -> EquityCurve:
    """So many of a curve's points that a chart can show them, with every peak and trough."""
    kept = kept_points(equity, _CURVE_POINTS // 2)
    per_cent = (equity[kept] / start - 1) * 100
    return EquityCurve(name, tuple(zip(times[kept].tolist(), per_cent.tolist(), strict=True)))
