"""What time is it at the venue?"""

from __future__ import annotations

import time
from collections.abc import Callable


class ServerClock:
    """The venue's time, kept by the local monotonic clock from what the venue says.

    Until the venue has said anything it is the local wall clock. `monotonic` and `wall` give
    seconds.
    """

    def __init__(
        self,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._monotonic = monotonic
        self._offset = (wall() - monotonic()) * 1000
        self.synchronised = False
        """Whether the venue has told its time yet."""

    def now(self) -> int:
        """The venue's time, UTC ms."""
        return int(self._monotonic() * 1000 + self._offset)

    def measured(self, server_time: int, asked_at: float) -> None:
        """The venue told `server_time` (UTC ms) to a request sent at `asked_at` (monotonic s)."""
        middle = (asked_at + self._monotonic()) / 2
        self._offset = server_time - middle * 1000
        self.synchronised = True

    def heard(self, event_time: int) -> None:
        """An event of `event_time` has arrived: it cannot be earlier than that at the venue."""
        offset = event_time - self._monotonic() * 1000
        if not self.synchronised or offset > self._offset:
            self._offset = offset
            self.synchronised = True
