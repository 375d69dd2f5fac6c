"""Reads and writes what the user prefers (config.yaml): never state and never secrets."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo

import yaml

from core.store.durable import Disk, write_durably
from core.store.yaml_reader import SettingsError, YamlError, read_settings_file, settings_value
from core.text import nearest, safe_text

_TRADING = ("addresses", "order_addresses", "nautilus_python")
"""What sessions depend on: a mistake here is no preference left out, it is another venue."""

_KNOWN = (*_TRADING, "theme", "time_zone", "alerts", "panes", "keymap", "views", "view")

MOST_VIEWS = 20
LONGEST_VIEW_NAME = 30
_LONGEST_VIEW_TEXT = 200

_Read = TypeVar("_Read")

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
    names, each as texts; `view`: the one chosen last. `problems`: of preferences of the screen that
    cannot be used, by their names, why; those are as usual.
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
    problems: Mapping[str, str] = field(default_factory=dict, compare=False)


def read_preferences(path: Path) -> Preferences:
    """The preferences in a file; defaults where there is none.

    A mistake in what only the screen goes by keeps no host from running: it is among the
    `problems`.

    Raises:
        PreferencesError: the file cannot be read, or sessions cannot go by what it says.
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
    problems = {}
    for key in written:
        if key not in _KNOWN:
            problems[str(key)] = _unknown(path, str(key))

    def of_screen(read: Callable[[Path, Mapping[str, object], str], _Read], name: str) -> _Read:
        try:
            return read(path, written, name)
        except PreferencesError as error:
            problems[name] = str(error)
            return read(path, {}, name)

    return Preferences(
        _addresses(path, written, "addresses"),
        _addresses(path, written, "order_addresses"),
        of_screen(_text, "theme"),
        of_screen(_text, "time_zone"),
        of_screen(_text, "alerts"),
        of_screen(_panes, "panes"),
        _text(path, written, "nautilus_python"),
        of_screen(_keymap, "keymap"),
        of_screen(_views, "views"),
        of_screen(_text, "view"),
        problems,
    )


def _unknown(path: Path, key: str) -> str:
    """What is said of a key that is none.

    Raises:
        PreferencesError: it may be meant to be one that sessions depend on.
    """
    near = nearest(key, _KNOWN)
    hint = f"did you mean {near}?" if near else f"known are {', '.join(_KNOWN)}"
    problem = f"{path}: {safe_text(key, limit=40)} is not known: {hint}"
    if near in _TRADING:
        raise PreferencesError(problem)
    return problem


def zone_of(name: str | None) -> tzinfo:
    """The time zone of that IANA name; UTC without one.

    Raises:
        SettingsError: there is none of that name on this machine.
    """
    if name in (None, "UTC"):
        return UTC
    try:
        return ZoneInfo(str(name))
    except (OSError, ValueError, KeyError) as error:
        raise SettingsError(
            f"there is no time zone {str(name)[:40]!r} here: expected one such as Europe/Berlin "
            "or UTC"
        ) from error


class PreferredZone:
    """The zone whose days the screen counts, read anew once its file has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None  # the file that was read, and when it was written
        self._zone: tzinfo = UTC

    def __call__(self) -> tzinfo:
        """The zone; UTC where none is chosen, or what is written cannot be used, as on the screen.

        Looks at the file each time.
        """
        try:
            status = self._path.stat()
        except OSError:
            self._seen, self._zone = None, UTC
            return self._zone
        seen = status.st_ino, status.st_mtime_ns
        if seen != self._seen:
            self._seen = seen
            try:
                self._zone = zone_of(read_preferences(self._path).time_zone)
            except SettingsError:
                self._zone = UTC
        return self._zone


def write_preference(
    path: Path,
    name: Literal[
        "theme", "time_zone", "alerts", "panes", "nautilus_python", "keymap", "views", "view"
    ],
    value: str | Mapping[str, str | Mapping[str, int] | Mapping[str, str]],
    disk: Disk,
) -> None:
    """Write one preference into config.yaml, as one line, leaving every other line as it is.

    Lines beneath its name that are indented are its own, and give way where none has a comment.

    Raises:
        PreferencesError: the file cannot be read, or not be written without changing more, or what
            it says there now is wrong and the user's to mend.
    """
    before = read_preferences(path)
    if name in before.problems:
        raise PreferencesError(before.problems[name])
    change: dict[str, Any] = {name: value}
    expected = replace(before, **change)
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        written = yaml.safe_dump(value, allow_unicode=True, width=100_000, default_flow_style=True)
        line = f"{name}: {written.partition(_END)[0].rstrip()}\n"
        block = r"[ \t]*\n(?:[ \t]+[^\s#][^#\n]*(?:\n|\Z))+"
        pattern = re.compile(rf"^{re.escape(name)}[ \t]*:(?:{block}|.*\n?)", re.MULTILINE)
        if pattern.search(text):
            text = pattern.sub(lambda _: line, text, count=1)
        else:
            text += ("" if not text or text.endswith("\n") else "\n") + line
        after = _preferences(path, settings_value(text))
        if name in after.problems:
            raise PreferencesError(after.problems[name])
        if after != expected:
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


def _panes(path: Path, written: Mapping[str, object], name: str) -> Mapping[str, Mapping[str, int]]:
    found = written.get(name) or {}
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


def _views(path: Path, written: Mapping[str, object], name: str) -> Mapping[str, Mapping[str, str]]:
    found = written.get(name) or {}
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


def _addresses(path: Path, written: Mapping[str, object], name: str) -> Mapping[str, str]:
    return _texts(path, written, name, "names with URLs")


def _keymap(path: Path, written: Mapping[str, object], name: str) -> Mapping[str, str]:
    expected = "commands with keys, such as `keymap: {session.stop: X}`"
    return _texts(path, written, name, expected)


def _texts(
    path: Path, written: Mapping[str, object], name: str, expected: str
) -> Mapping[str, str]:
    found = written.get(name) or {}
    if not isinstance(found, dict) or not all(
        isinstance(text, str) for pair in found.items() for text in pair
    ):
        raise PreferencesError(f"{path}: {name} must be {expected}")
    return found
