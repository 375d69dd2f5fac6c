"""What is to be known of msgspec: what it raises, and how types are read by more than one thread.

msgspec works out what it has to know of a class when it first reads one, and keeps that with the
class while it is half done: a second thread that reads one just then ends the process by a
segmentation fault. So every class is prepared where its module is imported, which one thread does.
"""

from __future__ import annotations

from typing import Any

import msgspec

UNDECODABLE = (msgspec.DecodeError, RecursionError)
"""What reading a file of another's raises; the latter for what is nested too deeply."""


def prepare(*kinds: Any) -> None:
    """Have msgspec work out what it has to know of these types, and of all that are in them."""
    for kind in kinds:
        msgspec.json.Decoder(kind)
