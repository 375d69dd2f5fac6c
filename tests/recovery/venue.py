"""Sessions on an embedded exchange that misbehaves, and what they are held to afterwards."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from core.backtest.run import run_backtest
from core.exchange.server import EmbeddedExchange
from core.host.host import Host, HostOptions
from core.journal.candle_journal import read_candle_journal
from core.journal.session_journal import RunInputs
from core.journal.values import FeedKind, SessionState
from core.market.candles.candle import Candle
from core.market.candles.timeframes import DAY, HOUR, MINUTE, Timeframe
from core.market.feeds.feed import Feed
from core.market.feeds.streams.follower import FollowPace, StreamFeed
from core.market.feeds.streams.gateway import VenueGateway
from core.market.feeds.streams.streams import Pace
from core.market.venues.binance.addresses import embedded
from core.market.venues.binance.dialect import BinanceDialect
from core.report.result import result_to_json
from core.store.workspace import Workspace
from core.time_format import parse_time
from tests.exchange.feeds import FOLLOW_PACE, PATIENCE, STREAM_PACE
from tests.unit.host.hosts import running
from tests.unit.session.sessions import RSI
from tests.waiting import until

FUNDED = 20_755 * DAY + 8 * HOUR
START = FUNDED - 25 * MINUTE

SPOT: dict[str, Any] = {
    **RSI,
    "symbols": ["BTC/USDT", "ETH/USDT"],
    "timeframe": "1m",
    "trade_size_pct": 50,
    "entry_conditions": [{"indicator": "rsi", "operator": "lt", "value": 50}],
    "exit_conditions": [{"indicator": "rsi", "operator": "gt", "value": 52}],
    "max_hold": 6,
}
PERPETUAL: dict[str, Any] = {
    **SPOT,
    "name": "always_short",
    "symbols": ["BTC/USDT:USDT"],
    "direction": "short",
    "leverage": 3,
    "entry_conditions": [{"indicator": "close", "operator": "gt", "value": 0}],
    "exit_conditions": [],
    "max_hold": 5,
}


async def live_on(
    exchange: EmbeddedExchange,
    root: Path,
    use: Callable[[Host], Awaitable[None]],
    pace: Pace = STREAM_PACE,
    follow: FollowPace = FOLLOW_PACE,
) -> None:
    """A host whose live feed is the exchange, for as long as `use` takes."""
    desk = VenueGateway(
        BinanceDialect(embedded(exchange.rest_url, exchange.futures_rest_url)),
        pace=pace,
        patience=PATIENCE,
    )

    async def feed(*_: Any) -> Feed:
        return StreamFeed(desk, follow)

    try:
        async with running(Workspace(root), HostOptions(feeds={FeedKind.LIVE: feed})) as host:
            await use(host)
    finally:
        await desk.close()


async def all_running(host: Host) -> None:
    """Return once every session has begun.

    `running_since` would not do: while a clock moved by hand stands still, the session's estimate
    of it has run ahead, and the exchange's next answer puts it back before the beginning.
    """
    await until(
        lambda: all(
            one.state not in (SessionState.STARTING, SessionState.WARMING_UP)
            for one in host.fresh_snapshot().sessions
        )
    )


async def caught_up(host: Host, time: int) -> None:
    """Return once every session has decided on the candle that opens at `time`."""
    await until(
        lambda: all((one.last_candle or 0) >= time for one in host.fresh_snapshot().sessions)
    )


def differences(report: Any, inputs: RunInputs) -> list[str]:
    """In what a session's report is not the backtest of the candles it received."""
    backtest = run_backtest(
        inputs.config,
        inputs.candles,
        filters=inputs.filters,
        funding=inputs.funding,
        decide_from=inputs.decide_from,
    )
    expected = result_to_json(backtest, equity=True)
    names = ("trades", "open_trades", "equity", "metrics", "period")
    return [
        f"its {name} are not the backtest's" for name in names if report[name] != expected[name]
    ]


def agrees(report: Any, inputs: RunInputs) -> None:
    wrong = differences(report, inputs)
    assert not wrong, wrong
    assert report["trades"]


def unaccounted(
    root: Path, report: Any, inputs: RunInputs, exchange: EmbeddedExchange, feed: str = "live"
) -> list[str]:
    """Which of a session's candles are neither what the exchange has now nor stated otherwise."""
    journals = root / "journal" / feed
    return [
        f"{symbol} {wrong}"
        for symbol in inputs.config.symbols
        for wrong in unaccounted_of(
            journals, report, inputs, symbol, finally_told(exchange, symbol)
        )
    ]


def unaccounted_of(
    journals: Path, report: Any, inputs: RunInputs, symbol: str, told: Mapping[int, Candle]
) -> list[str]:
    """The same of one symbol, of which the exchange tells the candles `told`, by open time.

    A candle the session never had must be stated as a gap, one that it had otherwise as a revision
    in its candle journal, and no gap may be stated where the exchange has candles.
    """
    candles = inputs.candles[symbol]
    name = f"{symbol.replace('/', '-').replace(':', '-')}-{inputs.config.timeframe}.jsonl"
    revised = set(read_candle_journal(journals / name).revised.time.tolist())
    had, stated = set(candles.time.tolist()), stated_missing(report, symbol)
    begin, end = inputs.decide_from or 0, parse_time(report["period"]["end"])
    holes = set(range(begin, end + 1, MINUTE)) - had
    return [
        *(
            f"{candle.time}: not the exchange's candle, and not revised"
            for candle in candles
            if told.get(candle.time) != candle and candle.time not in revised
        ),
        *(f"{time}: missing, and not stated" for time in sorted(holes - stated)),
        *(f"{time}: missing, though the exchange has it" for time in sorted(holes & told.keys())),
    ]


def stated_missing(report: Any, symbol: str) -> set[int]:
    """Open times of the minutes of a symbol that a report states as gaps."""
    return {
        time
        for gap in report["gaps"]
        if gap["symbol"] == symbol
        for time in range(parse_time(gap["first"]), parse_time(gap["last"]) + 1, MINUTE)
    }


def finally_told(exchange: EmbeddedExchange, symbol: str) -> dict[int, Candle]:
    """The minutes of a symbol that the exchange has now, by open time."""
    now, replay = exchange.clock.now(), exchange.venue.replay
    closed = replay.closed(symbol, Timeframe.M1, START - 400 * MINUTE, Timeframe.M1.floor(now))
    return {candle.time: candle for candle in closed}
