"""The first frame waits for nothing heavy."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import asyncio, sys
from tests.ui.driving import driven, make_app
from tests.ui.scripted import busy

async def look():
    async with driven(make_app(busy())):
        print(*sorted({name.partition(".")[0] for name in sys.modules}))

asyncio.run(look())
from core.late_imports import talib
assert talib().get_functions() and talib().abstract.Function("RSI").lookback == 14
assert "pandas" not in sys.modules, "TA-Lib has no use for it"
import pandas
"""


def test_no_heavy_library_is_loaded_before_the_first_frame() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=120, check=True
    )
    loaded = set(done.stdout.split())
    assert "textual" in loaded
    heavy = {"pandas", "numpy", "ccxt", "talib", "scipy", "aiohttp", "websockets", "tinydb"}
    assert not loaded & heavy
