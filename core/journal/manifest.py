"""What a session was started with: session.json, written once before anything else happens.

The hash of its seal stands in the header of the session's journal as well, which is only ever
appended to: a seal that was removed, replaced or put in since is found at every reading. A session
whose journal was begun by a version that did not write it there has its seal checked by itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec

from core.journal.values import BrokerKind, FeedKind, Mode
from core.journal.versions import SESSION_JOURNAL
from core.store.durable import Disk, new_folder, open_regular, write_durably
from core.store.journal_file import JournalError, read_header
from core.strategy.config.config import StrategyConfig
from core.strategy.config.parsing import parse_config
from core.strategy.config.problems import ConfigError
from core.strategy.signals.sources import signal_source
from core.time_format import LATEST
from core.trading.rules import RULES_VERSION
from core.trading.values import Fills
from core.trial.seal import Seal, SealError
from core.typed import UNDECODABLE, prepare

RECORD = "session.json"
EVENTS = "events.jsonl"
REPORT = "report.json"
SEALED_AS = "seal"
"""In the header of the journal: the hash of the session's seal, null where it has none."""

_START_ANEW = "put back the session.json with which the session was started, or start a new trial"


Moment = Annotated[int, msgspec.Meta(ge=0, le=LATEST)]
FolderName = Annotated[str, msgspec.Meta(pattern=r"\A[\w-][\w.-]{0,99}\Z")]
Span = Annotated[int, msgspec.Meta(ge=0, le=LATEST // 2)]


class SessionManifest(msgspec.Struct, frozen=True, kw_only=True):
    """A session's constants: the config snapshot with its hash, and how it runs.

    `source` names the feed's candle journals: the feed itself, or for a candle file what is in it.
    `broker` is where orders go, `broker_asked` where they were asked to go; `notices` say why the
    two differ, and whatever else the owner should know. `accounts` are the keys it orders with, by
    kind of market ("spot", "perpetual"), as sections of exchanges.yaml. `seal`: what it is to
    answer, if it is a trial. `seal_problem`: why it is not to be judged by that, as `read_manifest`
    found, and `seal_unread`: only for what it was sealed with cannot be read now; both stand in no
    file. Times are UTC ms.
    """

    id: str
    created: Moment
    config: dict[str, Any]
    digest: str
    feed: FeedKind
    source: FolderName
    broker: BrokerKind
    broker_asked: BrokerKind
    mode: Mode
    fills: Fills
    accounts: dict[str, str] = {}
    exchange: str | None = None
    data: dict[str, str] | None = None
    columns: str | None = None
    fallback: bool = False
    speed: float | None = None
    run_for: Span | None = None
    until: Moment | None = None
    warmup: int = 0
    restart_of: str | None = None
    notices: tuple[str, ...] = ()
    seal: Seal | None = None
    rules_version: int = RULES_VERSION
    journal_version: int = SESSION_JOURNAL.version
    seal_problem: str | msgspec.UnsetType = msgspec.UNSET
    seal_unread: bool | msgspec.UnsetType = msgspec.UNSET

    def strategy(self) -> StrategyConfig:
        """The config snapshot, parsed.

        Raises:
            JournalError: it is none, or not the one whose hash stands beside it.
        """
        try:
            config = parse_config(self.config).config
        except ConfigError as error:
            why = str(error).replace("\n", "; ")
            raise JournalError(f"session {self.id}: {RECORD} was changed: {why}") from error
        digest = signal_source(config).digest
        if digest != self.digest:
            raise JournalError(
                f"session {self.id}: its config has the hash {digest[:12]}, {self.digest[:12]} was "
                f"recorded when it started: {RECORD} was changed"
            )
        return config

    def planned_end(self, since: int) -> int | None:
        """When a session that is running since then ends by itself (UTC ms, feed's clock)."""
        ends = [] if self.until is None else [self.until]
        if self.run_for is not None:
            ends.append(since + self.run_for)
        return min(ends, default=None)


def write_manifest(folder: Path, record: SessionManifest, disk: Disk) -> None:
    """Make a session's folder with its record in it; a host killed meanwhile leaves none.

    Raises:
        JournalError: the workspace cannot be written.
    """
    try:
        text = msgspec.json.format(msgspec.json.encode(record), indent=2)
        with new_folder(folder) as made:
            write_durably(made / RECORD, text + b"\n", disk)
    except OSError as error:
        raise JournalError(f"{folder}: the session cannot be recorded ({error})") from error


def read_manifest(folder: Path) -> SessionManifest:
    """A session's record, with its `seal_problem`.

    Raises:
        JournalError: it cannot be read, or was written under other rules.
    """
    path = folder / RECORD
    try:
        with open_regular(path) as file:
            data = file.read()
        versions = msgspec.json.decode(data, type=_Versions)
    except (OSError, *UNDECODABLE) as error:
        raise JournalError(f"{path}: the session's record cannot be read ({error})") from error
    journals = SESSION_JOURNAL
    if versions.rules_version != RULES_VERSION or not journals.reads(versions.journal_version):
        raise JournalError(
            f"{path}: written under rules {versions.rules_version} and journal version "
            f"{versions.journal_version}, this program has rules {RULES_VERSION} and reads journal "
            f"{journals.versions}: go on with the program that wrote it, or restart the strategy "
            "as a new session"
        )
    try:
        manifest = msgspec.json.decode(data, type=SessionManifest)
        msgspec.convert(manifest.config, type=_ShownConfig)
    except UNDECODABLE as error:
        raise JournalError(f"{path}: the session's record cannot be read ({error})") from error
    if manifest.id != folder.name:
        raise JournalError(
            f"{path}: it is of a session {manifest.id[:40]!r}, expected {folder.name}: put the "
            "session's own record there, or delete the session"
        )
    problem: str | None
    unread: bool | msgspec.UnsetType = msgspec.UNSET
    try:
        problem = _seal_problem(manifest, folder)
    except JournalError as error:
        problem, unread = f"what it was sealed with cannot be read: {error}", True
    told = msgspec.UNSET if problem is None else problem
    return msgspec.structs.replace(manifest, seal_problem=told, seal_unread=unread)


def journal_gone(folder: Path) -> JournalError | None:
    """What is wrong with a session that has run and has no journal any more; None with others.

    None may be begun for it: that would say it was started with what its record has by now.
    """
    journal = folder / EVENTS
    if journal.exists() or not (folder / REPORT).exists():
        return None
    return JournalError(f"{journal} is gone, and the session has run")


def _seal_problem(record: SessionManifest, folder: Path) -> str | None:
    """Why a session is not to be judged by the seal in its record; None where nothing is wrong.

    Raises:
        JournalError: it has a seal, and its journal cannot tell whether that is the one of the
            start.
    """
    seal, journal = record.seal, folder / EVENTS
    if seal is not None:
        try:
            seal.verify()
        except SealError as error:
            return str(error)
    try:
        header = read_header(journal, SESSION_JOURNAL)
    except JournalError:
        if seal is None:
            return None
        raise
    if seal is not None and (gone := journal_gone(folder)) is not None:
        raise gone
    # The journal may be of a version without it, or a host may have died before it made one.
    if header is not None and SEALED_AS in header:
        found, expected = None if seal is None else seal.hash, header[SEALED_AS]
        if found != expected:
            return _another_seal(found, expected, journal)
    if seal is not None and seal.config_hash != record.digest:
        return (
            f"the seal is of a config with the hash {seal.config_hash[:12]}, the session "
            f"runs {record.digest[:12]}: it answers nothing about this session"
        )
    return None


def _another_seal(found: str | None, expected: object, journal: Path) -> str:
    started = f"the first line of {journal} says that the session was started"
    if expected is None:
        return (
            f"a seal was put in after the start: {RECORD} has one with the hash "
            f"{str(found)[:12]}, {started} without any; {_START_ANEW}"
        )
    told = f"{started} with the seal {str(expected)[:12]}"
    if found is None:
        return f"the seal was removed: {RECORD} has none, {told}; {_START_ANEW}"
    return (
        f"the seal was replaced: {RECORD} has one with the hash {found[:12]}, {told}; {_START_ANEW}"
    )


class _Versions(msgspec.Struct):
    rules_version: int
    journal_version: int


class _ShownConfig(msgspec.Struct):
    """What is shown of a session's config before it is parsed."""

    name: str
    symbols: tuple[str, ...]
    timeframe: str
    starting_balance: float = 0.0


prepare(SessionManifest, _Versions, _ShownConfig)
