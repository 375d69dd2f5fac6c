"""Do a venue's addresses answer, and do its streams really speak?"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import aiohttp

from core.market.binance.connection import Connection, ConnectionPace, StreamConnectError
from core.market.venue import Channel, Venue, is_loopback
from core.text import brief

_STREAMS = {
    Channel.SPOT: "btcusdt@kline_1m",
    Channel.FUTURES_PUBLIC: "btcusdt@bookTicker",
    Channel.FUTURES_MARKET: "btcusdt@kline_1m",
}


@dataclass(frozen=True, slots=True)
class Probe:
    """What became of asking one address. `ahead`: its clock against ours (ms), where it has one."""

    name: str
    well: bool
    text: str
    ahead: int | None = None


async def probe_venue(venue: Venue, timeout: float = 10.0) -> tuple[Probe, ...]:
    """Ask all addresses of a venue side by side. Never raises for an address that fails."""
    return tuple(
        await asyncio.gather(
            _probe_rest("spot REST", venue.spot_rest, "/api/v3/time", timeout),
            _probe_rest("futures REST", venue.futures_rest, "/fapi/v1/time", timeout),
            *(
                _probe_stream(f"{channel} stream", venue.stream_url(channel), stream, timeout)
                for channel, stream in _STREAMS.items()
            ),
        )
    )


async def _probe_rest(name: str, base: str, path: str, timeout: float) -> Probe:
    limit = aiohttp.ClientTimeout(total=timeout)
    try:
        async with aiohttp.ClientSession(timeout=limit, trust_env=not is_loopback(base)) as session:
            for _ in range(2):  # the first makes the connection, which is not to count
                began = time.monotonic()
                async with session.get(f"{base}{path}") as answer:
                    body = await answer.json(content_type=None)
            if answer.status != 200:
                return Probe(name, False, f"{base} answers {answer.status}")
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        return Probe(name, False, f"{base}: {brief(error) or 'no answer'}")
    if not isinstance(body, dict) or not isinstance(body.get("serverTime"), int):
        return Probe(name, False, f"{base} answers, but does not tell its time")
    took = (time.monotonic() - began) * 1000
    ahead = int(body["serverTime"] - (time.time() * 1000 - took / 2))
    side = "ahead of" if ahead > 0 else "behind"
    text = f"{base} answers in {took:.0f} ms; its clock is {abs(ahead)} ms {side} ours"
    return Probe(name, True, text, ahead)


async def _probe_stream(name: str, address: str, stream: str, timeout: float) -> Probe:
    spoke = asyncio.Event()
    try:
        connection = await Connection.open(
            address,
            {stream},
            lambda _: spoke.set(),
            ConnectionPace(open_timeout=timeout),
            asyncio.sleep,
        )
    except StreamConnectError as error:
        return Probe(name, False, str(error))
    try:
        await connection.first_message(timeout)
    finally:
        await connection.close()
    if not spoke.is_set():
        text = f"{address} connects, but {stream} says nothing in {timeout:.0f} s"
        return Probe(name, False, text)
    return Probe(name, True, f"{address} speaks")
