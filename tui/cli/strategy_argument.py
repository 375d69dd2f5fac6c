"""Reads the strategy a command line names: by name, by path, on standard input, or in --config."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from core.text import composed, nearest
from tui.cli.commands import Arguments
from tui.cli.output import Exit, Refusal, refusing
from tui.cli.workspace import workspace_of
from tui.shipped import shipped

if TYPE_CHECKING:
    from core.store.workspace import Workspace
    from core.strategy.config.parsing import ParsedConfig
    from core.strategy.document.document import StrategyDocument


class StrategyArguments(Arguments, Protocol):
    """What `add_strategy` lets one say."""

    strategy: str | None
    config: str | None


@dataclass(frozen=True, slots=True)
class Written:
    """A strategy as written. `path`: the file it stands in; None for input and --config."""

    document: StrategyDocument
    path: Path | None = None

    @property
    def is_sample(self) -> bool:
        """Whether it comes with the program, and belongs to no workspace."""
        return self.path is not None and self.path.is_relative_to(shipped("sample_strategies"))

    def parse(self, **changes: object) -> ParsedConfig:
        """The strategy, with `changes` to its keys (None: no change).

        Raises:
            ConfigError: it has problems.
        """
        made = {key: value for key, value in changes.items() if value is not None}
        return replace(self.document, config=self.document.config | made).parse()


def add_strategy(parser: argparse.ArgumentParser) -> None:
    """Let a command take a strategy."""
    parser.add_argument(
        "strategy",
        nargs="?",
        metavar="STRATEGY",
        help="the name of one in the workspace or of a sample, a path, or - for standard input",
    )
    parser.add_argument("--config", metavar="JSON", help="the config itself, instead of STRATEGY")


def written_strategy(arguments: StrategyArguments) -> Written:
    """The strategy the arguments name, read but not yet parsed.

    Raises:
        Refusal: there is none of that name.
        ConfigError: it cannot be read as a strategy.
    """
    from core.strategy.document.document import read_strategy, strategy_document

    name, config = arguments.strategy, arguments.config
    if config is not None and name is None:
        return Written(strategy_document(config, "--config"))
    if name is None or config is not None:
        raise Refusal("give either STRATEGY or --config JSON", Exit.BAD_INPUT)
    if name == "-":
        return Written(strategy_document(sys.stdin.read(), "standard input"))
    path = _path(name, workspace_of(arguments))
    return Written(read_strategy(path), path)


def parsed_strategy(arguments: StrategyArguments, **changes: object) -> ParsedConfig:
    """The strategy the arguments name, parsed with `changes` to its keys (None: no change).

    Raises:
        Refusal: it cannot be read, or has problems; the message lists them all.
    """
    from core.strategy.config.problems import ConfigError

    with refusing(ConfigError):
        return written_strategy(arguments).parse(**changes)


def _path(name: str, workspace: Workspace) -> Path:
    """The file of a strategy given by name or path."""
    from core.store.workspace import expanded
    from core.strategy.names import folder_of

    path = expanded(name)
    if path.is_dir():
        path /= "STRATEGY.md"
    if path.is_file():
        return path
    strategies = workspace.strategies
    if "/" not in name and name not in ("", ".", ".."):
        for shelf in (strategies, shipped("sample_strategies")):
            found = (folder_of(shelf, name) or shelf / name) / "STRATEGY.md"
            if found.is_file():
                return found
    known, samples = (
        sorted(composed(found.parent.name) for found in shelf.glob("*/STRATEGY.md"))
        for shelf in (strategies, shipped("sample_strategies"))
    )
    listed = f"the workspace has {', '.join(known)}" if known else "the workspace has none yet"
    if not workspace.root.is_dir():
        listed = f"there is no workspace {workspace.root}"
    meant = nearest(name, [*known, *samples])
    further = [sample for sample in samples if sample not in known]
    also = f", and among the samples are {', '.join(further)}" if further else ""
    hint = f" (did you mean {meant!r}?)" if meant else ""
    raise Refusal(
        f"there is no strategy {name!r}{hint}: no file has that name, and {listed}{also}",
        Exit.NOTHING_FOUND,
    )
