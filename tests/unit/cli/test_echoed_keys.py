"""A venue that echoes keys, in whatever form, gets them into no answer, file or log."""

from __future__ import annotations

import asyncio
import base64
import html
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aiohttp import web

from core.exchange.market.clock import RunningClock
from core.exchange.market.synthetic import SyntheticMarket
from core.exchange.server import EmbeddedExchange
from core.host.socket_server import ControlSocket
from core.journal.values import FeedKind
from core.time_format import wall_clock
from tests.exchange.test_order_executor import pass_on
from tests.unit.cli.conftest import Done, Run, Served, write_addresses
from tests.unit.host.hosts import hosting
from tests.unit.host.test_testnet_sessions import SMALL, at, request, session
from tests.unit.session.scripted import TestFeed
from tests.unit.session.sessions import market
from tests.waiting import until

KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j/+="
_PART = 16  # characters that are hidden as a part of a key

FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "in a signed request": lambda key: f"GET /api/v3/account?timestamp=1&key={key}&signature=00",
    "URL-quoted": lambda key: quote(key, safe=""),
    "quoted twice": lambda key: quote(quote(key, safe=""), safe=""),
    "JSON in JSON": lambda key: json.dumps(json.dumps({"key": key})),
    "JSON escapes": lambda key: "".join(f"\\u{ord(letter):04x}" for letter in key),
    "HTML": lambda key: html.escape(key.replace("/", "&#47;")),
    "base64": lambda key: base64.b64encode(key.encode()).decode(),
    "base64 of both": lambda key: base64.b64encode(f"{KEY}:{key}".encode()).decode(),
    "base64 for URLs": lambda key: base64.urlsafe_b64encode(b"x" + key.encode()).decode(),
    "hex": lambda key: key.encode().hex(),
    "HEX": lambda key: key.encode().hex().upper(),
    "first half": lambda key: key[:40],
    "second half": lambda key: key[-40:],
}


class Echo:
    """Stands before the embedded exchange; says of every order, or account, what it is to say."""

    def __init__(self, exchange: EmbeddedExchange) -> None:
        self.said = ""
        self.accounts_too = False
        self._exchange = exchange

    async def answer(self, asked: web.Request) -> web.StreamResponse:
        account = self.accounts_too and "account" in asked.path.lower()
        if (asked.method == "POST" and asked.path.endswith("/order")) or account:
            return web.json_response({"code": -2010, "msg": self.said}, status=400)
        return await pass_on(self._exchange, asked)


@asynccontextmanager
async def echoing() -> AsyncIterator[tuple[Echo, str]]:
    """An echoing venue and its address."""
    rich = {"USDT": Decimal(10**9)}
    async with EmbeddedExchange(
        SyntheticMarket(7), RunningClock(wall_clock()), keys={KEY: SECRET}, balances=rich
    ) as exchange:
        echo = Echo(exchange)
        application = web.Application()
        application.router.add_route("*", "/{rest:.*}", echo.answer)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield echo, f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


def pieces() -> set[str]:
    """Every part of every form of the keys that would tell something of them."""
    found = set()
    for encode in FORMS.values():
        for key in (KEY, SECRET):
            found |= _parts(encode(key)) - _parts(encode("x" * len(key)))
    return found


def _parts(text: str) -> set[str]:
    return {text[place : place + _PART] for place in range(len(text) - _PART + 1)}


async def test_no_key_that_a_venue_echoes_is_in_any_answer_file_or_log(
    run: Run, workspace: Path
) -> None:
    workspace.mkdir(mode=0o700)
    keys = workspace / "exchanges.yaml"
    keys.write_text(f"binance_testnet: {{api_key: {KEY}, api_secret: '{SECRET}'}}\n", "utf-8")
    keys.chmod(0o600)
    shown: list[Done] = []
    feeds: list[TestFeed] = []

    async def feed(*_: Any) -> TestFeed:
        feeds.append(TestFeed({"BTC/USDT": market(400)}, 250))
        return feeds[-1]

    async def control_socket(host: Any) -> None:
        await ControlSocket(host).serve()

    async def ask(*words: str) -> None:
        shown.append(await asyncio.to_thread(run, *words))

    def settled(known: int) -> bool:
        one = session(host, session_id)
        answered = one.orders.made == one.orders.filled + one.orders.refused
        return bool(answered and one.last_candle == known and one.last_price_at == feeds[0].time)

    async with (
        echoing() as (echo, address),
        hosting(
            workspace,
            feeds={FeedKind.LIVE: feed},
            order_addresses=at(address, address),
            companions=(control_socket,),
        ) as host,
    ):
        session_id = (await host.start(request({**SMALL, "max_hold": 1}))).session_id
        await until(lambda: bool(feeds and feeds[0].subscribed))
        place = 250
        for number, encode in enumerate(FORMS.values(), start=1):
            # What is cut to 200 characters is cut within a key.
            echo.said = f"{'x' * (150 + 3 * number)} {encode(KEY)} {encode(SECRET)}"
            while session(host, session_id).orders.refused < number:
                known = feeds[0].candle(place).time
                feeds[0].price(100.0)
                place += 1
                await until(partial(settled, known))
        await ask("status", session_id)
        await ask("status", session_id, "--json")
        await ask("logs", session_id)
        for form in ("md", "json", "html"):
            await ask("report", session_id, "--format", form)
        echo.accounts_too = True
        write_addresses(workspace, Served(address, address))
        await ask("doctor")
        await ask("doctor", "--json")
        await ask("stop", session_id, "--json")
    texts = [done.out + done.err for done in shown]
    assert all("xxxx" in text and "[hidde" in text for text in texts)
    for path in workspace.rglob("*"):
        if path.is_file() and path != keys:
            texts.append(path.read_text("utf-8", errors="replace"))
    everything = "\n".join(texts)
    assert everything.count("xxxx") > 10 * len(FORMS)
    assert pieces() & _parts(everything) == set()
