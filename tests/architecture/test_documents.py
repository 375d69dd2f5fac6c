"""The documents for who changes the code stay true to it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
RECIPES = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PATH = re.compile(r"`((?:core|tui|tests|docs)/[\w/.]+)`")
HUNK = re.compile(r"^@@.*$", re.MULTILINE)


def rooms() -> list[str]:
    return sorted(
        f"{part}/{folder.name}"
        for part in ("core", "tui")
        for folder in (ROOT / part).iterdir()
        if (folder / "__init__.py").exists()
    )


@pytest.mark.parametrize("room", rooms())
def test_the_architecture_names_every_room(room: str) -> None:
    assert f"`{room}`" in ARCHITECTURE


@pytest.mark.parametrize(
    "text",
    [ARCHITECTURE, RECIPES, CONTRIBUTING],
    ids=["architecture", "recipes", "contributing"],
)
def test_every_path_that_is_named_exists(text: str) -> None:
    assert [path for path in PATH.findall(text) if not (ROOT / path).exists()] == []


def changes() -> list[tuple[str, str]]:
    """Each file of each diff in the recipes, with what changes in it."""
    found = []
    for block in re.findall(r"^```diff\n(.*?)^```", RECIPES, re.MULTILINE | re.DOTALL):
        for part in re.split(r"^(?=--- )", block, flags=re.MULTILINE)[1:]:
            old, new, *lines = part.split("\n")
            if old != "--- /dev/null":
                found.append((new.removeprefix("+++ b/"), "\n".join(lines)))
    return found


@pytest.mark.parametrize(("path", "change"), changes(), ids=lambda value: str(value)[:40])
def test_every_diff_of_the_recipes_still_fits(path: str, change: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    for hunk in HUNK.split(change)[1:]:
        old = [line[1:] for line in hunk.strip("\n").split("\n") if line[:1] in (" ", "-")]
        assert "\n".join(old) in text, f"{path} has changed: renew its diff in docs/recipes.md"
