"""Moves money in a spot or a futures account: what an order locks, what a fill changes."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Protocol

from core.exchange.accounts.accounts import ExchangeAccount, FuturesPosition, Income
from core.exchange.errors import ExchangeError
from core.exchange.market.instruments import Instrument
from core.exchange.matching.orders import ZERO, BookSide, Order
from core.market.symbols import quote_currency

MAINTENANCE_RATE = Decimal("0.005")


class Ledger(Protocol):
    """The books of one market type."""

    def reserve(self, account: ExchangeAccount, order: Order, cost: Decimal) -> None:
        """Lock what a new order needs; `cost` is what it would cost in quote currency now.

        Raises:
            ExchangeError: if the account does not hold that much.
        """
        ...

    def release(self, account: ExchangeAccount, order: Order) -> None:
        """Unlock what is left of an order that ended."""
        ...

    def affords(self, account: ExchangeAccount, order: Order, value: Decimal) -> bool:
        """Whether the account can pay for a fill of that value (quote currency)."""
        ...

    def book(
        self,
        account: ExchangeAccount,
        order: Order,
        price: Decimal,
        quantity: Decimal,
        fee: Decimal,
    ) -> tuple[Decimal, str, Decimal]:
        """Move what a fill moves; `fee` is a fraction of its value.

        Returns:
            The commission, its asset, and the profit realised.
        """
        ...


class SpotLedger:
    """Spot: a purchase locks quote currency, a sale base; the fee is taken from what comes in."""

    def reserve(self, account: ExchangeAccount, order: Order, cost: Decimal) -> None:
        """Lock the order's price or quantity; see `Ledger`."""
        asset, amount = self._needs(order, cost)
        balance = account.balance(asset)
        if balance.free < amount:
            raise ExchangeError(-2010, "Account has insufficient balance for requested action.")
        balance.free -= amount
        balance.locked += amount
        order.reserved = amount

    def release(self, account: ExchangeAccount, order: Order) -> None:
        """Unlock what no fill has used; see `Ledger`."""
        self._unlock(account, order, order.reserved)

    def affords(self, account: ExchangeAccount, order: Order, value: Decimal) -> bool:
        """A woken stop may cost more than was locked for it; see `Ledger`."""
        if order.side is BookSide.SELL:
            return True
        return account.balance(order.instrument.quote).free + order.reserved >= value

    def book(
        self,
        account: ExchangeAccount,
        order: Order,
        price: Decimal,
        quantity: Decimal,
        fee: Decimal,
    ) -> tuple[Decimal, str, Decimal]:
        """Exchange base and quote; see `Ledger`."""
        item = order.instrument
        value = price * quantity
        base, quote = account.balance(item.base), account.balance(item.quote)
        if order.side is BookSide.BUY:
            locked = order.price * quantity if order.limited else value
            self._unlock(account, order, min(locked, order.reserved))
            commission = quantity * fee
            quote.free -= value
            base.free += quantity - commission
            return commission, item.base, ZERO
        self._unlock(account, order, min(quantity, order.reserved))
        commission = value * fee
        base.free -= quantity
        quote.free += value - commission
        return commission, item.quote, ZERO

    def _needs(self, order: Order, cost: Decimal) -> tuple[str, Decimal]:
        if order.side is BookSide.SELL:
            return order.instrument.base, order.quantity
        return order.instrument.quote, order.price * order.quantity if order.limited else cost

    def _unlock(self, account: ExchangeAccount, order: Order, amount: Decimal) -> None:
        item = order.instrument
        asset = item.base if order.side is BookSide.SELL else item.quote
        balance = account.balance(asset)
        balance.locked -= amount
        balance.free += amount
        order.reserved -= amount


class FuturesLedger:
    """USDⓈ-M: one wallet stands behind all positions; a fill changes a position and books profit.

    `mark` gives the mark price of a unified symbol now.
    """

    def __init__(self, mark: Callable[[str], Decimal]) -> None:
        self._mark = mark

    def reserve(self, account: ExchangeAccount, order: Order, cost: Decimal) -> None:
        """Lock the initial margin of what the order adds to the position; see `Ledger`."""
        position = account.position(order.instrument.symbol)
        closes = ZERO
        if position.amount * order.side.sign < 0:
            closes = min(abs(position.amount), order.quantity)
        if order.reduce_only or order.close_position or order.quantity == 0:
            return
        margin = cost * (order.quantity - closes) / order.quantity / position.leverage
        if margin > self.available(account, order.instrument.quote):
            raise ExchangeError(-2019, "Margin is insufficient.")
        order.reserved = margin

    def release(self, account: ExchangeAccount, order: Order) -> None:
        """Unlock the margin of what was not filled; see `Ledger`."""
        order.reserved = ZERO

    def affords(self, account: ExchangeAccount, order: Order, value: Decimal) -> bool:
        """The margin was found when the order was accepted; see `Ledger`."""
        return True

    def book(
        self,
        account: ExchangeAccount,
        order: Order,
        price: Decimal,
        quantity: Decimal,
        fee: Decimal,
    ) -> tuple[Decimal, str, Decimal]:
        """Change the position, book its profit and the fee; see `Ledger`."""
        item = order.instrument
        if order.remaining:
            order.reserved -= order.reserved * quantity / order.remaining
        position = account.position(item.symbol)
        realized = _change(position, order.side.sign * quantity, price)
        commission = price * quantity * fee
        account.futures[item.quote] = account.wallet(item.quote) + realized - commission
        return commission, item.quote, realized

    def unrealized(self, account: ExchangeAccount, symbol: str) -> Decimal:
        """What closing a position at the mark price would book."""
        position = account.position(symbol)
        if not position.amount:
            return ZERO
        return (self._mark(symbol) - position.entry_price) * position.amount

    def notional(self, account: ExchangeAccount, symbol: str) -> Decimal:
        """A position's value at the mark price, negative for a short."""
        position = account.position(symbol)
        return self._mark(symbol) * position.amount if position.amount else ZERO

    def initial_margin(self, account: ExchangeAccount, symbol: str) -> Decimal:
        """What a position binds of the wallet."""
        position = account.position(symbol)
        if position.isolated_margin:
            return position.isolated
        return abs(self.notional(account, symbol)) / position.leverage

    def maintenance_margin(self, account: ExchangeAccount, symbol: str) -> Decimal:
        """What a position needs to live on."""
        return abs(self.notional(account, symbol)) * MAINTENANCE_RATE

    def order_margin(self, account: ExchangeAccount, asset: str) -> Decimal:
        """What open orders bind of the wallet."""
        return sum(
            (
                order.reserved
                for order in account.open_orders.values()
                if order.instrument.perpetual and order.instrument.quote == asset
            ),
            ZERO,
        )

    def held(self, account: ExchangeAccount, asset: str) -> list[str]:
        """Symbols of the open positions that `asset` stands behind."""
        return [
            symbol
            for symbol, position in account.positions.items()
            if position.amount and quote_currency(symbol) == asset
        ]

    def available(self, account: ExchangeAccount, asset: str) -> Decimal:
        """What new orders may bind: never below 0."""
        held = self.held(account, asset)
        cross = [symbol for symbol in held if not account.position(symbol).isolated_margin]
        free = (
            account.wallet(asset)
            + sum((self.unrealized(account, symbol) for symbol in cross), ZERO)
            - sum((self.initial_margin(account, symbol) for symbol in held), ZERO)
            - self.order_margin(account, asset)
        )
        return max(ZERO, free)

    def liquidation_price(self, account: ExchangeAccount, symbol: str) -> Decimal:
        """Mark price at which a position is taken away; 0 where there is none such.

        The loss there has eaten all but the maintenance margin: of the position's own wallet where
        it is isolated, else of everything that backs it.
        """
        position = account.position(symbol)
        if not position.amount:
            return ZERO
        asset = quote_currency(symbol)
        if position.isolated_margin:
            backing = position.isolated
        else:
            backing = account.wallet(asset)
            for other in self.held(account, asset):
                if other == symbol:
                    continue
                if account.position(other).isolated_margin:
                    backing -= account.position(other).isolated
                else:
                    backing += self.unrealized(account, other)
                    backing -= self.maintenance_margin(account, other)
        size, sign = abs(position.amount), 1 if position.amount > 0 else -1
        price = (sign * position.entry_price * size - backing) / (size * (sign - MAINTENANCE_RATE))
        return max(ZERO, price)

    def pay_funding(
        self, account: ExchangeAccount, instrument: Instrument, rate: Decimal, mark: Decimal
    ) -> Decimal:
        """Book a funding settlement at a mark price; what the position received (negative: paid).

        An isolated position pays from the wallet set aside for it.
        """
        position = account.position(instrument.symbol)
        amount = -position.amount * mark * rate
        if position.isolated_margin:
            position.isolated += amount
        account.futures[instrument.quote] = account.wallet(instrument.quote) + amount
        return amount


def note_income(
    account: ExchangeAccount,
    number: int,
    instrument: Instrument,
    kind: str,
    amount: Decimal,
    time: int,
) -> None:
    """Write a line of a futures account's income history."""
    if amount:
        account.income.append(
            Income(number, instrument.venue_symbol, kind, amount, instrument.quote, time)
        )


def _change(position: FuturesPosition, amount: Decimal, price: Decimal) -> Decimal:
    """Add `amount` (signed) at `price` to a position; the profit of the part that it closed."""
    before = position.amount
    after = before + amount
    if before * amount >= 0:  # opened or added to
        value = abs(before) * position.entry_price + abs(amount) * price
        position.entry_price = value / abs(after) if after else ZERO
        position.isolated += abs(amount) * price / position.leverage
        position.amount = after
        return ZERO
    closed = min(abs(before), abs(amount))
    realized = (price - position.entry_price) * closed * (1 if before > 0 else -1)
    position.isolated *= 1 - closed / abs(before)
    position.amount = after
    if before * after < 0:  # turned round: the rest is a new position
        position.entry_price = price
        position.isolated = abs(after) * price / position.leverage
    elif not after:
        position.entry_price = ZERO
        position.isolated = ZERO
    return realized
