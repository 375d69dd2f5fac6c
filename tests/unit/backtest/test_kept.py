"""An interrupted sweep is taken up again, and comes to what an uninterrupted one comes to."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import orjson
import pytest

from core.backtest.axes import Axis, parse_axis
from core.backtest.kept import Keeping
from core.backtest.progress import Progress
from core.backtest.sweep import Sweep, run_sweep, sweep_to_json
from core.market.candles.candles import Candles
from core.store.durable import try_lock
from tests.unit.backtest.test_sweep import candles, config

AXES = [parse_axis("rsi.period=7:14"), parse_axis("entry_conditions[0].value=1,45")]  # 1: no trade


@pytest.fixture
def keep(tmp_path: Path) -> Keeping:
    return Keeping(tmp_path / "unfinished")


def interrupted(keep: Keeping, after: int, split: float | None = None) -> Sweep:
    cancel = threading.Event()

    def told(now: Progress) -> None:
        if now.done == after:
            cancel.set()

    return run_sweep(
        config(), AXES, candles(), split=split, on_progress=told, cancel=cancel, keep=keep
    )


def resumed(
    keep: Keeping,
    axes: list[Axis] = AXES,
    history: Mapping[str, Candles] | None = None,
    split: float | None = None,
) -> tuple[Sweep, int]:
    """The sweep, and how much of it an earlier run had finished."""
    told: list[Progress] = []
    found = run_sweep(
        config(),
        axes,
        history or candles(),
        split=split,
        workers=2,
        on_progress=told.append,
        keep=keep,
    )
    assert told[-1].done == found.total
    return found, told[-1].taken_up


def files(keep: Keeping) -> list[Path]:
    return list(keep.folder.iterdir())


def alike(one: Sweep, other: Sweep) -> None:
    assert orjson.dumps(sweep_to_json(one)) == orjson.dumps(sweep_to_json(other))
    assert one.returns.tobytes() == other.returns.tobytes()


@pytest.mark.parametrize("split", [None, 60.0])
def test_what_was_finished_is_taken_up_and_nothing_differs(
    keep: Keeping, split: float | None
) -> None:
    part = interrupted(keep, 5, split)
    assert (len(part.rows), part.kept) == (5, 5)
    found, taken_up = resumed(keep, split=split)
    assert taken_up == 5
    alike(found, run_sweep(config(), AXES, candles(), split=split))
    assert files(keep) == []


@pytest.mark.parametrize("damage", ["half a result", "a wrong byte"])
def test_what_is_not_whole_is_run_again(keep: Keeping, damage: str) -> None:
    interrupted(keep, 6)
    [file] = files(keep)
    data = bytearray(file.read_bytes())
    if damage == "half a result":
        del data[-40:]
    else:
        data[len(data) // 2] ^= 1
    file.write_bytes(data)
    found, taken_up = resumed(keep)
    assert 0 < taken_up < 6
    alike(found, run_sweep(config(), AXES, candles()))


def test_only_the_very_same_work_is_taken_up(keep: Keeping) -> None:
    interrupted(keep, 5)
    dearer = candles()["BTC/USDT"]
    volume = np.where(np.arange(len(dearer)) == 3, 7.0, dearer.volume)
    other = Candles(dearer.time, dearer.open, dearer.high, dearer.low, dearer.close, volume)
    assert resumed(keep, history={"BTC/USDT": other})[1] == 0
    assert resumed(keep, axes=list(reversed(AXES)))[1] == 0
    assert resumed(keep, split=60)[1] == 0
    assert resumed(Keeping(keep.folder, afresh=True))[1] == 0


def test_another_process_at_the_same_work_is_left_alone(keep: Keeping) -> None:
    interrupted(keep, 5)
    [file] = files(keep)
    with file.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        before = file.read_bytes()
        assert resumed(keep)[1] == 0
        assert file.read_bytes() == before
    assert interrupted(keep, 7).kept == 7


def test_what_nobody_takes_up_goes_after_a_while_and_of_many_the_oldest(keep: Keeping) -> None:
    keep.folder.mkdir()
    for number in range(30):
        path = keep.folder / f"{number}.work"
        path.write_bytes(b"")
        ago = 20 * 86_400 if number == 29 else number * 60
        now = path.stat().st_mtime
        os.utime(path, (now - ago, now - ago))
    interrupted(keep, 2)
    left = {path.stem for path in files(keep)}
    assert len(left) == 16
    assert {str(number) for number in range(15)} < left


def test_a_folder_that_cannot_be_made_keeps_nothing_and_hinders_nothing(tmp_path: Path) -> None:
    nowhere = Keeping(tmp_path / "no" / "workspace")
    assert interrupted(nowhere, 5).kept == 0
    assert resumed(nowhere)[1] == 0


def test_a_folder_that_is_a_link_is_neither_written_to_nor_cleaned(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "unfinished").mkdir(parents=True)
    old = elsewhere / "unfinished" / "old.work"
    old.write_bytes(b"")
    os.utime(old, (0, 0))
    (tmp_path / "cache").symlink_to(elsewhere)
    (tmp_path / "unfinished").symlink_to(elsewhere / "unfinished")
    for folder in (tmp_path / "cache" / "unfinished", tmp_path / "unfinished"):
        assert interrupted(Keeping(folder), 5).kept == 0
        assert list(folder.iterdir()) == [folder / "old.work"]


def test_a_file_that_its_finished_work_took_away_meanwhile_keeps_nothing(
    keep: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    def finished_meanwhile(descriptor: int) -> bool:
        [file] = files(keep)
        file.unlink()
        return try_lock(descriptor)

    monkeypatch.setattr("core.backtest.kept.try_lock", finished_meanwhile)
    assert interrupted(keep, 5).kept == 0
