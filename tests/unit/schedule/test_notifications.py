"""Notifications arrive whatever one service does, and nothing of their addresses shows."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from core.schedule.notifications.notifications_file import (
    NotificationsError,
    read_notifications,
    write_notifications,
)
from core.schedule.notifications.notifier import Notifier, SendPatience
from core.schedule.notifications.outbox import Outbox
from core.store.durable import OsDisk
from core.store.index import open_index
from core.store.redaction import Redactor, Secret
from tests.waiting import until

TOKEN = "token0123456789"
MANY = f"urls: [{', '.join([f'json://127.0.0.1:9/{TOKEN}'] * 21)}]"


@pytest.fixture
async def service() -> AsyncIterator[tuple[str, asyncio.Queue[dict[str, Any]]]]:
    """A service that takes JSON, as apprise addresses it, and what it was sent."""
    received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def take(request: web.Request) -> web.Response:
        received.put_nowait(await request.json())
        return web.Response()

    application = web.Application()
    application.router.add_post("/{path:.*}", take)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"json://127.0.0.1:{runner.addresses[0][1]}/{TOKEN}", received
    await runner.cleanup()


def written(folder: Path, text: str) -> Path:
    path = folder / "notifications.yaml"
    path.write_text(text, encoding="utf-8")
    return path


async def test_what_is_said_arrives(
    tmp_path: Path, service: tuple[str, asyncio.Queue[dict[str, Any]]]
) -> None:
    pytest.importorskip("apprise", reason="needs the extra papertape[notify]")
    url, received = service
    path = written(tmp_path, json.dumps({"urls": [url]}))
    path.chmod(0o644)
    redactor = Redactor()
    notifier = Notifier(read_notifications(path, redactor), pytest.fail)
    task = asyncio.create_task(notifier.run())
    notifier.say("2 new trades")
    async with asyncio.timeout(30):
        assert (await received.get())["message"] == "2 new trades"
    task.cancel()
    assert path.stat().st_mode & 0o777 == 0o600
    assert TOKEN not in redactor.redact(f"sent to {url} with {TOKEN}")


class FickleService:
    """A service that refuses, drips or floods as a test says, and keeps what it has taken."""

    def __init__(self) -> None:
        self.manner = "well"
        self.asked = 0
        self.taken: list[str] = []
        self.over = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        manner = self.manner  # kept to the end of this answer
        if manner == "refuse":
            return web.Response(status=500)
        if manner == "well":
            self.taken.append((await request.json())["message"])
            return web.Response()
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while not self.over.is_set():
                await response.write(b"x" * (1 if manner == "drip" else 1 << 20))
                if manner == "drip":
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self.over.wait(), 0.2)
        return response


@pytest.fixture
async def fickle() -> AsyncIterator[tuple[FickleService, Secret]]:
    service = FickleService()
    application = web.Application()
    application.router.add_post("/{path:.*}", service.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield service, Secret(f"json://127.0.0.1:{runner.addresses[0][1]}/{TOKEN}")
    service.over.set()
    await runner.cleanup()


@contextlib.asynccontextmanager
async def sending(
    *urls: Secret, patience: SendPatience, outbox: Outbox | None = None
) -> AsyncIterator[tuple[Notifier, list[str]]]:
    pytest.importorskip("apprise", reason="needs the extra papertape[notify]")
    said: list[str] = []
    notifier = Notifier(urls, said.append, patience, outbox)
    task = asyncio.create_task(notifier.run())
    yield notifier, said
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_bad_address_keeps_nothing_from_the_good_ones(
    service: tuple[str, asyncio.Queue[dict[str, Any]]],
) -> None:
    url, received = service
    bad = [Secret(f"nonsense://{TOKEN}"), Secret(f"json://127.0.0.1:9/{TOKEN}")]
    async with sending(*bad, Secret(url), patience=SendPatience(waits=())) as (notifier, said):
        notifier.say("hello")
        assert (await asyncio.wait_for(received.get(), 60))["message"] == "hello"
        await until(lambda: len([text for text in said if "given up" in text]) == 2)
        assert any("address 1" in text and "apprise does not know" in text for text in said)
        assert (
            "a notification to address 2 failed (the service could not be reached, or did not take "
            "it): it is given up"
        ) in said
        assert TOKEN not in str(said)


async def test_what_a_service_refuses_is_sent_again_once_it_takes_it(
    fickle: tuple[FickleService, Secret],
) -> None:
    service, url = fickle
    service.manner = "refuse"
    async with sending(url, patience=SendPatience(waits=(0.1,) * 50)) as (notifier, said):
        notifier.say("hello")
        await until(lambda: service.asked >= 2)
        service.manner = "well"
        await until(lambda: service.taken == ["hello"])
        assert "it is tried again in 0.1 s" in said[0]


async def test_what_was_not_sent_when_a_host_ended_is_sent_once_by_the_next_one(
    fickle: tuple[FickleService, Secret], tmp_path: Path
) -> None:
    service, url = fickle
    service.manner = "refuse"
    path = tmp_path / "papertape.json"

    def outbox() -> Outbox:
        return Outbox(open_index(path, OsDisk())[0], pytest.fail)

    gone = Secret("json://127.0.0.1:9/elsewhere")
    outbox().put("nobody waits for this", [gone])
    async with sending(url, patience=SendPatience(), outbox=outbox()) as (notifier, _):
        notifier.say("the first")
        assert notifier.pending
        await until(lambda: service.asked >= 1)
    assert TOKEN not in path.read_text()
    service.manner = "well"
    async with sending(url, patience=SendPatience(), outbox=outbox()) as (notifier, said):
        notifier.send_to([url])  # as after a change of the file: what waits goes on waiting
        notifier.say("the second")
        await until(lambda: outbox().waiting(url) == [])
        assert not notifier.pending
        assert (service.taken, said) == (["the first", "the second"], [])
    assert outbox().waiting(gone) == []


@pytest.mark.parametrize("manner", ["drip", "flood"])
async def test_an_answer_without_an_end_is_given_up_and_later_news_arrive(
    fickle: tuple[FickleService, Secret], manner: str
) -> None:
    service, url = fickle
    service.manner = manner
    # An attempt takes longer than this on a loaded machine, too: then there are more of them.
    patience = SendPatience(attempt=10.0, waits=(0.1,) * 20)
    async with sending(url, patience=patience) as (notifier, said):
        notifier.say("the first")
        await until(lambda: service.asked == 1)
        notifier.say("the second")
        service.manner = "well"
        await until(lambda: "the second" in service.taken)
        assert any("a notification to address 1 failed" in text for text in said)


async def test_ending_waits_for_no_service(fickle: tuple[FickleService, Secret]) -> None:
    service, url = fickle
    service.manner = "drip"
    async with sending(url, patience=SendPatience(attempt=3_600)) as (notifier, _):
        notifier.say("hello")
        await until(lambda: service.asked == 1)
    # Left: what had still to be waited for would have kept it from getting here.
    assert service.taken == []


async def test_of_what_waits_for_too_long_the_rest_is_dropped_and_said_once() -> None:
    pytest.importorskip("apprise", reason="needs the extra papertape[notify]")
    said: list[str] = []
    notifier = Notifier([Secret(f"json://127.0.0.1:9/{TOKEN}")], said.append)
    for _ in range(1_000):
        notifier.say("x" * 1_000)
    assert said == ["notifications to address 1 are dropped: 100 wait for it already"]


async def test_where_no_process_can_be_started_it_is_tried_again_and_later_news_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def at_the_limit(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", at_the_limit)
    url, patience = Secret(f"json://127.0.0.1:9/{TOKEN}"), SendPatience(waits=(0.0,))
    said: list[str] = []
    notifier = Notifier([url], said.append, patience)
    task = asyncio.create_task(notifier.run())
    for text in ("the first", "the second"):
        notifier.say(text)
        await until(lambda: not notifier.pending)
    task.cancel()
    assert [text.rpartition(": ")[2] for text in said[1:]] == [
        "it is tried again in 0 s",
        "it is given up",
    ] * 2
    assert all("cannot be started: Too many open files" in text for text in said)


async def test_a_fault_in_what_serves_an_address_ends_the_notifier_which_is_started_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fault(*_: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(Notifier, "_attempt", fault)
    with pytest.raises(RuntimeError, match="a fault"):
        await asyncio.wait_for(Notifier([Secret("json://127.0.0.1:9/")], pytest.fail).run(), 20)


async def test_without_addresses_nothing_waits_and_there_is_nowhere_to_send_to() -> None:
    notifier = Notifier((), pytest.fail)
    for _ in range(1_000):
        notifier.say("hello")
    with pytest.raises(NotificationsError, match="nowhere"):
        await notifier.send_now("hello")


async def test_addresses_written_are_read_again_and_taken_without_a_new_start(
    tmp_path: Path, service: tuple[str, asyncio.Queue[dict[str, Any]]]
) -> None:
    pytest.importorskip("apprise", reason="needs the extra papertape[notify]")
    url, received = service
    path = tmp_path / "notifications.yaml"
    write_notifications(path, [Secret(url)], OsDisk())
    assert path.stat().st_mode & 0o777 == 0o600
    notifier = Notifier((), pytest.fail)
    notifier.send_to(read_notifications(path, Redactor()))
    await notifier.send_now("does this arrive?")
    assert (await received.get())["message"] == "does this arrive?"
    notifier.send_to([Secret(f"json://127.0.0.1:9/{TOKEN}")])
    with pytest.raises(NotificationsError, match="could not be sent"):
        await notifier.send_now("this does not")


@pytest.mark.parametrize(
    "text", ["urls: 3", "- a", "urls: [{a: 1}]", f"urls: [{TOKEN}", "x: {{", MANY]
)
def test_a_file_of_another_form_is_refused_without_quoting_it(tmp_path: Path, text: str) -> None:
    with pytest.raises(NotificationsError, match="expected `urls:`") as refused:
        read_notifications(written(tmp_path, text), Redactor())
    assert TOKEN not in str(refused.value)


def test_no_file_means_no_notifications(tmp_path: Path) -> None:
    assert read_notifications(tmp_path / "notifications.yaml", Redactor()) == ()
