"""Chooses the feed of a session by its kind, and replays candle files."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from core.backtest.candle_data import strategy_candles
from core.journal.manifest import SessionManifest
from core.journal.values import FeedKind
from core.market.feeds.feed import Feed, FeedError
from core.market.feeds.replay import ReplayFeed
from core.market.files.errors import CandleFileError
from core.strategy.config.config import StrategyConfig

FeedMaker = Callable[[SessionManifest, StrategyConfig], Awaitable[Feed]]
"""Makes the feed of one session; raises `FeedError` where it cannot."""


class Feeds:
    """Makes feeds by kind: replay itself, the others by the makers a host was given."""

    def __init__(self, makers: Mapping[FeedKind, FeedMaker]) -> None:
        self._makers = {FeedKind.REPLAY: replay_feed, **makers}

    def offers(self, kind: FeedKind) -> bool:
        """Whether sessions may have this kind of feed here."""
        return kind in self._makers

    async def make(self, record: SessionManifest, config: StrategyConfig) -> Feed:
        """The feed of one session.

        Raises:
            FeedError: it cannot be made; the message says why.
        """
        maker = self._makers.get(record.feed)
        if maker is None:
            offered = ", ".join(sorted(self._makers))
            raise FeedError(f"this host has no {record.feed} feed; it has {offered}")
        return await maker(record, config)


async def replay_feed(record: SessionManifest, config: StrategyConfig) -> Feed:
    """The session's candle files at its speed.

    Raises:
        FeedError: a symbol has no file, or a file is none of candles of the session's timeframe.
    """
    files = record.data or {}
    missing = [symbol for symbol in config.symbols if symbol not in files]
    if missing:
        raise FeedError(f"a replay needs a candle file for each symbol; none for {missing[0]}")
    ordered = {symbol: files[symbol] for symbol in config.symbols}
    try:
        candles, _ = await asyncio.to_thread(strategy_candles, config, ordered, record.columns)
    except CandleFileError as error:
        raise FeedError(error.discreet) from error
    return ReplayFeed(candles, config.timeframe, speed=record.speed)
