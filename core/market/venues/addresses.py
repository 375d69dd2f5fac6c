"""What is true of the addresses of any venue."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


class VenueError(ValueError):
    """An address of a venue is not one; the message says which and what it should look like."""


def is_loopback(address: str) -> bool:
    """Whether an address is on this machine, and so is never to go through a proxy."""
    return is_this_machine(urlsplit(address).hostname or "")


def is_this_machine(host: str) -> bool:
    """Whether a host is a loopback address, or named as one.

    A name can be mapped elsewhere: who connects to it looks at the address.
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
