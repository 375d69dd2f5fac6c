"""The band of a trial as charts draw it: plain values that load no statistics."""

from __future__ import annotations

from dataclasses import dataclass

from core.text import share_text

BAND = "band of the promise"
"""What it is called where there is no room for more."""


@dataclass(frozen=True, slots=True)
class ConeOverTime:
    """A band as it lies on an equity chart: by the time at which trades closed, or probably will.

    Attributes:
        points: (UTC ms, lower, middle, upper), not falling in time; change of equity since the
            start in per cent.
        rate: chance of ever leaving it below if the promise is true.
    """

    points: tuple[tuple[int, float, float, float], ...]
    rate: float

    def in_money(self, balance: float) -> tuple[tuple[int, float, float], ...]:
        """(UTC ms, lower, upper) as equity of an account that began with `balance`."""
        return tuple(
            (time, balance * (1 + low / 100), balance * (1 + high / 100))
            for time, low, _, high in self.points
        )

    @property
    def legend(self) -> str:
        """What it is, and how often it errs, in words."""
        allowed = share_text(self.rate)
        return f"{BAND}, which a true one leaves below in at most {allowed}"
