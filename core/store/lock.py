"""The lock that makes one process the host of a workspace.

The kernel's lock on the file decides; its contents only name the holder, for the message and for
whoever wants to speak to it. The kernel frees the lock when its holder dies, however it dies, so a
lock is stale exactly when it can be taken.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from core.store.workspace import Workspace, WorkspaceError

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
        who = "another process" if holder is None else f"process {holder.pid} ({holder.kind})"
        super().__init__(
            f"the workspace {root} is hosted by {who}: attach to it by starting papertape there, "
            "or stop it first"
        )


class WorkspaceLostError(WorkspaceError):
    """The workspace is no longer there, or no longer this host's; the message says how one sees."""


class HostLock:
    """The lock, held from `acquire` to `release` or the end of the process."""

    def __init__(self, workspace: Workspace, descriptor: int) -> None:
        self._workspace = workspace
        self._descriptor: int | None = descriptor

    @classmethod
    def acquire(cls, workspace: Workspace, *, kind: str, now: int) -> HostLock:
        """Become the host, or fail at once. A lock whose holder has died is taken over.

        Raises:
            AlreadyHostedError: another process is the host.
            WorkspaceError: the lock cannot be written.
        """
        try:
            descriptor = os.open(workspace.lock, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise WorkspaceError(
                f"the lock {workspace.lock} cannot be opened ({error.strerror})"
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise AlreadyHostedError(workspace.root, read_holder(workspace)) from error
        me = Holder(os.getpid(), process_started(os.getpid()), now, kind)
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, orjson.dumps(asdict(me)), 0)
        except OSError as error:
            os.close(descriptor)
            raise WorkspaceError(
                f"the lock {workspace.lock} cannot be written ({error.strerror})"
            ) from error
        return cls(workspace, descriptor)

    def verify(self) -> None:
        """See whether the workspace is still where it was, with this very lock in it. Blocks.

        Raises:
            WorkspaceLostError: it was deleted or moved, its disk is gone, or its lock is another.
        """
        root, path = self._workspace.root, self._workspace.lock
        if self._descriptor is None:
            raise WorkspaceLostError(f"the lock {path} is held no longer")
        try:
            found = path.stat()
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

    def release(self) -> None:
        """Stop being the host. May be called more than once."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):  # the disk may be gone; the kernel frees the lock
                os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None


def read_holder(workspace: Workspace) -> Holder | None:
    """Who the lock names, or None where it names nobody. It may be stale: see `current_host`."""
    try:
        fields = orjson.loads(workspace.lock.read_bytes())
        return Holder(**fields)
    except (OSError, ValueError, TypeError):
        return None


def current_host(workspace: Workspace) -> Holder | None:
    """The running host of a workspace, or None where nobody hosts it."""
    holder = read_holder(workspace)
    return holder if holder is not None and holder.alive else None


def process_started(pid: int) -> int | None:
    """When a process began, in clock ticks since boot; None where the system does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
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
