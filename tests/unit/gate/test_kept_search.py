"""Sweeps and gates come back from the library as they were, and damaged ones are refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import orjson
import pytest
from msgspec.structs import replace

from core.backtest.axes import parse_axis
from core.backtest.sweep import Sweep, run_sweep, sweep_to_json
from core.gate.gate import Gate, UnfinishedGate, run_gate
from core.gate.kept import Asked, Found, keep_search, open_search
from core.gate.text import gate_sections, verdict_reasons
from core.gate.to_json import gate_to_json
from core.report.library import (
    CandleSource,
    LibraryError,
    ListedResult,
    Terms,
    keep_result,
    list_results,
    note_result,
)
from core.report.result import result_to_json
from core.report.stored_backtest import library_result
from core.store.durable import OsDisk
from core.store.workspace import Workspace
from core.strategy.config.canonical import config_to_dict
from core.strategy.config.parsing import parse_config
from core.time_format import iso_time
from tests.benchmarks.gate_error_rates import STRATEGY, market
from tests.unit.report.test_library import result_of
from tests.unit.session.sessions import START

DISK = OsDisk()
CONFIG = parse_config(STRATEGY).config
CANDLES = {CONFIG.symbols[0]: market(1, 3_000, 0.5)}
AXES = ("ema.period=15:25:5",)
SOURCE = CandleSource(data="candles.csv")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    made.prepare()
    return made


@pytest.fixture(scope="module")
def gate() -> Gate:
    found = run_gate(CONFIG, list(map(parse_axis, AXES)), CANDLES, markets=20, folds=2)
    assert isinstance(found, Gate)
    return found


ASKED = Asked(config_to_dict(CONFIG), {}, warmup=7, span=(1, 2), notes=("! [b]gaps[/b]",))
TERMS = Terms(AXES, "sharpe_ratio", folds=5)


def swept(split: float | None = None, axes: tuple[str, ...] = AXES) -> Sweep:
    return run_sweep(CONFIG, list(map(parse_axis, axes)), CANDLES, split=split)


def keep(
    workspace: Workspace, found: Found, terms: Terms = TERMS, now: int = START, asked: Asked = ASKED
) -> str | None:
    return keep_search(workspace, found, asked, terms, CANDLES, SOURCE, now, DISK)


def only(workspace: Workspace) -> ListedResult:
    (listed,) = list_results(workspace).results
    return listed


@pytest.mark.parametrize("split", [None, 70.0])
def test_a_sweep_is_read_back_to_the_last_bit(workspace: Workspace, split: float | None) -> None:
    sweep = swept(split)
    terms = replace(TERMS, split=split)
    keep(workspace, sweep, terms)
    listed = only(workspace)
    search = listed.result.search
    assert search is not None
    assert (search.kind, search.tried, search.total) == ("sweep", 3, 3)
    best = sweep.best.result.metrics.total_return_pct
    assert listed.result.metrics.total_return_pct == best
    assert listed.result.settings == {"ema.period": sweep.rows[0].values[0]}
    read = open_search(listed)
    assert isinstance(read.found, Sweep)
    assert (read.asked, read.terms) == (ASKED, terms)
    assert sweep_to_json(read.found) == sweep_to_json(sweep)
    assert read.found.rows == sweep.rows
    assert read.found.best.result.metrics == sweep.best.result.metrics
    assert read.found.complete


def test_a_gate_is_read_back_to_the_last_bit(workspace: Workspace, gate: Gate) -> None:
    keep(workspace, gate)
    listed = only(workspace)
    assert listed.result.search is not None
    assert listed.result.search.verdict == gate.verdict.value
    read = open_search(listed)
    assert isinstance(read.found, Gate)
    written, before = gate_to_json(read.found, None), gate_to_json(gate, None)
    assert written["walk_forward"].pop("equity") == []
    before["walk_forward"].pop("equity")
    assert written == before
    assert gate_sections(read.found) == gate_sections(gate)
    assert verdict_reasons(read.found) == verdict_reasons(gate)
    assert read.found.luck == gate.luck
    joined = gate.walk_forward.joined
    assert read.found.walk_forward.joined.ending_balance == joined.ending_balance
    assert read.joined == orjson.loads(orjson.dumps(result_to_json(joined, equity=True)))


def test_a_cancelled_gate_is_kept_with_what_it_tried_and_goes_where_it_is_finished(
    workspace: Workspace, gate: Gate
) -> None:
    assert keep(workspace, UnfinishedGate("no verdict: it was cancelled")) is None
    key = keep(workspace, UnfinishedGate("no verdict: it was cancelled", gate.sweep))
    read = open_search(only(workspace)).found
    assert isinstance(read, UnfinishedGate)
    assert (read.reason, read.sweep is not None) == ("no verdict: it was cancelled", True)
    note_result(workspace, only(workspace), "mine", (), DISK)
    saved = replace(ASKED, config={**ASKED.config, "backtest": {"total_trades": 1}})
    assert keep(workspace, gate, now=START + 1, asked=saved) == key, "of the same strategy"
    assert only(workspace).notes.note == "mine"
    assert isinstance(open_search(only(workspace)).found, Gate)


def test_one_that_was_cancelled_takes_nothing_from_what_more_came_of(
    workspace: Workspace, gate: Gate
) -> None:
    whole = swept()
    part = dataclasses.replace(whole, rows=whole.rows[:2])
    key = keep(workspace, whole)
    assert keep(workspace, part, now=START + 1) == key
    stayed = open_search(only(workspace)).found
    assert isinstance(stayed, Sweep)
    assert stayed.rows == whole.rows
    keep(workspace, whole, now=START + 2)
    assert only(workspace).result.saved == iso_time(START + 2), "the same, made anew"

    judged = keep(workspace, gate)
    cancelled = UnfinishedGate("no verdict: it was cancelled", gate.sweep)
    assert keep(workspace, cancelled, now=START + 1) == judged
    found = {one.key: open_search(one).found for one in list_results(workspace).results}
    assert isinstance(found[judged or ""], Gate)


def test_two_periods_of_the_same_candles_are_two_searches(workspace: Workspace) -> None:
    """A file may begin so late that all of it warms up the one as well as the other."""
    times, keys = next(iter(CANDLES.values())).time, []
    for begin in (100, 900, 900):
        asked = replace(ASKED, span=(int(times[begin]) - 1, int(times[-1]) + 1))
        axes = list(map(parse_axis, AXES))
        sweep = run_sweep(CONFIG, axes, CANDLES, decide_from=int(times[begin]))
        keys.append(keep(workspace, sweep, asked=asked))
    assert len(list_results(workspace).results) == 2
    assert keys[0] != keys[1] == keys[2]
    late = replace(ASKED, span=(int(times[-1]) + 1, int(times[-1]) + 2))
    assert keep(workspace, swept(), asked=late) not in keys, "also where none is in the period"


def test_searches_are_bounded_by_themselves_and_told_from_the_backtest_of_their_best(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.report.library.SEARCHES", 2)
    sweep = swept()
    alone = library_result(sweep.best.result, CANDLES, START, SOURCE, {"ema.period": 15})
    plain = keep_result(workspace, alone, DISK)
    keys = [
        keep(workspace, sweep, replace(TERMS, seed=last), START + last) for last in (25, 26, 27)
    ]
    assert {one.key for one in list_results(workspace).results} == {plain, *keys[1:]}
    monkeypatch.setattr("core.report.library._LARGEST_SEARCH", 1_000)
    with pytest.raises(LibraryError, match="larger than 0 MiB"):
        keep(workspace, sweep, replace(TERMS, seed=28))
    assert len(list_results(workspace).results) == 3


DAMAGES: dict[str, Any] = {
    "no rows": lambda search: search["found"].update(rows=[]),
    "more rows than settings": lambda search: search["found"].update(total=1),
    "another path": lambda search: search["found"]["rows"][0].update(set={"[b]": 1}),
    "no metric": lambda search: search["found"].update(sort="nonsense"),
    "no number": lambda search: search["found"].update(effective_tries="many"),
    "a figure that is text": lambda search: search["found"]["rows"][0]["metrics"].update(best="x"),
    "no config": lambda search: search["asked"].update(config={"name": "x"}),
    "a time beyond all": lambda search: search["found"].update(split_time="99999-01-01"),
    "an empty axis": lambda search: search["found"].update(axes={"ema.period": []}),
    "nothing found": lambda search: search.pop("found"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_search_is_refused_with_its_file(workspace: Workspace, damage: str) -> None:
    keep(workspace, swept())
    listed = only(workspace)
    whole = orjson.loads(listed.path.read_bytes())
    DAMAGES[damage](whole["search"])
    listed.path.write_bytes(orjson.dumps(whole))
    with pytest.raises(LibraryError, match=r"result\.json cannot be read"):
        open_search(listed)


@pytest.mark.parametrize("part", ["findings", "walk_forward", "robustness", "joined"])
def test_a_gate_that_lacks_a_part_is_refused(workspace: Workspace, gate: Gate, part: str) -> None:
    keep(workspace, gate)
    listed = only(workspace)
    whole = orjson.loads(listed.path.read_bytes())
    search = whole["search"]
    if part == "joined":
        search["joined"] = {"ending_balance": None}
    else:
        search["found"][part] = []
    listed.path.write_bytes(orjson.dumps(whole))
    with pytest.raises(LibraryError, match=r"result\.json cannot be read"):
        open_search(listed)


def test_a_backtest_is_no_search(workspace: Workspace) -> None:
    keep_result(workspace, result_of(), DISK)
    with pytest.raises(LibraryError, match="search"):
        open_search(only(workspace))
