"""Python's collector of cycles, kept at rest while very many objects are made that all stay.

A long report, or what is read from one, is some hundred thousand small values. Looking all objects
of the process through for cycles again and again takes longer than making them, and meanwhile no
thread goes on.
"""

from __future__ import annotations

import contextlib
import gc
import threading
from collections.abc import Iterator

_lock = threading.Lock()
_resting = 0  # how many ask for rest at the moment, in all threads


@contextlib.contextmanager
def without_collections() -> Iterator[None]:
    """Let no collection begin meanwhile, in any thread; they go on once nobody asks for rest.

    A collector that others have switched off stays off.
    """
    global _resting  # noqa: PLW0603  the collector is the process's
    with _lock:
        rests = _resting > 0 or gc.isenabled()
        if rests:
            _resting += 1
            gc.disable()
    try:
        yield
    finally:
        if rests:
            with _lock:
                _resting -= 1
                if not _resting:
                    gc.enable()
