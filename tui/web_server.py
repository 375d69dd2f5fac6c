"""Serves the screen to browsers: a page, and a process of the program for each that is open.

textual-serve brings the terminal in the page and runs the processes. The page is this module's own:
it comes from this server alone, fonts included. Whoever asks must come to a loopback name (no other
name can be made to lead here, by DNS) and know the token of the address; a page of another origin
cannot connect.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import secrets
import signal
import string
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from textual_serve.server import Server

from core.exchange.listening import listen as listen_for

_MOST = 8  # screens at once, each of which is a process
_PATIENCE = 10.0  # seconds for the processes to let their sessions go
_FOCUS = "addEventListener('load', () => document.querySelector('#terminal textarea')?.focus())"
"""Has the terminal take keys at once."""
_DIGEST = base64.b64encode(hashlib.sha256(_FOCUS.encode()).digest()).decode()
_HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; script-src 'self' 'sha256-{_DIGEST}'; "
        "style-src 'self' 'unsafe-inline'; font-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_PAGE = string.Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>papertape</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/static/css/xterm.css">
<script src="/static/js/textual.js"></script>
<style>
@font-face {
  font-family: "Roboto Mono"; font-weight: 100 700;
  src: url("/static/fonts/RobotoMono-VariableFont_wght.ttf");
}
@font-face {
  font-family: "Roboto Mono"; font-weight: 100 700; font-style: italic;
  src: url("/static/fonts/RobotoMono-Italic-VariableFont_wght.ttf");
}
html, body { margin: 0; height: 100%; background: black; color: gray; overflow: hidden; }
p { position: absolute; margin: 2em; font: 16px "Roboto Mono", monospace; }
p a { color: inherit; }
#ended { display: none; z-index: 20; background: inherit; }
.-first-byte #begins { display: none; }
.-closed #ended { display: block; }
.-closed #terminal { display: none; }
#terminal { height: 100%; }
</style>
</head>
<body>
<script>$focus</script>
<p id="begins">papertape <b>begins</b> <i>…</i></p>
<p id="ended">The screen has ended. <a href="/">Open it again</a></p>
<div id="terminal" class="textual-terminal" data-session-websocket-url="$socket"
  data-font-size="$size"></div>
</body>
</html>
""")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Pages:
    """Answers browsers; `command` is a shell's, of the program that each page shows."""

    def __init__(self, command: str) -> None:
        self.token = secrets.token_urlsafe(24)
        # Cookies know no port: another server of this machine must not have one of that name.
        self._cookie = f"papertape-{hashlib.sha256(self.token.encode()).hexdigest()[:8]}"
        self._server = Server(command)
        self._open: set[asyncio.Task[Any]] = set()

    def application(self) -> web.Application:
        """What answers."""
        app = web.Application(middlewares=[self._guard])
        app.add_routes(
            [
                web.get("/", self._page),
                web.get("/ws", self._screen),
                web.get("/download/{key}", self._server.handle_download),
                web.static("/static", self._server.statics_path),
            ]
        )
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not _is_loopback(request.host):
            raise web.HTTPForbidden(text="this is served to loopback addresses alone\n")
        shown = (request.cookies.get(self._cookie, ""), request.query.get("token", ""))
        if not any(self._is_token(one) for one in shown):
            raise web.HTTPForbidden(
                text="the address that `papertape serve` printed is needed, with its token\n"
            )
        response = await handler(request)
        if not response.prepared:
            response.headers.update(_HEADERS)
        return response

    def _is_token(self, text: str) -> bool:
        given = text.encode(errors="replace")  # bytes that are no UTF-8 come as lone surrogates
        return hmac.compare_digest(given, self.token.encode())

    async def _page(self, request: web.Request) -> web.StreamResponse:
        if "token" in request.query:  # from here on it is in the cookie, and not in the address
            found = web.HTTPSeeOther("/")
            found.set_cookie(self._cookie, self.token, httponly=True, samesite="Strict")
            raise found
        size = request.query.get("fontsize", "")
        text = _PAGE.substitute(
            focus=_FOCUS,
            socket=f"ws://{request.host}/ws",
            size=size if size.isdecimal() else "16",
        )
        return web.Response(text=text, content_type="text/html")

    async def _screen(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Origin") != f"http://{request.host}":
            raise web.HTTPForbidden(text="another page cannot open a screen\n")
        if len(self._open) >= _MOST:
            raise web.HTTPServiceUnavailable(text=f"{_MOST} screens are open already\n")
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            answer: web.StreamResponse = await self._server.handle_websocket(request)
            return answer
        finally:
            self._open.discard(task)

    async def close(self) -> None:
        """End the screens that are open, each of which leaves its sessions running."""
        open_now = tuple(self._open)
        for task in open_now:
            task.cancel()
        if open_now:
            await asyncio.wait(open_now, timeout=_PATIENCE)


def _is_loopback(host: str) -> bool:
    """Whether a Host header names this machine alone, with whatever port a tunnel gave it."""
    name = host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host
    try:
        return name == "localhost" or ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def listen(command: str, host: str, port: int, ready: Callable[[int, str], None]) -> None:
    """Serve until interrupted or terminated.

    Args:
        command: a shell's, of the program that each page shows.
        host: a loopback address, one of IPv6 in brackets.
        port: 0 for any free one.
        ready: called with the port and the address of the page, once that can be opened.

    Raises:
        OSError: the address cannot be listened on.
    """
    pages = Pages(command)

    async def run() -> None:
        ended = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        runner = web.AppRunner(pages.application(), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            server = await listen_for(runner, host.strip("[]"), port)
            bound = server.sockets[0].getsockname()[1]
            ready(bound, f"http://{host}:{bound}/?token={pages.token}")
            await ended.wait()
            server.close()
            await pages.close()
        finally:
            await runner.cleanup()

    asyncio.run(run())
