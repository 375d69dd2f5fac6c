"""The command that starts a session: start."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Protocol

from tui.cli.candle_arguments import add_data
from tui.cli.commands import Commands
from tui.cli.output import Exit, Refusal, print_json, print_text, refusing
from tui.cli.speaking import run_on_host
from tui.cli.strategy_argument import StrategyArguments, add_strategy, written_strategy
from tui.cli.workspace import prepared_workspace

if TYPE_CHECKING:
    from core.session.snapshot import StartReply, StartRequest


class SessionOptions(StrategyArguments, Protocol):
    """What `add_start_options` lets one say."""

    feed: str | None
    fallback: str | None
    data: list[str] | None
    columns: str | None
    speed: str | None
    exchange: str | None
    broker: str | None
    run_for: str | None
    until: str | None
    fills: str | None
    warmup: int | None
    balance: float | None


def add_commands(commands: Commands) -> None:
    """Declare the group of sessions, and this command."""
    commands.group("Sessions")
    parser = commands.add(
        "start",
        start,
        "start a strategy as a paper-trading session",
        more="Where no host runs, one without a screen is started.",
    )
    add_strategy(parser)
    add_start_options(parser)


def add_start_options(parser: argparse.ArgumentParser) -> None:
    """Let a command say how a session is to run."""
    parser.add_argument(
        "--feed", choices=("live", "poll", "replay", "demo"), help="(default: live)"
    )
    parser.add_argument(
        "--fallback",
        choices=("poll", "none"),
        help="live: what to do while the streams do not answer though the REST API does; it is "
        "marked, and goes back by itself (default: poll where --feed is not given)",
    )
    add_data(parser, "replay: the candle file")
    parser.add_argument("--speed", metavar="N|max", help="replay: times real time (default: max)")
    parser.add_argument("--exchange", metavar="NAME", help="poll: which one (default: binance)")
    parser.add_argument(
        "--broker",
        choices=("simulated", "testnet", "nautilus"),
        help="testnet: also send its fills as orders to Binance's test venues (default: that, on "
        "the live feed and with keys for it; else simulated); nautilus: send them there through "
        "Nautilus Trader, which has to be installed (docs/nautilus.md)",
    )
    end = parser.add_mutually_exclusive_group()
    end.add_argument("--for", dest="run_for", metavar="7d", help="how long, from when it runs")
    end.add_argument("--until", metavar="WHEN", help="until when (ISO 8601, UTC)")
    parser.add_argument("--fills", choices=("candle", "market"), help="which prices fill orders")
    parser.add_argument("--balance", type=float, metavar="N", help="the starting balance")
    parser.add_argument(
        "--warmup",
        type=int,
        metavar="N",
        help="candles before the first decision (default: what the strategy wants; marked)",
    )


def start(arguments: SessionOptions) -> int:
    """Start a session."""
    return start_session(arguments, start_request(arguments))


def start_session(arguments: SessionOptions, request: StartRequest) -> int:
    """Start the session that is asked for, on a host that is started where none runs."""
    from core.host.status_json import reply_to_json
    from core.host.trial_chances import chances_told
    from core.market.candles.durations import in_words

    workspace = prepared_workspace(arguments)

    async def work() -> StartReply:
        from core.bootstrap import attach_or_start

        link = await attach_or_start(workspace)
        return await link.start(request)

    reply = run_on_host(work())
    chances, told = chances_told(workspace, reply.session_id)
    if arguments.json:
        print_json(reply_to_json(reply) | {"trial": chances})
    else:
        print_text(
            reply.message,
            *told,
            *(
                []
                if request.run_for is None
                else [f"it ends after {in_words(request.run_for)} of running"]
            ),
            *(f"note: {notice}" for notice in reply.notices),
            *(f"job {job}" for job in reply.jobs),
        )
    return Exit.DONE


def start_request(arguments: SessionOptions) -> StartRequest:
    """What the arguments ask to be started; its config is known to be valid."""
    from core.journal.values import BrokerKind, FeedKind
    from core.market.candles.durations import SpanError, parse_duration
    from core.market.files.symbol_files import SymbolFilesError, files_by_symbol
    from core.session.snapshot import StartRequest
    from core.strategy.config.problems import ConfigError
    from core.trading.values import Fills

    with refusing(ConfigError, SpanError):
        written = written_strategy(arguments)
        config = written.parse(starting_balance=arguments.balance).config
        run_for = None if arguments.run_for is None else parse_duration(arguments.run_for)
    data = None
    feed = arguments.feed or "live"
    fallback = arguments.fallback or ("none" if arguments.feed else "poll")
    if feed == "replay" and not arguments.data:
        raise Refusal(
            "a replay needs a candle file: give --data FILE (for several symbols, "
            "--data SYMBOL=FILE for each)",
            Exit.BAD_INPUT,
        )
    if arguments.data:
        with refusing(SymbolFilesError):
            files = files_by_symbol("--data", arguments.data, config.symbols)
        data = {symbol: str(path.absolute()) for symbol, path in files.items()}
    return StartRequest(
        config=written.document.config,
        feed=FeedKind(feed),
        fallback=fallback == "poll",
        broker=None if arguments.broker is None else BrokerKind(arguments.broker),
        fills=None if arguments.fills is None else Fills(arguments.fills),
        data=data,
        columns=arguments.columns,
        speed=_speed(arguments.speed),
        run_for=run_for,
        until=_until(arguments),
        starting_balance=arguments.balance,
        exchange=arguments.exchange,
        warmup=arguments.warmup,
    )


def _until(arguments: SessionOptions) -> int | None:
    """When the session is to end; for a replay a time of its candles, else one to come."""
    from core.time_format import wall_clock

    if arguments.until is None:
        return None
    until = moment_of("--until", arguments.until)
    if arguments.feed != "replay" and until <= wall_clock():
        raise Refusal(f"--until {arguments.until}: that time has passed", Exit.BAD_INPUT)
    return until


def _speed(text: str | None) -> float | None:
    if text in (None, "max"):
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise Refusal(f"--speed {text}: expected a number above 0, or max", Exit.BAD_INPUT)
    return speed


def moment_of(option: str, text: str) -> int:
    """UTC milliseconds of a time given with `option`."""
    from core.time_format import parse_time

    try:
        return parse_time(text)
    except ValueError as error:
        raise Refusal(
            f"{option} {text}: expected a time such as 2026-02-11T10:00 (UTC unless it says)",
            Exit.BAD_INPUT,
        ) from error
