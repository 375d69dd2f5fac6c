"""What is known of a strategy: its backtest, its paper sessions, its live trades, compared?"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from core.compare.causes import CauseKind
from core.compare.columns import (
    ComparedColumn,
    column_of_block,
    column_of_live_trades,
    column_of_reports,
)
from core.compare.comparison import Comparison, compare
from core.compare.divergence import Divergence, Readings
from core.compare.recommendation import NO_BACKTEST
from core.compare.replay import Replayed, ReplayError, readings_at, replay_session
from core.compare.text import comparison_to_json
from core.compare.verdict import Judgement
from core.market.candles.candles import Candles
from core.market.candles.timeframes import DAY, Timeframe
from core.report.market_regime import Regime, regime_of_run
from core.report.result import Json, result_to_json
from core.report.stored_backtest import stored_backtest
from core.store.live_trades import read_live_trades
from core.store.workspace import Workspace
from core.strategy.config.problems import ConfigError
from core.strategy.document.document import read_strategy
from core.time_format import iso_time, parse_time, short_date

_logger = logging.getLogger(__name__)

_AS_ITS_BACKTEST = "The session traded as a backtest of its own period would have."


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """What is to be compared.

    Attributes:
        strategy: its name, by which live trades are found.
        timeframe: its timeframe.
        document: the file it stands in; None where it stands in none.
        blocks: what is recorded of it: `backtest:` and `paper:` as a document has them.
        reports: of its paper sessions (their JSON), one or several.
        live: the file of live trades; None: they are not asked for.
        balance: the live account's before the first trade, if known.
        period: begin and end (exclusive, UTC ms) to which all columns are cut; None for all.
        present: the exchange's candles now, by session ID and symbol, where they were fetched.
    """

    strategy: str
    timeframe: Timeframe
    document: Path | None = None
    blocks: Mapping[str, object] = field(default_factory=dict)
    reports: Sequence[Mapping[str, Any]] = ()
    live: Path | None = None
    balance: float | None = None
    period: tuple[int, int] | None = None
    present: Mapping[str, Mapping[str, Candles]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """A comparison with what it rests on.

    `stored`: the whole result of the strategy's backtest, where there is one. `replayed`: each
    session that could be, in the order of the reports.
    """

    comparison: Comparison
    stored: Mapping[str, Any] | None
    replayed: tuple[Replayed, ...]

    @property
    def readings(self) -> Readings | None:
        """The conditions' values at the signal candles of a single session."""
        if len(self.replayed) != 1:
            return None
        (one,) = self.replayed
        return readings_at(one.session.config, one.candles)

    def to_json(self) -> Json:
        """The comparison as JSON, with the equity of what the sessions were compared with."""
        replays = [
            {
                "session_id": one.session.record.id,
                "parity": one.parity,
                "same_candles": one.same_candles,
                "starting_balance": one.now.starting_balance,
                "equity": [
                    [iso_time(time), value]
                    for time, value in zip(
                        one.now.times.tolist(), one.now.equity.tolist(), strict=True
                    )
                ],
            }
            for one in self.replayed
        ]
        return {**comparison_to_json(self.comparison, self.readings), "replays": replays}


def compare_sources(workspace: Workspace, sources: Sources, now: int) -> Compared:
    """Compare all there is. Blocks. What is missing is said in the comparison, never raised.

    Args:
        workspace: where the sessions' files are.
        sources: what is to be compared.
        now: UTC ms, from which dates are counted ahead.
    """
    told: list[str] = []
    promised, stored = _promised(sources, told)
    replayed = _replays(workspace, sources, told)
    paper = _paper(sources)
    replay, divergence = None, None
    if replayed and paper is not None:
        divergence = _together([one.divergence for one in replayed], sources.period)
        replay = _replay_column(replayed, sources.period)
        for one in replayed:
            told.append(f"session {one.session.record.id}: {one.parity}")
            if one.beyond:
                told.append(
                    f"session {one.session.record.id}: {one.beyond} of its trades closed after its "
                    "last whole candle, which no backtest knows, and so not matched"
                )
        told += _other_version(stored, replayed)
    comparison = compare(
        sources.strategy,
        sources.timeframe,
        backtest=promised or replay,
        paper=paper,
        live=_live(sources, told),
        now=now,
        divergence=divergence,
        replay=None if promised is None or _is_promised(replay, promised) else replay,
        regimes=_regimes(stored, promised, replayed),
    )
    if promised is None and replay is not None:
        comparison = _without_promise(comparison)
    comparison = replace(
        comparison,
        warning_signs=(*comparison.warning_signs, *_riddles(divergence)),
        notes=(*comparison.notes, *told),
    )
    return Compared(comparison, stored, tuple(replayed))


def with_comparison(workspace: Workspace, report: Mapping[str, Any], now: int) -> dict[str, Any]:
    """A session's report (its JSON) with its comparison and recommendation filled in. Blocks."""
    name = str(report["strategy"])
    document, blocks = document_of(workspace, name)
    sources = Sources(
        strategy=name,
        timeframe=Timeframe(report["timeframe"]),
        document=document,
        blocks=blocks,
        reports=(report,),
        live=workspace.live_trades,
    )
    compared = compare_sources(workspace, sources, now)
    return {
        **report,
        **_told_by_candles(report, compared.replayed),
        "comparison": compared.to_json(),
        "recommendation": compared.comparison.recommendation,
    }


def _told_by_candles(report: Mapping[str, Any], replayed: Sequence[Replayed]) -> dict[str, Any]:
    """What only the backtest on the candles a session saw can tell of it.

    Why there was no trade, and what the return had been with the target first in ambiguous candles.
    """
    told: dict[str, Any] = {}
    if len(replayed) == 1:
        seen = replayed[0].seen
        if not report["trades"]:
            told["diagnosis"] = seen.diagnosis
        if report["ambiguous"]["trades"]:
            worth = {"target_first_return_pct": seen.ambiguous_return_pct}
            told["ambiguous"] = {**report["ambiguous"], **worth}
    return told


async def compared(workspace: Workspace, report: Mapping[str, Any], now: int) -> dict[str, Any]:
    """`with_comparison`, off the event loop. A fault in it does not cost the report."""
    try:
        return await asyncio.to_thread(with_comparison, workspace, report, now)
    except Exception as error:  # a report without a comparison is better than none
        _logger.exception("comparison of session %s", report["session_id"])
        warning = f"it was not compared ({type(error).__name__}: {error})"
        return {**report, "warnings": [*report["warnings"], warning]}


def document_of(workspace: Workspace, name: str) -> tuple[Path | None, dict[str, object]]:
    """The document of the workspace's strategy of this name (None: it has none), and its keys."""
    for path in sorted(
        workspace.strategies.glob("*/STRATEGY.md"), key=lambda path: path.parent.name != name
    ):
        try:
            config = read_strategy(path).config
        except ConfigError:
            continue
        if config.get("name") == name:
            return path, config
    return None, {}


def _promised(
    sources: Sources, told: list[str]
) -> tuple[ComparedColumn | None, Mapping[str, Any] | None]:
    """The column of the backtest that was made before, and its whole result if it was kept."""
    document, block = sources.document, sources.blocks.get("backtest")
    stored = None if document is None else stored_backtest(document, block)
    if stored is not None:
        source = f"saved beside its document on {short_date(parse_time(stored['saved']))}"
        return column_of_reports("Backtest", [stored], source, sources.period), stored
    column = column_of_block("Backtest", block, f"`backtest:` of {_where(sources)}")
    if column is not None and sources.period is not None:
        told.append(
            "Backtest: its single trades are not known, so it is not cut to the period asked for"
        )
    return column, None


def _where(sources: Sources) -> str:
    return "the config" if sources.document is None else sources.document.name


def _paper(sources: Sources) -> ComparedColumn | None:
    """The column of the sessions, or of what the document has recorded of earlier ones."""
    if sources.reports:
        return column_of_reports("Paper", sources.reports, _named(sources.reports), sources.period)
    return column_of_block("Paper", sources.blocks.get("paper"), f"`paper:` of {_where(sources)}")


def _replays(workspace: Workspace, sources: Sources, told: list[str]) -> list[Replayed]:
    replayed = []
    for report in sources.reports:
        session_id = report["session_id"]
        try:
            replayed.append(replay_session(workspace, report, sources.present.get(session_id)))
        except ReplayError as error:
            told.append(f"session {session_id} was not replayed: {error}")
    return replayed if len(replayed) == len(sources.reports) else []


def _named(reports: Sequence[Mapping[str, Any]]) -> str:
    shown = ", ".join(f"{report['session_id']} ({report['mode']})" for report in reports)
    return f"session{'s' * (len(reports) > 1)} {shown}"


def _replay_column(replayed: Sequence[Replayed], period: tuple[int, int] | None) -> ComparedColumn:
    same = all(one.same_candles for one in replayed)
    candles = "the candles it saw" if same else "the candles as they are known now"
    return column_of_reports(
        "Backtest",
        [result_to_json(one.now) for one in replayed],
        f"of the session's own period, on {candles}",
        period,
    )


def _is_promised(replay: ComparedColumn | None, promised: ComparedColumn) -> bool:
    """Whether the replay is the promised backtest itself: the same trades over the same period.

    Its trades are then paired with the session's, and the verdict rests on the pairs.
    """
    if replay is None or replay.period is None or promised.period is None:
        return False
    apart = max(abs(one - other) for one, other in zip(replay.period, promised.period, strict=True))
    same_trades = replay.metrics["total_trades"] == promised.metrics.get("total_trades")
    return apart < DAY and same_trades  # a block records its period by the day


def _together(parts: Sequence[Divergence], period: tuple[int, int] | None) -> Divergence:
    """The divergence of several sessions, cut to the trades that left within the period."""
    trades = [each for part in parts for each in part.trades]
    if period is not None:
        begin, end = period
        trades = [each for each in trades if begin <= each.trade.exit_time < end]
    if len(parts) == 1 and period is None:
        return parts[0]
    trades.sort(key=lambda each: (each.trade.signal_time, each.trade.id))
    return Divergence(tuple(trades), parts[0].starting_balance)


def _riddles(divergence: Divergence | None) -> list[str]:
    """A warning where trades differ without a cause: the parity of the rules is then in doubt."""
    causes = () if divergence is None else divergence.by_cause()
    counts = [count for kind, count, _ in causes if kind is CauseKind.UNEXPLAINED]
    return [f"Paper: nothing recorded explains why {counts[0]} trades differ"] if counts else []


def _other_version(stored: Mapping[str, Any] | None, replayed: Sequence[Replayed]) -> list[str]:
    if stored is None:
        return []
    return [
        f"the backtest was made with another version of the config than session "
        f"{one.session.record.id} was started with"
        for one in replayed
        if one.session.record.digest != stored["config_hash"]
    ]


def _live(sources: Sources, told: list[str]) -> ComparedColumn | None:
    if sources.live is None:
        return None
    try:
        read = read_live_trades(sources.live)
    except OSError as error:
        told.append(f"{sources.live.name} cannot be read ({error.strerror or error})")
        return None
    if read.bad_lines:
        first = read.bad_lines[0]
        lines = (
            "1 line is no trade"
            if len(read.bad_lines) == 1
            else (f"{len(read.bad_lines)} lines are no trades")
        )
        told.append(
            f"{sources.live.name}: {lines} and left out, first line {first.number} ({first.why})"
        )
    trades = read.of_strategy(sources.strategy)
    column = column_of_live_trades(
        trades,
        sources.balance,
        f'{sources.live.name}, source "strategy:{sources.strategy}"',
        sources.period,
    )
    if column is None and trades:
        told.append(
            f"{sources.live.name} has {len(trades)} trades of it, none closed in the period"
        )
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


def _without_promise(comparison: Comparison) -> Comparison:
    """A replay of the session's own period proves the rules, not the strategy: it says so."""
    verdict = comparison.verdicts.get("Paper")
    recommendation = comparison.recommendation
    if verdict is not None and verdict.judgement is Judgement.CONSISTENT:
        recommendation = _AS_ITS_BACKTEST
    missing = (
        f"no backtest of an earlier period: papertape backtest {comparison.strategy} --period 6m "
        "--save; until then the session is compared with one of its own period",
        *comparison.missing,
    )
    return replace(comparison, recommendation=f"{recommendation} {NO_BACKTEST}", missing=missing)
