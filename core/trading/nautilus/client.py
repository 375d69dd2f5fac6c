"""Orders on one account of a test venue, sent by Nautilus Trader; all else is asked over ccxt.

Only the way of an order to the venue differs from `OrderClient`. Filters, leverage, the question
what became of an order after silence, and the trial of the keys go through the client whose every
address is checked: no key is given to Nautilus that the test venue has not accepted there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from core.market.symbols import venue_symbol
from core.market.venues.addresses import is_this_machine
from core.store.credentials import ApiKey
from core.store.redaction import brief
from core.trading.nautilus.process import NautilusError, NautilusProcess
from core.trading.order_client import (
    Answer,
    ClockError,
    NotSentError,
    OrderClient,
    RefusedError,
    UnsureError,
)
from core.trading.orders import VenueOrder
from core.trading.venue_answers import AnswerError, OrderState, read_order
from core.trading.venue_hosts import check_order_address, stream_addresses


class NautilusClient(OrderClient):
    """An `OrderClient` whose orders are sent by Nautilus Trader.

    `ready` and `watch` are about the process that it runs in.
    """

    def __init__(
        self, name: str, address: str, key: ApiKey, python: Callable[[], str], *, perpetual: bool
    ) -> None:
        """`python` tells the interpreter that has Nautilus, each time it is started.

        Raises:
            ForbiddenAddressError: orders may not go to `address`.
        """
        super().__init__(name, address, key, perpetual=perpetual)
        url = check_order_address(address)
        if is_this_machine(url.host or ""):
            # By its number: what a name stands for is not looked at again over there.
            host = "127.0.0.1" if url.host == "localhost" else url.host
            url = url.with_host(str(host))
        api, stream = stream_addresses(url, perpetual=perpetual)
        self.process = NautilusProcess(
            python,
            {
                "kind": "futures" if perpetual else "spot",
                "environment": "DEMO" if name.endswith("demo") else "TESTNET",
                "http": str(url).rstrip("/"),
                "ws": api,
                "stream": stream,
                "api_key": key.api_key.reveal(),
                "api_secret": key.api_secret.reveal(),
            },
        )
        self._accepted = False

    async def check(self) -> None:
        """See `OrderClient.check`."""
        await super().check()
        self._accepted = True

    async def ready(self) -> str | None:
        """See `OrderClient.ready`."""
        try:
            await self.process.ready()
        except NautilusError as error:
            return str(error)
        return None

    def watch(self, changed: Callable[[], None]) -> Callable[[], None]:
        """See `OrderClient.watch`."""
        return self.process.watch(changed)

    async def place(
        self, order: VenueOrder, quantity: float, sending: Callable[[], None]
    ) -> OrderState:
        """See `OrderClient.place`."""
        if not self._accepted:
            await self.check()
        try:
            await self.process.ready()
        except NautilusError as error:
            if error.lasting:
                raise NotSentError(f"not sent: {error}") from error
            raise UnsureError(str(error)) from error
        asked = {
            "id": order.id,
            "symbol": venue_symbol(order.symbol),
            "side": order.side.value.upper(),
            "quantity": format(Decimal(repr(quantity)), "f"),
            "closes": order.closes,
        }
        async with self.turn():
            sending()
            try:
                told = await self.process.order(asked)
            except NautilusError as error:
                sending()  # until it was gone it may have sent it
                raise UnsureError(str(error)) from error
            try:
                return self._read(told, order)
            except AnswerError as error:
                await self.process.distrust()
                sending()
                raise UnsureError(f"an answer that is not understood ({brief(error)})") from error

    def _read(self, told: Mapping[str, object], order: VenueOrder) -> OrderState:
        """What Nautilus tells of an order. Raises what `place` does."""
        match told:
            case {"event": "done", "order": dict(row)}:
                return read_order(row, order)
            case {"event": "denied", "why": str(why)}:
                raise NotSentError(f"not sent: {brief(why)}")
            case {
                "event": "rejected",
                "status": int(status),
                "body": str(body),
                "wait": dict(wait),
            }:
                error = self.meaning(
                    Answer(status, {str(k): str(v) for k, v in wait.items()}, body)
                )
                if isinstance(error, ClockError):
                    # Nautilus goes by this machine's clock, and asking the venue mends nothing.
                    words = f"{error}: set this machine's clock, by which Nautilus signs"
                    raise RefusedError(words, -1021)
                raise error
            case {"event": "rejected"}:
                raise UnsureError("Nautilus tells of a failure without an answer of the venue")
        raise AnswerError(f"{brief(dict(told))} is none")

    async def close(self) -> None:
        """See `OrderClient.close`."""
        await self.process.close()
        await super().close()
