"""The tool calls of programs: backtest(action=…) and cron(action=…).

They return JSON values and never raise for what a caller may get wrong: `{"error": message}` says
what was expected. `backtest_async` and `cron_async` are the same, to be awaited. They work from any
process; sessions and jobs are the host's, spoken to over its control socket, and one without a
screen is started where none runs.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import logging
import os
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, ParamSpec, get_type_hints

import msgspec

from core.backtest.axes import SweepError, parse_axis
from core.backtest.candle_data import strategy_candles, swept_part
from core.backtest.run import BacktestError, run_backtest
from core.bootstrap import attach, attach_or_start, looked_at, report_source
from core.compare.request import ComparisonError, ComparisonRequest
from core.compare.service import compare_strategy
from core.compare.to_json import comparison_to_json
from core.gate import FOLDS
from core.host.job_values import JobOrder, confirmed, unfinished
from core.host.link import CommandError
from core.host.offline import offline_sessions
from core.host.status_json import (
    host_to_json,
    job_to_json,
    reply_to_json,
    session_to_json,
    since_of,
    status_to_json,
)
from core.host.trial_chances import chances_told, planned
from core.journal.values import FeedKind
from core.market.candles.durations import SpanError, parse_duration, period_span
from core.market.feeds.feed import FeedError
from core.market.files.errors import CandleFileError
from core.market.files.symbol_files import line_of_files
from core.market.history.market_period import market_period
from core.market.venues.addresses import VenueError
from core.market.venues.registry import DEFAULT_VENUE, public_api
from core.report.library import CandleSource, LibraryError, keep_result
from core.report.result import result_to_json
from core.report.stored_backtest import library_result
from core.session.reports import without_equity
from core.session.snapshot import SessionSnapshot, StartRequest, TrialTerms
from core.store.credentials import CredentialsError
from core.store.durable import OsDisk
from core.store.preferences import PreferencesError, read_preferences
from core.store.redaction import KNOWN_SECRETS
from core.store.workspace import Workspace, WorkspaceError, locate_workspace
from core.strategy.config.canonical import config_to_dict
from core.strategy.config.config import StrategyConfig
from core.strategy.config.parsing import ParsedConfig
from core.strategy.config.problems import ConfigError
from core.strategy.indicators.registry import indicators_to_json
from core.strategy.signals.sources import warmup_candles
from core.time_format import wall_clock
from core.tool_arguments import (
    ToolError,
    broker_asked,
    candle_files,
    fitting_arguments,
    in_words,
    needed,
    one_of,
    parsed_config,
    raw_config,
    trial_terms,
    unknown_action,
    with_balance,
)
from core.tool_varying import VaryingOrder, varied_apart
from core.trading.values import FillOn
from core.trial.ledger import noted
from core.trial.sealing import NoPromiseError

Json = dict[str, Any]
_P = ParamSpec("_P")
_logger = logging.getLogger(__name__)

_ACTIONS = (
    "run",
    "sweep",
    "gate",
    "plan_trial",
    "start_paper",
    "paper_status",
    "stop_paper",
    "list_indicators",
    "compare",
)
_ALIASES = {"run_backtest": "run", "list": "list_indicators"}
_PRIVATE = ("api_key", "api_secret")
_USUAL_PERIOD = "6m"
_CRON_ACTIONS = ("add", "list", "remove")
_MISTAKES = (
    BacktestError,
    CandleFileError,
    CommandError,
    ComparisonError,
    ConfigError,
    CredentialsError,
    FeedError,
    LibraryError,
    NoPromiseError,
    PreferencesError,
    SpanError,
    SweepError,
    VenueError,
    WorkspaceError,
)


class Fallback(StrEnum):
    """What a live feed does while its streams do not answer."""

    POLL = "poll"
    NONE = "none"


def never_raising(tool: Callable[_P, Json]) -> Callable[_P, Json]:
    """Have a tool call answer `{"error": message}` for whatever its caller gets wrong."""
    signature = inspect.signature(tool)
    hints = get_type_hints(tool)

    @functools.wraps(tool)
    def call(*given: _P.args, **named: _P.kwargs) -> Json:
        # An address or a name it was put into by mistake is refused in words that repeat it.
        for name, value in {
            **dict(zip(signature.parameters, given, strict=False)),
            **named,
        }.items():
            if name in _PRIVATE and isinstance(value, str):
                KNOWN_SECRETS.add(value)
        try:
            arguments = fitting_arguments(tool.__name__, signature, hints, given, named)
            return tool(**arguments)  # type: ignore[call-arg]  # checked, which no type says
        except (ToolError, *_MISTAKES) as error:
            return {"error": in_words(error)}
        except Exception as error:
            _logger.exception("tool call %s", tool.__name__)
            return {"error": f"{tool.__name__} failed unexpectedly: {type(error).__name__}"}

    return call


@never_raising
def backtest(
    action: str,
    strategy_config: str | Mapping[str, object] | None = None,
    session_id: str | None = None,
    api_key: str | None = None,
    api_secret: str | None = None,
    *,
    data: str | Mapping[str, str] | None = None,
    columns: str | None = None,
    exchange: str | None = None,
    period: str | None = None,
    fill_on: str = "next_open",
    vary: str | list[str] | None = None,
    sort: str = "sharpe_ratio",
    split: float | None = None,
    top: int = 20,
    folds: int = FOLDS,
    anchored: bool = False,
    seed: int = 0,
    keep: bool = False,
    feed: str = "live",
    fallback: str = "poll",
    broker: str | None = None,
    trial: object = None,
    duration: str | None = None,
    balance: float | None = None,
    flatten: bool = False,
    since: int | str | None = None,
    workspace: str | os.PathLike[str] | None = None,
) -> Json:
    """Run a strategy over the past, or as a paper-trading session.

    Args:
        action: run, sweep, gate, plan_trial, start_paper, paper_status, stop_paper, list_indicators
            or compare (also run_backtest and list).
        strategy_config: the strategy, as JSON text or as an object.
        session_id: which session; paper_status without it tells of all.
        api_key: of Binance Testnet, for start_paper: its fills are ordered there as well. It is
            used for this session alone, and neither kept nor shown.
        api_secret: the same.
        data: run, sweep, gate: a candle file, or one for each symbol; start_paper: with feed
            "replay".
        columns: the names of the columns of `data` in their order, such as
            "time,open,close,high,low,volume", where the files do not say them.
        exchange: run: where past candles come from (binance unless `data` is given).
        period: run: how far back, such as 6m (as without one), or 2026-01-01..2026-03-31; run,
            sweep, gate: of `data` a part of it, warmed up by what is before.
        fill_on: run: next_open or close.
        vary: sweep, gate: what to vary, as in "rsi.period=7:21" or a list of such; a gate judges
            the best of the settings (docs/gate.md), or without it the strategy as it is.
        sort: sweep, gate: the metric that ranks the settings, such as profit_factor.
        split: sweep: rank on the first so many per cent of the time, such as 70; the rest is told
            beside it.
        top: sweep: how many rows to tell.
        folds: gate: how often to choose on what was and trade what follows.
        anchored: gate: choose on all that was, not on the last part of it.
        seed: gate: of what is drawn.
        keep: run, sweep, gate: keep it in the library of backtests; the answer's `kept` is its ID.
        feed: start_paper: live, poll, replay or demo.
        fallback: start_paper: poll or none: what a live feed does while its streams do not answer
            though the REST API does. It is marked, and goes back to the streams.
        broker: start_paper: simulated, testnet or nautilus (docs/nautilus.md). Without it, testnet
            with an api_key, and on the live feed with keys in exchanges.yaml.
        duration: start_paper: how long it is to run, such as 7d.
        balance: run, start_paper: the starting balance, in place of the config's; compare: the live
            account's before its first trade, without which its Max DD and Sharpe are not known.
        trial: start_paper: true, a horizon such as "60d", or {"trades": 80}: seal it as a trial of
            its saved backtest (docs/trial.md); plan_trial: the same, to be told what such a trial
            can tell and when, before anything is started.
        since: paper_status: the trades_count or as_of of an earlier look; the answer then has
            `new_trades`, those closed after it.
        flatten: stop_paper: close its positions first.
        workspace: which one (else $PAPERTAPE_HOME, else the usual one).
    """
    try:
        home = locate_workspace(workspace, os.environ)
    except WorkspaceError as error:
        return {"error": str(error)}
    asked = _ALIASES.get(action, action)

    async def work() -> Json:
        match asked:
            case "run":
                config = parsed_config(with_balance(strategy_config, balance))
                return await _run(config, home, data, exchange, period, fill_on, columns, keep)
            case "sweep" | "gate":
                given = with_balance(strategy_config, balance)
                if top < 1:
                    raise ToolError(f"top {top}: expected 1 or more")
                how: Json = {"sort": sort, "period": period, "keep": keep}
                if asked == "sweep":
                    how |= {"split": split, "top": top}
                else:
                    how |= {"folds": folds, "anchored": anchored, "seed": seed}
                return await _varied(asked, home, given, data, columns, vary, how)
            case "start_paper":
                request = StartRequest(
                    config=raw_config(strategy_config),
                    feed=one_of("feed", FeedKind, feed),
                    fallback=one_of("fallback", Fallback, fallback) == "poll" and feed == "live",
                    broker=broker_asked(broker, has_key=bool(api_key or api_secret)),
                    data=None
                    if data is None
                    else candle_files(data, parsed_config(strategy_config)),
                    columns=columns,
                    starting_balance=balance,
                    run_for=None if duration is None else parse_duration(duration),
                    exchange=exchange,
                    api_key=api_key,
                    api_secret=api_secret,
                    trial=trial_terms(trial),
                )
                link = await attach_or_start(home)
                reply = await link.start(request)
                chances, _ = await asyncio.to_thread(chances_told, home, reply.session_id)
                return reply_to_json(reply) | {"trial": chances}
            case "plan_trial":
                return await _plan(home, with_balance(strategy_config, balance), trial)
            case "paper_status":
                return await _status(home, session_id, since)
            case "stop_paper":
                link = await attach_or_start(home)
                session = needed("session_id", session_id).strip().lower()
                return without_equity(await link.stop(session, flatten=flatten))
            case "compare":
                return await _compare(
                    home, parsed_config(strategy_config).config, session_id, balance
                )
            case "list_indicators":
                return {"indicators": indicators_to_json()}
        raise ToolError(unknown_action("backtest", action, (*_ACTIONS, *_ALIASES)))

    return _answer(work)


@never_raising
def cron(
    action: str,
    every_seconds: int | None = None,
    cron_expr: str | None = None,
    at: str | None = None,
    message: str | None = None,
    job_id: str | None = None,
    max_runs: int | None = None,
    *,
    session_id: str | None = None,
    workspace: str | os.PathLike[str] | None = None,
) -> Json:
    """Have something done at set times.

    Args:
        action: add, list or remove.
        every_seconds: add: every so many seconds;
        cron_expr: or whenever these five fields match, in UTC;
        at: or once, at this time (ISO 8601).
        message: add: what to say then. A message that calls backtest(action='paper_status', …) or
            backtest(action='stop_paper', …) with a session_id has that done.
        job_id: remove: which job.
        max_runs: add: how often at most.
        session_id: add: the session it is about, with which it goes.
        workspace: which one (else $PAPERTAPE_HOME, else the usual one).
    """
    try:
        home = locate_workspace(workspace, os.environ)
    except WorkspaceError as error:
        return {"error": str(error)}
    given = {
        "every_seconds": every_seconds,
        "cron_expr": cron_expr,
        "at": at,
        "message": message,
        "session_id": session_id,
        "max_runs": max_runs,
    }

    async def work() -> Json:
        if action not in _CRON_ACTIONS:
            raise ToolError(unknown_action("cron", action, _CRON_ACTIONS))
        link = await attach_or_start(home)
        if action == "add":
            order = msgspec.convert(given, JobOrder)
            job = await link.add_job(order)
            return job_to_json(job) | {"confirmation": confirmed(job, await link.list_jobs())}
        if action == "remove":
            return job_to_json(await link.remove_job(needed("job_id", job_id)))
        jobs = unfinished(await link.list_jobs())
        return {"jobs": [job_to_json(job) for job in jobs]}

    return _answer(work)


@functools.wraps(backtest)
async def backtest_async(*given: Any, **named: Any) -> Json:
    """`backtest`, for programs with an event loop, which goes on meanwhile."""
    return await in_thread(backtest, *given, **named)


@functools.wraps(cron)
async def cron_async(*given: Any, **named: Any) -> Json:
    """`cron`, for programs with an event loop, which goes on meanwhile."""
    return await in_thread(cron, *given, **named)


async def in_thread(tool: Callable[..., Json], *given: Any, **named: Any) -> Json:
    """A tool call in a thread of its own; cancelling it ends a sweep or gate under way."""
    with _waited_for():
        return await asyncio.to_thread(tool, *given, **named)


_nobody_waits: contextvars.ContextVar[threading.Event | None] = contextvars.ContextVar(
    "nobody_waits", default=None
)


@contextmanager
def _waited_for() -> Iterator[contextvars.Context]:
    """The context of a call in another thread, which is told once the block is left."""
    left = threading.Event()
    before = _nobody_waits.set(left)
    try:
        yield contextvars.copy_context()
    finally:
        left.set()
        _nobody_waits.reset(before)


def _answer(work: Callable[[], Coroutine[Any, Any, Json]]) -> Json:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _answered(work)
    # A loop that runs can run no other: the call gets one in a thread of its own.
    with ThreadPoolExecutor(1) as thread, _waited_for() as context:
        return thread.submit(context.run, _answered, work).result()


def _answered(work: Callable[[], Coroutine[Any, Any, Json]]) -> Json:
    try:
        return asyncio.run(work())
    except (ToolError, *_MISTAKES) as error:
        return {"error": in_words(error)}


async def _run(
    parsed: ParsedConfig,
    home: Workspace,
    data: str | Mapping[str, str] | None,
    exchange: str | None,
    period: str | None,
    fill_on: str,
    columns: str | None,
    keep: bool,
) -> Json:
    config = parsed.config
    now = wall_clock()
    inputs: Json = {"fill_on": one_of("fill_on", FillOn, fill_on)}
    if data is not None:
        if exchange is not None:
            raise ToolError("give either data or exchange, not both")
        files = candle_files(data, parsed)
        candles, notes = await asyncio.to_thread(strategy_candles, config, files, columns)
        part = swept_part(config, (), candles, period)
        candles = part.candles
        inputs |= {"decide_from": part.decide_from}
        paths = {symbol: Path(file) for symbol, file in files.items()}
        source = CandleSource(line_of_files(paths, columns), period=period or "")
    else:
        period = period or _USUAL_PERIOD
        source = CandleSource(exchange=exchange or DEFAULT_VENUE, period=period)
        addresses = read_preferences(home.preferences).addresses
        found = await market_period(
            public_api(exchange, addresses),
            config.symbols,
            config.timeframe,
            *period_span(period, now),
            warmup=warmup_candles(config),
            cache=home.cache,
        )
        candles, notes = found.candles, list(found.notes)
        inputs |= {"filters": found.filters, "funding": found.funding, "decide_from": found.start}
    result = await asyncio.to_thread(
        run_backtest, config, candles, warnings=(*parsed.warnings, *notes), **inputs
    )
    result = noted(home.tries, result, config, candles, now)
    if not keep:
        return result_to_json(result)
    home.prepare()
    whole = library_result(result, candles, now, source, {})
    kept = await asyncio.to_thread(keep_result, home, whole, OsDisk())
    return result_to_json(result) | {"kept": kept}


async def _varied(
    what: Literal["sweep", "gate"],
    home: Workspace,
    strategy_config: dict[str, object],
    data: str | Mapping[str, str] | None,
    columns: str | None,
    vary: str | list[str] | None,
    how: Json,
) -> Json:
    parsed = parsed_config(strategy_config)
    if data is None:
        raise ToolError("data is missing")
    if what == "sweep" and not vary:
        raise ToolError('vary is missing: what to vary, as in "rsi.period=7:21"')
    axes = [vary] if isinstance(vary, str) else list(vary or ())
    for text in axes:
        parse_axis(text)
    order = VaryingOrder(
        what=what,
        workspace=str(home.root.absolute()),
        strategy_config=strategy_config,
        files=candle_files(data, parsed),
        columns=columns,
        vary=tuple(axes),
        **how,
    )
    cancel = _nobody_waits.get() or threading.Event()
    try:
        return await asyncio.to_thread(varied_apart, order, cancel)
    finally:
        cancel.set()


async def _plan(home: Workspace, strategy_config: dict[str, object], trial: object) -> Json:
    terms = trial_terms(trial) or TrialTerms()
    config = parsed_config(strategy_config).config
    plan, warnings = await asyncio.to_thread(planned, config, terms, home, wall_clock())
    return plan.to_json() | {"warnings": list(warnings)}


async def _status(home: Workspace, session_id: str | None, since: int | str | None) -> Json:
    if session_id is None:
        host, sessions = await _sessions(home)
        return {"host": host, "sessions": [session_to_json(session) for session in sessions]}
    try:
        after = None if since is None else since_of(since)
    except ValueError as error:
        raise ToolError(str(error)) from None
    found = await looked_at(home, session_id.strip().lower())
    if found is None:
        raise ToolError(
            f"there is no session {session_id[:40]!r}: paper_status without it lists all"
        )
    return status_to_json(*found, after)


async def _sessions(home: Workspace) -> tuple[Json | None, tuple[SessionSnapshot, ...]]:
    link = attach(home)
    if link is None:
        return None, await offline_sessions(home)
    snapshot = await link.fresh_snapshot()
    return host_to_json(snapshot), snapshot.sessions


async def _compare(
    home: Workspace, config: StrategyConfig, session_id: str | None, balance: float | None
) -> Json:
    request = ComparisonRequest(
        config.name,
        config.timeframe,
        blocks=config_to_dict(config),
        sessions=() if session_id is None else (session_id.strip().lower(),),
        balance=balance,
    )
    found = await compare_strategy(home, request, report_source(home))
    return comparison_to_json(found)
