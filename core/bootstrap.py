"""Puts the host of a workspace together, finds one that runs, or starts one without a screen.

Here the parts of a host meet: venues, schedule, control socket and log file.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Coroutine, Mapping

from core.compare.service import ReportSource
from core.host.feed_factories import DemoMarket, FeedFactories, venue_options
from core.host.host import Host, HostOptions
from core.host.link import CommandError
from core.host.log_file import keep_log
from core.host.offline import offline_detail, offline_report, offline_sessions
from core.host.socket_link import SocketLink
from core.host.socket_server import ControlSocket
from core.market.venues.addresses import VenueError
from core.market.venues.registry import venue_dialect
from core.schedule.service import Schedule
from core.session.snapshot import Level, SessionDetail, SessionSnapshot
from core.store.durable import clear_place
from core.store.lock import current_host
from core.store.preferences import PreferencesError, read_preferences
from core.store.workspace import Workspace, WorkspaceError
from core.time_format import short_duration
from core.trading.venue_hosts import ForbiddenAddressError, OrderAddresses

_PATIENCE = 30.0  # seconds a host that was started may take to answer
_LOOK_EVERY = 0.1


def host_options(
    workspace: Workspace,
    kind: str,
    demo: DemoMarket,
    *,
    idle_after: float | None = None,
) -> HostOptions:
    """Everything a workspace's host has; `kind` is "tui" or "headless".

    `demo` is what demo sessions are shown; its exchange is started when the first one asks for it.
    With `idle_after` the host ends by itself once no session has lived, no job has waited and
    nobody has been attached for so many seconds.

    Raises:
        WorkspaceError: sessions cannot go by config.yaml.
    """
    try:
        preferences = read_preferences(workspace.preferences)
        venue = venue_dialect(addresses=preferences.addresses)
        order_addresses = OrderAddresses().with_addresses(preferences.order_addresses)
    except (PreferencesError, VenueError, ForbiddenAddressError) as error:
        raise WorkspaceError(str(error)) from error

    async def control_socket(host: Host) -> None:
        control = ControlSocket(host)
        async with asyncio.TaskGroup() as both:
            both.create_task(control.serve())
            if idle_after is not None:
                both.create_task(end_when_idle(host, lambda: control.attached > 0, idle_after))

    return venue_options(
        FeedFactories(workspace, demo, venue),
        kind=kind,
        schedule=Schedule,
        companions=(control_socket, keep_log),
        problems=tuple(preferences.problems.values()),
        order_addresses=order_addresses,
    )


def program() -> list[str]:
    """The command line of this program, for a process of its own.

    Nothing is imported from the folder such a process stands in (`-P`): what lies there may be
    anybody's, and a `signal.py` or `core/` of a trader's own would run as the host.
    """
    # By name, not by import: the command line is above this package.
    return [sys.executable, "-P", "-m", "papertape"]


def headless_command(workspace: Workspace, *arguments: str) -> list[str]:
    """The command line of a host without a screen, for a process of its own that nobody stops."""
    return [*program(), "--workspace", str(workspace.root), "host", "--while-needed", *arguments]


def attach(workspace: Workspace, *, follow: bool = False) -> SocketLink | None:
    """The running host of a workspace, or None where there is none.

    Raises:
        CommandError: there is one, but it does not answer.
    """
    if current_host(workspace) is None:
        return None
    return SocketLink.connect(workspace, follow=follow)


async def attach_or_start(workspace: Workspace) -> SocketLink:
    """The running host of a workspace; one without a screen is started where there is none.

    Raises:
        CommandError: no host answers, and none could be started.
    """
    link = attach(workspace)
    if link is not None:
        return link
    workspace.prepare(mend=False)
    clear_place(workspace.log)
    try:
        log = workspace.log.open("ab")
    except OSError as error:
        raise CommandError(
            f"no host can be started: its log {workspace.log} cannot be written ({error.strerror})"
        ) from error
    with log:
        before = os.fstat(log.fileno()).st_size
        process = subprocess.Popen(  # noqa: S603  this program itself
            headless_command(workspace),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        deadline = asyncio.get_running_loop().time() + _PATIENCE
        while asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(_LOOK_EVERY)
            try:
                return SocketLink.connect(workspace, follow=False)
            except CommandError:
                if process.poll() is not None and current_host(workspace) is None:
                    break
        told = os.fstat(log.fileno()).st_size > before
    why = f"{workspace.log} says why"
    if not told:
        why = (
            f"it wrote nothing into {workspace.log} (is the disk full?): `papertape host` says why "
            "where it can"
        )
    raise CommandError(f"a host for {workspace.root} could not be started; {why}")


async def looked_at(
    workspace: Workspace, session_id: str, *, archived: bool = False
) -> tuple[SessionSnapshot, SessionDetail | None] | None:
    """A session as it stands, hosted or not; None where there is none that is (not) archived.

    Of one whose files cannot be read there is no detail.

    Raises:
        CommandError: no host answers, or the session's files contradict each other.
        WorkspaceError: the workspace cannot be read.
    """
    link = attach(workspace)
    if link is None:
        sessions = await offline_sessions(workspace, archived=archived)
    elif archived:
        sessions = await link.archived()
    else:
        sessions = (await link.fresh_snapshot()).sessions
    session = next((one for one in sessions if one.id == session_id), None)
    if session is None:
        return None
    if not session.symbols:
        return session, None
    detail = offline_detail(workspace, session_id) if link is None else link.detail(session_id)
    return session, await detail


def report_source(workspace: Workspace) -> ReportSource:
    """Gives reports of sessions that have not ended: from the running host, else from files.

    What it gives raises CommandError where a session cannot be read.
    """

    async def report_of(session_id: str) -> Mapping[str, object]:
        link = attach(workspace)
        if link is None:
            return await offline_report(workspace, session_id)
        return await link.report(session_id)

    return report_of


_STEP = 1.0  # seconds between two looks


async def end_when_idle(
    host: Host,
    attached: Callable[[], bool],
    patience: float,
    sleep: Callable[[float], Coroutine[None, None, None]] = asyncio.sleep,
) -> None:
    """Shut a host down once it has had no session, no job and nobody attached for `patience` s."""
    left = patience
    while left > 0:
        await sleep(_STEP)
        needed = (
            attached()
            or (host.schedule is not None and host.schedule.pending)
            or any(not session.state.ended for session in host.snapshot().sessions)
        )
        left = patience if needed else left - _STEP
    host.log.add(
        Level.INFO, f"nothing has needed this host for {short_duration(patience)}: it ends"
    )
    host.shut_down()
