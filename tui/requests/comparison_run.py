"""How does the screen compare? An order in, the comparison and its curves out.

Loads numpy, ccxt and their kin: import it late, in a thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from core.compare.document_block import Change, paper_change
from core.compare.replay import Replayed
from core.compare.text import comparison_text
from core.compare_service import Answer, Question, validate_strategy
from core.host.link import CommandError, HostLink
from core.market.candles.candle import Candle
from core.report.html import report_page
from core.report.spreadsheet import trades_csv
from core.store.durable import OsDisk, write_durably
from core.store.workspace import Workspace
from core.strategy.config.parsing import parse_config
from core.strategy.config.problems import ConfigError
from core.time_format import parse_time, short_date, wall_clock
from tui.requests.backtest import Points
from tui.requests.comparison import ComparisonOrder, ComparisonOutcome, ComparisonRefusedError

_POINTS = 1_500  # of a curve: more than any screen has dots


async def compare(
    order: ComparisonOrder, workspace: Path, link: HostLink | None
) -> ComparisonOutcome:
    """Compare what is known of a strategy.

    Args:
        order: what to compare.
        workspace: its folder.
        link: the host that runs sessions, if there is one.

    Raises:
        ComparisonRefusedError: it cannot be compared; the message says why.
    """
    try:
        config = parse_config(order.raw).config
        question = Question(
            config.name,
            config.timeframe,
            document=order.path,
            blocks=order.raw,
            sessions=order.sessions,
            fetch=order.fetch,
        )
        now = wall_clock()
        report_of = None if link is None else link.report
        answer = await validate_strategy(Workspace(workspace), question, now, report_of)
    except (ConfigError, CommandError) as error:
        raise ComparisonRefusedError(str(error)) from error
    return _outcome(order, workspace, answer, now)


def _outcome(
    order: ComparisonOrder, workspace: Path, answer: Answer, now: int
) -> ComparisonOutcome:
    compared = answer.compared
    found = compared.to_json()
    change = _change(order, workspace, answer, now)

    def save() -> None:
        if change is None:
            raise ComparisonRefusedError("only the figures of a single session are saved")
        try:
            change.write()
        except (ConfigError, OSError) as error:
            raise ComparisonRefusedError(f"{order.path}: {error}") from error

    def export() -> Path:
        folder = workspace / "exports" / f"{order.name}-{short_date(now)}"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for name, text in _files(answer, found):
                write_durably(folder / name, text, OsDisk())
        except OSError as error:
            raise ComparisonRefusedError(f"{folder} cannot be written ({error})") from error
        return folder

    return ComparisonOutcome(
        order,
        found,
        tuple(_curves(answer)),
        _gains(answer),
        lambda symbol, first, last: _candles(compared.replayed, symbol, first, last),
        () if change is None else change.difference,
        save,
        export,
    )


def _change(order: ComparisonOrder, workspace: Path, answer: Answer, now: int) -> Change | None:
    if len(answer.reports) != 1 or not order.path.is_relative_to(workspace):
        return None
    try:
        return paper_change(order.path, answer.reports[0], answer.compared.comparison, now)
    except ConfigError:
        return None  # the document has been broken since it was read


def _files(answer: Answer, found: Mapping[str, object]) -> list[tuple[str, bytes]]:
    written = [
        ("comparison.txt", comparison_text(answer.compared.comparison).encode()),
        ("comparison.json", orjson.dumps(found, option=orjson.OPT_INDENT_2)),
    ]
    for report in answer.reports:
        name = str(report["session_id"])
        written += [
            (f"{name}.html", report_page({**report, "comparison": found}).encode()),
            (f"{name}-trades.csv", trades_csv(report).encode()),
        ]
    return written


def _curves(answer: Answer) -> list[tuple[str, Points]]:
    """Paper and backtest over the session's own period; the saved backtest where there is none."""
    curves = []
    for report in answer.reports:
        if report.get("equity"):
            curves.append(("Paper", _of_report(report)))
    for one in answer.compared.replayed:
        points = zip(one.now.times.tolist(), one.now.equity.tolist(), strict=True)
        curves.append(("Backtest", _in_per_cent(list(points), one.now.starting_balance)))
    stored = answer.compared.stored
    if not curves and stored is not None and stored.get("equity"):
        curves.append(("Backtest", _of_report(stored)))
    return curves


def _of_report(report: Mapping[str, Any]) -> Points:
    points = [(parse_time(time), value) for time, value in report["equity"]]
    return _in_per_cent(points, report["starting_balance"])


def _in_per_cent(points: Sequence[tuple[int, float]], start: float) -> Points:
    step = max(1, len(points) // _POINTS)
    return tuple((time, (value / start - 1) * 100) for time, value in points[::-step][::-1])


def _gains(answer: Answer) -> dict[str, tuple[float, ...]]:
    gains = {}
    for column in answer.compared.comparison.columns:
        if column.sample is not None and column.sample.pnl is not None:
            gains[column.name] = tuple(column.sample.pnl.tolist())
    return gains


def _candles(
    replayed: Sequence[Replayed], symbol: str, first: int, last: int
) -> tuple[Candle, ...]:
    for one in replayed:
        candles = one.candles.get(symbol)
        if candles is not None:
            start, stop = np.searchsorted(candles.time, (first, last + 1)).tolist()
            if stop > start:
                return tuple(candles.slice(start, stop))
    return ()
