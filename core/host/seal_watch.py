"""Looks whether the seals of a workspace's trials are still those they were started with.

What is in the index, or was read when a session was taken up, is older than the files may be.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from core.journal.manifest import RECORD, seal_problem_of
from core.session.snapshot import SessionSnapshot
from core.store.workspace import Workspace

_Stamp = tuple[int, int, int, int]


class SealWatch:
    """What is wrong with the seals of trials, by session ID, as of the last look."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._seen: dict[str, tuple[_Stamp | None, str | None]] = {}

    def look(self, shown: Iterable[SessionSnapshot]) -> None:
        """Look at the trials among them. Blocks; a file that is as it was is not read again."""
        for session in shown:
            if session.trial is None and session.seal_problem is None:
                continue
            stamp = self._stamp(session.id)
            seen = self._seen.get(session.id)
            if seen is None or stamp is None or seen[0] != stamp:
                problem = seal_problem_of(self._workspace.session(session.id), sealed=True)
                self._seen[session.id] = (stamp, problem)

    def applied(self, shown: SessionSnapshot) -> SessionSnapshot:
        """A session, with what was wrong with its seal at the last look."""
        seen = self._seen.get(shown.id)
        return shown if seen is None else _with_problem(shown, seen[1])

    def forget(self, session_id: str) -> None:
        """A session was deleted."""
        self._seen.pop(session_id, None)

    def _stamp(self, session_id: str) -> _Stamp | None:
        try:
            found = (self._workspace.session(session_id) / RECORD).stat()
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def seal_checked(workspace: Workspace, shown: SessionSnapshot) -> SessionSnapshot:
    """A session, with what is wrong with its seal now. Blocks."""
    watch = SealWatch(workspace)
    watch.look([shown])
    return watch.applied(shown)


def _with_problem(shown: SessionSnapshot, problem: str | None) -> SessionSnapshot:
    if problem == shown.seal_problem:
        return shown
    notices = [notice for notice in shown.notices if notice != shown.seal_problem]
    if problem is not None:
        notices.append(problem)
    return replace(shown, seal_problem=problem, notices=tuple(notices))
