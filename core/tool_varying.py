"""The tool calls' sweep and gate, in a process of their own, by as many workers as the commands'.

The process that asks may be anybody's program. Workers begun there would import its main module and
run it once more, or be forked from its threads; what collects their results would hold its
interpreter. Here it only waits: the order goes to standard input as one line of JSON, the answer
comes from standard output. Closing standard input says that nobody waits any more, and so does the
end of the program that asked: the work then ends as by Ctrl-C, and what is finished is kept.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import select
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Literal

import msgspec

from core.backtest.axes import SweepError, parse_axis
from core.backtest.candle_data import FilePart, strategy_candles, swept_part
from core.backtest.kept import Keeping
from core.backtest.progress import Progress, WorkCancelledError, resumed_text
from core.backtest.run import BacktestError
from core.backtest.sweep import sweep_to_json
from core.backtest.workers import all_cores
from core.gate import FOLDS
from core.gate.counted import How, counted_gate, counted_sweep
from core.gate.kept import Asked, Found, keep_search
from core.gate.to_json import gate_to_json
from core.market.candles.durations import SpanError
from core.market.files.errors import CandleFileError
from core.market.files.symbol_files import line_of_files
from core.report.library import CandleSource, LibraryError, Terms
from core.store.durable import OsDisk
from core.store.workspace import Workspace, WorkspaceError
from core.strategy.config.canonical import config_to_dict
from core.strategy.config.config import StrategyConfig
from core.strategy.config.problems import ConfigError
from core.time_format import wall_clock
from core.tool_arguments import ToolError, in_words, parsed_config
from core.typed import prepare

Json = dict[str, Any]

_MODULE = "core.tool_varying"
_MISTAKES = (
    BacktestError,
    CandleFileError,
    ConfigError,
    LibraryError,
    SpanError,
    SweepError,
    ToolError,
    WorkCancelledError,
    WorkspaceError,
)
_LOOK_SECONDS = 0.1
_logger = logging.getLogger(__name__)


class VaryingOrder(msgspec.Struct, frozen=True):
    """What a sweep or a gate is asked.

    Attributes:
        what: which of the two.
        workspace: its root.
        strategy_config: the strategy's config.
        files: a candle file for each symbol; `columns` as `backtest` takes them.
        vary: the axes.
        sort: the metric that ranks.
        folds, anchored, seed: of a gate, see `run_gate`.
        split: of a sweep, see `run_sweep`.
        top: how many rows of a sweep to tell.
        period: a part of the files; None: all of them.
        keep: whether it is kept in the library.
    """

    what: Literal["gate", "sweep"]
    workspace: str
    strategy_config: dict[str, object]
    files: dict[str, str]
    columns: str | None
    vary: tuple[str, ...]
    sort: str
    folds: int = FOLDS
    anchored: bool = False
    seed: int = 0
    split: float | None = None
    top: int = 20
    period: str | None = None
    keep: bool = False


def varied_apart(order: VaryingOrder, cancel: threading.Event) -> Json:
    """Have a sweep or gate made in a process of its own; its result, or `{"error": message}`.

    Args:
        order: what is asked.
        cancel: once set, it ends with what is finished.

    Raises:
        ToolError: the process was ended by something else.
    """
    command = [sys.executable, "-P", "-m", _MODULE]
    paths = (str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH"))
    with subprocess.Popen(  # noqa: S603  this program itself
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},  # this very code
        start_new_session=True,  # Ctrl-C is for the program that asks: it says so by `cancel`
    ) as process:
        asks, process.stdin = process.stdin, None  # `communicate` would close it
        assert asks is not None
        answer = None
        with contextlib.suppress(BrokenPipeError), asks:
            # Escaped: a text of the config or a path may hold what is no UTF-8.
            asks.write(json.dumps(msgspec.to_builtins(order)).encode() + b"\n")
            asks.flush()
            while answer is None and not cancel.is_set():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    answer = process.communicate(timeout=_LOOK_SECONDS)[0]
        if answer is None:
            answer = process.communicate()[0]
    if process.returncode != 0:
        raise ToolError(
            f"the {order.what}'s process was ended by something else (code {process.returncode}, "
            "often for lack of memory); what was finished is kept: the same call goes on from there"
        )
    found: Json = json.loads(answer)
    return found


class _HungUp(threading.Event):
    """Set once standard input was closed by who asked."""

    def is_set(self) -> bool:
        return super().is_set() or bool(select.select([0], [], [], 0)[0])


def varied(order: VaryingOrder, cancel: threading.Event) -> Json:
    """Do what is asked by all cores, as the command line does; what it found, and is to be said."""
    parsed = parsed_config(order.strategy_config)
    config, home = parsed.config, Workspace(Path(order.workspace))
    candles, notes = strategy_candles(config, order.files, order.columns)
    axes = [parse_axis(text) for text in order.vary]
    part = swept_part(config, axes, candles, order.period)
    resumed: list[str] = []

    def told(progress: Progress) -> None:
        if progress.taken_up:
            resumed[:] = [resumed_text(progress)]

    how: How = {
        "workers": all_cores(),
        "on_progress": told,
        "cancel": cancel,
        "keep": Keeping(home.unfinished),
        "decide_from": part.decide_from,
    }
    asked = home.tries, config, axes, part.candles
    made: Found
    if order.what == "sweep":
        made, warning = counted_sweep(*asked, order.sort, order.split, wall_clock(), **how)
        found = sweep_to_json(made, order.top)
    else:
        made, warning = counted_gate(*asked, order, wall_clock(), **how)
        found = gate_to_json(made)
    said = (*parsed.warnings, *notes)
    if order.keep:
        found |= {"kept": _keep(order, home, made, config, part, said)}
    return found | {"warnings": [*said, *resumed, *filter(None, (warning,))]}


def _keep(
    order: VaryingOrder,
    home: Workspace,
    made: Found,
    config: StrategyConfig,
    part: FilePart,
    notes: tuple[str, ...],
) -> str | None:
    """Keep it as the command line does with `--keep`; its ID."""
    home.prepare()
    terms = Terms(order.vary, order.sort, order.split, order.folds, order.anchored, order.seed)
    asked = Asked(config_to_dict(config), {}, warmup=part.warmup, span=part.span, notes=notes)
    files = {symbol: Path(file) for symbol, file in order.files.items()}
    source = CandleSource(line_of_files(files, order.columns), period=order.period or "")
    now = wall_clock()
    return keep_search(home, made, asked, terms, part.candles, source, now, OsDisk())


def main() -> None:
    """Do what standard input asks for."""
    answers, sys.stdout = sys.stdout.buffer, sys.stderr  # an indicator of others may print
    order = msgspec.convert(json.loads(sys.stdin.buffer.readline()), VaryingOrder)
    try:
        answer = varied(order, _HungUp())
    except _MISTAKES as error:
        answer = {"error": in_words(error)}
    except Exception as error:
        _logger.exception("%s", order.what)
        answer = {"error": f"the {order.what} failed unexpectedly: {type(error).__name__}"}
    with contextlib.suppress(BrokenPipeError):  # nobody waits any more
        answers.write(json.dumps(msgspec.to_builtins(answer)).encode())
        answers.flush()


prepare(VaryingOrder)

if __name__ == "__main__":
    main()
