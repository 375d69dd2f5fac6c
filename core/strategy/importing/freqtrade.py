"""Reads what a freqtrade strategy says outright: its parameters, never what its code does.

The file is parsed and nothing in it is executed. What is a value (a number, a text, a table of
them) is taken over where a config has a key that means the same; everything else is listed with its
lines and the reason.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.market.candles.timeframes import MINUTE, Timeframe
from core.market.symbols import SymbolError, unified_symbol
from core.strategy.config.parsing import parse_config
from core.strategy.config.problems import ConfigError
from core.strategy.document.yaml_text import write_yaml
from core.strategy.importing.freqtrade_source import (
    LARGEST_NUMBER,
    NoValueError,
    assignments,
    constants,
    json_with_comments,
    literal_value,
    parsed_source,
    strategy_class,
)
from core.text import safe_text

_MINUTES = 525_600  # a year: longer, and a time of minimal_roi means never
_SHOWN = 80  # characters
_NEVER = 1_000.0  # per cent: profits that freqtrade's users write for "not at all"
_NAME = re.compile(r"[^a-z0-9]+")

_CODE = {
    "populate_indicators": "indicators are code: list them under `indicators`",
    "populate_entry_trend": "entries are code: write them under `entry_conditions`",
    "populate_buy_trend": "entries are code: write them under `entry_conditions`",
    "populate_exit_trend": "exits are code: write them under `exit_conditions`",
    "populate_sell_trend": "exits are code: write them under `exit_conditions`",
    "informative_pairs": "indicators of other timeframes or markets: `timeframe` of an indicator",
    "custom_stoploss": "a stop that code moves: `stop` by ATR, level or swing may say the same",
    "custom_exit": "an exit that code decides: write it under `exit_conditions`",
    "custom_sell": "an exit that code decides: write it under `exit_conditions`",
    "custom_roi": "a target that code moves: `target` or `roi` may say the same",
    "custom_stake_amount": "a size that code decides: `risk_pct` may say the same",
    "custom_entry_price": "an entry price that code decides",
    "custom_exit_price": "an exit price that code decides",
    "adjust_trade_position": "a position that code adds to or reduces",
    "leverage": "leverage that code decides: give `leverage`",
    "confirm_trade_entry": "entries that code refuses: `hours`, `weekdays` or a condition may do",
    "confirm_trade_exit": "exits that code refuses",
    "protections": "pauses after losses: `cooldown` and `max_drawdown_pct` may say the same",
}
_OF_NO_MEANING = frozenset(
    {
        *("INTERFACE_VERSION", "process_only_new_candles", "startup_candle_count", "order_types"),
        *("order_time_in_force", "plot_config", "ignore_buying_expired_candle_after"),
        *("buy_params", "sell_params", "protection_params", "disable_dataframe_checks"),
    }
)


_DEFAULTS: dict[str, object] = {
    "use_exit_signal": True,
    "exit_profit_only": False,
    "exit_profit_offset": 0.0,
    "ignore_roi_if_entry_signal": False,
    "position_adjustment_enable": False,
    "use_custom_stoploss": False,
}
"""What changes nothing where it stands so: it is what happens here as well."""


@dataclass(frozen=True, slots=True)
class Unread:
    """What could not be taken over: lines of the file (0: of its configuration), what, and why."""

    first: int
    last: int
    what: str
    why: str

    def __str__(self) -> str:
        lines = (
            f"line {self.first}" if self.last == self.first else f"lines {self.first}-{self.last}"
        )
        where = "its configuration" if not self.first else lines
        return f"{where}, {self.what}: {self.why}"


@dataclass(frozen=True, slots=True)
class Imported:
    """A strategy as far as it could be read.

    `config` holds the keys that were; its conditions are empty, which whoever imports it fills.
    """

    name: str
    config: dict[str, object]
    read: tuple[str, ...]
    unread: tuple[Unread, ...]
    document: str


def import_freqtrade(
    source: str,
    where: str,
    *,
    wanted: str | None = None,
    tuned: str | None = None,
    settings: str | None = None,
) -> Imported:
    """The declared parameters of a freqtrade strategy.

    Args:
        source: the text of its Python file, which is not run.
        where: that file's name, for the document and for errors.
        wanted: the name of its class, where the file has several.
        tuned: the text of the JSON file beside it, in which freqtrade keeps what it optimised and
            takes in place of the class's values.
        settings: the text of a freqtrade config.json: its pairs, stake and what it overrides.

    Raises:
        ImportRefusedError: it is no Python, or holds no such strategy.
    """
    tree = parsed_source(source, where)
    found = _StrategyReader(strategy_class(tree, where, wanted), constants(tree.body))
    if tuned is not None:
        params = json_with_comments(tuned).get("params")
        for group in params.values() if isinstance(params, dict) else ():
            found.take_settings(group if isinstance(group, dict) else {})
        roi = params.get("roi") if isinstance(params, dict) else None
        found.take_settings({} if roi is None else {"minimal_roi": roi})
    found.take_settings({} if settings is None else json_with_comments(settings))
    return found.imported(source, where)


@dataclass(frozen=True, slots=True)
class _Attribute:
    """A value of the strategy, and the lines where it stands (0: in its configuration)."""

    value: Any
    first: int
    last: int


class _StrategyReader:
    """Gathers what a strategy's class and configuration say."""

    def __init__(self, strategy: ast.ClassDef, constants: Mapping[str, object]) -> None:
        self._strategy = strategy
        self._given: dict[str, _Attribute] = {}
        self._unread: list[Unread] = []
        self._read: list[str] = []
        self._config: dict[str, object] = {}
        self._places: dict[str, tuple[_Attribute, str]] = {}
        names = dict(constants)
        for name, node, statement in assignments(strategy.body):
            last = statement.end_lineno or statement.lineno
            try:
                names[name] = literal_value(node, names)
                self._given[name] = _Attribute(names[name], statement.lineno, last)
            except NoValueError as error:
                self._leave(name, _Attribute(None, statement.lineno, last), str(error))
        for method in strategy.body:
            if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef):
                self._take_method(method)

    def take_settings(self, settings: Mapping[str, object]) -> None:
        """Pairs, money, and what a configuration puts in place of the strategy's own."""
        for name in (
            *("timeframe", "stoploss", "minimal_roi", "trailing_stop", "trailing_stop_positive"),
            *("trailing_stop_positive_offset", "trailing_only_offset_is_reached", "stake_amount"),
            *("max_open_trades", "dry_run_wallet", "fee"),
        ):
            if name in settings:
                self._given[name] = _Attribute(settings[name], 0, 0)
        exchange = settings.get("exchange")
        pairs = settings.get("pairs", settings.get("pair_whitelist"))
        if isinstance(exchange, Mapping):
            pairs = exchange.get("pair_whitelist", pairs)
        if pairs is not None:
            self._given["pairs"] = _Attribute(pairs, 0, 0)

    def imported(self, source: str, where: str) -> Imported:
        """Everything that was found."""
        name = _NAME.sub("_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", self._strategy.name).lower())
        name = name.strip("_")[:64] or "imported"
        self._config = {"name": name, "status": "draft"}
        self._pairs()
        self._timeframe()
        self._config |= {"indicators": [], "entry_conditions": [], "exit_conditions": []}
        leverage = self._number("leverage")
        if leverage is not None:
            self._put("leverage", "leverage", leverage)
        share = leverage if leverage and leverage >= 1 else 1.0
        self._direction()
        self._stops(share)
        self._roi(share)
        self._money()
        for other in [name for name in self._given if name not in _OF_NO_MEANING]:
            if other in _DEFAULTS and self._given[other].value == _DEFAULTS[other]:
                continue
            self._leave(other, self._given.pop(other), "no key of a config means the same")
        self._drop_what_is_refused()
        unread = tuple(sorted(self._unread, key=lambda one: (one.first or 10**9, one.what)))
        document = _document(self._config, self._strategy, self._read, unread, source, where)
        return Imported(name, self._config, tuple(self._read), unread, document)

    def _take_method(self, method: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        place = _Attribute(None, method.lineno, method.end_lineno or method.lineno)
        if method.name == "leverage" and isinstance(method.body[-1], ast.Return):
            body = [one for one in method.body if not _is_text(one)]
            returned = method.body[-1].value
            if len(body) == 1 and isinstance(returned, ast.Constant):
                self._given["leverage"] = _Attribute(returned.value, place.first, place.last)
                return
        why = _CODE.get(method.name)
        if why is not None:
            self._leave(method.name, place, why)
        elif not method.name.startswith("_"):
            self._leave(method.name, place, "code, which is not run")

    def _leave(self, what: str, place: _Attribute, why: str) -> None:
        self._unread.append(Unread(place.first, place.last, what, why))

    def _number(self, name: str) -> float | None:
        found = self._given.get(name)
        if found is None:
            return None
        if _is_number(found.value):
            return float(found.value)
        self._leave(name, self._given.pop(name), "a number was expected")
        return None

    def _put(self, key: str, name: str, value: object) -> None:
        """Take `value` over as `key`; it was read from the attribute `name`."""
        if isinstance(value, float):
            value = round(value, 10)
            value = int(value) if value == int(value) else value
        self._config[key] = value
        said = f"{name} as {key}: {safe_text(json.dumps(value))[:_SHOWN]}"
        self._places[key] = self._given.pop(name), said
        self._read.append(said)

    def _pairs(self) -> None:
        found = self._given.pop("pairs", None)
        symbols: list[str] = []
        pairs = found.value if found is not None and isinstance(found.value, list) else []
        for pair in pairs:
            try:
                symbol = unified_symbol(str(pair))
            except SymbolError:
                self._leave(f"pair {str(pair)[:40]!r}", _Attribute(None, 0, 0), "no single market")
                continue
            symbols += [symbol] * (symbol not in symbols)
        self._config["symbols"] = symbols
        if symbols:
            self._read.append(f"pairs as symbols: {', '.join(symbols)[:400]}")
        else:
            why = "a strategy names none: give --config with a pair_whitelist, or write `symbols`"
            self._leave("pairs", _Attribute(None, 0, 0), why)

    def _timeframe(self) -> None:
        for name in ("timeframe", "ticker_interval"):
            if name in self._given and "timeframe" not in self._config:
                self._put("timeframe", name, self._given[name].value)

    def _direction(self) -> None:
        short = self._given.get("can_short")
        if short is not None and isinstance(short.value, bool):
            self._put("direction", "can_short", "both" if short.value else "long")

    def _stops(self, leverage: float) -> None:
        stop = self._number("stoploss")
        if stop is not None:
            if -1 < stop / leverage < 0:
                self._put("stop_loss_pct", "stoploss", -100 * stop / leverage)
            else:
                self._leave("stoploss", self._given.pop("stoploss"), "a stop that is never reached")
        trailing = self._given.get("trailing_stop")
        names = [name for name in self._given if name.startswith("trailing_stop_")]
        parts = {
            name: self._given.pop(name)
            for name in (*names, "trailing_only_offset_is_reached")
            if name in self._given
        }
        if trailing is None or trailing.value is not True:
            self._given.pop("trailing_stop", None)
            return  # without it freqtrade looks at none of the others
        positive = parts.pop("trailing_stop_positive", None)
        if positive is None or positive.value is None:
            if stop is not None:
                self._put("trailing_stop_pct", "trailing_stop", -100 * stop / leverage)
                self._config.pop("stop_loss_pct", None)
            return
        self._given.pop("trailing_stop")
        self._leave(
            "trailing_stop_positive",
            positive,
            "a stop that begins to trail, or trails closer, once a profit is reached: "
            "`trailing_stop_pct` trails from the start, `break_even_at_r` moves the stop once",
        )

    def _roi(self, leverage: float) -> None:
        found = self._given.get("minimal_roi")
        if found is None:
            return
        table = found.value if isinstance(found.value, Mapping) else {}
        steps: dict[int, float] = {}
        for since, gain in table.items():
            if re.fullmatch(r"[0-9]{1,9}", str(since)) and _is_number(gain):
                steps[int(str(since))] = 100 * float(gain) / leverage
            else:
                self._leave("minimal_roi", found, f"{str(since)[:20]!r} is no number of minutes")
        steps = {since: gain for since, gain in sorted(steps.items()) if since <= _MINUTES}
        ends = [since for since, gain in steps.items() if gain * leverage <= -100]  # at any price
        candle = next(
            (one for one in Timeframe if one.value == self._config.get("timeframe")), None
        )
        if ends and candle is not None and (candles := ends[0] * MINUTE // candle.ms):
            steps = {since: gain for since, gain in steps.items() if since < ends[0]}
            self._put("max_hold", "minimal_roi", candles)
            self._given["minimal_roi"] = found
        if ends and not steps:
            del self._given["minimal_roi"]
        elif all(gain >= _NEVER for gain in steps.values()):
            self._leave(
                "minimal_roi", found, "a profit that is never reached: nothing to take over"
            )
            self._given.pop("minimal_roi", None)
        elif list(steps) == [0]:
            self._put("take_profit_pct", "minimal_roi", steps[0])
        else:
            roi = {"0" if not since else f"{since}m": gain for since, gain in steps.items()}
            plain = {key: _plain(gain) for key, gain in roi.items()}
            self._put("roi", "minimal_roi", plain)

    def _money(self) -> None:
        most, stake = self._given.pop("max_open_trades", None), self._given.get("stake_amount")
        wallet = self._given.get("dry_run_wallet")
        if wallet is not None and _is_number(wallet.value):
            self._put("starting_balance", "dry_run_wallet", float(wallet.value))
        places = most.value if most is not None and _is_number(most.value) else 0
        if stake is not None and stake.value == "unlimited" and places > 0:
            self._put("trade_size_pct", "stake_amount", 100 / max(1, places))
        elif stake is not None and _is_number(stake.value):
            self._put("trade_amount", "stake_amount", float(stake.value))
        fee = self._number("fee")
        if fee is not None:
            self._put("fees", "fee", fee)

    def _drop_what_is_refused(self) -> None:
        """Leave out what a config does not take, with what it says of it."""
        always = [{"indicator": "close", "operator": "gt", "value": 0}]
        whole = {"symbols": ["BTC/USDT"], "timeframe": "1h", **self._config}
        whole["symbols"] = self._config["symbols"] or ["BTC/USDT"]
        whole |= {"entry_conditions": always, "exit_conditions": always}
        try:
            parse_config(whole)
        except ConfigError as error:
            for problem in error.problems:
                key = re.split(r"[.\[]", problem.path)[0]
                if key in self._places and key in self._config:
                    self._config.pop(key)
                    place, said = self._places[key]
                    self._read.remove(said)
                    self._leave(key, place, f"{problem.found}: expected {problem.expected}")


def _is_number(value: Any) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and abs(value) < LARGEST_NUMBER
    )


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _plain(number: float) -> float:
    number = round(number, 10)
    return int(number) if number == int(number) else number


def _document(
    config: Mapping[str, object],
    strategy: ast.ClassDef,
    read: list[str],
    unread: tuple[Unread, ...],
    source: str,
    where: str,
) -> str:
    """A STRATEGY.md with what was read, what is still to be written, and the code that says it."""
    title = (
        f"# {strategy.name}\n\nFrom the freqtrade strategy `{strategy.name}` in {safe_text(where)}."
    )
    done = "\n".join(f"- {one}" for one in read) or "- nothing"
    open_ends = "\n".join(f"- {safe_text(str(one))}" for one in unread) or "- nothing"
    lines = source.splitlines()
    quoted = [
        "\n".join(
            f"{number:4} | {safe_text(lines[number - 1])}".rstrip()
            for number in range(method.lineno, (method.end_lineno or method.lineno) + 1)
        )
        for method in strategy.body
        if isinstance(method, ast.FunctionDef) and method.name.startswith(("populate_", "custom_"))
    ]
    code = "".join(f"\n```text\n{text}\n```\n" for text in quoted)
    return (
        f"---\n{write_yaml(config)}---\n\n{title}\n\n## Read\n\n{done}\n\n"
        f"## Still to be written\n\n{open_ends}\n{code}"
    )
