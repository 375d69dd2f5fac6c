"""The library of backtests: results kept in the workspace, each with its owner's note and tags.

A result stands in `backtests/ID/result.json`, as its run wrote it, and no figure of it is ever
changed; what its owner puts down about it stands beside it in `notes.json`. Listed are also the
results that were saved beside strategies (`core.report.stored_backtest`), whether their documents
still tell of them or not: to know that, all of them would have to be read for each list.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec
import orjson

from core.market.files.symbol_files import without_folders
from core.report.written_report import ReportedMetrics, ReportedPeriod, told_until
from core.store.durable import Disk, new_folder, open_regular, remove_folder, write_durably
from core.store.notes import Notes, NotesError, checked_notes, read_notes, write_notes
from core.store.workspace import Workspace, WorkspaceError, new_id
from core.strategy.config.document_keys import EXTRA_KEYS
from core.strategy.names import is_name
from core.text import composed
from core.typed import UNDECODABLE, prepare

RESULT = "result.json"
KEPT = 200
"""How many results without a note or tag are kept; the oldest go when there are more."""
SEARCHES = 30
"""As `KEPT`, of sweeps and gates."""
_CANDLES = "candles"  # where two runs had them from, where that tells the runs apart
_LARGEST_SEARCH = 64 * 1024 * 1024  # bytes: some 70,000 settings
_LARGEST = 256 * 1024 * 1024  # bytes of a result's file: a hundred times what a long run writes
_BESIDE_DOCUMENTS = "*/STRATEGY.backtest.json"

Setting = float | int | str
_Kind = TypeVar("_Kind")


class LibraryError(Exception):
    """A result cannot be kept, found, read or removed; the message says which and why."""


class CandleSource(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a run had its candles from, as `tui.requests.backtest.BacktestOrder` says it.

    `span`: of those of a period, when the first and the last open (ISO 8601), warm-up included.
    """

    data: str = ""
    exchange: str = ""
    period: str = ""
    span: tuple[str, str] | None = None


class Terms(msgspec.Struct, frozen=True):
    """How a strategy was varied, as `tui.requests.varying.Variation` says it."""

    axes: tuple[str, ...] = ()
    sort: str = ""
    split: float | None = None
    folds: int = 0
    anchored: bool = False
    seed: int = 0


class Search(msgspec.Struct, frozen=True):
    """The sweep or gate whose best setting a result is, as lists tell of it.

    `kind`: "sweep" or "gate". `digest`: the same for the same once more. `tried`: how many of its
    `total` settings. `verdict`: of a gate; empty where it was cancelled.
    """

    kind: Literal["sweep", "gate"]
    digest: str
    tried: int
    total: int
    terms: Terms
    verdict: str = ""

    @property
    def words(self) -> str:
        """What it is: `sweep of 36`, `sweep, 20 of 36`, `gate, passes`."""
        if self.kind == "gate":
            return f"gate, {self.verdict or 'cancelled'}"
        if self.tried == self.total:
            return f"sweep of {self.total:,}"
        return f"sweep, {self.tried:,} of {self.total:,}"

    def exceeds(self, other: Search) -> bool:
        """Whether more came of it than of `other`: a verdict, or more settings."""
        return (self.verdict != "", self.tried) > (other.verdict != "", other.tried)


class StoredResult(msgspec.Struct, frozen=True, kw_only=True):
    """What lists show of a result, or of the best setting of a search; its file has all of it.

    `saved`: when it was made (ISO 8601). `settings`: what was varied of the strategy, by path.
    """

    strategy: str
    symbols: tuple[str, ...]
    timeframe: str
    period: ReportedPeriod
    metrics: ReportedMetrics
    starting_balance: float | None = None
    ending_balance: float | None = None
    fill_on: str = ""
    config_hash: str = ""
    candles_digest: str = ""
    rules_version: int = 0
    saved: str = ""
    settings: dict[str, Setting] = {}
    source: CandleSource | None = None
    search: Search | None = None

    @property
    def fixed(self) -> dict[str, Setting]:
        """What was set before anything was varied: of a result all that was, by path."""
        axes = () if self.search is None else self.search.terms.axes
        varied = {axis.partition("=")[0].strip() for axis in axes}
        return {path: value for path, value in self.settings.items() if path not in varied}

    @property
    def identity(self) -> tuple[object, ...]:
        """The same for the same run on the same candles by the same rules, whenever it was made.

        The figures tell apart what was kept before the candles were. Of a search it is what was
        searched, however far it came.
        """
        if self.search is not None:
            return self.search.kind, self.search.digest
        return (
            *(self.strategy, self.config_hash, self.period, self.fill_on),
            *(self.starting_balance, self.ending_balance),
            *(self.candles_digest, self.rules_version, msgspec.json.encode(self.metrics)),
        )


@dataclass(frozen=True, slots=True)
class ListedResult:
    """A result of the library, or beside a document.

    `key`: its ID, or the name of the strategy's folder. `path`: its file.
    """

    key: str
    path: Path
    result: StoredResult
    notes: Notes
    beside_document: bool = False


@dataclass(frozen=True, slots=True)
class Library:
    """The results there are, the newest first, and a sentence for each that cannot be read."""

    results: tuple[ListedResult, ...]
    problems: tuple[str, ...] = ()


def listed_to_json(listed: ListedResult) -> dict[str, Any]:
    """A row of the library (docs/formats.md, `backtests --json`)."""
    return {
        "id": listed.key,
        **msgspec.to_builtins(listed.result),
        "note": listed.notes.note,
        "tags": list(listed.notes.tags),
        "beside_document": listed.beside_document,
        "file": str(listed.path),
    }


def list_results(workspace: Workspace) -> Library:
    """All results of a workspace. Reads files; those that did not change since only once.

    Raises:
        WorkspaceError: the workspace cannot be read.
    """
    found: list[ListedResult] = []
    problems: list[str] = []
    for result_id in workspace.backtest_ids():
        try:
            folder = workspace.backtest(result_id)
            result = _read(folder / RESULT)
            found.append(
                ListedResult(result_id, folder / RESULT, result, read_notes(folder, Notes))
            )
        except (LibraryError, NotesError, WorkspaceError) as error:
            problems.append(str(error))
    known = {one.result.identity for one in found}
    for path in sorted(workspace.strategies.glob(_BESIDE_DOCUMENTS)):
        if not is_name(path.parent.name):
            continue
        try:
            beside = result_beside(path)
        except LibraryError as error:
            problems.append(str(error))
        else:
            if beside.result.identity not in known:
                found.append(beside)
    found.sort(key=lambda one: (one.result.saved, one.key), reverse=True)
    return Library(tuple(found), tuple(problems))


def result_beside(path: Path) -> ListedResult:
    """The result in a file beside a document.

    Raises:
        LibraryError: it is gone or damaged.
    """
    return ListedResult(composed(path.parent.name), path, _read(path), Notes(), True)


def find_result(workspace: Workspace, key: str) -> ListedResult:
    """The result of that key.

    Raises:
        LibraryError: there is none.
        WorkspaceError: the workspace cannot be read.
    """
    for one in list_results(workspace).results:
        if one.key == composed(key):
            return one
    raise LibraryError(f"there is no backtest {key[:40]!r}: `papertape backtests` lists all")


def open_result(listed: ListedResult) -> dict[str, Any]:
    """All that stands in the file of a result: docs/formats.md §6, and what is kept with it.

    Raises:
        LibraryError: it is gone or damaged.
    """
    try:
        whole = orjson.loads(_bytes_of(listed.path))
    except ValueError as error:
        raise damaged(listed.path, error) from error
    if not isinstance(whole, dict):
        raise damaged(listed.path, "it holds no object")
    return whole


def open_as(listed: ListedResult, kind: type[_Kind]) -> _Kind:
    """What of the file of a result is of a kind that msgspec reads.

    Raises:
        LibraryError: it is gone or damaged, or is none of that kind.
    """
    try:
        return msgspec.json.decode(_bytes_of(listed.path), type=kind)
    except UNDECODABLE as error:
        raise damaged(listed.path, error) from error


def keep_result(workspace: Workspace, whole: Mapping[str, Any], disk: Disk) -> str:
    """Keep a result, unless it is there already; its ID.

    One that was kept without its config, from beside a document, takes in the whole. The same
    search once more takes the place of the first, unless it was cancelled before it came as far.

    Args:
        workspace: whose folders are there.
        whole: the result, as `core.report.stored_backtest.whole_result` makes it.
        disk: to write on.

    Raises:
        LibraryError: it cannot be written.
    """
    try:
        text = orjson.dumps(whole) + b"\n"
        result = msgspec.json.decode(text, type=StoredResult)
        identity, search = result.identity, result.search
        if search is not None and len(text) > _LARGEST_SEARCH:
            raise OSError(errno.EFBIG, f"it is larger than {_LARGEST_SEARCH >> 20} MiB")
        there = list_results(workspace).results
        for one in there:
            if one.result.identity == identity and not one.beside_document:
                before = one.result.search
                if search is None or before is None:
                    more = one.result.source is None and whole.get("source") is not None
                else:
                    more = not before.exceeds(search)
                if more:
                    write_durably(one.path, text, disk)
                return one.key
        result_id = new_id()
        with new_folder(workspace.backtest(result_id)) as folder:
            write_durably(folder / RESULT, text, disk)
    except (OSError, *UNDECODABLE, WorkspaceError) as error:
        raise LibraryError(f"the result cannot be kept in the library ({error})") from error
    plain = [
        one
        for one in there
        if one.notes == Notes() and not one.beside_document
        if (one.result.search is None) is (search is None)
    ]
    for one in plain[(KEPT if search is None else SEARCHES) - 1 :]:
        with contextlib.suppress(LibraryError):  # the next one tries again
            remove_result(one)
    return result_id


def note_result(
    workspace: Workspace, listed: ListedResult, note: str, tags: tuple[str, ...], disk: Disk
) -> str:
    """Put down a note and tags; one beside a document is kept in the library first. Its ID.

    Raises:
        LibraryError: it is gone, or cannot be written.
        NotesError: they cannot be kept; the message says what was expected.
    """
    notes = Notes(*checked_notes(note, tags))
    key = (
        keep_result(workspace, open_result(listed), disk) if listed.beside_document else listed.key
    )
    folder = workspace.backtest(key)
    if not folder.is_dir():
        raise LibraryError(f"the backtest {key} has been removed meanwhile")
    write_notes(folder, notes, disk)
    return key


def remove_result(listed: ListedResult) -> None:
    """Remove a result with its notes.

    Raises:
        LibraryError: it lies beside a document, or cannot be removed.
    """
    if listed.beside_document:
        raise LibraryError(
            f"{listed.key}: this result was saved beside its STRATEGY.md, and comparisons stand on "
            "it: it goes when another is saved there"
        )
    try:
        remove_folder(listed.path.parent)
    except OSError as error:
        raise LibraryError(f"{listed.path.parent} cannot be removed ({error})") from error


def _read(path: Path) -> StoredResult:
    try:
        found = path.stat()
    except OSError as error:
        raise damaged(path, error) from error
    return _decoded(path, (found.st_ino, found.st_size, found.st_mtime_ns))


@lru_cache(maxsize=5_000)
def _decoded(path: Path, identity: tuple[int, ...]) -> StoredResult:
    """What lists show of a file; read once as long as it is what `identity` tells."""
    try:
        return msgspec.json.decode(_bytes_of(path), type=StoredResult)
    except UNDECODABLE as error:
        raise damaged(path, error) from error


def _bytes_of(path: Path) -> bytes:
    try:
        with open_regular(path) as file:
            if os.fstat(file.fileno()).st_size > _LARGEST:
                raise OSError(errno.EFBIG, f"it is larger than {_LARGEST >> 20} MiB")
            return file.read()
    except OSError as error:
        raise damaged(path, error) from error


def damaged(path: Path, why: object) -> LibraryError:
    """What is to be said of a file that cannot be read."""
    return LibraryError(f"{path} cannot be read ({why}): take it away, or put it back whole")


def differently_run(
    one: StoredResult, other: StoredResult
) -> Iterator[tuple[str, Setting | None, Setting | None]]:
    """In what two runs differ besides their configs, which makes their figures less alike."""
    both = _run_of(one), _run_of(other)
    for name in both[0]:
        ours, theirs = (each[name] for each in both)
        if ours != theirs:
            yield name, ours, theirs
    if (candles := unlike_in(one, other).get(_CANDLES)) is not None:
        yield _CANDLES, *candles


def _run_of(result: StoredResult) -> dict[str, str | None]:
    """Over what a result was run, and by which rules of the market; None: not known."""
    first, last = result.period.start, told_until(result.period.end, result.timeframe)
    source, limits = result.source, None
    if source is not None:  # a setting of a sweep and candles of a file are run without them
        limits = "the market's" if source.exchange and not result.settings else "none"
    return {
        "from": None if first is None else first[:16].replace("T", " "),
        "to": last,
        "fill on": result.fill_on or None,
        "order limits": limits,
    }


def unlike(one: StoredResult, other: StoredResult, names: tuple[str, str]) -> str | None:
    """`unlike_in` in words; None: in nothing. `names`: what the two are called."""
    told = [
        f"{kind}: {names[0]} {ours}, {names[1]} {theirs}"
        for kind, (ours, theirs) in unlike_in(one, other).items()
    ]
    return f"different {'; '.join(told)}" if told else None


def unlike_in(one: StoredResult, other: StoredResult) -> dict[str, tuple[str, str]]:
    """In what two results are of something else, so that neither is the better one: both, by kind.

    Of the very same candles (by their digest) whatever file has them is the same, and a longer
    warm-up, which takes from the begin of a file, makes no other period. Where digests differ the
    source decides, for candles before the period are in them.
    """
    same = one.candles_digest != "" and one.candles_digest == other.candles_digest
    told = {}
    for kind, of in (
        ("markets", _markets),
        ("timeframes", _timeframe),
        ("periods", _period),
        (_CANDLES, _source),
    ):
        both = of(one), of(other)
        alike = kind == "periods" and one.period.end == other.period.end
        if same and (alike or kind == _CANDLES):
            continue
        if all(both) and both[0] != both[1]:
            told[kind] = both
    if _CANDLES in told:
        short = _file_names(one), _file_names(other)
        told[_CANDLES] = short if short[0] != short[1] else told[_CANDLES]
    return told


def _markets(result: StoredResult) -> str:
    return ", ".join(sorted(result.symbols))


def _timeframe(result: StoredResult) -> str:
    return result.timeframe


def _period(result: StoredResult) -> str:
    first, last = result.period.start, told_until(result.period.end, result.timeframe)
    if first is None or last is None:
        return ""
    return f"{first[:16].replace('T', ' ')} to {last}"


def _source(result: StoredResult) -> str:
    return "" if result.source is None else result.source.exchange or result.source.data


def _file_names(result: StoredResult) -> str:
    """The source of its candles, of files their names without their folders."""
    if result.source is None or result.source.exchange:
        return _source(result)
    return without_folders(result.source.data, len(result.symbols))


def differing_settings(
    one: Mapping[str, Any], other: Mapping[str, Any]
) -> list[tuple[str, Setting | None, Setting | None]]:
    """What two configs (as `config_to_dict` writes them, every default in them) trade differently.

    Path and both values; None where one of them has nothing there. What its document says besides,
    such as the figures of a backtest that was saved into it, is no setting.
    """
    ours, theirs = (
        dict(leaves({key: value for key, value in each.items() if key not in EXTRA_KEYS}))
        for each in (one, other)
    )
    return [
        (path, ours.get(path), theirs.get(path))
        for path in dict.fromkeys((*ours, *theirs))
        if ours.get(path) != theirs.get(path)
    ]


def leaves(value: object, path: str = "") -> Iterator[tuple[str, Setting]]:
    """Every value of a config (as `config_to_dict` writes it) by its path, as sweeps have them."""
    match value:
        case Mapping():
            for name, part in value.items():
                yield from leaves(part, f"{path}.{name}" if path else str(name))
        case list() | tuple():
            for place, part in enumerate(value):
                match part:
                    case {"key": str(key), "params": Mapping() as params, **rest}:
                        # An indicator's parameters go by its key, as those of a sweep do.
                        yield from leaves({**rest, **params}, key)
                    case _:
                        yield from leaves(part, f"{path}[{place}]")
        case None:
            pass
        case bool():
            yield path, str(value).lower()
        case int() | float() | str():
            yield path, value


prepare(StoredResult, CandleSource, Search)
