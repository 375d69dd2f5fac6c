"""Which funding is due before a candle may be said?

Funding settled at a time belongs to the candle that opens then, so it must be said before that
candle. The exchange's own record decides; the rate last streamed stands in where it is late.
"""

from __future__ import annotations

from core.market.exchange_api import Funding
from core.market.feed import FundingRate

_TRIES = 3


class FundingWatch:
    """The funding of one perpetual from `since` (exclusive, UTC ms) on. Pure: no clock, no I/O."""

    def __init__(self, symbol: str, since: int) -> None:
        self.symbol = symbol
        self.settled = since  # everything up to here has been said
        self.due = since + 1  # when the next funding is, as far as known; first of all: ask
        self._streamed: dict[int, float] = {}
        self._tries = 0

    def holds(self, candle_time: int) -> bool:
        """Whether a candle that opens at `candle_time` must wait until funding is asked for."""
        return candle_time >= self.due

    def streamed(self, next_funding: int, rate: float | None) -> None:
        """The mark price stream tells the rate as it stands for `next_funding`."""
        if rate is not None and next_funding > self.settled:
            self._streamed[next_funding] = rate
        if self.settled < next_funding < self.due:
            self.due = next_funding

    def told(self, record: list[Funding], next_funding: int | None, now: int) -> list[FundingRate]:
        """Take the record since `settled` and the next time of funding; what is to be said."""
        said = [
            FundingRate(self.symbol, funding.time, funding.rate)
            for funding in record
            if self.settled < funding.time <= now
        ]
        if said:
            self.settled = said[-1].time
        awaited = self.due if self.settled < self.due and self.due in self._streamed else None
        if awaited is not None and awaited <= now:
            # The time has come but the record does not have it yet.
            self._tries += 1
            if self._tries < _TRIES:
                return said
            said.append(FundingRate(self.symbol, awaited, self._streamed[awaited]))
            self.settled = awaited
        self._tries = 0
        self._streamed = {k: rate for k, rate in self._streamed.items() if k > self.settled}
        later = [time for time in (next_funding, *self._streamed) if time and time > now]
        self.due = min(later, default=now + 60_000)
        return said
