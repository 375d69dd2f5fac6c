"""Writes a result of the library into its strategy's document. Loads numpy: import it late."""

from __future__ import annotations

from pathlib import Path

from core.report.library import LibraryError, ListedResult, open_result
from core.report.stored_backtest import backtest_block, save_whole, stored_backtest
from core.strategy.config.parsing import parse_config
from core.strategy.config.problems import ConfigError
from core.strategy.signals.sources import digest_at_any_balance
from core.time_format import wall_clock
from tui.requests.backtest import BacktestRefusedError
from tui.strategies import StrategyChoice


def is_saved(listed: ListedResult, choice: StrategyChoice) -> bool:
    """Whether the strategy's document tells of this very result already. Blocks.

    Raises:
        BacktestRefusedError: the result is not of the strategy as it is written now, or cannot be
            read.
    """
    try:
        whole = open_result(listed)
        ran, written = (
            digest_at_any_balance(parse_config(raw).config)
            for raw in (whole.get("config", choice.raw), choice.raw)
        )
    except (LibraryError, ConfigError) as error:
        raise BacktestRefusedError(str(error)) from error
    block = backtest_block(whole)
    if choice.raw.get("backtest") == block and stored_backtest(choice.path, block) is not None:
        return True
    if ran != written:
        raise BacktestRefusedError(
            f"{choice.name} has been edited since: R runs it again as it is written now."
        )
    return False


def save(listed: ListedResult, path: Path) -> None:
    """Write a result into the document at a path. Blocks.

    Raises:
        BacktestRefusedError: it cannot be read, or not be written.
    """
    try:
        save_whole(path, open_result(listed), wall_clock())
    except (LibraryError, ConfigError, OSError) as error:
        raise BacktestRefusedError(f"{path}: {error}") from error
