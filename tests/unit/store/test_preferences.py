"""Preferences are read, and one is written without touching the rest."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from core.store.durable import OsDisk
from core.store.preferences import (
    Preferences,
    PreferencesError,
    PreferredZone,
    read_preferences,
    write_preference,
)
from tests.unit.store.disks import FullDisk

OWN = """# my own words
addresses:   # of a mirror
  spot_rest: https://mirror.example
theme: papertape-dark   # nights
"""


def test_one_line_is_written_and_every_other_stays(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(OWN)
    write_preference(path, "time_zone", "Europe/Berlin", OsDisk())
    assert path.read_text() == OWN + "time_zone: Europe/Berlin\n"
    write_preference(path, "theme", "my: theme", OsDisk())
    assert path.read_text().startswith(OWN[: -len("theme: papertape-dark   # nights\n")])
    found = read_preferences(path)
    assert (found.theme, found.time_zone) == ("my: theme", "Europe/Berlin")
    assert found.addresses == {"spot_rest": "https://mirror.example"}


def test_the_zone_is_utc_wherever_none_can_be_had_and_follows_the_file(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    zone = PreferredZone(path)
    assert zone() is UTC
    write_preference(path, "time_zone", "Asia/Tokyo", OsDisk())
    assert zone() == ZoneInfo("Asia/Tokyo")
    for text in ("time_zone: Nowhere/City\n", "a: b: c"):
        path.write_text(text)
        assert zone() is UTC
        write_preference(tmp_path / "other", "time_zone", "Asia/Tokyo", OsDisk())
        (tmp_path / "other").replace(path)
        assert zone() == ZoneInfo("Asia/Tokyo")
    path.unlink()
    assert zone() is UTC


def test_the_first_preference_makes_the_file(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    write_preference(path, "theme", "papertape-light", OsDisk())
    assert read_preferences(path) == Preferences(theme="papertape-light")


def test_what_was_written_in_lines_beneath_its_name_gives_way_as_a_whole(tmp_path: Path) -> None:
    """As a keymap is that somebody began by hand."""
    path = tmp_path / "config.yaml"
    before, after = "theme: a  # nights\n", "\n# days\ntime_zone: UTC\n"
    path.write_text(f"{before}keymap:\n  session.stop: X\n  'app.theme': f6\n{after}")
    write_preference(path, "keymap", {"session.stop": "X", "app.help": "?"}, OsDisk())
    assert path.read_text() == f"{before}keymap: {{app.help: '?', session.stop: X}}\n{after}"


@pytest.mark.parametrize(
    "text",
    [
        "{theme: a, time_zone: UTC}\n",
        "theme: >\n  a\n",
        "theme:\n  # nights\n  a\n",
    ],
)
def test_what_cannot_be_written_line_by_line_is_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(PreferencesError):
        write_preference(path, "theme", "b", OsDisk())
    assert path.read_text() == text


@pytest.mark.parametrize(
    "text",
    [
        "addresses: 5",
        "nautilus_python: [a]",
        "order_adresses: {}",
        "addreses: {}",
        "ADDRESSES: {}",
        "Order_Addresses: {}",
        "- a",
        "a: b: c",
    ],
)
def test_what_sessions_cannot_go_by_is_refused_with_the_file_named(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(PreferencesError, match=str(path)):
        read_preferences(path)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ("theme: 3", "theme must be a text"),
        ("time_zone: [UTC]", "time_zone must be a text"),
        ("panes: hello", "panes must be sizes"),
        ("views: {a: 5}", "views must be up to"),
        ("keymap: {session.stop: 5}", "keymap must be commands with keys"),
        ("colour: red", "colour is not known"),
        ("tehme: a", "did you mean theme?"),
    ],
)
def test_a_mistake_in_what_only_the_screen_goes_by_leaves_the_rest_and_is_told(
    tmp_path: Path, wrong: str, named: str
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"addresses: {{spot_rest: https://mirror.example}}\n{wrong}\n")
    found = read_preferences(path)
    assert found == Preferences(addresses={"spot_rest": "https://mirror.example"})
    (problem,) = found.problems.values()
    assert str(path) in problem
    assert named in problem


def test_what_the_user_wrote_wrongly_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("views: {mine: 5}\n")
    with pytest.raises(PreferencesError, match="views must be"):
        write_preference(path, "views", {"other": {}}, OsDisk())
    write_preference(path, "theme", "papertape-light", OsDisk())
    assert path.read_text() == "views: {mine: 5}\ntheme: papertape-light\n"


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(OWN)
    with pytest.raises(PreferencesError, match="cannot be written"):
        write_preference(path, "theme", "papertape-light", FullDisk(0))
    assert path.read_text() == OWN
