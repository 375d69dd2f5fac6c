"""Fills orders against the quotes as time passes, and says at which price."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from core.exchange.accounts.accounts import Accounts, ExchangeAccount
from core.exchange.accounts.ledgers import FuturesLedger, Ledger, SpotLedger, note_income
from core.exchange.errors import ExchangeError, filter_failure
from core.exchange.market.quotes import FUNDING_INTERVAL, MarketQuotes
from core.exchange.matching.orders import (
    ZERO,
    AccountReport,
    Algo,
    AlgoReport,
    AlgoStatus,
    BookSide,
    ExecutionKind,
    ExecutionReport,
    Fill,
    FundingReport,
    Order,
    OrderStatus,
)

Listener = Callable[[ExchangeAccount, AccountReport], None]


class MatchingEngine:
    """Fills orders from the venue's book and price path, and keeps the accounts' books.

    An order that crosses takes the book's levels at its moment, as taker. One that rests is filled
    in full at its own price, as maker, the moment the last price reaches it. A stop wakes the
    moment the last price reaches it. Positions are liquidated at the mark price, and pay or receive
    funding.
    """

    def __init__(self, venue: MarketQuotes, accounts: Accounts) -> None:
        self._venue = venue
        self.accounts = accounts
        self.futures = FuturesLedger(self._mark)
        self._spot = SpotLedger()
        self._listeners: list[Listener] = []

    def follow(self, listener: Listener) -> None:
        """Call `listener` with everything that happens to any order or position."""
        self._listeners.append(listener)

    def place(self, account: ExchangeAccount, order: Order) -> None:
        """Accept a new order and fill what can be filled of it now.

        Raises:
            ExchangeError: if the account cannot pay for it, or it may not be filled as it asks.
        """
        now = order.created
        if order.asleep:
            last = Decimal(repr(self._venue.last(order.instrument, now)))
            if last <= order.stop_price if order.wakes_below else last >= order.stop_price:
                if order.instrument.perpetual:
                    raise ExchangeError(-2021, "Order would immediately trigger.")
                raise ExchangeError(-2010, "Stop price would trigger immediately.")
        taken = [] if order.asleep else self._takes(order, now)
        if order.quote_quantity:
            order.quantity = sum((quantity for _, quantity in taken), ZERO)
            if not order.quantity:
                raise filter_failure("LOT_SIZE")
        if taken and order.kind == "LIMIT_MAKER":
            raise ExchangeError(-2010, "Order would immediately match and take.")
        if taken and order.time_in_force == "GTX":
            raise ExchangeError(
                -5022,
                "Due to the order could not be executed as maker, the Post Only order will be "
                "rejected. The order will not be recorded in the order history",
            )
        self._enter(account, order, taken, now)

    def _enter(
        self, account: ExchangeAccount, order: Order, taken: list[tuple[Decimal, Decimal]], now: int
    ) -> None:
        self._ledger(order).reserve(account, order, self._cost(order, taken, now))
        account.orders[order.id] = order
        account.open_orders[order.id] = order
        if order.algo is not None:
            self._tell(account, AlgoReport(order, order.algo, now))
        else:
            self._tell(account, ExecutionReport(ExecutionKind.NEW, order, now))
        if not order.asleep:
            self._take(account, order, taken, now)

    def cancel(self, account: ExchangeAccount, order: Order, now: int) -> None:
        """Take an open order out of the book."""
        self._end(account, order, OrderStatus.CANCELED, now)

    def pass_time(self, done: int, now: int) -> None:
        """Let (done, now] happen to resting orders and positions, in order of time."""
        for account in self.accounts:
            while account.open_orders:
                touches = [
                    (when, order.id, order)
                    for order in account.open_orders.values()
                    if (when := self._reached(order, max(done, order.updated), now)) is not None
                ]
                if not touches:
                    break
                when, _, order = min(touches, key=lambda touch: touch[:2])
                self._touched(account, order, when)
            self._fund(account, done, now)
            self._liquidate(account, now)

    def close_markets(self, now: int) -> None:
        """Expire the open orders of instruments that no longer trade."""
        for account in self.accounts:
            for order in list(account.open_orders.values()):
                if not self._venue.replay.trading(order.instrument.symbol, now):
                    self._end(account, order, OrderStatus.EXPIRED, now)

    def _reached(self, order: Order, done: int, now: int) -> int | None:
        if order.asleep:
            price, below = order.stop_price, order.wakes_below
        else:
            price, below = order.price, order.side is BookSide.BUY
        return self._venue.replay.touch(
            order.instrument.symbol, done, now, float(price), below=below
        )

    def _touched(self, account: ExchangeAccount, order: Order, when: int) -> None:
        order.updated = when
        if not order.asleep:
            self._fill(account, order, order.price, order.remaining, when, maker=True)
            return
        order.triggered = True
        if order.algo is not None:
            self._place_algo(account, order, order.algo, when)
        else:
            self._take(account, order, self._takes(order, when), when)

    def _place_algo(self, account: ExchangeAccount, order: Order, algo: Algo, when: int) -> None:
        """End a conditional order whose price has traded, and place what it stood for."""
        self._ledger(order).release(account, order)
        account.open_orders.pop(order.id, None)
        algo.triggered = when
        self._algo_status(account, order, algo, AlgoStatus.TRIGGERING, when)
        quantity = order.quantity
        if order.reduce_only or order.close_position:
            position = account.position(order.instrument.symbol).amount
            closes = max(ZERO, -position * order.side.sign)
            quantity = closes if order.close_position else min(quantity, closes)
        if not quantity:
            algo.reason = "Reduce Only reject"
            self._algo_status(account, order, algo, AlgoStatus.EXPIRED, when)
            return
        placed = Order(
            id=next(self.accounts.order_ids),
            client_id=order.client_id,
            instrument=order.instrument,
            side=order.side,
            kind="LIMIT" if order.limited else "MARKET",
            time_in_force=order.time_in_force,
            quantity=quantity,
            price=order.price,
            stop_price=ZERO,
            created=when,
            limited=order.limited,
            reduce_only=order.reduce_only or order.close_position,
            close_position=order.close_position,
            parent=order,
            updated=when,
        )
        algo.placed = placed
        self._algo_status(account, order, algo, AlgoStatus.TRIGGERED, when)
        try:
            self._enter(account, placed, self._takes(placed, when), when)
        except ExchangeError as error:
            algo.placed, algo.reason = None, error.message
            self._algo_status(account, order, algo, AlgoStatus.REJECTED, when)

    def _algo_status(
        self, account: ExchangeAccount, order: Order, algo: Algo, status: AlgoStatus, now: int
    ) -> None:
        algo.status, order.updated = status, now
        self._tell(account, AlgoReport(order, algo, now))

    def _takes(self, order: Order, now: int) -> list[tuple[Decimal, Decimal]]:
        """The (price, quantity) that the order would take from the book at `now`."""
        book = self._venue.book(order.instrument, now)
        levels = book.asks if order.side is BookSide.BUY else book.bids
        left, money = order.quantity, order.quote_quantity
        digits = order.instrument.lot_step
        taken: list[tuple[Decimal, Decimal]] = []
        for level in levels:
            price = Decimal(repr(level.price))
            if order.limited and (price - order.price) * order.side.sign > 0:
                break
            quantity = Decimal(repr(level.quantity))
            if money:
                quantity = min(quantity, money / price // digits * digits)
                money -= quantity * price
            else:
                quantity = min(quantity, left)
                left -= quantity
            if not quantity:
                break
            taken.append((price, quantity))
        return taken

    def _cost(self, order: Order, taken: list[tuple[Decimal, Decimal]], now: int) -> Decimal:
        """What the order would cost in quote currency."""
        if order.limited:
            return order.price * order.quantity
        if order.asleep or not taken:
            last = Decimal(repr(self._venue.last(order.instrument, now)))
            return (order.stop_price or last) * order.quantity
        return sum((price * quantity for price, quantity in taken), ZERO)

    def _take(
        self, account: ExchangeAccount, order: Order, taken: list[tuple[Decimal, Decimal]], now: int
    ) -> None:
        wanted = order.remaining
        if order.time_in_force == "FOK" and sum((part for _, part in taken), ZERO) < wanted:
            taken = []
        for price, quantity in taken:
            if not order.status.open:
                break
            self._fill(account, order, price, quantity, now, maker=False)
        rests = order.limited and order.time_in_force in ("GTC", "GTX", "GTD")
        if order.status.open and not rests:
            self._end(account, order, OrderStatus.EXPIRED, now)

    def _fill(
        self,
        account: ExchangeAccount,
        order: Order,
        price: Decimal,
        quantity: Decimal,
        now: int,
        *,
        maker: bool,
    ) -> None:
        item = order.instrument
        if order.reduce_only:
            closes = max(ZERO, -account.position(item.symbol).amount * order.side.sign)
            quantity = min(quantity, closes)
            if not quantity:
                self._end(account, order, OrderStatus.EXPIRED, now)
                return
        if not self._ledger(order).affords(account, order, price * quantity):
            self._end(account, order, OrderStatus.EXPIRED, now)
            return
        fee = item.maker_fee if maker else item.taker_fee
        commission, asset, realized = self._ledger(order).book(account, order, price, quantity, fee)
        number = next(self.accounts.trade_ids)
        fill = Fill(number, price, quantity, commission, asset, maker, now, realized)
        order.fills.append(fill)
        order.updated = account.updated = now
        if item.perpetual:
            account.position(item.symbol).updated = now
            note_income(account, number, item, "REALIZED_PNL", realized, now)
            note_income(account, number, item, "COMMISSION", -commission, now)
        if order.remaining > 0:
            order.status = OrderStatus.PARTIALLY_FILLED
        else:
            order.status = OrderStatus.FILLED
            self._ledger(order).release(account, order)
            account.open_orders.pop(order.id, None)
        self._tell(account, ExecutionReport(ExecutionKind.TRADE, order, now, fill))
        self._finish_parent(account, order, now)

    def _end(self, account: ExchangeAccount, order: Order, status: OrderStatus, now: int) -> None:
        self._ledger(order).release(account, order)
        account.open_orders.pop(order.id, None)
        order.status = status
        order.updated = account.updated = now
        if order.algo is not None:
            self._algo_status(account, order, order.algo, AlgoStatus(status.value), now)
            return
        self._tell(account, ExecutionReport(ExecutionKind(status.value), order, now))
        self._finish_parent(account, order, now)

    def _finish_parent(self, account: ExchangeAccount, order: Order, now: int) -> None:
        parent = order.parent
        if parent is not None and parent.algo is not None and not order.status.open:
            self._algo_status(account, parent, parent.algo, AlgoStatus.FINISHED, now)

    def _fund(self, account: ExchangeAccount, done: int, now: int) -> None:
        first = done - done % FUNDING_INTERVAL + FUNDING_INTERVAL
        for moment in range(first, now + 1, FUNDING_INTERVAL):
            for symbol, position in list(account.positions.items()):
                if position.amount:
                    item = self._venue.instrument_of(symbol)
                    rate = Decimal(repr(self._venue.funding_rate(item, moment)))
                    mark = Decimal(repr(self._venue.mark(item, moment)))
                    amount = self.futures.pay_funding(account, item, rate, mark)
                    number = next(self.accounts.trade_ids)
                    note_income(account, number, item, "FUNDING_FEE", amount, moment)
                    self._tell(account, FundingReport(item, amount, moment))

    def _liquidate(self, account: ExchangeAccount, now: int) -> None:
        for symbol, position in list(account.positions.items()):
            if not position.amount:
                continue
            item = self._venue.instrument_of(symbol)
            limit = self.futures.liquidation_price(account, symbol)
            mark = self._mark(symbol)
            if mark > limit if position.amount > 0 else mark < limit:
                continue
            side = BookSide.SELL if position.amount > 0 else BookSide.BUY
            number = next(self.accounts.order_ids)
            order = Order(
                id=number,
                client_id=f"autoclose-{number}",
                instrument=item,
                side=side,
                kind="LIQUIDATION",
                time_in_force="IOC",
                quantity=abs(position.amount),
                price=limit,
                stop_price=ZERO,
                created=now,
                limited=True,
                reduce_only=True,
            )
            account.orders[number] = order
            self._tell(account, ExecutionReport(ExecutionKind.NEW, order, now))
            self._fill(account, order, limit, order.quantity, now, maker=False)

    def _mark(self, symbol: str) -> Decimal:
        item = self._venue.instrument_of(symbol)
        return Decimal(repr(self._venue.mark(item, self._venue.clock.now())))

    def _ledger(self, order: Order) -> Ledger:
        return self.futures if order.instrument.perpetual else self._spot

    def _tell(self, account: ExchangeAccount, report: AccountReport) -> None:
        for listener in self._listeners:
            listener(account, report)
