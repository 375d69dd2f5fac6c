"""Reads which candle file is which symbol's, as typed into a form."""

from __future__ import annotations

from collections.abc import Sequence


def files_by_symbol(text: str, symbols: Sequence[str], problems: list[str]) -> dict[str, str]:
    """The file of each symbol, from `FILE` or `SYMBOL=FILE` parted by spaces.

    What is missing or cannot be told apart is added to `problems`.
    """
    # Loads numpy, which the first frame must not wait for; the host has it by now.
    from core.market.files.candle_files import split_data_argument  # noqa: PLC0415
    from core.store.workspace import expanded  # noqa: PLC0415

    if not text:
        problems.append("candles: a replay needs a candle file, such as candles.csv.gz")
        return {}
    if not symbols:
        return {}
    # The file of a lone symbol may have spaces in its name.
    parts = text.split() if len(symbols) > 1 else [text]
    files: dict[str, str] = {}
    for part in parts:
        symbol, path = split_data_argument(part, symbols)
        if symbol is None and len(symbols) > 1:
            problems.append(f"candles: say which symbol is in {part}: {symbols[0]}={part}")
            return {}
        files[symbol or symbols[0]] = str(expanded(path))
    missing = [symbol for symbol in symbols if symbol not in files]
    if missing:
        problems.append(f"candles: no file for {', '.join(missing)}; add {missing[0]}=FILE")
    return files
