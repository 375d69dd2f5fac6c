"""What a strategy may be called."""

from __future__ import annotations

import re

EXPECTED_NAME = "1 to 64 letters, digits, - and _"
_NAME = re.compile(r"[\w-]{1,64}")


def is_name(text: str) -> bool:
    """Whether a strategy may be called so: letters and digits are those of any language."""
    return _NAME.fullmatch(text) is not None
