"""Runs sweeps and gates for the screen. Loads numpy and its kin: import it late, in a thread."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr
from dataclasses import asdict, replace
from multiprocessing import resource_tracker
from pathlib import Path

import msgspec

from core.backtest.axes import Axis, SweepError, combinations, configs, corners, parse_axis
from core.backtest.candle_data import swept_warmup
from core.backtest.kept import Keeping
from core.backtest.progress import WorkCancelledError
from core.backtest.run import BacktestError
from core.backtest.sweep import Sweep, check_sort
from core.backtest.workers import all_cores
from core.gate.counted import How, counted_gate, counted_sweep
from core.gate.gate import Gate, UnfinishedGate
from core.gate.kept import Asked, keep_search, open_search
from core.host.feed_factories import DemoMarket
from core.market.candles.candles import Candles
from core.report.library import LibraryError, ListedResult, Terms, damaged, leaves, open_result
from core.store.durable import OsDisk
from core.store.workspace import Workspace
from core.strategy.config.canonical import config_to_dict
from core.strategy.config.config import StrategyConfig
from core.strategy.config.parsing import parse_config
from core.strategy.config.problems import ConfigError
from core.time_format import wall_clock
from tui.requests.backtest import BacktestOrder, BacktestRefusedError
from tui.requests.backtest_run import SWEPT, Material, candles_for, source_of
from tui.requests.library import curve_of, order_of
from tui.requests.varying import Control, Ended, Variation, Varied

_IN_THIS_THREAD = 2_000_000  # candles of all settings: done before processes have begun
_REFUSALS = (SweepError, BacktestError, ConfigError, OSError)
_VARIED = (
    *("entry_conditions", "exit_conditions", "stop", "target", "take_profit", "trailing"),
    *("max_hold", "cooldown"),
)
_MARKETLESS = "Run without the market's order limits and funding."
_FILLED = "Market orders fill at the next open."
_AGAIN = "the same on the same candles goes on from there"
_AS_BEFORE = "on the candles that were fetched when it was left"
_NOT_KEPT = "nothing of it could be kept: the same begins anew"
_STEPS = 3  # on either side of the value there is

Demo = Callable[[], DemoMarket] | None


def suggested(raw: Mapping[str, object]) -> tuple[str, ...]:
    """Axes around each number of a config: of its indicators, its conditions, its exits."""
    try:
        parsed = parse_config(raw).config
    except ConfigError:
        return ()
    keys = {spec.key for spec in parsed.indicators}
    return tuple(
        f"{path}={_around(value)}"
        for path, value in leaves(config_to_dict(parsed))
        if isinstance(value, int | float) and value > 0
        if path.partition(".")[0] in keys or path.startswith(_VARIED)
        if not path.endswith(".offset")
    )


def checked(raw: Mapping[str, object], variation: Variation) -> int:
    """See `VaryingCommands.check`."""
    try:
        check_sort(variation.sort)
        axes = _axes(variation)
        settings = combinations(axes)
        config = parse_config(raw).config
        corners(config, axes)
    except (SweepError, ConfigError) as error:
        raise BacktestRefusedError(str(error)) from error
    return settings


async def sweep(
    order: BacktestOrder,
    variation: Variation,
    workspace: Path | None,
    demo: Demo,
    control: Control,
) -> Varied:
    """See `VaryingCommands.sweep`."""

    def work(config: StrategyConfig, material: Material) -> tuple[Sweep, str | None]:
        backtests = checked(order.raw, variation)
        how = _how(material, backtests, workspace, control)
        asked = _ledger(workspace), config, _axes(variation), material.candles
        return counted_sweep(*asked, variation.sort, variation.split, wall_clock(), **how)

    return await _run(order, variation, workspace, demo, control, work)


async def gate(
    order: BacktestOrder,
    variation: Variation,
    workspace: Path | None,
    demo: Demo,
    control: Control,
) -> Varied:
    """See `VaryingCommands.gate`."""

    def work(
        config: StrategyConfig, material: Material
    ) -> tuple[Gate | UnfinishedGate, str | None]:
        backtests = checked(order.raw, variation) * (1 + variation.folds) + 100
        how = _how(material, backtests, workspace, control)
        asked = _ledger(workspace), config, _axes(variation), material.candles
        return counted_gate(*asked, variation, wall_clock(), **how)

    return await _run(order, variation, workspace, demo, control, work)


_left: tuple[BacktestOrder, Variation] | None = None
"""What was last left unfinished on candles of an exchange: later ones would be other work."""


async def _run(
    order: BacktestOrder,
    variation: Variation,
    workspace: Path | None,
    demo: Demo,
    control: Control,
    work: Callable[[StrategyConfig, Material], tuple[Sweep | Gate | UnfinishedGate, str | None]],
) -> Varied:
    global _left  # noqa: PLW0603 - of this process, as what is kept is of this machine
    before, _left = _left, None
    again = None
    if before is not None and _same(before, (order, variation)):
        order, again = before[0], _AS_BEFORE
    warmup = await asyncio.to_thread(_warmup, order, variation)
    warmed = replace(order, warmup=warmup)
    parsed, material = await candles_for(warmed, workspace, demo, control.tell)
    material = material.as_swept()
    control.tell("beginning …")
    try:
        found, warning = await asyncio.to_thread(work, parsed.config, material)
    except WorkCancelledError as error:
        raise BacktestRefusedError(str(error)) from error
    except _REFUSALS as error:
        raise BacktestRefusedError(str(error)) from error
    unfinished = _unfinished(found)
    if unfinished is not None and order.exchange:
        _left = replace(order, span=material.span), variation
    said = filter(None, (again, control.resumed, unfinished, warning))
    notes = (*parsed.warnings, *(note for note in material.notes if note != SWEPT), *said)
    aside = [_MARKETLESS] if SWEPT in material.notes else []
    aside += [] if order.fill_on == "next_open" else [_FILLED]
    own = dict(leaves(config_to_dict(parsed.config)))
    varied = Varied(found, notes, tuple(aside), warmup, material.span, own)
    if workspace is not None:
        home = Workspace(workspace)
        try:
            key = await asyncio.to_thread(_keep, order, variation, varied, material.candles, home)
        except LibraryError as error:
            return replace(varied, notes=(*notes, str(error)))
        return replace(varied, key=key or "")
    return varied


def _keep(
    order: BacktestOrder,
    variation: Variation,
    varied: Varied,
    candles: Mapping[str, Candles],
    workspace: Workspace,
) -> str | None:
    balance = {} if order.balance is None else {"starting_balance": order.balance}
    config = parse_config({**order.raw, **balance}).config
    asked = Asked(
        config_to_dict(config),
        dict(order.settings),
        order.fill_on,
        varied.warmup,
        varied.span,
        varied.notes,
        varied.aside,
    )
    source, now = source_of(order, config), wall_clock()
    terms = Terms(**asdict(variation))
    return keep_search(workspace, varied.found, asked, terms, candles, source, now, OsDisk())


def ended(listed: ListedResult) -> Ended:
    """See `VaryingCommands.open`."""
    kept = open_search(listed)
    asked, order = kept.asked, order_of(listed)
    if order is None:
        raise damaged(listed.path, "where its candles are from is not told")
    try:
        axes = [Axis(path, (value,)) for path, value in asked.settings.items()]
        config = configs(parse_config(asked.config).config, axes)[0]
    except (SweepError, ConfigError) as error:
        raise damaged(listed.path, error) from error
    reports = () if kept.joined is None else (open_result(listed), kept.joined)
    return Ended(
        replace(
            order,
            raw=asked.config,
            span=asked.span,
            fill_on=asked.fill_on,
            settings=asked.settings,
        ),
        Variation(**msgspec.structs.asdict(kept.terms)),
        Varied(
            kept.found,
            asked.notes,
            asked.aside,
            asked.warmup,
            asked.span,
            dict(leaves(config_to_dict(config))),
            tuple((report, curve_of(report)) for report in reports),
            listed.key,
        ),
    )


def _same(left: tuple[BacktestOrder, Variation], asked: tuple[BacktestOrder, Variation]) -> bool:
    """Whether what is asked for was left unfinished: on its span, or on one that ends now."""
    return left == asked or (replace(left[0], span=None), left[1]) == asked


def _warmup(order: BacktestOrder, variation: Variation) -> int:
    """Candles before the period that every setting is ready after, so that all trade the same."""
    axes = {path: Axis(path, (value,)) for path, value in order.settings.items()}
    axes |= {axis.path: axis for axis in _axes(variation)}
    try:
        return swept_warmup(parse_config(order.raw).config, list(axes.values()))
    except _REFUSALS as error:
        raise BacktestRefusedError(str(error)) from error


def _axes(variation: Variation) -> list[Axis]:
    return [parse_axis(text) for text in variation.axes]


def _ledger(workspace: Path | None) -> Path | None:
    return None if workspace is None else Workspace(workspace).tries


def _how(material: Material, backtests: int, workspace: Path | None, control: Control) -> How:
    """What is finished is kept where the command line keeps it: either goes on from the other's."""
    return How(
        decide_from=material.decide_from,
        workers=_workers(backtests, material.candles),
        on_progress=control.show,
        cancel=control.cancel,
        keep=None if workspace is None else Keeping(Workspace(workspace).unfinished),
    )


def _unfinished(found: Sweep | Gate | UnfinishedGate) -> str | None:
    """What becomes of what was finished; None where all is."""
    if isinstance(found, Gate) or (isinstance(found, Sweep) and found.complete):
        return None
    are = "backtest is" if found.kept == 1 else "backtests are"
    return f"{found.kept:,} {are} kept: {_AGAIN}" if found.kept else _NOT_KEPT


def _workers(backtests: int, candles: Mapping[str, Candles]) -> int:
    """How many processes: none for what is done before one has begun."""
    if backtests * sum(map(len, candles.values())) <= _IN_THIS_THREAD:
        return 1
    # What looks after the processes inherits stderr, which the screen has replaced by no file.
    with redirect_stderr(sys.__stderr__):
        resource_tracker.ensure_running()
    return all_cores()


def _around(value: float) -> str:
    """A range around a number, its own value in it: `14` → `8:20:2`, `0.3` → `0.12:0.48:0.06`."""
    whole = (value == int(value) and value >= 4) or isinstance(value, int)
    step = max(1, round(value / 8)) if whole else float(f"{value / 5:.1g}")
    below = min(_STEPS, int((value - (1 if whole else step / 2)) // step))
    return f"{value - below * step:.10g}:{value + _STEPS * step:.10g}:{step:.10g}"
