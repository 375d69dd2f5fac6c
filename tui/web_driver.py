"""The screen in a browser: Textual's driver for it, made fit for sessions that outlive their page.

`tui.cli.serve` starts the program with this driver. What ends it from outside (a page that is
closed, a server that ends or is killed) is to the program a terminal that is gone: its sessions go
on without a screen. As with terminals a thread writes, so that a page that takes no more output
holds up nothing but its picture.
"""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from queue import Queue
from threading import Thread
from typing import Any

from textual.drivers.web_driver import WebDriver

from tui.terminal import GuardedApp

_QUEUED = 30  # frames, as Textual's own writers
_LAST_WORDS = 1.0  # seconds for what is still to be written at the end


class _Writer(Thread):
    """Writes packets in their order until told to end, or nothing takes them any more."""

    def __init__(self) -> None:
        super().__init__(daemon=True, name="papertape-page")
        self._queue: Queue[tuple[Any, Any] | None] = Queue(_QUEUED)

    def put(self, write: Any, packet: Any) -> None:
        """Have a packet written."""
        if self.is_alive():
            self._queue.put((write, packet))

    def end(self) -> None:
        """End after what is queued, if that can be written soon."""
        if self.is_alive() and not self._queue.full():
            self._queue.put(None)
            self.join(_LAST_WORDS)

    def run(self) -> None:
        """Write."""
        with suppress(OSError):
            while (job := self._queue.get()) is not None:
                write, packet = job
                write(packet)


class ServedDriver(WebDriver):
    """Draws into a page, until that is gone."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._writer_thread = _Writer()  # by this name frames that wait are counted

    def start_application_mode(self) -> None:
        """Begin, and take an interrupt of the server, which is not meant for the sessions."""
        self._writer_thread.start()
        super().start_application_mode()
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self._page_gone)

    def stop_application_mode(self) -> None:
        """End, and tell the page."""
        super().stop_application_mode()
        self._writer_thread.end()

    def write(self, data: str) -> None:
        """Draw on the page."""
        self._writer_thread.put(super().write, data)

    def write_meta(self, data: dict[str, object]) -> None:
        """Tell the server something."""
        self._writer_thread.put(super().write_meta, data)

    def on_meta(self, packet_type: str, payload: dict[str, object]) -> None:
        """Take what the server tells; called in the thread that reads."""
        if packet_type == "quit":
            self._app.call_later(self._page_gone)
        else:
            super().on_meta(packet_type, payload)

    def _page_gone(self) -> None:
        if isinstance(self._app, GuardedApp):
            self._app.terminal_gone = True
            self._app.terminal_lost()
