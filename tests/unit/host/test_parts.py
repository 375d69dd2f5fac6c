"""A part of a host that fails is started again, and named as failed until then."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from core.host.host import Host
from core.host.parts import Parts
from core.market.tasks import cancelled
from tests.unit.host.hosts import hosting
from tests.waiting import until
from tui.cli.session_text import sessions_text


class ForeignError(BaseException):
    """As extensions made outside of Python raise: no `Exception`."""


async def test_a_part_that_fails_is_started_again_after_ever_longer_waits() -> None:
    waits: list[float] = []
    shown: list[tuple[str, ...]] = []
    said: list[str] = []
    runs = 0

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.sleep(0)

    async def part() -> None:
        nonlocal runs
        runs += 1
        if runs <= 8:
            raise ExceptionGroup("some", [ValueError(f"fault {runs}")])

    parts = Parts(said.append, lambda: shown.append(parts.faults), sleep)
    await parts.keep("schedule", part)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert said[0] == "the schedule has failed, and starts again in 1 s: ValueError: fault 1"
    assert shown[:2] == [("the schedule has failed: ValueError: fault 1",), ()]
    assert parts.faults == ()


@pytest.mark.parametrize("fault", [SystemExit, asyncio.CancelledError, ForeignError])
async def test_a_part_is_started_again_whatever_kind_its_fault_is(
    fault: type[BaseException],
) -> None:
    runs: list[int] = []

    async def part() -> None:
        runs.append(1)
        if len(runs) == 1:
            raise fault

    await Parts(lambda _: None, lambda: None, lambda _: asyncio.sleep(0)).keep("schedule", part)
    assert len(runs) == 2


async def test_a_part_that_is_cancelled_is_over() -> None:
    async def part() -> None:
        await asyncio.Event().wait()

    keeping = asyncio.create_task(Parts(lambda _: None, lambda: None).keep("schedule", part))
    await asyncio.sleep(0)
    await cancelled(keeping)
    assert keeping.cancelled()


async def test_a_host_shows_which_of_its_parts_has_failed_until_it_runs_again(
    tmp_path: Path,
) -> None:
    runs = 0

    async def moody(_: Host) -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise OSError("out of luck")
        await asyncio.Event().wait()

    async with hosting(tmp_path, companions=[moody]) as host:
        (fault,) = await until(lambda: host.snapshot().faults)
        assert fault == "the moody has failed: OSError: out of luck"
        assert f"WRONG: {fault}" in sessions_text(host.snapshot(), ())
        await until(lambda: not host.snapshot().faults)
        assert runs == 2
