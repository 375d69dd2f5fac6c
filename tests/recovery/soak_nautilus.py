"""Kill hosts and the Nautilus processes of their sessions: is each order executed once?

As `soak_orders`, with Nautilus Trader between session and venue. Hosts are killed where a byte
reaches the disk, Nautilus in the middle of the orders that it sends. `make nautilus` runs it; by
hand: `PAPERTAPE_NAUTILUS_PYTHON=PYTHON python -m tests.recovery.soak_nautilus --kills 40`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from core.exchange.accounts.accounts import ExchangeAccount
from core.exchange.rest.signing import ed25519_pair
from core.exchange.server import DEMO_KEYS
from core.host import registry
from core.journal.values import BrokerKind
from core.session.engine import EngineContext
from core.store.workspace import Workspace
from core.trading.nautilus.process import CHILD
from tests.recovery.soak_kill import CountingDisk, DeadlyDisk, difference, in_a_process
from tests.recovery.soak_orders import scenario, venue, wrong_with

_MOMENTS = ("before", "halfway", "after")
_SPOT_KEY = "soak-ed25519-key-1"


def with_keys(root: Path, private: str) -> Path:
    """A workspace that has the venue's keys, of the kind that Nautilus takes for each market."""
    workspace = Workspace(root)
    workspace.prepare()
    pem = root.with_suffix(".pem")
    pem.write_text(private, "utf-8")
    ((key, secret),) = DEMO_KEYS.items()
    workspace.credentials.write_text(
        f"binance_testnet: {{api_key: {_SPOT_KEY}, api_secret: {pem}}}\n"
        f"binance_demo: {{api_key: {key}, api_secret: {secret}}}\n",
        "utf-8",
    )
    workspace.credentials.chmod(0o600)
    return root


def children() -> list[int]:
    """The Nautilus processes of hosts that this process has started."""
    found = []
    for proc in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            if str(CHILD).encode() in (proc / "cmdline").read_bytes():
                host = int((proc / "stat").read_text().rpartition(")")[2].split()[1])
                parent = Path(f"/proc/{host}/stat").read_text().rpartition(")")[2].split()[1]
                if int(parent) == os.getpid():
                    found.append(int(proc.name))
    return found


@contextmanager
def killer(
    account: ExchangeAccount, moments: list[tuple[int, float]]
) -> Iterator[Callable[[], int]]:
    """Kills Nautilus some seconds after so many orders were executed; tells how often it has."""
    over, killed = threading.Event(), list[int]()
    first = len(account.orders)

    def kill() -> None:
        for orders, delay in moments:
            while len(account.orders) - first < orders:
                if over.wait(0.002):
                    return
            time.sleep(delay)
            for process in children():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
                    killed.append(process)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield lambda: len(killed)
    finally:
        over.set()
        thread.join()


def main(arguments: list[str]) -> int:
    """Kill as often as asked, and say how many sessions ended wrongly."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    chance = random.Random(options.seed)
    private, public = ed25519_pair()
    # All orders of a session come at its end, and Nautilus is killed among them: 20 s are too few
    # to start it again on a busy machine.
    registry.EngineContext = partial(EngineContext, orders_wait=120.0)  # type: ignore[attr-defined,assignment]
    hosts = deaths = sessions = orders = failures = 0
    keys = {_SPOT_KEY: public, **DEMO_KEYS}
    now = int(time.time() * 1_000)  # Nautilus goes by this machine's clock
    with venue(options.seed, keys, now) as exchange, tempfile.TemporaryDirectory() as folder:
        of = {one.key: one for one in exchange.accounts}
        calm: dict[str, dict[str, Any]] = {}
        while hosts + deaths < options.kills or len(calm) < 2:
            symbol = ("BTC/USDT", "BTC/USDT:USDT")[sessions % 2]
            account = of[next(iter(DEMO_KEYS)) if ":" in symbol else _SPOT_KEY]
            plain = scenario(exchange, symbol)
            config = {**plain.config, "trade_size_pct": 2}
            wanted = replace(plain, config=config, broker=BrokerKind.NAUTILUS)
            root = with_keys(Path(folder) / str(sessions), private)
            found: dict[str, Any] | None = None
            tries = 0
            while found is None:
                deadly = CountingDisk()
                moments: list[tuple[int, float]] = []
                if symbol in calm and sessions % 4 < 2:  # the hosts of two, Nautilus of two
                    if tries < 3:
                        last = 40 if tries else calm[symbol]["calls"]
                        deadly = DeadlyDisk(chance.randint(1, last), chance.choice(_MOMENTS))
                elif symbol in calm:
                    counts = sorted(chance.sample(range(11), 4))
                    moments = [(count, chance.uniform(0, 0.05)) for count in counts]
                with killer(account, moments) as killed:
                    found = in_a_process(root, wanted, deadly)
                hosts += found is None
                deaths += killed()
                tries += 1
            sessions += 1
            told = found["outcome"].pop("orders")
            orders += told["made"]
            calm.setdefault(symbol, found)
            wrong = wrong_with(account, told)
            wrong = wrong or difference(calm[symbol]["outcome"], found["outcome"])
            failures += wrong is not None
            if wrong is not None:
                print(f"{symbol}, session {sessions}: {wrong}", flush=True)
            print(f"{hosts} hosts and {deaths} Nautilus killed so far", flush=True)
    left = len(children())
    print(
        f"{hosts} hosts and {deaths} Nautilus killed in {sessions} sessions with {orders} orders: "
        f"{failures} wrong, {left} processes left"
    )
    return 1 if failures or left else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
