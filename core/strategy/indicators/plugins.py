"""Loads indicators that other packages bring, each only after it has proved itself.

A package names an `Indicator` in the entry-point group `papertape.indicators`. Before it is used
it is computed on seeded candles: all at once and one by one to the same bits, a beginning of the
candles to a beginning of the values, and after its warm-up the same wherever the candles began.
What fails is refused with the reason, and no config can name it.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from core.market.candles.candles import Candles, Floats
from core.market.candles.timeframes import HOUR
from core.strategy.indicators.batch import Batch
from core.strategy.indicators.indicator import Indicator
from core.strategy.indicators.series import Series
from core.strategy.indicators.stream import StreamProgram

GROUP = "papertape.indicators"

_CODE = (*SOURCE_SUFFIXES, *EXTENSION_SUFFIXES)
_SMALLEST_WARMUP = 200
_LIKE = 1e-6  # of the largest value: how near those of two beginnings are after a warm-up


@dataclass(frozen=True, slots=True)
class Plugins:
    """The indicators of other packages by name, and why others were refused, by entry point."""

    indicators: dict[str, Indicator]
    refused: dict[str, str]


@cache
def plugins(taken: frozenset[str]) -> Plugins:
    """What is installed; a name that is `taken` is refused. Looked for once a process."""
    return load(entry_points(group=GROUP), taken)


def plugin_packages() -> Iterator[tuple[str, str]]:
    """Name and version of every package that brings indicators, with a digest of its code.

    None is loaded for it. In a checkout the version stays while the code changes.
    """
    modules: dict[str, set[str]] = {}
    versions: dict[str, str] = {}
    for entry in entry_points(group=GROUP):
        name, version = entry.value, "?"
        if entry.dist is not None:
            name, version = entry.dist.name, entry.dist.version
        versions[name] = version
        modules.setdefault(name, set()).add(entry.module.partition(".")[0])
    for name in sorted(modules):
        yield name, f"{versions[name]} ({_code_digest(sorted(modules[name]))})"


def _code_digest(modules: Iterable[str]) -> str:
    """A digest of the files of some modules or packages, which stand at the top."""
    code = hashlib.sha256()
    for module in modules:
        with contextlib.suppress(ImportError, ValueError, OSError):  # it will be refused
            for name, file in _files(module):
                code.update(f"{name}\n".encode())
                code.update(hashlib.sha256(file.read_bytes()).digest())
    return code.hexdigest()[:12]


def _files(module: str) -> Iterator[tuple[str, Path]]:
    """Every file of code of a module or package, with its name there."""
    found = find_spec(module)
    if found is None:
        return
    if found.submodule_search_locations is None:
        yield module, Path(found.origin or "")
        return
    for folder in map(Path, found.submodule_search_locations):
        for file in sorted(folder.rglob("*")):
            if file.suffix in _CODE and file.is_file():
                yield str(file.relative_to(folder)), file


def load(entries: Iterable[EntryPoint], taken: frozenset[str]) -> Plugins:
    """The indicators of some entry points that have proved themselves."""
    found = Plugins({}, {})
    for entry in entries:
        package = "" if entry.dist is None else f"{entry.dist.name} {entry.dist.version}"
        try:
            made = entry.load()
            if not isinstance(made, Indicator):
                reason: str | None = f"it is a {type(made).__name__}, not an Indicator"
            elif made.name in taken or made.name in found.indicators:
                reason = f"the name {made.name} is taken"
            else:
                reason = next(_objections(made), None)
        except Exception as error:  # noqa: BLE001  whatever foreign code raises
            reason = f"it raises {type(error).__name__}: {error}"
        if reason is not None:
            found.refused[entry.name] = reason
            continue
        found.indicators[made.name] = replace(made, package=package or entry.value)
    return found


def _objections(indicator: Indicator) -> Iterator[str]:
    """Why an indicator cannot be used, by what it does on seeded candles."""
    params = indicator.defaults
    series = indicator.build(params)
    if not all(isinstance(one, Series) for one in series) or len(series) != len(indicator.fields):
        yield f"it builds {len(series)} series for {len(indicator.fields)} fields"
        return
    warmup = max(_SMALLEST_WARMUP, 10 * indicator.longest_period(params))
    for seed, candles in enumerate(_markets(3 * warmup)):
        batch = [Batch(candles).values(one) for one in series]
        streamed = _streamed(series, candles)
        beginning = Batch(candles.slice(0, 2 * warmup))
        later = Batch(candles.slice(warmup))
        for field, values, stream, one in zip(
            indicator.fields, batch, streamed, series, strict=True
        ):
            if not np.array_equal(values, stream, equal_nan=True):
                yield f"{field.name}: all candles at once and one by one differ"
            if not np.array_equal(beginning.values(one), values[: 2 * warmup], equal_nan=True):
                yield f"{field.name}: a value changes with the candles after it"
            settled, other = values[2 * warmup :], later.values(one)[warmup:]
            size = float(np.nanmax(np.abs(settled), initial=0.0))
            if not np.allclose(settled, other, rtol=_LIKE, atol=_LIKE * size, equal_nan=True):
                yield f"{field.name}: after {warmup} candles it still depends on the first one"
            if seed == 0 and np.isnan(settled).any():
                yield f"{field.name}: it has no value after a warm-up of {warmup} candles"


def _streamed(series: tuple[Series, ...], candles: Candles) -> list[Floats]:
    program = StreamProgram(series)
    slots = [program.slot(one) for one in series]
    rows = []
    for candle in candles:
        program.advance(candle)
        rows.append([program.values[slot] for slot in slots])
    return list(np.array(rows, dtype=np.float64).T)


def _markets(count: int) -> Iterator[Candles]:
    """A market that moves, and one with gaps, flat stretches and candles without volume."""
    for seed in range(2):
        random = np.random.default_rng(seed)
        moves = random.normal(0, 0.01, count)
        quiet = (np.arange(count) % 90 < 40 * seed) & (np.arange(count) > 0)
        moves[quiet] = 0.0
        close = 100 * np.exp(np.cumsum(moves))
        opened = np.concatenate(([100.0], close[:-1]))
        reach = np.where(quiet, 0.0, np.abs(random.normal(0, 0.003, count)))
        times = np.cumsum(np.where(random.random(count) < 0.02 * seed, 5, 1)) * HOUR
        yield Candles(
            times.astype(np.int64),
            opened,
            np.maximum(opened, close) * (1 + reach),
            np.minimum(opened, close) * (1 - reach),
            close,
            np.where(quiet, 0.0, random.exponential(10.0, count)),
        )
