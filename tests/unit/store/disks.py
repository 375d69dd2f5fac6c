"""Disks that fail, and one that is not waited for."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from core.store.durable import Disk, OsDisk


class UnsyncedDisk(OsDisk):
    """Makes nothing durable: for thousands of records that no test of durability is about."""

    def sync(self, descriptor: int) -> None:
        pass


class FullDisk(OsDisk):
    """Takes `room` more bytes, then is full."""

    def __init__(self, room: int) -> None:
        self.room = room

    def write(self, descriptor: int, data: bytes) -> int:
        if self.room <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = super().write(descriptor, data[: self.room])
        self.room -= written
        return written


class ForgetfulDisk(OsDisk):
    """Fails to make anything durable from the `good`-th sync on."""

    def __init__(self, good: int) -> None:
        self.good = good

    def sync(self, descriptor: int) -> None:
        if self.good <= 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self.good -= 1
        super().sync(descriptor)


class ChangingDisk(OsDisk):
    """Writes and syncs as `now` does, which a test may change."""

    def __init__(self) -> None:
        self.now: Disk = OsDisk()

    def write(self, descriptor: int, data: bytes) -> int:
        return self.now.write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        self.now.sync(descriptor)


class StuckDisk(OsDisk):
    """Cannot replace a file: what a power cut between two calls leaves."""

    def replace(self, source: Path, target: Path) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))
