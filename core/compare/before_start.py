"""Says what a session would rest on: the backtest behind its strategy, and how long it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from core.compare.sources import document_of
from core.compare.verdict import minimum_duration
from core.market.candles.timeframes import DAY, Timeframe
from core.report.stored_backtest import stored_backtest
from core.session.start_notices import (
    NOT_BACKTESTED,
    ODD_BLOCK,
    OLDER_BACKTEST,
    as_it_began,
)
from core.store.workspace import Workspace
from core.strategy.config.config import StrategyConfig
from core.strategy.config.problems import shown
from core.strategy.document.stored_metrics import stored_metrics
from core.strategy.signals.sources import signal_source
from core.time_format import short_duration
from core.trial.seal import Seal


def start_warnings(
    workspace: Workspace,
    config: StrategyConfig,
    given: Mapping[str, object],
    run_for: int | None,
) -> tuple[str, ...]:
    """What the owner of a session should know before it begins. Blocks.

    Args:
        workspace: where the strategy's document is looked for by its name.
        config: of the session.
        given: the keys it was written with; a `backtest:` block among them comes first.
        run_for: how long it is to run, in ms; None without an end.
    """
    document, keys = document_of(workspace, config.name)
    block = given.get("backtest", keys.get("backtest"))
    found = list(backtest_warnings(document, block, config.name, signal_source(config).digest))
    if (short := duration_warning(config.timeframe, run_for)) is not None:
        found.append(short)
    return tuple(found)


def backtest_warnings(
    document: Path | None, block: object, name: str, digest: str
) -> Iterator[str]:
    """What is wrong with the backtest behind a strategy: `block`, and the result by `document`.

    `digest` is that of its source of signals.
    """
    if block is None:
        yield NOT_BACKTESTED
        return
    figures = stored_metrics(block)
    yield from (f"{ODD_BLOCK}: {note}" for note in figures.notes)
    if not figures.values:
        expected = "figures such as total_trades and win_rate_pct"
        yield f"{ODD_BLOCK} is left out: found {shown(block)}, expected {expected}."
        yield NOT_BACKTESTED
        return
    whole = None if document is None else stored_backtest(document, block)
    if whole is not None and whole["config_hash"] != digest:
        yield OLDER_BACKTEST.format(name=name)


def warnings_since(
    warnings: Sequence[str], document: Path | None, block: object, name: str, digest: str
) -> list[str]:
    """Warnings of a session's beginning as they are to be told now. Blocks.

    Its report compares it with the backtest that stands behind it when the report is made. What is
    still so of that is told as it was at the start; what may not be, as of then.

    Args:
        warnings: of the session, of whatever kind.
        document: of the strategy now, as `block`, its `backtest:` block.
        name: of the strategy.
        digest: of the session's source of signals.
    """
    now = set(backtest_warnings(document, block, name, digest))
    later = zip(warnings, as_it_began(warnings), strict=True)
    return [one if one in now else then for one, then in later]


def horizon_warning(timeframe: Timeframe, seal: Seal) -> str | None:
    """That a trial's horizon is shorter than a session should run; None where it is long enough."""
    short, trades = duration_warning(timeframe, horizon_length(seal)), seal.horizon.trades
    if short is None or seal.horizon.days is not None:
        return short
    return f"{trades:,} trade{'s'[: trades > 1]}, at the backtest's rate some {short}"


def horizon_length(seal: Seal) -> int:
    """How long a trial's horizon is, ms; a number of trades takes the time of the backtest's."""
    days, trades = seal.horizon.days, seal.horizon.trades
    return round((trades / seal.trades_per_day if days is None else days) * DAY)


def duration_warning(timeframe: Timeframe, run_for: int | None) -> str | None:
    """That a session is to run for less than it should; None where it runs long enough."""
    least = minimum_duration(timeframe)
    if run_for is None or run_for >= least:
        return None
    return (
        f"{short_duration(run_for / 1_000)} is short for a {timeframe} strategy: run it for at "
        f"least {short_duration(least / 1_000)} before you judge it."
    )
