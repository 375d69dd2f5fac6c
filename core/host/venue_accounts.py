"""The accounts on test venues that a host's sessions order on, and the keys for them.

Spot orders go with the keys of the testnet, else with those of Binance Demo; orders for perpetuals
the other way round. What the embedded exchange of a demo shows is also ordered there.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from core.exchange.server import DEMO_ED25519_KEY, DEMO_KEYS, demo_ed25519
from core.journal.manifest import SessionManifest
from core.journal.values import BrokerKind, FeedKind
from core.market.symbols import is_perpetual
from core.session.order_mirror import NoDeskError, Route
from core.store.credentials import ApiKey, CredentialsError, read_credentials
from core.store.redaction import Redactor, Secret
from core.trading.nautilus.client import NautilusClient
from core.trading.nautilus.process import chosen_python
from core.trading.order_client import OrderClient, OrderError, RefusedError
from core.trading.order_executor import OrderExecutor
from core.trading.venue_hosts import ForbiddenAddressError, OrderAddresses

TESTNET, DEMO = "binance_testnet", "binance_demo"
_EMBEDDED = "embedded"
_SPOT, _PERPETUAL = "spot", "perpetual"
_SECTIONS = {_SPOT: (TESTNET, DEMO), _PERPETUAL: (DEMO, TESTNET)}
HOW_TO_ORDER = (
    "make a key at https://testnet.binance.vision/ (spot) or https://testnet.binancefuture.com/ "
    "(perpetuals; no real money, log in with GitHub), and put api_key and api_secret under {} into "
    "exchanges.yaml; `papertape doctor` tests it"
)
"""What to do where there are no keys; the section is filled in."""

_NAUTILUS_TAKES = {
    _SPOT: "Nautilus Trader orders on spot markets with an Ed25519 key alone: make one at "
    'https://testnet.binance.vision/ ("Register Public Key") and put its private half, or the '
    "name of its .pem file, as api_secret into exchanges.yaml",
    _PERPETUAL: "Nautilus Trader orders perpetuals with an HMAC key alone: put one into "
    "exchanges.yaml, under binance_demo where binance_testnet has an Ed25519 key for spot",
}

_PATIENCE = 10.0  # seconds a venue may take to say what it thinks of a key


class NoAccountError(Exception):
    """There are no keys to order with; the message says which, and what to do."""


@dataclass(slots=True)
class VenueAccounts:
    """The accounts of one host, shared by its sessions; `attend` runs as long as the host does.

    `embedded` tells where the embedded exchange of a demo answers on perpetuals or on spot, None
    while it does not run; `nautilus_python` which interpreter has Nautilus Trader, whenever it is
    started.
    Every key read is made known to `redactor`.
    """

    credentials: Path
    redactor: Redactor
    addresses: OrderAddresses = field(default_factory=OrderAddresses)
    embedded: Callable[[bool], str | None] = lambda _: None
    nautilus_python: Callable[[], str] = lambda: chosen_python(None)
    _given: dict[str, ApiKey] = field(default_factory=dict)  # by session; never on the disk
    _desks: dict[tuple[str, str, bool, bool], OrderExecutor] = field(default_factory=dict)

    def accounts(
        self,
        symbols: Iterable[str],
        feed: FeedKind,
        given: ApiKey | None,
        broker: BrokerKind | None = None,
    ) -> dict[str, str]:
        """With which keys a session would order, by kind of market (`SessionManifest.accounts`).

        `given`: a key of the testnet that came with the request.

        Raises:
            NoAccountError: for some of its symbols there are none.
        """
        kinds = {_kind(symbol) for symbol in symbols}
        if feed is FeedKind.DEMO:
            return dict.fromkeys(sorted(kinds), _EMBEDDED)
        nautilus = broker is BrokerKind.NAUTILUS
        if given is not None:
            for kind in sorted(kinds):
                if nautilus and not _suits_nautilus(given, kind):
                    raise NoAccountError(_NAUTILUS_TAKES[kind])
            return dict.fromkeys(sorted(kinds), TESTNET)
        try:
            known = read_credentials(self.credentials, self.redactor).sections
        except CredentialsError as error:
            raise NoAccountError(str(error)) from None
        chosen = {}
        for kind in sorted(kinds):
            there = [name for name in _SECTIONS[kind] if name in known]
            section = next(
                (n for n in there if not nautilus or _suits_nautilus(known[n], kind)), None
            )
            if section is None and there:
                raise NoAccountError(_NAUTILUS_TAKES[kind])
            if section is None:
                either = " or ".join(_SECTIONS[kind])
                how = HOW_TO_ORDER.format(either)
                raise NoAccountError(f"there are no keys for {kind} orders: {how}")
            chosen[kind] = section
        return chosen

    def give(self, session_id: str, key: ApiKey) -> None:
        """Have a session order with a key that is kept in memory alone."""
        self._given[session_id] = key

    def route(self, record: SessionManifest) -> Route | None:
        """Where a session's orders go; None where it makes none."""
        return _SessionRoute(self, record) if record.accounts else None

    def desk(self, record: SessionManifest, symbol: str) -> OrderExecutor:
        """Who executes a session's orders of a symbol.

        Raises:
            NoDeskError: its keys are not there (any more), or the demo's exchange is not, or orders
                may not go there.
        """
        kind = _kind(symbol)
        account = record.accounts.get(kind, TESTNET)
        key, address = self._key(record, account, kind), self._address(account, kind)
        # What belongs to one account goes through one desk, which minds its limits.
        whose = sha256(key.api_key.reveal().encode()).hexdigest()
        perpetual, nautilus = kind == _PERPETUAL, record.broker is BrokerKind.NAUTILUS
        known = (address, whose, perpetual, nautilus)
        desk = self._desks.get(known)
        if desk is None:
            try:
                if nautilus:
                    python = self.nautilus_python
                    client: OrderClient = NautilusClient(
                        account, address, key, python, perpetual=perpetual
                    )
                else:
                    client = OrderClient(account, address, key, perpetual=perpetual)
            except ForbiddenAddressError as error:
                raise NoDeskError(str(error)) from error
            desk = self._desks[known] = OrderExecutor(client)
        return desk

    async def attend(self) -> None:
        """Wait until the host stops, then close every connection."""
        try:
            await asyncio.Event().wait()
        finally:
            for desk in self._desks.values():
                await desk.client.close()

    def _key(self, record: SessionManifest, account: str, kind: str) -> ApiKey:
        if account == _EMBEDDED:
            if record.broker is BrokerKind.NAUTILUS and kind == _SPOT:
                return ApiKey(Secret(DEMO_ED25519_KEY), Secret(demo_ed25519()[0]))
            ((key, secret),) = DEMO_KEYS.items()
            return ApiKey(Secret(key), Secret(secret))
        if record.id in self._given:
            return self._given[record.id]
        try:
            found = read_credentials(self.credentials, self.redactor).sections.get(account)
        except CredentialsError as error:
            raise NoDeskError(str(error)) from None
        if found is None:
            raise NoDeskError(
                f"its keys are not here (those given at a start are not kept): "
                f"{HOW_TO_ORDER.format(account)}"
            )
        return found

    def _address(self, account: str, kind: str) -> str:
        if account == _EMBEDDED:
            address = self.embedded(kind == _PERPETUAL)
            if address is None:
                raise NoDeskError("the exchange of the demo does not run")
            return address
        return self.addresses.of(account, perpetual=kind == _PERPETUAL)


@dataclass(frozen=True, slots=True)
class _SessionRoute:
    brokers: VenueAccounts
    record: SessionManifest

    def desk(self, symbol: str) -> OrderExecutor:
        """See `Route.desk`."""
        return self.brokers.desk(self.record, symbol)

    async def trouble(self) -> str | None:
        """See `Route.trouble`."""
        one_of_each_kind = {_kind(symbol): symbol for symbol in self.record.config["symbols"]}
        for kind, symbol in one_of_each_kind.items():
            try:
                client = self.desk(symbol).client
                async with asyncio.timeout(_PATIENCE):
                    await client.check()
                if (why := await client.ready()) is not None:
                    return why
            except NoDeskError as error:
                return str(error)
            except RefusedError as error:
                if error.code is not None:  # the venue's own word, not that of a gateway before it
                    account = self.record.accounts.get(kind, TESTNET)
                    return f"the keys for {kind} orders ({account}) do not work: {error}"
            except (OrderError, ForbiddenAddressError, TimeoutError):
                continue  # nobody knows
        return None

    def watch(self, changed: Callable[[], None]) -> Callable[[], None]:
        """See `Route.watch`."""
        endings = []
        for symbol in self.record.config["symbols"]:
            with contextlib.suppress(NoDeskError):
                endings.append(self.desk(symbol).client.watch(changed))

        def forget() -> None:
            for end in endings:
                end()

        return forget


def _suits_nautilus(key: ApiKey, kind: str) -> bool:
    return key.is_ed25519 == (kind == _SPOT)


def _kind(symbol: str) -> str:
    return _PERPETUAL if is_perpetual(symbol) else _SPOT
