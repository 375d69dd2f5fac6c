"""Which strategies are there to start: the workspace's own, then the samples that come along?"""

from __future__ import annotations

from pathlib import Path

from core.store.workspace import Workspace
from core.strategy.config.problems import ConfigError
from core.strategy.document.document import StrategyDocument, read_strategy
from tui.shipped import shipped
from tui.strategies.choice import StrategyChoice

DOCUMENT = "STRATEGY.md"


def find_strategies(workspace: Workspace) -> tuple[StrategyChoice, ...]:
    """Every strategy, by name; one of the workspace hides a sample of its name. Reads files."""
    choices: dict[str, StrategyChoice] = {}
    shelves = (("sample", shipped("sample_strategies")), ("workspace", workspace.strategies))
    for origin, folder in shelves:
        for path in sorted(folder.glob(f"*/{DOCUMENT}")):
            choices[path.parent.name] = _choice(origin, path)
    own_first = sorted(choices.values(), key=lambda one: (one.origin != "workspace", one.name))
    return tuple(own_first)


def _choice(origin: str, path: Path) -> StrategyChoice:
    name = path.parent.name
    try:
        document = read_strategy(path)
    except ConfigError as error:
        return StrategyChoice(name, origin, path, {}, problems=_sentences(error))
    return _parsed(name, origin, path, document)


def _parsed(name: str, origin: str, path: Path, document: StrategyDocument) -> StrategyChoice:
    raw = document.config
    described = raw.get("description")
    description = described if isinstance(described, str) else ""
    backtested = isinstance(raw.get("backtest"), dict)
    try:
        parsed = document.parse()
    except ConfigError as error:
        return StrategyChoice(
            name,
            origin,
            path,
            raw,
            problems=_sentences(error),
            backtested=backtested,
            description=description,
        )
    config = parsed.config
    return StrategyChoice(
        config.name,
        origin,
        path,
        raw,
        symbols=config.symbols,
        timeframe=config.timeframe.value,
        warnings=parsed.warnings,
        backtested=backtested,
        description=description,
        starting_balance=config.starting_balance,
    )


def _sentences(error: ConfigError) -> tuple[str, ...]:
    return tuple(str(problem) for problem in error.problems)
