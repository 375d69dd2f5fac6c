"""Verdict and recommendation follow from the layers, and only what matters breaks anything."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest

from core.compare.causes import Cause, CauseKind, Evidence
from core.compare.columns import ComparedColumn, column_of_live_trades, column_of_reports
from core.compare.comparison import ComparisonResult, compare
from core.compare.decisions import DecisionDifference, DecisionLayer
from core.compare.divergence import find_divergence
from core.compare.fill_costs import CostLayer, FillCost, cost_layer
from core.compare.layers import judge_layers
from core.compare.promise import NOT_SEALED
from core.compare.request import ComparisonRequest
from core.compare.sessions import ComparedSession
from core.compare.sources import compare_sources
from core.compare.text import comparison_text
from core.compare.to_json import comparison_to_json
from core.compare.verdict import (
    BACKTEST_LONGER,
    BETTER,
    COSTS_EAT,
    COSTS_UNMEASURED,
    ENDED_EARLY,
    LESS_LUCK,
    LIVE_LOSES,
    LIVE_MAY_ANSWER,
    LOSING,
    LOST_SINCE,
    MATCHES,
    MAY_STILL_BREAK,
    NOT_BY_ITS_RULES,
    OWN_PERIOD,
    SEAL_ANOTHER,
    SOME_UNEXPLAINED,
    TOO_EARLY,
    UNDECIDED,
    UNSEEN_NEXT,
    VALIDATED,
    WHOSE_CANDLES,
    WORSE,
    OtherTrial,
    RanOn,
    TrialAnswers,
    TrialVerdict,
    assess,
    recommend,
)
from core.market.candles.timeframes import DAY, HOUR, Timeframe
from core.report.market_regime import Regime
from core.report.result import result_to_json
from core.store.live_trades import LiveTrade
from core.store.workspace import Workspace
from core.text import chance_text
from core.time_format import iso_time, short_date
from core.trading.values import Trade
from core.trial.decisions import judge_decisions
from core.trial.plan import plan_trial
from core.trial.seal import (
    SEALED_RATES,
    ErrorRates,
    Horizon,
    Margins,
    PromisedCosts,
    Seal,
    Tries,
    trade_returns,
)
from core.trial.state import Layer, SealDoubt, State
from tests.unit.report.making import START, result, trade
from tui.commands import Place
from tui.commands.command import LEGENDS
from tui.screens.compare_answers import answers, verdict_text
from tui.screens.compare_rows import note_lines, size_rows

BALANCE = 10_000.0
COSTS = PromisedCosts(5.0, 4.0, 31.0)  # basis points


OVER_SEAL_ANOTHER = f"{UNDECIDED} {SEAL_ANOTHER.format(strategy='cross')}"


def trades_of(mean: float, count: int, seed: int = 1, spread: float = 100.0) -> list[Trade]:
    """Trades of six hours each, one after the other; P&L with this mean and spread."""
    draws = np.random.default_rng(seed).normal(mean, spread, count)
    return [trade(float(pnl), candle=6 * at) for at, pnl in enumerate(draws)]


SESSION = {"session_id": "aa11bb22", "config_hash": "c", "feed": "live", "mode": "SIMULATED"}


def report(trades: list[Trade], start: int = START, **more: Any) -> dict[str, Any]:
    hours = 6 * len(trades) + 12
    equity = np.full(hours, BALANCE)
    for one in trades:
        equity[(one.exit_time - START) // HOUR :] += one.pnl
    written: dict[str, Any] = result_to_json(result(trades, equity.tolist()))
    last = start + (hours - 1) * HOUR
    written["period"] = {"start": iso_time(start), "end": iso_time(last), "candles": hours}
    return {**written, **SESSION, **more}


PAST = START - 2_000 * DAY
PROMISE = trades_of(30.0, 200)
KEPT = trades_of(45.0, 90, seed=5)
STORED = {**report(PROMISE, PAST), "config_hash": "c"}


def seal(horizon: int | Horizon = 100, **changed: Any) -> Seal:
    sealed = Seal(
        config_hash="c",
        backtest_hash="b",
        backtest_start=PAST,
        backtest_end=PAST + 1_200 * HOUR,
        returns=tuple(trade_returns(PROMISE, BALANCE).tolist()),
        trades_per_day=4.0,
        costs=COSTS,
        horizon=horizon if isinstance(horizon, Horizon) else Horizon(horizon),
        errors=SEALED_RATES,
        rules_version=1,
        sealed_at=START,
    )
    return msgspec.structs.replace(sealed, **changed).sealed()


def decisions(unexplained: int = 0, decided: int = 4_032) -> DecisionLayer:
    cause = Cause(CauseKind.UNEXPLAINED, "nothing recorded explains it")
    found = [
        DecisionDifference(START + at * HOUR, "BTC/USDT", "nothing", "enter long", cause)
        for at in range(unexplained)
    ]
    judged = judge_decisions(decided, unexplained, unexplained, margin=0.001)
    return DecisionLayer(judged, tuple(found))


def costs(bp: float, fills: int = 100) -> CostLayer:
    draws = np.random.default_rng(3).normal(bp, 1.0, fills).tolist()
    seen = [
        FillCost(START + at, "BTC/USDT", True, 100.0, cost, 1.0) for at, cost in enumerate(draws)
    ]
    return cost_layer(seen, PROMISE[:10], COSTS, Margins(), ErrorRates())


def judged(
    paper: list[Trade],
    *,
    sealed: Seal | None = None,
    live: ComparedColumn | None = None,
    regimes: dict[str, Regime] | None = None,
    backtest: list[Trade] = PROMISE,
    paper_start: int = START,
    ended: str | None = None,
    timeframe: Timeframe = Timeframe.H1,
    doubt: SealDoubt | None = None,
    **layers: Any,
) -> ComparisonResult:
    """A session's trades beside the backtest, its decisions and costs as promised unless given."""
    session = report(paper, paper_start, ended=ended)
    compared = ComparedSession(session, paper, sealed)
    trial = None if sealed is None else compared
    found = judge_layers([compared], STORED, None, judged=trial, doubt=doubt)
    given: dict[str, Any] = {"decisions": decisions(), "costs": costs(5.0)} | layers
    columns = [
        column_of_reports(name, [one], "made")
        for name, one in (("Backtest", report(backtest, PAST)), ("Paper", session))
    ]
    return compare(
        "cross",
        timeframe,
        backtest=columns[0],
        paper=columns[1],
        live=live,
        layers=replace(found, **given),
        regimes=regimes,
        live_seal=sealed,
    )


def state(found: ComparisonResult) -> str:
    assert found.verdict is not None
    return str(found.verdict.state)


def live_column(pnl: list[float], **more: Any) -> ComparedColumn:
    trades = [
        LiveTrade(
            id=str(at), opened=START + at * HOUR, status="closed", strategy="cross", price=100.0,
            amount=1.0, closed=START + (at + 1) * HOUR, pnl=one, **more,
        )
        for at, one in enumerate(pnl)
    ]  # fmt: skip
    column = column_of_live_trades(trades, BALANCE, "trades.jsonl")
    assert column is not None
    return column


def test_a_kept_promise_is_validated_in_the_documents_words() -> None:
    found = judged(KEPT, sealed=seal())
    assert state(found) == "kept"
    assert found.recommendation == VALIDATED
    assert found.layers.edge is not None
    assert found.layers.edge.at is not None
    assert found.layers.edge.decided is not None


def test_what_fills_cost_was_not_measured_is_said_whatever_is_validated() -> None:
    unmeasured = cost_layer([], PROMISE[:10], COSTS, Margins(), ErrorRates())
    found = judged(KEPT, sealed=seal(), costs=unmeasured)
    assert state(found) == "kept"
    assert found.recommendation == f"{VALIDATED} {COSTS_UNMEASURED}"
    assert "unmeasured: assumed 5.0 bp a fill" in comparison_text(found)
    written: Any = comparison_to_json(found)
    assert written["layers"]["costs"]["state"] is None
    assert written["layers"]["costs"]["answer"] == "unmeasured"
    beyond = cost_layer(
        [], PROMISE[:10], msgspec.structs.replace(COSTS, slippage_bp=40.0), Margins(), ErrorRates()
    )
    dear = judged(KEPT, sealed=seal(), costs=beyond)
    assert state(dear) == "open"
    assert dear.verdict is not None
    assert "the edge is not known to bear it" in dear.verdict.reason


def test_a_kept_promise_that_falls_a_little_is_viable_in_the_documents_words() -> None:
    better = [trade(60.0 if at % 4 else -60.0, candle=6 * at) for at in range(200)]
    live = live_column([60.0 if at % 2 else -20.0 for at in range(20)])
    found = judged(KEPT, sealed=seal(), backtest=better, live=live)
    assert state(found) == "kept"
    assert found.assessment == (
        "Performance degrades slightly from backtest → paper → live (normal). Within acceptable "
        "range. Strategy is viable."
    )


def test_a_win_rate_that_falls_while_all_else_rises_is_no_decay() -> None:
    def column(name: str, rate: float, factor: float, sharpe: float | None) -> ComparedColumn:
        figures = {"win_rate_pct": rate, "profit_factor": factor, "sharpe_ratio": sharpe}
        return ComparedColumn(name, "", None, figures, None, True, None)

    backtest, kept = column("Backtest", 48.4, 1.74, 1.79), TrialVerdict(State.KEPT, "Paper", (), "")
    for paper, course in (
        (column("Paper", 48.2, 1.78, 1.85), "holds"),
        (column("Paper", 48.2, 1.78, None), "holds"),
        (column("Paper", 48.2, 1.78, 1.70), "degrades slightly"),
        (column("Paper", 48.2, 1.70, 1.85), "degrades slightly"),
        (column("Paper", 48.4, 1.70, 1.70), "holds"),
    ):
        told = assess(kept, TrialAnswers(), [backtest, paper])
        assert told.startswith(f"Performance {course} from backtest → paper"), paper
    losing = [column("Backtest", 48.4, 0.9, -0.6), column("Paper", 48.2, 0.95, -0.8)]
    told = assess(kept, TrialAnswers(), losing)
    assert told.startswith("Performance holds"), "below 0 a lower Sharpe may be of less risk"


def test_a_win_rate_that_falls_far_does_not_degrade_slightly() -> None:
    better = [trade(60.0 if at % 8 else -60.0, candle=6 * at) for at in range(200)]
    live = live_column([900.0 if at % 10 == 0 else -20.0 for at in range(40)])
    found = judged(KEPT, sealed=seal(), backtest=better, live=live)
    assert found.assessment.startswith("Performance degrades from backtest → paper → live. Within")


def test_a_kept_promise_over_too_short_a_time_waits() -> None:
    found = judged(KEPT, sealed=seal(), timeframe=Timeframe.D1)
    assert state(found) == "kept"
    assert found.recommendation == (
        f"{MATCHES} Paper ran 23d; a 1d strategy should run 42d at least."
    )


def test_no_edge_breaks_the_promise_and_says_what_may_be_the_cause() -> None:
    regimes = {"Backtest": Regime(20.0, 40.0), "Paper": Regime(-15.0, 90.0)}
    found = judged(trades_of(-40.0, 90, seed=4), sealed=seal(), regimes=regimes)
    assert state(found) == "broken"
    assert found.verdict is not None
    assert set(found.verdict.by) <= {Layer.EDGE, Layer.PATH}
    assert found.recommendation.startswith(WORSE.format(column="Paper"))
    assert "buy and hold made +20.00% then and -15.00% now" in found.recommendation


def test_a_path_above_the_cone_is_met_with_caution() -> None:
    found = judged(trades_of(120.0, 90, seed=6), sealed=seal())
    assert found.layers.path is not None
    assert found.layers.path.above
    assert found.recommendation == BETTER
    # Whoever may go live with it is told what stands against that.
    unmeasured = cost_layer([], PROMISE[:10], COSTS, Margins(), ErrorRates())
    replayed = judged(trades_of(120.0, 90, seed=6), sealed=seal(), costs=unmeasured)
    assert replayed.recommendation == f"{BETTER} {COSTS_UNMEASURED}"
    odd = judged(trades_of(120.0, 90, seed=6), sealed=seal(), decisions=decisions(unexplained=2))
    assert odd.recommendation == SOME_UNEXPLAINED


def test_an_open_trial_tells_when_it_will_probably_close() -> None:
    found = judged(trades_of(20.0, 10, seed=3), sealed=seal())
    assert state(found) == "open"
    assert found.verdict is not None
    assert found.verdict.sealed
    assert found.verdict.closes is not None
    assert found.verdict.closes > START
    assert found.recommendation.startswith(TOO_EARLY)
    closes = short_date(found.verdict.closes)
    assert closes not in found.recommendation, "it is told once, with the verdict"
    assert (
        f"Verdict: open (paper, trial {found.layers.trial}, closes about {closes})"
        in comparison_text(found)
    )


def test_decisions_that_are_too_few_to_tell_say_what_kept_means() -> None:
    few, many = decisions(decided=107), decisions()
    assert (few.state, many.state) == (State.KEPT, State.KEPT)
    assert few.text == ("107 candles, 0 differ; at most 2.8% (95%), none unexplained so far")
    assert many.meaning == ""
    assert many.text.startswith("4,032 candles, 0 differ; at most 0.0")
    assert decisions(unexplained=1, decided=1).text.startswith(
        "1 candle, 1 differs, 1 without an explanation; at most 100% (95%)"
    )
    assert decisions(unexplained=1).meaning == "", "open"


def test_a_difference_in_cents_is_no_bar_across_the_scale_of_the_account() -> None:
    backtest = [trade(candle=0, exit_=110.0, fees=5.0)]
    for exit_, high in ((109.7, 5.0), (60.0, 3.0)):
        paper = [trade(candle=0, exit_=exit_, fees=5.0)]
        account = find_divergence(backtest, paper, Evidence(Timeframe.H1), 1e4)
        gauge = answers(judged(KEPT, account=account))[2].gauge
        assert gauge is not None
        assert (gauge.low, gauge.high) == pytest.approx((min(-5.0, (exit_ - 110) * 1.06), high))


def test_a_trial_that_can_say_nothing_says_so_in_place_of_when_it_will_close() -> None:
    returns = tuple(trade_returns(trades_of(5.0, 20, seed=2), BALANCE).tolist())
    lucky = seal(68, returns=returns, tries=Tries(50, 20.0, -0.05))
    found = judged(trades_of(20.0, 10, seed=3), sealed=lucky)
    assert state(found) == "open"
    assert found.verdict is not None
    assert found.verdict.closes is None
    assert found.recommendation == (
        "This trial cannot answer: kept in <1%, broken in <1% of cases; the trial's backtest makes "
        "+0.004% a trade, of which nothing is left once the luck of 20.0 independent tries is "
        "taken off. "
        f"{LESS_LUCK}"
    )
    short = judged(trades_of(20.0, 2, seed=3), sealed=seal(10, returns=returns))
    assert short.recommendation.startswith(
        "This trial can hardly answer: kept in 3%, broken in <1% of cases. "
        f"{SEAL_ANOTHER.format(strategy='cross')}"
    )
    assert short.verdict is not None
    assert short.verdict.closes is None
    sealed = seal(10, returns=returns)
    few = judged(trades_of(20.0, 2, seed=3), sealed=sealed, backtest=trades_of(5.0, 20, seed=2))
    longer = BACKTEST_LONGER.format(reason=plan_trial(sealed).needed.why_none)
    assert f"of cases. {longer}" in few.recommendation


def test_what_ended_too_early_is_not_advised_to_go_on() -> None:
    ended = judged(trades_of(20.0, 10, seed=3), ended="2024-01-09T00:00:00Z")
    assert ended.recommendation.startswith(f"{ENDED_EARLY} It is {NOT_SEALED}; run it again as a")
    assert "ontinue" not in ended.recommendation
    assert judged(trades_of(20.0, 10, seed=3)).recommendation.startswith(TOO_EARLY)


def test_an_open_edge_tells_how_far_off_either_answer_is_and_with_what_chances() -> None:
    edge = judged(trades_of(20.0, 10, seed=3), sealed=seal()).layers.edge
    assert edge is not None
    assert edge.lines is not None
    assert edge.chances is not None
    assert edge.walls is not None
    assert [len(wall) for wall in edge.walls] == [101, 101]
    low, high = (wall[10] for wall in edge.walls)
    here = edge.sums[-1]
    assert low == pytest.approx(edge.lines.lower + 10 * (edge.lines.promise - edge.lines.margin))
    assert high == pytest.approx(edge.lines.upper + edge.beyond[-1])
    assert edge.outlook == (
        f"{high - here:.2f}% short of kept, {here - low:.2f}% above broken; as sealed, kept with "
        f"{chance_text(edge.chances.kept)} if the promise holds, broken with "
        f"{chance_text(edge.chances.broken)} if there is no edge"
    )
    kept = judged(KEPT, sealed=seal()).layers.edge
    assert kept is not None
    assert kept.outlook == "", "decided"
    unsealed = judged(KEPT).layers.edge
    assert unsealed is not None
    assert (unsealed.outlook, unsealed.walls) == ("", None)


def test_why_there_is_no_band_is_said_as_it_is() -> None:
    shown = {row.key: row for row in answers(judged(KEPT))}
    assert shown["path"].text == "only a sealed trial has a band to stay within"
    own = {row.key: row for row in answers(judged(KEPT, paper_start=PAST + 10 * HOUR))}
    assert own["path"].text == "no band: they ran over the backtest's own period"
    doubt = SealDoubt("session s is not judged by its seal: removed")
    doubted = {row.key: row for row in answers(judged(KEPT, doubt=doubt))}
    assert doubted["path"].text == f"no band: {doubt.in_short}"
    few = {row.key: row for row in answers(judged(KEPT, sealed=seal(returns=(1.0, -0.5, 0.2))))}
    assert "at least 20 are needed" in few["path"].none


def test_costs_of_less_than_a_basis_point_are_told_alike_in_every_place() -> None:
    fills = [FillCost(START + at, "BTC/USDT", True, 100.0, 0.05, 0.07) for at in range(30)]
    small = cost_layer(fills, PROMISE[:10], COSTS, Margins(), ErrorRates())
    (row,) = (row for row in answers(judged(KEPT, costs=small)) if row.key == "costs")
    assert "half spread 0.07 bp, delay -0.02 bp" in row.text
    assert row.gauge is not None
    assert row.gauge.pointers[0].label.startswith("seen 0.05 bp")
    assert "seen 0.05 " in small.text
    assert "half spread 0.07, delay -0.02" in small.text
    (sized,) = size_rows(small)
    assert [cell.text for cell in sized.cells[2:5]] == ["0.05", "0.07", "-0.02"]
    assert sized.cells[5].text, "it has a bar"


def test_a_few_fills_say_from_how_many_on_they_are_judged() -> None:
    few = costs(5.0, fills=12)
    assert few.text.endswith(": judged from 20 fills on")
    (row,) = (row for row in answers(judged(KEPT, costs=few)) if row.key == "costs")
    assert row.shorter == ("12 fills: judged from 20 fills on",)
    none = cost_layer([], [], COSTS, Margins(), ErrorRates())
    (row,) = (row for row in answers(judged(KEPT, costs=none)) if row.key == "costs")
    assert row.text == "no trade has closed yet"
    by_candles = cost_layer([], PROMISE[:10], COSTS, Margins(), ErrorRates())
    (row,) = (row for row in answers(judged(KEPT, costs=by_candles)) if row.key == "costs")
    assert row.text == "filled by the candles, at the assumed cost"
    assert "judged from" not in costs(5.0, fills=30).text


def test_what_is_not_ruled_out_is_no_part_of_the_scale_of_decisions() -> None:
    for decided, beyond in ((400, True), (4_032, False)):
        found = judged(KEPT, decisions=decisions(0, decided))
        gauge = answers(found)[0].gauge
        assert gauge is not None
        here, wall, most = gauge.pointers
        assert here.at == 0.0
        assert wall.at == pytest.approx(0.001)
        assert (here.label, wall.label) == ("0% unexplained", "broken above 0.1%")
        assert gauge.high == pytest.approx(0.003), "whatever is not known yet"
        assert (most.at > gauge.high) is beyond
        assert "not ruled out" in most.label
    broken = answers(judged(KEPT, decisions=decisions(40)))[0].gauge
    assert broken is not None
    assert broken.pointers[0].at > broken.pointers[1].at
    assert broken.high > broken.pointers[0].at


def test_after_a_backtest_too_short_for_any_trial_the_advice_is_a_longer_one() -> None:
    few = trades_of(10.0, 40, seed=6)
    returns = tuple(trade_returns(few, BALANCE).tolist())
    sealed = seal(10, returns=returns)
    needed = plan_trial(sealed).needed
    assert needed.trades is None
    assert "a backtest of 40 trades tells too little" in needed.why_none
    ended = "2024-01-09T00:00:00Z"
    over = judged(trades_of(18.0, 10, seed=3), sealed=sealed, backtest=few, ended=ended)
    longer = BACKTEST_LONGER.format(reason=needed.why_none)
    assert over.recommendation.startswith(f"{UNDECIDED} {longer}")
    saved_since = judged(trades_of(18.0, 10, seed=3), sealed=sealed, ended=ended)
    assert saved_since.recommendation.startswith(OVER_SEAL_ANOTHER), "by that it tells another"


def test_each_mark_of_a_bar_means_what_the_help_says_of_its_sign() -> None:
    """A promise was marked like a side on which an answer turns, and the bound like a promise."""
    meant = {
        "promised": "┊",
        "assumed": "┊",
        "no difference": "┊",
        "no edge": "┃",
        "broken": "┃",
        "break-even": "┃",
        "up to": "╌",
    }
    assert "┊ what was promised or assumed, ┃ where an answer turns" in LEGENDS[Place.COMPARE]
    assert "╌ what is not ruled out" in LEGENDS[Place.COMPARE]
    backtest, paper = ([trade(candle=0, exit_=exit_, fees=5.0)] for exit_ in (110.0, 60.0))
    account = find_divergence(backtest, paper, Evidence(Timeframe.H1), 1e4)
    found = judged(KEPT, decisions=decisions(3), account=account)
    seen = set()
    for row in (*answers(found), *answers(judged(KEPT, sealed=seal()))):
        for pointer in () if row.gauge is None else row.gauge.pointers:
            for begin, sign in meant.items():
                if pointer.label.startswith(begin) and pointer.glyph:
                    assert pointer.glyph == sign, pointer.label
                    seen.add(begin)
    assert seen >= {"promised", "no difference", "no edge", "broken", "up to"}


def test_what_happened_to_a_trial_is_told_on_the_day_of_the_screens_zone() -> None:
    evening = START - START % DAY + 20 * HOUR  # in Tokyo it is the next day
    found = judged(KEPT, sealed=seal(sealed_at=evening))
    other = OtherTrial("ab12cd34", evening, State.OPEN, None, "open")
    found = replace(found, layers=replace(found.layers, others=(other,)))
    tokyo = ZoneInfo("Asia/Tokyo")
    utc, there = (short_date(evening + days * DAY) for days in (0, 1))
    for zone, day, text in (
        (UTC, utc, verdict_text(found)),
        (tokyo, there, verdict_text(found, zone=tokyo)),
    ):
        assert f", sealed {day}" in text.plain.splitlines()[0]
        assert text.plain.splitlines()[-1] == f"Other trials: ab12cd34, sealed {day}: open"
        assert f"  ab12cd34, sealed {day}: open" in str(note_lines(found, zone=zone))
        edge = next(row for row in answers(found, zone) if row.key == "edge")
        decided = found.layers.edge
        assert decided is not None
        assert decided.decided is not None
        assert f" on {short_date(decided.decided, zone)}" in edge.text


def test_a_trial_that_is_over_without_an_answer_says_so() -> None:
    by_trades, by_days = seal(60), seal(horizon=Horizon(60, 10.0))
    for sealed in (by_trades, by_days):
        found = judged(trades_of(18.0, 60, seed=3), sealed=sealed)
        assert state(found) == "open"
        assert found.verdict is not None
        assert found.verdict.closes is None
        assert "over without an answer" in found.verdict.reason
        another = SEAL_ANOTHER.format(strategy="cross")
        assert found.recommendation == f"{UNDECIDED} {MAY_STILL_BREAK} {another}"
        dearer = judged(trades_of(18.0, 60, seed=3), sealed=sealed, costs=costs(45.0))
        assert state(dearer) == "broken", "as its session runs on"
        ended = judged(trades_of(18.0, 60, seed=3), sealed=sealed, ended="2024-01-30T00:00:00Z")
        assert ended.recommendation == OVER_SEAL_ANOTHER
        assert verdict_text(found).plain.startswith("? OVER, UNANSWERED ")
        assert found.assessment == "Paper has neither kept nor broken what the backtest promised."
        told = f"\nVerdict: over, unanswered (paper, trial {found.layers.trial})\n"
        assert told in comparison_text(found)
        written: Any = comparison_to_json(found)["verdict"]
        assert (written["state"], written["answer"]) == ("open", "over, unanswered")
    longer = judged(trades_of(18.0, 60, seed=3), sealed=seal(horizon=Horizon(60, 8.0)))
    edge, path = longer.layers.edge, longer.layers.path
    assert edge is not None
    assert path is not None
    assert path.cone is not None
    assert (edge.trades, edge.within, path.within) == (60, 32, 32)
    later = "28 closed since, not judged"
    assert f"trade 32 of 60, {later}, over without an answer" in edge.text
    assert f"over {32}" in edge.text
    assert edge.seen == pytest.approx(edge.sums[31] / 32)
    assert edge.seen != pytest.approx(edge.sums[59] / 60)
    assert path.text == f"inside the band of the promise, trade 32 of 60, {later}"
    shown = {row.key: row for row in answers(longer)}
    for name in ("edge", "path"):
        assert "32 of 60 trades" in shown[name].text
        assert shown[name].shorter == (f"32 of 60 trades, {later}",)
        assert later in shown[name].text
        gauge = shown[name].gauge
        assert gauge is not None
        here = edge.sums[31] if name == "edge" else path.path[31]
        assert gauge.pointers[0].at == pytest.approx(here)
    assert path.cone.points[-1][0] == START + 8 * DAY
    early = judged(trades_of(18.0, 20, seed=3), sealed=by_days)
    assert early.recommendation.startswith(TOO_EARLY)
    assert early.verdict is not None
    assert early.verdict.word == "open"
    for trades in (trades_of(18.0, 20, seed=3), []):
        stopped = judged(trades, sealed=by_days, ended="2024-01-09T00:00:00Z")
        assert stopped.verdict is not None
        assert stopped.verdict.closes is None
        assert stopped.recommendation.startswith(OVER_SEAL_ANOTHER)
    for more in ({"costs": costs(5.0, fills=10)}, {"decisions": None, "costs": None}):
        kept = judged(KEPT, sealed=seal(), ended="2024-01-30T00:00:00Z", **more)
        assert state(kept) == "open"
        assert kept.recommendation == OVER_SEAL_ANOTHER
        goes_on = judged(KEPT, sealed=seal(), **more)
        assert goes_on.recommendation == TOO_EARLY


def test_what_closed_after_the_decision_is_told_apart_from_what_was_judged() -> None:
    edge = judged(KEPT, sealed=seal()).layers.edge
    assert edge is not None
    assert edge.at is not None
    assert edge.at < edge.trades == 90
    assert edge.seen == pytest.approx(edge.sums[edge.at - 1] / edge.at)
    assert f"at trade {edge.at}, {90 - edge.at} closed since, not judged" in edge.text


def test_a_kept_promise_that_loses_money_since_is_not_validated() -> None:
    later = [
        msgspec.structs.replace(
            one, entry_time=one.entry_time + 300 * HOUR, exit_time=one.exit_time + 300 * HOUR
        )
        for one in trades_of(-100.0, 60, seed=9)
    ]
    found = judged([*trades_of(60.0, 50, seed=5), *later], sealed=seal(60))
    assert state(found) == "kept"
    assert found.recommendation == LOST_SINCE
    assert found.assessment == "The promise was kept, but Paper does not make money."


def test_what_an_open_verdict_waits_for_is_named() -> None:
    for layer in ("decisions", "costs"):
        unknown: dict[str, Any] = {layer: None}
        found = judged(KEPT, sealed=seal(), **unknown)
        assert state(found) == "open"
        assert found.verdict is not None
        assert f"{layer}: not known" in found.verdict.reason
    few = judged(KEPT, sealed=seal(), decisions=decisions(2))
    assert state(few) == "open"
    assert few.recommendation == SOME_UNEXPLAINED


def test_live_that_keeps_the_promise_decides_over_a_paper_path_and_edge() -> None:
    worse, live = trades_of(-40.0, 90, seed=4), live_column([30.0, 25.0] * 45)
    found = judged(worse, sealed=seal(), live=live)
    assert found.verdict is not None
    assert (state(found), found.verdict.column) == ("kept", "Live")
    for layers in ({"costs": costs(45.0)}, {"decisions": decisions(50)}):
        assert state(judged(worse, sealed=seal(), live=live, **layers)) == "broken"


def test_without_a_seal_the_edge_is_described_and_nothing_is_judged_by_it() -> None:
    for mean in (-100.0, 200.0):
        found = judged(trades_of(mean, 90))
        assert state(found) == "open"
        assert found.layers.edge is not None
        assert found.layers.edge.state is None
        assert found.layers.path is None
        assert "not sealed: no error rate stands behind this" in comparison_text(found)
        assert VALIDATED not in found.recommendation
        assert NOT_SEALED in found.recommendation
        surely_less = mean < 0  # by an interval that is valid at every look
        assert found.recommendation.startswith(WORSE.format(column="Paper")) == surely_less
        assert found.recommendation.startswith("Too early to tell") != surely_less


def test_costs_that_eat_the_edge_break_the_promise() -> None:
    found = judged(KEPT, sealed=seal(), costs=costs(45.0))
    assert state(found) == "broken"
    assert found.verdict is not None
    assert found.verdict.by == (Layer.COSTS,)
    assert found.recommendation == COSTS_EAT


def test_dearer_costs_that_the_edge_bears_break_nothing() -> None:
    found = judged(KEPT, sealed=seal(), costs=costs(15.0))
    assert state(found) == "kept"
    assert "dearer than assumed" in comparison_text(found)


def test_a_session_that_decided_otherwise_than_its_rules_is_broken() -> None:
    found = judged(KEPT, sealed=seal(), decisions=decisions(50))
    assert state(found) == "broken"
    assert found.recommendation == NOT_BY_ITS_RULES


def test_live_that_loses_is_never_validated_beside_fine_paper() -> None:
    fine = KEPT
    for count in (1, 5, 20, 60):
        pnl = [(4.0 if at % 10 == 9 else -31.0 / count) for at in range(count)]
        found = judged(fine, sealed=seal(), live=live_column(pnl))
        assert VALIDATED not in found.recommendation
        assert "viable" not in found.assessment
    found = judged(fine, sealed=seal(), live=live_column([-24.0] * 70))
    assert state(found) == "broken"
    assert found.verdict is not None
    assert found.verdict.column == "Live"
    assert found.recommendation.startswith(WORSE.format(column="Live"))
    earns_nothing = judged(fine, sealed=seal(), live=live_column([0.0] * 30))
    assert earns_nothing.recommendation.endswith(LIVE_LOSES)
    assert earns_nothing.assessment == "The promise was kept, but Live does not make money."


def test_a_few_live_trades_that_lose_as_chance_has_it_raise_no_alarm() -> None:
    told = "Live makes no money so far, over 1 trade: so few may be chance."
    one = judged(KEPT, sealed=seal(), live=live_column([-40.0]))
    assert one.recommendation == f"{MATCHES} {told}"
    assert one.assessment == f"The promise was kept by Paper. {told}"
    unsealed = judged(KEPT, live=live_column([-40.0]))
    assert unsealed.recommendation.startswith(TOO_EARLY)
    assert unsealed.recommendation.endswith(told)
    alone = judged([], live=live_column([-40.0]))
    assert alone.recommendation.startswith(TOO_EARLY)
    assert LIVE_LOSES not in alone.recommendation
    gone_again = judged(KEPT, sealed=seal(), live=live_column([250.0] * 10 + [-290.0] * 9))
    assert gone_again.verdict is not None
    assert (gone_again.verdict.column, gone_again.verdict.state) == ("Live", State.KEPT)
    assert gone_again.recommendation == LIVE_LOSES, "it was judged by them"
    assert gone_again.assessment == "The promise was kept, but Live does not make money."
    backtest_loses = judged(KEPT, backtest=trades_of(-30.0, 200), live=live_column([-40.0]))
    assert backtest_loses.recommendation == f"{LOSING} {told}"


def test_live_trades_are_judged_since_the_seal_and_described_without_one() -> None:
    live = live_column([-24.0] * 70)
    sealed = judged(KEPT, sealed=seal(), live=live).layers.live
    assert sealed is not None
    assert (sealed.state, sealed.trades) == (State.BROKEN, 70)
    assert sealed.lines is not None
    assert (sealed.lines.broken, sealed.lines.kept) == (0.01, 0.01)
    later = judged(KEPT, sealed=seal(sealed_at=START + 41 * HOUR), live=live).layers.live
    assert later is not None
    assert (later.state, later.trades) == (State.OPEN, 30)
    older = judged(KEPT, sealed=seal(errors=ErrorRates()), live=live)
    assert older.layers.live is not None
    assert older.layers.live.state is None
    assert "no share for live trades" in older.layers.live.text
    assert state(older) == "kept"
    assert VALIDATED not in older.recommendation
    found = judged(KEPT, live=live)
    assert found.layers.live is not None
    assert found.layers.live.state is None
    assert found.layers.live.lines is None
    assert NOT_SEALED in found.layers.live.text
    assert "\n  live       promised +22.634% a trade, seen -24.000%" in comparison_text(found)
    assert state(found) == "open"
    assert found.recommendation.startswith(f"{WORSE.format(column='Live')} {LIVE_LOSES}")
    # Ten of ten, where more than half win, are no chance.
    for unjudged in (None, seal(errors=ErrorRates())):
        few = judged(KEPT, sealed=unjudged, live=live_column([-150.0] * 10))
        assert few.recommendation == f"{WORSE.format(column='Live')} {LIVE_LOSES}"
        assert "chance" not in few.assessment


def test_a_trial_is_not_over_while_its_live_trades_may_answer() -> None:
    def stopped(live: int, sealed: Seal) -> ComparisonResult:
        column = live_column([60.0 if at % 2 else -20.0 for at in range(live)])
        trades = trades_of(18.0, 20, seed=3)
        return judged(trades, sealed=sealed, ended="2024-01-09T00:00:00Z", live=column)

    sealed = seal(60)
    waits = stopped(10, sealed)
    assert waits.verdict is not None
    assert waits.verdict.word == "open"
    assert waits.recommendation == LIVE_MAY_ANSWER
    assert waits.assessment == "Paper has neither kept nor broken yet what the backtest promised."
    unjudged = stopped(10, seal(60, errors=ErrorRates()))
    assert unjudged.verdict is not None
    assert unjudged.verdict.word == "over, unanswered"
    assert unjudged.recommendation == OVER_SEAL_ANOTHER
    gone_by = stopped(10, seal(10))
    assert gone_by.layers.live is not None
    assert gone_by.layers.live.over
    assert gone_by.verdict is not None
    assert gone_by.verdict.word == "over, unanswered"


def test_live_that_certainly_makes_less_than_promised_is_not_validated() -> None:
    less = live_column([-30.0, 34.0] * 250)  # 2 of the 22.6% that were promised
    found = judged(trades_of(45.0, 400, seed=5), sealed=seal(600), live=less)
    assert state(found) == "kept"
    assert found.layers.live is not None
    assert found.layers.live.state is State.OPEN
    assert found.recommendation == WORSE.format(column="Live")
    assert found.assessment.endswith("but Live makes less than was promised.")


def test_live_trades_count_at_the_backtests_leverage() -> None:
    pnl = [30.0, -10.0] * 20
    plain = judged(KEPT, sealed=seal(), live=live_column(pnl))
    levered = judged(KEPT, sealed=seal(), live=live_column(pnl, leverage=5.0))
    assert plain.layers.live is not None
    assert levered.layers.live is not None
    assert levered.layers.live.sums.tolist() == pytest.approx(plain.layers.live.sums.tolist())
    assert any("40 of 40 trades had another leverage" in note for note in levered.notes)
    assert not any("another leverage" in note for note in plain.notes)
    for unknown in (0.0, 1e-300):
        found = judged(KEPT, sealed=seal(), live=live_column(pnl, leverage=unknown, pnl_pct=2.0))
        assert found.layers.live is not None
        assert found.layers.live.seen == 2.0


def test_the_backtests_own_period_proves_decisions_only() -> None:
    found = judged(KEPT, sealed=seal(), paper_start=PAST + 10 * HOUR)
    assert state(found) == "open"
    assert found.layers.own_period
    assert found.layers.path is None
    # What candles it ran on is not known here, for it was not replayed: nothing is claimed of them.
    assert found.recommendation == f"{OWN_PERIOD.format(ran_on=RanOn.UNKNOWN)} {UNSEEN_NEXT}"
    assert "candles" not in found.recommendation.partition(":")[0]


def test_who_ran_on_other_prices_than_the_backtest_is_told_to_look_at_the_candles() -> None:
    found = judged(KEPT, paper_start=PAST + 10 * HOUR)
    columns = {column.name: column for column in found.columns}
    other = replace(found.layers, ran_on=RanOn.OTHER)
    said = recommend(found.verdict, other, columns, {}, Timeframe.H1, "s")
    assert said == f"{OWN_PERIOD.format(ran_on=RanOn.OTHER)} {WHOSE_CANDLES}"
    assert other.no_band == f"no band: they ran {RanOn.OTHER}"


def test_one_session_on_the_backtests_candles_does_not_silence_the_others() -> None:
    before = ComparedSession(report(KEPT, PAST, session_id="old"), KEPT)
    after = ComparedSession(report(KEPT, session_id="new"), KEPT)
    found = judge_layers([before, after], STORED, None)
    assert (found.own_period, found.seen_before) == (False, ("old",))
    trial = ComparedSession(report(KEPT, session_id="new"), KEPT, seal())
    beside = judge_layers([before, trial], STORED, None, judged=trial)
    assert (beside.own_period, beside.seen_before) == (False, ("old",)), "also beside a trial"
    assert found.edge is not None
    assert found.edge.trades == len(KEPT)
    assert judge_layers([before], STORED, None).own_period


def test_a_losing_backtest_has_no_edge_to_keep() -> None:
    found = judged(trades_of(10.0, 20), backtest=trades_of(-50.0, 200))
    assert found.recommendation == LOSING
    kept = judged(KEPT, sealed=seal(), backtest=trades_of(-10.0, 200))
    assert kept.recommendation == LOSING
    assert kept.assessment == "The promise was kept, but Backtest does not make money."


def test_a_small_slippage_on_the_same_trades_breaks_nothing() -> None:
    """Return 23.06% against 22.87%, the same win rate, 16 trades, slippage -0.15%."""
    backtest = [trade(175.0 if at % 4 else -65.0, candle=6 * at) for at in range(16)]
    slipped = [msgspec.structs.replace(one, pnl=one.pnl - 1.2) for one in backtest]
    for sealed in (None, seal(16), seal(60)):
        found = judged(slipped, sealed=sealed, backtest=backtest)
        assert state(found) != "broken"
        assert "diverges" not in found.recommendation


def test_the_shrunk_promise_is_shown_beside_the_raw_one() -> None:
    found = judged(trades_of(30.0, 20), sealed=seal(tries=Tries(40, 12.0, 0.1)))
    assert found.layers.edge is not None
    assert found.layers.edge.shrunk == 0.1
    assert "after the luck of many tries" in comparison_text(found)


def test_a_backtest_of_too_few_trades_leaves_the_edge_open_and_says_why() -> None:
    found = judged(trades_of(30.0, 50), sealed=seal(returns=(1.0, -0.5, 0.2)))
    assert state(found) == "open"
    assert "at least 20 are needed" in comparison_text(found)


def test_no_trial_is_advised_that_would_be_refused() -> None:
    few = judged(trades_of(30.0, 5), backtest=trades_of(30.0, 19))
    assert "a trial needs a backtest of at least 20 trades" in few.recommendation
    assert "start it as a trial" not in few.recommendation


def test_a_band_that_cannot_be_drawn_is_what_the_verdict_waits_for() -> None:
    lost_all = (*seal().returns[:-1], -100.0)
    found = judged(KEPT, sealed=seal(returns=lost_all))
    assert found.verdict is not None
    assert state(found) == "open"
    assert "path: backtest returns: a trade lost all there was" in found.verdict.reason


def test_without_anything_recorded_no_layer_is_invented() -> None:
    layers = TrialAnswers()
    assert layers.lines() == {}
    assert judge_layers([], None, None).edge is None


def test_ten_copies_of_a_session_count_as_one(tmp_path: Path) -> None:
    copies = [report(KEPT, session_id=f"aa11bb{at:02}") for at in range(10)]
    other = report(KEPT, session_id="cc33dd44", config_hash="d")
    request = ComparisonRequest("cross", Timeframe.H1)
    found = compare_sources(Workspace(tmp_path), request, [*copies, other])
    (paper,) = found.columns
    assert paper.metrics["total_trades"] == 2 * len(KEPT)
    assert found.layers.copies == tuple(f"aa11bb{at:02}" for at in range(1, 10))
    assert any("10 sessions ran the same config" in note for note in found.notes)


def spans(*parts: tuple[int, int], **more: Any) -> list[dict[str, Any]]:
    """Reports of sessions that ran from one hour to another, a trade of six hours in each six."""
    written = []
    for at, (begin, end) in enumerate(parts):
        made = [trade(10.0, candle=hour) for hour in range(begin, end, 6)]
        one = report(made, session_id=f"aa11bb{at:02}", **more)
        first, last = (iso_time(START + hour * HOUR) for hour in (begin, end - 1))
        one["period"] = {"start": first, "end": last, "candles": end - begin}
        written.append(one)
    return written


def test_another_trial_stands_by_its_own_seal_whoever_saw_its_candles() -> None:
    session = report(KEPT)
    shared = ComparedSession(session, KEPT, seal(), counted=((START, START + 400 * HOUR),))
    found = judge_layers([shared], STORED, None, judged=shared)
    assert found.edge is not None
    assert found.edge.trades == len(KEPT)
    assert found.edge.state is State.KEPT


def test_what_sessions_saw_together_counts_once(tmp_path: Path) -> None:
    request = ComparisonRequest("cross", Timeframe.H1)
    found = compare_sources(Workspace(tmp_path), request, spans((0, 60), (48, 120), (6, 30)))
    (paper,) = found.columns
    assert paper.metrics["total_trades"] == 20
    assert found.layers.copies == ("aa11bb02",)
    (told,) = (note for note in found.notes if "count once" in note)
    assert told.startswith("session aa11bb00: the candles from 2024-01-03T00:00:00Z to ")
    apart = [*spans((0, 60)), *spans((48, 120), config_hash="d")]
    (paper,) = compare_sources(Workspace(tmp_path), request, apart).columns
    assert paper.metrics["total_trades"] == 22


def test_the_five_answers_as_json() -> None:
    written: Any = comparison_to_json(judged(KEPT, sealed=seal()))
    assert written["verdict"]["state"] == "kept"
    assert written["verdict"]["sealed"] is True
    layers = written["layers"]
    assert layers["decisions"]["decided"] == 4_032
    assert 0 < layers["decisions"]["at_most"] < 0.002
    assert layers["costs"]["break_even_cost_bp"] == 31.0
    assert len(layers["path"]["band"]["lower"]) == 101
    assert layers["edge"]["lines"]["horizon"] == 100
    assert len(layers["edge"]["sums"]) == 90
    assert layers["trial"] == {
        "session_id": "aa11bb22",
        "sealed_at": "2024-01-01T00:00:00Z",
        "horizon_trades": 100,
        "horizon_days": None,
    }
    assert layers["path"]["cone"]["points"][0] == ["2024-01-01T00:00:00Z", 0.0, 0.0, 0.0]
    assert layers["path"]["cone"]["rate"] == 0.015
    assert [one["fills"] for one in layers["costs"]["by_size"]] == [100], "of one size"
    assert sum(one["fills"] for one in layers["costs"]["by_hour"]) == 100
