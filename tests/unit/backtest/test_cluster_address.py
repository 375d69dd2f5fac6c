"""What `--cluster` may be, and what is said where Dask is not installed."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from core.backtest import cluster, sweep
from core.backtest.axes import SweepError
from core.backtest.cluster import (
    Cluster,
    ClusterError,
    OtherProgramError,
    Sent,
    cluster_at,
    program_there,
    work_off_there,
)
from core.backtest.identity import program_identity
from core.backtest.kept import Keeping, keeping
from core.backtest.long_work import WHOLE, LongWork
from core.backtest.progress import Meter
from core.backtest.workers import Result, Task, Work
from core.gate import chance, robustness
from tests.unit.backtest.test_sweep import candles


@pytest.mark.parametrize("text", ["tcp://127.0.0.1:8786", "tls://[::1]:8786", "local:2"])
def test_an_address_as_written(text: str) -> None:
    assert cluster_at(text) == Cluster(text)


@pytest.mark.parametrize(
    "text",
    ["", "local", "local:0", "local:many", "localhost:8786", "tcp://host", "tcp://:1", "ssh://a:1"],
)
def test_what_is_no_address_says_what_was_expected(text: str) -> None:
    with pytest.raises(SweepError, match="expected tcp://HOST:PORT"):
        cluster_at(text)


@pytest.mark.skipif(
    importlib.util.find_spec("distributed") is not None, reason="Dask's distributed is installed"
)
def test_without_dask_it_is_said_how_to_install_it() -> None:
    with (
        pytest.raises(ClusterError, match=r"pip install 'papertape\[cluster\]'"),
        cluster_at("local:2").on(candles()),
    ):
        pass


def test_a_worker_does_nothing_for_another_program() -> None:
    other = {**program_identity(), "numpy": "1.0"}
    with pytest.raises(OtherProgramError, match=r"^numpy \S+ \(here 1\.0\)$"):
        work_off_there(other, b"", Sent(candles()))


class Lost:
    """A cluster that is lost after a result."""

    count = 1
    least = 0

    def each(
        self, work: Work[Task, Result], tasks: Sequence[Task], cancel: threading.Event
    ) -> Iterator[Sequence[Result]]:
        yield list(work(candles(), tasks[0]))
        raise ClusterError("the cluster does not go on (it is gone)")


@pytest.mark.parametrize("keep", [True, False])
def test_that_it_goes_on_from_what_is_finished_is_said_where_that_is_kept(
    tmp_path: Path, keep: bool
) -> None:
    def placed(_: object, task: int) -> Iterator[tuple[int]]:
        yield (task,)

    with keeping(Keeping(tmp_path) if keep else None, candles(), []) as kept:
        work = LongWork(Lost(), Meter(None, 2), kept=kept)
        with pytest.raises(ClusterError, match="is gone") as told:
            list(work.each(placed, [0, 1], WHOLE))
    assert ("What is finished is kept" in str(told.value)) is keep


def test_a_worker_tells_of_its_code_once_all_that_it_runs_is_imported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An update that comes later changes neither what it runs nor what it says."""
    done: list[str] = []
    monkeypatch.setattr(cluster, "import_module", done.append)
    monkeypatch.setattr(cluster, "program_identity", lambda: {"after": " ".join(done)})
    works = (sweep._run_share, chance._on_markets, robustness._total)
    assert program_there() == {"after": " ".join(work.__module__ for work in works)}
