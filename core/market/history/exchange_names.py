"""The exchanges that ccxt knows, by name, without loading it: that takes more than half a second.

Each is a module of `ccxt.async_support`, and ccxt lists no other, so that its folder says which.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from core.store.redaction import brief
from core.text import nearest


@cache
def exchange_names() -> frozenset[str]:
    """All names; none where ccxt is not installed."""
    found = find_spec("ccxt")
    folders = [] if found is None else found.submodule_search_locations or []
    modules = (one for folder in folders for one in Path(folder, "async_support").glob("*.py"))
    return frozenset(one.stem for one in modules) - {"__init__"}


def exchange_problem(name: str) -> str | None:
    """Why there is no exchange of that name, with the nearest that there is; None where it is."""
    names = exchange_names()
    if name in names:
        return None
    near = nearest(name, sorted(names))
    hint = f"did you mean {near}?" if near else "use a name that ccxt lists"
    return f"exchange {brief(name)} is not known: {hint}"
