"""Kill a session's host with SIGKILL at many points of its life, and compare what it comes to.

Every call through which a byte reaches the disk is a point: before it, in the middle of what it
writes, and after it. Run `python -m tests.recovery.soak_kill --points 240`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

import talib  # noqa: F401  by this process, and not again by each that is forked from it

from core.store.durable import OsDisk
from tests.recovery.scenarios import SCENARIOS, Scenario, run_to_the_end

_MOMENTS = ("before", "halfway", "after")


class CountingDisk(OsDisk):
    """Counts the calls."""

    def __init__(self) -> None:
        self.calls = 0

    def write(self, descriptor: int, data: bytes) -> int:
        self.calls += 1
        return super().write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        self.calls += 1
        super().sync(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        self.calls += 1
        super().replace(source, target)


class DeadlyDisk(CountingDisk):
    """Kills its process at one call."""

    def __init__(self, call: int, moment: str) -> None:
        super().__init__()
        self._call = call
        self._moment = moment

    def write(self, descriptor: int, data: bytes) -> int:
        due = self.calls + 1 == self._call
        if due and self._moment == "halfway":
            os.write(descriptor, data[: len(data) // 2])
            _die()
        self._before()
        written = super().write(descriptor, data)
        self._after()
        return written

    def sync(self, descriptor: int) -> None:
        self._before()
        super().sync(descriptor)
        self._after()

    def replace(self, source: Path, target: Path) -> None:
        self._before()
        super().replace(source, target)
        self._after()

    def _before(self) -> None:
        if self.calls + 1 == self._call and self._moment != "after":
            _die()

    def _after(self) -> None:
        if self.calls == self._call:
            _die()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def in_a_process(root: Path, scenario: Scenario, disk: CountingDisk) -> dict[str, Any] | None:
    """Run the scenario's host in a process of its own; None where it was killed."""
    result = root.with_suffix(".json")
    result.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            found = asyncio.run(run_to_the_end(root, scenario, disk))
            result.write_text(json.dumps({"outcome": found, "calls": disk.calls}))
            code = 0
        except BaseException:  # noqa: BLE001  it ends here, and only the exit code goes on
            traceback.print_exc()
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return None
    if os.WEXITSTATUS(status) != 0:
        raise RuntimeError(f"{scenario.name}: the host failed; see above ({root})")
    return dict(json.loads(result.read_text()))


def difference(expected: dict[str, Any], found: dict[str, Any]) -> str | None:
    """The first thing in which two outcomes differ, or None."""
    for name, value in expected.items():
        if found[name] != value:
            return f"{name}: {str(value)[:300]} became {str(found[name])[:300]}"
    return None


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=240)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    chance = random.Random(options.seed)
    failures = killed = 0
    with tempfile.TemporaryDirectory() as folder:
        calm: dict[str, dict[str, Any] | None] = {}
        for number in range(options.points):
            scenario = SCENARIOS[number % len(SCENARIOS)]
            if scenario.name not in calm:
                root = Path(folder) / f"calm {scenario.name}"
                calm[scenario.name] = in_a_process(root, scenario, CountingDisk())
            expected = calm[scenario.name]
            assert expected is not None
            root = Path(folder) / str(number)
            found: dict[str, Any] | None = None
            kills: list[tuple[int, str]] = []
            while found is None:
                # The first kill falls anywhere; the later ones hit the recovery itself.
                last = expected["calls"] if not kills else 40
                kill = (chance.randint(1, last), chance.choice(_MOMENTS))
                deadly = DeadlyDisk(*kill) if len(kills) < 3 else CountingDisk()
                found = in_a_process(root, scenario, deadly)
                kills += [kill] if found is None else []
            killed += len(kills)
            wrong = difference(expected["outcome"], found["outcome"])
            if wrong is not None:
                failures += 1
                print(f"{scenario.name}, killed at {kills}: {wrong}", flush=True)
            if (number + 1) % 30 == 0:
                print(f"{number + 1} sessions, {killed} kills so far", flush=True)
    print(f"{killed} kills in {options.points} sessions, {failures} with another outcome")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
