"""Listens for callers, so that a lack of files is told once a second and not without end."""

from __future__ import annotations

import asyncio
import os
import socket

from aiohttp import web

_QUEUE = 128  # callers that may wait to be taken


async def listen(runner: web.AppRunner, host: str, port: int) -> asyncio.Server:
    """Serve what a runner, which is set up, serves; the caller closes what is returned.

    asyncio takes up to `backlog` callers at once and, where no file is left, has each of these
    attempts complain and make as many further ones a second later: a hundred become ten thousand.

    Raises:
        OSError: the address cannot be listened on.
    """
    assert runner.server is not None
    server = await asyncio.get_running_loop().create_server(runner.server, host, port, backlog=1)
    for listening in server.sockets:
        with socket.socket(fileno=os.dup(listening.fileno())) as same:
            same.listen(_QUEUE)
    return server
