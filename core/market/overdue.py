"""How long may a candle take before the exchange is asked what has become of it?"""

from __future__ import annotations


class Overdue:
    """A time after the close, in seconds: `first`, and twice as long each time that none came.

    Never longer than `most`: a market may simply be quiet, but it may also have stopped.
    """

    def __init__(self, first: float, most: float) -> None:
        self._first = first
        self._most = most
        self.seconds = first

    @property
    def asked(self) -> bool:
        """Whether it has been asked for in vain."""
        return self.seconds > self._first

    def since(self, closes: int, now: int) -> bool:
        """Whether a candle that closes at `closes` has been overdue since before `now` (UTC ms)."""
        return now - closes > self.seconds * 1000

    def none_came(self) -> None:
        """The exchange was asked, and has none."""
        self.seconds = min(self._most, self.seconds * 2)

    def came(self) -> None:
        """A candle has come."""
        self.seconds = self._first
