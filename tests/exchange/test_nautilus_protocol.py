"""Orders that a child process sends: each once, however the child dies, hangs or lies.

The child is a scripted one (`scripted_nautilus.py`). That Nautilus itself does what it plays is
shown by `test_nautilus.py`, where Nautilus is installed.
"""

from __future__ import annotations

import asyncio
import errno
import os
import sys
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path

import pytest

from core.exchange.server import EmbeddedExchange
from core.trading.nautilus import child
from core.trading.nautilus.client import NautilusClient
from core.trading.nautilus.process import NautilusError, chosen_python, look_at
from core.trading.order_executor import OrderExecutor
from core.trading.orders import Execution, OrderSide, VenueOrder
from core.trading.venue_hosts import (
    _STREAMS,
    _TEST_HOSTS,
    ForbiddenAddressError,
)
from tests.waiting import until

from .desks import KEYS, SCRIPTED, address, executed

SPOT, PERPETUAL = "BTC/USDT", "BTC/USDT:USDT"


class Desk:
    """An executor whose child is scripted, and what it told."""

    def __init__(self, address: str, *behaviour: str, perpetual: bool = False) -> None:
        self.told: list[str] = []
        self.client = NautilusClient(
            "testnet", address, KEYS, lambda: sys.executable, perpetual=perpetual
        )
        process = self.client.process
        process.script = SCRIPTED
        process.account = {**process.account, "behaviour": behaviour or ("",)}
        process.answer_within = {"hang first": 1.0, "hang": 5.0}.get("".join(behaviour[:1]), 60.0)
        self.stop_watching = self.client.watch(self._started)
        self.desk = OrderExecutor(self.client)

    def _started(self) -> None:
        """The next child behaves."""
        process = self.client.process
        if process.found is not None:
            process.account = {**process.account, "behaviour": ("",)}

    async def execute(
        self, number: int = 1, symbol: str = SPOT, quantity: float = 0.01
    ) -> Execution:
        order = VenueOrder(
            number, f"pt-abcd1234-{number}", symbol, OrderSide.BUY, quantity, 60_000.0, closes=False
        )
        return await self.desk.execute(order, quantity, 1, sent=False, tell=self.told.append)


MakeDesk = Callable[..., Desk]


@pytest.fixture
async def desk(exchange: EmbeddedExchange) -> AsyncIterator[MakeDesk]:
    made: list[Desk] = []

    def make(*behaviour: str, perpetual: bool = False) -> Desk:
        where = address(exchange, perpetual=perpetual)
        made.append(Desk(where, *behaviour, perpetual=perpetual))
        return made[-1]

    yield make
    for one in made:
        await one.client.close()


@pytest.mark.parametrize("symbol", [SPOT, PERPETUAL])
async def test_order_is_executed_once_with_its_price_and_fees(
    exchange: EmbeddedExchange, desk: MakeDesk, symbol: str
) -> None:
    one = desk(perpetual=symbol == PERPETUAL)
    done = await one.execute(symbol=symbol)
    assert executed(exchange) == [Decimal("0.01")]
    assert (done.quantity, done.why, one.told) == (0.01, None, [])
    assert done.price is not None
    assert done.fees
    assert done.latency is not None


async def test_refusal_is_told_in_the_venues_words(desk: MakeDesk) -> None:
    refused = await desk().execute(quantity=50)
    assert "-2010 Account has insufficient balance" in str(refused.why)


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ("die", "Nautilus has ended (exit code 3)"),
        ("hang", "Nautilus has not answered within 5 s and was ended"),
        ("not JSON", "Nautilus has said what means nothing"),
        ("long", "Nautilus has said more than 16384 bytes in a line"),
        ("another order", "Nautilus has said what nobody asked"),
        ("no order", "an answer that is not understood"),
        ("no answer of the venue", "Nautilus tells of a failure without an answer of the venue"),
    ],
)
async def test_after_anything_but_a_good_answer_the_venue_is_asked_and_the_child_comes_back(
    exchange: EmbeddedExchange, desk: MakeDesk, behaviour: str, words: str
) -> None:
    one = desk(behaviour, "")
    done = await one.execute()
    assert executed(exchange) == [Decimal("0.01")]
    assert (done.quantity, done.latency, done.why) == (0.01, None, None)
    (told,) = one.told
    assert words in told
    await until_ready(one)
    assert (await one.execute(2)).latency is not None
    assert executed(exchange) == [Decimal("0.01")] * 2


async def until_ready(one: Desk) -> None:
    async def ready() -> bool:
        return await one.client.ready() is None

    await until(ready)


@pytest.mark.parametrize("behaviour", ["die first", "hang first"])
async def test_order_that_never_went_out_is_sent_once_it_cannot_go_out_any_more(
    exchange: EmbeddedExchange, desk: MakeDesk, behaviour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.trading.order_executor._TOO_OLD", 0.5)
    one = desk(behaviour)
    running = asyncio.create_task(one.execute())
    await until(lambda: one.told)
    assert executed(exchange) == []
    assert (await running).quantity == 0.01
    assert executed(exchange) == [Decimal("0.01")]


async def test_order_given_up_ends_the_child_which_could_still_send_it(
    exchange: EmbeddedExchange, desk: MakeDesk
) -> None:
    one = desk("hang first")
    running = asyncio.create_task(one.execute())
    process = one.client.process
    await until(lambda: process._asked)
    assert process._child is not None
    pid = process._child._process.pid
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert executed(exchange) == []


async def test_child_that_dies_or_is_deaf_between_orders_is_told_of_and_started_again(
    desk: MakeDesk,
) -> None:
    one = desk("deaf")
    process = one.client.process
    process.ping_every = 0.2
    seen: list[str | None] = []
    forget = one.client.watch(lambda: seen.append(process.why))
    assert await one.client.ready() is None
    await until(lambda: seen.count(None) == 2)
    assert "Nautilus has not answered for 0 s and was ended" in seen
    await until_ready(one)
    assert process._child is not None
    process._child.kill()
    await until(lambda: "Nautilus has ended (killed by signal 9): a word on standard error" in seen)
    await until_ready(one)
    forget()


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ("start:die", "exit code 1): a word on standard error; no licence to trade"),
        ("start:missing", "(Python 3.11.7) has no Nautilus Trader (No module named"),
        ("start:old", "has Nautilus Trader 1.199.0, and Papertape is made for 1.231"),
        ("start:nonsense", "means nothing: 'Traceback (most recent call last):'"),
    ],
)
async def test_child_that_cannot_be_used_is_told_of_with_what_to_do(
    desk: MakeDesk, behaviour: str, words: str
) -> None:
    why = str(await desk(behaviour).client.ready())
    assert words in why
    if behaviour in ("start:missing", "start:old"):
        assert "run `make nautilus`" in why
        refused = await desk(behaviour).execute()
        assert (refused.quantity, "not sent" in str(refused.why)) == (0.0, True)


async def test_wrong_key_is_refused_before_any_child_has_it(
    exchange: EmbeddedExchange, desk: MakeDesk
) -> None:
    one = desk()
    (account,) = exchange.accounts
    exchange.accounts.revoke(account.key)
    refused = await one.execute()
    assert "-2015" in str(refused.why)
    assert one.client.process._keeping is None


async def test_child_is_ended_once_no_session_needs_it(desk: MakeDesk) -> None:
    one = desk()
    process = one.client.process
    process.ping_every = process.unused_after = 0.1
    one.stop_watching()
    forget = one.client.watch(lambda: None)
    assert await one.client.ready() is None
    keeping = process._keeping
    assert keeping is not None
    await asyncio.wait({keeping}, timeout=0.5)
    assert not keeping.done()
    forget()
    await until(keeping.done)
    assert process._child is None


async def test_the_childs_key_is_in_no_argument_and_no_environment(
    desk: MakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BINANCE_API_KEY", "another-private-thing-9f8e")
    one = desk()
    assert await one.client.ready() is None
    process = one.client.process._child
    assert process is not None
    proc = Path(f"/proc/{process._process.pid}")
    if not proc.exists():
        pytest.skip("this system has no /proc")
    shown = (proc / "cmdline").read_bytes() + (proc / "environ").read_bytes()
    for secret in (KEYS.api_key.reveal(), KEYS.api_secret.reveal(), "another-private-thing-9f8e"):
        assert secret.encode() not in shown
        assert secret not in repr(one.client.process)


async def test_interpreter_without_nautilus_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(NautilusError, match="has no Nautilus Trader") as here:
        await look_at(sys.executable)
    assert here.value.lasting
    with pytest.raises(NautilusError, match=r"cannot be run .*make nautilus"):
        await look_at(str(tmp_path / "python"))
    no_python = tmp_path / "python3"
    no_python.write_text("#!/bin/sh\necho no python >&2\nexit 7\n", "utf-8")
    no_python.chmod(0o755)
    with pytest.raises(NautilusError, match=r"ended \(exit code 7\): no python"):
        await look_at(str(no_python))


async def test_a_lack_of_files_says_nothing_of_the_interpreter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def at_the_limit(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", at_the_limit)
    with pytest.raises(NautilusError, match="cannot be run now") as told:
        await look_at(sys.executable)
    assert not told.value.lasting  # an order waits for it, and is not given up


def test_interpreter_is_the_environments_else_the_one_named_else_this_one() -> None:
    variable = {"PAPERTAPE_NAUTILUS_PYTHON": "/a/python"}
    assert chosen_python("/b/python", variable) == "/a/python"
    assert chosen_python("/b/python", {}) == "/b/python"
    assert chosen_python(None, {}) == sys.executable


def test_child_knows_the_same_addresses_and_refuses_all_others() -> None:
    assert child.TEST_HOSTS == _TEST_HOSTS
    streams = {one for pair in _STREAMS.values() for one in pair if one is not None}
    assert {f"wss://{host}" for host in child.STREAM_HOSTS} == {
        "/".join(one.split("/")[:3]) for one in streams
    }
    good = {
        "http": "https://testnet.binance.vision",
        "ws": "wss://ws-api.testnet.binance.vision/ws-api/v3",
        "stream": "ws://127.0.0.1:8000/private",
    }
    child.check_addresses(good)
    for name, bad in (
        ("http", "https://api.binance.com"),
        ("http", "http://testnet.binance.vision"),
        ("http", "https://testnet.binance.vision:444"),
        ("http", "https://testnet.binance.vision@api.binance.com"),
        ("http", "http://localhost:8000"),
        ("http", "https://testnet.binance.vision.example.org"),
        ("ws", "wss://ws-api.binance.com:443/ws-api/v3"),
        ("stream", "wss://fstream.binance.com/private"),
        ("stream", "ws://192.168.1.1/private"),
    ):
        with pytest.raises(ValueError, match="never go to"):
            child.check_addresses(good | {name: bad})


def test_a_venue_of_the_other_market_is_refused_before_a_key_leaves() -> None:
    with pytest.raises(ForbiddenAddressError, match="takes no orders for this kind of market"):
        NautilusClient(
            "testnet", "https://testnet.binance.vision", KEYS, lambda: "", perpetual=True
        )
    with pytest.raises(ForbiddenAddressError):
        NautilusClient("testnet", "https://api.binance.com", KEYS, lambda: "", perpetual=False)
