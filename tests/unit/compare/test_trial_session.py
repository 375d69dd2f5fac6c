"""A sealed session in its files, compared as screen, command line and reports do."""

from __future__ import annotations

import asyncio

import pytest

from core.compare.comparison import ComparisonResult
from core.compare.request import ComparisonRequest
from core.compare.service import compare_strategy
from core.market.candles.timeframes import Timeframe
from core.session.reports import read_report
from core.store.workspace import Workspace
from core.trial.state import State
from tests.unit.compare.trials import a_trial

SESSION = "abcd1234"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with one trial that has ended."""
    stage = asyncio.run(a_trial(tmp_path_factory.mktemp("trial")))
    return stage.bench.workspace


async def no_host(session_id: str, /) -> dict[str, object]:
    raise LookupError(session_id)


def compared(home: Workspace, **fields: object) -> ComparisonResult:
    request = ComparisonRequest("trend", Timeframe.M5, **fields)  # type: ignore[arg-type]
    return asyncio.run(compare_strategy(home, request, no_host))


def test_a_trial_is_judged_by_its_seal(home: Workspace) -> None:
    found = compared(home)
    assert found.verdict is not None
    assert found.verdict.sealed
    assert found.layers.edge is not None
    assert found.layers.edge.state is State.KEPT
    assert found.layers.path is not None
    assert found.layers.path.band is not None
    assert found.layers.costs is not None
    assert found.layers.costs.half_spread == pytest.approx(1.0, abs=0.01)


def test_a_report_is_read_without_what_it_was_compared_with(home: Workspace) -> None:
    whole = read_report(home.session(SESSION))
    without = read_report(home.session(SESSION), compared=False)
    assert whole is not None
    assert whole["comparison"]["verdict"]["sealed"]
    assert without == {**whole, "comparison": None}


def test_a_result_has_no_text_of_all_its_values(home: Workspace) -> None:
    """Whoever keeps it in a task that is shown would wait for hundreds of thousands of them."""
    assert len(repr(compared(home))) < 200
