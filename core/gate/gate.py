"""The gate: says whether there is more behind a backtest than luck, before a trial is begun.

One verdict from three questions: is the best of so many settings better than the best that luck
finds among as many; does the rule do better here than on markets made from the same candles that
have no edge; did settings chosen on one part of the time earn anything on the next. Each of the
first two alone lets a strategy without an edge past in at most 5%. Everything else is shown beside
it and is not judged: each more judge would turn away strategies that have an edge.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.backtest.axes import Axis, SweepError, configs
from core.backtest.kept import Keeping, keeping
from core.backtest.long_work import LongWork, Part
from core.backtest.progress import Meter, OnProgress, WorkCancelledError
from core.backtest.sweep import Period, Sweep, asked_for, check_sort, sweep_by, traded
from core.backtest.workers import Workers, workers_of
from core.gate import (
    CIRCUMSTANCES,
    EDGELESS,
    FEWEST_DAYS,
    FOLDS,
    SETTINGS,
    WALK_FORWARD,
    few_days,
)
from core.gate.chance import (
    FEWEST_TRADES,
    Place,
    among_edgeless_markets,
    among_random_entries,
    daily_sharpe,
)
from core.gate.robustness import RUNS, Robustness, robustness
from core.gate.selection import (
    Deflated,
    Overfitting,
    Superiority,
    deflated,
    overfitting,
    superiority,
)
from core.gate.walk_forward import WalkForward, fold_times, seen_share, walk_forward
from core.market.candles.candles import Candles
from core.report.result import RunResult
from core.strategy.config.config import StrategyConfig
from core.text import chance_text, independent_tries, signed_per_cent
from core.trial.expectation import Expectation, expectation
from core.trial.seal import trade_returns

ERROR_RATE = 0.05
MARKETS = 100
WORTH_FINDING = 2.0
"""Yearly Sharpe ratio of an edge that the candles must be long enough to show half of the time."""


class Verdict(StrEnum):
    """What the gate says."""

    PASSES = "passes"
    FAILS = "fails"
    TOO_LITTLE_DATA = "too little data"


@dataclass(frozen=True, slots=True)
class Finding:
    """One question that is judged. `passed`: None where the candles cannot answer it."""

    question: str
    passed: bool | None
    says: str


@dataclass(frozen=True, slots=True)
class Gate:
    """All that the gate found, and what it says of it.

    Attributes:
        verdict: see `Verdict`; `reasons` are its sentences, the judged questions `findings`.
        sweep: the settings that were tried; one where nothing was varied.
        independent_tries: that stand behind the best, those of the strategy's ledger included.
        superiority, deflated, overfitting: see `core.gate.selection`; None where the candles are
            too few.
        walk_forward: see `core.gate.walk_forward`.
        edgeless, random_entries: see `core.gate.chance`.
        robustness: see `core.gate.robustness`.
        expectation: see `core.trial.expectation`; None for too few trades.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    findings: tuple[Finding, ...]
    sweep: Sweep
    independent_tries: float
    superiority: Superiority | None
    deflated: Deflated | None
    overfitting: Overfitting | None
    walk_forward: WalkForward
    edgeless: Place | None
    random_entries: Place | None
    robustness: Robustness
    expectation: Expectation | None

    @property
    def best(self) -> RunResult:
        """The backtest of the setting that was judged."""
        return self.sweep.best.result

    @property
    def varied(self) -> tuple[str, ...]:
        """The paths of what was varied; none where a single setting was judged."""
        return tuple(axis.path for axis in self.sweep.axes)

    @property
    def luck(self) -> float | None:
        """How often the best of as many tries without an edge looks as good; None: not known."""
        if self.superiority is None:
            return None
        return self.superiority.among(self.independent_tries / self.sweep.effective_tries)


@dataclass(frozen=True, slots=True)
class UnfinishedGate:
    """What a gate that was cancelled had found by then. It has no verdict.

    Attributes:
        reason: why there is none.
        sweep: the settings that were tried by then, not all where it is not `complete`; None: none.
        walk_forward: None where it was not finished.
        kept: how many of its backtests the same gate takes up when it is run again.
    """

    reason: str
    sweep: Sweep | None = None
    walk_forward: WalkForward | None = None
    kept: int = 0


def run_gate(
    config: StrategyConfig,
    axes: Sequence[Axis],
    candles: Mapping[str, Candles],
    *,
    other_tries: float = 0.0,
    folds: int = FOLDS,
    anchored: bool = False,
    sort: str = "sharpe_ratio",
    markets: int = MARKETS,
    seed: int = 0,
    decide_from: int | None = None,
    workers: Workers | int = 1,
    on_progress: OnProgress | None = None,
    cancel: threading.Event | None = None,
    keep: Keeping | None = None,
) -> Gate | UnfinishedGate:
    """Judge the best of some settings, on the candles that it was found on.

    Args:
        config: the strategy.
        axes: what is varied; none: the strategy as it is.
        candles: the history of each symbol.
        other_tries: independent tries that were made before, beside these settings.
        folds: of the walk-forward.
        anchored: whether each of its choices sees the candles from the first on.
        sort: the metric that chooses (docs/rules.md §4).
        markets: edgeless ones to try the rule on; below 20 none can be passed.
        seed: of all that is drawn.
        decide_from: as of `run_backtest`: candles before it only warm the signals up.
        workers: who does it, or how many processes of this machine.
        on_progress: told whenever some backtests are finished.
        cancel: once set, the gate ends without a verdict.
        keep: where what is finished is kept until all is, and taken up from; None: nowhere.

    Raises:
        SweepError: an axis, the metric or the seed is not as it must be, or the candles are too few
            for the folds.
        BacktestError: a symbol has no candles.
    """
    tried = configs(config, axes)
    check_sort(sort)
    if seed < 0:
        raise SweepError(f"seed {seed}: expected 0 or more")
    period = Period(decide_from=decide_from)
    own = traded(candles, decide_from)
    seen = [
        seen_share(own, first, follows)
        for first, follows, _ in fold_times(own, folds, anchored=anchored)
    ]
    single = markets + RUNS
    total, effort = len(tried) * (1 + folds) + single, len(tried) * (1 + sum(seen)) + single
    sweep, walked = None, None
    asked = ["gate", *asked_for(config, axes), folds, anchored, sort, markets, seed, decide_from]
    with (
        keeping(keep, candles, asked) as kept,
        workers_of(workers).on(candles) as crew,
    ):
        work = LongWork(crew, Meter(on_progress, total, effort), cancel or threading.Event(), kept)
        try:
            part = SETTINGS
            sweep = sweep_by(work, axes, tried, candles, period, sort=sort, part=Part(part))
            if not sweep.complete:
                raise WorkCancelledError("cancelled before every setting was run")
            best = sweep.best
            part = WALK_FORWARD
            walked = walk_forward(
                config,
                axes,
                own,
                folds=folds,
                anchored=anchored,
                sort=sort,
                work=work,
                words=part,
            )
            part = EDGELESS
            edgeless = among_edgeless_markets(
                best.config,
                candles,
                best.result,
                markets,
                seed,
                decide_from=decide_from,
                work=work,
                part=Part(part),
            )
            part = CIRCUMSTANCES
            others = robustness(
                best.config,
                candles,
                best.result,
                sweep if axes else None,
                decide_from=decide_from,
                work=work,
                part=Part(part),
            )
        except WorkCancelledError:
            reason = f"no verdict: it was cancelled at “{part}”"
            return UnfinishedGate(reason, sweep, walked, kept.count)
        kept.close(finished=True)
    superior = superiority(sweep.returns, seed)
    independent = sweep.effective_tries + other_tries
    findings = (
        of_selection(superior, independent, sweep.effective_tries, sweep.returns.shape[1]),
        of_chance(edgeless, moved=daily_sharpe(best.result) is not None),
        of_what_followed(walked, chosen=bool(axes)),
    )
    verdict, reasons = judged(findings, superior, best.result)
    return Gate(
        verdict=verdict,
        reasons=reasons,
        findings=findings,
        sweep=sweep,
        independent_tries=independent,
        superiority=superior,
        deflated=_deflated(best.result, independent, sweep.expected_best_sharpe),
        overfitting=overfitting(sweep.returns),
        walk_forward=walked,
        edgeless=edgeless,
        random_entries=among_random_entries(own, best.result.trades, seed),
        robustness=others,
        expectation=_expectation(best.config, best.result, seed),
    )


def judged(
    findings: Sequence[Finding], superior: Superiority | None, best: RunResult
) -> tuple[Verdict, tuple[str, ...]]:
    """The verdict of the findings on the best of the settings, and why.

    It passes where all do. Where not, and the candles are so few that a good edge would not have
    passed either, that is what is said: absence of proof is none of the strategy's fault. What
    made no profit fails in any case.
    """
    if best.ending_balance <= 0:
        return Verdict.FAILS, ("it lost all that it began with",)
    trades = len(best.trades)
    if trades < FEWEST_TRADES:
        few = f"{trades} closed trades are fewer than {FEWEST_TRADES}: they tell nothing yet"
        return Verdict.TOO_LITTLE_DATA, (few,)
    if superior is None or any(one.passed is None for one in findings):
        return Verdict.TOO_LITTLE_DATA, tuple(one.says for one in findings if one.passed is None)
    if all(one.passed for one in findings):
        return Verdict.PASSES, tuple(one.says for one in findings)
    reasons = tuple(one.says for one in findings if not one.passed)
    needed = superior.years_needed(WORTH_FINDING, 0.5)
    if best.ending_balance <= best.starting_balance:
        return Verdict.FAILS, ("it made no profit on these candles", *reasons)
    if superior.years < needed:
        few = (
            f"{superior.years:.1f} years are too short: after as many tries even an edge of a "
            f"yearly Sharpe ratio of {WORTH_FINDING:g} needs {needed:.1f} to pass in half of all "
            "cases"
        )
        return Verdict.TOO_LITTLE_DATA, (few, *reasons)
    return Verdict.FAILS, reasons


def of_selection(found: Superiority | None, independent: float, own: float, days: int) -> Finding:
    """Whether the best of `independent` tries, `own` of which were tested, is more than luck.

    `days`: of the candles they were tested on.
    """
    question = "better than the luck of so many tries"
    if found is None and days < FEWEST_DAYS:
        return Finding(question, None, few_days(days))
    if found is None:
        return Finding(question, None, "no setting's equity ever moved")
    p = found.among(independent / own)
    luck = "one try without an edge looks"
    if independent >= 1.05:  # else it is told as one
        luck = f"of {independent_tries(independent)} without an edge the best looks"
    return Finding(
        question,
        p <= ERROR_RATE,
        f"{luck} as good in {chance_text(p, 1)} of cases ({ERROR_RATE:.0%} allowed)",
    )


def of_chance(place: Place | None, *, moved: bool) -> Finding:
    """Whether the rule does better here than on markets without an edge.

    `moved`: whether its equity did.
    """
    question = "better here than on markets without an edge"
    if place is None:
        why = "too few candles to make a market of" if moved else "its equity never moved"
        return Finding(question, None, why)
    return Finding(
        question,
        place.p <= ERROR_RATE,
        f"of edgeless markets made from these candles, {chance_text(place.p, 1)} are as good to "
        f"the rule ({ERROR_RATE:.0%} allowed)",
    )


def of_what_followed(walked: WalkForward, *, chosen: bool) -> Finding:
    """Whether what was chosen on one part of the time made a profit on the next.

    `chosen`: False where there was but one setting: then on the later parts, each by itself.
    """
    joined, parts = walked.joined, len(walked.folds)
    made = (joined.ending_balance / joined.starting_balance - 1) * 100
    gain = signed_per_cent(made)
    if not chosen:
        return Finding(
            "profit on the later parts of the time",
            made > 0,
            f"it made {gain} on the last {parts} parts of the time, each begun flat",
        )
    return Finding(
        "profit on candles that no choice had seen",
        made > 0,
        f"chosen on the time before, the settings made {gain} on the {parts} "
        "parts of the time that followed",
    )


def _deflated(best: RunResult, tries: float, best_of_sweep: float | None) -> Deflated | None:
    if best.metrics.sharpe_ratio is None:
        return None
    return deflated(best.daily_returns, tries, best_of_sweep)


def _expectation(config: StrategyConfig, result: RunResult, seed: int) -> Expectation | None:
    fixed = config.orders.fixed_amount
    returns = trade_returns(result.trades, result.starting_balance, fixed_amount=fixed)
    try:
        return expectation(returns, seed=seed, fixed_amount=fixed)
    except ValueError:  # too few trades, or all alike: nothing to draw from
        return None
