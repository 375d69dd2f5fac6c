"""Do a venue's addresses answer, and do its streams really speak?"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import aiohttp

from core.market.stream_connection import Connection, ConnectionPace, StreamConnectError
from core.market.venue import Channel, Venue, is_loopback
from core.market.words import brief

_STREAMS = {
    Channel.SPOT: "btcusdt@kline_1m",
    Channel.FUTURES_PUBLIC: "btcusdt@bookTicker",
    Channel.FUTURES_MARKET: "btcusdt@kline_1m",
}


@dataclass(frozen=True, slots=True)
class Probe:
    """What became of asking one address. `milliseconds`: until the first sensible word."""

    name: str
    address: str
    well: bool
    text: str
    milliseconds: int | None


async def probe_venue(venue: Venue, timeout: float = 10.0) -> tuple[Probe, ...]:
    """Ask all addresses of a venue side by side. Never raises for an address that fails."""
    return tuple(
        await asyncio.gather(
            _probe_rest("spot REST", f"{venue.spot_rest}/api/v3/time", timeout),
            _probe_rest("futures REST", f"{venue.futures_rest}/fapi/v1/time", timeout),
            *(
                _probe_stream(f"{channel} stream", venue.stream_url(channel), stream, timeout)
                for channel, stream in _STREAMS.items()
            ),
        )
    )


async def _probe_rest(name: str, address: str, timeout: float) -> Probe:
    began = time.monotonic()
    try:
        async with (
            aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=timeout), trust_env=not is_loopback(address)
            ) as session,
            session.get(address) as answer,
        ):
            body = await answer.json(content_type=None)
            if answer.status != 200:
                return Probe(name, address, False, f"answers {answer.status}", None)
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        return Probe(name, address, False, brief(error) or type(error).__name__, None)
    if not isinstance(body, dict) or not isinstance(body.get("serverTime"), int):
        return Probe(name, address, False, "answers, but does not tell its time", None)
    took = time.monotonic() - began
    ahead = body["serverTime"] / 1000 - (time.time() - took / 2)
    text = f"answers; its clock is {abs(ahead):.1f} s {'ahead of' if ahead > 0 else 'behind'} ours"
    return Probe(name, address, True, text, int(took * 1000))


async def _probe_stream(name: str, address: str, stream: str, timeout: float) -> Probe:
    began = time.monotonic()
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
        return Probe(name, address, False, str(error), None)
    try:
        await connection.first_message(timeout)
    finally:
        await connection.close()
    if not spoke.is_set():
        text = f"connects, but {stream} says nothing in {timeout:.0f} s"
        return Probe(name, address, False, text, None)
    return Probe(name, address, True, "speaks", int((time.monotonic() - began) * 1000))
