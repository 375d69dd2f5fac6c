"""What is said before a session begins: of its backtest, and of how long it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.compare.before_start import (
    backtest_warnings,
    duration_warning,
    start_warnings,
    warnings_since,
)
from core.compare.service import add_comparison
from core.market.candles.timeframes import DAY, HOUR, Timeframe
from core.session.start_notices import (
    KEYS_UNUSED,
    KEYS_USED,
    NO_TRIAL,
    NOT_BACKTESTED,
    SIMULATED,
    as_it_began,
)
from core.store.workspace import Workspace
from core.strategy.config.parsing import parse_config
from core.strategy.document.document import read_strategy
from core.strategy.signals.sources import signal_source
from tests.unit.compare.test_sources import CROSS, KNOWN, Venue, on_stage
from tests.unit.compare.trials import save_promise
from tests.unit.strategy.making import written


@pytest.mark.parametrize(
    ("timeframe", "run_for", "said"),
    [
        (Timeframe.H4, 6 * DAY, "6d is short for a 4h strategy: run it for at least 7d"),
        (Timeframe.H4, 7 * DAY, None),
        (Timeframe.H1, 3 * DAY - HOUR, "at least 3d"),
        (Timeframe.H1, 3 * DAY, None),
        (Timeframe.H1, None, None),
    ],
)
def test_a_session_shorter_than_is_of_use_is_warned_of(
    timeframe: Timeframe, run_for: int | None, said: str | None
) -> None:
    warning = duration_warning(timeframe, run_for)
    assert warning is None if said is None else said in str(warning)


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (None, [NOT_BACKTESTED]),
        ("soon", ["is left out: found 'soon', expected figures", NOT_BACKTESTED]),
        ({"win_rate": "good"}, ["win_rate: found 'good'", "is left out", NOT_BACKTESTED]),
        ({"win_rate": 0.6, "trades": 40}, []),
    ],
)
def test_the_backtest_behind_a_config_is_judged(
    tmp_path: Path, block: object, said: list[str]
) -> None:
    given: dict[str, Any] = written()
    config = parse_config(given).config
    if block is not None:
        given["backtest"] = block
    warnings = start_warnings(Workspace(tmp_path), config, given, None)
    assert len(warnings) == len(said)
    for warning, words in zip(warnings, said, strict=True):
        assert words in warning


async def test_a_report_tells_of_its_beginning_what_is_no_longer_so(tmp_path: Path) -> None:
    async with on_stage(tmp_path, Venue(), notices=(NOT_BACKTESTED, "Its clock is off.")) as stage:
        await stage.play(KNOWN, KNOWN + 20)
        report = await stage.stop()
    workspace = stage.bench.workspace
    unsaved = add_comparison(workspace, report)
    assert unsaved["warnings"] == [NOT_BACKTESTED, "Its clock is off."]
    assert "No backtest is saved" in unsaved["recommendation"]

    save_promise(workspace.strategies, CROSS)
    saved = add_comparison(workspace, report)
    assert "No backtest is saved" not in saved["recommendation"]
    begun = "When it began, no backtest was saved in this strategy's document."
    assert saved["warnings"] == [begun, "Its clock is off."]


def test_a_backtest_that_was_of_an_older_config_is_told_of_as_of_then(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    document = save_promise(workspace.strategies, CROSS)
    block = read_strategy(document).config["backtest"]
    digest = signal_source(parse_config(CROSS).config).digest
    (older,) = warnings = tuple(backtest_warnings(document, block, "cross", "another"))
    assert warnings_since(warnings, document, block, "cross", "another") == [older]
    (told,) = warnings_since(warnings, document, block, "cross", digest)
    assert told == "When it began, the saved backtest was of an older version of its config."


@pytest.mark.parametrize(
    ("at_the_start", "later"),
    [
        (
            SIMULATED.format("testnet", "no keys"),
            "asked for testnet, runs simulated; when it began: no keys",
        ),
        (KEYS_UNUSED.format("a poll feed"), "it runs simulated; when it began: a poll feed"),
        (
            KEYS_USED,
            "when it began, there were keys for the testnet, so its fills are ordered there",
        ),
        (
            NO_TRIAL.format("no promise"),
            "it was a trial, and is none now; when it began: no promise",
        ),
        ("the warm-up was set by hand to 9 candles", "the warm-up was set by hand to 9 candles"),
    ],
)
def test_what_may_change_is_told_of_a_session_as_of_its_beginning(
    at_the_start: str, later: str
) -> None:
    (told,) = as_it_began([at_the_start])
    assert told.startswith(later)


@pytest.mark.parametrize("block", [None, "soon", {"win_rate": "good"}])
def test_a_backtest_that_was_missing_is_told_of_in_the_past(block: object) -> None:
    warnings = tuple(backtest_warnings(None, block, "cross", "digest"))
    assert warnings
    for told in as_it_began((*warnings, "No backtest stands behind this strategy yet.")):
        assert told.startswith(
            ("When it began, no backtest was saved", "When it began: its `backtest:`")
        )
