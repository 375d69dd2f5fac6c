"""The layout of a workspace, and whether this process may write there."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shlex
import shutil
import stat
import tempfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from core.text import safe_text

ENVIRONMENT_VARIABLE = "PAPERTAPE_HOME"
_ID = re.compile(r"[0-9a-z]{8}")
_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_LONGEST_SOCKET_PATH = 100  # bytes; the kernel's limit is 108 on Linux, 104 elsewhere


def new_id() -> str:
    """Eight characters for a new session, job or backtest, as `Workspace.session` takes them."""
    return secrets.token_hex(4)


class WorkspaceError(Exception):
    """The workspace cannot be used; the message says where, why, and what to do."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """The layout of one workspace. Paths only: `prepare` makes them, others fill them."""

    root: Path

    @property
    def credentials(self) -> Path:
        """exchanges.yaml: keys, 0600."""
        return self.root / "exchanges.yaml"

    @property
    def preferences(self) -> Path:
        """config.yaml: theme, keymap, time zone, defaults."""
        return self.root / "config.yaml"

    @property
    def notifications(self) -> Path:
        """notifications.yaml: where notifications go, 0600."""
        return self.root / "notifications.yaml"

    @property
    def strategies(self) -> Path:
        """The folder of strategies/NAME/STRATEGY.md."""
        return self.root / "strategies"

    @property
    def live_trades(self) -> Path:
        """trades.jsonl."""
        return self.root / "trades.jsonl"

    @property
    def tries(self) -> Path:
        """tries.jsonl: every backtest and sweep that was run of a strategy."""
        return self.root / "tries.jsonl"

    @property
    def index(self) -> Path:
        """papertape.json, the TinyDB index."""
        return self.root / "papertape.json"

    @property
    def journals(self) -> Path:
        """The folder of the candles as received."""
        return self.root / "journal"

    @property
    def sessions(self) -> Path:
        """The folder of sessions/ID."""
        return self.root / "sessions"

    @property
    def backtests(self) -> Path:
        """The folder of backtests/ID, the library of results."""
        return self.root / "backtests"

    @property
    def cache(self) -> Path:
        """Candles fetched; may be deleted at any time."""
        return self.root / "cache"

    @property
    def unfinished(self) -> Path:
        """What interrupted sweeps and gates had finished; may be deleted at any time."""
        return self.cache / "unfinished"

    @property
    def lock(self) -> Path:
        """The lock of the one host."""
        return self.root / "lock"

    @property
    def log(self) -> Path:
        """Where the host writes its log."""
        return self.root / "host.log"

    @property
    def socket(self) -> Path:
        """The control socket; in a private temporary folder where the workspace's path is too long.

        The kernel allows about a hundred bytes for a socket's path.
        """
        path = self.root / "control.sock"
        if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
            return path
        private = Path(tempfile.gettempdir()) / f"papertape-{os.getuid()}"
        return private / f"{zlib.crc32(os.fsencode(self.root)):08x}.sock"

    def session(self, session_id: str) -> Path:
        """The folder of one session.

        Raises:
            WorkspaceError: if `session_id` is no ID, so that no text from outside becomes a path.
        """
        return _folder_of("session", self.sessions, session_id)

    def backtest(self, result_id: str) -> Path:
        """The folder of one result of the library.

        Raises:
            WorkspaceError: as of `session`.
        """
        return _folder_of("backtest", self.backtests, result_id)

    def session_ids(self) -> tuple[str, ...]:
        """The IDs of all session folders, in no particular order; none where nothing is there yet.

        Raises:
            WorkspaceError: they cannot be listed.
        """
        return self._ids_in(self.sessions)

    def backtest_ids(self) -> tuple[str, ...]:
        """The IDs of all results of the library, in no particular order.

        Raises:
            WorkspaceError: they cannot be listed.
        """
        return self._ids_in(self.backtests)

    def _ids_in(self, folder: Path) -> tuple[str, ...]:
        try:
            names = [entry.name for entry in os.scandir(folder) if _is_folder(entry)]
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise WorkspaceError(
                f"the workspace {self.root} cannot be read ({error.strerror}: {error.filename}): "
                f"choose another with --workspace or ${ENVIRONMENT_VARIABLE}"
            ) from error
        return tuple(name for name in names if _ID.fullmatch(name))

    def prepare(self, *, mend: bool = True) -> tuple[str, ...]:
        """Make the folders that are missing, private to the user (0700); returns what was mended.

        What others could write in the workspace is taken from them: they could put a socket, a link
        or a file of keys of theirs in. Only `trades.jsonl` may be another user's. Who has nobody to
        tell what was mended leaves it to the host.

        Raises:
            WorkspaceError: if the workspace cannot be made or written, or is another user's.
        """
        inside = (self.strategies, self.journals, self.sessions, self.backtests, self.cache)
        mended = []
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            mended += _take_from_others(self.root.resolve(), mend=mend)
            for folder in inside:
                if folder.is_symlink():
                    raise WorkspaceError(
                        f"{folder} is a link, and Papertape does not write where links in its "
                        "workspace lead: put a folder there"
                    )
                if folder.exists() and not folder.is_dir():
                    raise WorkspaceError(f"{folder} is no folder: move it away")
                folder.mkdir(mode=0o700, exist_ok=True)
                mended += _take_from_others(folder, mend=mend)
            if mend:
                mended += _take_what_is_inside(self.root, {self.live_trades})
            self._prepare_socket_folder()
        except OSError as error:
            raise WorkspaceError(
                f"the workspace {self.root} cannot be made ({error.strerror}): choose another with "
                f"--workspace or ${ENVIRONMENT_VARIABLE}"
            ) from error
        if not os.access(self.root, os.W_OK | os.X_OK):
            raise WorkspaceError(
                f"the workspace {self.root} cannot be written by this user: change its owner or "
                f"mode, or choose another with --workspace or ${ENVIRONMENT_VARIABLE}"
            )
        return tuple(mended)

    def _prepare_socket_folder(self) -> None:
        folder = self.socket.parent
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if folder != self.root and (found.st_uid != os.getuid() or found.st_mode & 0o077):
            raise WorkspaceError(
                f"{folder}, where the control socket of {self.root} would go, is open to other "
                "users: remove it, or choose a workspace with a shorter path"
            )

    def free_bytes(self) -> int:
        """Room left on the workspace's disk."""
        return shutil.disk_usage(self.root).free


def locate_workspace(
    argument: str | os.PathLike[str] | None, environment: Mapping[str, str]
) -> Workspace:
    """The workspace to use: the argument, else $PAPERTAPE_HOME, else the XDG data folder."""
    chosen = argument or environment.get(ENVIRONMENT_VARIABLE)
    path = Path(chosen) if chosen else Path(platformdirs.user_data_dir("papertape"))
    try:
        root = path.expanduser().absolute()
        root.exists()  # too long, or where this user may not look
    except (RuntimeError, ValueError, OSError) as error:  # ~ of nobody; no home; no folder to be in
        why = getattr(error, "strerror", None) or error
        raise WorkspaceError(
            f"the workspace {str(path)[:100]!r} is no place ({why}): choose another with "
            f"--workspace or ${ENVIRONMENT_VARIABLE}"
        ) from error
    return Workspace(root)


def program_for(workspace: Path | None) -> str:
    """What to type for the program on a workspace, which is named unless it is the usual one."""
    if workspace is None or workspace == locate_workspace(None, os.environ).root:
        return "papertape"
    return safe_text(f"papertape --workspace {shlex.quote(str(workspace))}")


def expanded(path: str | os.PathLike[str]) -> Path:
    """A path as the user wrote it, `~` resolved; `~` of somebody unknown stays as it is."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def _folder_of(what: str, folder: Path, name: str) -> Path:
    if not _ID.fullmatch(name):
        raise WorkspaceError(f"{what} ID {name[:40]!r} is not one: expected 8 letters and digits")
    found = folder / name
    if found.is_symlink():
        raise WorkspaceError(
            f"{found} is a link, and Papertape does not write where links in its workspace lead: "
            "put the folder itself there"
        )
    return found


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False)


def _take_from_others(folder: Path, *, mend: bool) -> list[str]:
    """Have nobody but its owner write a folder of this user's; returns what was done."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if found.st_uid != os.geteuid():
            raise WorkspaceError(
                f"{folder} belongs to another user (number {found.st_uid}), who can change what "
                "is in it: change its owner, or choose another workspace with --workspace or "
                f"${ENVIRONMENT_VARIABLE}"
            )
        mode = stat.S_IMODE(found.st_mode)
        if not (mend and mode & _BY_OTHERS):
            return []
        os.fchmod(descriptor, 0o700)
    finally:
        os.close(descriptor)
    return [
        f"{folder} could be written by other users (mode {mode:o}); it is 700 now: look whether "
        "all that is in it is yours"
    ]


def _take_what_is_inside(root: Path, known: Collection[Path]) -> Iterator[str]:
    """Have others write nothing in a workspace that they can get into; tells what was done.

    `known` is left as it is. Links are not followed.
    """
    above = [folder for folder in root.resolve().parents if _others_rename_in(folder)]
    if above:
        yield (
            f"{above[0]} can be written by other users, who can put another folder in the place of "
            "what is in it: have nobody else write it, or its sticky bit set (chmod +t)"
        )
    if not stat.S_IMODE(root.stat().st_mode) & 0o011:
        return
    taken, of_others = 0, []
    for place, folders, files in os.walk(root):
        for path in (Path(place, name) for name in (*folders, *files)):
            if path in known:
                continue
            with contextlib.suppress(FileNotFoundError):  # a host may be at work
                found = path.lstat()
                if not (stat.S_ISDIR(found.st_mode) or stat.S_ISREG(found.st_mode)):
                    continue
                if found.st_uid != os.geteuid():
                    of_others.append(path)
                elif found.st_mode & _BY_OTHERS:
                    taken += _take(path)
    if taken:
        yield (
            f"other users could write {taken} of the files and folders in {root}, and now cannot: "
            "look whether what is in them is yours"
        )
    if of_others:
        yield (
            f"other users own {len(of_others)} of the files and folders in {root} and can change "
            f"them, {of_others[0]} among them: change their owner"
        )


def _take(path: Path) -> int:
    """Have others write a file or folder no more, whose link is not followed; how many were."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # it is another by now, or not readable by its own user
        return 0
    try:
        os.fchmod(descriptor, stat.S_IMODE(os.fstat(descriptor).st_mode) & ~_BY_OTHERS)
    finally:
        os.close(descriptor)
    return 1


def _others_rename_in(folder: Path) -> bool:
    mode = folder.stat().st_mode
    return bool(mode & stat.S_IWOTH) and not mode & stat.S_ISVTX
