"""Sessions to be killed: scripted markets, and a host that runs one session to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from core.backtest.run import run_backtest
from core.host.host import Host, HostOptions
from core.host.runner import run_host
from core.journal.manifest import SessionManifest, read_manifest
from core.journal.values import BrokerKind, FeedKind
from core.market.candles.candle import Candle
from core.market.candles.candles import Candles
from core.market.candles.timeframes import Timeframe
from core.market.feeds.feed import (
    CandleClosed,
    Ended,
    EventSink,
    Feed,
    FeedEvent,
    Gap,
    PriceSeen,
    Revised,
)
from core.market.files.candle_files import write_candles
from core.market.filters import NO_FILTERS, MarketFilters
from core.report.stored_backtest import save_backtest
from core.session.snapshot import StartRequest, TrialTerms
from core.store.durable import Disk
from core.store.workspace import Workspace
from core.strategy.config.config import StrategyConfig
from core.strategy.config.parsing import parse_config
from core.strategy.document.yaml_text import write_yaml
from core.time_format import parse_time
from core.trading.values import Fills
from core.trading.venue_hosts import OrderAddresses
from tests.unit.session.sessions import RSI, SPAN, START, TWO_SYMBOLS, market, without

_WARMUP = 200
_DECIDED = 300


@dataclass(frozen=True)
class Scenario:
    """One session: its strategy, its fills, the script of its market, and where its orders go.

    As a `trial` it is sealed on a backtest that was saved before.
    """

    name: str
    config: dict[str, Any]
    fills: Fills
    candles: Mapping[str, Candles]
    revised: Sequence[int] = ()
    feed: FeedKind = FeedKind.LIVE
    orders_to: str | None = None
    broker: BrokerKind = BrokerKind.TESTNET
    trial: TrialTerms | None = None

    @property
    def end(self) -> int:
        """When the session's planned time is over: the candle that closes after it says so."""
        return max(int(table.time[-1]) for table in self.candles.values())


def _history(seed: int, *missing: int) -> Candles:
    return without(market(_WARMUP + _DECIDED, seed=seed), *missing)


_PLAIN = {key: RSI[key] for key in RSI if key not in ("stop_loss_pct", "take_profit_pct")}
_IN_PARTS = _PLAIN | {
    "entry": {"limit": "0.998 * close", "valid": 3},
    "stop": {"atr": {"period": 14, "multiplier": 1.5}, "trail": True},
    "break_even_at_r": 1,
    "target": [{"r": 0.5, "close_pct": 40}, {"r": 1, "close_pct": 30}],
    "risk_pct": 1,
}
_ADDING = _PLAIN | {
    "entry": {"stop": "high", "valid": 2},
    "stop_loss_pct": 3,
    "adds": [
        {"at_pct": -0.5, "size_pct": 100},
        {"at_pct": 0.5, "size_pct": 50},
        {"when": [{"indicator": "close", "operator": "lt", "value": "open"}], "size_pct": 50},
    ],
    "roi": {"0": 2, "30m": 0.5, "2h": 0},
    "cooldown": 2,
    "trade_amount": 1000,
}

SCENARIOS = (
    Scenario("candle", RSI, Fills.CANDLE, {"BTC/USDT": _history(7)}),
    Scenario("trial", RSI, Fills.CANDLE, {"BTC/USDT": _history(7)}, trial=TrialTerms(trades=40)),
    Scenario("market", RSI, Fills.MARKET, {"BTC/USDT": _history(7)}, revised=(250, 300)),
    Scenario(
        "two symbols with gaps",
        {**TWO_SYMBOLS, "direction": "long", "max_hold": 30, "trailing_stop_pct": 1.5},
        Fills.CANDLE,
        {"BTC/USDT": _history(7, 230, 231, 310), "ETH/USDT": _history(8, 100, 310, 420, 421, 422)},
    ),
    Scenario(
        "replay",
        TWO_SYMBOLS,
        Fills.CANDLE,
        {"BTC/USDT": _history(7, 230, 310), "ETH/USDT": _history(8, 310, 420)},
        feed=FeedKind.REPLAY,
    ),
    Scenario("in parts", _IN_PARTS, Fills.MARKET, {"BTC/USDT": _history(7)}),
    Scenario("adding", _ADDING, Fills.MARKET, {"BTC/USDT": _history(7)}, revised=(250,)),
)


class ScriptedFeed:
    """A live market whose time stands at the candle after the last one said.

    Each candle is preceded by four prices inside it. Whoever subscribes gets everything behind the
    candle it names, however often it comes back.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._after: dict[str, int] = {}
        self._now = START + _WARMUP * SPAN
        self._closed = False

    async def history(self, symbol: str, timeframe: Timeframe, count: int) -> Candles:
        table = self._scenario.candles[symbol]
        stop = int(np.searchsorted(table.time, self._now))
        return table.slice(max(0, stop - count), stop)

    async def subscribe(
        self,
        symbol: str,
        timeframe: Timeframe,
        *,
        after: int | None = None,
        quotes: bool = False,
        funding: bool = False,
    ) -> None:
        assert after is not None
        self._after[symbol] = after

    async def run(self, sink: EventSink) -> None:
        async for event in self._events():
            await sink.room(below=1)  # every price is to be seen, whenever the session is killed
            sink.put(event)

    async def _events(self) -> AsyncIterator[FeedEvent]:
        # As a real feed does, compare with the record what was known before.
        for symbol, table in self._scenario.candles.items():
            for place in self._scenario.revised:
                if table.time[place] < self._after[symbol]:
                    yield _revision(symbol, table.at(place))
        for time in range(START, self._scenario.end + SPAN, SPAN):
            for symbol, table in self._scenario.candles.items():
                if time > self._after[symbol]:
                    for event in self._inside(symbol, table, time):
                        await asyncio.sleep(0)
                        if self._closed:
                            return
                        yield event
            self._now = time + SPAN
        yield Ended("the script is over")

    def _inside(self, symbol: str, table: Candles, time: int) -> list[FeedEvent]:
        place = int(np.searchsorted(table.time, time))
        if place == len(table) or table.time[place] != time:
            return [Gap(symbol, Timeframe.M5, time, time, "the script has none")]
        candle = table.at(place)
        path = (candle.open, candle.low, candle.high, candle.close)
        events: list[FeedEvent] = [
            PriceSeen(symbol, time + (number + 1) * SPAN // 5, price * 0.9999, price * 1.0001, None)
            for number, price in enumerate(path)
        ]
        if place - 1 in self._scenario.revised:
            events.append(_revision(symbol, table.at(place - 1)))
        events.append(CandleClosed(symbol, Timeframe.M5, candle))
        return events

    async def filters(self, symbol: str) -> MarketFilters:
        return NO_FILTERS

    def known(self, symbol: str) -> Candles | None:
        return None

    def now(self) -> int:
        return self._now

    async def close(self) -> None:
        self._closed = True


def _revision(symbol: str, old: Candle) -> Revised:
    return Revised(symbol, Timeframe.M5, old, old._replace(close=old.close * 1.01))


async def run_to_the_end(root: Path, scenario: Scenario, disk: Disk) -> dict[str, Any]:
    """Host the workspace until its only session has ended; start the session if there is none."""

    async def feed(_: SessionManifest, __: StrategyConfig) -> Feed:
        return ScriptedFeed(scenario)

    addresses = OrderAddresses(*[scenario.orders_to or "http://127.0.0.1"] * 4)
    if scenario.trial is not None:
        _save_promise(root, scenario)
    options = HostOptions(
        feeds={FeedKind.LIVE: feed}, disk=disk, clock=lambda: START, order_addresses=addresses
    )
    ready = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(run_host(Workspace(root), options, ready.set_result))
    await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        running.result()
    host: Host = ready.result()
    sessions = host.fresh_snapshot().sessions
    if sessions:
        session_id = sessions[0].id
    else:
        session_id = (await host.start(_request(root, scenario))).session_id
    await host.ended(session_id)
    report = dict(await host.reader.report(session_id))
    (final,) = host.fresh_snapshot().sessions
    manifest = read_manifest(host.workspace.session(session_id))
    assert (manifest.seal is None) is (scenario.trial is None)
    assert not manifest.seal_problem
    host.shut_down()
    await running
    orders = {} if scenario.orders_to is None else {"orders": report["venue_orders"]}
    return outcome(report) | orders | {"final": orjson.loads(orjson.dumps(_numbers(final)))}


def _save_promise(root: Path, scenario: Scenario) -> None:
    workspace = Workspace(root)
    workspace.prepare()
    document = workspace.strategies / str(scenario.config["name"]) / "STRATEGY.md"
    if not document.parent.exists():
        document.parent.mkdir()
        document.write_text(f"---\n{write_yaml(scenario.config)}---\n", encoding="utf-8")
        history = {symbol: market(4_000, seed=3) for symbol in scenario.candles}
        result = run_backtest(parse_config(scenario.config).config, history)
        save_backtest(document, result, history, START)


def _request(root: Path, scenario: Scenario) -> StartRequest:
    if scenario.feed is not FeedKind.REPLAY:
        ordered = scenario.orders_to is not None
        return StartRequest(
            scenario.config,
            scenario.feed,
            fills=scenario.fills,
            until=scenario.end,
            broker=scenario.broker if ordered else BrokerKind.SIMULATED,
            trial=scenario.trial,
        )
    files = {}
    for symbol, table in scenario.candles.items():
        path = root / f"{symbol.partition('/')[0]}.csv"
        write_candles(path, table)
        files[symbol] = str(path)
    return StartRequest(scenario.config, scenario.feed, data=files)


def outcome(report: Mapping[str, Any]) -> dict[str, Any]:
    """What may not depend on interruptions: everything but IDs and restarts."""
    kept = ("trades", "open_trades", "equity", "metrics", "ending_balance", "warnings")
    # A gap that was not on the disk yet is stated again, perhaps together with its neighbour.
    missing = [
        (gap["symbol"], time)
        for gap in report["gaps"]
        for time in range(parse_time(gap["first"]), parse_time(gap["last"]) + 1, SPAN)
    ]
    return {
        **{name: report[name] for name in (*kept, "state", "reason")},
        "missing": sorted(f"{symbol} {time}" for symbol, time in missing),
    }


def _numbers(final: Any) -> dict[str, Any]:
    names = ("trades_count", "wins", "realized_pnl", "unrealized_pnl", "equity", "last_candle")
    return {name: getattr(final, name) for name in names}
