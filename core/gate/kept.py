"""Keeps sweeps and gates in the library of backtests, and reads them back.

In the file of such a result stands the backtest of its best setting, as of any other, and beside it
under `search` what was asked for and all that was found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from core.backtest.sweep import Sweep, sweep_to_json
from core.gate.from_json import gate_from_json, run_outline, sweep_from_json
from core.gate.gate import Gate, UnfinishedGate
from core.gate.to_json import gate_to_json
from core.market.candles.candles import Candles
from core.market.candles.digest import candles_digest
from core.report.library import (
    CandleSource,
    ListedResult,
    Search,
    Setting,
    Terms,
    damaged,
    keep_result,
    open_as,
)
from core.report.metrics import Metrics
from core.report.result import result_to_json
from core.report.stored_backtest import library_result
from core.report.written_report import ReportError, written_report
from core.store.durable import Disk
from core.store.workspace import Workspace
from core.strategy.config.parsing import parse_config
from core.strategy.signals.sources import signal_source
from core.trial.seal import canonical_digest
from core.typed import prepare

Found = Sweep | Gate | UnfinishedGate


class Asked(msgspec.Struct, frozen=True):
    """What was asked for.

    Attributes:
        config: of the strategy, before anything was set or varied.
        settings: what was set of it before anything was varied, by path.
        fill_on: as asked for; every setting is filled at the next open.
        warmup, span: see `tui.requests.backtest.BacktestOrder`.
        notes, aside: what is to be said of it, and how it was run.
    """

    config: dict[str, Any]
    settings: dict[str, Setting]
    fill_on: str = "next_open"
    warmup: int | None = None
    span: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeptSearch:
    """A search read back.

    `terms`: how its strategy was varied. `joined`: the parts of a gate's walk-forward as one
    report; None where there are none.
    """

    asked: Asked
    terms: Terms
    found: Found
    joined: Mapping[str, object] | None


class _Search(Search, frozen=True, kw_only=True):
    asked: Asked
    found: msgspec.Raw
    joined: dict[str, Any] | None = None


class _File(msgspec.Struct, frozen=True):
    config: dict[str, Any]
    metrics: Metrics
    ending_balance: float
    search: _Search


def keep_search(
    workspace: Workspace,
    found: Found,
    asked: Asked,
    terms: Terms,
    candles: Mapping[str, Candles],
    source: CandleSource,
    now: int,
    disk: Disk,
) -> str | None:
    """Keep a search, in the place of the same one where that was kept before; its ID there.

    Another period of the same candles, the rest of which warms up, is another search.

    Args:
        workspace: whose folders are there.
        found: what came of it; of one that was cancelled before a setting was run nothing is kept.
        asked: what was asked for.
        terms: how it was to be varied.
        candles: that it was made on.
        source: where they were from.
        now: UTC ms.
        disk: to write on.

    Raises:
        LibraryError: it cannot be written.
    """
    sweep = found if isinstance(found, Sweep) else found.sweep
    if sweep is None:
        return None
    joined = None
    if isinstance(found, Gate):
        joined = result_to_json(found.walk_forward.joined, equity=True, whole=False)
    if isinstance(found, Sweep):
        kind, written = "sweep", sweep_to_json(found)
    else:
        kind, written = "gate", gate_to_json(found, None)
        written.get("walk_forward", {}).pop("equity", None)  # `joined` has it
    strategy = signal_source(parse_config(asked.config).config).digest  # whatever its extras
    start = 0 if asked.span is None else asked.span[0]
    counting = (one.time[one.time.searchsorted(start) :] for one in candles.values())
    begin = min((int(times[0]) for times in counting if len(times)), default=start)
    same = [kind, strategy, asked.settings, msgspec.to_builtins(terms), begin]
    best = dict(zip((axis.path for axis in sweep.axes), sweep.best.values, strict=True))
    settings = {**asked.settings, **best}
    whole = library_result(sweep.best.result, candles, now, source, settings)
    whole["search"] = {
        "kind": kind,
        "digest": canonical_digest([*same, candles_digest(candles)]),
        "tried": len(sweep.rows),
        "total": sweep.total,
        "verdict": found.verdict.value if isinstance(found, Gate) else "",
        "terms": msgspec.to_builtins(terms),
        "asked": msgspec.to_builtins(asked),
        "found": written,
        "joined": joined,
    }
    return keep_result(workspace, whole, disk)


def open_search(listed: ListedResult) -> KeptSearch:
    """All of a search that was kept.

    Raises:
        LibraryError: it is gone or damaged.
    """
    file = open_as(listed, _File)
    search, raw = file.search, bytes(file.search.found)
    try:
        best = run_outline(parse_config(file.config).config, file.metrics, file.ending_balance)
        parse_config(search.asked.config)
        if search.kind == "sweep":
            found: Found = sweep_from_json(raw, best)
        else:
            ended = float((search.joined or {}).get("ending_balance", "nan"))
            found = gate_from_json(raw, best, ended)
            if isinstance(found, Gate):
                written_report(search.joined or {})
    except (ValueError, TypeError, OverflowError, ReportError) as error:
        raise damaged(listed.path, error) from error
    return KeptSearch(search.asked, search.terms, found, search.joined)


prepare(_File)
