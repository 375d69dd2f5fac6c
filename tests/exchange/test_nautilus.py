"""Nautilus Trader itself sends orders to the embedded exchange, each once.

Runs where an interpreter with Nautilus is named (`make nautilus`), and skips elsewhere.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from statistics import median

import pytest
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from core.exchange.market.clock import RunningClock
from core.exchange.market.synthetic import SyntheticMarket
from core.exchange.rest.signing import ed25519_pair
from core.exchange.server import EmbeddedExchange
from core.store.credentials import ApiKey
from core.store.redaction import Secret
from core.trading.nautilus.client import NautilusClient
from core.trading.nautilus.process import ENVIRONMENT_VARIABLE, NautilusError, look_at
from core.trading.order_executor import OrderExecutor
from core.trading.orders import Execution, OrderSide, VenueOrder

from .desks import address

PYTHON = os.environ.get(ENVIRONMENT_VARIABLE, "")
SPOT, PERPETUAL = "BTC/USDT", "BTC/USDT:USDT"
HMAC = ("nautilus-hmac-key-1", "nautilus-hmac-secret-1")
PRIVATE, PUBLIC = ed25519_pair()
ED25519 = "nautilus-ed25519-key-1"
RICH = {"USDT": Decimal(10**7), "BTC": Decimal(10)}

pytestmark = [
    pytest.mark.nautilus,
    pytest.mark.skipif(
        not PYTHON, reason=f"no interpreter with Nautilus is named in ${ENVIRONMENT_VARIABLE}"
    ),
]


@pytest.fixture
async def venue() -> AsyncIterator[EmbeddedExchange]:
    """An exchange on real time: Nautilus goes by the machine's clock."""
    clock = RunningClock(int(time.time() * 1000))
    keys = {HMAC[0]: HMAC[1], ED25519: PUBLIC}
    async with EmbeddedExchange(
        SyntheticMarket(7), clock, keys=keys, balances=RICH, wallet=RICH
    ) as running:
        yield running


class Desk:
    """An executor behind which Nautilus stands."""

    def __init__(self, venue: EmbeddedExchange, symbol: str, *, key: ApiKey | None = None) -> None:
        self.symbol, self.told = symbol, list[str]()
        self.perpetual = symbol == PERPETUAL
        own = HMAC if self.perpetual else (ED25519, PRIVATE)
        self.client = NautilusClient(
            "testnet",
            address(venue, perpetual=self.perpetual),
            key or ApiKey(Secret(own[0]), Secret(own[1])),
            lambda: PYTHON,
            perpetual=self.perpetual,
        )
        self.executor = OrderExecutor(self.client)
        self.account = next(one for one in venue.accounts if one.key == own[0])

    async def execute(self, number: int, quantity: float = 0.01) -> Execution:
        buys = number % 2 == 1
        side = OrderSide.BUY if buys else OrderSide.SELL
        name = f"pt-{'perp' if self.perpetual else 'spot'}0001-{number}"
        order = VenueOrder(number, name, self.symbol, side, quantity, 60_000.0, closes=not buys)
        return await self.executor.execute(order, quantity, 1, sent=False, tell=self.told.append)


MakeDesk = Callable[..., Desk]


@pytest.fixture
async def desk(venue: EmbeddedExchange) -> AsyncIterator[MakeDesk]:
    made: list[Desk] = []

    def make(symbol: str, key: ApiKey | None = None) -> Desk:
        made.append(Desk(venue, symbol, key=key))
        return made[-1]

    yield make
    for one in made:
        await one.client.close()


async def test_the_interpreter_that_is_named_has_nautilus() -> None:
    assert (await look_at(PYTHON)).nautilus.startswith("1.231")


@pytest.mark.parametrize("symbol", [SPOT, PERPETUAL])
async def test_twenty_orders_are_executed_once_each_with_price_and_fee(
    desk: MakeDesk, symbol: str, capsys: pytest.CaptureFixture[str]
) -> None:
    one = desk(symbol)
    began = time.perf_counter()
    assert await one.client.ready() is None
    ready = time.perf_counter() - began
    took = []
    for number in range(1, 21):
        began = time.perf_counter()
        done = await one.execute(number)
        took.append((time.perf_counter() - began) * 1_000)
        assert (done.quantity, done.why) == (0.01, None)
        assert done.price is not None
        assert done.fees
        assert done.latency is not None
    assert one.told == []
    assert len(one.account.orders) == 20
    assert {found.executed for found in one.account.orders.values()} == {Decimal("0.01")}
    with capsys.disabled():
        print(
            f"\n{symbol}: ready after {ready:.1f} s; 20 orders, median {median(took[1:]):.1f} ms, "
            f"longest {max(took[1:]):.1f} ms, the first {took[0]:.0f} ms"
        )


@pytest.mark.parametrize("symbol", [SPOT, PERPETUAL])
async def test_refusals_come_with_the_venues_code(desk: MakeDesk, symbol: str) -> None:
    one = desk(symbol)
    refused = await one.execute(1, 990)
    assert refused.quantity == 0
    assert str(refused.why)[:5] == ("-2019" if one.perpetual else "-2010")
    # One with more executions than are told in a line.
    large = await one.execute(3, 100)
    assert (large.quantity, one.told) == (100, [])
    assert large.fees


@pytest.mark.parametrize("symbol", [SPOT, PERPETUAL])
async def test_a_lost_answer_is_told_and_the_venue_asked(
    venue: EmbeddedExchange, desk: MakeDesk, symbol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = desk(symbol)
    await one.execute(1)
    held: list[Callable[[], None]] = []
    for name in ("_tell_spot", "_tell_futures"):
        tell = getattr(venue._users, name)
        hold = lambda *event, tell=tell: held.append(partial(tell, *event))  # noqa: E731
        monkeypatch.setattr(venue._users, name, hold)
    venue.switch_on("unknown_outcome", "/*api/*/order", times=1)
    done = await one.execute(2)
    assert (done.quantity, done.why, done.latency) == (0.01, None, None)
    (told,) = one.told
    assert "-1007" in told
    monkeypatch.undo()
    for event in held:
        event()  # the stream tells of it at last
    await goes_on(one)


@pytest.mark.parametrize("symbol", [SPOT, PERPETUAL])
async def test_a_fill_that_the_stream_tells_before_the_answer_is_lost_needs_no_question(
    venue: EmbeddedExchange, desk: MakeDesk, symbol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = desk(symbol)
    await one.execute(1)
    known, sent = asyncio.Event(), asyncio.Event()

    class Late(web.Response):
        async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
            if self.status == 504:
                await known.wait()
                sent.set()
            return await super().prepare(request)

    monkeypatch.setattr(web, "Response", Late)
    venue.switch_on("unknown_outcome", "/*api/*/order", times=1)
    done = await one.execute(2)
    assert (done.quantity, done.why, one.told) == (0.01, None, [])
    assert done.latency is not None
    assert done.fees
    known.set()
    await sent.wait()
    await goes_on(one)


async def goes_on(one: Desk) -> None:
    """What is told of an order after its answer disturbs nothing."""
    told, process = len(one.told), one.client.process
    child = process._child
    for number in (3, 4, 5):
        assert (await one.execute(number)).latency is not None
    assert (len(one.told), process._child, process.why) == (told, child, None)
    assert len(one.account.orders) == 5


@pytest.mark.parametrize("symbol", [SPOT, PERPETUAL])
async def test_an_order_that_never_arrived_is_sent_again(
    venue: EmbeddedExchange, desk: MakeDesk, symbol: str
) -> None:
    one = desk(symbol)
    await one.execute(1)
    venue.switch_on("unavailable", "/*api/*/order", times=1)
    done = await one.execute(2)
    assert (done.quantity, done.why) == (0.01, None)
    assert "503" in one.told[0]
    assert len(one.account.orders) == 2


async def test_a_wrong_key_is_told_and_never_given_to_nautilus(
    venue: EmbeddedExchange, desk: MakeDesk
) -> None:
    wrong = desk(PERPETUAL, ApiKey(Secret("a-wrong-key-000001"), Secret("a-wrong-secret-0001")))
    refused = await wrong.execute(1)
    assert "-2015" in str(refused.why)
    assert wrong.client.process._keeping is None
    # What Nautilus would make of it, were it given one.
    with pytest.raises(NautilusError, match=r"Nautilus (is not ready|has failed|has ended)"):
        await wrong.client.process.ready()


async def test_a_quiet_stream_is_made_up_for(venue: EmbeddedExchange, desk: MakeDesk) -> None:
    one = desk(PERPETUAL)
    await one.execute(1)
    venue._users._keys.clear()  # as if the venue had lost the listen key
    one.client.process.answer_within = 2.0
    done = await one.execute(2)
    assert (done.quantity, done.latency) == (0.01, None)
    assert "Nautilus has not answered within 2 s and was ended" in one.told[0]
    assert (await one.execute(3)).latency is not None
    assert len(one.account.orders) == 3


async def test_keys_are_in_no_argument_environment_or_log(
    venue: EmbeddedExchange, desk: MakeDesk
) -> None:
    one = desk(SPOT)
    await one.execute(1)
    child = one.client.process._child
    assert child is not None
    proc = Path(f"/proc/{child._process.pid}")
    shown = (proc / "cmdline").read_bytes() + (proc / "environ").read_bytes()
    said = "\n".join(child._last).encode()
    for secret in (ED25519, PRIVATE.splitlines()[1]):
        assert secret.encode() not in shown + said
    await asyncio.sleep(0)
