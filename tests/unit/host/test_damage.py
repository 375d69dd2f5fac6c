"""What a host makes of each file of its workspace when something is wrong with it: one table.

Whatever it is, the host runs, or refuses in words that name the file; sessions whose own files are
whole are there as they were; and nothing outside the workspace is read into it, or written.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tinydb import TinyDB
from tinydb.storages import MemoryStorage

from core.bootstrap import host_options
from core.exchange.market.synthetic import SyntheticMarket
from core.host.feed_factories import DemoMarket
from core.host.host import Host
from core.host.link import CommandError
from core.host.offline import offline_sessions
from core.host.stored_sessions import TABLE, SessionIndex
from core.journal.values import SessionState
from core.market.files.candle_files import write_candles
from core.store.workspace import Workspace, WorkspaceError
from tests.unit.host.hosts import hosting, replay_request, running
from tests.unit.session.sessions import START, market
from tests.waiting import until

OUTSIDE = "nobody's business: 1234567890"
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def _missing(path: Path) -> None:
    path.unlink(missing_ok=True)


def _truncated(path: Path) -> None:
    data = path.read_bytes() if path.exists() else b'{"jo'
    path.write_bytes(data[: len(data) * 2 // 3])


def _folder(path: Path) -> None:
    _missing(path)
    path.mkdir()
    (path / "inside").write_text("x")


def _pipe(path: Path) -> None:
    _missing(path)
    os.mkfifo(path)


def _link_out(path: Path) -> None:
    _missing(path)
    path.symlink_to(outside(path))


def _huge(path: Path) -> None:
    with path.open("ab") as file:
        file.truncate(20_000_000)  # of which none is on the disk


def _twice(path: Path) -> None:
    data = path.read_bytes() if path.exists() else b"{}\n"
    path.write_bytes(data + data)


def _locked_away(path: Path) -> None:
    """Without any right, which takes nothing from the administrator."""
    path.touch()
    path.chmod(0)


def _holding(data: bytes) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.write_bytes(data)

    return damage


DAMAGES: dict[str, Callable[[Path], None]] = {
    "missing": _missing,
    "empty": _holding(b""),
    "truncated": _truncated,
    "another type": _holding(b"[1, 2]\n"),
    "twice": _twice,
    "locked away": _locked_away,
    "garbage": _holding(bytes(range(256)) * 40),
    "folder": _folder,
    "pipe": _pipe,
    "link out": _link_out,
    "huge": _huge,
    "bomb": _holding(BOMB.encode()),
}

FILES = {
    "what the host keeps": (
        "exchanges.yaml",
        "notifications.yaml",
        "papertape.json",
        "papertape.backup.json",
        "lock",
        "host.log",
        "tries.jsonl",
        "trades.jsonl",
        "control.sock",
    ),
    "preferences": ("config.yaml",),
    "record": ("sessions/broken00/session.json",),
    "events and report": ("sessions/broken00/events.jsonl", "sessions/broken00/report.json"),
    "events of one that rests": ("sessions/resting0/events.jsonl",),
    "candles": (
        "journal/replay-broken00/BTC-USDT-5m.jsonl",
        "journal/replay-resting0/BTC-USDT-5m.jsonl",
    ),
}


def outside(path: Path) -> Path:
    """The file beside the workspace in which `path` lies."""
    home = next(one for one in path.parents if one.name == "home")
    return home.with_name("outside")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with an ended session, one to be broken, and one that rests."""
    folder = tmp_path_factory.mktemp("template")
    write_candles(folder / "candles.csv", market(400))
    names = iter(("whole000", "broken00", "resting0"))

    async def use() -> None:
        async with hosting(folder / "home", new_id=lambda: next(names)) as host:
            for speed in (None, None, 0.001):
                request = replay_request(folder / "candles.csv", speed=speed)
                session_id = (await host.start(request)).session_id
                if speed is None:
                    await host.ended(session_id)
                else:
                    await host.pause(session_id)

    asyncio.run(use())
    home = folder / "home"
    (home / "exchanges.yaml").write_text(
        "binance_testnet: {api_key: tnKEY0123456789abcdef, api_secret: tnSECRETfedcba9876543210}\n"
    )
    (home / "config.yaml").write_text("theme: paper\n")
    (home / "notifications.yaml").write_text("urls: []\n")
    for name in ("exchanges.yaml", "config.yaml", "notifications.yaml"):
        (home / name).chmod(0o600)
    return home


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("what", FILES)
async def test_a_damaged_file_costs_at_most_what_is_in_it(
    tmp_path: Path, template: Path, what: str, damage: str
) -> None:
    home = tmp_path / "home"
    shutil.copytree(template, home)
    kept = outside(home / "lock")
    kept.write_text(OUTSIDE)
    for name in FILES[what]:
        DAMAGES[damage](home / name)
    try:
        await _host(home, what)
    except WorkspaceError as error:
        if damage != "locked away":  # of which a word with the file's name is enough
            raise
        assert any(name in str(error) for name in FILES[what])
    finally:
        for path in home.rglob("*"):
            if not path.is_symlink() and not path.stat().st_mode & 0o400:
                path.chmod(0o600)
    assert kept.read_text() == OUTSIDE
    for path in home.rglob("*"):
        if path.is_file() and not path.is_symlink() and path.stat().st_size < 1_000_000:
            assert OUTSIDE.encode() not in path.read_bytes(), path


async def _host(home: Path, what: str) -> None:
    demo = DemoMarket(SyntheticMarket(7), START, 1.0, "demo-7")
    try:
        options = host_options(Workspace(home), "headless", demo)
    except WorkspaceError as error:
        assert what == "preferences"
        assert "config.yaml" in str(error)
        return
    async with asyncio.timeout(60), running(Workspace(home), options) as host:
        await _look(host, resting="resting0" not in str(FILES[what]))
    resting = {one.id: one.state for one in await offline_sessions(Workspace(home))}
    assert resting["whole000"] is SessionState.STOPPED


async def _look(host: Host, *, resting: bool) -> None:
    await until(lambda: len(host.fresh_snapshot().sessions) == 3)
    await until(
        lambda: all(
            one.state is not SessionState.STARTING for one in host.fresh_snapshot().sessions
        )
    )
    shown = {one.id: one for one in host.fresh_snapshot().sessions}
    assert shown["whole000"].state is SessionState.STOPPED
    report: Any = await host.reader.report("whole000")
    assert report["trades"]
    if resting:
        assert shown["resting0"].state is SessionState.PAUSED
        await host.stop("resting0")
    try:
        await host.reader.report("broken00")
        await host.reader.detail("broken00")
    except CommandError as error:
        assert "broken00" in str(error)
    await host.delete("broken00")
    assert not host.snapshot().faults


def test_a_row_of_the_index_that_is_of_no_session_is_passed_over() -> None:
    database = TinyDB(storage=MemoryStorage)
    database.table(TABLE).insert({"archived": True, "final": {"ended": START}})
    assert SessionIndex(database).last_days(START) == ()
