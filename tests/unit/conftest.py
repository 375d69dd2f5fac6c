"""What the tests of sessions share."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.market.files.candle_files import write_candles
from tests.unit.session.sessions import market


@pytest.fixture
def candle_file(tmp_path: Path) -> Path:
    path = tmp_path / "BTCUSDT-5m.csv"
    write_candles(path, market(1_000))
    return path
