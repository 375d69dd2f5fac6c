"""The command that takes over a strategy of another program: import."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tui.cli.commands import Arguments, Commands
from tui.cli.output import Exit, Refusal, print_json, print_text, refusing
from tui.cli.workspace import prepared_workspace

if TYPE_CHECKING:
    from core.strategy.importing.freqtrade import Imported

_MORE = """\
FILE is the Python file of a freqtrade strategy. It is parsed, and nothing in it is run: what stands
there as a value (timeframe, stoploss, minimal_roi, trailing stop, can_short, leverage; pairs and
stake from a config.json) becomes keys of a STRATEGY.md. Its indicators, entries and exits are code:
they are listed with their lines and quoted, for you to write as conditions."""


class ImportArguments(Arguments, Protocol):
    """What `papertape import` is given."""

    file: str
    config: str | None
    class_name: str | None
    output: str | None


def add_commands(commands: Commands) -> None:
    """Declare this command."""
    parser = commands.add(
        "import", import_strategy, "begin a strategy from one of freqtrade's", more=_MORE
    )
    parser.add_argument("file", metavar="FILE", help="the strategy's Python file")
    parser.add_argument("--config", metavar="FILE", help="a config.json of freqtrade's")
    parser.add_argument(
        "--class", dest="class_name", metavar="NAME", help="which class, where there are several"
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="(default: strategies/NAME/STRATEGY.md)"
    )


def import_strategy(arguments: ImportArguments) -> int:
    """Write the document of a strategy that was read, and say what is left to be written."""
    from core.strategy.importing.freqtrade import import_freqtrade
    from core.strategy.importing.freqtrade_source import ImportRefusedError

    path = Path(arguments.file)
    text = _text(path)
    beside = path.with_suffix(".json")
    with refusing(ImportRefusedError):
        found = import_freqtrade(
            text,
            path.name,
            wanted=arguments.class_name,
            tuned=_text(beside) if beside.is_file() and beside != path else None,
            settings=None if arguments.config is None else _text(Path(arguments.config)),
        )
    target = _target(arguments, found)
    if arguments.json:
        unread = [
            {"line": one.first or None, "end_line": one.last or None}
            | {"what": one.what, "reason": one.why}
            for one in found.unread
        ]
        print_json(
            {
                "name": found.name,
                "file": str(target),
                "config": found.config,
                "read": list(found.read),
                "unread": unread,
            }
        )
    else:
        print_text(f"{target}", "", "read:", *(f"  {one}" for one in found.read))
        print_text("", "still to be written:", *(f"  {one}" for one in found.unread))
        print_text("", f"next: write its conditions, then papertape validate {found.name}")
    return Exit.DONE


def _text(path: Path) -> str:
    from core.strategy.document.document import DocumentError, decoded

    with refusing(DocumentError):
        return decoded(path)


def _target(arguments: ImportArguments, found: Imported) -> Path:
    """Where the document was written; nothing that is there already is replaced."""
    from core.store.durable import OsDisk, new_folder, write_durably

    content = found.document.encode()
    try:
        if arguments.output is not None:
            target = Path(arguments.output)
            if target.exists():
                raise Refusal(f"{target} is there already: name another", Exit.BAD_INPUT)
            write_durably(target, content, OsDisk())
            return target
        target = prepared_workspace(arguments).strategies / found.name
        with new_folder(target) as folder:
            write_durably(folder / "STRATEGY.md", content, OsDisk())
    except OSError as error:
        if target.exists():
            raise Refusal(f"{target} is there already: give -o FILE", Exit.BAD_INPUT) from error
        raise Refusal(f"{target} cannot be written ({error.strerror})") from error
    return target / "STRATEGY.md"
