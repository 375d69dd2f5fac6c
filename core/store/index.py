"""Keeps the index of a workspace so that a crash never leaves half a file.

TinyDB's own storage overwrites its file in place, and a process killed then leaves it corrupt.
Here every change replaces the file in one step, the one before stays beside it as a backup, and a
file that cannot be read is set aside. The index repeats what the journals know, and is rebuilt from
them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from tinydb import TinyDB
from tinydb.storages import Storage

from core.store.durable import Disk, open_regular, set_aside, temporary_names, write_durably
from core.store.workspace import WorkspaceError


class IndexWriteError(Exception):
    """The index cannot be written; the message says which, why, and what to do."""


Tables = dict[str, dict[str, Any]]
_ROW_NUMBER = re.compile("0|[1-9][0-9]{0,17}", re.ASCII)


class DurableStorage(Storage):
    """A TinyDB storage: atomic, durable, with a backup and a read cache. One writer at a time.

    `notices` tells what had to be set aside while reading.
    """

    def __init__(self, path: Path, disk: Disk) -> None:
        self._path = path
        self._backup = path.with_suffix(".backup.json")
        self._disk = disk
        self._cache: Tables | None = None
        self._held: Tables | None = None  # what is to be written once, at the end of `together`
        self._together = False
        self.notices: list[str] = []

    def read(self) -> Tables | None:
        """The tables, or None where there are none yet. Callers do not change what they get."""
        if self._held is not None:
            return self._held
        if self._cache is None:
            self._cache = self._load(self._path)
            if self._cache is None and self.notices:
                self._cache = self._load(self._backup)
        return self._cache

    def write(self, data: Tables) -> None:
        """Replace the tables.

        Raises:
            IndexWriteError: the disk is full or read-only, or the workspace is gone.
        """
        if self._together:
            self._held = data
            return
        self._cache = None
        try:
            self._keep_backup()
            write_durably(self._path, orjson.dumps(data), self._disk)
        except OSError as error:
            raise IndexWriteError(
                f"{self._path}: the index cannot be written ({error.strerror or error}); it can be "
                "rebuilt from the journals once the disk takes data again"
            ) from error
        self._cache = data

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Have what is changed in the block reach the disk in one step: all of it, or none.

        Raises:
            IndexWriteError: it cannot be written.
        """
        self._together = True
        try:
            yield
            held = self._held
        except BaseException:
            self._cache = None  # TinyDB changes what it has read
            raise
        finally:
            self._together, self._held = False, None
        if held is not None:
            self.write(held)

    def close(self) -> None:
        """Nothing is held open."""

    def _load(self, path: Path) -> Tables | None:
        try:
            with open_regular(path) as file:
                tables = orjson.loads(file.read())
        except FileNotFoundError:
            return None
        except ValueError:
            tables = None
        except OSError as error:
            tables = None
            if error.errno not in (
                errno.EINVAL,
                errno.ELOOP,
            ):  # a folder, a pipe, a circle of links
                access = isinstance(error, PermissionError)
                raise WorkspaceError(
                    f"{path} cannot be read ({error.strerror})"
                    f"{': give this user access to it' if access else ''}"
                ) from error
        if not isinstance(tables, dict):
            aside = set_aside(path)
            self.notices.append(f"{path.name} could not be read and was set aside as {aside.name}")
            return None
        sound = _sound(tables)
        if sound != tables:
            aside = set_aside(path)
            self.notices.append(
                f"{path.name} had parts that are no tables or rows; it was set aside as "
                f"{aside.name}, and the rest of it is used"
            )
            with contextlib.suppress(OSError):  # it is kept in memory until the disk takes it
                write_durably(path, orjson.dumps(sound), self._disk)
        return sound

    def _keep_backup(self) -> None:
        if not self._path.exists():
            return
        if self._backup.is_dir() and not self._backup.is_symlink():
            set_aside(self._backup)
        temporary = next(temporary_names(self._backup))
        temporary.unlink(missing_ok=True)
        os.link(self._path, temporary)
        self._disk.replace(temporary, self._backup)
        # Where both are names of one file already, as a killed host left them, nothing was moved.
        temporary.unlink(missing_ok=True)


def _sound(tables: dict[str, Any]) -> Tables:
    """What of a file's contents are tables of numbered rows, as TinyDB reads them."""
    return {
        name: {number: row for number, row in table.items() if _is_row(number, row)}
        for name, table in tables.items()
        if isinstance(table, dict)
    }


def _is_row(number: str, row: object) -> bool:
    """Whether it is one to TinyDB, which writes its number as an int, and can be written again."""
    if not (_ROW_NUMBER.fullmatch(number) and isinstance(row, dict)):
        return False
    try:
        orjson.dumps({"table": {number: row}})
    except TypeError:  # what is read may be nested deeper than what is written
        return False
    return True


def open_index(path: Path, disk: Disk) -> tuple[TinyDB, DurableStorage]:
    """The index of a workspace, with its storage. Only who holds the workspace's lock writes it."""
    storage = DurableStorage(path, disk)
    return TinyDB(storage=lambda: storage), storage


def one_write(database: TinyDB) -> contextlib.AbstractContextManager[None]:
    """See `DurableStorage.together`, whose database this is."""
    storage = database.storage
    if not isinstance(storage, DurableStorage):
        raise TypeError(f"expected an index's own storage, found {type(storage).__name__}")
    return storage.together()
