"""Reads and changes what is set for a workspace: keys, notifications, appearance.

What stands in exchanges.yaml and notifications.yaml is never shown, only that it is there. All of
this reads or writes files: call it in a thread.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import Path

from core.schedule.notifications.notifications_file import read_notifications, write_notifications
from core.store.credentials import SECTIONS, read_credentials
from core.store.durable import OsDisk
from core.store.preferences import read_preferences, zone_of
from core.store.redaction import KNOWN_SECRETS, Secret
from core.store.workspace import Workspace
from core.store.yaml_reader import SettingsError
from tui.requests.alerts import Loudness
from tui.requests.views import View, read_view
from tui.shipped import shipped

_SCHEME = re.compile(r"([a-z][a-z0-9+]{1,15})://[^\s]+")


@dataclass(frozen=True, slots=True)
class Settings:
    """What is set: the sections with keys, and the kind of each place notifications go to.

    `problems`: what cannot be read, and why. `nautilus_python`: the interpreter named for Nautilus.
    `files`: where everything is by its name, and whether it is there.
    """

    keys: tuple[str, ...]
    places: tuple[str, ...]
    problems: tuple[str, ...] = ()
    nautilus_python: str | None = None
    files: tuple[tuple[str, Path, bool], ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Appearance:
    """How the screen is to look. `theme` None: the usual one. `problems`: what cannot be used."""

    theme: str | None = None
    zone: tzinfo = UTC
    alerts: Loudness = Loudness.WARNINGS
    panes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    keymap: Mapping[str, str] = field(default_factory=dict)
    views: Mapping[str, View] = field(default_factory=dict)
    view: str = ""
    problems: tuple[str, ...] = ()


def read_settings(workspace: Workspace) -> Settings:
    """What is set for a workspace."""
    problems = []
    keys: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    try:
        found = read_credentials(workspace.credentials, KNOWN_SECRETS).sections
        keys = tuple(name for name in SECTIONS if name in found)
    except SettingsError as error:
        problems.append(str(error))
    try:
        urls = read_notifications(workspace.notifications, KNOWN_SECRETS)
        places = tuple(_kind(url) for url in urls)
    except SettingsError as error:
        problems.append(str(error))
    python = None
    try:
        python = read_preferences(workspace.preferences).nautilus_python
    except SettingsError as error:
        problems.append(str(error))
    files = tuple((name, path, path.exists()) for name, path in named_places(workspace).items())
    return Settings(keys, places, tuple(problems), python, files)


def named_places(workspace: Workspace) -> dict[str, Path]:
    """Where everything of a workspace is, and what came with the program."""
    return {
        "workspace": workspace.root,
        "strategies": workspace.strategies,
        "sessions": workspace.sessions,
        "journal": workspace.journals,
        "live trades": workspace.live_trades,
        "index": workspace.index,
        "credentials": workspace.credentials,
        "preferences": workspace.preferences,
        "notifications": workspace.notifications,
        "themes": workspace.root / "themes",
        "cache": workspace.cache,
        "log": workspace.log,
        "control socket": workspace.socket,
        "shipped themes": shipped("themes"),
        "shipped strategies": shipped("sample_strategies"),
    }


def _kind(url: Secret) -> str:
    match = _SCHEME.fullmatch(url.reveal().strip())
    return "an address" if match is None else match[1]


def read_appearance(workspace: Workspace) -> Appearance:
    """How the screen is to look, as far as that can be read; the rest is as usual."""
    try:
        preferences = read_preferences(workspace.preferences)
    except SettingsError as error:
        return Appearance(problems=(str(error),))
    problems = list(preferences.problems.values())
    zone: tzinfo = UTC
    alerts = Loudness.WARNINGS
    try:
        zone = zone_of(preferences.time_zone)
    except SettingsError as error:
        problems.append(f"{workspace.preferences}: {error}")
    try:
        alerts = loudness_of(preferences.alerts)
    except SettingsError as error:
        problems.append(f"{workspace.preferences}: {error}")
    return Appearance(
        preferences.theme,
        zone,
        alerts,
        preferences.panes,
        preferences.keymap,
        {name: read_view(written) for name, written in preferences.views.items()},
        preferences.view or "",
        tuple(problems),
    )


def loudness_of(name: str | None) -> Loudness:
    """How loudly to tell of what happens, as written; where nothing is, with the bell for warnings.

    Raises:
        SettingsError: it is none of the ways there are.
    """
    try:
        return Loudness(name or Loudness.WARNINGS)
    except ValueError as error:
        known = ", ".join(Loudness)
        raise SettingsError(f"alerts: found {name!r}, expected one of {known}") from error


def add_place(workspace: Workspace, url: str) -> None:
    """Have notifications sent to one more address, as apprise writes them.

    Raises:
        SettingsError: it is no such address, or cannot be written.
    """
    if _SCHEME.fullmatch(url) is None:
        raise SettingsError(
            "expected an address as apprise writes them, such as tgram://TOKEN/CHAT"
        )
    _change_places(workspace, lambda urls: [*urls, Secret(url)])


def remove_place(workspace: Workspace, number: int) -> None:
    """Have notifications sent no more to the address of that number, counted from 0.

    Raises:
        SettingsError: it cannot be written.
    """
    _change_places(workspace, lambda urls: [*urls[:number], *urls[number + 1 :]])


def _change_places(
    workspace: Workspace, change: Callable[[Sequence[Secret]], Sequence[Secret]]
) -> None:
    path = workspace.notifications
    write_notifications(path, change(read_notifications(path, KNOWN_SECRETS)), OsDisk())
