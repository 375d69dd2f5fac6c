"""The only list of hosts that an order may ever reach: testnet, demo, this machine.

Nothing here can be widened by configuration. It is asked when a broker is made, for its addresses,
and for the final URL of every request, before a connection is opened; `localhost` is then looked
up, for only an address tells whether it is this machine.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from core.market.venues.addresses import is_this_machine

_TEST_HOSTS = (
    "testnet.binance.vision",
    "demo-api.binance.com",
    "testnet.binancefuture.com",
    "demo-fapi.binance.com",
)


# Where those tell an account of its orders: the WebSocket API, and the streams of perpetuals.
_STREAMS = {
    "testnet.binance.vision": ("wss://ws-api.testnet.binance.vision/ws-api/v3", None),
    "demo-api.binance.com": ("wss://demo-ws-api.binance.com/ws-api/v3", None),
    "testnet.binancefuture.com": (None, "wss://stream.binancefuture.com"),
    "demo-fapi.binance.com": (None, "wss://demo-fstream.binance.com"),
}


class ForbiddenAddressError(Exception):
    """An address is none that orders may reach; nothing was sent to it."""


def check_order_address(address: str | URL) -> URL:
    """The address, if orders may be sent there: a test host by https, or this machine.

    It is read by the parser that the HTTP client goes by, so that both see the same host.

    Raises:
        ForbiddenAddressError: it is anywhere else, or written in a way that could hide where.
    """
    try:
        url = URL(address)
        host, port, user = url.host or "", url.port, url.user
    except ValueError:
        raise ForbiddenAddressError(_refusal("an address that cannot be read")) from None
    if user is not None or url.password is not None:
        raise ForbiddenAddressError(_refusal("an address with a user name before its host"))
    where = f"{url.scheme}://{host}" + ("" if url.explicit_port is None else f":{port}")
    if is_this_machine(host):
        if url.scheme in ("http", "https"):
            return url
    elif host in _TEST_HOSTS and url.scheme == "https" and port == 443:
        return url
    raise ForbiddenAddressError(_refusal(where))


def stream_addresses(address: URL, *, perpetual: bool) -> tuple[str, str]:
    """Where the venue behind an address of orders tells of them: its WebSocket API, its streams.

    A venue has one of the two; it stands for the other as well, which nobody asks.

    Raises:
        ForbiddenAddressError: the address is for no orders of this kind.
    """
    host = check_order_address(address).host or ""
    if is_this_machine(host):
        scheme = "wss" if address.scheme == "https" else "ws"
        path = "private" if perpetual else "ws-api/v3"
        found: str | None = f"{scheme}://{address.authority}/{path}"
    else:
        found = _STREAMS[host][perpetual]
    if found is None:
        raise ForbiddenAddressError(f"{host} takes no orders for this kind of market")
    return found, found


class LoopbackResolver(AbstractResolver):
    """Looks names up, and lets those that stand for this machine be nothing but loopback addresses.

    Whoever can write the hosts file would otherwise have signed requests sent anywhere.
    """

    def __init__(self) -> None:
        self._names = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """See `aiohttp.abc.AbstractResolver.resolve`.

        Raises:
            ForbiddenAddressError: a name of this machine is another address here.
        """
        found = await self._names.resolve(host, port, family)
        if is_this_machine(host):
            for each in found:
                if not is_this_machine(each["host"].partition("%")[0]):
                    where = f"{host}, which is {each['host']} here: write 127.0.0.1"
                    raise ForbiddenAddressError(_refusal(where))
        return found

    async def close(self) -> None:
        """See `aiohttp.abc.AbstractResolver.close`."""
        await self._names.close()


def _refusal(what: str) -> str:
    hosts = ", ".join(f"https://{host}" for host in _TEST_HOSTS)
    return f"orders never go to {what[:100]!r}: only to {hosts}, or to this machine"


@dataclass(frozen=True, slots=True)
class OrderAddresses:
    """Where the test venues take orders: base addresses, to be followed by Binance's own paths."""

    testnet_spot: str = "https://testnet.binance.vision"
    testnet_futures: str = "https://testnet.binancefuture.com"
    demo_spot: str = "https://demo-api.binance.com"
    demo_futures: str = "https://demo-fapi.binance.com"

    def of(self, section: str, *, perpetual: bool) -> str:
        """Where orders with the keys of a section of exchanges.yaml go, such as binance_demo."""
        market = "futures" if perpetual else "spot"
        address: str = getattr(self, f"{section.removeprefix('binance_')}_{market}")
        return address

    def with_addresses(self, addresses: Mapping[str, str]) -> OrderAddresses:
        """These with some replaced, as a configuration file gives them.

        Raises:
            ForbiddenAddressError: one is not known, or is no place for orders.
        """
        known = [field.name for field in fields(self)]
        for name, address in addresses.items():
            if name not in known:
                raise ForbiddenAddressError(
                    f"order address {name[:40]!r} is not known: use {', '.join(known)}"
                )
            check_order_address(address)
        return replace(self, **{name: text.rstrip("/") for name, text in addresses.items()})
