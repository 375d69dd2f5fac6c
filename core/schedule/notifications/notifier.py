"""Sends sentences to the user's services, without holding anyone up.

Each address has a queue and a worker of its own, so that one that fails or is slow keeps nothing
from the others. What a service does not take is tried again, after ever longer waits; what was not
sent when a host ends is sent by the next one, so that one being sent just then may come twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.schedule.notifications.notifications_file import NotificationsError
from core.schedule.notifications.outbox import Outbox
from core.schedule.notifications.send_one import SendOutcome
from core.store.redaction import Secret

_WAITING = 100  # notifications that may wait for one address; further ones are dropped, and said
_MODULE = "core.schedule.notifications.send_one"
_FAULTS = {
    SendOutcome.NOT_TAKEN: "the service could not be reached, or did not take it",
    SendOutcome.UNKNOWN_ADDRESS: "apprise does not know such an address",
    SendOutcome.NO_APPRISE: "the package apprise is not installed: install papertape[notify]",
}
_HOPELESS = (SendOutcome.UNKNOWN_ADDRESS, SendOutcome.NO_APPRISE)


@dataclass(frozen=True, slots=True)
class SendPatience:
    """How long one attempt to send may take in all, and the waits before further attempts (s)."""

    attempt: float = 30.0
    waits: tuple[float, ...] = (5.0, 30.0, 120.0, 600.0)


@dataclass(slots=True)
class _Address:
    """One address: its number in notifications.yaml, and what waits to be sent there."""

    number: int
    url: Secret
    waiting: asyncio.Queue[tuple[int | None, str]]  # texts, with their rows in the outbox
    overflowing: bool = False
    sending: bool = False


class Notifier:
    """Sends what is said to every address. `complain` is told what could not be sent, and why."""

    def __init__(
        self,
        urls: Sequence[Secret],
        complain: Callable[[str], None],
        patience: SendPatience | None = None,
        outbox: Outbox | None = None,
    ) -> None:
        """`outbox` keeps what waits; without one it is lost with this process."""
        self._complain = complain
        self._outbox = outbox
        self._patience = patience or SendPatience()
        self._addresses = self._with_what_waits(urls)
        self._changed = asyncio.Event()

    def send_to(self, urls: Sequence[Secret]) -> None:
        """Have what is said from now on sent to these services, and what waits for others not."""
        if self._outbox is not None:
            self._outbox.keep_only(urls)
        self._addresses = self._with_what_waits(urls)
        self._changed.set()

    def _with_what_waits(self, urls: Sequence[Secret]) -> list[_Address]:
        addresses = []
        for number, url in enumerate(urls, start=1):
            waiting: asyncio.Queue[tuple[int | None, str]] = asyncio.Queue()
            for kept in () if self._outbox is None else self._outbox.waiting(url):
                waiting.put_nowait(kept)
            addresses.append(_Address(number, url, waiting))
        return addresses

    @property
    def pending(self) -> bool:
        """Whether anything is still to be sent."""
        return any(one.sending or not one.waiting.empty() for one in self._addresses)

    def say(self, text: str) -> None:
        """Have a sentence sent, soon."""
        takers = []
        for address in self._addresses:
            full = address.waiting.qsize() >= _WAITING
            if full and not address.overflowing:
                self._complain(
                    f"notifications to address {address.number} are dropped: {_WAITING} wait for "
                    "it already"
                )
            address.overflowing = full
            if not full:
                takers.append(address)
        urls = [address.url for address in takers]
        rows = [None] * len(urls) if self._outbox is None else self._outbox.put(text, urls)
        for address, row in zip(takers, rows, strict=True):
            address.waiting.put_nowait((row, text))

    async def run(self) -> None:
        """Send until cancelled. A fault in what serves an address is raised: it would be silent."""
        while True:
            self._changed.clear()
            workers = [asyncio.create_task(self._serve(one)) for one in self._addresses]
            changed = asyncio.create_task(self._changed.wait())
            try:
                await asyncio.wait((changed, *workers), return_when=asyncio.FIRST_COMPLETED)
                for worker in workers:
                    if worker.done():
                        worker.result()
            finally:
                for task in (changed, *workers):
                    task.cancel()
                await asyncio.gather(changed, *workers, return_exceptions=True)

    async def send_now(self, text: str) -> None:
        """Send a sentence and return once every service has taken it.

        Raises:
            NotificationsError: there is none, or one has not.
        """
        if not self._addresses:
            raise NotificationsError("there is nowhere to send a notification to")
        outcomes = await asyncio.gather(*(self._attempt(one, text) for one in self._addresses))
        faults = [
            f"address {address.number}: {fault}"
            for address, (_, fault) in zip(self._addresses, outcomes, strict=True)
            if fault is not None
        ]
        if faults:
            raise NotificationsError(
                f"a notification could not be sent to every service: {'; '.join(faults)}"
            )

    async def _serve(self, address: _Address) -> None:
        _, fault = await self._attempt(address, None)
        if fault is not None:
            self._complain(f"notifications to address {address.number} cannot be sent: {fault}")
        while True:
            row, text = await address.waiting.get()
            address.sending = True
            await self._send(address, text)
            address.sending = False
            if self._outbox is not None:
                self._outbox.done(row)

    async def _send(self, address: _Address, text: str) -> None:
        """Send a sentence, trying again what may succeed later."""
        for wait in (*self._patience.waits, None):
            outcome, fault = await self._attempt(address, text)
            if fault is None:
                return
            last = wait is None or outcome in _HOPELESS
            then = "it is given up" if last else f"it is tried again in {wait:g} s"
            self._complain(f"a notification to address {address.number} failed ({fault}): {then}")
            if last or wait is None:
                return
            await asyncio.sleep(wait)

    async def _attempt(
        self, address: _Address, text: str | None
    ) -> tuple[SendOutcome | None, str | None]:
        """Send once; the outcome (None: it took too long), and what is wrong with it."""
        asked = json.dumps({"url": address.url.reveal(), "text": text})
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", _MODULE),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
        except OSError as error:  # no file or no process is left
            return None, f"what sends it cannot be started: {error.strerror}"
        try:
            async with asyncio.timeout(self._patience.attempt):
                await process.communicate(asked.encode())
        except TimeoutError:
            return None, f"it was not taken within {self._patience.attempt:g} s"
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode == SendOutcome.SENT:
            return SendOutcome.SENT, None
        for outcome, fault in _FAULTS.items():
            if process.returncode == outcome:
                return outcome, fault
        return None, f"what sends it ended with code {process.returncode}"
