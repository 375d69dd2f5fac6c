"""How hard does Hypothesis try, and where are the real candles?"""

from __future__ import annotations

import gc
import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import key_search
from tests.key_search import pytest_configure, pytest_terminal_summary

__all__ = ["pytest_configure", "pytest_terminal_summary", "shared_data"]

pytest.register_assert_rewrite("tests.ui.pictures")  # shows the difference of pictures

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

# A loaded machine is slow now and then; a deadline would make its tests fail by chance.
settings.register_profile("quick", deadline=None, suppress_health_check=[HealthCheck.too_slow])
EXAMPLES = int(os.environ.get("EXAMPLES", "2000"))  # some fifteen minutes of two cores
settings.register_profile("fuzz", parent=settings.get_profile("quick"), max_examples=EXAMPLES)
settings.load_profile("quick")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Leave imported modules and collected tests out of every search for garbage.

    They stay until the end. Looking through them over and over takes longer than collecting them,
    and some seconds of the tests after that.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Search for keys, and for garbage while there is time.

    pytest looks for garbage five times more when all is over; a worker that takes more than five
    seconds for that is interrupted by what started it, in the middle of it.
    """
    key_search.pytest_sessionfinish(session, exitstatus)
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """So many examples take longer than a hang may."""
    if settings.get_current_profile_name() == "fuzz":
        for item in items:
            item.add_marker(pytest.mark.timeout(4 * 3600))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real candles beside the repository; the test skips where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"needs the candle files in {SHARED_DATA}")
    return SHARED_DATA
