"""The screen in a browser: who gets in, whence the page comes, and what a closed one leaves."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from core.bootstrap import attach
from core.host.link import CommandError
from core.journal.values import SessionState
from core.store.workspace import Workspace
from tests import waiting
from tui.cli.output import Refusal
from tui.cli.serve import loopback

ROOT = Path(__file__).resolve().parents[2]
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::", "example.com", "127.0.0.1.x"])
def test_other_addresses_than_loopback_are_refused_with_the_way_to_come_from_elsewhere(
    host: str,
) -> None:
    with pytest.raises(Refusal, match=r"loopback.*ssh -L 8000:127\.0\.0\.1:8000"):
        loopback(host)
    assert loopback("localhost") == "127.0.0.1"
    assert loopback("::1") == "[::1]"


async def test_only_who_has_the_address_and_comes_from_this_page_gets_in() -> None:
    pytest.importorskip("textual_serve", reason="needs the extra papertape[serve]")
    from tui.web_server import Pages

    pages = Pages("exec false")
    async with TestClient(TestServer(pages.application())) as client:
        for path in ("/", "/ws", "/static/js/textual.js", "/?token=guessed"):
            assert (await client.get(path)).status == 403
        address = f"/?token={pages.token}"
        lured = await client.get(address, headers={"Host": "evil.example:80"})
        assert lured.status == 403
        page = await client.get(address)
        assert (page.status, str(page.url.relative())) == (200, "/"), "the token leaves the address"
        text = await page.text()
        assert f'data-session-websocket-url="ws://{page.url.authority}/ws"' in text
        assert not re.search(r"https?:|//[a-z]+\.", text), "nothing comes from elsewhere"
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert (await client.get("/static/js/textual.js")).status == 200
        for origin in ("http://evil.example", "null"):
            assert (await client.get("/ws", headers={"Origin": origin})).status == 403


async def test_a_cookie_of_an_earlier_start_or_of_odd_bytes_does_not_stand_before_the_token() -> (
    None
):
    pytest.importorskip("textual_serve", reason="needs the extra papertape[serve]")
    from tui.web_server import Pages

    pages, other = Pages("exec false"), Pages("exec false")
    server = TestServer(pages.application())
    async with TestClient(server, cookie_jar=aiohttp.DummyCookieJar()) as client:
        first = await client.get(f"/?token={pages.token}", allow_redirects=False)
        (name,) = first.cookies
        for stale in (other.token, "caf\xe9"):
            cookie = {"Cookie": f"papertape={stale}; {name}={stale}"}
            assert (await client.get("/", headers=cookie)).status == 403
            entered = await client.get(
                f"/?token={pages.token}", headers=cookie, allow_redirects=False
            )
            assert entered.status == 303
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(
            b"GET / HTTP/1.1\r\nHost: localhost\r\nCookie: %s=\xe9\r\n\r\n" % name.encode()
        )
        assert b" 403 " in await reader.readline(), "bytes that are no UTF-8"
        writer.close()
    async with TestClient(TestServer(other.application())) as client:
        second = await client.get(f"/?token={other.token}", allow_redirects=False)
        assert list(second.cookies) != [name], "servers of one machine keep their own"


class Browser:
    """A page of a browser without a window, driven over its debugging protocol."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self.asked_for: list[str] = []
        self.drawn = ""

    async def listen(self) -> None:
        """Take what the browser tells."""
        async for message in self._socket:
            told = json.loads(message.data)
            match told.get("method"):
                case None:
                    self._answers[told["id"]].set_result(told)
                case "Network.requestWillBeSent":
                    self.asked_for.append(told["params"]["request"]["url"])
                case "Network.webSocketCreated":
                    self.asked_for.append(told["params"]["url"])
                case "Network.webSocketFrameReceived":
                    frame = told["params"]["response"]
                    if frame["opcode"] == 2:
                        self.drawn += base64.b64decode(frame["payloadData"]).decode()

    async def call(self, method: str, **params: object) -> Any:
        """Have the browser do something."""
        number = len(self._answers) + 1
        self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        return await self._answers[number]

    async def press(self, key: str) -> None:
        """Press a key."""
        for kind, text in (("keyDown", {"text": key}), ("keyUp", {})):
            await self.call("Input.dispatchKeyEvent", type=kind, key=key, **text)

    async def reads(self, text: str) -> None:
        """Wait until a text stands in a line of the terminal in the page."""
        await waiting.until(lambda: any(text in line for line in lines_of(self.drawn)))


def lines_of(drawn: str) -> list[str]:
    """What stands in the lines of a terminal that was told to write all this."""
    lines: dict[int, dict[int, str]] = {}
    y = x = 0
    parts = r"\x1b\[(\d+);(\d+)H|\x1b\[[0-9;?]*\$?[a-zA-Z]|\x1b\][^\x07]*\x07|(\r\n)|([^\x1b])"
    for to_y, to_x, new_line, character in re.findall(parts, drawn):
        if to_y:
            y, x = int(to_y), int(to_x)
        elif new_line:
            y, x = y + 1, 1
        elif character:
            lines.setdefault(y, {})[x] = character
            x += 1
    return ["".join(line.get(x, " ") for x in range(1, max(line) + 1)) for line in lines.values()]


@asynccontextmanager
async def browser(folder: Path) -> AsyncIterator[Browser]:
    """A browser on an empty page."""
    process = await asyncio.create_subprocess_exec(
        str(BROWSER), "--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1200,700",
        "--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        told = folder / "DevToolsActivePort"
        port = await waiting.until(lambda: told.exists() and told.read_text().split("\n")[0])
        async with aiohttp.ClientSession() as http:
            pages = await (await http.get(f"http://127.0.0.1:{port}/json")).json()
            address = next(one for one in pages if one["type"] == "page")["webSocketDebuggerUrl"]
            async with http.ws_connect(address, max_msg_size=0) as socket:
                page = Browser(socket)
                listening = asyncio.create_task(page.listen())
                await page.call("Network.enable")
                yield page
                listening.cancel()
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.browser
@pytest.mark.skipif(BROWSER is None, reason="needs Chromium on the PATH")
async def test_the_demo_in_a_browser_by_keys_and_its_session_outlives_the_page(
    tmp_path: Path,
) -> None:
    pytest.importorskip("textual_serve", reason="needs the extra papertape[serve]")
    hostile = tmp_path / "folder"
    for name in ("core/__init__.py", "tui/__init__.py", "textual.py", "signal.py"):
        (hostile / name).parent.mkdir(parents=True, exist_ok=True)
        (hostile / name).write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    workspace = Workspace(tmp_path / "w")
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "tui.cli", "--workspace", str(workspace.root),
        "serve", "--demo", "--port", "0", "--json",
        cwd=hostile, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert server.stdout is not None
    try:
        told = json.loads(await server.stdout.readline())
        async with browser(tmp_path / "profile") as page:
            await page.call("Page.navigate", url=told["url"])
            await page.reads("Nothing runs yet.")
            await page.press("s")
            await waiting.until(lambda: found_running(workspace, "tui"))
            await page.press("?")
            await page.reads("Start a session: choose strategy")
            own = told["url"].partition("?")[0].removeprefix("http://")
            assert [u for u in page.asked_for if u.partition("://")[2][: len(own)] != own] == []
        await waiting.until(lambda: found_running(workspace, "headless"))
        assert not (tmp_path / "ran").exists(), "code of the current folder has run"
    finally:
        server.terminate()
        await server.wait()
        if (link := attach(workspace)) is not None:
            with closing(link):
                for session in link.snapshot().sessions:
                    await link.stop(session.id)
                os.kill(link.snapshot().pid, signal.SIGTERM)


def found_running(workspace: Workspace, kind: str) -> bool:
    """Whether a host of that kind runs the one session there is."""
    try:
        link = attach(workspace)
    except CommandError:  # the host that goes, or the one that comes
        return False
    if link is None:
        return False
    with closing(link):
        snapshot = link.snapshot()
        states = [one.state for one in snapshot.sessions]
    return snapshot.kind == kind and states == [SessionState.RUNNING]
