"""How long is waited before the next try?"""

from __future__ import annotations

import random
from collections.abc import Callable


class Backoff:
    """Delays that double from `first` to `most` seconds, each shortened by up to half by chance.

    Chance keeps many clients from trying together; the half that remains keeps one from spinning.
    """

    def __init__(
        self, first: float, most: float, chance: Callable[[], float] = random.random
    ) -> None:
        self._first = first
        self._most = most
        self._chance = chance
        self._delay = first

    def next(self) -> float:
        """Seconds to wait now; the next answer is about twice as long."""
        delay = self._delay
        self._delay = min(self._most, delay * 2)
        return delay * (0.5 + self._chance() / 2)

    def reset(self) -> None:
        """Begin again at `first`: something worked."""
        self._delay = self._first
