"""Terminals that are unfit, stall, or go away."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tui.terminal import unfit


@pytest.mark.parametrize(
    ("environ", "is_terminal", "word"),
    [
        ({"TERM": "dumb"}, True, "'dumb'"),
        ({}, True, "TERM"),
        ({"TERM": "xterm-256color"}, False, "needs a terminal"),
    ],
)
def test_an_unfit_terminal_is_refused_with_what_to_do(
    environ: dict[str, str], is_terminal: bool, word: str
) -> None:
    refusal = unfit(environ, is_terminal=is_terminal)
    assert refusal is not None
    assert word in refusal


@pytest.mark.parametrize("term", ["xterm", "xterm-256color", "tmux-256color", "linux", "screen"])
def test_real_terminals_are_taken(term: str) -> None:
    assert unfit({"TERM": term}, is_terminal=True) is None


SCRIPT = """
import pathlib
import sys
from tests.ui.driving import make_app
from tests.ui.scripted import busy
app = make_app(busy(), poll_every=0.05)
beats = pathlib.Path(sys.argv[1] + ".beats")
app.call_later(lambda: app.set_interval(0.05, lambda: beats.open("a").write(".")))
noisy = [0]

def scroll():
    noisy[0] += 1
    app.hosting.link.change("k3x9a1pq", equity=10_000.0 + noisy[0] * 7)
    app.action_redraw()

app.call_later(lambda: app.set_interval(0.02, scroll))
code = app.run()
pathlib.Path(sys.argv[1]).write_text(f"kept running: {app.hosting.kept_running}")
sys.exit(code or 0)
"""


AT_REST = """
import pathlib
import sys
from tests.ui.driving import make_app
from tests.ui.scripted import ScriptedLink, busy
link = busy() if sys.argv[2] == "busy" else ScriptedLink()
app = make_app(link)
beats = pathlib.Path(sys.argv[1] + ".beats")

def second():
    link.now += 1_000
    for session in list(link.sessions):
        link.change(session.id, now=session.now + 1_000)
    app.poll()
    beats.open("a").write(".")

app.call_later(lambda: app.set_interval(0.05, second))
sys.exit(app.run() or 0)
"""


NO_END = """
import threading
from textual.drivers._writer_thread import WriterThread
WriterThread.stop = lambda self: threading.Event().wait()

from tests.ui.driving import make_app
from tests.ui.scripted import busy
make_app(busy()).run()
"""
"""A screen at rest, whose end waits for ever for what writes to the terminal.

So it does where SIGCONT follows SIGHUP, as it does from the kernel: Textual begins to write through
another thread, which dies of the first flush, and whose queue the end fills.
"""


class Terminal:
    """The app in a pseudo-terminal of its own."""

    def __init__(self, outcome: Path, script: str = SCRIPT, *arguments: str) -> None:
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", script, str(outcome), *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env=os.environ | {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"},
        )
        os.close(slave)
        self._outcome = outcome

    @property
    def outcome(self) -> str:
        """What the app wrote down when it had ended."""
        return self._outcome.read_text()

    def read_until(self, text: bytes, seconds: float = 60) -> bytes:
        """What it wrote up to and including `text`."""
        seen, end = b"", time.monotonic() + seconds
        while text not in seen:
            if not select.select([self.master], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError(f"{text!r} never came: {seen[-500:]!r}")
            seen += os.read(self.master, 65_536)
        return seen

    def written_during(self, beats: Path, count: int) -> int:
        """How many bytes it wrote while its clock beat so many times."""
        written, first, deadline = 0, len(beats.read_text()), time.monotonic() + 60
        while len(beats.read_text()) < first + count:
            assert time.monotonic() < deadline, "the clock stood still"
            if select.select([self.master], [], [], 0.05)[0]:
                written += len(os.read(self.master, 65_536))
        return written

    def drain(self) -> None:
        """Read what is left, until the process ends."""
        while self.process.poll() is None:
            if select.select([self.master], [], [], 0.05)[0]:
                try:
                    os.read(self.master, 65_536)
                except OSError:
                    return


@pytest.mark.parametrize(("number", "kept"), [(signal.SIGTERM, "False"), (signal.SIGHUP, "True")])
def test_a_signal_ends_it_cleanly(tmp_path: Path, number: signal.Signals, kept: str) -> None:
    terminal = Terminal(tmp_path / "outcome")
    terminal.read_until(b"rsi_bounce")
    terminal.process.send_signal(number)
    terminal.drain()
    assert terminal.process.wait(20) == 0
    assert f"kept running: {kept}" in terminal.outcome
    os.close(terminal.master)


def test_a_closed_terminal_leaves_the_sessions_running(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path / "outcome")
    terminal.read_until(b"rsi_bounce")
    os.close(terminal.master)
    terminal.process.wait(20)
    assert "kept running: True" in terminal.outcome


def test_a_closed_terminal_does_not_keep_the_program_from_ending(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path / "outcome", NO_END)
    terminal.read_until(b"rsi_bounce")
    os.close(terminal.master)
    terminal.process.wait(20)


def test_a_stalled_terminal_holds_nothing_up_but_the_picture(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path / "outcome")
    terminal.read_until(b"rsi_bounce")
    beats = tmp_path / "outcome.beats"
    beats.touch()
    # Nobody reads from here on: soon the pseudo-terminal takes no more output.
    deadline = time.monotonic() + 60
    before = len(beats.read_text())
    while len(beats.read_text()) < before + 50:
        assert time.monotonic() < deadline, "the event loop stood still"
        select.select([], [], [], 0.05)
    terminal.read_until(b"rsi_bounce")
    terminal.process.send_signal(signal.SIGTERM)
    terminal.drain()
    assert terminal.process.wait(20) == 0
    os.close(terminal.master)


def test_a_stalled_terminal_does_not_keep_the_program_from_ending(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path / "outcome")
    terminal.read_until(b"rsi_bounce")
    beats = tmp_path / "outcome.beats"
    beats.touch()
    before, deadline = len(beats.read_text()), time.monotonic() + 60
    while len(beats.read_text()) < before + 30:
        assert time.monotonic() < deadline
        select.select([], [], [], 0.05)
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.process.wait(20) == 0
    os.close(terminal.master)


@pytest.mark.parametrize(("sessions", "bound"), [("none", 200), ("busy", 1_000)])
def test_a_second_at_rest_writes_no_more_than_what_a_second_changes(
    tmp_path: Path, sessions: str, bound: int
) -> None:
    terminal = Terminal(tmp_path / "outcome", AT_REST, sessions)
    beats = tmp_path / "outcome.beats"
    beats.touch()
    terminal.read_until(b"14:02:")
    terminal.written_during(beats, 20)  # until all of it has been drawn once
    written = terminal.written_during(beats, 40)
    terminal.process.terminate()
    terminal.drain()
    os.close(terminal.master)
    assert 0 < written / 40 < bound
