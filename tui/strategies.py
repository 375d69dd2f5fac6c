"""The strategies one may pick: which there are, and how one of them is copied and edited.

Those of the workspace come first, then the samples; one of the workspace hides a sample of its
name. What reads documents loads the strategy room late, for the first frame must not wait for it.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from core.store.durable import OsDisk, new_folder, write_durably
from core.strategy.names import EXPECTED_NAME, is_name
from tui.shipped import shipped

if TYPE_CHECKING:
    from core.store.workspace import Workspace
    from core.strategy.config.config import StrategyConfig
    from core.strategy.config.problems import ConfigError

DOCUMENT = "STRATEGY.md"
_NAME_LINE = re.compile(r"^(name[ \t]*:[ \t]*).*?(\r?)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class StrategyChoice:
    """A strategy as it may be picked.

    `raw` is the config as written; `problems` say why it cannot run (empty: it can), `warnings`
    what its owner should know. `origin`: "workspace" or "sample".
    """

    name: str
    origin: str
    path: Path
    raw: Mapping[str, object]
    symbols: tuple[str, ...] = ()
    timeframe: str = ""
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    backtested: bool = False
    description: str = ""
    meaning: str = ""
    starting_balance: float | None = None


class StrategyFileError(Exception):
    """A strategy could not be copied or edited; the message says why and what to do."""


def find_strategies(workspace: Workspace) -> tuple[StrategyChoice, ...]:
    """Every strategy, by name; one of the workspace hides a sample of its name. Reads files."""
    choices: dict[str, StrategyChoice] = {}
    shelves = (("sample", shipped("sample_strategies")), ("workspace", workspace.strategies))
    for origin, folder in shelves:
        for path in sorted(folder.glob(f"*/{DOCUMENT}")):
            choices[path.parent.name] = _choice(origin, path)
    own_first = sorted(choices.values(), key=lambda one: (one.origin != "workspace", one.name))
    return tuple(own_first)


def _choice(origin: str, path: Path) -> StrategyChoice:
    from core.compare.before_start import NOT_BACKTESTED, backtest_warnings  # noqa: PLC0415

    try:
        found = path.stat()
    except OSError:
        identity: tuple[int, ...] = ()  # reading it says what is wrong
    else:
        identity = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    choice, config = _read(origin, path, identity)
    if config is None:
        return choice
    # What is saved beside a document changes without it.
    of_backtest = tuple(backtest_warnings(path, choice.raw.get("backtest"), config))
    return replace(
        choice,
        warnings=(*choice.warnings, *of_backtest),
        backtested=NOT_BACKTESTED not in of_backtest,
    )


@lru_cache(maxsize=2_000)
def _read(
    origin: str, path: Path, identity: tuple[int, ...]
) -> tuple[StrategyChoice, StrategyConfig | None]:
    """A document as it may be picked, and its config where it can run; once as long as it is."""
    from core.strategy.config.problems import ConfigError  # noqa: PLC0415
    from core.strategy.document.document import read_strategy  # noqa: PLC0415
    from core.strategy.lint.words import paragraph  # noqa: PLC0415

    name = path.parent.name
    try:
        document = read_strategy(path)
    except ConfigError as error:
        return StrategyChoice(name, origin, path, {}, problems=_sentences(error)), None
    raw = document.config
    described = raw.get("description")
    choice = StrategyChoice(
        name,
        origin,
        path,
        raw,
        backtested=isinstance(raw.get("backtest"), dict),
        description=described if isinstance(described, str) else "",
    )
    try:
        parsed = document.parse()
    except ConfigError as error:
        return replace(choice, problems=_sentences(error)), None
    config = parsed.config
    choice = replace(
        choice,
        name=config.name,
        symbols=config.symbols,
        timeframe=config.timeframe.value,
        warnings=parsed.warnings,
        meaning=paragraph(config),
        starting_balance=config.starting_balance,
    )
    return choice, config


def _sentences(error: ConfigError) -> tuple[str, ...]:
    return tuple(str(problem) for problem in error.problems)


def name_problem(folder: Path, name: str) -> str | None:
    """Why no strategy can be made in a folder under that name; None where it can."""
    if not is_name(name):
        return f"{name!r} is no name for a strategy: expected {EXPECTED_NAME}"
    if (folder / name).exists():
        return f"there is a strategy {name} already: choose another name"
    return None


def copy_strategy(document: Path, folder: Path, name: str) -> Path:
    """Copy a strategy's document into `folder/NAME/STRATEGY.md`, under that name.

    Raises:
        StrategyFileError: the name is taken or no name, or nothing can be written there.
    """
    if (problem := name_problem(folder, name)) is not None:
        raise StrategyFileError(problem)
    target = folder / name / DOCUMENT
    try:
        text = document.read_bytes().decode("utf-8")
        written = _NAME_LINE.sub(lambda line: f"{line[1]}{name}{line[2]}", text, count=1)
        folder.mkdir(parents=True, exist_ok=True)
        with new_folder(target.parent) as made:
            write_durably(made / target.name, written.encode("utf-8"), OsDisk())
    except (OSError, UnicodeDecodeError) as error:
        raise StrategyFileError(f"{target} cannot be written: {error}") from error
    return target


def editor_command(environ: Mapping[str, str]) -> list[str]:
    """The user's editor ($VISUAL, $EDITOR, else the first of nano and vi that is there).

    Raises:
        StrategyFileError: there is none.
    """
    for variable in ("VISUAL", "EDITOR"):
        words = shlex.split(environ.get(variable, ""))
        if words:
            return words
    for program in ("nano", "vi"):
        if shutil.which(program):
            return [program]
    raise StrategyFileError("no editor was found: set EDITOR to the one you use")


def edit(path: Path) -> None:
    """Open a file in the user's editor, and wait until it is closed.

    Raises:
        StrategyFileError: there is no editor, or it cannot be run.
    """
    command = editor_command(os.environ)
    try:
        subprocess.run([*command, str(path)], check=False)  # noqa: S603  the user's own editor
    except OSError as error:
        raise StrategyFileError(f"the editor {command[0]} cannot be run: {error}") from error
