"""Reads and writes what the user prefers (config.yaml): never state and never secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import yaml

from core.store.durable import Disk, write_durably
from core.store.yaml_reader import SettingsError, YamlError, read_settings_file, settings_value
from core.text import safe_text

_KNOWN = (
    "addresses",
    "order_addresses",
    "theme",
    "time_zone",
    "alerts",
    "panes",
    "nautilus_python",
    "keymap",
    "views",
    "view",
)

MOST_VIEWS = 20
LONGEST_VIEW_NAME = 30
_LONGEST_VIEW_TEXT = 200

_END = "\n..."  # of a YAML document that is a bare text


class PreferencesError(SettingsError):
    """config.yaml cannot be used; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Preferences:
    """What is to be other than usual.

    `addresses`: of Binance (`core.market.venues.binance.addresses`); `order_addresses`: of the test
    venues that orders may go to (`core.trading.venue_hosts`). `theme` and `time_zone` (an IANA
    name, such as Europe/Berlin) are how the screen looks, `alerts` how loudly it tells of what
    happens; whether there are such ones it sees for itself. `panes`: the sizes of panes by their
    names, for each layout of a screen. `nautilus_python`: an interpreter that has Nautilus Trader.
    `keymap`: keys by the IDs of their commands. `views`: saved views of the sessions by their
    names, each as texts; `view`: the one chosen last.
    """

    addresses: Mapping[str, str] = field(default_factory=dict)
    order_addresses: Mapping[str, str] = field(default_factory=dict)
    theme: str | None = None
    time_zone: str | None = None
    alerts: str | None = None
    panes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    nautilus_python: str | None = None
    keymap: Mapping[str, str] = field(default_factory=dict)
    views: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    view: str | None = None


def read_preferences(path: Path) -> Preferences:
    """The preferences in a file; defaults where there is none.

    Raises:
        PreferencesError: the file cannot be read, or says something that is not known.
    """
    try:
        return _preferences(path, read_settings_file(path))
    except FileNotFoundError:
        return Preferences()
    except YamlError as error:
        raise PreferencesError(f"{path}: {error}") from error
    except OSError as error:
        raise PreferencesError(f"{path} cannot be read ({error.strerror})") from error


def _preferences(path: Path, written: object) -> Preferences:
    if written is None:
        return Preferences()
    if not isinstance(written, dict):
        raise PreferencesError(f"{path}: expected keys and values, such as `addresses: {{…}}`")
    unknown = [safe_text(str(key), limit=40) for key in written if key not in _KNOWN]
    if unknown:
        raise PreferencesError(
            f"{path}: {', '.join(unknown[:5])} is not known; known are {', '.join(_KNOWN)}"
        )
    return Preferences(
        _texts(path, written, "addresses", "names with URLs"),
        _texts(path, written, "order_addresses", "names with URLs"),
        _text(path, written, "theme"),
        _text(path, written, "time_zone"),
        _text(path, written, "alerts"),
        _panes(path, written),
        _text(path, written, "nautilus_python"),
        _texts(path, written, "keymap", "commands with keys, such as `keymap: {session.stop: X}`"),
        _views(path, written),
        _text(path, written, "view"),
    )


def write_preference(
    path: Path,
    name: Literal["theme", "time_zone", "alerts", "panes", "nautilus_python", "views", "view"],
    value: str | Mapping[str, Mapping[str, int] | Mapping[str, str]],
    disk: Disk,
) -> None:
    """Write one preference into config.yaml, as one line, leaving every other line as it is.

    Raises:
        PreferencesError: the file cannot be read, or not be written without changing more.
    """
    before = read_preferences(path)
    change: dict[str, Any] = {name: value}
    expected = replace(before, **change)
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        written = yaml.safe_dump(value, allow_unicode=True, width=100_000, default_flow_style=True)
        line = f"{name}: {written.partition(_END)[0].rstrip()}\n"
        pattern = re.compile(rf"^{re.escape(name)}[ \t]*:.*\n?", re.MULTILINE)
        if pattern.search(text):
            text = pattern.sub(lambda _: line, text, count=1)
        else:
            text += ("" if not text or text.endswith("\n") else "\n") + line
        if _preferences(path, settings_value(text)) != expected:
            raise PreferencesError(f"{path}: write `{line.strip()}` into it yourself")
        write_durably(path, text.encode(), disk)
    except YamlError as error:
        raise PreferencesError(f"{path}: write `{line.strip()}` into it yourself") from error
    except OSError as error:
        raise PreferencesError(f"{path} cannot be written ({error.strerror})") from error


def _text(path: Path, written: Mapping[str, object], name: str) -> str | None:
    found = written.get(name)
    if found is not None and not isinstance(found, str):
        raise PreferencesError(f"{path}: {name} must be a text")
    return found


def _panes(path: Path, written: Mapping[str, object]) -> Mapping[str, Mapping[str, int]]:
    found = written.get("panes") or {}
    if not isinstance(found, dict) or not all(
        isinstance(layout, str)
        and isinstance(sizes, dict)
        and all(isinstance(name, str) and _is_size(size) for name, size in sizes.items())
        for layout, sizes in found.items()
    ):
        raise PreferencesError(
            f"{path}: panes must be sizes above 0 by layout and pane, such as "
            "`panes: {sessions: {log: 12}}`; without that line all are as usual"
        )
    return found


def _views(path: Path, written: Mapping[str, object]) -> Mapping[str, Mapping[str, str]]:
    found = written.get("views") or {}
    if (
        not isinstance(found, dict)
        or len(found) > MOST_VIEWS
        or not all(_is_view(name, view) for name, view in found.items())
    ):
        raise PreferencesError(
            f"{path}: views must be up to {MOST_VIEWS} by names of up to {LONGEST_VIEW_NAME} "
            "characters, such as `views: {losers: {group: strategy, sort: P&L %}}`"
        )
    return found


def _is_view(name: object, view: object) -> bool:
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_VIEW_NAME:
        return False
    return isinstance(view, dict) and all(
        isinstance(text, str) and len(text) <= _LONGEST_VIEW_TEXT
        for pair in view.items()
        for text in pair
    )


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10_000


def _texts(
    path: Path, written: Mapping[str, object], name: str, expected: str
) -> Mapping[str, str]:
    found = written.get(name) or {}
    if not isinstance(found, dict) or not all(
        isinstance(text, str) for pair in found.items() for text in pair
    ):
        raise PreferencesError(f"{path}: {name} must be {expected}")
    return found
