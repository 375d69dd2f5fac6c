"""Writes files so that they are still there after a power cut, and whole.

Everything durable goes through a `Disk`, so that a test can fill it up, make it read-only or pull
the plug in the middle of a write.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import shutil
import stat
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import BinaryIO, Protocol


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


def write_durably(path: Path, data: bytes, disk: Disk, *, mode: int = 0o600) -> None:
    """Replace a file's contents in one step: a reader, or a power cut, sees all of it or none.

    A link at `path` gives way to a file; nothing is written where it leads. What a writer that was
    killed left behind is taken over by the next one of the same file, or by `remove_leftovers`.

    Raises:
        OSError: the disk is full or read-only, or the directory is gone. The old file then stands.
    """
    descriptor, temporary = _claim_temporary(path)
    try:
        os.ftruncate(descriptor, 0)
        os.fchmod(descriptor, mode)
        write_all(disk, descriptor, data)
        disk.sync(descriptor)
        disk.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        if error.filename is None:  # as of a full disk, which only knows the descriptor
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    finally:
        os.close(descriptor)
    sync_directory(disk, path.parent)


def write_export(path: Path, data: bytes, disk: Disk) -> None:
    """Replace a file that the user asked for, readable for whom the umask lets, but by others no
    more than that, and no more than it was.

    Raises:
        OSError: it cannot be written, or is a device, a pipe or a directory.
    """
    mask = os.umask(0o077)  # it can only be read by setting it
    os.umask(mask)
    mode = 0o644 & ~mask
    with contextlib.suppress(FileNotFoundError):
        found = path.stat().st_mode
        if not stat.S_ISREG(found):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        mode = 0o644 & found
    write_durably(path, data, disk, mode=mode | 0o600)


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder to fill, which takes its place at `path` when the block is left without an error.

    Raises:
        OSError: it cannot be made, or there is something at `path` by then.
    """
    for temporary in temporary_names(path):
        with contextlib.suppress(FileExistsError):
            temporary.mkdir(mode=0o700)
            break
    descriptor = os.open(temporary, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try_lock(descriptor)  # so that nobody sweeps it meanwhile
        yield temporary
        temporary.rename(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    finally:
        os.close(descriptor)
    sync_directory(OsDisk(), path.parent)


def remove_folder(path: Path) -> None:
    """Remove a folder with everything in it, in one step for whoever looks, or is killed meanwhile.

    What is left of it then has a temporary name, and goes with the next `remove_leftovers`.

    Raises:
        OSError: it is not there, or cannot be removed.
    """
    for temporary in temporary_names(path):
        if not os.path.lexists(temporary):
            break
    path.rename(temporary)
    sync_directory(OsDisk(), path.parent)
    shutil.rmtree(temporary)


def open_regular(path: Path) -> BinaryIO:
    """A regular file, open to be read: a pipe would be waited for, a device read without end.

    Raises:
        OSError: it cannot be opened, or is none.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return os.fdopen(descriptor, "rb")


def make_private(path: Path) -> int | None:
    """Take a file from other users (0600); returns the mode it had, None where it was private.

    A link is left alone, and so is where it leads.

    Raises:
        OSError: the file cannot be opened or changed; `FileNotFoundError` where there is none.
    """
    if path.is_symlink():
        return None
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor).st_mode
        mode = stat.S_IMODE(found)
        if not stat.S_ISREG(found) or not mode & 0o077:
            return None
        os.fchmod(descriptor, 0o600)
        return mode
    finally:
        os.close(descriptor)


_TEMPORARY = re.compile(r"\..+\.\d+\.tmp", re.DOTALL)


def temporary_names(path: Path) -> Iterator[Path]:
    """Where a new version of `path` may be written before it takes its place."""
    return (path.with_name(f".{path.name}.{number}.tmp") for number in count(1))


def remove_leftovers(folder: Path) -> int:
    """Remove what writers that were killed left below a folder; returns how many files.

    A file that is being written is locked by its writer, and stays.
    """
    swept = 0
    for place, folders, names in os.walk(folder):
        for name in filter(_TEMPORARY.fullmatch, (*names, *folders)):
            swept += remove_unlocked(Path(place, name))
        folders[:] = [name for name in folders if not _TEMPORARY.fullmatch(name)]
    return swept


_NO_LOCKS = (errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Take the kernel's lock on an open file, if nobody has it; it goes with the descriptor.

    Where the file system has no such locks, it counts as taken.
    """
    return kernel_lock(descriptor, shared=shared) is not False


def kernel_lock(descriptor: int, *, shared: bool = False) -> bool | None:
    """Whether the kernel's lock on an open file was taken; None where there are no such locks."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return None
    return True


def _claim_temporary(path: Path) -> tuple[int, Path]:
    """A file beside `path`, open and locked for this writer alone."""
    for temporary in temporary_names(path):
        try:
            descriptor = os.open(
                temporary,
                os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC,
                0o600,
            )
        except OSError:
            if not os.path.lexists(temporary):
                raise
            continue  # something else of that name
        if _is_own(descriptor) and try_lock(descriptor) and is_at(descriptor, temporary):
            return descriptor, temporary
        os.close(descriptor)
    raise AssertionError("names never end")


def _is_own(descriptor: int) -> bool:
    found = os.fstat(descriptor)
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_uid == os.geteuid()


def is_at(descriptor: int, path: Path) -> bool:
    """Whether an open file still has that name: another writer may have moved it meanwhile."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


def remove_unlocked(path: Path) -> bool:
    """Remove a file or folder, unless somebody has it locked; returns whether it is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if not try_lock(descriptor):
            return False
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            shutil.rmtree(path)
        else:
            path.unlink()
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def set_aside(path: Path) -> Path:
    """Move a file that cannot be read to a free name beside it, and return that name."""
    number = 1
    while os.path.lexists(aside := path.with_name(f"{path.name}.damaged-{number}")):
        number += 1
    path.rename(aside)
    return aside


def clear_place(path: Path) -> str | None:
    """Set aside what is no file of this user's alone (a link, a pipe, a file of two names or of no
    rights).

    What is then opened at `path` leads nowhere else. Returns the words for it, None where nothing
    was in the way.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    own = stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_uid == os.geteuid()
    if own and found.st_mode & 0o600 == 0o600:
        return None
    aside = set_aside(path)
    return f"{path} was no file of this user's alone; it was set aside as {aside.name}"
