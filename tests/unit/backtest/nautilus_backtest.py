"""Has Nautilus Trader's BacktestEngine trade what it is told; run as a process of its own.

It runs under an interpreter that has Nautilus and imports nothing of Papertape's. Standard input
holds JSON: candles (`rows`: open time in ms, open, high, low, close), flags for each candle
(`entry`, `exit`), `span` (ms), `side` and `stop` and `target` (fractions of the entry, or null).
Standard output is a JSON list of trades. When an order fills, and at what price, is Nautilus' own.
"""

import json
import sys
from decimal import Decimal
from typing import Any

from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, RiskEngineConfig, StrategyConfig
from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import CurrencyPair
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

PRECISION = 8
ID = InstrumentId.from_str("BTCUSDT.SIM")
INSTRUMENT = CurrencyPair(
    instrument_id=ID,
    raw_symbol=Symbol("BTCUSDT"),
    base_currency=BTC,
    quote_currency=USDT,
    price_precision=PRECISION,
    size_precision=8,
    price_increment=Price(10**-PRECISION, PRECISION),
    size_increment=Quantity(1e-8, 8),
    lot_size=None,
    max_quantity=None,
    min_quantity=None,
    max_notional=None,
    min_notional=None,
    max_price=None,
    min_price=None,
    margin_init=Decimal("0.01"),
    margin_maint=Decimal("0.01"),
    maker_fee=Decimal(0),
    taker_fee=Decimal(0),
    ts_event=0,
    ts_init=0,
)


class Follows(Strategy):  # type: ignore[misc]  # another Python's
    """Enters and leaves where the flags say; stop and target rest at the venue."""

    def __init__(self, told: dict[str, Any], bar_type: BarType) -> None:
        super().__init__(StrategyConfig(strategy_id="FLAGS-1"))
        self.told, self.bar_type = told, bar_type
        self.place = -1
        self.trade: dict[str, Any] | None = None
        self.trades: list[dict[str, Any]] = []
        self.buys = told["side"] == "long"

    def on_start(self) -> None:
        self.subscribe_bars(self.bar_type)

    def on_bar(self, _: Bar) -> None:
        self.place += 1
        enter, leave = self.told["entry"][self.place], self.told["exit"][self.place]
        if self.trade is not None:
            if leave and not enter and self.trade["exit"] is None:
                self.cancel_all_orders(ID)
                self.close_all_positions(ID)
        elif enter and not leave and self.place < len(self.told["rows"]) - 1:
            side = OrderSide.BUY if self.buys else OrderSide.SELL
            order = self.order_factory.market(ID, side, INSTRUMENT.make_qty(1))
            self.trade = {"entered": self.place, "entry": None, "exit": None, "why": None}
            self.submit_order(order)

    def on_order_filled(self, event: Any) -> None:
        trade = self.trade
        assert trade is not None
        price = float(event.last_px)
        if trade["entry"] is None:
            trade["entry"] = price
            leaves = OrderSide.SELL if self.buys else OrderSide.BUY
            sign = 1 if self.buys else -1
            quantity = INSTRUMENT.make_qty(1)
            self.stop_id = self.target_id = None
            if self.told["stop"] is not None:
                at = INSTRUMENT.make_price(price * (1 - sign * self.told["stop"]))
                stop = self.order_factory.stop_market(ID, leaves, quantity, at, reduce_only=True)
                self.stop_id = stop.client_order_id
                self.submit_order(stop)
            if self.told["target"] is not None:
                at = INSTRUMENT.make_price(price * (1 + sign * self.told["target"]))
                target = self.order_factory.limit(ID, leaves, quantity, at, reduce_only=True)
                self.target_id = target.client_order_id
                self.submit_order(target)
            return
        reasons = {self.stop_id: "stop_loss", self.target_id: "take_profit"}
        trade["exit"] = price
        trade["why"] = reasons.get(event.client_order_id, "signal")
        # Within a candle Nautilus' own time stands at the close of the one it makes fills for.
        trade["left"] = int(event.ts_event) // 1_000_000
        self.trades.append(trade)
        self.trade = None
        self.cancel_all_orders(ID)


def main() -> None:
    told = json.load(sys.stdin)
    minutes = told["span"] // 60_000
    bar_type = BarType.from_str(f"BTCUSDT.SIM-{minutes}-MINUTE-LAST-EXTERNAL")
    bars = []
    for time, *prices in told["rows"]:
        closes = (time + told["span"]) * 1_000_000
        values = [Price(price, PRECISION) for price in prices]
        bars.append(Bar(bar_type, *values, Quantity(1_000_000, 8), closes, closes))
    engine = BacktestEngine(
        BacktestEngineConfig(
            logging=LoggingConfig(log_level="ERROR", bypass_logging=True),
            risk_engine=RiskEngineConfig(bypass=True),
        )
    )
    engine.add_venue(
        venue=Venue("SIM"),
        oms_type=OmsType.NETTING,
        account_type=AccountType.MARGIN,
        base_currency=USDT,
        starting_balances=[Money(100_000_000, USDT)],
        bar_execution=True,
    )
    engine.add_instrument(INSTRUMENT)
    engine.add_data(bars)
    follows = Follows(told, bar_type)
    engine.add_strategy(follows)
    engine.run()
    json.dump(follows.trades, sys.stdout)


main()
