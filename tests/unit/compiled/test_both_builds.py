"""Compiled and in pure Python the rules give the same, and no old form of them is ever taken."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

import core.compiled
from core.compiled import MODULES, PURE, Build, build_in_use, folder, source_file
from core.compiled.build import build
from core.market.candles.candle import Candle
from core.report.result import result_to_json
from core.strategy.config.config import StrategyConfig
from core.strategy.config.parsing import parse_config
from core.strategy.config.problems import ConfigError
from core.strategy.signals.sources import signal_source
from tests.independent.cases import random_case
from tests.independent.simulator import Row
from tests.independent.test_simulator import papertape

ROOT = Path(__file__).resolve().parents[3]


def digests(seeds: range) -> list[str]:
    """Of the case of each seed, a digest of all that its backtest and its streams came to."""
    found = []
    for seed in seeds:
        case = random_case(seed)
        try:
            config = parse_config(case.config).config
        except ConfigError:
            continue
        result = papertape(case)
        streams = [streamed(config, rows) for rows in case.candles.values()]
        told = (result_to_json(result, equity=True), result.happened, streams)
        found.append(hashlib.sha256(msgspec.json.encode(told)).hexdigest())
    return found


def streamed(config: StrategyConfig, rows: Sequence[Row]) -> list[object]:
    """What the stream of a session says at each candle, and now and then why."""
    stream = signal_source(config).stream()
    return [
        (
            stream.update(Candle(*row)),
            stream.ready,
            stream.levels(),
            stream.readings() if place % 10 == 9 else (),
        )
        for place, row in enumerate(rows)
    ]


def run(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_both_builds_give_the_same_to_the_last_bit() -> None:
    if build_in_use().folder is None:
        pytest.skip(f"the rules run in {build_in_use().why}")
    code = "from tests.unit.compiled.test_both_builds import *; print(digests(range(60)))"
    pure = run(code, **{PURE: "1"})
    assert pure.strip() == str(digests(range(60)))


def test_all_modules_run_in_the_form_that_is_told() -> None:
    files = {str(sys.modules[name].__file__) for name in MODULES}
    made = build_in_use().folder
    assert {Path(file).suffix for file in files} == {".py" if made is None else ".so"}
    assert made is None or all(Path(file).is_relative_to(made) for file in files)


def test_pure_python_runs_where_it_is_asked_for() -> None:
    code = (
        "import core.trading.step as s, core.compiled as c; print(s.__file__, c.build_in_use().why)"
    )
    told = run(code, **{PURE: "1"})
    assert "step.py pure Python" in told
    assert PURE in told


def copied(tmp_path: Path) -> None:
    for module in MODULES:
        copy = tmp_path.joinpath(*module.split(".")).with_suffix(".py")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(source_file(module).read_bytes())


def test_once_a_source_has_changed_what_was_compiled_of_it_is_not_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = folder()
    copied(tmp_path)
    monkeypatch.setattr(core.compiled, "_ROOT", tmp_path)
    assert folder() == before
    with source_file("core.trading.step").open("a", encoding="utf-8") as file:
        file.write("# a rule has changed\n")
    assert folder() != before


def test_without_a_compiler_it_is_said_and_nothing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(PURE, raising=False)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    made: Build = build()
    assert made.folder is None
    assert made.why.startswith("pure Python: not compiled, as ")


@pytest.fixture
def made_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a build goes that needs no compiler."""
    made = tmp_path / "compiled" / "digest"

    def make(work: Path, _: object) -> None:
        (work / "made").mkdir()
        (work / "made" / "step.so").touch()

    monkeypatch.delenv(PURE, raising=False)
    monkeypatch.setattr("core.compiled.build.folder", lambda: made)
    monkeypatch.setattr("core.compiled.build._compiler", list)
    monkeypatch.setattr("core.compiled.build._make", make)
    return made


def test_what_was_not_tried_out_does_not_stay(
    made_at_once: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        assert made_at_once.is_dir()
        raise KeyboardInterrupt

    monkeypatch.setattr("core.compiled.build._run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build()
    assert list(made_at_once.parent.iterdir()) == []


def test_of_two_builds_at_once_both_take_the_first(
    made_at_once: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def second(work: Path, _: object) -> None:
        for folder_of_one in (work / "made", made_at_once):
            folder_of_one.mkdir()
            (folder_of_one / "step.so").touch()

    monkeypatch.setattr("core.compiled.build._make", second)
    assert build().folder == made_at_once
    assert list(made_at_once.parent.iterdir()) == [made_at_once]
