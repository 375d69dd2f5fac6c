"""Sessions for tests: made-up markets, configs, and an engine run to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from core.journal.manifest import SessionManifest, read_manifest, write_manifest
from core.journal.session_journal import SessionJournal, Storage
from core.journal.values import BrokerKind, FeedKind, Mode
from core.market.candles.candles import Candles
from core.market.candles.timeframes import Timeframe
from core.market.feeds.feed import Feed
from core.market.feeds.replay import ReplayFeed
from core.session.engine import Engine, EngineContext
from core.session.recovery import rebuild
from core.session.snapshot import Level
from core.store.durable import Disk, OsDisk
from core.store.workspace import Workspace
from core.strategy.config.canonical import config_digest, config_to_dict
from core.strategy.config.parsing import parse_config
from core.trading.values import Fills

START = 1_700_006_400_000  # 2023-11-15 00:00 UTC
SPAN = Timeframe.M5.ms

RSI: dict[str, Any] = {
    "name": "rsi_bounce",
    "symbols": ["BTC/USDT"],
    "timeframe": "5m",
    "indicators": [{"name": "rsi", "params": {"period": 14}}],
    "entry_conditions": [{"indicator": "rsi", "operator": "lt", "value": 40}],
    "exit_conditions": [{"indicator": "rsi", "operator": "gt", "value": 60}],
    "stop_loss_pct": 2,
    "take_profit_pct": 3,
}
TWO_SYMBOLS = {**RSI, "name": "rsi_two", "symbols": ["BTC/USDT", "ETH/USDT"], "trade_size_pct": 50}


def market(count: int, seed: int = 7, start: int = START) -> Candles:
    """A random walk of 5-minute candles without gaps."""
    random = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.004, count)))
    open_ = np.concatenate(([100.0], close[:-1]))
    reach = np.abs(random.normal(0, 0.002, (2, count)))
    high = np.maximum(open_, close) * (1 + reach[0])
    low = np.minimum(open_, close) * (1 - reach[1])
    time = start + SPAN * np.arange(count, dtype=np.int64)
    return Candles(time, open_, high, low, close, random.uniform(1, 2, count))


def without(candles: Candles, *places: int) -> Candles:
    """The candles, but for those at `places`."""
    keep = np.ones(len(candles), dtype=bool)
    keep[list(places)] = False
    return Candles(
        *(
            getattr(candles, name)[keep]
            for name in ("time", "open", "high", "low", "close", "volume")
        )
    )


class Bench:
    """A workspace in which engines are run one after the other, as hosts would."""

    def __init__(self, root: Path, disk: Disk | None = None) -> None:
        self.workspace = Workspace(root)
        self.workspace.prepare()
        self.disk = disk or OsDisk()
        self.log: list[str] = []
        self.loud: list[tuple[Level, str]] = []  # what of it is trouble
        self.naps: list[float] = []
        self.journals: dict[str, SessionJournal] = {}  # of the sessions made here, by ID
        self.seconds = 0.0
        self.restart()

    def restart(self) -> None:
        """Forget everything that is not on the disk."""
        self.storage = Storage.of(self.workspace, self.disk)

    def context(self) -> EngineContext:
        def log(level: Level, text: str) -> None:
            self.log.append(text)
            if level in (Level.WARNING, Level.ERROR):
                self.loud.append((level, text))

        async def nap(seconds: float) -> None:
            self.naps.append(seconds)
            await asyncio.sleep(0)

        return EngineContext(lambda: START, log, sleep=nap, monotonic=lambda: self.seconds)

    def record(self, config: dict[str, Any], **fields: Any) -> SessionManifest:
        parsed = parse_config(config).config
        values: dict[str, Any] = {
            "id": "abcd1234",
            "created": START,
            "config": config_to_dict(parsed),
            "digest": config_digest(parsed),
            "feed": FeedKind.REPLAY,
            "source": "replay-abcd1234",
            "broker": BrokerKind.SIMULATED,
            "broker_asked": BrokerKind.SIMULATED,
            "mode": Mode.REPLAY,
            "fills": Fills.CANDLE,
            **fields,
        }
        return SessionManifest(**values)

    def new(self, record: SessionManifest, feed: Feed) -> Engine:
        """A session's engine; nothing has happened in it yet."""
        write_manifest(self.workspace.session(record.id), record, self.disk)
        self.journals[record.id] = journal = self.storage.create_log(record)
        return Engine(journal, feed, self.context())

    async def again(self, feed: Feed, session_id: str = "abcd1234") -> Engine:
        """The engine of a session that an earlier one left, however it did."""
        record = read_manifest(self.workspace.session(session_id))
        session, lines, _ = self.storage.reopen_log(record)
        await session.open_candle_journals()
        recovered = rebuild(record, lines, session.candles())
        return Engine(session, feed, self.context(), recovered)


def replay(candles: Mapping[str, Candles] | Candles) -> ReplayFeed:
    """The candles at full speed."""
    named = {"BTC/USDT": candles} if isinstance(candles, Candles) else candles
    return ReplayFeed(named, Timeframe.M5)
