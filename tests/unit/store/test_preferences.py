"""Preferences are read, and one is written without touching the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.store.durable import OsDisk
from core.store.preferences import Preferences, PreferencesError, read_preferences, write_preference
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


def test_the_first_preference_makes_the_file(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    write_preference(path, "theme", "papertape-light", OsDisk())
    assert read_preferences(path) == Preferences(theme="papertape-light")


@pytest.mark.parametrize("text", ["{theme: a, time_zone: UTC}\n", "theme: >\n  a\n"])
def test_what_cannot_be_written_line_by_line_is_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(PreferencesError):
        write_preference(path, "theme", "b", OsDisk())
    assert path.read_text() == text


@pytest.mark.parametrize("text", ["theme: 3", "time_zone: [UTC]", "colour: red", "- a", "a: b: c"])
def test_what_is_no_preference_is_refused_with_the_file_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(PreferencesError, match=str(path)):
        read_preferences(path)


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(OWN)
    with pytest.raises(PreferencesError, match="cannot be written"):
        write_preference(path, "theme", "papertape-light", FullDisk(0))
    assert path.read_text() == OWN
