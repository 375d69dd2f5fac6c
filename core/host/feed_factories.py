"""Makes the feeds of one host: live, polled and demo prices.

What is shared by all sessions of a host (connections, clocks, caches, the embedded exchange) is
made when the first session needs it, and closed when the host stops.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from core.exchange.market.clock import RunningClock
from core.exchange.market.market_replay import Market
from core.exchange.server import (
    DEMO_ED25519_KEY,
    DEMO_KEYS,
    EmbeddedExchange,
    ExchangeStartError,
    demo_ed25519,
)
from core.host.feeds import FeedMaker
from core.host.host import Host, HostOptions
from core.journal.manifest import SessionManifest
from core.journal.values import FeedKind
from core.market.feeds.feed import Feed, FeedError
from core.market.feeds.poll import PollFeed, PollPace
from core.market.feeds.streams.follower import FollowPace, StreamFeed
from core.market.feeds.streams.gateway import VenueGateway
from core.market.feeds.streams.streams import Pace
from core.market.history.candle_history import CandleHistory
from core.market.venues.clock import ServerClock
from core.market.venues.dialect import VenueDialect
from core.market.venues.registry import (
    DEFAULT_VENUE,
    VENUES,
    embedded_dialect,
    public_api,
    venue_dialect,
)
from core.store.durable import open_regular
from core.store.workspace import Workspace
from core.strategy.config.config import StrategyConfig

_LAST_LINE = 4_096  # bytes in which the last line of a candle journal surely lies


@dataclass(frozen=True, slots=True)
class DemoMarket:
    """What the embedded exchange of a demo shows: a market, from `start` (UTC ms) on, `speed` times

    as fast as real time. `name` tells this market from others, so that its candles stay together.
    """

    market: Market
    start: int
    speed: float
    name: str


@dataclass(slots=True)
class FeedFactories:
    """Makes the feeds of one host. A companion of it (`attend`), which closes what was opened."""

    workspace: Workspace
    demo: DemoMarket | None = None
    venue: VenueDialect = field(default_factory=venue_dialect)
    pace: FollowPace = field(default_factory=FollowPace)
    poll_pace: PollPace = field(default_factory=PollPace)
    exchange: EmbeddedExchange | None = None
    _markets: dict[str, VenueGateway] = field(default_factory=dict)
    _demo_market: VenueGateway | None = None
    _polled: dict[str, CandleHistory] = field(default_factory=dict)
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock)

    def makers(self) -> Mapping[FeedKind, FeedMaker]:
        """What makes each kind of feed (`HostOptions.feeds`)."""
        makers: dict[FeedKind, FeedMaker] = {FeedKind.LIVE: self._live, FeedKind.POLL: self._poll}
        if self.demo is not None:
            makers[FeedKind.DEMO] = self._demo
        return makers

    def sources(self) -> Mapping[FeedKind, str]:
        """What names the candle journals of each kind of feed (`HostOptions.sources`)."""
        sources = {FeedKind.LIVE: f"live-{self.venue.name}"}
        if self.demo is not None:
            sources[FeedKind.DEMO] = self._demo_source(self.demo)
        return sources

    def demo_address(self, perpetual: bool) -> str | None:
        """Where the demo's exchange answers on spot or on USDⓈ-M; None while it does not run."""
        if self.exchange is None:
            return None
        return self.exchange.futures_rest_url if perpetual else self.exchange.rest_url

    async def attend(self, _: Host) -> None:
        """Wait until the host stops, then close everything."""
        try:
            await asyncio.Event().wait()
        finally:
            for market in self._markets.values():
                await market.close()
            if self._demo_market is not None:
                await self._demo_market.close()
            for history in self._polled.values():
                await history.api.close()
            if self.exchange is not None:
                await self.exchange.stop()

    async def _live(self, record: SessionManifest, _: StrategyConfig) -> Feed:
        name = record.exchange or self.venue.name
        market = self._markets.get(name)
        if market is None:
            if name != self.venue.name and name not in VENUES:
                known = ", ".join(sorted(VENUES))
                raise FeedError(f"{name} has no live feed here, only {known}: use the poll feed")
            dialect = self.venue if name == self.venue.name else venue_dialect(name)
            market = self._markets[name] = VenueGateway(dialect, self.workspace.cache)
        return StreamFeed(market, self.pace, fallback=record.fallback)

    async def _poll(self, record: SessionManifest, _: StrategyConfig) -> Feed:
        name = record.exchange or DEFAULT_VENUE
        history = self._polled.get(name)
        if history is None:
            # The default venue is where the configuration says, polled or streamed.
            if name == self.venue.name:
                api = self.venue.api(ServerClock(own_time=self.venue.own_time))
            else:
                api = public_api(name)
            await api.timeframes()  # so that a wrong name is refused at once
            history = self._polled[name] = CandleHistory(api, self.workspace.cache)
        return PollFeed(history, self.poll_pace)

    async def _demo(self, record: SessionManifest, _: StrategyConfig) -> Feed:
        if self.demo is not None and record.source != self._demo_source(self.demo):
            # The candles of two markets in one journal would be a market that never was.
            raise FeedError(
                "the session trades on another demo market than this host's: start "
                "`papertape demo` as it was started then (with the same --data)"
            )
        async with self._starting:
            if self._demo_market is None:
                exchange = await self._start_exchange()
                dialect = embedded_dialect(exchange.rest_url, exchange.futures_rest_url)
                market = VenueGateway(dialect, pace=demo_pace(exchange.clock.speed))
                # Its time may be years from the machine's, and is asked for before it is told.
                market.clock.heard(exchange.clock.now())
                self._demo_market = market
        return StreamFeed(self._demo_market, self.pace)

    async def _start_exchange(self) -> EmbeddedExchange:
        demo = self.demo
        if demo is None:
            raise FeedError("this host has no demo: start `papertape demo`")
        reached = await asyncio.to_thread(
            last_open_time, self.workspace.journals / self._demo_source(demo)
        )
        # The demo's time goes on where its last host left it, and never backwards.
        start = demo.start if reached is None else max(demo.start, reached)
        exchange = EmbeddedExchange(
            demo.market,
            RunningClock(start, demo.speed),
            keys={**DEMO_KEYS, DEMO_ED25519_KEY: demo_ed25519()[1]},
        )
        try:
            await exchange.start()
        except ExchangeStartError as error:
            raise FeedError(str(error)) from error
        self.exchange = exchange
        return exchange

    def _demo_source(self, demo: DemoMarket) -> str:
        return f"demo-{demo.name}"


def venue_options(venues: FeedFactories, **others: Any) -> HostOptions:
    """The options of a host that trades on these venues; `others` are further ones of it."""
    return HostOptions(
        feeds=venues.makers(),
        sources=venues.sources(),
        demo_address=venues.demo_address,
        demo_speed=1.0 if venues.demo is None else venues.demo.speed,
        **{**others, "companions": (venues.attend, *others.get("companions", ()))},
    )


def demo_pace(speed: float) -> Pace:
    """When the streams of a demo count as silent: as many candles late as in real time.

    The exchange sends four times a second at most, and a busy machine may hold that up.
    """
    usual = Pace()
    return Pace(
        silent_after=max(3.0, usual.silent_after / speed),
        longest_silence=max(30.0, usual.longest_silence / speed),
        watch_every=max(0.5, usual.watch_every / speed),
    )


def last_open_time(journals: Path) -> int | None:
    """The newest open time (UTC ms) at the end of any candle journal in a folder, or None."""
    newest: int | None = None
    for path in journals.glob("*.jsonl"):
        try:
            with open_regular(path) as file:
                file.seek(max(0, path.stat().st_size - _LAST_LINE))
                lines = file.read().splitlines()
        except OSError:
            continue  # who journals there says what is wrong with it
        for line in lines[-2:]:  # the last one may be torn
            with contextlib.suppress(ValueError, KeyError, TypeError):
                newest = max(int(orjson.loads(line)["c"][0]), newest or 0)
    return newest
