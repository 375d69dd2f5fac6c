"""A session is compared with a backtest on the candles that the exchange tells now."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from core.bootstrap import report_source
from core.compare.request import ComparisonError, ComparisonRequest
from core.compare.service import add_comparison, compare_strategy
from core.exchange.market.clock import ManualClock
from core.exchange.market.recorded import RecordedMarket
from core.exchange.server import EmbeddedExchange
from core.journal.values import FeedKind, Mode
from core.market.candles.candles import Candles
from core.market.candles.timeframes import Timeframe
from core.session.reports import read_report, write_report
from core.store.durable import OsDisk
from core.store.workspace import Workspace
from core.time_format import wall_clock
from tests.unit.compare.test_sources import END, KNOWN, SYMBOL, Venue, on_stage
from tests.unit.session.sessions import market

REQUEST = ComparisonRequest("cross", Timeframe.M5, sessions=("abcd1234",))


def in_cents() -> Candles:
    """The market, in prices that an exchange can quote."""
    candles = market(END)
    names = ("open", "high", "low", "close", "volume")
    return replace(candles, **{name: np.round(getattr(candles, name), 2) for name in names})


async def finished_with_a_gap(root: Path) -> Workspace:
    """A workspace with a session that missed two candles, at one of which it would have entered."""
    async with on_stage(root, Venue(candles=in_cents())) as stage:
        entry = await stage.due_entry(400)
        stage.venue.gap(stage.venue.at(entry), stage.venue.at(entry + 1))
        await stage.play(entry + 2, END)
        report = await stage.stop()
    workspace = stage.bench.workspace
    report = add_comparison(workspace, report)
    write_report(workspace.session("abcd1234"), report, OsDisk())
    assert read_report(workspace.session("abcd1234")) == orjson.loads(orjson.dumps(report))
    return workspace


async def test_what_the_session_missed_is_fetched_and_named(tmp_path: Path) -> None:
    workspace = await finished_with_a_gap(tmp_path)
    traded = RecordedMarket({SYMBOL: (Timeframe.M5, in_cents())})
    async with EmbeddedExchange(traded, ManualClock(wall_clock())) as exchange:
        addresses = f"addresses: {{spot_rest: '{exchange.rest_url}'}}\n"
        workspace.preferences.write_text(addresses, encoding="utf-8")
        seen = await compare_strategy(workspace, REQUEST, report_source(workspace))
        fetched = await compare_strategy(
            workspace, replace(REQUEST, fetch=True), report_source(workspace)
        )
    divergence = seen.divergence
    assert divergence is not None
    assert divergence.differing == ()
    divergence = fetched.divergence
    assert divergence is not None
    causes = {str(kind) for kind, _, _ in divergence.by_cause}
    assert causes == {"data gap", "balance"}
    (replayed,) = fetched.replays
    assert not replayed.same_candles
    assert "makes the same" in replayed.parity


async def test_prices_from_no_exchange_cannot_be_fetched(tmp_path: Path) -> None:
    demo: dict[str, Any] = {"feed": FeedKind.DEMO, "mode": Mode.DEMO}
    async with on_stage(tmp_path, Venue(), **demo) as stage:
        await stage.play(KNOWN, KNOWN + 20)
        report = await stage.stop()
    workspace = stage.bench.workspace
    write_report(workspace.session("abcd1234"), report, OsDisk())
    with pytest.raises(ComparisonError, match="no exchange tells them"):
        await compare_strategy(workspace, replace(REQUEST, fetch=True), report_source(workspace))
