"""Kill hosts with SIGKILL at random moments, with commands, jobs and notifications in flight.

The killer stands outside: it gives commands over the control socket as any client would, several at
a time, and kills whenever its clock says. What was acknowledged must hold, what was not may have
happened or not, and no session may come to anything that its candles and commands do not say. Run
`python -m tests.recovery.soak_commands --points 300`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from core.host.host import HostOptions
from core.host.job_values import JobOrder
from core.host.link import CommandError
from core.host.runner import run_host
from core.host.socket_link import SocketLink
from core.host.socket_server import ControlSocket
from core.journal.manifest import SessionManifest
from core.journal.values import FeedKind
from core.market.feeds.feed import CandleClosed, EventSink, Feed
from core.schedule.service import Schedule
from core.session.snapshot import HostSnapshot, StartRequest
from core.store.durable import OsDisk
from core.store.workspace import Workspace
from core.strategy.config.config import StrategyConfig
from core.time_format import parse_time
from core.trading.values import Fills, Side
from tests.recovery.scenarios import SCENARIOS, Scenario, ScriptedFeed, run_to_the_end
from tests.unit.session.sessions import SPAN, START

_MARKET = SCENARIOS[1]
_SYMBOL = next(iter(_MARKET.candles))
_LIVES = 12  # kills a workspace is given before it is looked through
_IN_FLIGHT = 6  # commands
_MOST = 12  # sessions that may run together
_CANDLE = 0.01  # seconds
_BOOT = 0.25  # seconds within which some hosts are killed, before they answer or just then
_SETTLE = 60.0  # seconds a host has to answer, and the last one to bring everything in order
_COMMANDS = {  # and how often each is given
    "start": 4,
    "stop": 2,
    "close": 1,
    "flatten": 2,
    "enter": 2,
    "block": 1,
    "allow": 1,
    "pause": 2,
    "resume": 2,
    "restart": 1,
    "archive": 1,
    "delete": 1,
    "report": 1,
    "add_job": 2,
    "remove_job": 1,
    "run_job": 1,
    "pause_job": 1,
}
_DISTURBING = ("pause", "resume", "flatten", "enter", "stop")


class _PacedFeed(ScriptedFeed):
    """Its market goes on at a pace at which commands fall between its candles."""

    async def run(self, sink: EventSink) -> None:
        async for event in self._events():
            if isinstance(event, CandleClosed):
                await asyncio.sleep(_CANDLE)
            await sink.room(below=1)
            sink.put(event)


def _serve(root: Path, began: float) -> int:
    """The process of a host, which lives until it is killed or shut down."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:

        async def feed(_: SessionManifest, __: StrategyConfig) -> Feed:
            return _PacedFeed(_MARKET)

        def clock() -> int:
            return START + 200 * SPAN + int((time.monotonic() - began) / _CANDLE) * SPAN

        async def control_socket(host: Any) -> None:
            await ControlSocket(host).serve()

        options = HostOptions(
            feeds={FeedKind.LIVE: feed},
            clock=clock,
            schedule=Schedule,
            companions=(control_socket,),
            retry_after=0.5,
        )
        loop = asyncio.new_event_loop()
        loop.run_until_complete(run_host(Workspace(root), options))
        code = 0
    except BaseException:  # noqa: BLE001  it ends here, and only the exit code goes on
        traceback.print_exc()
    finally:
        os._exit(code)


@dataclass
class _Known:
    """What the killer was told of one session."""

    told: Counter[str] = field(default_factory=Counter)  # commands acknowledged
    asked: Counter[str] = field(default_factory=Counter)  # commands sent


class Killer:
    """One workspace: what was asked of its hosts, and what they acknowledged."""

    def __init__(self, root: Path, chance: random.Random) -> None:
        self.root = root
        self.workspace = Workspace(root)
        self.workspace.prepare()
        self.sessions: dict[str, _Known] = {}
        self.jobs: set[str] = set()
        self.gone_jobs: set[str] = set()
        self.wrong: list[str] = []
        self.began = time.monotonic()
        self._chance = chance
        if chance.random() < 0.3:
            self.workspace.notifications.write_text('urls: ["json://127.0.0.1:9/none"]\n')
            self.workspace.notifications.chmod(0o600)

    def life(self) -> None:
        """One host, from its start to its kill."""
        process = _serve(self.root, self.began)
        try:
            asyncio.run(self._command(process))
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
            _, status = os.waitpid(process, 0)
        if not os.WIFSIGNALED(status):
            self.wrong.append(f"a host ended by itself with {status}")

    async def _command(self, process: int) -> None:
        """Give commands until it is time, several at once, and kill between two of them.

        Some hosts are killed as they begin; the others live from their first answer on for some
        times as long as that took, so that a busy machine gets as far as a quiet one.
        """
        began = time.monotonic()
        asking: set[asyncio.Task[None]] = set()
        link: SocketLink | None = None
        early = self._chance.random() < 0.25
        boot = self._chance.uniform(0.0, _BOOT) if early else _SETTLE
        until = began + boot
        while (now := time.monotonic()) < until:
            if link is None:
                with contextlib.suppress(OSError, CommandError):
                    if self.workspace.socket.exists():
                        link = SocketLink.connect(self.workspace, follow=False)
                        if not early:
                            now = time.monotonic()
                            until = now + (now - began) * self._chance.expovariate(0.5)
            elif len(asking) < _IN_FLIGHT:
                task = asyncio.create_task(self._ask(link))
                asking.add(task)
                task.add_done_callback(asking.discard)
            pause = self._chance.choice((0.0, 0.001, 0.005, 0.02))
            await asyncio.sleep(min(pause, max(0.0, until - now)))
        os.kill(process, signal.SIGKILL)
        await asyncio.gather(*asking)

    async def _ask(self, link: SocketLink) -> None:
        with contextlib.suppress(CommandError):  # refused, or killed in the middle
            await self._one(link)

    async def _one(self, link: SocketLink) -> None:
        chance = self._chance
        here = (await link.fresh_snapshot()).sessions
        for session in here:
            self.sessions.setdefault(session.id, _Known())
        running = [one.id for one in here if not one.state.ended]
        ended = [one.id for one in here if one.state.ended]
        (do,) = chance.choices(tuple(_COMMANDS), tuple(_COMMANDS.values()))
        if do == "start" or not here:
            if len(running) < _MOST:
                self._started((await link.start(_request(chance))).session_id)
        elif do == "add_job":
            target = chance.choice([None, *running])
            order = JobOrder(every_seconds=10, message="look", session_id=target)
            job = await link.add_job(order)
            if target is None:  # others go with their sessions
                self.jobs.add(job.job_id)
        elif do in ("remove_job", "run_job", "pause_job"):
            jobs = await link.list_jobs()
            if jobs:
                job_id = chance.choice(jobs).job_id
                if do == "remove_job":
                    self.gone_jobs.add(job_id)
                    await link.remove_job(job_id)
                elif do == "run_job":
                    await link.run_job(job_id)
                else:
                    await link.pause_job(job_id, paused=chance.random() < 0.3)
        elif do in ("archive", "delete"):
            if len(ended) > 2:
                await self._tell(chance.choice(ended), do, getattr(link, do))
        elif do == "report":
            await link.report(chance.choice(here).id)
        elif do == "restart":
            if len(running) < _MOST:
                self._started((await link.restart(chance.choice(here).id)).session_id)
        elif running:
            target = chance.choice(running)
            if do == "close":
                await self._tell(target, "stop", lambda name: link.stop(name, flatten=True))
            elif do == "enter":
                await self._tell(target, do, lambda name: link.enter(name, _SYMBOL, Side.LONG))
            elif do == "block":
                await self._tell(target, "pause", lambda name: link.pause(name, _SYMBOL))
            elif do == "allow":
                await self._tell(target, "resume", lambda name: link.resume(name, _SYMBOL))
            else:
                await self._tell(target, do, getattr(link, do))

    def _started(self, session_id: str) -> None:
        self.sessions.setdefault(session_id, _Known()).told["start"] += 1

    async def _tell(
        self, session_id: str, do: str, ask: Callable[[str], Awaitable[object]]
    ) -> None:
        known = self.sessions[session_id]
        known.asked[do] += 1
        await ask(session_id)
        known.told[do] += 1

    # ── What it came to ──

    def look_through(self, calm: Mapping[str, Any]) -> None:
        """Host the workspace once more in peace, end everything, and compare."""
        process = _serve(self.root, self.began)
        try:
            asyncio.run(self._end_all())
            _, status = os.waitpid(process, 0)
            if status != 0:
                self.wrong.append(f"the last host ended with {status}")
        except BaseException:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            raise
        for session_id in self.workspace.session_ids():
            self.wrong += [f"{session_id}: {one}" for one in self._look_at(session_id, calm)]
        self.wrong += [
            f"left over: {path.relative_to(self.root)}" for path in self.root.rglob("*.tmp")
        ]

    async def _end_all(self) -> None:
        deadline = time.monotonic() + _SETTLE
        link = None
        while link is None:
            try:
                link = SocketLink.connect(self.workspace, follow=False)
            except CommandError:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.1)
        snapshot = await link.fresh_snapshot()
        self._compare_lists(snapshot, {job.job_id for job in await link.list_jobs()})
        for session in snapshot.sessions:
            try:
                await link.stop(session.id)
            except CommandError as error:
                self.wrong.append(f"{session.id}: cannot be stopped: {error}")
        self.wrong += [
            f"{one.id}: {one.state} ({one.state_reason})"
            for one in (await link.fresh_snapshot()).sessions
            if not one.state.ended or one.interrupted or one.state.value == "error"
        ]
        await link.shut_down()

    def _compare_lists(self, snapshot: HostSnapshot, jobs: set[str]) -> None:
        shown = {one.id: one for one in snapshot.sessions}
        there = set(self.workspace.session_ids())
        for session_id, known in self.sessions.items():
            if known.told["delete"] and session_id in shown.keys() | there:
                self.wrong.append(f"{session_id}: was deleted, and is there")
            if known.told["archive"] and session_id in shown:
                self.wrong.append(f"{session_id}: was archived, and is shown")
            if not known.asked["delete"] and session_id not in there:
                self.wrong.append(f"{session_id}: is lost")
            if not known.asked["archive"] and session_id in there and session_id not in shown:
                self.wrong.append(f"{session_id}: is not shown")
            if known.told["stop"] and session_id in shown and not shown[session_id].state.ended:
                self.wrong.append(f"{session_id}: was stopped, and runs")
        if snapshot.faults:
            self.wrong.append(f"faults: {snapshot.faults}")
        self.wrong += [f"job {one} is lost" for one in self.jobs - self.gone_jobs - jobs]

    def _look_at(self, session_id: str, calm: Mapping[str, Any]) -> list[str]:
        folder = self.workspace.session(session_id)
        try:
            data = (folder / "events.jsonl").read_bytes()
        except FileNotFoundError:
            return [f"has no journal, but {sorted(one.name for one in folder.iterdir())}"]
        lines = [orjson.loads(line) for line in data.splitlines()]
        kinds = [line.get("kind") for line in lines[1:]]
        if kinds.count("stopped") != 1 or kinds[-1] != "stopped":
            return [f"its journal ends with {kinds[-3:]}"]
        if not (folder / "report.json").exists():
            return ["has ended, and has no report"]
        wrong = []
        commands = [line for line in lines if line.get("kind") == "command"]
        said = Counter(line["do"] for line in commands)
        known = self.sessions.get(session_id, _Known())
        for do in ("pause", "resume", "flatten", "enter"):
            if said[do] < known.told[do] or said[do] > known.asked[do]:
                wrong.append(
                    f"{do} told {known.told[do]}, asked {known.asked[do]}, done {said[do]}"
                )
        stop = next((place for place, one in enumerate(lines) if one.get("do") == "stop"), None)
        if stop is not None and not lines[stop].get("flatten"):
            after = {one["kind"] for one in lines[stop + 1 :]} - {"returned", "stopped", "command"}
            if after:
                wrong.append(f"goes on after its stop with {after}")
        return wrong + self._differences(folder, commands, calm)

    def _differences(
        self, folder: Path, commands: list[dict[str, Any]], calm: Mapping[str, Any]
    ) -> list[str]:
        """In what a session differs from the calm one, up to its first command."""
        report = orjson.loads((folder / "report.json").read_bytes())
        # Until then nobody has told the session anything.
        first = next((one.get("after") or 0 for one in commands if one["do"] in _DISTURBING), None)
        wrong = []
        expected = dict(calm["equity"])
        for at, equity in report["equity"]:
            # That candle's equity may count what the command filled after it.
            if first is not None and parse_time(at) >= first:
                break
            if expected.get(at) != equity:
                wrong.append(f"equity at {at}: {equity} but {expected.get(at)}")
                break
        trades = {trade["entry_time"]: trade for trade in calm["trades"]}
        for trade in report["trades"]:
            closed = parse_time(trade["exit_time"])
            if (first is None or closed <= first) and trades.get(trade["entry_time"]) != trade:
                wrong.append(f"trade {trade} but {trades.get(trade['entry_time'])}")
                break
        return wrong


def _request(chance: random.Random) -> StartRequest:
    span = chance.choice((None, 20, 60, 150))
    return StartRequest(
        _MARKET.config,
        FeedKind.LIVE,
        fills=Fills.CANDLE,
        until=_MARKET.end if span is None else START + (200 + span) * SPAN + SPAN // 2,
    )


def main(arguments: list[str]) -> int:
    """Kill as many hosts as asked, and say what was wrong with what they left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    chance = random.Random(options.seed)
    killed = failures = sessions = 0
    with tempfile.TemporaryDirectory() as folder:
        whole = Scenario("calm", _MARKET.config, Fills.CANDLE, _MARKET.candles)
        calm = asyncio.run(run_to_the_end(Path(folder) / "calm", whole, OsDisk()))
        while killed < options.points:
            killer = Killer(Path(folder) / str(killed), chance)
            for _ in range(min(_LIVES, options.points - killed)):
                killer.life()
                killed += 1
            killer.look_through(calm)
            sessions += len(killer.sessions)
            failures += bool(killer.wrong)
            for one in killer.wrong:
                print(f"{killer.root.name}: {one}", flush=True)
            print(f"{killed} kills, {sessions} sessions so far", flush=True)
    print(f"{killed} kills with {sessions} sessions, {failures} workspaces with something wrong")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
