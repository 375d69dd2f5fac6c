"""The venue's time, as far as it can be believed."""

from __future__ import annotations

import time
from collections.abc import Callable

TOLERANCE = 60 * 60_000
"""How far (ms) a venue's time may be from this machine's before it is not believed."""

_LEAP = 60_000  # ms that an event may be ahead of what its venue has told of its time


class ServerClock:
    """The venue's time, kept by the local monotonic clock from what the venue says.

    Until the venue has said anything it is the local wall clock. A time that is far from the wall
    clock's is not taken: sessions end at a time, and one odd answer must not bring it about.
    `own_time`: the venue is one whose time may be any (the embedded exchange). `monotonic` and
    `wall` give seconds.
    """

    def __init__(
        self,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        *,
        own_time: bool = False,
    ) -> None:
        self._monotonic = monotonic
        self._wall = wall
        self._own_time = own_time
        self._offset = (wall() - monotonic()) * 1000
        self.synchronised = False
        """Whether the venue has told its time yet."""

    def now(self) -> int:
        """The venue's time, UTC ms."""
        return int(self._monotonic() * 1000 + self._offset)

    def wall(self) -> int:
        """This machine's time, UTC ms."""
        return int(self._wall() * 1000)

    def measured(self, server_time: int, asked_at: float) -> bool:
        """The venue told `server_time` (UTC ms) to a request sent at `asked_at` (monotonic s).

        Returns whether it is believed.
        """
        if not self._own_time and abs(server_time - self.wall()) > TOLERANCE:
            return False
        middle = (asked_at + self._monotonic()) / 2
        self._offset = server_time - middle * 1000
        self.synchronised = True
        return True

    def believes(self, event_time: int) -> bool:
        """Whether an event of now can be of that time."""
        return self._own_time or abs(event_time - self.now()) <= TOLERANCE

    def heard(self, event_time: int) -> None:
        """An event of `event_time` has arrived: it cannot be earlier than that at the venue."""
        if not self._own_time:
            if self.synchronised and event_time - self.now() > _LEAP:
                return
            if not self.synchronised and abs(event_time - self.wall()) > TOLERANCE:
                return
        offset = event_time - self._monotonic() * 1000
        if not self.synchronised or offset > self._offset:
            self._offset = offset
            self.synchronised = True
