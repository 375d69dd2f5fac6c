"""The accounts on the exchange: balances, positions, income and the keys they belong to."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from core.exchange.errors import ExchangeError
from core.exchange.matching.orders import ZERO, Order

DEFAULT_LEVERAGE = 20


@dataclass(slots=True)
class Balance:
    """Units of one asset in a spot account."""

    free: Decimal = ZERO
    locked: Decimal = ZERO


@dataclass(slots=True)
class FuturesPosition:
    """A position in a perpetual, in one-way mode: `amount` is negative for a short.

    `isolated` is the wallet set aside for it, where the margin type is isolated.
    """

    amount: Decimal = ZERO
    entry_price: Decimal = ZERO
    leverage: int = DEFAULT_LEVERAGE
    isolated_margin: bool = False
    isolated: Decimal = ZERO
    updated: int = 0


@dataclass(frozen=True, slots=True)
class Income:
    """Money that came or went in a futures wallet, apart from transfers."""

    id: int
    symbol: str
    kind: str  # REALIZED_PNL, COMMISSION, FUNDING_FEE
    amount: Decimal
    asset: str
    time: int


@dataclass(slots=True, eq=False)
class ExchangeAccount:
    """One API key with its spot balances, its futures wallet, its positions and its orders."""

    key: str
    secret: str
    spot: dict[str, Balance] = field(default_factory=dict)
    futures: dict[str, Decimal] = field(default_factory=dict)
    positions: dict[str, FuturesPosition] = field(default_factory=dict)  # by unified symbol
    orders: dict[int, Order] = field(default_factory=dict)
    open_orders: dict[int, Order] = field(default_factory=dict)
    income: list[Income] = field(default_factory=list)
    updated: int = 0

    def balance(self, asset: str) -> Balance:
        """The spot balance of an asset, 0 where there was none."""
        return self.spot.setdefault(asset, Balance())

    def wallet(self, asset: str) -> Decimal:
        """The futures wallet's balance of an asset."""
        return self.futures.get(asset, ZERO)

    def position(self, symbol: str) -> FuturesPosition:
        """The position in a perpetual, flat where there was none."""
        return self.positions.setdefault(symbol, FuturesPosition())


DEFAULT_BALANCES: Mapping[str, Decimal] = {"USDT": Decimal(10_000), "BTC": Decimal(1)}
DEFAULT_WALLET: Mapping[str, Decimal] = {"USDT": Decimal(10_000)}


class Accounts:
    """All accounts by key, with what they open with and the numbers orders and trades get."""

    def __init__(
        self,
        keys: Mapping[str, str],
        balances: Mapping[str, Decimal] = DEFAULT_BALANCES,
        wallet: Mapping[str, Decimal] = DEFAULT_WALLET,
    ) -> None:
        """Open an account for each of `keys` (key to secret).

        `balances` are what a spot account holds at first, `wallet` a futures one (units by asset).
        """
        self._balances = dict(balances)
        self._wallet = dict(wallet)
        self._accounts = {key: ExchangeAccount(key, secret) for key, secret in keys.items()}
        self.order_ids = itertools.count(1)
        self.trade_ids = itertools.count(1)
        self.client_ids = itertools.count(1)
        for account in self._accounts.values():
            self._fill(account)

    def __iter__(self) -> Iterator[ExchangeAccount]:
        return iter(self._accounts.values())

    def of(self, key: str) -> ExchangeAccount:
        """The account of an API key.

        Raises:
            ExchangeError: -2014 for no key at all, -2015 for one that is not known.
        """
        if not key:
            raise ExchangeError(-2014, "API-key format invalid.", 401)
        account = self._accounts.get(key)
        if account is None:
            raise ExchangeError(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        return account

    def revoke(self, key: str) -> ExchangeAccount:
        """Know an API key no more, as its owner may want at any time; returns its account."""
        return self._accounts.pop(key)

    def restore(self, account: ExchangeAccount) -> None:
        """Know the key of a revoked account again."""
        self._accounts[account.key] = account

    def reset(self) -> None:
        """What a testnet reset does: keys stay; orders, positions and balances start anew."""
        for account in self._accounts.values():
            account.orders.clear()
            account.open_orders.clear()
            account.positions.clear()
            account.income.clear()
            self._fill(account)

    def _fill(self, account: ExchangeAccount) -> None:
        account.spot = {asset: Balance(amount) for asset, amount in self._balances.items()}
        account.futures = dict(self._wallet)
