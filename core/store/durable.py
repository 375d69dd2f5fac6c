"""Writes files so that they are still there after a power cut, and whole.

Everything durable goes through a `Disk`, so that a test can fill it up, make it read-only or pull
the plug in the middle of a write.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Protocol


class Disk(Protocol):
    """The three calls on which durability hangs. All raise `OSError`."""

    def write(self, descriptor: int, data: bytes) -> int:
        """Write some of `data` and return how many bytes were taken."""
        ...

    def sync(self, descriptor: int) -> None:
        """Return once everything written to the descriptor would survive a power cut."""
        ...

    def replace(self, source: Path, target: Path) -> None:
        """Put `source` in the place of `target` in one step."""
        ...


class OsDisk:
    """The real disk."""

    def write(self, descriptor: int, data: bytes) -> int:
        """See `Disk.write`."""
        return os.write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        """See `Disk.sync`."""
        os.fsync(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        """See `Disk.replace`."""
        source.replace(target)


def write_all(disk: Disk, descriptor: int, data: bytes) -> None:
    """Write all of `data`, however many calls that takes."""
    view = memoryview(data)
    while view:
        view = view[disk.write(descriptor, bytes(view)) :]


def sync_directory(disk: Disk, directory: Path) -> None:
    """Make the names in a directory durable: a new or replaced file is not without it."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        disk.sync(descriptor)
    finally:
        os.close(descriptor)


def temporary_name(path: Path) -> Path:
    """Where a new version of `path` is written before it takes its place."""
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def write_durably(path: Path, data: bytes, disk: Disk, *, mode: int = 0o600) -> None:
    """Replace a file's contents in one step: a reader, or a power cut, sees all of it or none.

    Raises:
        OSError: the disk is full or read-only, or the directory is gone. The old file then stands.
    """
    temporary = temporary_name(path)
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        try:
            os.fchmod(descriptor, mode)
            write_all(disk, descriptor, data)
            disk.sync(descriptor)
        finally:
            os.close(descriptor)
        disk.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync_directory(disk, path.parent)


def set_aside(path: Path) -> Path:
    """Move a file that cannot be read to a free name beside it, and return that name."""
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    path.rename(aside)
    return aside
