"""A check tells which answers of a trial turned, and an end carries figures and answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from core.host.job_values import JobAction
from core.host.link import CommandError
from core.schedule.jobs import Job, new_job
from core.schedule.notifications.trial_news import comparison_in_words, layer_states, turned
from core.schedule.runs import carry_out
from core.schedule.triggers import every
from core.session.snapshot import TrialHorizon
from tests.unit.schedule.one_session_host import ID, OneSessionHost

NOW = 1_700_000_000_000


def report(edge: str = "open", verdict: str = "open") -> dict[str, Any]:
    return {
        "comparison": {
            "rows": [
                {"metric": "win_rate_pct", "backtest": 62.0, "paper": 58.333},
                {"metric": "total_trades", "backtest": 45, "paper": 12},
                {"metric": "sharpe_ratio", "backtest": 1.4, "paper": None},
            ],
            "verdict": {"state": verdict, "sealed": True},
            "layers": {
                "sealed": True,
                "decisions": {"state": "kept", "text": "4,032 candles, 0 differ"},
                "costs": None,
                "account": {"text": "P&L as the backtest's"},
                "edge": {"state": edge, "text": "trade 12 of 60"},
            },
        },
        "metrics": {"total_trades": 12},
        "recommendation": "Continue paper trading.",
    }


class TrialHost(OneSessionHost):
    """A host whose one session is a trial."""

    def __init__(self, now: int = NOW) -> None:
        super().__init__(now)
        self.change(ID, trial=TrialHorizon(now, 60, None))
        self.edge = "open"
        self.compared = True
        self.layers: dict[str, Any] = {}
        self.reason: str | None = None

    async def report(self, session_id: str) -> Mapping[str, object]:
        made = report(self.edge, self.edge)
        made = {**made, "reason": self.reason}
        made["comparison"]["layers"] |= self.layers
        return made if self.compared else {**made, "comparison": None}


def check() -> Job:
    return new_job("job00001", every(60, NOW), now=NOW, session_id=ID)


def test_the_figures_stand_side_by_side_and_every_answer_is_told() -> None:
    assert comparison_in_words(report()) == (
        "Backtest / paper: win rate 62.0% / 58.3%, Sharpe 1.40 / –, trades 45 / 12\n"
        "Verdict: open\nDecisions: kept: 4,032 candles, 0 differ\n"
        "Account: P&L as the backtest's\nEdge: open: trade 12 of 60"
    )
    replayed = report()  # of a session that has no backtest
    replayed["comparison"]["columns"] = {"backtest": {"replayed": True}}
    assert comparison_in_words(replayed).startswith("Replay / paper: win rate 62.0% / 58.3%")
    won = report()
    won["comparison"]["rows"].append({"metric": "profit_factor", "backtest": 1.8, "paper": None})
    won["comparison"]["columns"] = {"paper": {"metrics": {"best": 5.0, "worst": 1.0}}}
    assert "PF 1.80 / ∞" in comparison_in_words(won)
    assert comparison_in_words({}) == comparison_in_words({"comparison": None}) == ""


def test_a_layer_that_turns_is_told_also_where_it_did_before_the_first_look() -> None:
    before = layer_states(report())
    expected = {"decisions": "kept", "edge": "open", "verdict": "open", "seal": "kept"}
    assert before == expected
    assert turned({}, report()) == ()
    assert turned({}, report("broken", "kept")) == (
        "edge: open → broken (trade 12 of 60)",
        "verdict: open → kept",
    )
    faulty = report()
    faulty["comparison"]["layers"]["decisions"] = {"state": "broken", "text": "5 differ"}
    assert turned({}, faulty) == ("decisions: open → broken (5 differ)",)
    assert turned(before, report()) == ()
    assert turned(before, report("broken", "broken")) == (
        "edge: open → broken (trade 12 of 60)",
        "verdict: open → broken",
    )


def test_what_breaks_nothing_and_what_live_trades_say_is_told_as_it_turns() -> None:
    before = layer_states(report())
    grown = report()
    grown["comparison"]["layers"] |= {
        "costs": {"state": "kept", "answer": "dearer", "text": "seen 6.0 bp"},
        "path": {"state": "open", "answer": "above", "text": "left the band above"},
        "live": {"state": "broken", "text": "live trade 20 of 60"},
    }
    assert turned(before, grown) == (
        "costs: open → dearer (seen 6.0 bp)",
        "path: open → above (left the band above)",
        "live: open → broken (live trade 20 of 60)",
    )
    assert turned(layer_states(grown), grown) == ()
    grown["comparison"]["layers"]["costs"]["answer"] = "within"
    back = turned({**layer_states(grown), "costs": "dearer"}, grown)
    assert back == ("costs: dearer → kept (seen 6.0 bp)",)
    grown["comparison"]["verdict"] = {"state": "broken", "column": "live", "sealed": True}
    said = comparison_in_words(grown)
    assert "Verdict: broken, by the live trades\n" in said
    assert said.endswith("Live: broken: live trade 20 of 60")


async def test_a_check_is_news_once_when_an_answer_turns() -> None:
    host = TrialHost()
    first = await carry_out(check(), host)
    assert not first.news
    told = msgspec.structs.replace(check(), seen_states=dict(first.seen_states or {}))
    host.edge = "broken"
    second = await carry_out(told, host)
    assert second.news
    assert "the trial turned: edge: open → broken" in second.text
    assert "\nVerdict: broken\n" in second.text
    told = msgspec.structs.replace(told, seen_states=dict(second.seen_states or {}))
    host.compared = False
    third = await carry_out(told, host)
    assert third.seen_states == second.seen_states
    host.compared = True
    assert not (await carry_out(told, host)).news


async def test_a_check_of_a_session_without_a_seal_carries_figures_and_no_turn() -> None:
    host = TrialHost()
    host.change(ID, trial=None)
    host.layers = {"sealed": False, "seal_problem": None, "seal_unread": None}
    host.edge = "broken"
    outcome = await carry_out(check(), host)
    assert "Backtest / paper: win rate 62.0% / 58.3%" in outcome.text
    assert "turned" not in outcome.text
    assert (outcome.news, outcome.alert) == (False, False)


async def test_a_session_that_is_no_trial_is_compared_again_only_once_it_has_traded() -> None:
    host = TrialHost()
    host.change(ID, trial=None)
    host.layers = {"sealed": False, "seal_problem": None, "seal_unread": None}
    first = await carry_out(check(), host)
    told = msgspec.structs.replace(check(), seen_states=dict(first.seen_states or {}))
    assert "Backtest / paper" not in (await carry_out(told, host)).text
    host.trade()
    assert "Backtest / paper" in (await carry_out(told, host)).text
    told = msgspec.structs.replace(told, seen_trades=1)
    host.change(ID, seal_problem="a seal was put in after the start")
    host.layers = {"sealed": False, "seal_problem": "a seal was put in after the start"}
    assert "the trial turned: seal: kept → broken" in (await carry_out(told, host)).text


async def test_a_trial_taken_up_while_its_seal_was_in_doubt_is_judged_once_it_is_back() -> None:
    host = TrialHost()
    host.change(ID, trial=None, seal_problem=None)  # its host knows the record it was taken up with
    host.edge = "broken"
    assert "the trial turned: edge: open → broken" in (await carry_out(check(), host)).text


async def test_what_cannot_be_read_for_a_moment_has_not_turned() -> None:
    host = TrialHost()
    job = check()
    first = await carry_out(job, host)
    job = msgspec.structs.replace(job, seen_states=first.seen_states)
    host.layers = {"sealed": False, "seal_problem": None, "seal_unread": "no more files"}
    host.edge = "described"
    second = await carry_out(job, host)
    assert "\nNo verdict: no more files\n" in second.text
    assert (second.news, second.alert, second.seen_states) == (False, False, first.seen_states)
    host.layers = {"sealed": False, "seal_problem": "the seal was removed"}
    third = await carry_out(job, host)
    assert "seal: kept → broken (the seal was removed)" in third.text


def test_a_horizon_that_is_over_without_an_answer_is_news_once() -> None:
    before = layer_states(report())
    over = report()
    edge = {"state": "open", "answer": "undecided", "text": "trade 60 of 60"}
    over["comparison"]["layers"]["edge"] = edge
    assert turned(before, over) == ("edge: open → undecided (trade 60 of 60)",)
    assert turned(layer_states(over), over) == ()


async def test_trades_are_told_of_also_where_the_report_cannot_be_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = TrialHost()
    host.trade()

    async def refused(_: str) -> Mapping[str, object]:
        raise CommandError("the disk is full")

    monkeypatch.setattr(host, "report", refused)
    outcome = await carry_out(check(), host)
    assert "1 new trade: #1 long BTC/USDT" in outcome.text
    assert outcome.text.endswith("Its report cannot be made: the disk is full")
    assert (outcome.succeeded, outcome.seen_trades, outcome.seen_states) == (False, 1, None)


async def test_a_check_of_a_session_that_is_not_read_yet_has_seen_nothing() -> None:
    host = TrialHost()
    host.trade()
    host.change(ID, unread=True, state_reason="being taken up again")
    outcome = await carry_out(msgspec.structs.replace(check(), seen_trades=1), host)
    assert (outcome.seen_trades, outcome.seen_states) == (None, None)
    assert outcome.text.endswith("being taken up again")
    assert not outcome.news


async def test_the_end_carries_the_comparison() -> None:
    host = TrialHost()
    ending = msgspec.structs.replace(check(), action=JobAction.FINISH)
    host.change(ID, state=host.snapshot().sessions[0].state.STOPPED)
    host.reason = "its scheduled end was reached"
    outcome = await carry_out(ending, host)
    assert f"session {ID} has ended (its scheduled end was reached): 12 trades" in outcome.text
    assert "Backtest / paper: win rate 62.0% / 58.3%" in outcome.text
    assert outcome.text.endswith("Continue paper trading.")
