"""Plays a small table of candles through the rules.

A row is `open high low close` and, behind `|`, the flags raised at its close (EL, XL, ES, XS:
enter or exit, long or short), `funding=RATE`, and `level=NUMBER` for each of the rules' levels. Row
n opens at n minutes. `-` in place of the prices: the symbol has no candle at that moment. Symbols
stand side by side, parted by `||`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.market.candles.candles import Candle
from core.market.candles.timeframes import MINUTE
from core.market.filters import NO_FILTERS, MarketFilters
from core.strategy.signals.source import ENTER_LONG, ENTER_SHORT, EXIT_LONG, EXIT_SHORT
from core.trading.account import Account
from core.trading.bar import Bar
from core.trading.rules import Rules
from core.trading.step import step
from core.trading.values import Event, FinerCandles, Trade

FLAGS = {"EL": ENTER_LONG, "XL": EXIT_LONG, "ES": ENTER_SHORT, "XS": EXIT_SHORT}


def rules(*, symbols: Sequence[str] = ("BTC/USDT",), **changes: Any) -> Rules:
    """Rules that keep the arithmetic in the head: balance 1000, no fees, no slippage, 1×."""
    filters = changes.pop("filters", NO_FILTERS)
    numbers: dict[str, Any] = {
        "timeframe_ms": MINUTE,
        "starting_balance": 1000.0,
        "trade_size_pct": 100.0,
        "leverage": 1.0,
        "fees": 0.0,
        "slippage_pct": 0.0,
    }
    filter_list: tuple[MarketFilters, ...] = (filters,) * len(symbols)
    return Rules(symbols=tuple(symbols), filters=filter_list, **(numbers | changes))


def bars(line: str) -> list[Bar]:
    """The bars of one row of a table."""
    found = []
    for slot, cell in enumerate(line.split("||")):
        prices, _, notes = cell.partition("|")
        if prices.strip() == "-":
            continue
        open_, high, low, close = (float(price) for price in prices.split())
        words = notes.split()
        raised = sum(FLAGS[word] for word in words if word in FLAGS)
        rates = [float(word[8:]) for word in words if word.startswith("funding=")]
        levels = tuple(float(word[6:]) for word in words if word.startswith("level="))
        found.append(Bar(slot, open_, high, low, close, raised, sum(rates), levels))
    return found


def rows(table: str) -> list[list[Bar]]:
    """The moments of a table, as bars."""
    return [bars(line) for line in table.strip().splitlines()]


def play(
    table: str, *, finer: FinerCandles | None = None, **changes: Any
) -> tuple[Account, list[Event]]:
    """The account after the table, and everything that happened."""
    account = Account(rules(**changes))
    events: list[Event] = []
    for moment, present in enumerate(rows(table)):
        events += step(account, moment * MINUTE, present, finer)
    return account, events


def exits(account: Account) -> list[str]:
    """The trades as `entry price @ candle > exit price @ candle reason`."""
    return [exit_text(trade) for trade in account.trades]


def exit_text(trade: Trade) -> str:
    """One trade in a line."""
    mark = " ambiguous" if trade.ambiguous else ""
    return (
        f"{trade.entry_price:g}@{trade.entry_time // MINUTE} > "
        f"{trade.exit_price:g}@{trade.exit_time // MINUTE} {trade.exit_reason}{mark}"
    )


def candle(time: int, text: str) -> Candle:
    """A candle without volume from `open high low close`."""
    open_, high, low, close = (float(price) for price in text.split())
    return Candle(time, open_, high, low, close, 0.0)
