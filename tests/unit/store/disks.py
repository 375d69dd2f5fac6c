"""Disks that fail."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from core.store.durable import OsDisk


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


class StuckDisk(OsDisk):
    """Cannot replace a file: what a power cut between two calls leaves."""

    def replace(self, source: Path, target: Path) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))
