"""A saved backtest is there whole, block and result, wherever its saving was killed."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from core.backtest.run import run_backtest
from core.report.stored_backtest import save_backtest, stored_backtest, stored_path
from core.strategy.config.parsing import parse_config
from core.strategy.document.document import read_strategy
from core.strategy.document.write_back import write_blocks
from core.strategy.document.yaml_text import write_yaml
from tests.unit.session.sessions import RSI, START, market

HISTORY = {"BTC/USDT": market(400)}


def make_document(folder: Path) -> Path:
    document = folder / "STRATEGY.md"
    document.write_text(f"---\n{write_yaml(RSI)}---\nwords\n", encoding="utf-8")
    return document


def save(document: Path, balance: float) -> None:
    config = parse_config({**RSI, "starting_balance": balance}).config
    save_backtest(document, run_backtest(config, HISTORY), HISTORY, START)


def killed_at(call: int, work: Callable[[], None]) -> bool:
    """Do something in a child that is killed at a call to the kernel; whether it was."""
    child = os.fork()
    if child:
        return os.WIFSIGNALED(os.waitpid(child, 0)[1])
    left = [call]

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def call_or_die(*arguments: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] <= 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **options)

        return call_or_die

    for name in ("open", "write", "fsync", "ftruncate", "rename", "replace", "close"):
        setattr(os, name, counted(getattr(os, name)))
    try:
        work()
    finally:
        os._exit(0)


def test_killed_anywhere_the_block_has_its_result(tmp_path: Path) -> None:
    document = make_document(tmp_path)
    save(document, 1_000.0)
    balances = set()
    for call in range(1, 200):
        balance = 1_000.0 + call
        was_killed = killed_at(call, lambda balance=balance: save(document, balance))  # type: ignore[misc]
        block = read_strategy(document).config["backtest"]
        whole = stored_backtest(document, block)
        assert whole is not None, call
        balances.add(whole["starting_balance"])
        if not was_killed:
            break
    else:
        pytest.fail("it never came to its end")
    assert {1_000.0, balance} < balances
    assert stored_backtest(document, block) == whole
    assert document.read_text(encoding="utf-8").endswith("---\nwords\n")


def test_who_reads_it_while_it_is_saved_puts_the_result_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = make_document(tmp_path)
    found = []

    def written_and_read(path: Path, blocks: Mapping[str, object]) -> None:
        write_blocks(path, blocks)
        found.append(stored_backtest(path, read_strategy(path).config["backtest"]))

    monkeypatch.setattr("core.report.stored_backtest.write_blocks", written_and_read)
    save(document, 2_000.0)
    assert found == [stored_backtest(document, read_strategy(document).config["backtest"])]
    assert found[0] is not None
    assert found[0]["starting_balance"] == 2_000.0


def test_a_full_disk_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = make_document(tmp_path)
    before = document.read_bytes()

    def full(_: int, __: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(
        OSError, match=r"No space left on device: '.*STRATEGY\.backtest\.next\.json"
    ):
        save(document, 1_000.0)
    assert document.read_bytes() == before
    assert not stored_path(document).exists()
