"""Says which candles a result is of: those that are alike to the last bit give the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from core.market.candles.candles import Candles


def candles_digest(candles: Mapping[str, Candles]) -> str:
    """BLAKE2 (hex) of every column of every symbol's candles."""
    digest = hashlib.blake2b(digest_size=32)
    for symbol in sorted(candles):
        one = candles[symbol]
        digest.update(f"{symbol}:{len(one)}:".encode())
        for column in (one.time, one.open, one.high, one.low, one.close, one.volume):
            digest.update(column.tobytes())
    return digest.hexdigest()
