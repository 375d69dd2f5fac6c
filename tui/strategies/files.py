"""How are strategies of the workspace made by hand: copied, and edited in the user's editor?"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

_NAME = re.compile(r"[A-Za-z0-9_-]{1,60}", re.ASCII)
_NAME_LINE = re.compile(r"^(name[ \t]*:[ \t]*).*?(\r?)$", re.MULTILINE)


class StrategyFileError(Exception):
    """A strategy could not be copied or edited; the message says why and what to do."""


def copy_strategy(document: Path, folder: Path, name: str) -> Path:
    """Copy a strategy's document into `folder/NAME/STRATEGY.md`, under that name.

    Raises:
        StrategyFileError: the name is taken or no name, or nothing can be written there.
    """
    if not _NAME.fullmatch(name):
        raise StrategyFileError(
            f"{name!r} is no name for a strategy: use letters, digits, - and _, at most 60"
        )
    target = folder / name / "STRATEGY.md"
    if target.parent.exists():
        raise StrategyFileError(f"there is a strategy {name} already: choose another name")
    try:
        text = document.read_bytes().decode("utf-8")
        target.parent.mkdir(parents=True)
        written = _NAME_LINE.sub(lambda line: f"{line[1]}{name}{line[2]}", text, count=1)
        target.write_bytes(written.encode("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        shutil.rmtree(target.parent, ignore_errors=True)
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
