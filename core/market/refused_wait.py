"""How long does an exchange want no requests, when it refused one because there were too many?"""

from __future__ import annotations

import email.utils
import time
from collections.abc import Mapping

_LIMIT_WAIT = 10.0  # seconds, where an exchange says "too many" but not for how long
_BAN_WAIT = 120.0  # the shortest ban Binance gives


def asked_wait(headers: Mapping[str, str], *, banned: bool) -> float:
    """Seconds for which an exchange that refused a request for their number wants no more.

    What its answer's `headers` say, else what is usual. `banned`: it said 418, and not 429.
    """
    return _retry_after(headers) or (_BAN_WAIT if banned else _LIMIT_WAIT)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a Retry-After header asks for, given in seconds or as a date."""
    text = next((value for key, value in headers.items() if key.lower() == "retry-after"), None)
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        moment = email.utils.parsedate_tz(text)
        if moment is None:
            return None
        seconds = email.utils.mktime_tz(moment) - time.time()
    return max(1.0, seconds) if seconds == seconds else None  # noqa: PLR0124  NaN
