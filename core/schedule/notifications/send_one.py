"""Sends one notification to one address, in a process of its own: `python -m` runs it.

A service may drip its answer, never end it, or send without limit, and a thread that waits for it
can neither be stopped nor kept from taking memory. A process can. The address comes by standard
input, for arguments are seen by every user of the machine; nothing is printed, for an error may
quote the address. How it went is the exit code.
"""

from __future__ import annotations

import json
import resource
import sys
from enum import IntEnum

_MEMORY = 1 << 30  # bytes of address space


class SendOutcome(IntEnum):
    """How sending went, as an exit code."""

    SENT = 0
    NOT_TAKEN = 3
    UNKNOWN_ADDRESS = 4
    NO_APPRISE = 5


def main() -> SendOutcome:
    """Send what standard input asks for; without a `text`, only see whether the address is one."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    asked = json.loads(sys.stdin.buffer.read())
    try:
        import apprise  # noqa: PLC0415  an extra, and slow to load
    except ImportError:
        return SendOutcome.NO_APPRISE
    services = apprise.Apprise()
    if not services.add(asked["url"]):
        return SendOutcome.UNKNOWN_ADDRESS
    if asked["text"] is None or services.notify(body=asked["text"], title="Papertape"):
        return SendOutcome.SENT
    return SendOutcome.NOT_TAKEN


if __name__ == "__main__":
    sys.exit(main())
