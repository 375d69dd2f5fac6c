"""What validating a strategy does not wait for."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["core.strategy.parsing", "core.strategy.document"])
def test_validation_needs_no_heavy_library(module: str) -> None:
    script = (
        f"import sys, {module}\n"
        "print([name for name in ('talib', 'pandas', 'ccxt', 'textual') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
