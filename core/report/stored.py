"""Where is a strategy's last backtest kept whole, so that its single trades can be compared with?

Its document holds the figures; the whole result lies beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from core.report.blocks import backtest_block
from core.report.regime import Regime
from core.store.disk import Disk, OsDisk, write_durably
from core.strategy.canonical import config_digest
from core.strategy.config import StrategyConfig
from core.strategy.write_back import write_blocks

_NEEDED = ("metrics", "trades", "period", "timeframe", "starting_balance", "regime", "config_hash")


def stored_path(document: Path) -> Path:
    """Where the whole result of a document's backtest lies: `STRATEGY.backtest.json`."""
    return document.with_name(f"{document.stem}.backtest.json")


def save_backtest(
    document: Path,
    config: StrategyConfig,
    report: Mapping[str, Any],
    regime: Regime,
    today: str,
    disk: Disk | None = None,
) -> None:
    """Write a result (its JSON, with equity) into a strategy's document and whole beside it.

    Args:
        document: of the strategy.
        config: what was run; its hash tells later whether the document has changed.
        report: the result.
        regime: the market over its period.
        today: the date, for the document's `updated`.
        disk: where to write.

    Raises:
        DocumentError: the document cannot be changed.
        OSError: it cannot be written.
    """
    whole = {
        **report,
        "config_hash": config_digest(config),
        "regime": {
            "benchmark_return_pct": regime.benchmark_return_pct,
            "volatility_pct": regime.volatility_pct,
        },
    }
    write_blocks(document, {"backtest": backtest_block(report), "updated": today}, disk)
    write_durably(stored_path(document), orjson.dumps(whole) + b"\n", disk or OsDisk())


def stored_backtest(document: Path, block: object) -> dict[str, Any] | None:
    """The whole result behind a document's `backtest:` block.

    None where there is none, it cannot be read, or the block tells of another run.
    """
    try:
        whole = orjson.loads(stored_path(document).read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(whole, dict) or any(key not in whole for key in _NEEDED):
        return None
    return whole if backtest_block(whole) == block else None
