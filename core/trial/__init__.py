"""The trial: what a backtest promised, sealed, and whether the trades since have kept it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.trial.boundaries import Boundaries, Edge, calibrate
    from core.trial.state import State

__all__ = ["Boundaries", "Edge", "State", "calibrate"]


def __getattr__(name: str) -> Any:
    """Load the statistics when they are first asked for: the package alone imports nothing."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    room = "core.trial.state" if name == "State" else "core.trial.boundaries"
    return getattr(import_module(room), name)
