"""The commands about results that were kept: backtests list, show, compare, note, remove."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from tui.cli.commands import Arguments, Commands
from tui.cli.output import Exit, complain, print_json, print_text, refusing, table
from tui.cli.workspace import existing_workspace

if TYPE_CHECKING:
    from core.report.library import ListedResult, StoredResult

_MORE = """\
A backtest is kept by `papertape backtest --keep`, and by the screen each time one is run there.
Sweeps and gates are kept likewise, and listed by their best setting. What has no note
or tag goes when there are more than two hundred backtests, or thirty sweeps and gates. Listed are
also the results that lie beside strategies (`--save`), by the names of their folders."""


class ListArguments(Arguments, Protocol):
    """What `papertape backtests` is given."""

    tag: str | None


class OneArguments(Arguments, Protocol):
    """What the commands on one result are given."""

    id: str


class CompareArguments(Arguments, Protocol):
    """What `papertape backtests compare` is given."""

    one: str
    other: str


class NoteArguments(OneArguments, Protocol):
    """What `papertape backtests note` is given."""

    text: str
    tag: list[str]


class RemoveArguments(Arguments, Protocol):
    """What `papertape backtests remove` is given."""

    ids: list[str]


def add_commands(commands: Commands) -> None:
    """Declare this group."""
    parser = commands.add(
        "backtests",
        list_all,
        "results that were kept: list, show, compare, note, remove",
        more=_MORE,
    )
    parser.set_defaults(tag=None)
    verbs = commands.below(parser)
    verbs.add("list", list_all, "all of them, the newest first").add_argument(
        "--tag", metavar="TAG", help="those with this tag"
    )
    verbs.add("show", show, "one of them, as it was printed").add_argument("id", metavar="BACKTEST")
    comparing = verbs.add("compare", compare, "two of them side by side, and what they differ in")
    comparing.add_argument("one", metavar="BACKTEST")
    comparing.add_argument("other", metavar="BACKTEST")
    noting = verbs.add("note", note, "a note on one, and tags; without any, takes them away")
    noting.add_argument("id", metavar="BACKTEST")
    noting.add_argument("text", nargs="?", default="", metavar="TEXT")
    noting.add_argument("--tag", action="append", default=[], metavar="TAG", help="several times")
    verbs.add("remove", remove, "remove results and their notes").add_argument(
        "ids", nargs="+", metavar="BACKTEST"
    )


def list_all(arguments: ListArguments) -> int:
    """List the results."""
    from core.report.library import list_results, listed_to_json
    from core.store.workspace import WorkspaceError

    with refusing(WorkspaceError):
        found = list_results(existing_workspace(arguments))
    for problem in found.problems:
        complain(f"papertape: {problem}")
    results = [
        one for one in found.results if arguments.tag is None or arguments.tag in one.notes.tags
    ]
    if arguments.json:
        print_json({"backtests": [listed_to_json(one) for one in results]})
    elif not results:
        tagged = "" if arguments.tag is None else f" with the tag {arguments.tag}"
        print_text(f"No backtest{tagged} was kept yet: papertape backtest STRATEGY --keep does.")
    else:
        headings = ["ID", "Made", "Strategy", "Markets", "Period"]
        figures = ["Return", "Max DD", "Sharpe", "PF", "Trades", "Tags"]
        print_text(*table([*headings, *figures], map(_row, results), right="     >>>>>"))
    return Exit.DONE


def _row(listed: ListedResult) -> list[str]:
    from msgspec import to_builtins

    from core.report.metric_labels import figure_text

    result = listed.result
    plain = to_builtins(result.metrics)
    period = result.period
    names = ("total_return_pct", "max_drawdown_pct", "sharpe_ratio", "profit_factor")
    return [
        listed.key,
        result.saved[:16].replace("T", " "),
        _named(result),
        f"{', '.join(result.symbols)} {result.timeframe}",
        f"{(period.start or '')[:10]} – {(period.end or '')[:10]}",
        *(figure_text(name, plain) for name in (*names, "total_trades")),
        ", ".join(listed.notes.tags),
    ]


def _named(result: StoredResult) -> str:
    """The strategy with its settings; of a sweep or gate what it was, and over what it varied."""
    from tui import formats

    told = " ".join([result.strategy, *(f"{n}={value}" for n, value in result.fixed.items())])
    if result.search is None:
        return told
    told = f"{told} {result.search.words}"
    axes = formats.grid_words(result.search.terms.axes)
    return f"{told}: {axes}" if axes else told


def _search_text(listed: ListedResult) -> list[str]:
    """A sweep or gate as it was printed."""
    from core.backtest.sweep import Sweep
    from core.gate.gate_text import gate_text
    from core.gate.kept import open_search
    from core.report.library import LibraryError
    from tui.cli.sweep import TOP
    from tui.cli.sweep_text import sweep_text

    with refusing(LibraryError, code=Exit.FAILED):
        found = open_search(listed).found
    return sweep_text(found, TOP) if isinstance(found, Sweep) else gate_text(found)


def _found(arguments: Arguments, *keys: str) -> list[ListedResult]:
    from core.report.library import LibraryError, find_result
    from core.store.workspace import WorkspaceError

    workspace = existing_workspace(arguments)
    with refusing(WorkspaceError), refusing(LibraryError, code=Exit.NOTHING_FOUND):
        return [find_result(workspace, key) for key in keys]


def _opened(listed: ListedResult) -> dict[str, Any]:
    from core.report.library import LibraryError, open_result

    with refusing(LibraryError, code=Exit.FAILED):
        return open_result(listed)


def show(arguments: OneArguments) -> int:
    """Print one result."""
    from core.report.text import report_text

    (listed,) = _found(arguments, arguments.id)
    whole = _opened(listed)
    if arguments.json:
        print_json({**whole, "note": listed.notes.note, "tags": list(listed.notes.tags)})
        return Exit.DONE
    if listed.result.search is None:
        print_text(report_text(whole).rstrip("\n"))
    else:
        print_text(*_search_text(listed))
    if listed.notes.tags:
        print_text("", f"Tags: {', '.join(listed.notes.tags)}")
    if listed.notes.note:
        print_text(f"Note: {listed.notes.note}")
    return Exit.DONE


def compare(arguments: CompareArguments) -> int:
    """Print two results side by side."""
    from core.report.side_by_side import pair_to_json, paired
    from tui import formats

    one, other = _found(arguments, arguments.one, arguments.other)
    pair = paired((one, other), (_opened(one), _opened(other)), (one.key, other.key))
    if arguments.json:
        print_json(pair_to_json(pair))
        return Exit.DONE
    if pair.unlike is not None:
        print_text(f"! Neither is better for its figures: {pair.unlike}.", "")
    if doubts := pair.doubts((one.key, other.key)):
        print_text(*(f"! {doubt}" for doubt in doubts), "")
    words = {True: "better", False: "worse", None: ""}
    rows = [
        [each.label, each.one, each.other, each.change_text, words[each.better]]
        for each in pair.figures
    ]
    print_text(*table(["", one.key, other.key, "Difference", ""], rows, right=" >>>"), "")
    if pair.settings is None:
        print_text("What they differ in is not known: one of them was kept without its config.")
    elif pair.settings:
        changed = [
            [path, *("–" if value is None else formats.setting(value) for value in both)]
            for path, *both in pair.settings
        ]
        print_text(*table(["Setting", one.key, other.key], changed, right=" >>"))
    else:
        print_text("Their settings are the same.")
    return Exit.DONE


def note(arguments: NoteArguments) -> int:
    """Put down a note and tags."""
    from core.report.library import LibraryError, note_result
    from core.store.durable import OsDisk
    from core.store.notes import NotesError

    (listed,) = _found(arguments, arguments.id)
    workspace = existing_workspace(arguments)
    with refusing(NotesError), refusing(LibraryError, code=Exit.FAILED):
        key = note_result(workspace, listed, arguments.text, tuple(arguments.tag), OsDisk())
    if arguments.json:
        print_json({"backtests": [key], "done": "noted"})
    else:
        print_text(f"{key} noted")
    return Exit.DONE


def remove(arguments: RemoveArguments) -> int:
    """Remove results."""
    from core.report.library import LibraryError, remove_result

    for listed in _found(arguments, *arguments.ids):
        with refusing(LibraryError, code=Exit.FAILED):
            remove_result(listed)
    if arguments.json:
        print_json({"backtests": arguments.ids, "done": "removed"})
    else:
        print_text(*(f"{key} removed" for key in arguments.ids))
    return Exit.DONE
