"""Says which program, and which candles, a result is of: those that are alike give the same."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

from core.market.candles.candles import Candles

_CORE = Path(__file__).resolve().parents[1]
_LIBRARIES = ("numpy", "TA-Lib")  # that compute what a result is made of


@cache
def program_identity() -> Mapping[str, str]:
    """Versions by name, of all that has a say in a number; of Papertape with a digest of its code.

    In a checkout the version stays while the code changes.
    """
    code = hashlib.sha256()
    for file in sorted(_CORE.rglob("*.py")):
        code.update(f"{file.relative_to(_CORE)}\n".encode())
        code.update(hashlib.sha256(file.read_bytes()).digest())
    return {
        "Papertape": f"{version('papertape')} ({code.hexdigest()[:12]})",
        "Python": ".".join(platform.python_version_tuple()[:2]),
        **{name: version(name) for name in _LIBRARIES},
    }


def candles_digest(candles: Mapping[str, Candles]) -> str:
    """BLAKE2 (hex) of every column of every symbol's candles."""
    digest = hashlib.blake2b(digest_size=32)
    for symbol in sorted(candles):
        one = candles[symbol]
        digest.update(f"{symbol}:{len(one)}:".encode())
        for column in (one.time, one.open, one.high, one.low, one.close, one.volume):
            digest.update(column.tobytes())
    return digest.hexdigest()
