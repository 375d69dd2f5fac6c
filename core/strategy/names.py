"""What a strategy may be called, and the folder of that name."""

from __future__ import annotations

import re
from pathlib import Path

from core.text import composed

EXPECTED_NAME = "1 to 64 letters, digits, - and _"
_NAME = re.compile(r"[\w-]{1,64}")


def is_name(text: str) -> bool:
    """Whether a strategy may be called so: letters and digits are those of any language."""
    return _NAME.fullmatch(composed(text)) is not None


def folder_of(shelf: Path, name: str) -> Path | None:
    """The folder of that name in a folder, however either is composed; None where there is none."""
    if (shelf / name).is_dir():
        return shelf / name
    return next((one for one in shelf.glob("*") if composed(one.name) == composed(name)), None)
