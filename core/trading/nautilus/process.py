"""Runs the process that holds Nautilus Trader, and takes nothing for an answer that is not one.

One process serves one account. It is started when it is first needed, watched, and started again
when it dies, hangs or says what it should not. Keys go to it by its standard input alone. Whoever
gives up waiting for the answer to an order ends the process first: from then on nothing more can
be sent by it, whatever it had still in hand.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import importlib.util
import json
import logging
import os
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.market.retry import Backoff
from core.market.tasks import cancelled
from core.store.preferences import PreferencesError, read_preferences
from core.store.redaction import brief
from core.trading.nautilus.child import PROTOCOL

ENVIRONMENT_VARIABLE = "PAPERTAPE_NAUTILUS_PYTHON"
VERSION = "1.231"
"""The versions of Nautilus Trader that this is made for and shown with begin so."""

HOW = (
    f"run `make nautilus` in a checkout, or install nautilus_trader {VERSION} for a Python 3.12 or "
    f"later, and name that python in config.yaml as nautilus_python (or in ${ENVIRONMENT_VARIABLE})"
)
"""What to do where Nautilus is not there."""

CHILD = Path(__file__).with_name("child.py")
_START = 60.0  # seconds until it must be ready: it imports much, and the machine may be busy
_ANSWER = 6.0  # seconds that an order may take
_PING_EVERY = 10.0  # seconds
_LONGEST = 16_384  # bytes of a line
_GONE = 5.0  # seconds until a process that was killed must be gone
_PROVEN = 60.0  # seconds after which one that dies has not died "again"
_UNUSED = 60.0  # seconds after which one that no session needs is ended
_MISSING_WAIT = 30.0  # seconds until it is looked whether it has been installed
# Nothing else of the environment is its business: no keys, no `PYTHONPATH`, no proxy.
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")

_logger = logging.getLogger(__name__)


_SHORT = (errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM)  # of files or memory, for a while


class NautilusError(Exception):
    """Nautilus cannot be used at the moment; the message says why.

    `lasting`: trying again changes nothing before somebody has done something about it.
    """

    def __init__(self, message: str, *, lasting: bool = False) -> None:
        super().__init__(message)
        self.lasting = lasting


@dataclass(frozen=True, slots=True)
class Found:
    """What an interpreter has: the version of Nautilus Trader and its own."""

    nautilus: str
    python: str


def chosen_python(named: str | None, environment: Mapping[str, str] = os.environ) -> str:
    """The interpreter to run Nautilus with: the environment's, else `named`, else this one."""
    return os.path.expanduser(environment.get(ENVIRONMENT_VARIABLE) or named or sys.executable)  # noqa: PTH111  a name on the PATH stays one


def configured_python(preferences: Path) -> str:
    """The interpreter to run Nautilus with, by a workspace's config.yaml. Reads the file.

    Raises:
        NautilusError: that cannot be read.
    """
    try:
        return chosen_python(read_preferences(preferences).nautilus_python)
    except PreferencesError as error:
        raise NautilusError(str(error), lasting=True) from None


async def look_at(python: str, patience: float = _START) -> Found:
    """Have an interpreter import Nautilus Trader, and say which it is.

    Raises:
        NautilusError: it has none, or none that this is made for.
    """
    child = await _Child.start(python, {"do": "probe"})
    try:
        async with asyncio.timeout(patience):
            return _found(python, await child.hear())
    except TimeoutError:
        raise NautilusError(f"{python} has not answered within {patience:.0f} s") from None
    finally:
        await child.end()


async def try_python(preferences: Path) -> tuple[bool | None, str]:
    """Whether the interpreter that a workspace names (else this one) has Nautilus, and the words.

    None: it has not, and nobody said that it had.
    """
    try:
        python = chosen_python(read_preferences(preferences).nautilus_python)
        if python == sys.executable and importlib.util.find_spec("nautilus_trader") is None:
            return None, f"not installed, and needed for --broker nautilus alone: {HOW}"
        found = await look_at(python)
    except (NautilusError, PreferencesError) as error:
        return False, str(error)
    return True, f"Nautilus Trader {found.nautilus} with Python {found.python} ({python})"


def _found(python: str, told: Mapping[str, Any]) -> Found:
    """What the first line of a child tells. Raises `NautilusError` where it cannot be used."""
    match told:
        case {"event": "here" | "ready", "nautilus": str(version), "python": str(own)}:
            if version != VERSION and not version.startswith(f"{VERSION}."):
                raise NautilusError(
                    f"{python} has Nautilus Trader {brief(version)}, and Papertape is made for "
                    f"{VERSION}: {HOW}",
                    lasting=True,
                )
            return Found(brief(version), brief(own))
        case {"event": "missing", "why": str(why), "python": str(own)}:
            raise NautilusError(
                f"{python} (Python {brief(own)}) has no Nautilus Trader ({brief(why)}): {HOW}",
                lasting=True,
            )
        case {"event": "failed", "why": str(why)}:
            raise NautilusError(f"Nautilus has failed: {brief(why)}")
    raise NautilusError(f"Nautilus has answered with {brief(dict(told))}")


class _Child:
    """One process of the child script, and the lines it says."""

    def __init__(self, python: str, process: Process) -> None:
        self.python = python
        self._process = process
        self._last = deque[str](maxlen=5)  # lines of standard error
        self._gone = asyncio.Event()
        self._draining = asyncio.create_task(self._drain(), name="stderr of Nautilus")

    @classmethod
    async def start(cls, python: str, first: Mapping[str, object], script: Path = CHILD) -> _Child:
        """Start one and tell it what it is for.

        Raises:
            NautilusError: there is no such interpreter.
        """
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        try:
            process = await asyncio.create_subprocess_exec(
                # -P: nothing is imported from the folder it stands in.
                *(python, "-P", str(script)),
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                env=kept,
                limit=_LONGEST,
                start_new_session=True,  # a terminal's Ctrl+C is not for it
            )
        except (OSError, ValueError) as error:
            if getattr(error, "errno", None) in _SHORT:
                raise NautilusError(f"{brief(python)} cannot be run now ({brief(error)})") from None
            raise NautilusError(
                f"{brief(python)} cannot be run ({brief(error)}): {HOW}", lasting=True
            ) from None
        child = cls(python, process)
        child.say({"protocol": PROTOCOL, "parent": os.getpid(), **first})
        return child

    def say(self, line: Mapping[str, object]) -> None:
        """Write one line; whether it arrives is told by the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(line).encode() + b"\n")

    async def hear(self) -> dict[str, Any]:
        """Its next line.

        Raises:
            NautilusError: it has ended, or said what is no line of the protocol.
        """
        assert self._process.stdout is not None
        try:
            text = await self._process.stdout.readline()
        except ValueError:
            raise NautilusError(f"Nautilus has said more than {_LONGEST} bytes in a line") from None
        if not text:
            raise NautilusError(await self._last_words())
        try:
            told = json.loads(text)
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict) or not isinstance(told.get("event"), str):
            raise NautilusError(
                f"Nautilus has said what means nothing: {brief(text.decode(errors='replace'))!r}"
            )
        return told

    def kill(self) -> None:
        """End it at once."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def killed(self) -> None:
        """Kill it while another task reads what it says, and return when it is gone."""
        self.kill()
        await self._gone.wait()

    async def end(self) -> None:
        """Kill it, and return when it is gone and can send nothing any more."""
        self.kill()
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GONE):
                # It counts as gone once its pipes are read to their end.
                while await stdout.read(_LONGEST):
                    pass
                await asyncio.wait({self._draining})
                await self._process.wait()
        await cancelled(self._draining)
        self._gone.set()

    async def _last_words(self) -> str:
        code = await self._process.wait()
        await asyncio.wait({self._draining}, timeout=1)
        how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        said = "; ".join(self._last)
        return f"Nautilus has ended ({how})" + (f": {brief(said)}" if said else "")

    async def _drain(self) -> None:
        """Keep the newest words of its log: a full pipe would hold it up."""
        assert self._process.stderr is not None
        rest = b""
        while data := await self._process.stderr.read(4_096):
            *lines, rest = (rest + data)[-8_192:].split(b"\n")
            self._last.extend(brief(line.decode(errors="replace")) for line in lines if line)
        if rest:
            self._last.append(brief(rest.decode(errors="replace")))


@dataclass(slots=True)
class NautilusProcess:
    """Nautilus Trader for one account, kept running for as long as a session watches it.

    `python` tells which interpreter to use, each time one is started; `account` is what the child
    is told about it, keys included. `why` is why it cannot be used now, None where it can or where
    nobody has needed it yet.
    """

    python: Callable[[], str]
    account: Mapping[str, object] = field(repr=False)
    script: Path = field(default_factory=lambda: CHILD)
    monotonic: Callable[[], float] = time.monotonic
    answer_within: float = _ANSWER
    ping_every: float = _PING_EVERY
    unused_after: float = _UNUSED
    why: str | None = None
    found: Found | None = None
    _watchers: dict[object, Callable[[], None]] = field(default_factory=dict)
    _keeping: asyncio.Task[None] | None = None
    _child: _Child | None = None
    _lasting: bool = False
    _asked: tuple[str, asyncio.Future[dict[str, Any]]] | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _used: float = 0.0

    def watch(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Have `changed` called whenever `why` has; what is returned ends that."""
        token = object()
        self._watchers[token] = changed

        def forget() -> None:
            self._watchers.pop(token, None)
            self._used = self.monotonic()

        return forget

    async def ready(self) -> None:
        """Return once orders are taken; it is started where it does not run.

        Raises:
            NautilusError: it cannot be used, or not within a minute.
        """
        self._used = self.monotonic()
        if self._lasting:
            await self.close()  # perhaps somebody has done something about it
        if self._keeping is None or self._keeping.done():
            self.why, self._lasting = None, False
            self._keeping = asyncio.create_task(self._keep(), name="Nautilus")
        deadline = asyncio.get_running_loop().time() + _START
        while self.found is None:
            if self.why is not None:
                raise NautilusError(self.why, lasting=self._lasting)
            self._news.clear()
            try:
                async with asyncio.timeout_at(deadline):
                    await self._news.wait()
            except TimeoutError:
                raise NautilusError(f"Nautilus is not ready after {_START:.0f} s") from None

    async def order(self, asked: Mapping[str, object]) -> dict[str, Any]:
        """What became of one order, which `ready` has been awaited for. One at a time.

        Raises:
            NautilusError: that is not known. The process has ended and sends nothing any more.
        """
        child = self._child
        if child is None or self.found is None:
            raise NautilusError(self.why or "Nautilus has ended")
        self._used = self.monotonic()
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._asked = str(asked["id"]), answer
        until = time.monotonic() + self.answer_within - 1  # the child has the same clock
        child.say({"do": "order", **asked, "until": until})
        try:
            async with asyncio.timeout(self.answer_within):
                return await answer
        except TimeoutError:
            words = f"Nautilus has not answered within {self.answer_within:.0f} s and was ended"
            raise NautilusError(words) from None
        finally:
            self._asked = None
            if not answer.done() or answer.cancelled() or answer.exception() is not None:
                await child.killed()

    async def distrust(self) -> None:
        """End the process, which has given an answer that cannot be one; it is started again."""
        if self._child is not None:
            await self._child.killed()

    async def close(self) -> None:
        """End the process. May be called more than once."""
        keeping, self._keeping = self._keeping, None
        if keeping is not None:
            await cancelled(keeping)

    # ── the process, kept running ──

    async def _keep(self) -> None:
        """Start it whenever it does not run, until nobody needs it."""
        delays = Backoff(0.25, 30.0)
        while True:
            began = self.monotonic()
            try:
                await self._live()
                return
            except NautilusError as error:
                if self.monotonic() - began > _PROVEN:
                    delays.reset()
                _logger.warning("%s; orders sent through it wait meanwhile", error)
                self._tell(str(error), lasting=error.lasting)
            await asyncio.sleep(_MISSING_WAIT if self._lasting else delays.next())
            if not self._needed():
                return

    async def _live(self) -> None:
        """One process, from its start until it is not needed. Raises what it dies of."""
        python = await asyncio.to_thread(self.python)
        ended = NautilusError("Nautilus was ended")
        child = await _Child.start(python, {"do": "open", **self.account}, self.script)
        try:
            async with asyncio.timeout(_START):
                found = _found(python, await child.hear())
            self._child = child
            self._tell(None, found=found)
            await self._converse(child)
        except NautilusError as error:
            ended = error
            raise
        except TimeoutError:
            raise NautilusError(f"Nautilus is not ready after {_START:.0f} s") from None
        finally:
            self.found = self._child = None
            await child.end()
            if self._asked is not None and not self._asked[1].done():
                self._asked[1].set_exception(ended)

    async def _converse(self, child: _Child) -> None:
        """Hand answers on, and ask now and then whether anybody is there."""
        silent = False
        while self._needed():
            try:
                async with asyncio.timeout(self.ping_every):
                    told = await child.hear()
            except TimeoutError:
                if silent:
                    words = f"Nautilus has not answered for {self.ping_every:.0f} s and was ended"
                    raise NautilusError(words) from None
                child.say({"do": "ping"})
                silent = True
                continue
            number, answer = self._asked or (None, None)
            match told["event"]:
                case "pong" if silent:
                    silent = False
                case "done" | "rejected" | "denied" if answer and told.get("id") == number:
                    if not answer.done():
                        answer.set_result(told)
                case "failed":
                    raise NautilusError(f"Nautilus has failed: {brief(told.get('why'))}")
                case _:
                    raise NautilusError(f"Nautilus has said what nobody asked: {brief(told)}")

    def _needed(self) -> bool:
        return bool(self._watchers) or self.monotonic() - self._used < self.unused_after

    def _tell(self, why: str | None, *, lasting: bool = False, found: Found | None = None) -> None:
        self.why, self.found, self._lasting = why, found, lasting
        self._news.set()
        for changed in list(self._watchers.values()):
            changed()
