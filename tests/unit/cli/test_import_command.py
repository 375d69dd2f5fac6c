"""import: where the document goes, and what is printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run

SOURCE = """
class SwingBTC(IStrategy):
    timeframe = "1h"
    stoploss = -0.08

    def populate_entry_trend(self, dataframe, metadata):
        return dataframe
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "swing.py"
    path.write_text(SOURCE)
    return path


def test_a_strategy_is_imported_into_the_workspace_once(
    run: Run, workspace: Path, file: Path
) -> None:
    done = run("import", file, "--json").json
    assert done["name"] == "swing_btc"
    assert done["config"]["stop_loss_pct"] == 8
    assert Path(done["file"]) == workspace / "strategies" / "swing_btc" / "STRATEGY.md"
    entry = next(one for one in done["unread"] if one["what"] == "populate_entry_trend")
    assert (entry["line"], entry["end_line"]) == (6, 7)
    again = run("import", file)
    assert again.code == 2
    assert "is there already" in again.err


def test_a_strategy_is_imported_into_a_file_with_what_was_tuned_and_the_pairs(
    run: Run, file: Path, tmp_path: Path
) -> None:
    file.with_suffix(".json").write_text('{"params": {"stoploss": {"stoploss": -0.05}}}')
    settings = tmp_path / "config.json"
    settings.write_text('{"exchange": {"pair_whitelist": ["ETH/USDT"]}}')
    target = tmp_path / "out.md"
    done = run("import", file, "--config", settings, "-o", target)
    assert done.code == 0
    assert "stoploss as stop_loss_pct: 5" in done.out
    assert "lines 6-7, populate_entry_trend" in done.out
    assert "- ETH/USDT" in target.read_text()
    assert run("import", file, "-o", target).code == 2


@pytest.mark.parametrize("content", ["", "x = (", "class A: pass"])
def test_a_file_without_a_strategy_is_bad_input(run: Run, tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.py"
    path.write_text(content)
    assert run("import", path).code == 2
    assert run("import", tmp_path / "none.py").code == 2


@pytest.mark.parametrize("name", ["", ".", "/", "x\udcff"])
def test_what_is_no_file_is_bad_input(run: Run, name: str) -> None:
    done = run("import", name)
    assert (done.code, done.out) == (2, "")
