"""The names of a market: ccxt's unified one, and the venue's own."""

from __future__ import annotations

import re

# Longest first: "BTCFDUSD" is BTC/FDUSD, not BTCFD/USD.
_QUOTES = (
    "FDUSD",
    "USDT",
    "USDC",
    "TUSD",
    "BUSD",
    "DAI",
    "EUR",
    "TRY",
    "BRL",
    "BTC",
    "ETH",
    "BNB",
    "USD",
)
_COINS = frozenset({"BTC", "ETH", "BNB", "SOL"})
_UNIFIED = re.compile(r"^[A-Z0-9]{1,20}/[A-Z0-9]{1,10}(:[A-Z0-9]{1,10})?$")


class SymbolError(ValueError):
    """A text is not the name of a market; the message says what would be."""


def unified_symbol(text: str) -> str:
    """The ccxt unified name of a market: `BTCUSDT` and `btc/usdt` become `BTC/USDT`.

    Raises:
        SymbolError: if `text` is neither a unified symbol nor a pair with a known quote currency.
    """
    name = text.strip().upper()
    if _UNIFIED.match(name):
        return name
    if re.fullmatch(r"[A-Z0-9]{3,30}", name):
        for quote in _QUOTES:
            if name.endswith(quote) and len(name) > len(quote):
                return f"{name.removesuffix(quote)}/{quote}"
    raise SymbolError(
        f"symbol {text!r} is not known: write BTC/USDT (spot), BTC/USDT:USDT (perpetual) or BTCUSDT"
    )


def is_perpetual(symbol: str) -> bool:
    """Whether a unified symbol names a perpetual contract (`BTC/USDT:USDT`), not a spot market."""
    return ":" in symbol


def venue_symbol(symbol: str) -> str:
    """Binance's own name of a unified symbol: `BTC/USDT` and `BTC/USDT:USDT` are both `BTCUSDT`."""
    return symbol.partition(":")[0].replace("/", "")


def quote_currency(symbol: str) -> str:
    """The currency in which a unified symbol is priced."""
    return symbol.partition(":")[0].partition("/")[2]


def money_decimals(*symbols: str) -> int:
    """How many decimals an amount is written with in an account that trades these symbols.

    Two where it is in a currency worth about a dollar or euro, or not known. A coin that is worth
    hundreds or thousands of them has six: what an account of BTC 0.01 pays in fees on a day is some
    0.00001, and `0.000012` takes no more room than `1,234.56`. Of several currencies the finest.
    """
    return 6 if any(quote_currency(symbol) in _COINS for symbol in symbols) else 2
