"""Says which program a result is of: those that are alike give the same."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np

from core.strategy.indicators.plugins import plugin_packages

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
        **{f"plug-in {name}": its for name, its in plugin_packages()},
        "arithmetic": _arithmetic(),
    }


def _arithmetic() -> str:
    """A digest of what numpy makes of some numbers.

    It chooses its instructions by the processor, and their last bits are not always the same.
    """
    x = np.random.default_rng(1).uniform(0.01, 3, 4_099)
    found = (np.exp(x), np.log(x), np.sqrt(x), x**1.7, x.cumsum(), x.sum(), x.std(), x / x[::-1])
    return hashlib.sha256(b"".join(one.tobytes() for one in found)).hexdigest()[:8]
