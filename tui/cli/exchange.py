"""The command that runs the embedded exchange by itself: exchange."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
import signal
import zlib
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from core.time_format import wall_clock
from tui.cli.candle_arguments import add_data
from tui.cli.commands import Arguments, Commands
from tui.cli.output import Exit, Refusal, print_json, print_text, refusing

if TYPE_CHECKING:
    from core.host.feed_factories import DemoMarket

DEFAULT_SPEED = 100.0
_NAME = re.compile(r"(?P<pair>[A-Z0-9]{5,20})(?P<rest>[-_.].*)?", re.IGNORECASE)
_AMOUNT = re.compile(r"(?P<asset>[A-Z0-9]{1,20})=(?P<amount>\d{1,15}(?:\.\d{1,8})?)", re.ASCII)
_HISTORY = 200 * 86_400_000
"""How much of a recorded market lies before its start at most, in ms: 200 daily candles.

That is the least a strategy wants for its warm-up, and a demo knows no strategy yet."""


class MarketArguments(Protocol):
    """What `add_market` lets one say."""

    data: list[str] | None
    columns: str | None
    seed: int
    speed: float


class ExchangeArguments(Arguments, MarketArguments, Protocol):
    """What `papertape exchange` is given."""

    port: int
    futures_port: int
    keys: Path | None
    balance: list[str]
    wallet: list[str]


def add_commands(commands: Commands) -> None:
    """Declare this group."""
    commands.group("Servers")
    parser = commands.add(
        "exchange",
        exchange,
        "the embedded Binance-compatible exchange by itself, on loopback",
        more="Real clients can be pointed at it. It runs until it is interrupted. Without --keys "
        "it takes orders with the key papertape-demo-key and the secret papertape-demo-secret.",
    )
    for name, what in (("--port", "spot"), ("--futures-port", "USDⓈ-M")):
        parser.add_argument(
            name, type=int, default=0, metavar="N", help=f"the port of {what} (0: any free one)"
        )
    parser.add_argument(
        "--keys",
        type=Path,
        metavar="FILE",
        help="take the keys in a file like exchanges.yaml, each with an account of its own",
    )
    for name, whose in (("--balance", "spot account"), ("--wallet", "futures wallet")):
        parser.add_argument(
            name,
            action="append",
            default=[],
            metavar="ASSET=AMOUNT",
            help=f"what every {whose} opens with (may be given several times)",
        )
    add_market(parser)


def add_market(parser: argparse.ArgumentParser) -> None:
    """Let a command say which market the embedded exchange has, and how fast its time passes."""
    add_data(parser, "replay candle files instead of making a market up")
    parser.add_argument(
        "--seed", type=int, default=1, metavar="N", help="which market to make up (default: 1)"
    )
    parser.add_argument(
        "--speed",
        type=float,
        default=DEFAULT_SPEED,
        metavar="N",
        help="times real time (default: 100, five minutes in three seconds)",
    )


def demo_market(arguments: MarketArguments) -> DemoMarket:
    """The market that the arguments describe.

    A made-up market starts now; a recorded one where enough history lies behind it, or in its
    middle where it has less.
    """
    from core.exchange.market.recorded import RecordedMarket
    from core.exchange.market.synthetic import SyntheticMarket
    from core.host.feed_factories import DemoMarket
    from core.market.files.candle_files import CandleFileError, read_candles, timeframe_of_file

    if not 0 < arguments.speed <= 1e6:
        raise Refusal(
            f"--speed {arguments.speed:g}: expected a number above 0, at most 1000000",
            Exit.BAD_INPUT,
        )
    if not arguments.data:
        start = wall_clock()
        market = SyntheticMarket(arguments.seed)
        return DemoMarket(market, start, arguments.speed, f"seed{arguments.seed}")
    series = {}
    for text in arguments.data:
        symbol, path = symbol_and_file(text)
        if symbol in series:
            raise Refusal(f"--data: two files for {symbol}, expected one", Exit.BAD_INPUT)
        with refusing(CandleFileError):
            timeframe = timeframe_of_file(path, arguments.columns)
            file = read_candles(path, timeframe, columns=arguments.columns)
            series[symbol] = (timeframe, file.candles)
    recorded = RecordedMarket(series)
    first = max(recorded.span(symbol)[0] for symbol in series)
    last = min(recorded.span(symbol)[1] for symbol in series)
    if last <= first:
        raise Refusal("--data: the files have no time in common", Exit.BAD_INPUT)
    start = first + min(_HISTORY, (last - first) // 2)
    content = [candles.close.tobytes() for _, candles in series.values()]
    name = f"data{zlib.crc32(b''.join(content)):08x}"
    return DemoMarket(recorded, start, arguments.speed, name)


def symbol_and_file(text: str) -> tuple[str, Path]:
    """The market in a file: from `SYMBOL=FILE`, or from a name such as `BTCUSDT-5m.csv.gz`.

    `perp` in the name means the perpetual.
    """
    from core.market.symbols import SymbolError, quote_currency, unified_symbol

    left, equals, right = text.partition("=")
    if equals:
        with contextlib.suppress(SymbolError):
            return unified_symbol(left), Path(right)
    path = Path(text)
    match = _NAME.fullmatch(path.name)
    if match is not None:
        with contextlib.suppress(SymbolError):
            symbol = unified_symbol(match["pair"])
            perpetual = "perp" in (match["rest"] or "").lower()
            return (f"{symbol}:{quote_currency(symbol)}" if perpetual else symbol), path
    raise Refusal(
        f"--data {text}: the name does not say which market it is; write it in front, such as "
        f"BTC/USDT={text}",
        Exit.BAD_INPUT,
    )


def exchange(arguments: ExchangeArguments) -> int:
    """Run the exchange until interrupted."""
    for name, port in (("--port", arguments.port), ("--futures-port", arguments.futures_port)):
        if not 0 <= port <= 65_535:
            raise Refusal(f"{name} {port}: expected 0 to 65535", Exit.BAD_INPUT)
    asyncio.run(_serve(arguments, demo_market(arguments)))
    return Exit.DONE


def _accepted_keys(path: Path) -> dict[str, str]:
    """The keys in a file like exchanges.yaml, and their secrets."""
    from core.store.credentials import CredentialsError, read_credentials
    from core.store.redaction import KNOWN_SECRETS

    with refusing(CredentialsError):
        sections = read_credentials(path, KNOWN_SECRETS).sections
    if not sections:
        raise Refusal(
            f"--keys {path}: no keys there, expected `binance_testnet:` with `api_key:` and "
            "`api_secret:` below it",
            Exit.BAD_INPUT,
        )
    return {key.api_key.reveal(): key.api_secret.reveal() for key in sections.values()}


def _holdings(option: str, texts: list[str]) -> dict[str, Decimal]:
    """Amounts by asset, from `ASSET=AMOUNT` each."""
    found: dict[str, Decimal] = {}
    for text in texts:
        match = _AMOUNT.fullmatch(text)
        if match is None or match["asset"] in found:
            raise Refusal(
                f"{option} {text}: expected ASSET=AMOUNT, such as USDT=10000, each asset once",
                Exit.BAD_INPUT,
            )
        found[match["asset"]] = Decimal(match["amount"])
    return found


async def _serve(arguments: ExchangeArguments, shown: DemoMarket) -> None:
    from core.exchange.market.clock import RunningClock
    from core.exchange.server import EmbeddedExchange, ExchangeStartError

    accounts: dict[str, Any] = {
        "keys": None if arguments.keys is None else _accepted_keys(arguments.keys),
        "balances": _holdings("--balance", arguments.balance),
        "wallet": _holdings("--wallet", arguments.wallet),
    }
    chosen = {name: value for name, value in accounts.items() if value}
    server = EmbeddedExchange(shown.market, RunningClock(shown.start, shown.speed), **chosen)
    with refusing(ExchangeStartError):
        await server.start(port=arguments.port, futures_port=arguments.futures_port)
    try:
        symbols = [item.symbol for item in shown.market.instruments]
        if arguments.json:
            print_json(
                {
                    "rest": server.rest_url,
                    "streams": server.ws_url,
                    "futures_rest": server.futures_rest_url,
                    "futures_streams": server.futures_ws_url,
                    "symbols": symbols,
                }
            )
        else:
            print_text(
                f"Spot: REST {server.rest_url}, streams {server.ws_url}",
                f"USDⓈ-M: REST {server.futures_rest_url}, streams {server.futures_ws_url}",
                f"{', '.join(symbols)}; time passes {shown.speed:g} times as fast",
                "Ctrl+C ends it",
            )
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        await stop.wait()
    finally:
        await server.stop()
