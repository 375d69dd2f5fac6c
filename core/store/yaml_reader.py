"""Reads YAML that people wrote, within bounds: a tree of values, not too large or deep.

Anchors and tags are refused, for aliases can unfold without end, and so is what is nested deeper
than any document of Papertape. The errors do not repeat the text, which may hold keys.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from pathlib import Path
from typing import Any

import yaml

LARGEST_SETTINGS = 64 * 1024  # bytes: a file of settings has some hundred
DEEPEST = 50  # levels of nesting


class SettingsError(Exception):
    """A workspace's settings cannot be read or changed. The message holds no secret."""


class YamlError(ValueError):
    """A text is not the YAML it should be; `line` counts from 1, None where unknown."""

    def __init__(self, found: str, expected: str, line: int | None = None) -> None:
        where = "" if line is None else f" at line {line}"
        super().__init__(f"found {found}{where}, expected {expected}")
        self.found = found
        self.expected = expected
        self.line = line


class _Tree(yaml.composer.Composer):
    """Composes a tree of values without anchors, aliases and tags, down to `DEEPEST` levels."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """See `yaml.composer.Composer.compose_node`. Raises `YamlError`."""
        event: Any = self.peek_event()  # type: ignore[attr-defined]  # a parser's, beside this
        line = int(event.start_mark.line) + 1
        self.depth += 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise YamlError("an anchor or alias", "the values themselves", line)
        if getattr(event, "tag", None) not in (None, "!"):
            raise YamlError("a tag", "a value without a tag", line)
        if self.depth > DEEPEST:
            raise YamlError("a deeper nesting", f"at most {DEEPEST} levels", line)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class TreeLoader(_Tree, yaml.SafeLoader):
    """The safe loader of such a tree."""


_QUICK: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # as PyYAML was built


class QuickTreeLoader(_Tree, _QUICK):  # type: ignore[misc]  # known when it runs
    """The same on libyaml where that is there; the tree is composed here all the same."""

    def __init__(self, text: str) -> None:
        _QUICK.__init__(self, text)


READ_ALIKE = re.compile("[^\\t\\r?\\x85\\u2028\\u2029\\ufeff]*")
"""Texts that both loaders take for the same: they part over tabs, line breaks and `?`."""


def read_settings_file(path: Path) -> object:
    """The value of a YAML file of settings; None where it is empty.

    Raises:
        YamlError: it is not YAML of that kind, too large, or no regular file.
        OSError: it cannot be read; `FileNotFoundError` where there is none.
    """
    return settings_value(small_text(path))


def settings_value(text: str) -> object:
    """The value of a YAML text of settings; None where it is empty.

    Raises:
        YamlError: it is not YAML of that kind.
    """
    if READ_ALIKE.fullmatch(text):
        # What it refuses is read again, so that the error is the same with and without libyaml.
        with contextlib.suppress(yaml.YAMLError, ValueError, OverflowError):
            return yaml.load(text, Loader=QuickTreeLoader)  # noqa: S506  derived from the safe one
    try:
        return yaml.load(text, Loader=TreeLoader)  # noqa: S506  derived from the safe one
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = None if mark is None else mark.line + 1
        raise YamlError("text that is not YAML", "YAML", line) from None
    except yaml.YAMLError:
        raise YamlError("a character that YAML does not take", "printable text") from None
    except (ValueError, OverflowError) as error:
        if isinstance(error, YamlError):
            raise
        raise YamlError("a number or date that is none", "a possible one, or quotes") from None


def small_text(path: Path) -> str:
    """The text of a file that is no larger than settings are.

    Raises:
        YamlError: it is larger, no regular file, or not UTF-8.
        OSError: it cannot be read.
    """
    # A pipe would be waited for, a device read without end.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise YamlError("no regular file", "a file")
        data = file.read(LARGEST_SETTINGS + 1)
    if len(data) > LARGEST_SETTINGS:
        raise YamlError("a larger file", f"at most {LARGEST_SETTINGS} bytes")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise YamlError("a byte that is not UTF-8", "text in UTF-8", line) from None
