"""A session to which one thing happens is told from its backtest by that thing, to the cent.

Every session here runs through the real engine on a scripted market, is left in its files, and is
then compared as its report would be. Untouched, it trades exactly as its backtest.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.backtest.drive import Course, drive
from core.compare.comparison import ComparisonResult
from core.compare.decisions import DecisionLayer
from core.compare.replay import replay_session
from core.compare.request import ComparisonRequest
from core.compare.sources import compare_sources
from core.compare.to_json import comparison_to_json
from core.compare.verdict import NO_BACKTEST, NO_PROMISE, NOT_BY_ITS_RULES
from core.compare.waterfall import Part
from core.host.living_session import report_of
from core.journal.values import FeedKind, Mode
from core.market.candles.candles import Candle, Candles
from core.market.candles.timeframes import Timeframe
from core.market.feeds.feed import FundingRate, PriceSeen, Revised
from core.market.filters import NO_FILTERS, MarketFilters
from core.report.written_report import AS_ITS_BACKTEST
from core.session.engine import Engine
from core.trading.account import Account
from core.trading.values import Fills
from core.trial.decisions import judge_decisions
from core.trial.state import State
from tests.unit.session.scripted import TestFeed
from tests.unit.session.sessions import SPAN, Bench, market
from tests.waiting import until

SYMBOL = "BTC/USDT"
KNOWN, END = 260, 700
CROSS: dict[str, Any] = {
    "name": "cross",
    "symbols": [SYMBOL],
    "timeframe": "5m",
    "indicators": [{"name": "sma", "params": {"period": 12}}],
    "entry_conditions": [{"indicator": "close", "operator": "cross_above", "value": "sma"}],
    "exit_conditions": [{"indicator": "close", "operator": "cross_below", "value": "sma"}],
    "stop_loss_pct": 3,
    "fees": 0.0004,
}
LIVE: dict[str, Any] = {
    "feed": FeedKind.LIVE,
    "mode": Mode.SIMULATED,
    "source": "live",
    "warmup": 200,
    "fills": Fills.MARKET,
}


class Venue(TestFeed):
    """A live market that says a price at the open of each candle, and then the candle."""

    def __init__(
        self,
        symbol: str = SYMBOL,
        candles: Candles | None = None,
        filters: MarketFilters = NO_FILTERS,
    ) -> None:
        super().__init__({symbol: market(END) if candles is None else candles}, KNOWN)
        self.symbol = symbol
        self._filters = filters

    async def filters(self, symbol: str) -> MarketFilters:
        return self._filters

    def at(self, place: int) -> Candle:
        return self.candles[self.symbol].at(place)

    def quote(self, price: float, time: int) -> None:
        """Let a price be seen at a time."""
        self.time = max(self.time, time)
        self.say(PriceSeen(self.symbol, time, price, price, price))

    def pass_candle(self, place: int, *, backfilled: bool = False) -> None:
        """Let a candle live from its open to its close."""
        if not backfilled:
            self.quote(self.at(place).open, self.at(place).time)
        self.candle(place, self.symbol, backfilled=backfilled)


class Stage:
    """A session on its venue, and what its report compares it with."""

    def __init__(self, bench: Bench, engine: Engine, venue: Venue) -> None:
        self.bench = bench
        self.engine = engine
        self.venue = venue

    async def play(self, first: int, stop: int) -> None:
        """Let candles pass, until all of them are decided on."""
        for place in range(first, stop):
            self.venue.pass_candle(place)
        await self.decided(stop - 1)

    async def decided(self, place: int) -> None:
        time = self.venue.at(place).time
        handler = self.engine.handler
        assert handler is not None
        await until(lambda: handler.settled and (handler.runner.moment_time or 0) >= time)

    async def due_entry(self, first: int) -> int:
        """Let candles pass until an entry is due, and return the next candle's number.

        It comes from candle number `first` or a later one.
        """
        await self.play(KNOWN, first)
        return await self.due_entry_from(first)

    async def due_entry_from(self, first: int) -> int:
        """The same, where the candles before `first` have passed already."""
        for place in range(first, END):
            await self.play(place, place + 1)
            assert self.engine.handler is not None
            if any(self.engine.handler.runner.account.due_entries):
                return place + 1
        raise AssertionError("no entry in this market")

    async def stop(self) -> dict[str, Any]:
        await self.engine.command("stop")
        return report_of(self.engine)


@asynccontextmanager
async def on_stage(
    root: Path, venue: Venue, config: Mapping[str, Any] = CROSS, **fields: Any
) -> AsyncIterator[Stage]:
    bench = Bench(root)
    record = bench.record({**config, "symbols": [venue.symbol]}, **{**LIVE, **fields})
    async with living(bench.new(record, venue)) as engine:
        yield Stage(bench, engine, venue)


@asynccontextmanager
async def living(engine: Engine) -> AsyncIterator[Engine]:
    task = asyncio.create_task(engine.live())
    assert isinstance(engine.feed, TestFeed)
    feed = engine.feed
    await until(lambda: bool(feed.subscribed) or task.done())
    try:
        yield engine
    finally:
        await engine.command("leave")
        await task


def compared(stage: Stage, report: Mapping[str, Any], *, beyond: int = 0) -> ComparisonResult:
    """What the session's report says, once it is shown to sum.

    The last `beyond` of its trades are not part of the comparison.
    """
    request = ComparisonRequest("cross", Timeframe.M5)
    found = compare_sources(stage.bench.workspace, request, (report,))
    divergence = found.divergence
    assert divergence is not None
    (replayed,) = found.replays
    assert replayed.beyond == beyond
    meant = [trade["pnl"] for trade in report["trades"][: len(report["trades"]) - beyond]]
    meant += [-trade.pnl for trade in replayed.now.trades]
    for each in divergence.trades:
        if each.held is not None:
            meant.append(each.held.unrealized_pnl * (1 if each.paper is None else -1))
    assert divergence.difference == pytest.approx(math.fsum(meant), abs=1e-8)
    written: Any = comparison_to_json(found)["divergence"]
    cents = sum(Decimal(amount) for amount in written["waterfall_cents"].values())
    assert cents == round(Decimal(divergence.difference), 2)
    decisions = found.layers.decisions
    assert decisions is not None
    assert decisions.judged.decided == len(replayed.now.times)
    assert decisions.judged.unexplained == 0
    return found


def names(found: ComparisonResult) -> set[str]:
    assert found.divergence is not None
    return {str(kind) for kind, _, _ in found.divergence.by_cause}


async def test_a_session_without_a_backtest_is_asked_for_no_promise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with on_stage(tmp_path, Venue()) as stage:
        await stage.play(KNOWN, END)
        report = await stage.stop()
    found = compared(stage, report)
    assert [column.heading for column in found.columns] == ["Replay", "Paper"]
    assert found.assessment == NO_PROMISE.format(column="Paper")
    assert found.recommendation == f"{AS_ITS_BACKTEST} {NO_BACKTEST}"
    odd = DecisionLayer(judge_decisions(100, 50, 50, margin=0.001), ())
    monkeypatch.setattr("core.compare.layers.decision_layer", lambda *_: odd)
    request = ComparisonRequest("cross", Timeframe.M5)
    broken = compare_sources(stage.bench.workspace, request, (report,))
    assert broken.assessment == "Paper does not hold beside its own replay (decisions)."
    assert broken.recommendation.startswith(NOT_BY_ITS_RULES)
    assert broken.recommendation.endswith(NO_BACKTEST)


@pytest.mark.parametrize("fills", list(Fills))
async def test_an_untouched_session_trades_as_its_backtest(
    tmp_path: Path, fills: Fills, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with on_stage(tmp_path, Venue(), fills=fills) as stage:
        await stage.play(KNOWN, END)
        report = await stage.stop()
    told: list[bool] = []  # of each run of the replay

    def counted(account: Account, *given: Any) -> Course:
        told.append(account.tells)
        return drive(account, *given)

    monkeypatch.setattr("core.backtest.run.drive", counted)
    found = compared(stage, report)
    assert told.count(True) == 1  # what it did is found out by another run: once, not a question
    (replayed,) = found.replays
    assert len(replayed.now.trades) > 15
    assert names(found) == set()
    assert found.layers.decisions is not None
    assert found.layers.decisions.differences == ()
    assert found.layers.decisions.state is State.KEPT
    assert replayed.same_candles
    assert "makes the same" in replayed.parity
    if fills is Fills.CANDLE:
        assert replayed.now.equity.tolist() == [value for _, value in report["equity"]]


async def test_a_gap(tmp_path: Path) -> None:
    async with on_stage(tmp_path, Venue()) as stage:
        entry = await stage.due_entry(400)
        venue = stage.venue
        venue.gap(venue.at(entry), venue.at(entry + 1))
        await stage.play(entry + 2, END)
        report = await stage.stop()
    # Another session's warm-up has filled the candle journal since.
    other = Venue()
    other.time = venue.at(END - 1).time + SPAN
    record = stage.bench.record({**CROSS}, id="other123", **{**LIVE, "warmup": 400})
    async with living(stage.bench.new(record, other)):
        pass
    found = compared(stage, report)
    (replayed,) = found.replays
    assert not replayed.same_candles
    assert "makes the same" in replayed.parity
    assert names(found) == {"data gap", "balance"}


async def test_candles_fetched_from_the_exchange_show_what_was_missed(tmp_path: Path) -> None:
    async with on_stage(tmp_path, Venue()) as stage:
        entry = await stage.due_entry(400)
        venue = stage.venue
        venue.gap(venue.at(entry), venue.at(entry + 1))
        await stage.play(entry + 2, END)
        report = await stage.stop()
    assert names(compared(stage, report)) == set()
    now = replay_session(stage.bench.workspace, report, {SYMBOL: market(END)})
    assert {str(kind) for kind, _, _ in now.divergence.by_cause} == {"data gap", "balance"}
    assert now.divergence.differing[0].trade.signal_time == venue.at(entry - 1).time


async def test_a_revised_candle(tmp_path: Path) -> None:
    async with on_stage(tmp_path, Venue()) as stage:
        entry = await stage.due_entry(400)
        old = stage.venue.at(entry - 1)
        new = old._replace(close=old.open * 0.97, low=old.open * 0.97)
        stage.venue.say(Revised(SYMBOL, Timeframe.M5, old, new))
        await stage.play(entry, END)
        report = await stage.stop()
    found = compared(stage, report)
    assert names(found) == {"candle revised", "balance"}
    assert found.layers.decisions is not None
    causes = {each.cause.kind.value for each in found.layers.decisions.differences}
    assert causes == {"candle revised"}
    assert "makes the same" in found.replays[0].parity


@pytest.mark.parametrize(("late", "cause"), [(1_000, "slippage"), (60_000, "latency")])
async def test_a_worse_price_at_once_or_late(tmp_path: Path, late: int, cause: str) -> None:
    async with on_stage(tmp_path, Venue()) as stage:
        entry = await stage.due_entry(400)
        candle = stage.venue.at(entry)
        stage.venue.quote(candle.open * 1.001, candle.time + late)
        stage.venue.candle(entry)
        await stage.play(entry + 1, END)
        report = await stage.stop()
    found = compared(stage, report)
    assert names(found) == {cause, "balance"}
    divergence = found.divergence
    assert divergence is not None
    assert divergence.count(divergence.trades[0].kind.MATCHED) == len(divergence.trades)
    assert f"1 {cause} -" in divergence.summary
    costs = found.layers.costs
    assert costs is not None
    dearest = max(costs.fills, key=lambda fill: fill.shortfall_bp)
    assert dearest.time == candle.time + late
    assert dearest.shortfall_bp == pytest.approx(10.0)
    assert dearest.entry


async def test_a_filter_reject(tmp_path: Path) -> None:
    filters = MarketFilters(min_quantity=Decimal(50))
    async with on_stage(tmp_path, Venue(filters=filters)) as stage:
        entry = await stage.due_entry(400)
        candle = stage.venue.at(entry)
        stage.venue.quote(candle.open * 3, candle.time)
        stage.venue.candle(entry)
        await stage.play(entry + 1, END)
        report = await stage.stop()
    found = compared(stage, report)
    assert names(found) == {"filter reject", "balance"}


async def test_downtime(tmp_path: Path) -> None:
    async with on_stage(tmp_path, Venue()) as stage:
        entry = await stage.due_entry(400)
    # Rewind: the host died before the candle that decides, and is back inside the next one.
    root = tmp_path / "again"
    async with on_stage(root, Venue()) as stage:
        await stage.play(KNOWN, entry - 1)
    bench = stage.bench
    bench.restart()
    venue = Venue()
    venue.time = venue.at(entry).time + 90_000
    async with living(await bench.again(venue)) as engine:
        stage = Stage(bench, engine, venue)
        venue.pass_candle(entry - 1, backfilled=True)
        await stage.decided(entry - 1)
        venue.quote(venue.at(entry).open * 1.002, venue.at(entry).time + 90_000)
        venue.candle(entry)
        await stage.play(entry + 1, END)
        report = await stage.stop()
    found = compared(stage, report)
    assert names(found) == {"downtime", "balance"}


async def test_a_risk_limit(tmp_path: Path) -> None:
    config = {**CROSS, "max_daily_loss_pct": 8}
    async with on_stage(tmp_path, Venue(), config) as stage:
        entry = await stage.due_entry(400)
        candle = stage.venue.at(entry)
        stage.venue.quote(candle.open, candle.time)
        stage.venue.quote(candle.open * 0.88, candle.time + 1_000)
        stage.venue.candle(entry)
        await stage.play(entry + 1, END)
        report = await stage.stop()
    found = compared(stage, report)
    assert names(found) == {"slippage", "risk limit", "balance"}
    divergence = found.divergence
    assert divergence is not None
    refused = [each for each in divergence.differing if each.paper is None]
    assert {str(each.cause.kind) for each in refused if each.cause} == {"risk limit"}


async def test_a_manual_close_and_a_pause(tmp_path: Path) -> None:
    async with on_stage(tmp_path, Venue()) as stage:
        entry = await stage.due_entry(400)
        await stage.play(entry, entry + 1)
        await stage.engine.command("flatten")
        await stage.play(entry + 1, entry + 2)
        await stage.engine.command("pause")
        await stage.play(entry + 2, END)
        report = await stage.stop()
    found = compared(stage, report)
    assert names(found) == {"manual"}
    divergence = found.divergence
    assert divergence is not None
    words = [each.cause.detail for each in divergence.differing if each.cause]
    assert words[0] == "closed by hand"
    assert any("differ by hand" in sign for sign in found.warning_signs)
    assert set(words[1:]) == {"entries are paused"}


async def test_a_stop_that_closes_the_position_is_no_riddle(tmp_path: Path) -> None:
    async with on_stage(tmp_path, Venue()) as stage:
        entry = await stage.due_entry(400)
        await stage.play(entry, entry + 1)
        stopping = asyncio.create_task(stage.engine.command("stop", flatten=True))
        await until(lambda: stage.engine.state == "stopping")
        following = stage.venue.at(entry + 1)
        stage.venue.quote(following.open, following.time)
        await stopping
        report = report_of(stage.engine)
    assert report["trades"][-1]["exit_reason"] == "manual"
    found = compared(stage, report)
    assert names(found) == {"manual"}
    # The replay still holds the position, marked to about the price that it was left at.
    assert found.divergence is not None
    (differing,) = found.divergence.differing
    assert differing.held is not None
    assert differing.paper is not None
    apart = differing.paper.pnl - differing.held.unrealized_pnl
    assert found.divergence.difference == pytest.approx(apart)
    assert found.divergence.parts[Part.EXTRA] == 0


async def test_what_closes_after_the_last_whole_candle_is_not_matched(tmp_path: Path) -> None:
    async with on_stage(tmp_path, Venue()) as stage:
        place = await stage.due_entry(400)
        handler = stage.engine.handler
        assert handler is not None
        while handler.runner.account.due_exits == [None]:
            await stage.play(place, place + 1)
            place += 1
        candle = stage.venue.at(place)
        stage.venue.quote(candle.open * 0.999, candle.time + 500)
        await until(lambda: handler.settled and handler.runner.flat)
        report = await stage.stop()
    found = compared(stage, report, beyond=1)
    assert names(found) == set()
    assert any("after its last whole candle" in note for note in found.notes)


async def test_leverage_and_funding(tmp_path: Path) -> None:
    config = {**CROSS, "leverage": 3}
    async with on_stage(tmp_path, Venue("BTC/USDT:USDT"), config) as stage:
        venue = stage.venue
        for place in range(KNOWN, END):
            if place % 96 == 0:
                venue.say(FundingRate(venue.symbol, venue.at(place).time, 0.0003))
            venue.pass_candle(place)
        await stage.decided(END - 1)
        report = await stage.stop()
    assert sum(trade["funding"] != 0 for trade in report["trades"]) >= 2
    assert names(compared(stage, report)) == set()


async def test_funding_told_late_is_applied_as_the_session_could(tmp_path: Path) -> None:
    async with on_stage(tmp_path, Venue("BTC/USDT:USDT"), {**CROSS, "leverage": 3}) as stage:
        entry = await stage.due_entry(400)
        await stage.play(entry, entry + 1)
        stage.venue.say(FundingRate(stage.venue.symbol, stage.venue.at(entry).time, 0.0003))
        await stage.play(entry + 1, END)
        report = await stage.stop()
    assert any(trade["funding"] for trade in report["trades"])
    assert names(compared(stage, report)) == set()
