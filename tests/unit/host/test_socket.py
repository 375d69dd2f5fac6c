"""Other processes see and command a host through its control socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import socket
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from core.host.host import Host
from core.host.job_values import JobOrder
from core.host.link import BadRequestError, CommandError, NotFoundError
from core.host.local_link import LocalLink
from core.host.socket_link import SocketLink
from core.host.socket_server import CallerLimits, ControlSocket
from core.journal.values import FeedKind, SessionState
from core.schedule.service import Schedule
from core.session.snapshot import Level, StartRequest
from core.store.workspace import Workspace
from tests.unit.host.hosts import hosting, replay_request
from tests.unit.session.scripted import TestFeed
from tests.unit.session.sessions import RSI, market
from tests.waiting import until


async def serve(host: Host) -> None:
    await ControlSocket(host).serve()


async def attach(root: Path, *, follow: bool = True) -> SocketLink:
    return await asyncio.to_thread(SocketLink.connect, Workspace(root), follow=follow)


async def seen(link: SocketLink, state: SessionState) -> None:
    """Return once the link's news show the only session in a state."""

    def shown() -> bool:
        sessions = link.snapshot().sessions
        return bool(sessions) and sessions[0].state is state

    await until(shown)


async def test_every_command_works_from_outside(tmp_path: Path, candle_file: Path) -> None:
    async with hosting(tmp_path / "home", companions=[serve]) as host:
        link = await attach(tmp_path / "home", follow=False)
        reply = await link.start(replay_request(candle_file, speed=0.001))
        await link.pause(reply.session_id)
        assert (await link.fresh_snapshot()).sessions[0].state is SessionState.PAUSED
        await link.resume(reply.session_id)
        await link.flatten(reply.session_id)
        assert (await link.detail(reply.session_id)).id == reply.session_id
        report = await link.stop(reply.session_id)
        assert report == await host.reader.report(reply.session_id)
        again = (await link.restart(reply.session_id)).session_id
        await link.stop(again)
        assert (await link.report(again))["session_id"] == again
        await link.archive(reply.session_id)
        await link.delete(again)
        assert (await link.fresh_snapshot()).sessions == ()


async def test_two_viewers_see_the_same_sessions_and_log(tmp_path: Path, candle_file: Path) -> None:
    async with hosting(tmp_path / "home", companions=[serve]) as host:
        one, two = await attach(tmp_path / "home"), await attach(tmp_path / "home")
        session_id = (await one.start(replay_request(candle_file, speed=0.001))).session_id
        await seen(two, SessionState.RUNNING)
        await two.pause(session_id)
        await seen(one, SessionState.PAUSED)
        await seen(two, SessionState.PAUSED)
        assert one.snapshot().sessions == two.snapshot().sessions == host.snapshot().sessions
        texts = [line.text for line in host.logs(session_id=session_id)]
        assert "entries are blocked" in texts
        await until(lambda: one.logs() and one.logs()[-1].text == texts[-1])
        assert [line.text for line in one.logs(session_id=session_id)] == texts
        assert one.logs(after=host.log.last) == ()
        one.close()
        two.close()


async def test_a_refusal_arrives_with_the_hosts_words(tmp_path: Path) -> None:
    async with hosting(tmp_path, companions=[serve]):
        link = await attach(tmp_path, follow=False)
        with pytest.raises(CommandError, match="there is no session 'abcd1234'"):
            await link.pause("abcd1234")
        with pytest.raises(CommandError, match="3 problems in the config"):
            config = {**RSI, "a": 1, "b": 2, "timeframe": "7m"}
            await link.start(StartRequest(config=config, feed=FeedKind.REPLAY))


async def test_commands_of_a_part_of_the_host_are_the_same_here_and_there(tmp_path: Path) -> None:
    async with hosting(tmp_path, companions=[serve], schedule=Schedule) as host:
        there = await attach(tmp_path, follow=False)
        for link in (LocalLink(host), there):
            added = await link.add_job(JobOrder(every_seconds=60, message="look"))
            assert (added.every_seconds, added.message, added.runs) == (60, "look", 0)
            assert [job.job_id for job in await link.list_jobs()] == [added.job_id]
            ran = await link.run_job(added.job_id)
            assert (ran.succeeded, ran.text) == (True, "look")
            assert (await link.remove_job(added.job_id)).runs == 1
            with pytest.raises(NotFoundError, match=f"no job '{added.job_id}'"):
                await link.remove_job(added.job_id)
            with pytest.raises(CommandError, match="no command 'dance'"):
                await link.ask("dance", int)
            with pytest.raises(BadRequestError, match=r"pause: wrong arguments .*`nonsense`"):
                await link.ask("pause", object, session_id="abcd1234", nonsense=1)
            with pytest.raises(BadRequestError, match="Expected `str`, got `int`"):
                await link.ask("pause", object, session_id=5)


async def test_a_session_has_its_jobs_from_its_start_by_every_link(tmp_path: Path) -> None:
    made = {"BTC/USDT": market(300)}

    async def feed(*_: Any) -> TestFeed:
        return TestFeed(made, 250)

    feeds = {FeedKind.LIVE: feed}
    async with hosting(tmp_path, feeds=feeds, companions=[serve], schedule=Schedule) as host:
        there = await attach(tmp_path, follow=False)
        for link in (LocalLink(host), there):
            reply = await link.start(StartRequest(RSI))
            again = await link.restart(reply.session_id)
            for one in (reply, again):
                (job,) = one.jobs
                assert f"check session {one.session_id}, every 4h" in job


async def test_the_socket_is_the_users_alone_and_goes_with_the_host(tmp_path: Path) -> None:
    async with hosting(tmp_path, companions=[serve]):
        link = await attach(tmp_path)
        assert stat.S_IMODE(Workspace(tmp_path).socket.stat().st_mode) == 0o600
        await link.shut_down()
    assert not Workspace(tmp_path).socket.exists()
    await until(lambda: link.lost is not None)
    assert "the host does not answer" in str(link.lost)
    with pytest.raises(CommandError, match="the host does not answer"):
        await link.pause("abcd1234")


async def test_a_workspace_with_a_long_path_has_a_socket_elsewhere(tmp_path: Path) -> None:
    root = tmp_path / ("long" * 30)
    async with hosting(root, companions=[serve]):
        link = await attach(root)
        assert link.snapshot().workspace == str(root)
        link.close()
    assert len(os.fsencode(Workspace(root).socket)) < 108


async def test_nobody_listening_is_said(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no host answers at"):
        await asyncio.to_thread(SocketLink.connect, Workspace(tmp_path))


async def test_lines_that_are_no_requests_harm_nobody(tmp_path: Path) -> None:
    async with hosting(tmp_path, companions=[serve]):
        await attach(tmp_path, follow=False)
        reader, writer = await asyncio.open_unix_connection(Workspace(tmp_path).socket)
        assert json.loads(await reader.readline())["papertape"] == 2
        writer.write(b"{nonsense\n[1,2]\n")
        for _ in range(2):
            assert "not understood" in json.loads(await reader.readline())["error"]
        writer.close()


async def greeted(root: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_unix_connection(Workspace(root).socket)
    assert json.loads(await reader.readline())["papertape"] == 2
    return reader, writer


async def answers(root: Path) -> bool:
    """Whether a host lets one more caller in, and answers it."""
    try:
        link = await attach(root, follow=False)
    except CommandError:
        return False
    return (await link.fresh_snapshot()).sessions == ()


def test_callers_leave_most_files_to_the_journals(monkeypatch: pytest.MonkeyPatch) -> None:
    for files, callers in ((110, 27), (1_024, 100), (resource.RLIM_INFINITY, 100)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, files=files: (files, files))
        assert CallerLimits().callers == callers


def with_limits(limits: CallerLimits) -> Callable[[Host], Awaitable[None]]:
    async def control_socket(host: Host) -> None:
        await ControlSocket(host, limits).serve()

    return control_socket


async def test_callers_beyond_the_limit_are_told_so_and_let_in_once_others_have_left(
    tmp_path: Path,
) -> None:
    control = with_limits(CallerLimits(callers=3))
    async with hosting(tmp_path, companions=[control]):
        await until(Workspace(tmp_path).socket.exists)
        idle = [await greeted(tmp_path) for _ in range(3)]
        with pytest.raises(CommandError, match="the host has 3 callers already"):
            await attach(tmp_path, follow=False)
        crowd = [await greeted(tmp_path) for _ in range(200)]
        for reader, writer in crowd:
            assert b"3 callers already" in await reader.readline()
            assert await reader.read() == b""
            writer.close()
        for _, writer in idle:
            writer.close()
        await until(lambda: answers(tmp_path))


@pytest.mark.parametrize("said", [b"", b'{"do":"snap'])
async def test_a_caller_that_asks_nothing_is_hung_up_on_and_a_follower_is_not(
    tmp_path: Path, said: bytes
) -> None:
    control = with_limits(CallerLimits(silence=0.3))
    async with hosting(tmp_path, companions=[control]):
        await attach(tmp_path, follow=False)
        following, follower = await greeted(tmp_path)
        follower.write(b'{"do":"follow"}\n')
        reader, writer = await greeted(tmp_path)
        writer.write(said)
        assert await asyncio.wait_for(reader.read(), 10) == b""
        for _ in range(5):  # news come five times a second
            assert await asyncio.wait_for(following.readline(), 10) != b""
        follower.close()


async def test_a_request_without_an_end_is_refused_and_not_kept(tmp_path: Path) -> None:
    async with hosting(tmp_path, companions=[serve]):
        await attach(tmp_path, follow=False)
        reader, writer = await greeted(tmp_path)
        sent, answered = 0, asyncio.ensure_future(reader.readline())
        with contextlib.suppress(ConnectionError):
            while not answered.done() and sent < 100_000_000:
                writer.write(b"x" * 65_536)
                sent += 65_536
                await writer.drain()
                await asyncio.sleep(0)
        assert b"at most 1,048,576 bytes" in await asyncio.wait_for(answered, 10)
        assert sent < 10_000_000
        writer.close()
        link = await attach(tmp_path, follow=False)
        assert (await link.fresh_snapshot()).sessions == ()


async def test_a_host_that_gets_no_more_files_says_so_once_and_its_sessions_go_on_by_themselves(
    tmp_path: Path, candle_file: Path
) -> None:
    async with hosting(tmp_path / "home", companions=[serve], retry_after=0.2) as host:
        await attach(tmp_path / "home", follow=False)
        session_id = (await host.start(replay_request(candle_file, speed=0.001))).session_id
        await host.pause(session_id)
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        caller = socket.socket(socket.AF_UNIX)
        resource.setrlimit(resource.RLIMIT_NOFILE, (caller.fileno() + 1, before[1]))
        try:
            caller.connect(str(Workspace(tmp_path / "home").socket))
            await until(lambda: "no caller can be answered" in host.logs()[-1].text)
            with pytest.raises(CommandError, match="Too many open files"):
                await host.resume(session_id)
            await until(lambda: host.fresh_snapshot().sessions[0].interrupted)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        link = await attach(tmp_path / "home", follow=False)
        assert len((await link.fresh_snapshot()).sessions) == 1
        await until(lambda: host.fresh_snapshot().sessions[0].state is SessionState.PAUSED)
        told = [line for line in host.logs() if "no caller can be answered" in line.text]
        assert len(told) == 1
        caller.close()


async def test_a_viewer_that_reads_nothing_delays_nobody(tmp_path: Path, candle_file: Path) -> None:
    async with hosting(tmp_path / "home", companions=[serve]) as host:
        await attach(tmp_path / "home", follow=False)
        deaf = socket.socket(socket.AF_UNIX)
        deaf.connect(str(Workspace(tmp_path / "home").socket))
        deaf.sendall(b'{"do":"follow"}\n')
        for _ in range(5_000):
            host.log.add(Level.INFO, "x" * 1_000)
        session_id = (await host.start(replay_request(candle_file))).session_id
        await asyncio.wait_for(host.ended(session_id), 20)
        deaf.close()
