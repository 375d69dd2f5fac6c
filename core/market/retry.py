"""Says how long to wait before the next try: growing pauses, and what a venue asked for."""

from __future__ import annotations

import email.utils
import random
import time
from collections.abc import Callable, Mapping


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


_LIMIT_WAIT = 10.0  # seconds, where an exchange says "too many" but not for how long
_BAN_WAIT = 120.0  # the shortest ban Binance gives
_LONGEST_LIMIT = 600.0  # seconds: then one request asks whether the limit still stands
_LONGEST_BAN = 6 * 3600.0  # likewise, though a ban may last three days


def asked_wait(headers: Mapping[str, str], *, banned: bool) -> float:
    """Seconds for which an exchange that refused a request for their number wants no more.

    What its answer's `headers` say, else what is usual. `banned`: it said 418, and not 429. Never
    so long that a venue which sends nonsense is lost for good.
    """
    wanted = _retry_after(headers) or (_BAN_WAIT if banned else _LIMIT_WAIT)
    return min(wanted, _LONGEST_BAN if banned else _LONGEST_LIMIT)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a Retry-After header asks for, given in seconds or as a date."""
    text = next((value for key, value in headers.items() if key.lower() == "retry-after"), None)
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = email.utils.parsedate_tz(text)
            if moment is None:
                return None
            seconds = email.utils.mktime_tz(moment) - time.time()
        except (ValueError, OverflowError):
            return None  # no date of this world
    return max(1.0, seconds) if seconds == seconds else None  # noqa: PLR0124  NaN
