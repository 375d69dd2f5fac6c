"""The commands about strategies by themselves: validate, indicators."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Protocol

from core.text import nearest, safe_text
from tui.cli.candle_arguments import add_data
from tui.cli.commands import Arguments, Commands
from tui.cli.output import Exit, Refusal, complain, print_json, print_text, refusing, table
from tui.cli.strategy_argument import StrategyArguments, add_strategy, written_strategy

if TYPE_CHECKING:
    from core.market.candles.timeframes import Timeframe
    from core.strategy.config.config import IndicatorSpec

_WIDTH = 100  # of a line of text


class ValidateArguments(StrategyArguments, Protocol):
    """What `papertape validate` is given."""


class IndicatorsArguments(Arguments, Protocol):
    """What `papertape indicators` is given."""

    name: str | None
    show: str | None
    data: str | None
    columns: str | None


def add_commands(commands: Commands) -> None:
    """Declare this group."""
    commands.group("Strategies")
    parser = commands.add(
        "validate", validate, "say what is wrong with a strategy, everything at once"
    )
    add_strategy(parser)
    parser = commands.add(
        "indicators",
        indicators,
        "the list of indicators, or one indicator's values on a candle file",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="that indicator alone")
    add_data(parser, "a candle file", many=False)
    parser.add_argument(
        "--show",
        metavar="NAME[:PARAM=VALUE,…]",
        help="the indicator to compute, such as hma:period=20 or macd:fast_period=8,offset=1",
    )


def validate(arguments: ValidateArguments) -> int:
    """Say whether a strategy can run, and what its owner should know before it does."""
    from core.strategy.config.canonical import config_to_dict
    from core.strategy.config.problems import ConfigError
    from core.strategy.lint.words import meaning, paragraph
    from core.strategy.signals.sources import signal_source

    try:
        parsed = written_strategy(arguments).parse()
    except ConfigError as error:
        if arguments.json:
            print_json(
                {"valid": False, "problems": [asdict(problem) for problem in error.problems]}
            )
        complain(str(error))
        return Exit.BAD_INPUT
    config = parsed.config
    if arguments.json:
        source = signal_source(config)
        print_json(
            {
                "valid": True,
                "warnings": list(parsed.warnings),
                "meaning": paragraph(config),
                "config": config_to_dict(config),
                "digest": source.digest,
                "warmup_candles": source.warmup,
            }
        )
    else:
        print_text(
            f"{config.name} is valid: {', '.join(config.symbols)}, {config.timeframe}, "
            f"{config.direction}",
            *_meaning_lines(meaning(config)),
            *(f"warning: {warning}" for warning in parsed.warnings),
        )
    return Exit.DONE


def _meaning_lines(said: Sequence[tuple[str, str]]) -> Iterator[str]:
    width = max(len(label) for label, _ in said) + 2
    for label, text in said:
        first, later = f"  {label:<{width}}", " " * (width + 2)
        yield from textwrap.wrap(
            safe_text(text), _WIDTH, initial_indent=first, subsequent_indent=later
        )


def indicators(arguments: IndicatorsArguments) -> int:
    """List the indicators, or compute one."""
    if (arguments.data is None) != (arguments.show is None):
        raise Refusal("--data and --show go together", Exit.BAD_INPUT)
    if arguments.show is not None and arguments.data is not None:
        return _show_indicator(arguments.show, arguments.data, arguments)
    from core.strategy.indicators.plugins import plugins
    from core.strategy.indicators.registry import indicators_to_json, known_names

    listed = indicators_to_json()
    if arguments.name is not None:
        listed = [one for one in listed if arguments.name in (one["name"], *one["aliases"])]
    if not listed:
        near = nearest(str(arguments.name), known_names())
        hint = f"did you mean {near}?" if near else "`papertape indicators` lists all"
        raise Refusal(f"there is no indicator {arguments.name!r}: {hint}", Exit.NOTHING_FOUND)
    if arguments.json:
        print_json({"indicators": listed})
    else:
        rows = [
            (
                one["name"],
                ", ".join(f"{name}={default}" for name, default in one["params"].items()),
                ", ".join(one["fields"]),
                one["title"],
            )
            for one in listed
        ]
        refused = plugins(known_names()).refused
        print_text(*table(("name", "parameters", "fields", "what it is"), rows))
        print_text(
            "",
            "Every indicator also takes offset=N (its values of N candles ago) and timeframe=T (a",
            "higher one), and source=SERIES where it is made of one series alone.",
            *(f"plug-in {name} is refused: {why}" for name, why in refused.items()),
        )
    return Exit.DONE


def _show_indicator(show: str, data: str, arguments: IndicatorsArguments) -> int:
    import numpy as np

    from core.market.files.candle_files import read_candles, timeframe_of_file
    from core.market.files.errors import CandleFileError
    from core.strategy.indicators.described import indicator_values
    from core.time_format import iso_time

    with refusing(CandleFileError):
        timeframe = timeframe_of_file(data, arguments.columns)
        file = read_candles(data, timeframe, columns=arguments.columns)
    spec = _spec(show, file.timeframe)
    candles = file.candles
    if not file.has_volume:
        candles = replace(candles, volume=np.full(len(candles), np.nan))
    series = indicator_values(spec, candles, file.timeframe)
    complain(*file.notes)
    if arguments.json:
        print_json(
            {
                "indicator": spec.name,
                "params": dict(spec.params),
                "offset": spec.offset,
                "timeframe": str(file.timeframe),
                "times": [iso_time(time) for time in file.candles.time.tolist()],
                "values": {
                    name: np.where(np.isfinite(values), values, np.nan).tolist()
                    for name, values in series.items()
                },
            }
        )
    else:
        columns = [values.tolist() for values in series.values()]
        rows = (
            (iso_time(time), *(f"{value:.10g}" for value in values))
            for time, *values in zip(file.candles.time.tolist(), *columns, strict=True)
        )
        print_text(*table(("time", *series), rows, right=" " + ">" * len(series)))
    return Exit.DONE


def _spec(text: str, timeframe: Timeframe) -> IndicatorSpec:
    """The indicator of `name:param=value,param=value`."""
    from core.strategy.config.parsing import parse_indicator
    from core.strategy.config.problems import ConfigError

    name, _, rest = text.partition(":")
    params: dict[str, object] = {}
    for part in filter(None, rest.split(",")):
        key, equals, value = part.partition("=")
        if not equals:
            raise Refusal(
                f"--show {text!r}: {part!r} is not PARAM=VALUE; write for instance hma:period=20",
                Exit.BAD_INPUT,
            )
        params[key.strip()] = _number(value.strip())
    try:
        return parse_indicator({"name": name, "params": params}, timeframe)
    except ConfigError as error:
        raise Refusal(f"--show {text!r}: {error}", Exit.BAD_INPUT) from error


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
