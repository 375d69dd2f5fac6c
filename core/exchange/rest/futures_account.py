"""The REST endpoints of a USDⓈ-M account's wallet and positions."""

from __future__ import annotations

from decimal import Decimal

from core.exchange.accounts.accounts import ExchangeAccount
from core.exchange.accounts.ledgers import MAINTENANCE_RATE, FuturesLedger
from core.exchange.errors import ExchangeError
from core.exchange.market.instruments import Instrument
from core.exchange.market.quotes import MarketQuotes
from core.exchange.matching.orders import ZERO
from core.exchange.rest.calls import Call, Endpoint, Params, Routes, Security
from core.exchange.rest.payloads import eight, exchange_number

_MAX_LEVERAGE = 125
_NOTIONAL_CAP = 1_000_000_000


class FuturesAccount:
    """Answers the signed calls of `/fapi/v1` to `v3` that are about money, margin and positions.

    Accounts are in one-way mode with a wallet in each quote currency. One bracket holds for all
    sizes: leverage to 125, maintenance margin 0.5 per cent.
    """

    def __init__(self, venue: MarketQuotes, ledger: FuturesLedger) -> None:
        self._venue = venue
        self._ledger = ledger

    def routes(self) -> Routes:
        """The calls by method and path."""
        signed = Security.SIGNED
        return {
            ("GET", "/fapi/v2/account"): Endpoint(lambda call: self._account(call, 2), 5, signed),
            ("GET", "/fapi/v3/account"): Endpoint(lambda call: self._account(call, 3), 5, signed),
            ("GET", "/fapi/v2/balance"): Endpoint(self._balance, 5, signed),
            ("GET", "/fapi/v3/balance"): Endpoint(self._balance, 5, signed),
            ("GET", "/fapi/v2/positionRisk"): Endpoint(lambda call: self._risk(call, 2), 5, signed),
            ("GET", "/fapi/v3/positionRisk"): Endpoint(lambda call: self._risk(call, 3), 5, signed),
            ("GET", "/fapi/v1/leverageBracket"): Endpoint(self._brackets, 1, signed),
            ("POST", "/fapi/v1/leverage"): Endpoint(self._leverage, 1, signed),
            ("POST", "/fapi/v1/marginType"): Endpoint(self._margin_type, 1, signed),
            ("GET", "/fapi/v1/symbolConfig"): Endpoint(self._symbol_config, 5, signed),
            ("GET", "/fapi/v1/accountConfig"): Endpoint(self._account_config, 5, signed),
            ("GET", "/fapi/v1/positionSide/dual"): Endpoint(
                lambda _: {"dualSidePosition": False}, 30, signed
            ),
            ("GET", "/fapi/v1/multiAssetsMargin"): Endpoint(
                lambda _: {"multiAssetsMargin": False}, 30, signed
            ),
            ("GET", "/fapi/v1/commissionRate"): Endpoint(self._commission, 20, signed),
            ("GET", "/fapi/v1/income"): Endpoint(self._income, 30, signed),
        }

    def _account(self, call: Call, version: int) -> object:
        account = call.account
        assets = [self._asset(account, asset) for asset in account.futures]
        totals = {
            "totalInitialMargin": "initialMargin",
            "totalMaintMargin": "maintMargin",
            "totalWalletBalance": "walletBalance",
            "totalUnrealizedProfit": "unrealizedProfit",
            "totalMarginBalance": "marginBalance",
            "totalPositionInitialMargin": "positionInitialMargin",
            "totalOpenOrderInitialMargin": "openOrderInitialMargin",
            "totalCrossWalletBalance": "crossWalletBalance",
            "totalCrossUnPnl": "crossUnPnl",
            "availableBalance": "availableBalance",
            "maxWithdrawAmount": "maxWithdrawAmount",
        }
        answer: dict[str, object] = {
            name: eight(sum((Decimal(asset[of]) for asset in assets), ZERO))
            for name, of in totals.items()
        }
        stamp = {"updateTime": account.updated}
        if version == 2:
            answer |= {
                "feeTier": 0,
                "feeBurn": True,
                "canTrade": True,
                "canDeposit": False,
                "canWithdraw": False,
                "tradeGroupId": -1,
                "multiAssetsMargin": False,
                **stamp,
            }
        flags = {"marginAvailable": True} if version == 2 else {}
        answer["assets"] = [{**asset, **flags, **stamp} for asset in assets]
        answer["positions"] = [
            self._account_position(account, item, version)
            for item in self._venue.perpetuals.values()
            if version == 2 or account.position(item.symbol).amount
        ]
        return answer

    def _asset(self, account: ExchangeAccount, asset: str) -> dict[str, str]:
        ledger, wallet = self._ledger, account.wallet(asset)
        held = ledger.held(account, asset)
        cross = [symbol for symbol in held if not account.position(symbol).isolated_margin]
        isolated = sum(
            (account.position(symbol).isolated for symbol in held if symbol not in cross), ZERO
        )
        profit = sum((ledger.unrealized(account, symbol) for symbol in held), ZERO)
        cross_profit = sum((ledger.unrealized(account, symbol) for symbol in cross), ZERO)
        margin = sum((ledger.initial_margin(account, symbol) for symbol in held), ZERO)
        maintenance = sum((ledger.maintenance_margin(account, symbol) for symbol in held), ZERO)
        orders = ledger.order_margin(account, asset)
        available = ledger.available(account, asset)
        return {
            "asset": asset,
            "walletBalance": eight(wallet),
            "unrealizedProfit": eight(profit),
            "marginBalance": eight(wallet + profit),
            "maintMargin": eight(maintenance),
            "initialMargin": eight(margin + orders),
            "positionInitialMargin": eight(margin),
            "openOrderInitialMargin": eight(orders),
            "crossWalletBalance": eight(wallet - isolated),
            "crossUnPnl": eight(cross_profit),
            "availableBalance": eight(available),
            "maxWithdrawAmount": eight(available),
        }

    def _account_position(
        self, account: ExchangeAccount, item: Instrument, version: int
    ) -> dict[str, object]:
        ledger, symbol = self._ledger, item.symbol
        position = account.position(symbol)
        isolated = position.isolated if position.isolated_margin else ZERO
        row: dict[str, object] = {
            "symbol": item.venue_symbol,
            "positionSide": "BOTH",
            "positionAmt": exchange_number(position.amount),
            "unrealizedProfit": eight(ledger.unrealized(account, symbol)),
            "isolatedMargin": _plain(isolated + ledger.unrealized(account, symbol))
            if isolated
            else "0",
            "notional": _plain(ledger.notional(account, symbol)),
            "isolatedWallet": _plain(isolated),
            "initialMargin": _plain(ledger.initial_margin(account, symbol)),
            "maintMargin": _plain(ledger.maintenance_margin(account, symbol)),
            "updateTime": position.updated,
        }
        if version == 2:
            row |= {
                "positionInitialMargin": row["initialMargin"],
                "openOrderInitialMargin": "0",
                "leverage": str(position.leverage),
                "isolated": position.isolated_margin,
                "entryPrice": exchange_number(position.entry_price),
                "breakEvenPrice": exchange_number(position.entry_price),
                "maxNotional": str(_NOTIONAL_CAP),
                "bidNotional": "0",
                "askNotional": "0",
            }
        return row

    def _balance(self, call: Call) -> object:
        rows = []
        for asset in call.account.futures:
            money = self._asset(call.account, asset)
            rows.append(
                {
                    "accountAlias": "papertape",
                    "asset": asset,
                    "balance": money["walletBalance"],
                    "crossWalletBalance": money["crossWalletBalance"],
                    "crossUnPnl": money["crossUnPnl"],
                    "availableBalance": money["availableBalance"],
                    "maxWithdrawAmount": money["maxWithdrawAmount"],
                    "marginAvailable": True,
                    "updateTime": call.account.updated,
                }
            )
        return rows

    def _risk(self, call: Call, version: int) -> object:
        chosen = self._chosen(call.params)
        account = call.account
        if version == 3:
            chosen = [item for item in chosen if account.position(item.symbol).amount]
        return [self._risk_row(account, item, call.now, version) for item in chosen]

    def _risk_row(
        self, account: ExchangeAccount, item: Instrument, now: int, version: int
    ) -> dict[str, object]:
        ledger, symbol = self._ledger, item.symbol
        position = account.position(symbol)
        isolated = position.isolated if position.isolated_margin else ZERO
        profit = ledger.unrealized(account, symbol)
        row: dict[str, object] = {
            "symbol": item.venue_symbol,
            "positionSide": "BOTH",
            "positionAmt": exchange_number(position.amount),
            "entryPrice": _plain(position.entry_price),
            "breakEvenPrice": _plain(position.entry_price),
            "markPrice": eight(Decimal(repr(self._venue.mark(item, now)))),
            "unRealizedProfit": eight(profit),
            "liquidationPrice": _plain(ledger.liquidation_price(account, symbol)),
            "isolatedMargin": _plain(isolated + profit) if isolated else "0",
            "notional": _plain(ledger.notional(account, symbol)),
            "isolatedWallet": _plain(isolated),
            "updateTime": position.updated,
        }
        if version == 2:
            row |= {
                "leverage": str(position.leverage),
                "maxNotionalValue": str(_NOTIONAL_CAP),
                "marginType": "isolated" if position.isolated_margin else "cross",
                "isAutoAddMargin": "false",
                "isolated": position.isolated_margin,
                "adlQuantile": 0,
            }
        else:
            margin = _plain(ledger.initial_margin(account, symbol))
            row |= {
                "marginAsset": item.quote,
                "initialMargin": margin,
                "maintMargin": _plain(ledger.maintenance_margin(account, symbol)),
                "positionInitialMargin": margin,
                "openOrderInitialMargin": "0",
                "adl": 0,
                "bidNotional": "0",
                "askNotional": "0",
            }
        return row

    def _brackets(self, call: Call) -> object:
        rows = [
            {
                "symbol": item.venue_symbol,
                "notionalCoef": 1.0,
                "brackets": [
                    {
                        "bracket": 1,
                        "initialLeverage": _MAX_LEVERAGE,
                        "notionalCap": _NOTIONAL_CAP,
                        "notionalFloor": 0,
                        "maintMarginRatio": float(MAINTENANCE_RATE),
                        "cum": 0.0,
                    }
                ],
            }
            for item in self._chosen(call.params)
        ]
        return rows

    def _leverage(self, call: Call) -> object:
        item = self._instrument(call.params)
        leverage = call.params.integer("leverage")
        if leverage is None or not 1 <= leverage <= _MAX_LEVERAGE:
            raise ExchangeError(-4028, f"Leverage {leverage} is not valid")
        call.account.position(item.symbol).leverage = leverage
        return {
            "leverage": leverage,
            "maxNotionalValue": str(_NOTIONAL_CAP),
            "symbol": item.venue_symbol,
        }

    def _margin_type(self, call: Call) -> object:
        item = self._instrument(call.params)
        wanted = call.params.choice(
            "marginType", frozenset(("ISOLATED", "CROSSED")), -4035, "Invalid margin type."
        )
        position = call.account.position(item.symbol)
        isolated = wanted == "ISOLATED"
        if isolated == position.isolated_margin:
            raise ExchangeError(-4046, "No need to change margin type.")
        if position.amount:
            raise ExchangeError(-4048, "Margin type cannot be changed if there exists position.")
        if any(order.instrument is item for order in call.account.open_orders.values()):
            raise ExchangeError(-4047, "Margin type cannot be changed if there exists open orders.")
        position.isolated_margin = isolated
        return {"code": 200, "msg": "success"}

    def _symbol_config(self, call: Call) -> object:
        rows = []
        for item in self._chosen(call.params):
            position = call.account.position(item.symbol)
            rows.append(
                {
                    "symbol": item.venue_symbol,
                    "marginType": "ISOLATED" if position.isolated_margin else "CROSSED",
                    "isAutoAddMargin": False,
                    "leverage": position.leverage,
                    "maxNotionalValue": str(_NOTIONAL_CAP),
                }
            )
        return rows

    def _account_config(self, call: Call) -> object:
        return {
            "feeTier": 0,
            "canTrade": True,
            "canDeposit": False,
            "canWithdraw": False,
            "dualSidePosition": False,
            "updateTime": call.account.updated,
            "multiAssetsMargin": False,
            "tradeGroupId": -1,
        }

    def _commission(self, call: Call) -> object:
        item = self._instrument(call.params)
        return {
            "symbol": item.venue_symbol,
            "makerCommissionRate": exchange_number(item.maker_fee),
            "takerCommissionRate": exchange_number(item.taker_fee),
        }

    def _income(self, call: Call) -> object:
        params = call.params
        symbol, kind = params.optional("symbol"), params.optional("incomeType")
        start, stop = params.integer("startTime"), params.integer("endTime")
        rows = [
            {
                "symbol": income.symbol,
                "incomeType": income.kind,
                "income": eight(income.amount),
                "asset": income.asset,
                "info": income.kind,
                "time": income.time,
                "tranId": income.id,
                "tradeId": "" if income.kind == "FUNDING_FEE" else str(income.id),
            }
            for income in call.account.income
            if (symbol is None or income.symbol == symbol)
            and (kind is None or income.kind == kind)
            and (start is None or income.time >= start)
            and (stop is None or income.time <= stop)
        ]
        limit = params.limit(100, 1000)
        return rows[-limit:] if start is None else rows[:limit]

    def _chosen(self, params: Params) -> list[Instrument]:
        if params.optional("symbol"):
            return [self._instrument(params)]
        return list(self._venue.perpetuals.values())

    def _instrument(self, params: Params) -> Instrument:
        return self._venue.instrument(params.text("symbol"), perpetual=True)


def _plain(value: Decimal) -> str:
    """With eight digits at most; nothing is "0", by which clients tell cross from isolated."""
    return eight(value) if value else "0"
