"""Writes results into a strategy's document and leaves every other byte as it was.

Only Papertape's own keys are replaced or added; every other byte stays as it was, line ends,
comments and byte order mark included.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from pathlib import Path

from core.store.durable import OsDisk, write_durably
from core.strategy.document.document import (
    BOM,
    DocumentError,
    Kind,
    decoded,
    kind_of,
    strategy_document,
)
from core.strategy.document.json_text import read_json
from core.strategy.document.markdown import parts_of
from core.strategy.document.source_map import Entry, Located
from core.strategy.document.yaml_text import read_yaml, write_yaml

OWN_KEYS = ("status", "updated", "backtest", "paper")


def write_blocks(path: Path, blocks: Mapping[str, object]) -> None:
    """Set some of `OWN_KEYS` in a document, in one durable step.

    The values are JSON values. The file is read afresh, and nothing is written unless the new text
    reads as the old one with just these keys changed.

    Raises:
        DocumentError: the document cannot be read, not be changed without changing more, or is only
            a link.
        OSError: it cannot be written; the old one then stands.
        ValueError: a key that is not Papertape's own.
    """
    foreign = [key for key in blocks if key not in OWN_KEYS]
    if foreign:
        raise ValueError(f"only {', '.join(OWN_KEYS)} are written back, not {', '.join(foreign)}")
    refuse_link(path)
    text = decoded(path)
    old = strategy_document(text, str(path), kind_of(path.suffix))
    changed = text_with_blocks(text, old.kind, blocks)
    new = strategy_document(changed, str(path), old.kind)
    if new.config != {**old.config, **blocks} or new.prose != old.prose:
        raise DocumentError(
            str(path),
            f"a layout in which {', '.join(blocks)} cannot be set without changing other lines",
            "each of these keys on a line of its own",
        )
    mode = stat.S_IMODE(path.stat().st_mode)
    write_durably(path, changed.encode(), OsDisk(), mode=mode)


def refuse_link(path: Path) -> None:
    """Make sure that a document lies where it is written, and not where a link leads.

    Raises:
        DocumentError: it is a link, or its folder is.
    """
    if path.is_symlink() or path.absolute().parent.is_symlink():
        raise DocumentError(
            str(path),
            f"a link that leads to {path.resolve()}",
            "the document itself, for nothing is written where a link leads: give its own path",
        )


def text_with_blocks(text: str, kind: Kind, blocks: Mapping[str, object]) -> str:
    """The text of a readable document with the blocks set."""
    mark = BOM if text.startswith(BOM) else ""
    plain = text[len(mark) :]
    line_end = "\r\n" if "\r\n" in plain else "\n"
    for key, value in blocks.items():
        if kind is Kind.MARKDOWN:
            plain = _in_markdown(plain, key, value, line_end)
        elif kind is Kind.JSON:
            plain = _in_braces(plain, read_json(plain), key, value, line_end)
        else:
            plain = _in_yaml(plain, key, value, line_end)
    return mark + plain


def _in_markdown(text: str, key: str, value: object, line_end: str) -> str:
    part = parts_of(text).front_matter
    if part is None:
        return f"---{line_end}{_yaml_lines({key: value}, line_end)}---{line_end}{text}"
    inside = _in_yaml(text[part.start : part.end], key, value, line_end)
    if inside and not inside.endswith("\n"):
        inside += line_end
    return text[: part.start] + inside + text[part.end :]


def _in_yaml(text: str, key: str, value: object, line_end: str) -> str:
    located = read_yaml(text)
    if located.is_flow:
        return _in_braces(text, located, key, value, line_end)
    lines = _yaml_lines({key: value}, line_end).removesuffix(line_end)
    entry = located.entries.get(key)
    if entry is None:
        return _appended(text, located, lines, line_end)
    inline = not entry.is_block and not isinstance(value, Mapping | list)
    if inline:
        # The value alone gives way: a comment behind it stays.
        space = " " if text[entry.value_start - 1 : entry.value_start] == ":" else ""
        written = space + lines.partition(": ")[2]
        return text[: entry.value_start] + written + text[entry.value_end :]
    return text[: entry.key_start] + lines + text[entry.value_end :]


def _appended(text: str, located: Located, lines: str, line_end: str) -> str:
    if not located.entries:
        return text + ("" if not text or text.endswith("\n") else line_end) + lines + line_end
    last = max(entry.value_end for entry in located.entries.values())
    end = text.find("\n", last)
    if end < 0:
        return text + line_end + lines
    return text[: end + 1] + lines + line_end + text[end + 1 :]


def _in_braces(text: str, located: Located, key: str, value: object, line_end: str) -> str:
    """Set a key of a JSON object, or of a YAML mapping written like one."""
    entries = located.entries
    indent = _indent(text, entries)
    written = _json_value(value, indent, line_end)
    entry = entries.get(key)
    if entry is not None:
        return text[: entry.value_start] + written + text[entry.value_end :]
    pair = f"{json.dumps(key)}: {written}"
    if not entries:
        end = text.index("{") + 1
        return text[:end] + pair + text[end:]
    last = max(entry.value_end for entry in entries.values())
    gap = ", " if indent is None else f",{line_end}{indent}"
    return text[:last] + gap + pair + text[last:]


def _indent(text: str, entries: Mapping[str, Entry]) -> str | None:
    """The white space before the last key, None where it shares its line with something else."""
    if not entries:
        return None
    start = max(entry.key_start for entry in entries.values())
    before = text[text.rfind("\n", 0, start) + 1 : start]
    return before if not before.strip() and "\n" in text[:start] else None


def _json_value(value: object, indent: str | None, line_end: str) -> str:
    if indent is None or not isinstance(value, Mapping | list):
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    step = indent or "  "
    written = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=step)
    return written.replace("\n", line_end + indent)


def _yaml_lines(value: Mapping[str, object], line_end: str) -> str:
    return write_yaml(dict(value)).replace("\n", line_end)
