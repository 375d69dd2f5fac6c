"""Kill hosts with SIGKILL while their sessions order on a venue: is each order executed once?

Every call through which a byte reaches the disk is a point, as in `soak_kill`; the venue lives on
in this process, and now and then loses an answer after executing. Run `python -m
tests.recovery.soak_orders --points 30`.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from core.exchange.accounts.accounts import ExchangeAccount
from core.exchange.market.clock import RunningClock
from core.exchange.market.synthetic import SyntheticMarket
from core.exchange.server import DEMO_KEYS, EmbeddedExchange
from core.store.workspace import Workspace
from core.trading.values import Fills
from tests.recovery.scenarios import Scenario
from tests.recovery.soak_kill import CountingDisk, DeadlyDisk, difference, in_a_process
from tests.unit.session.sessions import RSI, market

_MOMENTS = ("before", "halfway", "after")
_RICH = {"USDT": Decimal(10**12)}
_LOST = 0.05  # share of the answers that are lost after executing


@contextmanager
def venue(
    seed: int, keys: Mapping[str, str] = DEMO_KEYS, start: int = 1_793_232_000_000
) -> Iterator[EmbeddedExchange]:
    """A test venue on a thread of its own, whose time begins at `start` (UTC ms)."""
    ready, stop = threading.Event(), threading.Event()
    found: list[EmbeddedExchange] = []

    async def serve() -> None:
        clock = RunningClock(start)
        async with EmbeddedExchange(
            SyntheticMarket(7), clock, keys=keys, balances=_RICH, wallet=_RICH, seed=seed
        ) as exchange:
            exchange.switch_on("unknown_outcome", "/*api/*/order", chance=_LOST)
            found.append(exchange)
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        ready.wait(30)
        yield found[0]
    finally:
        stop.set()
        thread.join(30)


def scenario(exchange: EmbeddedExchange, symbol: str) -> Scenario:
    """A session of some twenty orders."""
    config = {**RSI, "symbols": [symbol], "trade_size_pct": 10}
    address = exchange.futures_rest_url if ":" in symbol else exchange.rest_url
    return Scenario("orders", config, Fills.MARKET, {symbol: market(420)}, orders_to=address)


def with_keys(root: Path) -> Path:
    """A workspace that has the venue's keys."""
    workspace = Workspace(root)
    workspace.prepare()
    ((key, secret),) = DEMO_KEYS.items()
    workspace.credentials.write_text(
        f"binance_testnet: {{api_key: {key}, api_secret: {secret}}}\n", "utf-8"
    )
    workspace.credentials.chmod(0o600)
    return root


def wrong_with(account: ExchangeAccount, orders: dict[str, Any]) -> str | None:
    """What the venue and the journal of a session do not agree on."""
    if orders["unsettled"] or orders["refused"] or not orders["made"]:
        rows = [(row["id"], row["filled"], row["why"]) for row in orders["list"]]
        return f"not all filled: {rows}"
    names = {row["id"] for row in orders["list"]}
    there = [one for one in account.orders.values() if one.client_id in names]
    count = Counter(one.client_id for one in there)
    if set(count) != names or set(count.values()) != {1}:
        return f"executed: {count}"
    executed = {one.client_id: float(one.executed) for one in there}
    told = {row["id"]: row["filled"] for row in orders["list"]}
    return None if executed == told else f"executed {executed}, told {told}"


def main(arguments: list[str]) -> int:
    """Kill as many sessions as asked, and say how many of them ended wrongly."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    chance = random.Random(options.seed)
    failures = killed = orders = 0
    with venue(options.seed) as exchange, tempfile.TemporaryDirectory() as folder:
        (account,) = exchange.accounts
        calm: dict[str, Any] = {}
        for number in range(options.points):
            symbol = ("BTC/USDT", "BTC/USDT:USDT")[number % 2]
            wanted = scenario(exchange, symbol)
            if symbol not in calm:
                root = with_keys(Path(folder) / f"calm {number}")
                first = in_a_process(root, wanted, CountingDisk())
                assert first is not None
                assert wrong_with(account, first["outcome"].pop("orders")) is None
                calm[symbol] = first
            root = with_keys(Path(folder) / str(number))
            found: dict[str, Any] | None = None
            kills: list[tuple[int, str]] = []
            while found is None:
                last = calm[symbol]["calls"] if not kills else 40
                kill = (chance.randint(1, last), chance.choice(_MOMENTS))
                deadly = DeadlyDisk(*kill) if len(kills) < 3 else CountingDisk()
                found = in_a_process(root, wanted, deadly)
                kills += [kill] if found is None else []
            killed += len(kills)
            told = found["outcome"].pop("orders")
            orders += told["made"]
            wrong = wrong_with(account, told) or difference(
                calm[symbol]["outcome"], found["outcome"]
            )
            if wrong is not None:
                failures += 1
                print(f"{symbol}, killed at {kills}: {wrong}", flush=True)
    print(f"{killed} kills in {options.points} sessions with {orders} orders, {failures} wrong")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
