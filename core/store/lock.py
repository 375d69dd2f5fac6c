"""The lock that makes one process the host of a workspace.

The kernel's lock on the workspace's folder, and on the file `lock` in it, decides. What stands in
the file is a hint who holds it, for messages, and may be missing, stale, copied or made up. The
kernel frees its lock when the holder dies, however it dies, so a lock is stale exactly when it can
be taken. Where the file system has no locks, the hint is all there is, which is said.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import orjson

from core.store.durable import clear_place, kernel_lock
from core.store.workspace import Workspace, WorkspaceError
from core.typed import prepare

_TRIES = 5  # who only looks whether a lock is held holds it for a moment
_PAUSE = 0.01  # seconds
_LONGEST = 4_096  # bytes of the file that are read
_LARGEST_PID = 2**31 - 1
_BOOT_TICKS_FIELD = 19  # starttime, counted from the field after the command's name (proc(5))


@dataclass(frozen=True, slots=True)
class Holder:
    """A host: its process, when that process began (in the kernel's own count), and what it is.

    `since`: UTC ms. `kind`: "tui" or "headless".
    """

    pid: int
    started: int | None
    since: int
    kind: str

    @property
    def alive(self) -> bool:
        """Whether this very process still runs, and not another that was given its number."""
        return process_started(self.pid) == self.started and _exists(self.pid)


class AlreadyHostedError(WorkspaceError):
    """Another process hosts this workspace. `holder` is None where its name cannot be read."""

    def __init__(self, root: Path, holder: Holder | None) -> None:
        self.holder = holder
        known = holder is not None and holder.pid
        who = f"process {holder.pid} ({holder.kind})" if holder and known else "another process"
        super().__init__(
            f"the workspace {root} is hosted by {who}: attach to it by starting papertape there, "
            "or stop it first"
        )


class WorkspaceLostError(WorkspaceError):
    """The workspace is no longer there, or no longer this host's; the message says how one sees."""


class HostLock:
    """The lock, held from `acquire` to `release` or the end of the process.

    `notices` tells what had to be put right to take it.
    """

    def __init__(self, workspace: Workspace, folder: int, descriptor: int, contents: bytes) -> None:
        self.notices: list[str] = []
        self._workspace = workspace
        self._folder = folder
        self._descriptor: int | None = descriptor
        self._contents = contents

    @classmethod
    def acquire(cls, workspace: Workspace, *, kind: str, now: int) -> HostLock:
        """Become the host, or fail at once. A lock whose holder has died is taken over.

        What stands in place of the lock's file and is no file of this user's (a link, a pipe) is
        set aside: whoever hosts a workspace has made one.

        Raises:
            AlreadyHostedError: another process is the host.
            WorkspaceError: the lock cannot be written.
        """
        held: list[int] = []
        try:
            folder = os.open(workspace.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            held.append(folder)
            _take(workspace, folder, workspace.root)
            notice = clear_place(workspace.lock)
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(workspace.lock, flags, 0o600)
            held.append(descriptor)
            notices = [notice] if notice is not None else []
            if not _take(workspace, descriptor, workspace.lock):
                notices.append(_refuse_named(workspace))
            me = Holder(os.getpid(), process_started(os.getpid()), now, kind)
            lock = cls(workspace, folder, descriptor, orjson.dumps(asdict(me)))
            lock._write()
        except AlreadyHostedError:
            _close(held)
            raise
        except OSError as error:
            _close(held)
            raise WorkspaceError(
                f"the lock {workspace.lock} cannot be taken ({error.strerror})"
            ) from error
        lock.notices += notices
        return lock

    def _write(self) -> None:
        assert self._descriptor is not None
        os.pwrite(self._descriptor, self._contents, 0)
        os.ftruncate(self._descriptor, len(self._contents))

    def verify(self) -> None:
        """See whether the workspace is still where it was, with this very lock in it. Blocks.

        Raises:
            WorkspaceLostError: it was deleted or moved, its disk is gone, or its lock is another.
        """
        root, path = self._workspace.root, self._workspace.lock
        if self._descriptor is None:
            raise WorkspaceLostError(f"the lock {path} is held no longer")
        try:
            found = path.lstat()
        except OSError as error:
            raise WorkspaceLostError(
                f"the workspace {root} has vanished: {path} cannot be found any more "
                f"({error.strerror}). It was deleted or moved, or its disk is gone; bring it back "
                "and start again, and its sessions go on"
            ) from error
        if not os.path.samestat(found, os.fstat(self._descriptor)):
            raise WorkspaceLostError(
                f"the workspace {root} is another one now: {path} is not the file this host has "
                "locked. Put the old one back, or start again on the new one"
            )
        with contextlib.suppress(OSError):  # it is only a hint, and the disk may be full
            if os.pread(self._descriptor, _LONGEST, 0) != self._contents:
                self._write()

    def release(self) -> None:
        """Stop being the host. May be called more than once."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):  # the disk may be gone; the kernel frees the lock
                os.ftruncate(self._descriptor, 0)
            _close([self._descriptor, self._folder])
            self._descriptor = None


def current_host(workspace: Workspace) -> Holder | None:
    """The running host of a workspace, or None where nobody hosts it.

    A host whose lock does not name it is one of kind "unknown", and of process 0 where the system
    does not tell.
    """
    answers = {path: _is_held(path) for path in (workspace.root, workspace.lock)}
    held = [path for path, is_held in answers.items() if is_held]
    if not held and answers[workspace.lock] is None:
        named = _named(workspace.lock)
        return named if named is not None and named.alive else None
    return _holder(workspace, held[0]) if held else None


def _take(workspace: Workspace, descriptor: int, path: Path) -> bool:
    """Take the lock on what is open at a path; False where its file system has no locks."""
    for _ in range(_TRIES):
        taken = kernel_lock(descriptor)
        if taken is not False:
            return taken is not None
        time.sleep(_PAUSE)
    raise AlreadyHostedError(workspace.root, _holder(workspace, path))


def _refuse_named(workspace: Workspace) -> str:
    """The words for a file system without locks, where nobody who runs is named in the lock."""
    named = _named(workspace.lock)
    if named is not None and named.alive:
        raise AlreadyHostedError(workspace.root, named)
    return (
        f"the file system of {workspace.root} has no locks: a second host is noticed on this "
        "machine only, so start none on another one"
    )


def _close(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            os.close(descriptor)


def _is_held(path: Path) -> bool | None:
    """Whether a process holds the kernel's lock on a file or folder; None where there are none.

    A link is not followed.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags if path.is_dir() else flags | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        mode = os.fstat(descriptor).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            return False
        taken = kernel_lock(descriptor, shared=True)
        return None if taken is None else not taken
    finally:
        os.close(descriptor)


def _holder(workspace: Workspace, held: Path) -> Holder:
    """Who holds the lock on `held`, as the file says, else as far as the kernel tells."""
    named = _named(workspace.lock)
    locker = _locker(held)
    if named is not None and named.alive and locker in (None, named.pid):
        return named
    return Holder(locker or 0, process_started(locker or 0), 0, "unknown")


def _named(path: Path) -> Holder | None:
    """Who the lock's file names, or None where it names nobody. It may be stale or made up."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        holder = msgspec.json.decode(os.read(descriptor, _LONGEST), type=Holder)
    except (OSError, ValueError):
        return None
    finally:
        os.close(descriptor)
    return holder if 0 < holder.pid <= _LARGEST_PID else None


def _locker(path: Path) -> int | None:
    """The process that holds the kernel's lock on a file, where that is told (proc_locks(5))."""
    try:
        inode = path.stat().st_ino
        for line in Path("/proc/locks").read_text().splitlines():
            _, _, what = line.partition(": ")
            kind, _, access, pid, place, *_ = what.split()
            if (kind, access) == ("FLOCK", "WRITE") and place.rpartition(":")[2] == str(inode):
                return int(pid) if int(pid) > 0 else None
    except (OSError, ValueError):
        return None
    return None


def process_started(pid: int) -> int | None:
    """When a process began, in clock ticks since boot.

    None where the system does not say, or where it is dead and only not yet buried by its parent.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        if fields[0] in ("Z", "X"):
            return None
        return int(fields[_BOOT_TICKS_FIELD])
    except (OSError, ValueError, IndexError):
        return None


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


prepare(Holder)
