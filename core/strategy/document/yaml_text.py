"""Reads YAML text, and remembers the line of each value.

YAML 1.2's core schema, so that `010` is ten, `1e-3` a number, `on` a word and a date a text; no
tags, no anchors, no key twice: what can surprise is refused, not guessed.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Hashable, Mapping
from typing import Any, ClassVar

import yaml

from core.store.yaml_reader import DEEPEST, READ_ALIKE, QuickTreeLoader, TreeLoader, YamlError
from core.strategy.config.problems import child, shown
from core.strategy.document.source_map import Entry, Located, TextError, check_size

_TAG = "tag:yaml.org,2002:"
_TEXT = _TAG + "str"
_NUMBER_START = list("-+.0123456789")
_RESOLVERS = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
        r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        _NUMBER_START,
    ),
)

_Native: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # as PyYAML was built


class _Loader(TreeLoader):
    """The bounded loader, by the core schema."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}  # type: ignore[misc]  # as PyYAML does


class _QuickLoader(QuickTreeLoader):
    """The same on libyaml, which reads a text in a fifth of the time."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}


class _PlainLoader(_Native):  # type: ignore[misc]  # known when it runs
    """One that composes the tree in C too, of texts that can have no anchor, alias or tag."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}


class Dumper(yaml.SafeDumper):
    """Writes values so that `read_yaml` reads the same ones."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}  # type: ignore[misc]  # as PyYAML does


for _name, _pattern, _first in _RESOLVERS:
    for _class in (_Loader, _QuickLoader, _PlainLoader, Dumper):
        _class.add_implicit_resolver(_TAG + _name, re.compile(f"^(?:{_pattern})$"), _first)
for _loader in (_Loader, _QuickLoader, _PlainLoader):
    _loader.add_constructor(_TAG + "int", lambda _, node: int(node.value))
_PLAIN = re.compile(r"[^&*!]*")
_MOST_BRACKETS, _LONGEST_LINE = 200, 500
"""Of a text that is composed in C, which counts no levels: neither can nest it deeper."""


def read_yaml(text: str) -> Located:
    """The value of a YAML text that holds one document; None where it holds none.

    Raises:
        TextError: it is not YAML of the kind described above, or too large.
    """
    check_size(text)
    if READ_ALIKE.fullmatch(text):
        # What it refuses is read again, so that the error is the same with and without libyaml.
        with contextlib.suppress(yaml.YAMLError, ValueError):
            return _read(text, (_PlainLoader if _is_plain(text) else _QuickLoader)(text))
    try:
        return _read(text, _Loader(text))
    except YamlError as error:
        raise TextError(error.found, error.expected, error.line) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = None if mark is None else mark.line + 1
        words = " ".join(filter(None, (error.context, error.problem)))
        raise TextError(f"text that is not YAML ({_printable(words)})", "YAML", line) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise TextError(
            f"the character {shown(chr(_code(error.character)))}", "printable text", line
        ) from None
    except ValueError as error:
        if isinstance(error, TextError):
            raise
        raise TextError("a number of very many digits", "one of fewer digits", None) from None


def _is_plain(text: str) -> bool:
    brackets = text.count("[") + text.count("{")
    if brackets > _MOST_BRACKETS or not _PLAIN.fullmatch(text):
        return False
    return max(map(len, text.split("\n"))) <= _LONGEST_LINE


def _read(text: str, loader: Any) -> Located:
    node = loader.get_single_node()
    if node is None:
        return Located(None)
    lines: dict[str, int] = {}
    value = _value(loader, node, "", lines, DEEPEST)
    return Located(value, lines, _entries(text, node), is_flow=_is_flow(node))


def write_yaml(value: object) -> str:
    """A value as YAML, ending with a line end; a scalar as one line."""
    written = yaml.dump(
        value,
        Dumper=Dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=False,
        width=10_000,
    )
    return written.removesuffix("...\n")


def _value(loader: Any, node: yaml.Node, path: str, lines: dict[str, int], levels: int) -> Any:
    """The value of a node, and into `lines` those of all within it.

    Raises:
        TextError: a key stands twice, or it is nested deeper than so many levels.
    """
    lines.setdefault(path, _line(node))
    if not levels:
        raise TextError("a deeper nesting", f"at most {DEEPEST} levels", _line(node))
    if isinstance(node, yaml.ScalarNode):
        return node.value if node.tag == _TEXT else loader.construct_object(node)
    if isinstance(node, yaml.SequenceNode):
        return [
            _value(loader, item, f"{path}[{position}]", lines, levels - 1)
            for position, item in enumerate(node.value)
        ]
    found: dict[Any, Any] = {}
    seen: set[str] = set()
    for key, value in node.value:
        name = ""
        if isinstance(key, yaml.ScalarNode):
            name = key.value
            if name in seen:
                raise TextError(f"{shown(name)} again", "every key once", _line(key))
            seen.add(name)
        where = child(path, name)
        lines[where] = _line(key)
        made = _value(loader, key, where, lines, levels - 1)
        if not isinstance(made, Hashable):
            raise yaml.constructor.ConstructorError(
                "while constructing a mapping", node.start_mark, "found unhashable key",
                key.start_mark,
            )  # fmt: skip
        found[made] = _value(loader, value, where, lines, levels - 1)
    return found


def _entries(text: str, node: yaml.Node) -> Mapping[str, Entry]:
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {
        key.value: Entry(
            key.start_mark.index,
            value.start_mark.index,
            _content_end(text, value),
            isinstance(value, yaml.CollectionNode) and not _is_flow(value),
        )
        for key, value in node.value
        if isinstance(key, yaml.ScalarNode)
    }


def _content_end(text: str, node: yaml.Node) -> int:
    """Where the last character of a value stands: its node may reach over comments behind it."""
    if isinstance(node, yaml.CollectionNode) and not _is_flow(node) and node.value:
        last = node.value[-1]
        return _content_end(text, last[1] if isinstance(last, tuple) else last)
    start, end = node.start_mark.index, node.end_mark.index
    return start + len(text[start:end].rstrip())


def _is_flow(node: yaml.Node) -> bool:
    return isinstance(node, yaml.CollectionNode) and bool(node.flow_style)


def _line(place: Any) -> int:
    return int(place.start_mark.line) + 1


def _code(character: int | str) -> int:
    return character if isinstance(character, int) else ord(character)


def _printable(words: str) -> str:
    return "".join(letter if letter.isprintable() else "�" for letter in words)[:200]
