"""Reads the strategy that a file holds: a STRATEGY.md, a .json or a .yaml."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from core.strategy.config.parsing import ParsedConfig, parse_config
from core.strategy.config.problems import ConfigError, Problem, shown
from core.strategy.document.json_text import read_json
from core.strategy.document.markdown import Markdown, TextSpan, parts_of
from core.strategy.document.source_map import Located, TextError
from core.strategy.document.yaml_text import read_yaml
from core.text import composed

BOM = "\ufeff"
_LARGEST_FILE = 1024 * 1024  # bytes
_CONFIG_KEYS = ("entry_conditions", "exit_conditions", "indicators")


class Kind(StrEnum):
    """How a document is written."""

    MARKDOWN = "markdown"
    JSON = "json"
    YAML = "yaml"


class DocumentError(ConfigError):
    """A document cannot be read. `source` is the file's path, or where the text came from."""

    def __init__(self, source: str, found: str, expected: str, line: int | None = None) -> None:
        super().__init__([Problem("", found, expected, line=line)])
        self.source = source if source.isprintable() else shown(source)
        self.line = line

    def __str__(self) -> str:
        (problem,) = self.problems
        where = self.source if self.line is None else f"{self.source}, line {self.line}"
        return f"{where}: found {problem.found}, expected {problem.expected}"


@dataclass(frozen=True, slots=True)
class StrategyDocument:
    """A strategy as written.

    `config`: what `parse_config` takes, the document's own keys included; `lines`: the line of each
    of its values by path; `prose`: the text of a STRATEGY.md after its front matter.
    """

    source: str
    kind: Kind
    config: dict[str, object]
    lines: Mapping[str, int]
    prose: str

    def parse(self) -> ParsedConfig:
        """The strategy, validated.

        Raises:
            ConfigError: with every problem, each at its line.
        """
        try:
            return parse_config(self.config)
        except ConfigError as error:
            raise error.at_lines(self.lines) from None


def read_strategy(path: Path) -> StrategyDocument:
    """The strategy a file holds. How it is written is told by its name, else by its beginning.

    Raises:
        DocumentError: the file cannot be read, or is not a document of a strategy.
    """
    return strategy_document(decoded(path), str(path), kind_of(path.suffix))


def strategy_document(text: str, source: str, kind: Kind | None = None) -> StrategyDocument:
    """The strategy in a text; `source` names the text in errors.

    Raises:
        DocumentError: it is not a document of a strategy.
    """
    plain = text.removeprefix(BOM)
    kind = kind or _guessed(plain)
    try:
        if kind is Kind.MARKDOWN:
            parts = parts_of(plain)
            located = _in_markdown(plain, parts)
            prose = plain[parts.prose.start :]
        else:
            located = (read_json if kind is Kind.JSON else read_yaml)(plain)
            prose = ""
    except TextError as error:
        raise DocumentError(source, error.found, error.expected, error.line) from None
    if not isinstance(located.value, dict):
        found = "nothing" if located.value is None else shown(located.value)
        raise DocumentError(source, found, "a strategy: keys like name, symbols, timeframe", 1)
    config = located.value
    if isinstance(name := config.get("name"), str):
        config = config | {"name": composed(name)}
    return StrategyDocument(source, kind, config, located.lines, prose)


def decoded(path: Path) -> str:
    """The text of a file, its byte order mark and line ends as they are.

    Raises:
        DocumentError: it cannot be read, is too large, or is not UTF-8.
    """
    return text_of(bytes_of(path), path)


def bytes_of(path: Path) -> bytes:
    """What a file of a document holds.

    Raises:
        DocumentError: it cannot be read, or is too large.
    """
    try:
        # A pipe would be waited for, a device read without end.
        is_file = stat.S_ISREG(path.stat().st_mode)
        data = _beginning(path) if is_file else b""
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise DocumentError(str(path), f"no readable file ({why})", "a strategy file") from None
    if not is_file:
        raise DocumentError(str(path), "no regular file", "a strategy file")
    if len(data) > _LARGEST_FILE:
        raise DocumentError(str(path), "a larger file", f"at most {_LARGEST_FILE} bytes")
    return data


def text_of(data: bytes, path: Path) -> str:
    """The text that stands in a file.

    Raises:
        DocumentError: it is not UTF-8.
    """
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"the byte 0x{data[error.start]:02x}"
        raise DocumentError(str(path), found, "text in UTF-8: save it so", line) from None


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_LARGEST_FILE + 1)


def kind_of(suffix: str) -> Kind | None:
    """How a file of a suffix is written, None where the suffix does not tell."""
    match suffix.lower():
        case ".md" | ".markdown":
            return Kind.MARKDOWN
        case ".json":
            return Kind.JSON
        case ".yaml" | ".yml":
            return Kind.YAML
    return None


def _guessed(text: str) -> Kind:
    beginning = text.lstrip()
    if beginning.startswith(("{", "[")):
        return Kind.JSON
    if "```" in text or "~~~" in text or beginning.startswith("#"):
        return Kind.MARKDOWN
    lines = [line.rstrip() for line in beginning.splitlines()]
    return Kind.MARKDOWN if lines[:1] == ["---"] and "---" in lines[1:] else Kind.YAML


def _in_markdown(text: str, parts: Markdown) -> Located:
    """The config of a STRATEGY.md: its front matter, and the json block that holds a config."""
    front = Located({})
    if parts.front_matter is not None:
        front = _read(read_yaml, text, parts.front_matter)
        if front.value is None:
            front = Located({}, front.lines)
    if not isinstance(front.value, dict):
        raise TextError(shown(front.value), "front matter of keys and values", 2)
    block = _config_block(text, parts.json_blocks, required="entry_conditions" not in front.value)
    if block is not None:
        return _together(front.value, front.lines, *block)
    if not front.value:
        raise TextError(
            "no strategy", "YAML front matter between two lines ---, or a ```json block", 1
        )
    return front


_Block = tuple[dict[str, object], Mapping[str, int]]


def _config_block(text: str, blocks: Iterable[TextSpan], *, required: bool) -> _Block | None:
    """The json block that holds a config, and its lines. Others may hold anything, JSON or not."""
    read: list[_Block] = []
    broken: list[TextError] = []
    for part in blocks:
        try:
            located = _read(read_json, text, part)
        except TextError as error:
            broken.append(error)
        else:
            if isinstance(located.value, dict):
                read.append((located.value, located.lines))
    configs = [one for one in read if any(key in one[0] for key in _CONFIG_KEYS)]
    if len(configs) > 1:
        raise TextError("a second ```json block with a config", "one config", configs[1][1][""])
    if configs:
        return configs[0]
    if not required:
        return None
    if len(read) == 1:
        return read[0]  # its problems say what it lacks
    if broken:
        raise broken[0]
    return None


def _together(
    front: dict[str, object],
    front_lines: Mapping[str, int],
    block: dict[str, object],
    block_lines: Mapping[str, int],
) -> Located:
    for key, value in block.items():
        if key in front and front[key] != value:
            raise TextError(
                f"another {shown(key)} than in the front matter (line {front_lines.get(key)})",
                "one of the two, or the same in both",
                block_lines.get(key),
            )
    return Located(front | block, {**block_lines, **front_lines})


def _read(reader: Callable[[str], Located], text: str, part: TextSpan) -> Located:
    """What stands in a part of a text, at the lines of the whole."""
    try:
        located = reader(text[part.start : part.end])
    except TextError as error:
        line = None if error.line is None else error.line + part.line - 1
        raise TextError(error.found, error.expected, line) from None
    lines = {path: line + part.line - 1 for path, line in located.lines.items()}
    return Located(located.value, lines, located.entries, located.is_flow)
