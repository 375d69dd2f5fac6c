"""What `--cluster` may be, and what is said where Dask is not installed."""

from __future__ import annotations

import importlib.util

import pytest

from core.backtest.axes import SweepError
from core.backtest.cluster import (
    Cluster,
    ClusterError,
    OtherProgramError,
    Sent,
    cluster_at,
    work_off_there,
)
from core.backtest.identity import program_identity
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
