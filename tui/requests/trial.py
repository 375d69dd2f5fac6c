"""What the form of a new session asks of a trial: what it could tell, before anything is sealed.

The statistics load late, in a thread: what they need takes a second and 100 MB.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from core.session.snapshot import TrialTerms
from core.text import TextRow
from tui.strategies import StrategyChoice


@dataclass(frozen=True, slots=True)
class TrialOutlook:
    """What a trial of a strategy could tell.

    `rows` say it; empty where there is nothing to seal, and `refusal` says why. `warning`: that
    its horizon is too short to judge by. `doubt`: why there is nothing that it could keep.
    """

    rows: tuple[TextRow, ...]
    refusal: str | None = None
    warning: str | None = None
    doubt: str | None = None


AskOutlook = Callable[[StrategyChoice, TrialTerms, float | None], Awaitable[TrialOutlook]]
"""Gives the outlook of a trial with these terms, on a starting balance (None: the strategy's)."""


async def outlook(
    workspace: Path | None, choice: StrategyChoice, terms: TrialTerms, balance: float | None
) -> TrialOutlook:
    """What a trial of `choice` with these terms could tell. Runs in a thread.

    Args:
        workspace: its root, where tries are counted; None in tests that need no files.
        choice: the strategy.
        terms: the horizon.
        balance: the starting balance; None for the strategy's own.
    """
    if workspace is None:
        return TrialOutlook((), "there is no workspace")
    return await asyncio.to_thread(_outlook, workspace, choice, terms, balance)


def _outlook(
    root: Path, choice: StrategyChoice, terms: TrialTerms, balance: float | None
) -> TrialOutlook:
    from core.compare.before_start import horizon_warning  # noqa: PLC0415
    from core.host.link import BadRequestError  # noqa: PLC0415
    from core.host.start_requests import seal_of  # noqa: PLC0415
    from core.store.workspace import Workspace  # noqa: PLC0415
    from core.strategy.config.parsing import parse_config  # noqa: PLC0415
    from core.strategy.config.problems import ConfigError  # noqa: PLC0415
    from core.time_format import wall_clock  # noqa: PLC0415
    from core.trial.plan import plan_trial  # noqa: PLC0415
    from core.trial.sealing import NoPromiseError, doubts  # noqa: PLC0415

    changes = {} if balance is None else {"starting_balance": balance}
    try:
        config = parse_config({**choice.raw, **changes}).config
        seal = seal_of(config, terms, Workspace(root), wall_clock())
        plan = plan_trial(seal)
    except (BadRequestError, ConfigError, NoPromiseError) as error:
        return TrialOutlook((), str(error))
    return TrialOutlook(
        plan.rows,
        warning=horizon_warning(config.timeframe, seal),
        doubt="; ".join(filter(None, (plan.chances.forecast.no_answer, *doubts(seal, None))))
        or None,
    )
