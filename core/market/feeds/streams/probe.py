"""Asks whether a venue's addresses answer, and whether its streams really speak."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import aiohttp

from core.market.feeds.streams.connection import Connection, ConnectionPace, StreamConnectError
from core.market.public_session import public_session
from core.market.venues.addresses import is_loopback
from core.market.venues.dialect import VenueDialect, VenueStream
from core.store.redaction import brief
from core.time_format import wall_clock


@dataclass(frozen=True, slots=True)
class Probe:
    """What became of asking one address. `ahead`: its clock against ours (ms), where it has one."""

    name: str
    well: bool
    text: str
    ahead: int | None = None


async def probe_venue(dialect: VenueDialect, timeout: float = 10.0) -> tuple[Probe, ...]:
    """Ask all addresses of a venue side by side. Never raises for an address that fails."""
    return tuple(
        await asyncio.gather(
            *(
                _probe_rest(dialect, name, base, path, timeout)
                for name, base, path in dialect.time_addresses()
            ),
            *(_probe_stream(dialect, name, stream, timeout) for name, stream in dialect.probes()),
        )
    )


async def _probe_rest(
    dialect: VenueDialect, name: str, base: str, path: str, timeout: float
) -> Probe:
    try:
        session = public_session(proxies=not is_loopback(base), timeout=timeout)
        async with session:
            for _ in range(2):  # the first makes the connection, which is not to count
                began = time.monotonic()
                async with session.get(f"{base}{path}") as answer:
                    body = await answer.json(content_type=None)
            if answer.status != 200:
                return Probe(name, False, f"{base} answers {answer.status}")
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        return Probe(name, False, f"{base}: {brief(error) or 'no answer'}")
    told = dialect.time_of(body)
    if told is None:
        return Probe(name, False, f"{base} answers, but does not tell its time")
    took = (time.monotonic() - began) * 1000
    ahead = int(told - (wall_clock() - took / 2))
    side = "ahead of" if ahead > 0 else "behind"
    text = f"{base} answers in {took:.0f} ms; its clock is {abs(ahead)} ms {side} ours"
    return Probe(name, True, text, ahead)


async def _probe_stream(
    dialect: VenueDialect, name: str, stream: VenueStream, timeout: float
) -> Probe:
    spoke = asyncio.Event()
    try:
        connection = await Connection.open(
            dialect,
            stream.url,
            {stream.name},
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
        text = f"{stream.url} connects, but {stream.name} says nothing in {timeout:.0f} s"
        return Probe(name, False, text)
    return Probe(name, True, f"{stream.url} speaks")
