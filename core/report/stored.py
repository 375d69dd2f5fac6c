"""Where is a strategy's last backtest kept whole, so that its single trades can be compared with?

Its document holds the figures; the whole result lies beside it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from core.market.candles import Candles
from core.report.blocks import backtest_block
from core.report.instants import iso_time, short_date
from core.report.regime import regime_of_run
from core.report.result import RunResult
from core.report.result_json import result_to_json
from core.store.disk import OsDisk, write_durably
from core.strategy.canonical import config_digest
from core.strategy.write_back import write_blocks

_KEPT_WITH_IT = ("trades", "config_hash", "regime", "saved")


def stored_path(document: Path) -> Path:
    """Where the whole result of a document's backtest lies: `STRATEGY.backtest.json`."""
    return document.with_name(f"{document.stem}.backtest.json")


def save_backtest(
    document: Path,
    result: RunResult,
    candles: Mapping[str, Candles],
    now: int,
) -> None:
    """Write a backtest's figures into its strategy's document, and the whole result beside it.

    Args:
        document: of the strategy.
        result: of the backtest.
        candles: what it ran on, by symbol: what the market was like is kept, too.
        now: UTC ms.

    Raises:
        DocumentError: the document cannot be changed.
        OSError: it cannot be written.
    """
    whole = {
        **result_to_json(result, equity=True),
        "config_hash": config_digest(result.config),
        "regime": dataclasses.asdict(regime_of_run(candles, result)),
        "saved": iso_time(now),
    }
    block = {"backtest": backtest_block(whole), "updated": short_date(now)}
    write_blocks(document, block)
    write_durably(stored_path(document), orjson.dumps(whole) + b"\n", OsDisk())


def stored_backtest(document: Path, block: object) -> dict[str, Any] | None:
    """The whole result behind a document's `backtest:` block.

    None where there is none, it cannot be read, or the block tells of another run.
    """
    try:
        whole: dict[str, Any] = orjson.loads(stored_path(document).read_bytes())
        same = backtest_block(whole) == block and all(key in whole for key in _KEPT_WITH_IT)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return whole if same else None
