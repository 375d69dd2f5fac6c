"""Says from its layers whether a strategy keeps its promise, and what to do next.

*Broken* where any layer is: the edge, the path, the costs or decisions without an explanation.
*Kept* where the edge is, costs stay below break-even and all decisions are explained. *Open*
otherwise. The chances of a false *broken* of edge, path and costs are parts of one sealed budget,
so that together they stay within it (`core.trial.seal.ErrorRates`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from enum import StrEnum
from typing import NamedTuple

from core.compare.columns import ComparedColumn
from core.compare.decisions import DecisionLayer
from core.compare.divergence import Divergence
from core.compare.fill_costs import CostLayer
from core.compare.promise import NOT_SEALED, EdgeLayer, PathLayer
from core.market.candles.timeframes import DAY, HOUR, Timeframe
from core.report.market_regime import Regime, regime_warning
from core.report.metrics import tells_better, wilson_interval
from core.session.start_notices import NOT_BACKTESTED
from core.time_format import short_date, short_duration
from core.trial.plan import needed_for
from core.trial.resampling import FEWEST_TRADES
from core.trial.seal import Seal
from core.trial.sealing import doubts
from core.trial.state import DESCRIBED, OVER, Layer, SealDoubt, State

VALIDATED = "Strategy validated. Consider going live with small position."
WORSE = (
    "{column} performance diverges from backtest. Possible causes: market regime change, "
    "execution differences. Consider adjusting parameters."
)
BETTER = "Caution: short sample period. Continue paper trading or go live with conservative sizing."
MATCHES = "Results match the backtest so far. Continue paper trading."
TOO_EARLY = "Too early to tell. Continue paper trading."
ENDED_EARLY = "Ended too early to tell."
SEAL_ANOTHER = (
    "Seal another one, long enough for an answer: papertape trial plan {strategy} tells how long."
)
BACKTEST_LONGER = (
    "Backtest it over a longer time first, and --save it: no trial on this backtest is likely to "
    "answer ({reason})."
)
LESS_LUCK = "A longer backtest leaves less to luck."
UNDECIDED = "The trial is over without an answer."
MAY_STILL_BREAK = "While its session runs on, its costs and decisions may still break it."
LIVE_MAY_ANSWER = (
    "The paper trading of the trial is over without an answer; its live trades may still give one."
)
LONGER_BACKTEST = (
    f"a trial needs a backtest of at least {FEWEST_TRADES} trades: papertape backtest {{strategy}} "
    "--period 1y --save, or longer."
)
LOST_SINCE = (
    "It kept its promise, but makes no money by now: do not go live before another trial has kept "
    "it."
)
SOME_UNEXPLAINED = (
    "A few of its decisions differ from its rules, and nothing recorded explains why: look at them "
    "first."
)
NO_BACKTEST = f"{NOT_BACKTESTED.removesuffix(' yet.')}: always backtest first, and save it."
NO_PROMISE = (
    "No backtest promised anything that {column} could keep or break: its replay proves decisions "
    "and nothing else."
)
ONLY_BACKTEST = "Paper-trade it next: only a backtest is known."
LOSING = "The backtest itself makes no money: do not go live with it."
ANOTHER_CONFIG = (
    "The trial was of another config than the strategy has now, and says nothing about that one: "
    "papertape trial {strategy} puts it to the test."
)
KEPT_BY_ANOTHER = "The promise was kept, but by another config than the strategy has now."
DEMO_MARKET = (
    "DEMO: a made-up market shows how a strategy runs, not what it is worth. Paper-trade it on a "
    "real market."
)
KEPT_ON_DEMO = "The promise was kept on a made-up market only (DEMO)."
LEFT_OUT = "{sessions} left out{ids}: the market is made up"
LIVE_LOSES = "Live makes no money so far: do not add to it until that is explained."
LIVE_FEW = "Live makes no money so far, over {trades}: so few may be chance."
OWN_PERIOD = "It ran {ran_on}: that proves its decisions and nothing else."
UNSEEN_NEXT = "Paper-trade it on candles the backtest has not seen."
WHOSE_CANDLES = "Look up which market its candles are of."
NOT_BY_ITS_RULES = (
    "The session decided otherwise than its rules, and nothing recorded explains why: find out "
    "before anything else."
)
NO_VERDICT = "No verdict is given: {why}."
COSTS_UNMEASURED = (
    "What fills cost was not measured, for its prices were the candles': measure it on live prices."
)
COSTS_EAT = "Fills cost more than the edge bears: do not go live with it as it is."


class RanOn(StrEnum):
    """What sessions over the backtest's own period ran on, in words."""

    OWN = "on the backtest's own candles"
    OTHER = "over the backtest's own period, on candles of other prices"
    UNKNOWN = "over the backtest's own period"


@dataclass(frozen=True, slots=True)
class OtherTrial:
    """A trial of the strategy that is not the one judged, by its own seal.

    `sealed_at` and `closes` (when it will probably close; None once it has, or unknown) in UTC ms.
    `word`: how it stands, as it is told.
    """

    session_id: str
    sealed_at: int
    state: State
    closes: int | None
    word: str

    def in_words(self, zone: tzinfo = UTC) -> str:
        """`ab12cd34, sealed 2026-03-01: broken`, on the day of a zone."""
        return f"{self.session_id}, sealed {short_date(self.sealed_at, zone)}: {self.word}"


class Answer(NamedTuple):
    """What an answer says: its state (None: not judged), what it comes to in a word, and all."""

    state: State | None
    word: str
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class TrialAnswers:
    """The five answers about the sessions compared; None where one could not be had.

    Attributes:
        decisions, costs, account, path, edge: the answers.
        live: the edge of the live trades, where these and the backtest's are known one by one.
        own_period: all sessions ran over the period of the backtest, so that path and edge say
            nothing.
        seen_before: IDs of those that did; path and edge are of the others.
        ran_on: what those ran on.
        seal: of the trial that is judged; None where there is none.
        trial: the ID of its session. All answers but the account are of that session alone.
        ended: whether the sessions they are of have all ended, so that no more will be known.
        others: the other trials of the strategy.
        copies: IDs of sessions left out, for all their candles count with others.
        doubt: why there is no verdict: the seal of the trial is not the one it was started with, or
            that cannot be read now.
    """

    decisions: DecisionLayer | None = None
    costs: CostLayer | None = None
    account: Divergence | None = None
    path: PathLayer | None = None
    edge: EdgeLayer | None = None
    live: EdgeLayer | None = None
    own_period: bool = False
    seen_before: tuple[str, ...] = ()
    ran_on: RanOn = RanOn.UNKNOWN
    seal: Seal | None = None
    trial: str | None = None
    ended: bool = False
    others: tuple[OtherTrial, ...] = ()
    copies: tuple[str, ...] = ()
    doubt: SealDoubt | None = None

    @property
    def judged_text(self) -> str | None:
        """Which trial is judged, and how the others stand, in words; None where none is."""
        if self.seal is None:
            return None
        text = (
            f"judged: the trial of session {self.trial}, sealed {short_date(self.seal.sealed_at)}"
        )
        if self.others:
            text += f"; other trials: {'; '.join(other.in_words() for other in self.others)}"
        return text

    @property
    def no_band(self) -> str:
        """Why there is no answer about the path of sessions that ran, in words."""
        if self.doubt is not None:
            return f"no band: {self.doubt.in_short}"
        if self.own_period:
            return f"no band: they ran {self.ran_on}"
        return "only a sealed trial has a band to stay within"

    @property
    def over(self) -> bool:
        """Whether the trial will not be kept any more, wherever in its horizon it has stopped.

        Live trades that are judged may still come. What a session still running costs and decides
        is judged as long as it runs, and may break it.
        """
        live = self.live
        waits = live is not None and live.lines is not None and live.at is None and not live.over
        return self.paper_over and not waits

    @property
    def paper_over(self) -> bool:
        """Whether no more evidence of its edge can come from the session.

        After its horizon the edge is not judged any more; a session that has ended trades no more.
        """
        edge = self.edge
        return (self.seal is not None and self.ended) or (edge is not None and edge.over)

    @property
    def path_unknown(self) -> bool:
        """Whether no band could be drawn from the backtest that was sealed."""
        return self.path is not None and self.path.course is None

    def lines(self) -> dict[Layer, Answer]:
        """What each answer says; without those that could not be had."""
        found: dict[Layer, Answer] = {}
        if self.decisions is not None:
            state = self.decisions.state
            found[Layer.DECISIONS] = Answer(state, str(state), self.decisions.text)
        if self.costs is not None:
            found[Layer.COSTS] = Answer(self.costs.state, self.costs.word, self.costs.text)
        if self.account is not None:
            found[Layer.ACCOUNT] = Answer(None, DESCRIBED, self.account.summary)
        if self.path is not None:
            found[Layer.PATH] = Answer(self.path.state, self.path.word, self.path.text)
        if self.edge is not None:
            found[Layer.EDGE] = Answer(self.edge.state, self.edge.word, self.edge.text)
        return found


@dataclass(frozen=True, slots=True)
class TrialVerdict:
    """Whether a strategy keeps its promise.

    Attributes:
        state: kept, broken or open.
        column: the one that decides: "Paper" or "Live".
        by: the layers that say broken.
        reason: in words.
        closes: when it will probably close, UTC ms; None where that is not known, or where an
            answer is hardly to be had.
        sealed: whether an error rate stands behind it.
        over: whether it will not be kept any more.
    """

    state: State
    column: str
    by: tuple[Layer, ...]
    reason: str
    closes: int | None = None
    sealed: bool = False
    over: bool = False

    @property
    def word(self) -> str:
        """Its state as it is told."""
        return OVER if self.over else str(self.state)


def judge(answers: TrialAnswers, *, paper: bool, live: bool) -> TrialVerdict | None:
    """The verdict; None where there is neither paper nor live to judge.

    It stays open where there is a doubt of the seal.
    """
    if not paper and not live:
        return None
    if answers.doubt is not None:
        return TrialVerdict(State.OPEN, "Paper" if paper else "Live", (), answers.doubt.why)
    sealed = answers.seal is not None
    if answers.live is not None and answers.live.state is State.BROKEN:
        reason = f"live: {answers.live.text}"
        return TrialVerdict(State.BROKEN, "Live", (Layer.EDGE,), reason, sealed=sealed)
    lines = answers.lines()
    broken = tuple(layer for layer, one in lines.items() if one.state is State.BROKEN)
    if answers.live is not None and answers.live.state is State.KEPT:
        broken = tuple(layer for layer in broken if layer not in (Layer.PATH, Layer.EDGE))
        if not broken:
            reason = f"live: {answers.live.text}"
            return TrialVerdict(State.KEPT, "Live", (), reason, sealed=sealed)
    column = "Paper" if paper else "Live"
    if broken:
        reason = "; ".join(f"{layer}: {lines[layer].text}" for layer in broken)
        return TrialVerdict(State.BROKEN, column, broken, reason, sealed=sealed)
    if _kept(answers):
        reason = "; ".join(f"{layer}: {one.text}" for layer, one in lines.items())
        return TrialVerdict(State.KEPT, column, (), reason, sealed=sealed)
    edge = answers.edge
    closes = None if edge is None or edge.no_answer is not None else edge.closes
    why = _why_open(answers, lines)
    return TrialVerdict(State.OPEN, column, (), why, closes, sealed, over=answers.over)


def _kept(answers: TrialAnswers) -> bool:
    """Whether the edge is, costs lie below break-even, and all decisions are explained."""
    judged = (None if one is None else one.state for one in (answers.decisions, answers.edge))
    known = answers.path is not None and not answers.path_unknown
    borne = answers.costs is not None and answers.costs.borne
    sealed = answers.seal is not None
    return sealed and known and borne and all(state is State.KEPT for state in judged)


def _why_open(answers: TrialAnswers, lines: Mapping[Layer, Answer]) -> str:
    if answers.own_period:
        return f"the sessions ran {answers.ran_on}: that proves decisions only"
    waiting = [
        f"{layer}: {one.text}"
        for layer, one in lines.items()
        if one.state is State.OPEN and (layer is not Layer.PATH or answers.path_unknown)
    ]
    if answers.costs is not None and answers.costs.state is None and not answers.costs.borne:
        waiting.append(f"{Layer.COSTS}: {answers.costs.text}, and the edge is not known to bear it")
    if answers.seal is None and answers.edge is not None:
        waiting.append(f"edge: {answers.edge.text}")
    if answers.edge is not None:
        waiting += [
            f"{layer}: not known, for the session could not be replayed"
            for layer in (Layer.DECISIONS, Layer.COSTS)
            if layer not in lines
        ]
    return "; ".join(waiting) or "no session could be judged"


def minimum_duration(timeframe: Timeframe) -> int:
    """How long a strategy should be paper-traded at least, ms.

    Three days up to 1h and a week up to 4h; beyond that as many candles as a week of 4h has.
    """
    if timeframe.ms <= HOUR:
        return 3 * DAY
    if timeframe.ms <= 4 * HOUR:
        return 7 * DAY
    return 42 * timeframe.ms


def assess(
    verdict: TrialVerdict | None, answers: TrialAnswers, columns: Sequence[ComparedColumn]
) -> str:
    """What the columns say together, below the table."""
    if verdict is None or len(columns) < 2:
        return "There is nothing to compare yet."
    if answers.doubt is not None:
        return NO_VERDICT.format(why=answers.doubt.in_short)
    # A replay is made after the session, and promised nothing; a seal has its backtest's promise.
    promised = answers.seal is not None or not any(column.replayed for column in columns)
    if verdict.state is State.BROKEN:
        if not promised:
            return f"{verdict.column} does not hold beside its own replay ({_by(verdict)})."
        return f"{verdict.column} does not keep what the backtest promised ({_by(verdict)})."
    if not promised:
        return NO_PROMISE.format(column=verdict.column)
    if verdict.state is State.KEPT:
        without = [column.name for column in columns if _earns_nothing(column)]
        less = answers.live is not None and answers.live.surely_less
        if without == ["Live"] and not less and _may_be_chance(verdict, columns[-1]):
            return f"The promise was kept by {verdict.column}. {_few(columns[-1])}"
        if without:
            return f"The promise was kept, but {without[-1]} does not make money."
        if less:
            return "The promise was kept by Paper, but Live makes less than was promised."
        return f"Performance {_course(columns)}. Within acceptable range. Strategy is viable."
    yet = "" if verdict.over else " yet"
    return f"{verdict.column} has neither kept nor broken{yet} what the backtest promised."


def _by(verdict: TrialVerdict) -> str:
    return ", ".join(verdict.by)


def _course(columns: Sequence[ComparedColumn]) -> str:
    """What performance does from one column to the next, in words.

    It degrades where the win rate falls from one to the next, unless whatever else is known of
    profit factor and Sharpe has risen from the first to the last (of a Sharpe below 0 at both ends
    it is not known); *slightly* as long as the 95% intervals of the first and the last win rate
    meet.
    """
    path = " → ".join(column.heading.lower() for column in columns)
    known = [column for column in columns if column.metrics.get("win_rate_pct") is not None]
    rates = [column.metrics["win_rate_pct"] for column in known]
    if len(rates) < 2 or rates != sorted(rates, reverse=True) or rates[0] == rates[-1]:
        return f"holds from {path}"
    others = ((name, _values(known, name)) for name in ("profit_factor", "sharpe_ratio"))
    risen = [
        values[-1] > values[0]
        for name, values in others
        if len(values) == len(known) and tells_better(name, values[0], values[-1])
    ]
    if risen and all(risen):
        return f"holds from {path}"
    first, last = known[0].sample, known[-1].sample
    if first is not None and last is not None:
        least, _ = wilson_interval(first.wins, first.trades)
        _, most = wilson_interval(last.wins, last.trades)
        if most < least:
            return f"degrades from {path}"
    return f"degrades slightly from {path} (normal)"


def _values(columns: Sequence[ComparedColumn], name: str) -> list[float]:
    known = (column.metrics.get(name) for column in columns)
    return [value for value in known if value is not None]


def recommend(
    verdict: TrialVerdict | None,
    answers: TrialAnswers,
    columns: Mapping[str, ComparedColumn],
    regimes: Mapping[str, Regime],
    timeframe: Timeframe,
    strategy: str,
) -> str:
    """What the trader should do next, in words.

    Args:
        verdict: of the strategy; None where there is nothing but a backtest.
        answers: what it rests on.
        columns: by name.
        regimes: what the market was like, by column name.
        timeframe: of the strategy.
        strategy: its name.
    """
    if answers.doubt is not None:
        return NO_VERDICT.format(why=answers.doubt.why)
    if "Backtest" not in columns:
        return NO_BACKTEST
    if verdict is None:
        return ONLY_BACKTEST
    name = "Paper" if "Paper" in columns else verdict.column
    followed = columns[name]
    ran_for = None if followed.days is None else round(followed.days * DAY)
    least = minimum_duration(timeframe)
    short = ran_for is not None and ran_for < least
    sentences = _sentences(verdict, answers, columns, regimes, strategy, short=short)
    if short and ran_for is not None:
        ran, wanted = short_duration(ran_for / 1000), short_duration(least / 1000)
        nearly = "nearly " if ran == wanted else ""  # it is written to the nearest hour
        sentences.append(
            f"{name} ran {nearly}{ran}; a {timeframe} strategy should run {wanted} at least."
        )
    return " ".join(sentences)


def _sentences(
    verdict: TrialVerdict,
    answers: TrialAnswers,
    columns: Mapping[str, ComparedColumn],
    regimes: Mapping[str, Regime],
    strategy: str,
    *,
    short: bool,
) -> list[str]:
    if verdict.state is State.BROKEN:
        return _when_broken(verdict, answers, regimes)
    live = answers.live
    if live is not None and live.surely_less:
        loses = [LIVE_LOSES] if _earns_nothing(columns.get("Live")) else []
        return [WORSE.format(column="Live"), *loses]
    if _earns_nothing(columns.get("Live")):
        if not _may_be_chance(verdict, columns["Live"]):
            return [LIVE_LOSES]
        # No alarm, but nothing is validated beside it.
        others = {name: one for name, one in columns.items() if name != "Live"}
        told = _sentences(verdict, answers, others, regimes, strategy, short=True)
        return [*told, _few(columns["Live"])]
    if _earns_nothing(columns["Backtest"]):
        return [LOSING]
    if answers.own_period:
        advice = WHOSE_CANDLES if answers.ran_on is RanOn.OTHER else UNSEEN_NEXT
        return [OWN_PERIOD.format(ran_on=answers.ran_on), advice]
    if verdict.state is State.KEPT and _earns_nothing(columns[verdict.column]):
        return [LOST_SINCE]
    if answers.decisions is not None and answers.decisions.judged.unexplained:
        return [SOME_UNEXPLAINED]
    above = answers.path is not None and answers.path.above
    if above or verdict.state is State.KEPT:
        unmeasured = answers.costs is not None and answers.costs.state is None
        advice = BETTER if above else MATCHES if short else VALIDATED
        return [advice, *([COSTS_UNMEASURED] if unmeasured else [])]
    edge, ended = answers.edge, answers.ended
    if verdict.over:
        still = [] if ended else [MAY_STILL_BREAK]
        return [UNDECIDED, *still, _next_trial(answers.seal, columns["Backtest"], strategy)]
    if answers.paper_over:
        return [LIVE_MAY_ANSWER]
    if edge is not None and edge.no_answer is not None and answers.seal is not None:
        because = doubts(answers.seal, None)  # then no trial is long enough
        why = "; ".join((edge.no_answer, *because))
        advice = LESS_LUCK
        if not because:
            advice = _next_trial(answers.seal, columns["Backtest"], strategy)
        return [f"{why[0].upper()}{why[1:]}.", advice]
    # Under a seal its lines judge, by the error rates that were sealed.
    surely_less = not verdict.sealed and edge is not None and edge.surely_less
    early = ENDED_EARLY if ended else TOO_EARLY
    sentences = [WORSE.format(column="Paper") if surely_less else early]
    if (
        not verdict.sealed
        and (columns["Backtest"].metrics.get("total_trades") or 0) < FEWEST_TRADES
    ):
        sentences.append(f"It is {NOT_SEALED}; {LONGER_BACKTEST.format(strategy=strategy)}")
    elif not verdict.sealed:
        start = "run it again" if ended else "start it"
        sentences.append(f"It is {NOT_SEALED}; {start} as a trial: papertape trial {strategy}.")
    return sentences


def _next_trial(seal: Seal | None, backtest: ComparedColumn, strategy: str) -> str:
    """What to do after a trial that answers nothing: as its forecast has it.

    By now a longer backtest may have been saved than the one it was sealed on.
    """
    another = SEAL_ANOTHER.format(strategy=strategy)
    if seal is None or (backtest.metrics.get("total_trades") or 0) > len(seal.returns):
        return another
    try:
        needed = needed_for(seal)
    except ValueError as error:
        return BACKTEST_LONGER.format(reason=error)
    return another if needed.trades is not None else BACKTEST_LONGER.format(reason=needed.why_none)


def _when_broken(
    verdict: TrialVerdict, answers: TrialAnswers, regimes: Mapping[str, Regime]
) -> list[str]:
    if Layer.DECISIONS in verdict.by:
        return [NOT_BY_ITS_RULES]
    if Layer.COSTS in verdict.by:
        return [COSTS_EAT]
    sentences = [WORSE.format(column=verdict.column)]
    backtest, now = regimes.get("Backtest"), regimes.get(verdict.column)
    another = None if backtest is None or now is None else regime_warning(backtest, now)
    if another is not None:
        sentences.append(f"The market was not the backtest's: {another}.")
    account = answers.account
    if verdict.column == "Paper" and account is not None and account.differing:
        sentences.append(f"Understand why before changing them: {account.summary}.")
    return sentences


def _may_be_chance(verdict: TrialVerdict, live: ComparedColumn) -> bool:
    """Whether live trades that lose are so few that it tells nothing, and kept nothing before."""
    few = (live.metrics.get("total_trades") or 0) < FEWEST_TRADES
    return few and (verdict.column, verdict.state) != ("Live", State.KEPT)


def _few(live: ComparedColumn) -> str:
    count = live.metrics["total_trades"]
    return LIVE_FEW.format(trades=f"{count} trade{'s'[: count != 1]}")


def _earns_nothing(column: ComparedColumn | None) -> bool:
    expectancy = None if column is None else column.metrics.get("expectancy")
    return expectancy is not None and expectancy <= 0
