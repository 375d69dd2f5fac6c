"""Kill `papertape init` and `papertape backtest --save` with SIGKILL at random calls.

Whichever of the calls that change files it is: a strategy of the workspace is whole or not there, a
saved block has its result beside it, every other byte of a document is as it was, and the same
command given again brings everything in order. Run `python -m tests.recovery.soak_files`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from core.market.files.candle_files import write_candles
from core.report.stored_backtest import stored_backtest, stored_path
from core.store.workspace import ENVIRONMENT_VARIABLE, Workspace
from core.strategy.document.document import strategy_document
from core.trial.ledger import tries_of
from tests.unit.session.sessions import market
from tui.cli.main import main as papertape
from tui.shipped import shipped

_NAME = "rsi_bounce"
_CALLS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "os.link")
_LIVES = 4  # kills a workspace is given before it is looked through


class _Deadly:
    """Counts what this process does to the files below a folder, and kills it at one such call."""

    def __init__(self, root: Path, deadly: int | None) -> None:
        self.calls = 0
        self._root = str(root)
        self._deadly = deadly
        sys.addaudithook(self._heard)

    def _heard(self, event: str, arguments: tuple[object, ...]) -> None:
        if event not in _CALLS or not str(arguments[0]).startswith(self._root):
            return
        self.calls += 1
        if self.calls == self._deadly:
            os.kill(os.getpid(), signal.SIGKILL)


def _run(root: Path, command: Sequence[str], deadly: int | None = None) -> int:
    """Run a command in a process of its own, killed at that call; how many calls it made.

    Raises:
        AssertionError: it ended by itself, and not with code 0.
    """
    told, tell = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        with contextlib.suppress(BaseException):
            os.environ[ENVIRONMENT_VARIABLE] = str(root)
            nowhere = os.open(os.devnull, os.O_RDWR)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
            counting = _Deadly(root, deadly)
            code = papertape(command)
            os.write(tell, str(counting.calls).encode())
        os._exit(code)
    os.close(tell)
    with os.fdopen(told, "rb") as calls:
        made = calls.read()
    _, status = os.waitpid(child, 0)
    killed = deadly is not None and os.WIFSIGNALED(status)
    assert killed or status == 0, f"{command} ended with {status}"
    return int(made or 0)


class _Attack:
    """One workspace, in which commands are killed and then looked at what they left."""

    def __init__(self, root: Path, data: Sequence[Path]) -> None:
        self.workspace = Workspace(root)
        self.samples = {
            path.parent.name: path.read_bytes()
            for path in shipped("sample_strategies").glob("*/STRATEGY.md")
        }
        self.document = self.workspace.strategies / _NAME / "STRATEGY.md"
        self._data = data
        self._saves = 0

    def init(self, deadly: int | None = None) -> int:
        """Run `init`, killed at its call number `deadly`."""
        return _run(self.workspace.root, ("init",), deadly)

    def save(self, deadly: int | None = None) -> int:
        """Save a backtest, of another period each time, killed at its call number `deadly`."""
        self._saves += 1
        data = str(self._data[self._saves % len(self._data)])
        command = ("backtest", _NAME, "--data", data, "--save")
        return _run(self.workspace.root, command, deadly)

    def look_at_samples(self, *, whole: bool) -> list[str]:
        """What is wrong with the strategies; `whole`: `init` has come to its end since."""
        there = {
            folder.name: folder
            for folder in self.workspace.strategies.glob("*")
            if whole or not folder.name.startswith(".")
        }
        wrong = [f"{name} is no sample" for name in there.keys() - self.samples.keys()]
        for name, content in self.samples.items():
            if name not in there:
                wrong += [f"{name} is missing"] * whole
            elif not _holds(there[name] / "STRATEGY.md", content):
                wrong.append(f"{name} is not as it was shipped")
        return wrong

    def look_at_result(self, *, whole: bool) -> list[str]:
        """What is wrong with the saved backtest; `whole`: the last save has come to its end."""
        text = self.document.read_bytes()
        document = strategy_document(text.decode(), str(self.document))
        block = document.config.get("backtest")
        wrong = []
        if block is not None and stored_backtest(self.document, block) is None:
            wrong.append("a saved block has no result")
        if text.rpartition(b"\n---\n")[2] != self.samples[_NAME].rpartition(b"\n---\n")[2]:
            wrong.append("the prose has changed")
        if whole:
            tries = tries_of(self.workspace.tries, _NAME)
            if block is None or not 1 <= tries.runs <= self._saves:
                wrong.append(f"{tries.runs} tries counted of {self._saves}")
            folder = {path.name for path in self.document.parent.iterdir()}
            folder -= {self.document.name, stored_path(self.document).name, "README.md"}
            wrong += [f"left over: {name}" for name in folder]
        return wrong


def _holds(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content


def main(arguments: list[str]) -> int:
    """Kill as many commands as asked, and say what was wrong with what they left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    chance = random.Random(options.seed)
    wrong: list[str] = []
    killed = 0
    with tempfile.TemporaryDirectory() as folder:
        data = [Path(folder, f"{count}.csv") for count in (300, 350)]
        for path, count in zip(data, (300, 350), strict=True):
            write_candles(path, market(count))
        calm = _Attack(Path(folder, "calm"), data)
        with contextlib.redirect_stdout(None), contextlib.redirect_stderr(None):
            # What is imported late is here, and not in each process anew.
            papertape(("--workspace", str(calm.workspace.root), "init"))
            save = ("backtest", _NAME, "--data", str(data[0]), "--save")
            papertape(("--workspace", str(calm.workspace.root), *save))
        calls = {"init": calm.init(), "save": calm.save()}
        while killed < options.points:
            lives = range(min(_LIVES, options.points - killed))
            attack = _Attack(Path(folder, str(killed)), data)
            saving = killed // _LIVES % 2 == 1
            if saving:
                attack.init()
            run = attack.save if saving else attack.init
            for _ in lives:
                run(chance.randint(1, calls["save" if saving else "init"]))
                killed += 1
                found = (
                    attack.look_at_result(whole=False)
                    if saving
                    else attack.look_at_samples(whole=False)
                )
                wrong += [f"{attack.workspace.root.name}: {one}" for one in found]
            run()
            found = (
                attack.look_at_result(whole=True) if saving else attack.look_at_samples(whole=True)
            )
            found += [f"left over: {path}" for path in attack.workspace.strategies.rglob("*.tmp")]
            wrong += [f"{attack.workspace.root.name}: {one}" for one in found]
    print(*wrong, sep="\n")
    print(f"{killed} kills, {len(wrong)} things wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
