"""What becomes of a request to start: the record of the session, or a refusal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from core.host.link import BadRequestError
from core.host.start_requests import record_of, restart_request, sealed, with_warnings
from core.journal.values import FeedKind
from core.market.candles.timeframes import DAY
from core.session.snapshot import StartRequest, TrialTerms
from core.store.workspace import Workspace
from tests.unit.compare.trials import TREND, save_promise
from tests.unit.strategy.making import written

NOW = 1_767_225_600_000


def no_accounts(_: Sequence[str]) -> dict[str, str]:
    return {}


def recorded(**fields: Any) -> Any:
    request = StartRequest(**({"config": written()} | fields))
    return record_of(request, "abcd1234", NOW, "demo", no_accounts)


def test_a_session_warms_up_as_its_strategy_wants_and_says_nothing_of_it() -> None:
    record = recorded()
    assert record.warmup == 200
    assert not [notice for notice in record.notices if "warm-up" in notice]


def test_a_fallback_goes_with_the_live_feed_and_is_kept_by_a_restart() -> None:
    assert restart_request(recorded(fallback=True)).fallback
    with pytest.raises(BadRequestError, match="fallback goes with the live feed only"):
        recorded(fallback=True, feed=FeedKind.POLL)


def test_a_warm_up_set_by_hand_is_marked_and_kept_by_a_restart() -> None:
    record = recorded(warmup=30)
    assert record.warmup == 30
    (notice,) = [notice for notice in record.notices if "warm-up" in notice]
    assert notice == (
        "the warm-up was set by hand to 30 candles, shorter than the 200 this strategy wants: "
        "recursive indicators may still differ from those of a longer history"
    )
    assert restart_request(record).warmup == 30


def test_a_trial_that_ends_before_its_horizon_is_told_so_however_its_end_is_given(
    tmp_path: Path,
) -> None:
    save_promise(tmp_path / "strategies", TREND)
    workspace = Workspace(tmp_path)
    for end in ({"run_for": 2 * DAY}, {"until": NOW + 2 * DAY}):
        record = sealed(recorded(config=TREND, **end), TrialTerms(days=10), workspace, NOW)
        (told,) = (notice for notice in record.notices if "judged over" in notice)
        assert told.startswith("the trial runs 2 days of the 10 days it is judged over")
    whole = sealed(recorded(config=TREND), TrialTerms(days=10), workspace, NOW)
    assert whole.run_for == 10 * DAY
    assert not any("judged over" in notice for notice in whole.notices)


@pytest.mark.parametrize("end", [{}, {"run_for": 60 * DAY}, {"until": NOW + 60 * DAY}])
@pytest.mark.parametrize(
    ("terms", "said"),
    [
        (TrialTerms(trades=1), "1 trade, at the backtest's rate some"),
        (TrialTerms(days=1), "1d is short for a 5m strategy"),
    ],
)
def test_a_horizon_too_short_to_judge_by_is_told_of_however_long_the_session_runs(
    tmp_path: Path, end: dict[str, int], terms: TrialTerms, said: str
) -> None:
    save_promise(tmp_path / "strategies", TREND)
    workspace = Workspace(tmp_path)
    told = with_warnings(
        sealed(recorded(config=TREND, **end), terms, workspace, NOW), TREND, workspace
    )
    assert ["5m strategy" in notice for notice in told.notices].count(True) == 1
    assert any(notice.startswith(said) for notice in told.notices)


@pytest.mark.parametrize("candles", [-1, 1_000_000])
def test_an_impossible_warm_up_is_refused(candles: int) -> None:
    with pytest.raises(BadRequestError, match="expected 0 to 100000, or none for 200"):
        recorded(warmup=candles)


def test_a_replay_has_its_warm_up_in_its_file(tmp_path: Path) -> None:
    file = tmp_path / "candles.csv"
    file.write_text("time,open,high,low,close,volume\n")
    fields = {"feed": FeedKind.REPLAY, "data": {"BTC/USDT": str(file)}}
    assert recorded(**fields).warmup == 0
    assert restart_request(recorded(**fields, columns="t,o,c,h,l,v")).columns == "t,o,c,h,l,v"
    with pytest.raises(BadRequestError, match="begin the file earlier"):
        recorded(**fields, warmup=10)
