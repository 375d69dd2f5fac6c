"""Says which candle file is which symbol's, from `FILE` or `SYMBOL=FILE` as a user writes it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from core.market.symbols import SymbolError, unified_symbol, venue_symbol
from core.store.workspace import expanded

_COLUMNS = " --columns "
_NEXT = re.compile(r"\s+(?=[^\s=]+=)")  # before another SYMBOL=: names of files may have spaces
_PAIR = re.compile(
    r"(?<![A-Za-z0-9])(?P<base>(?:1000+)?[A-Z]{2,6})[-_]?"
    r"(?P<quote>FDUSD|USDT|USDC|TUSD|BUSD|USD|EUR|BTC|ETH)(?![A-Za-z0-9])"
)


class SymbolFilesError(ValueError):
    """It cannot be told which file is which symbol's; the message says what to write."""


def files_by_symbol(
    asked_with: str, texts: Sequence[str], symbols: Sequence[str], *, all_needed: bool = True
) -> dict[str, Path]:
    """The file of each symbol; `asked_with` is the option or field that errors name.

    Raises:
        SymbolFilesError: a file is meant for no symbol, or for several; a symbol is left without
            one; or there is no symbol.
    """
    if not symbols:
        raise SymbolFilesError(
            f"{asked_with}: no symbol to read it for, expected a strategy that names its symbols"
        )
    files: dict[str, Path] = {}
    for text in texts:
        symbol, path = _split(text, symbols)
        if symbol is None:
            if len(symbols) > 1:
                raise SymbolFilesError(
                    f"{asked_with} {text}: say which of {', '.join(symbols)} it holds, such as "
                    f"{symbols[0]}={text}"
                )
            symbol = symbols[0]
        if symbol in files:
            raise SymbolFilesError(f"{asked_with}: two files for {symbol}, expected one")
        files[symbol] = path
    missing = [symbol for symbol in symbols if symbol not in files]
    if missing and all_needed:
        raise SymbolFilesError(
            f"{asked_with}: no file for {', '.join(missing)}; add {missing[0]}=FILE"
        )
    return files


def files_in_line(
    asked_with: str, line: str, symbols: Sequence[str]
) -> tuple[dict[str, Path], str | None]:
    """`files_by_symbol` of one line, where spaces part the files of several symbols, each named.

    Returns:
        The file of each symbol, and the order of their columns where ` --columns NAMES` follows.

    Raises:
        SymbolFilesError: as `files_by_symbol` does, or nothing stands there.
    """
    line, option, columns = line.partition(_COLUMNS)
    line = line.strip()
    if not line:
        raise SymbolFilesError(f"{asked_with}: a candle file is needed, such as candles.csv.gz")
    files = files_by_symbol(asked_with, _NEXT.split(line) if len(symbols) > 1 else [line], symbols)
    return files, columns.strip() if option else None


def line_of_files(files: Mapping[str, Path], columns: str | None) -> str:
    """The line that `files_in_line` reads these from, wherever it is read."""
    parts = [
        str(path.absolute()) if len(files) == 1 else f"{symbol}={path.absolute()}"
        for symbol, path in files.items()
    ]
    return " ".join(parts) + (f"{_COLUMNS}{columns}" if columns else "")


def without_folders(line: str, symbols: int) -> str:
    """A line that `line_of_files` wrote for so many symbols, with the names of its files alone."""
    line, option, columns = line.partition(_COLUMNS)
    if symbols == 1:
        return Path(line).name + option + columns
    parts = (word.partition("=") for word in _NEXT.split(line))
    names = [f"{left}={Path(right).name}" if right else Path(left).name for left, _, right in parts]
    return " ".join(names) + option + columns


def names_in_line(line: str) -> list[str]:
    """The names of the files in such a line, whatever symbols they are of."""
    line, _, _ = line.partition(_COLUMNS)
    return [Path(word).name for word in _NEXT.split(line.strip())]


def market_in_name(path: Path) -> str | None:
    """The market that a file's name says: BTC/USDT for `BTCUSDT-1h.zip` or `BTC_USDT-1h.json`."""
    found = _PAIR.search(path.name)
    if found is None:
        return None
    return f"{'BTC' if found['base'] == 'XBT' else found['base']}/{found['quote']}"


def other_market_in_name(path: Path, symbol: str) -> str | None:
    """In words, that a file's name says another market than `symbol`; None if it does not."""
    named = market_in_name(path)
    if named is None or venue_symbol(named) == venue_symbol(symbol):
        return None
    return f"its name says {named}, where {symbol} was asked for"


def other_markets(files: Mapping[str, str]) -> list[str]:
    """A sentence for each symbol's file whose name says another market."""
    named = ((Path(path), symbol) for symbol, path in files.items())
    told = ((path.name, other_market_in_name(path, symbol)) for path, symbol in named)
    return [f"{name}: {other}" for name, other in told if other is not None]


def _split(text: str, symbols: Sequence[str]) -> tuple[str | None, Path]:
    """The symbol, None where only a file is named, and the file.

    Parted only where the left side is one of `symbols`: a file may have an equals sign in its name.
    """
    left, equals, right = text.partition("=")
    if equals:
        try:
            symbol = unified_symbol(left)
        except SymbolError:
            return None, expanded(text)
        if symbol in symbols:
            return symbol, expanded(right)
    return None, expanded(text)
