"""Tries a key at the venues it is for, by asking for its accounts, which changes nothing there."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from core.store.credentials import ApiKey
from core.trading.order_client import OrderClient, OrderError
from core.trading.venue_hosts import ForbiddenAddressError, OrderAddresses

_PATIENCE = 10.0  # seconds an address may take to answer


@dataclass(frozen=True, slots=True)
class KeyTrial:
    """What is wrong with a key where spot orders go, and where those for perpetuals do.

    None: nothing. The sites for the two differ, and so most keys work for one of them.
    """

    spot: str | None
    perpetual: str | None

    @property
    def works(self) -> bool:
        """Whether the key is good for anything."""
        return self.spot is None or self.perpetual is None

    @property
    def text(self) -> str:
        """The outcome in one line."""
        return f"for spot orders {self.spot or 'works'}; for perpetuals {self.perpetual or 'works'}"


async def try_key(section: str, key: ApiKey, addresses: OrderAddresses) -> KeyTrial:
    """Ask for the accounts of a key, which changes nothing there.

    `section`: that of exchanges.yaml the key is for.
    """
    spot, perpetual = await asyncio.gather(
        *(_trial(section, key, addresses, perpetual=kind) for kind in (False, True))
    )
    return KeyTrial(spot, perpetual)


async def _trial(
    section: str, key: ApiKey, addresses: OrderAddresses, *, perpetual: bool
) -> str | None:
    address = addresses.of(section, perpetual=perpetual)
    client = OrderClient(section, address, key, perpetual=perpetual)
    try:
        async with asyncio.timeout(_PATIENCE):
            await client.check()
    except TimeoutError:
        return f"{address} does not answer"
    except (OrderError, ForbiddenAddressError) as error:
        return f"does not work ({error})"
    finally:
        await client.close()
    return None
