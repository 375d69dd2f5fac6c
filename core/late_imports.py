"""Imports what takes long where it is first used, and no more of it than is used.

TA-Lib imports pandas and polars wherever they are installed, only to take their series too. It is
given none here, and pandas costs a third of a second and 60 MB, so it is told that they are not
installed. Whoever reads a file wants pandas, and does not look for it in that very moment.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from threading import Lock
from types import ModuleType
from typing import Any

_importing = Lock()
_NOT_FOR_TALIB = ("pandas", "polars")


@cache
def talib() -> Any:
    """TA-Lib, with its `abstract` and `stream`."""
    with _importing:
        before = {name: sys.modules.get(name) for name in _NOT_FOR_TALIB}
        hidden: dict[str, Any] = dict.fromkeys(_NOT_FOR_TALIB)
        sys.modules.update(hidden)  # None: an import of it fails
        try:
            import_module("talib.abstract")
            return import_module("talib")
        finally:
            for name, module in before.items():
                if module is None:
                    del sys.modules[name]
                else:
                    sys.modules[name] = module


def pandas() -> ModuleType:
    """pandas, which takes 0.4 s that only who reads a file should wait for."""
    with _importing:
        return import_module("pandas")
