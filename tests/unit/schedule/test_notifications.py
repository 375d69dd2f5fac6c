"""Do notifications arrive, and does nothing of their addresses show?"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from core.schedule.notifications import (
    NotificationsError,
    Notifier,
    read_notifications,
    write_notifications,
)
from core.store.durable import OsDisk
from core.store.redaction import Redactor, Secret

TOKEN = "token0123456789"


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


async def test_a_service_that_does_not_answer_is_complained_of_without_its_address() -> None:
    pytest.importorskip("apprise", reason="needs the extra papertape[notify]")
    said: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def complain(text: str) -> None:
        loop.call_soon_threadsafe(said.put_nowait, text)

    notifier = Notifier([Secret(f"json://127.0.0.1:9/{TOKEN}")], complain)
    task = asyncio.create_task(notifier.run())
    notifier.say("hello")
    async with asyncio.timeout(30):
        assert await said.get() == "a notification could not be sent to every service"
    task.cancel()


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


@pytest.mark.parametrize("text", ["urls: 3", "- a", "urls: [{a: 1}]", f"urls: [{TOKEN}", "x: {{"])
def test_a_file_of_another_form_is_refused_without_quoting_it(tmp_path: Path, text: str) -> None:
    with pytest.raises(NotificationsError, match="expected `urls:`") as refused:
        read_notifications(written(tmp_path, text), Redactor())
    assert TOKEN not in str(refused.value)


def test_no_file_means_no_notifications(tmp_path: Path) -> None:
    assert read_notifications(tmp_path / "notifications.yaml", Redactor()) == ()
