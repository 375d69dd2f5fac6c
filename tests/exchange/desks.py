"""Desks whose waiting takes no time, for orders on the embedded exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from core.exchange.server import DEMO_KEYS, EmbeddedExchange
from core.store.credentials import ApiKey
from core.store.redaction import Secret
from core.trading.order_client import OrderClient
from core.trading.order_executor import OrderExecutor
from core.trading.orders import Execution, VenueOrder

((KEY, SECRET),) = DEMO_KEYS.items()
SCRIPTED = Path(__file__).with_name("scripted_nautilus.py")
KEYS = ApiKey(Secret(KEY), Secret(SECRET))


class Desk:
    """A desk whose waiting takes no time, and what it told meanwhile."""

    def __init__(self, address: str, *, perpetual: bool = False) -> None:
        self.seconds = 0.0
        self.naps: list[float] = []
        self.told: list[str] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self.client = OrderClient(
            "testnet",
            address,
            KEYS,
            perpetual=perpetual,
            sleep=self.nap,
            monotonic=self.monotonic,
        )
        self.desk = OrderExecutor(self.client, sleep=self.nap, monotonic=self.monotonic)

    def monotonic(self) -> float:
        return self.seconds

    async def nap(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.seconds += seconds
        self.meanwhile()
        await asyncio.sleep(0)

    async def execute(
        self, placed: VenueOrder, *, sent: bool = False, leverage: int = 1
    ) -> Execution:
        return await self.desk.execute(
            placed, placed.quantity, leverage, sent=sent, tell=self.told.append
        )


def address(exchange: EmbeddedExchange, *, perpetual: bool = False) -> str:
    """Where an exchange takes orders of a kind."""
    return exchange.futures_rest_url if perpetual else exchange.rest_url


def executed(exchange: EmbeddedExchange) -> list[Decimal]:
    """The quantities of all orders that the exchange has executed."""
    (account,) = exchange.accounts
    return [found.executed for found in account.orders.values()]
