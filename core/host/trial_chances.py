"""What a trial can tell: asked before it starts, told once it has."""

from __future__ import annotations

from typing import Any

from core.compare.before_start import horizon_warning
from core.host.start_requests import seal_of
from core.journal.manifest import read_manifest
from core.session.snapshot import TrialTerms
from core.store.journal_file import JournalError
from core.store.workspace import Workspace
from core.strategy.config.config import StrategyConfig
from core.text import aligned
from core.trial.ledger import tries_of
from core.trial.plan import TrialPlan, chances_of, plan_trial
from core.trial.sealing import doubts

Json = dict[str, Any]


def planned(
    config: StrategyConfig, terms: TrialTerms, workspace: Workspace, now: int
) -> tuple[TrialPlan, tuple[str, ...]]:
    """What a trial could tell that would start at `now` (UTC ms), and warnings. Blocks.

    Raises:
        BadRequestError: the horizon makes no sense.
        NoPromiseError: no saved backtest promises anything that could be put to the test.
    """
    seal = seal_of(config, terms, workspace, now)
    plan = plan_trial(seal)
    no_answer = plan.chances.forecast.no_answer
    warnings = [no_answer, *doubts(seal, None), horizon_warning(config.timeframe, seal)]
    if bad := tries_of(workspace.tries, config.name).bad_lines:
        warnings.append(
            f"{workspace.tries}: not counted, for they are no tries: {bad} of its lines"
        )
    return plan, tuple(filter(None, warnings))


def chances_told(workspace: Workspace, session_id: str) -> tuple[Json | None, tuple[str, ...]]:
    """The chances of a trial by the seal in its record, as JSON values and as lines. Blocks.

    None, and no line, for a session that is no trial; a `reason` where its record cannot be
    read, for it runs all the same.
    """
    try:
        seal = read_manifest(workspace.session(session_id)).seal
    except JournalError as error:
        return {"reason": str(error)}, (str(error),)
    if seal is None:
        return None, ()
    chances = chances_of(seal)
    no_answer = chances.forecast.no_answer
    told = () if no_answer is None else (f"note: {no_answer}",)
    return chances.to_json(), (*told, *aligned(chances.rows))
