"""Counts the tries it took to find a strategy: every backtest and every sweep, in `tries.jsonl`.

A backtest that was the best of many tries promises less than it shows, and by how much depends on
how many there were. Nobody remembers that number; so each run leaves a line in the workspace,
whoever started it (command line, screen, tool call). Lines are only ever added. The same config on
the same candles counts once, however often it is run again.
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import stat
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from core.market.candles.candles import Candles
from core.report.result import RunResult
from core.store.durable import open_regular, try_lock
from core.strategy.config.config import StrategyConfig
from core.strategy.signals.sources import digest_at_any_balance, signal_source
from core.typed import prepare

_LOCK_TRIES, _LOCK_PAUSE = 500, 0.01  # five seconds: others hold it while they write a line
_LONGEST_LINE = 4_096  # bytes; what is longer was not written by this program


class Try(msgspec.Struct, frozen=True, kw_only=True):
    """One run that was looked at.

    Attributes:
        strategy: its name.
        config: the hash of the config; of a sweep, of what it varied and how.
        data: the hash of the candles.
        time: when it was run, UTC ms.
        tried: how many configs: 1 for a backtest.
        effective: how many independent tries these amount to, between 1 and `tried`.
    """

    strategy: str
    config: str
    data: str
    time: int
    tried: int = 1
    effective: float = 1.0


@dataclass(frozen=True, slots=True)
class TryCount:
    """What a strategy's ledger adds up to.

    Attributes:
        runs: different backtests and sweeps.
        tried: configs they tried.
        effective: the independent tries these amount to; 0 where nothing is recorded.
        bad_lines: lines of the ledger, of any strategy, that are no tries and were left out.
    """

    runs: int
    tried: int
    effective: float
    bad_lines: int


def data_digest(candles: Mapping[str, Candles]) -> str:
    """SHA-256 (hex) of the candles of each symbol: open times and closes."""
    digest = hashlib.sha256()
    for symbol in sorted(candles):
        history = candles[symbol]
        digest.update(f"{symbol}:{len(history)}:".encode())
        digest.update(history.time.tobytes())
        digest.update(history.close.tobytes())
    return digest.hexdigest()


def note_try(ledger: Path, one: Try) -> bool:
    """Add a line to the ledger, unless there is no workspace to keep it in.

    Several processes may write at once: a line is added whole, under a lock.

    Returns:
        Whether it was noted: False where the ledger's folder does not exist.

    Raises:
        OSError: it cannot be written.
    """
    if not ledger.parent.is_dir():
        return False
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(ledger, flags, 0o600)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(ledger))
        _lock(descriptor)
        os.write(descriptor, msgspec.json.encode(one) + b"\n")
    finally:
        os.close(descriptor)
    return True


def _lock(descriptor: int) -> None:
    for _ in range(_LOCK_TRIES):
        if try_lock(descriptor):
            return
        time.sleep(_LOCK_PAUSE)
    raise OSError(errno.EAGAIN, "another process has locked it")


def backtest_try(config: StrategyConfig, candles: Mapping[str, Candles], now: int) -> Try:
    """A backtest as a try.

    Args:
        config: what was run.
        candles: what it ran on, by symbol.
        now: UTC ms.
    """
    return Try(
        strategy=config.name,
        config=digest_at_any_balance(config),
        data=data_digest(candles),
        time=now,
    )


def sweep_try(
    config: StrategyConfig,
    varied: Mapping[str, Sequence[object]],
    candles: Mapping[str, Candles],
    effective: float,
    now: int,
    *,
    tried: int | None = None,
) -> Try:
    """A sweep as a try; one that varies nothing is a backtest.

    Args:
        config: what was varied.
        varied: the values that were tried, by path.
        candles: what it ran on, by symbol.
        effective: how many independent tries it amounts to.
        now: UTC ms.
        tried: how many configs were run; None: all of them.
    """
    if not varied:
        return backtest_try(config, candles, now)
    written = json.dumps([signal_source(config).digest, varied], sort_keys=True, default=str)
    if tried is None:
        tried = math.prod(len(values) for values in varied.values())
    return Try(
        strategy=config.name,
        config=hashlib.sha256(written.encode()).hexdigest(),
        data=data_digest(candles),
        time=now,
        tried=tried,
        effective=min(max(1.0, effective), float(tried)),
    )


def count(ledger: Path, one: Try) -> str | None:
    """Count a try; a warning where it could not be counted."""
    try:
        note_try(ledger, one)
    except OSError as error:
        return f"{ledger}: this is not counted among the tries ({error.strerror or error})"
    return None


def noted(
    ledger: Path,
    result: RunResult,
    config: StrategyConfig,
    candles: Mapping[str, Candles],
    now: int,
) -> RunResult:
    """Count a backtest among the tries; the result, with a warning where that failed."""
    warning = count(ledger, backtest_try(config, candles, now))
    if warning is not None:
        return replace(result, warnings=(*result.warnings, warning))
    return result


def tries_of(ledger: Path, strategy: str, beside: Try | None = None) -> TryCount:
    """The tries that were made of a strategy; none where there is no ledger.

    Args:
        ledger: of the workspace.
        strategy: its name.
        beside: a try that is not to be counted, nor the same one of before.

    Raises:
        OSError: it cannot be read.
    """
    found: dict[tuple[str, str], Try] = {}
    bad = 0
    try:
        with open_regular(ledger) as lines:
            while line := lines.readline(_LONGEST_LINE + 1):
                one = _read(line)
                if one is None:
                    bad += 1
                elif one.strategy == strategy:
                    before = found.get((one.config, one.data))
                    # One that was cancelled takes nothing from the same one that was not.
                    if before is None or before.tried <= one.tried:
                        found[one.config, one.data] = one
    except FileNotFoundError:
        pass
    if beside is not None:
        found.pop((beside.config, beside.data), None)
    tries = found.values()
    return TryCount(
        runs=len(tries),
        tried=sum(one.tried for one in tries),
        effective=sum(one.effective for one in tries),
        bad_lines=bad,
    )


def _read(line: bytes) -> Try | None:
    try:
        one = msgspec.json.decode(line, type=Try)
    except msgspec.DecodeError:  # ValidationError is one, too
        return None
    return one if 1 <= one.effective <= one.tried else None


prepare(Try)
