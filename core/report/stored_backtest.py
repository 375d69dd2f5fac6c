"""Keeps a strategy's last backtest: figures in its document, the whole result beside it.

The `backtest:` and `paper:` blocks of a STRATEGY.md: figures under their names of docs/rules.md
§4, which `core.strategy.document.stored_metrics` reads back.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec
import orjson

from core.market.candles.candles import Candles
from core.market.candles.digest import candles_digest
from core.report.curves import kept_points
from core.report.library import CandleSource, Setting
from core.report.market_regime import regime_of_run
from core.report.metrics import Metrics
from core.report.result import Json, RunResult, result_to_json
from core.store.durable import OsDisk, open_regular, write_durably
from core.strategy.config.canonical import config_to_dict
from core.strategy.document.write_back import refuse_link, write_blocks
from core.strategy.signals.sources import signal_source
from core.time_format import iso_time, short_date

_FIGURES = tuple(
    field.name
    for field in fields(Metrics)
    if field.name not in ("win_rate_ci", "short_period", "metrics_undefined")
)
_DIGITS = 4
_HELD_POINTS = 1_500  # of a curve: more than any screen has dots


def backtest_block(report: Mapping[str, Any]) -> Json:
    """The `backtest:` block of a result (its JSON). What is undefined is left out."""
    metrics = report["metrics"]
    # A session whose orders are filled by prices has no candle that they are filled on.
    by_prices = report.get("fills") == "market"
    return {
        "period": dict(report["period"]),
        "timeframe": report["timeframe"],
        "symbols": list(report["symbols"]),
        **({"fills": "market"} if by_prices else {"fill_on": report["fill_on"]}),
        "fees": report["fees"],
        "starting_balance": report["starting_balance"],
        "ending_balance": round(report["ending_balance"], _DIGITS),
        **{
            name: round(metrics[name], _DIGITS)
            for name in _FIGURES
            if metrics.get(name) is not None
        },
        "rules_version": report["rules_version"],
    }


_KEPT_WITH_IT = ("trades", "config_hash", "regime", "saved")


def stored_path(document: Path) -> Path:
    """Where the whole result of a document's backtest lies: `STRATEGY.backtest.json`."""
    return document.with_name(f"{document.stem}.backtest.json")


def _waiting_path(document: Path) -> Path:
    return document.with_name(f"{document.stem}.backtest.next.json")


def whole_result(result: RunResult, candles: Mapping[str, Candles], now: int) -> Json:
    """All that is kept of a backtest: its JSON with the equity, and what it stands on.

    Args:
        result: of the backtest.
        candles: what it ran on, by symbol: what the market was like is kept, too.
        now: UTC ms.
    """
    return {
        **result_to_json(result, equity=True, whole=False),
        "config_hash": signal_source(result.config).digest,
        "candles_digest": candles_digest(candles),
        "regime": dataclasses.asdict(regime_of_run(candles, result)),
        "saved": iso_time(now),
    }


def save_backtest(
    document: Path,
    result: RunResult,
    candles: Mapping[str, Candles],
    now: int,
    source: CandleSource | None = None,
) -> None:
    """Write a backtest's figures into its strategy's document, and the whole result beside it.

    Args:
        document: of the strategy.
        result: of the backtest.
        candles: what it ran on, by symbol.
        now: UTC ms.
        source: where the candles were from, for who wants to run it again.

    Raises:
        DocumentError: the document cannot be changed, or is only a link.
        OSError: it cannot be written.
    """
    whole = whole_result(result, candles, now)
    if source is not None:
        whole = library_result(result, candles, now, source, {})
    save_whole(document, whole, now)


def save_whole(document: Path, whole: Mapping[str, Any], now: int) -> None:
    """As `save_backtest`, of a result that was kept whole.

    Raises:
        DocumentError: the document cannot be changed, or is only a link.
        OSError: it cannot be written.
    """
    refuse_link(document)
    block = {"backtest": backtest_block(whole), "updated": short_date(now)}
    # At no moment is there a block whose result is not there: the new result waits beside the old
    # one until the block tells of it.
    waiting = _waiting_path(document)
    write_durably(waiting, orjson.dumps(whole) + b"\n", OsDisk())
    write_blocks(document, block)
    with contextlib.suppress(FileNotFoundError):  # who read the block meanwhile has put it there
        waiting.replace(stored_path(document))


def library_result(
    result: RunResult,
    candles: Mapping[str, Candles],
    now: int,
    source: CandleSource,
    settings: Mapping[str, Setting],
) -> Json:
    """What the library keeps of a backtest: the whole, and what it takes to run it again.

    Args:
        result: of the backtest.
        candles: what it ran on, by symbol.
        now: UTC ms.
        source: where the candles were from.
        settings: what was varied of the strategy, by path.
    """
    if source.exchange or source.period:
        first = min(int(one.time[0]) for one in candles.values())
        last = max(int(one.time[-1]) for one in candles.values())
        source = msgspec.structs.replace(source, span=(iso_time(first), iso_time(last)))
    return {
        **whole_result(result, candles, now),
        "config": config_to_dict(result.config),
        "settings": dict(settings),
        "source": msgspec.to_builtins(source),
        "held": [[iso_time(time), value] for time, value in held_curve(result, candles)],
    }


def held_curve(result: RunResult, candles: Mapping[str, Candles]) -> list[tuple[int, float]]:
    """The balance of a run had it held its first symbol: what a chart can show of it (UTC ms)."""
    market = candles[result.config.symbols[0]]
    begin = int(result.times[0]) if len(result.times) else 0
    first = int(market.time.searchsorted(begin))
    times, closes = market.time[first:], market.close[first:]
    if not len(closes) or not closes[0]:
        return []
    values = closes * (result.starting_balance / closes[0])
    kept = kept_points(values, _HELD_POINTS // 2)
    return list(zip(times[kept].tolist(), values[kept].tolist(), strict=True))


def stored_backtest(document: Path, block: object) -> dict[str, Any] | None:
    """The whole result behind a document's `backtest:` block.

    None where there is none, it cannot be read, or the block tells of another run.
    """
    whole = _result_of(stored_path(document), block)
    if whole is None:
        # A save that was interrupted after the block was written left its result here.
        waiting = _waiting_path(document)
        whole = _result_of(waiting, block)
        if whole is not None:
            with contextlib.suppress(OSError):  # it is found here as well
                waiting.replace(stored_path(document))
    return whole


def _result_of(path: Path, block: object) -> dict[str, Any] | None:
    try:
        with open_regular(path) as file:
            whole: dict[str, Any] = orjson.loads(file.read())
        same = backtest_block(whole) == block and all(key in whole for key in _KEPT_WITH_IT)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return whole if same else None
