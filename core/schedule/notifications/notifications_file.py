"""Reads and writes notifications.yaml, which names where the user is told of news.

Its URLs are those of apprise, with tokens in them:

    urls:
      - tgram://BOT_TOKEN/CHAT_ID
      - mailto://user:password@example.com
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import yaml

from core.store.durable import Disk, make_private, write_durably
from core.store.redaction import Redactor, Secret
from core.store.yaml_reader import SettingsError, YamlError, read_settings_file

_PARTS = re.compile(r"[/:@?&=,]+")
_SHORTEST_TOKEN = 12
_MOST_URLS = 20  # each is sent to by a process of its own
_HOW = "expected `urls:` with a list of apprise URLs below it"


class NotificationsError(SettingsError):
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
    if len(urls) > _MOST_URLS:
        raise NotificationsError(f"{path}: found {len(urls)} URLs, {_HOW}, at most {_MOST_URLS}")
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
