"""Sends what the user should hear of away from the terminal, through apprise.

notifications.yaml names where to (URLs of apprise, with tokens in them):

    urls:
      - tgram://BOT_TOKEN/CHAT_ID
      - mailto://user:password@example.com
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from core.store.durable import Disk, make_private, write_durably
from core.store.redaction import Redactor, Secret
from core.store.yaml_reader import YamlError, read_settings_file

_WAITING = 100  # notifications that may wait for a slow service; further ones are dropped, and said
_PARTS = re.compile(r"[/:@?&=,]+")
_SHORTEST_TOKEN = 12
_HOW = "expected `urls:` with a list of apprise URLs below it"


class NotificationsError(Exception):
    """Notifications cannot be sent. The message never repeats a URL."""


def read_notifications(path: Path, redactor: Redactor) -> tuple[Secret, ...]:
    """Where notifications go; nowhere where there is no file.

    Every URL, and each of its longer parts, is made known to `redactor`. A file that other users
    may read is made private (0600).

    Raises:
        NotificationsError: the file cannot be read or does not have the expected form.
    """
    try:
        make_private(path)
        written = read_settings_file(path)
    except FileNotFoundError:
        return ()
    except YamlError as error:
        raise NotificationsError(f"{path}: {error}; {_HOW}") from None
    except OSError as error:
        raise NotificationsError(f"{path} cannot be read ({error.strerror})") from None
    urls = written.get("urls") if isinstance(written, dict) else None
    if not isinstance(urls, list) or not all(isinstance(url, str) for url in urls):
        raise NotificationsError(f"{path}: {_HOW}")
    for url in urls:
        for secret in (url, *_PARTS.split(url)):
            if len(secret) >= _SHORTEST_TOKEN:
                redactor.add(secret)
    return tuple(Secret(url) for url in urls)


def write_notifications(path: Path, urls: Sequence[Secret], disk: Disk) -> None:
    """Put these addresses, and no others, into notifications.yaml (0600).

    Raises:
        NotificationsError: the file cannot be written.
    """
    text = yaml.safe_dump({"urls": [url.reveal() for url in urls]}, sort_keys=False)
    try:
        write_durably(path, text.encode(), disk, mode=0o600)
    except OSError as error:
        raise NotificationsError(f"{path} cannot be written ({error.strerror})") from None


class Notifier:
    """Sends sentences to services, one after the other, without holding anyone up.

    `complain` is told what could not be sent, and why.
    """

    def __init__(self, urls: Sequence[Secret], complain: Callable[[str], None]) -> None:
        self._urls = urls
        self._complain = complain
        self._waiting: asyncio.Queue[str] = asyncio.Queue(_WAITING)

    def send_to(self, urls: Sequence[Secret]) -> None:
        """Have what is said from now on sent to these services."""
        self._urls = urls

    def say(self, text: str) -> None:
        """Have a sentence sent, soon."""
        if not self._urls:
            return
        try:
            self._waiting.put_nowait(text)
        except asyncio.QueueFull:
            self._complain("a notification was dropped: the services take no more")

    async def run(self) -> None:
        """Send until cancelled."""
        if self._urls:
            try:
                await asyncio.to_thread(_services, self._urls)
            except NotificationsError as error:
                self._complain(str(error))
        while True:
            text = await self._waiting.get()
            try:
                await asyncio.to_thread(_send, self._urls, text)
            except NotificationsError as error:
                self._complain(str(error))

    async def send_now(self, text: str) -> None:
        """Send a sentence and return once every service has taken it.

        Raises:
            NotificationsError: there is none, or one has not.
        """
        if not self._urls:
            raise NotificationsError("there is nowhere to send a notification to")
        await asyncio.to_thread(_send, self._urls, text)


def _send(urls: Sequence[Secret], text: str) -> None:
    if not _services(urls).notify(body=text, title="Papertape"):
        raise NotificationsError("a notification could not be sent to every service")


def _services(urls: Sequence[Secret]) -> Any:
    try:
        import apprise  # noqa: PLC0415  an extra, and slow to load
    except ImportError as error:
        raise NotificationsError(
            "notifications.yaml is there, but the package apprise is not: install papertape[notify]"
        ) from error
    services = apprise.Apprise()
    for number, url in enumerate(urls, start=1):
        if not services.add(url.reveal()):
            raise NotificationsError(f"notifications.yaml: apprise does not know URL {number}")
    return services
