"""The verdict follows from what was found, and says why."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from core.backtest.axes import parse_axis
from core.backtest.kept import Keeping
from core.backtest.progress import Progress
from core.backtest.run import run_backtest
from core.backtest.sweep_map import luck
from core.gate.chance import Place, among_random_entries, daily_sharpe
from core.gate.edgeless import EdgelessMarkets
from core.gate.gate import (
    Gate,
    UnfinishedGate,
    Verdict,
    judged,
    of_chance,
    of_selection,
    run_gate,
)
from core.gate.selection import deflated
from core.gate.text import GateSection, answer, gate_sections
from core.gate.to_json import gate_to_json
from core.report.result import result_to_json
from core.report.trade_columns import TradeColumns
from core.strategy.config.parsing import parse_config
from core.strategy.signals.sources import signal_source
from core.text import chance_text, independent_tries
from core.trial.ledger import TryCount
from core.trial.plan import plan_trial
from core.trial.sealing import seal_trial
from tests.benchmarks.gate_error_rates import STRATEGY, market

CONFIG = parse_config(STRATEGY).config
AXES = [parse_axis("ema.period=15:25:5")]
SYMBOL = CONFIG.symbols[0]


def finished(found: Gate | UnfinishedGate) -> Gate:
    assert isinstance(found, Gate)
    return found


@pytest.fixture(scope="module")
def edge() -> Gate:
    history = {SYMBOL: market(1, 3_000, 0.5)}
    return finished(run_gate(CONFIG, AXES, history, markets=20, folds=2))


@pytest.fixture(scope="module")
def none() -> Gate:
    history = {SYMBOL: market(1, 3_000, 0.0)}
    return finished(run_gate(CONFIG, AXES, history, markets=20, folds=2))


def test_candles_that_only_warm_up_are_judged_nowhere() -> None:
    history = {SYMBOL: market(1, 1_500, 0.5)}
    start = int(history[SYMBOL].time[500])
    told: list[Progress] = []
    found = finished(
        run_gate(
            CONFIG,
            AXES,
            history,
            markets=20,
            folds=2,
            decide_from=start,
            on_progress=told.append,
        )
    )
    assert [one.seconds_left == 0 for one in told] == [one.done == one.total for one in told]
    best = found.sweep.best.config
    alone = run_backtest(best, history, decide_from=start)
    assert found.best.equity.tolist() == alone.equity.tolist()
    assert found.walk_forward.folds[0].seen_from == start
    dearer = run_backtest(replace(best, fees=best.fees * 2), history, decide_from=start)
    late = run_backtest(best, history, decide_from=start, late_entries=1)
    made = [(one.ending_balance / one.starting_balance - 1) * 100 for one in (dearer, late)]
    others = found.robustness
    assert [others.costs_doubled, others.delayed] == pytest.approx(made)
    maker, rng = EdgelessMarkets(history, best.timeframe.ms, start), np.random.default_rng(0)
    runs = [run_backtest(best, maker.draw(rng), decide_from=start) for _ in range(20)]
    real, drawn = daily_sharpe(alone), np.array([daily_sharpe(one) or 0.0 for one in runs])
    assert real is not None
    assert found.edgeless == Place.of(real, drawn)
    assert found.random_entries == among_random_entries(
        {SYMBOL: history[SYMBOL].slice(500)}, alone.trades, 0
    )


def test_an_edge_passes_and_says_why(edge: Gate) -> None:
    assert edge.verdict is Verdict.PASSES
    assert len(edge.reasons) == 3
    assert edge.walk_forward.efficiency is not None
    assert edge.walk_forward.efficiency > 0.3
    assert edge.expectation is not None
    assert edge.expectation.loss_probability < 0.05


def test_no_edge_does_not_pass(none: Gate) -> None:
    assert none.verdict is not Verdict.PASSES
    assert none.reasons


def test_earlier_tries_count(edge: Gate) -> None:
    assert edge.superiority is not None
    assert edge.independent_tries == pytest.approx(edge.sweep.effective_tries)
    history = {SYMBOL: market(1, 3_000, 0.5)}
    crowded = finished(run_gate(CONFIG, AXES, history, markets=20, folds=2, other_tries=1e6))
    assert crowded.verdict is not Verdict.PASSES
    assert "independent tries" in crowded.reasons[-1]
    assert edge.deflated is not None
    assert crowded.deflated is not None
    assert crowded.deflated.probability < edge.deflated.probability
    assert crowded.sweep.deflated_sharpe == edge.sweep.deflated_sharpe  # of its settings alone
    page = gate_to_json(crowded)
    assert page["deflated_sharpe"] == crowded.deflated.probability
    assert page["expected_best_sharpe"] == crowded.deflated.expected_best
    # Of a million tries: the spread of the few settings tells of less luck.
    assert page["expected_best_of"] == crowded.independent_tries
    figure, said = _deflated_row(crowded)
    assert figure == chance_text(crowded.deflated.probability, 1)
    assert f"the best of {crowded.independent_tries:,.1f} independent tries: " in said


def test_a_single_setting_is_deflated_by_the_tries_before_it() -> None:
    history = {SYMBOL: market(1, 3_000, 0.1)}
    found = finished(run_gate(CONFIG, [], history, markets=20, folds=2, other_tries=7.0))
    assert found.sweep.deflated_sharpe is None
    assert found.independent_tries == 8
    assert found.deflated == deflated(found.best.daily_returns, 8.0, None)
    assert found.deflated is not None
    alone = deflated(found.best.daily_returns, 1.0, None)
    assert alone is not None
    assert found.deflated.probability < alone.probability < 1
    single = replace(found, independent_tries=1.0, deflated=alone)
    figure, said = _deflated_row(single)
    assert figure == chance_text(alone.probability, 1)
    assert said == "chance that it is above 0: of its one try there is nothing to deflate"


def test_without_money_made_on_what_was_seen_there_is_no_efficiency(edge: Gate) -> None:
    lost = replace(edge, walk_forward=replace(edge.walk_forward, efficiency=None))
    told = [sentence for one in gate_sections(lost) for sentence in one.sentences]
    assert "Where it was chosen, it made no money, so there is no efficiency." in told


def test_a_part_without_a_trade_but_with_a_return_says_that_a_position_was_open(edge: Gate) -> None:
    walked = edge.walk_forward
    held = [replace(fold, left_open=number) for number, fold in enumerate(walked.folds)]
    of_two = replace(edge, walk_forward=replace(walked, folds=tuple(held)))
    section = gate_sections(of_two)[1]
    trades = [fold.result.metrics.total_trades for fold in held]
    assert [row[3] for row in section.rows[:2]] == [f"{trades[0]}   ", f"{trades[1]} +1"]
    assert section.rows[-1][3] == f"{sum(trades)} +{sum(range(len(held)))}"
    said = "+ what was open at the end of a part, at its last close."
    assert section.sentences[0] == said
    flat = replace(walked, folds=tuple(replace(fold, left_open=0) for fold in held))
    unknown = replace(walked, folds=tuple(replace(fold, left_open=None) for fold in held))
    for one in (flat, unknown):
        assert said not in gate_sections(replace(edge, walk_forward=one))[1].sentences


def _deflated_row(gate: Gate) -> tuple[str, ...]:
    rows = [row for one in gate_sections(gate) for row in one.rows if row[0] == "Deflated Sharpe"]
    ((_, *told),) = rows
    return tuple(told)


def test_of_too_little_data_no_question_is_said_to_be_answered_by_no(edge: Gate) -> None:
    no, unknown = replace(edge.findings[0], passed=False), replace(edge.findings[0], passed=None)
    fails, few = (replace(edge, verdict=one) for one in (Verdict.FAILS, Verdict.TOO_LITTLE_DATA))
    assert [answer(one, no) for one in (fails, few)] == ["no", "not shown"]
    assert [answer(few, one) for one in (edge.findings[0], unknown)] == ["yes", "not known"]


def test_columns_of_a_section_stand_under_each_other_and_the_last_one_may_be_wrapped() -> None:
    rows = (("a", "+1.0%", "of two"), ("bcd", "-10.0%", ""))
    section = GateSection("Title", ("", "Return", ""), rows, " >")
    assert list(section.lines()) == [
        ("     Return", ""),
        ("a     +1.0%", "of two"),
        ("bcd  -10.0%", ""),
    ]
    flush = GateSection("Title", (), (("a", "1"), ("b", "20")), " >")
    assert list(flush.lines()) == [("a   1", ""), ("b  20", "")]
    assert list(GateSection("Title").lines()) == []


def test_few_trades_and_short_candles_are_too_little_data(edge: Gate) -> None:
    few = replace(edge.best, closed=TradeColumns.of(edge.best.trades[:19]))
    assert judged(edge.findings, edge.superiority, few)[0] is Verdict.TOO_LITTLE_DATA
    assert edge.superiority is not None
    short = replace(edge.superiority, years=0.5)
    failed = [replace(edge.findings[0], passed=False), *edge.findings[1:]]
    verdict, reasons = judged(failed, short, edge.best)
    assert verdict is Verdict.TOO_LITTLE_DATA
    assert "0.5 years are too short" in reasons[0]
    long = replace(edge.superiority, years=10.0)
    assert judged(failed, long, edge.best)[0] is Verdict.FAILS


def test_what_made_no_profit_fails_however_short(edge: Gate) -> None:
    assert edge.superiority is not None
    short = replace(edge.superiority, years=0.5)
    failed = [replace(one, passed=False) for one in edge.findings]
    lost = replace(edge.best, day_ends=edge.best.day_ends * 0 + 9_000)
    assert judged(failed, short, lost)[0] is Verdict.FAILS


def test_an_account_that_loses_everything_is_counted_and_fails() -> None:
    ruinous = parse_config(STRATEGY | {"leverage": 50, "stop_loss_pct": 1.5}).config
    found = finished(run_gate(ruinous, [], {SYMBOL: market(3, 2_000, 0.3)}, markets=20, folds=3))
    assert found.best.ending_balance == 0
    assert (found.verdict, found.reasons) == (Verdict.FAILS, ("it lost all that it began with",))
    assert found.edgeless is not None
    assert all(map(math.isfinite, (found.edgeless.p, found.edgeless.middle, found.edgeless.high)))


def test_the_same_seed_gives_the_same_page(edge: Gate) -> None:
    told: list[Progress] = []
    again = run_gate(
        CONFIG,
        AXES,
        {SYMBOL: market(1, 3_000, 0.5)},
        markets=20,
        folds=2,
        workers=2,
        on_progress=told.append,
    )
    assert gate_to_json(again) == gate_to_json(edge)
    assert [one.done for one in told] == sorted({one.done for one in told})
    assert told[-1].done == told[-1].total
    assert told[-1].seconds_left == 0
    assert len({one.part for one in told}) == 4


@pytest.mark.parametrize(
    ("after", "settings", "walked"), [(2, 2, False), (3, 3, False), (9, 3, True)]
)
def test_a_cancelled_gate_has_no_verdict_and_says_why(
    *, after: int, settings: int, walked: bool
) -> None:
    cancel = Event()

    def told(now: Progress) -> None:
        if now.done == after:
            cancel.set()

    found = run_gate(
        CONFIG,
        AXES,
        {SYMBOL: market(1, 3_000, 0.5)},
        markets=20,
        folds=2,
        on_progress=told,
        cancel=cancel,
    )
    assert isinstance(found, UnfinishedGate)
    assert found.sweep is not None
    assert len(found.sweep.rows) == settings
    assert found.sweep.complete == (settings == 3)
    assert (found.walk_forward is not None) == walked
    written = gate_to_json(found)
    assert written["verdict"] is None
    assert "it was cancelled at “" in written["reasons"][0]


@pytest.mark.parametrize("after", [5, 31])
def test_an_interrupted_gate_goes_on_to_the_same_page(
    edge: Gate, tmp_path: Path, after: int
) -> None:
    history, keep = {SYMBOL: market(1, 3_000, 0.5)}, Keeping(tmp_path / "unfinished")
    told: list[Progress] = []
    cancel = Event()

    def interrupt(now: Progress) -> None:
        if now.done == after:
            cancel.set()

    part = run_gate(
        CONFIG, AXES, history, markets=20, folds=2, on_progress=interrupt, cancel=cancel, keep=keep
    )
    assert isinstance(part, UnfinishedGate)
    assert part.kept == after
    whole = run_gate(CONFIG, AXES, history, markets=20, folds=2, on_progress=told.append, keep=keep)
    assert gate_to_json(whole) == gate_to_json(edge)
    assert (told[-1].taken_up, told[-1].done) == (after, 32)
    assert not list(keep.folder.iterdir())


def test_the_forecast_of_a_trial_expects_the_same_to_the_digit(edge: Gate) -> None:
    best, config = edge.best, edge.sweep.best.config
    stored = {**result_to_json(best), "config_hash": signal_source(config).digest}
    once = TryCount(runs=1, tried=1, effective=1.0, bad_lines=0)
    seal = seal_trial(config, stored, trades=len(best.trades), counted=once, now=0)
    assert plan_trial(seal).expected == edge.expectation


def test_what_cannot_be_judged_says_which_of_its_reasons_holds() -> None:
    assert of_selection(None, 1.0, 1.0, 59).says == "candles on 59 days, fewer than 60"
    assert of_selection(None, 1.0, 1.0, 60).says == "no setting's equity ever moved"
    assert of_chance(None, moved=True).says == "too few candles to make a market of"
    assert of_chance(None, moved=False).says == "its equity never moved"


def test_independent_tries_are_told_alike_and_taken_for_no_number_of_settings(edge: Gate) -> None:
    """A sweep said `1 try` of what its gate called `2.2`, and both of 32 settings tried."""
    told = independent_tries(edge.sweep.effective_tries)
    assert edge.sweep.effective_tries >= 1.05
    assert told.endswith(" independent tries")
    said = f"settings tried; trading alike, they count as {told}"
    assert any(said in line for line in luck(edge.sweep))
    (row,) = (
        row for one in gate_sections(edge) for row in one.rows if row[0] == "Independent tries"
    )
    assert told.startswith(f"{row[1]} ")
    assert row[2].startswith(f"of {len(edge.sweep.rows)} settings tried and earlier runs")
    assert f"of {told} without an edge" in edge.findings[0].says
    assert independent_tries(1.04) == "1 independent try"
