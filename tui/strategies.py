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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from core.store.durable import OsDisk, new_folder, remove_folder, write_durably
from core.strategy.names import EXPECTED_NAME, folder_of, is_name
from core.text import composed
from tui.shipped import shipped

if TYPE_CHECKING:
    from core.report.library import ListedResult
    from core.store.workspace import Workspace
    from core.strategy.config.problems import ConfigError
    from tui.strategy_cache import ReadStrategy, StrategyCache

DOCUMENT = "STRATEGY.md"
STILL_READ = "its document is still being read"
_AT_ONCE = 50  # documents: so many are read before any of them is shown
_NAME_LINE = re.compile(r"^(name[ \t]*:[ \t]*).*?(\r?)$", re.MULTILINE)

READING = "Reading the strategies …"
NO_STRATEGY = "No strategy was found. papertape init makes a workspace with samples."


@dataclass(frozen=True, slots=True)
class StrategyChoice:
    """A strategy as it may be picked.

    `raw` is the config as written; `problems` say why it cannot run (empty: it can), `warnings`
    what its owner should know; `meaning` as in `core.strategy.lint.words`. `origin`: "workspace" or
    "sample". One that `is_read` has not been has the name of its folder, and that it is still being
    read for a problem. `backtested`: whether its document tells of a backtest; `kept`: else the
    last one in the library, where there is one, and `edited` whether the config is another by now.
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
    meaning: tuple[tuple[str, str], ...] = ()
    starting_balance: float | None = None
    is_read: bool = True
    digest: str = ""
    kept: ListedResult | None = None
    edited: bool = False

    @property
    def unsaved(self) -> str:
        """Of a backtest only kept in the library that it is not saved, or no longer its own."""
        return "" if self.kept is None else "edited since" if self.edited else "not saved"

    def figure(self, name: str) -> float | None:
        """A figure of its last backtest, saved or kept; None where that has none, or no number."""
        if self.kept is None:
            return self.saved(name)
        kept: float | None = getattr(self.kept.result.metrics, name)
        return kept

    def saved(self, name: str) -> float | None:
        """A figure of the backtest in its document; None where that has none, or no number."""
        block = self.raw.get("backtest")
        value = block.get(name) if isinstance(block, Mapping) else None
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None

    def matches(self, text: str) -> bool:
        """Whether a text in lower case is in its name, symbols, timeframe, origin or status."""
        status = str(self.raw.get("status", ""))
        words = (self.name, *self.symbols, self.timeframe, self.origin, status)
        return any(text in word.casefold() for word in words)


class StrategyFileError(Exception):
    """A strategy could not be copied or edited; the message says why and what to do."""


def find_strategies(workspace: Workspace) -> tuple[StrategyChoice, ...]:
    """Every strategy, by name; one of the workspace hides a sample of its name. Reads files."""
    *_, found = list_strategies(workspace)
    return found


def strategy_in_its_folder(workspace: Workspace, name: str) -> StrategyChoice | None:
    """The workspace's strategy of that name, from the folder of that name alone. Reads a file.

    None where it is not there; it may still be in another folder, or be a sample.
    """
    from core.strategy.config.problems import ConfigError  # noqa: PLC0415
    from tui.strategy_cache import StrategyCache  # noqa: PLC0415

    folder = folder_of(workspace.strategies, name) if is_name(name) else None
    if folder is None or not (path := folder / DOCUMENT).is_file():
        return None
    try:
        choice = _choice("workspace", path, StrategyCache(workspace, 1))
    except ConfigError:
        return None  # why, is told where all are read
    return choice if choice.name == composed(name) else None


def list_strategies(workspace: Workspace) -> Iterator[tuple[StrategyChoice, ...]]:
    """Every strategy, as `find_strategies` has them, again and again until all of them are read.

    Of many the first list has what their folders say, each later one twice as many read, from the
    top.
    """
    shelves = (("sample", shipped("sample_strategies")), ("workspace", workspace.strategies))
    found = {
        composed(path.parent.name): (origin, path)
        for origin, folder in shelves
        for path in sorted(folder.glob(f"*/{DOCUMENT}"))
    }
    choices = [
        StrategyChoice(name, origin, path, {}, problems=(STILL_READ,), is_read=False)
        for name, (origin, path) in found.items()
    ]
    choices.sort(key=_place)
    if len(choices) > _AT_ONCE:
        yield tuple(choices)
    yield from _ever_more_read(workspace, choices)


def _place(choice: StrategyChoice) -> tuple[bool, str]:
    return choice.origin != "workspace", choice.name


def _ever_more_read(
    workspace: Workspace, choices: list[StrategyChoice]
) -> Iterator[tuple[StrategyChoice, ...]]:
    from core.strategy.config.problems import ConfigError  # noqa: PLC0415
    from tui.strategy_cache import StrategyCache  # noqa: PLC0415

    cache = StrategyCache(workspace, len(choices))
    due = _AT_ONCE
    for number, one in enumerate(choices):
        if number == due:
            due *= 2
            yield tuple(sorted(choices, key=_place))
        try:
            choices[number] = _choice(one.origin, one.path, cache)
        except ConfigError as error:
            choices[number] = replace(one, problems=_sentences(error), is_read=True)
    cache.save()
    yield tuple(sorted(_with_backtests(workspace, choices), key=_place))


def _with_backtests(
    workspace: Workspace, choices: Sequence[StrategyChoice]
) -> Iterator[StrategyChoice]:
    """The strategies, those whose documents tell of no backtest with the last one in the library.

    One of the config as it stands goes before a later one of another.
    """
    from core.report.library import list_results  # noqa: PLC0415
    from core.store.workspace import WorkspaceError  # noqa: PLC0415

    by_name: dict[str, list[ListedResult]] = {}
    with suppress(WorkspaceError):  # the list of backtests says why
        for listed in list_results(workspace).results:
            if not listed.result.settings and listed.result.search is None:
                by_name.setdefault(listed.result.strategy, []).append(listed)
    for choice in choices:
        its = [] if choice.backtested else by_name.get(choice.name, [])
        if not its or choice.problems:
            yield choice
            continue
        same = (one for one in its if one.result.config_hash == choice.digest)
        kept = next(same, its[0])
        # With another balance its hash is another too, and does not tell whether it was edited.
        edited = (
            kept.result.config_hash != choice.digest
            and kept.result.starting_balance == choice.starting_balance
        )
        yield replace(choice, kept=kept, edited=edited)


def _choice(origin: str, path: Path, cache: StrategyCache) -> StrategyChoice:
    """A document as it may be picked.

    Raises:
        DocumentError: it cannot be read.
    """
    from core.compare.before_start import backtest_warnings  # noqa: PLC0415
    from core.session.start_notices import NOT_BACKTESTED  # noqa: PLC0415
    from core.strategy.document.document import bytes_of  # noqa: PLC0415

    data = bytes_of(path)
    read = cache.get(data)
    if read is None:
        read = _read(path, data)
        cache.put(data, read)
    backtest = read.raw.get("backtest")
    choice = StrategyChoice(
        read.name or composed(path.parent.name),
        origin,
        path,
        read.raw,
        read.symbols,
        read.timeframe,
        read.problems,
        read.warnings,
        isinstance(backtest, dict),
        read.description,
        read.meaning,
        read.starting_balance,
    )
    if read.problems:
        return choice
    # What is saved beside a document changes without it.
    of_backtest = tuple(backtest_warnings(path, backtest, read.name, read.digest))
    return replace(
        choice,
        warnings=(*choice.warnings, *of_backtest),
        backtested=NOT_BACKTESTED not in of_backtest,
        digest=read.digest,
    )


@lru_cache(maxsize=2_000)
def _read(path: Path, data: bytes) -> ReadStrategy:
    """What a document says that holds `data`.

    Raises:
        DocumentError: it is none.
    """
    from core.strategy.config.problems import ConfigError  # noqa: PLC0415
    from core.strategy.document.document import (  # noqa: PLC0415
        kind_of,
        strategy_document,
        text_of,
    )
    from core.strategy.lint.words import meaning  # noqa: PLC0415
    from core.strategy.signals.sources import signal_source  # noqa: PLC0415
    from tui.strategy_cache import ReadStrategy  # noqa: PLC0415

    document = strategy_document(text_of(data, path), str(path), kind_of(path.suffix))
    raw = document.config
    described = raw.get("description")
    description = described if isinstance(described, str) else ""
    try:
        parsed = document.parse()
    except ConfigError as error:
        return ReadStrategy(raw, description, problems=_sentences(error))
    config = parsed.config
    return ReadStrategy(
        raw,
        description,
        name=config.name,
        symbols=config.symbols,
        timeframe=config.timeframe.value,
        warnings=parsed.warnings,
        meaning=meaning(config),
        starting_balance=config.starting_balance,
        digest=signal_source(config).digest,
    )


def _sentences(error: ConfigError) -> tuple[str, ...]:
    return tuple(str(problem) for problem in error.problems)


def name_problem(folder: Path, name: str) -> str | None:
    """Why no strategy can be made in a folder under that name; None where it can."""
    if not is_name(name):
        return f"{name!r} is no name for a strategy: expected {EXPECTED_NAME}"
    if (folder / name).exists() or folder_of(folder, name):
        return f"there is a strategy {name} already: choose another name"
    return None


def copy_strategy(document: Path, folder: Path, name: str) -> Path:
    """Copy a strategy's document into `folder/NAME/STRATEGY.md`, under that name.

    Raises:
        StrategyFileError: the name is taken or no name, or nothing can be written there.
    """
    if (problem := name_problem(folder, name := composed(name))) is not None:
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


def drop_unchanged(document: Path, before: bytes) -> bool:
    """Remove a copied strategy that still says what it said `before`; whether it was removed."""
    try:
        if document.read_bytes() != before or list(document.parent.iterdir()) != [document]:
            return False
        remove_folder(document.parent)
    except OSError:
        return False
    return True


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


def edit(path: Path) -> float:
    """Open a file in the user's editor, and wait until it is closed; for how many seconds.

    Raises:
        StrategyFileError: there is no editor, or it cannot be run.
    """
    command = editor_command(os.environ)
    begun = monotonic()
    try:
        subprocess.run([*command, str(path)], check=False)  # noqa: S603  the user's own editor
    except OSError as error:
        raise StrategyFileError(f"the editor {command[0]} cannot be run: {error}") from error
    return monotonic() - begun
