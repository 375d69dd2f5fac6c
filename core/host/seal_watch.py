"""Looks whether the seals of a workspace's sessions are still those they were started with.

What is in the index, or was read when a session was taken up, is older than the files may be.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from core.journal.manifest import RECORD, read_manifest
from core.session.snapshot import SessionSnapshot, TrialHorizon
from core.session.view import trial_horizon
from core.store.journal_file import JournalError
from core.store.workspace import Workspace

_Stamp = tuple[int, int, int, int]


class SealWatch:
    """What is wrong with the seals of sessions, as of the last look.

    A record that cannot be read says nothing of its seal: what was known before stays known.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._read_at: dict[str, _Stamp] = {}
        self._known: dict[str, tuple[str | None, TrialHorizon | None]] = {}

    def look(self, shown: Iterable[SessionSnapshot]) -> None:
        """Look at their records. Blocks; one that was in order and is as it was is not read again.

        Those without a seal too: one may have been put in since.
        """
        for session in shown:
            stamp = self._stamp(session.id)
            if stamp is None or self._read_at.get(session.id) != stamp:
                self._read_at.pop(session.id, None)
                if self._settled(session.id) and stamp is not None:
                    self._read_at[session.id] = stamp

    def _settled(self, session_id: str) -> bool:
        """Read a record; whether that would come to the same again while the file is as it is."""
        try:
            record = read_manifest(self._workspace.session(session_id))
        except JournalError as error:
            return not isinstance(error.__cause__, OSError)  # such as a moment's lack of files
        problem = record.seal_problem or None
        self._known[session_id] = problem, trial_horizon(record)
        return problem is None  # it may lie in the journal, whose file has another stamp

    def applied(self, shown: SessionSnapshot) -> SessionSnapshot:
        """A session, with what was wrong with its seal at the last look.

        Whoever began to show it while it was without its seal does not know that it is a trial.
        """
        if shown.id not in self._known:
            return shown
        problem, trial = self._known[shown.id]
        shown = _with_problem(shown, problem)
        if problem is not None or trial == shown.trial:
            return shown
        return replace(shown, trial=trial)

    def forget(self, session_id: str) -> None:
        """A session is shown no longer."""
        self._read_at.pop(session_id, None)
        self._known.pop(session_id, None)

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
