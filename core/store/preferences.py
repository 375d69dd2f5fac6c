"""What does the user prefer? (config.yaml: preferences only, never state and never secrets)"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

_KNOWN = ("addresses", "order_addresses")


class PreferencesError(Exception):
    """config.yaml cannot be used; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Preferences:
    """What is to be other than usual.

    `addresses`: of Binance (`core.market.venue`); `order_addresses`: of the test venues that orders
    may go to (`core.trading.venue_hosts`).
    """

    addresses: Mapping[str, str] = field(default_factory=dict)
    order_addresses: Mapping[str, str] = field(default_factory=dict)


def read_preferences(path: Path) -> Preferences:
    """The preferences in a file; defaults where there is none.

    Raises:
        PreferencesError: the file cannot be read, or says something that is not known.
    """
    try:
        written = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Preferences()
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise PreferencesError(f"{path} cannot be read: {error}") from error
    if written is None:
        return Preferences()
    if not isinstance(written, dict):
        raise PreferencesError(f"{path}: expected keys and values, such as `addresses: {{…}}`")
    unknown = [str(key) for key in written if key not in _KNOWN]
    if unknown:
        raise PreferencesError(
            f"{path}: {', '.join(unknown)} is not known; known are {', '.join(_KNOWN)}"
        )
    return Preferences(
        _addresses(path, written, "addresses"), _addresses(path, written, "order_addresses")
    )


def _addresses(path: Path, written: Mapping[str, object], name: str) -> Mapping[str, str]:
    found = written.get(name) or {}
    if not isinstance(found, dict) or not all(
        isinstance(text, str) for pair in found.items() for text in pair
    ):
        raise PreferencesError(f"{path}: {name} must be names with URLs")
    return found
