"""Reads the arguments of tool calls, written by programs and models, or refuses them.

Values are taken in the plain types of JSON; a refusal says what was expected and never repeats a
key.
"""

from __future__ import annotations

import inspect
import math
import os
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

import msgspec
import numpy as np

from core.journal.values import BrokerKind
from core.market.candles.durations import parse_duration
from core.market.candles.timeframes import DAY
from core.market.files.errors import CandleFileError
from core.session.snapshot import TrialTerms
from core.store.redaction import KNOWN_SECRETS
from core.store.workspace import expanded
from core.strategy.config.parsing import ParsedConfig, parse_config
from core.strategy.document.document import strategy_document

_LONGEST_ERROR = 4_000  # characters
_SURROGATE = re.compile("[\ud800-\udfff]")


class ToolError(ValueError):
    """A call is not understood; the message says what was expected."""


def in_words(error: Exception) -> str:
    """A mistake in words that may leave this machine: a caller may be a model elsewhere."""
    words = error.discreet if isinstance(error, CandleFileError) else str(error)
    words = KNOWN_SECRETS.redact(words)
    return words if len(words) <= _LONGEST_ERROR else f"{words[:_LONGEST_ERROR]}…"


_EXPECTED = {
    "strategy_config": "JSON text or an object",
    "data": "a path, or an object of paths by symbol",
    "flatten": "true or false",
    "balance": "a number",
    "since": "a number of trades or a time",
    "every_seconds": "a whole number",
    "max_runs": "a whole number",
    "workspace": "a path",
    "duration": "text such as 7d",
    "period": "text such as 6m",
    "vary": "text such as rsi.period=7:21, or a list of such",
    "split": "a number",
    "top": "a whole number",
    "folds": "a whole number",
    "anchored": "true or false",
    "seed": "a whole number",
    "keep": "true or false",
}


def fitting_arguments(
    tool: str,
    signature: inspect.Signature,
    hints: Mapping[str, Any],
    given: tuple[object, ...],
    named: Mapping[str, object],
) -> dict[str, Any]:
    """What a call was given, by name, in the plain types of JSON; None is as good as not given.

    Raises:
        ToolError: the call has no such argument, or one is of another kind.
    """
    known = list(signature.parameters)
    if unknown := [name for name in named if name not in known]:
        raise ToolError(f"{tool} has no argument {unknown[0]!r}: it has {', '.join(known)}")
    plain = [
        name
        for name, one in signature.parameters.items()
        if one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    ]
    if len(given) > len(plain):
        raise ToolError(f"{tool} takes {len(plain)} arguments without a name; found {len(given)}")
    arguments = dict(zip(plain, given, strict=False))
    if twice := [name for name in named if name in arguments]:
        raise ToolError(f"{tool}: {twice[0]} is given twice")
    arguments |= named
    arguments = {name: _plain(one) for name, one in arguments.items() if one is not None}
    if "action" not in arguments:
        raise ToolError(f"{tool}: action is missing")
    if isinstance(balance := arguments.get("balance"), float) and not 0 < balance < math.inf:
        raise ToolError(f"balance: expected a number above 0, found {balance:g}")
    for name, value in arguments.items():
        if isinstance(value, str) and not value.isascii() and _SURROGATE.search(value):
            raise ToolError(f"{name}: expected text, found half a character, which no text has")
        if name in ("workspace", "trial"):
            fits = name == "trial" or isinstance(value, str | os.PathLike)
        else:
            fits = _fits(value, hints[name])
        if not fits:
            expected = _EXPECTED.get(name, "text")
            raise ToolError(f"{name}: expected {expected}, found {_kind(name, value)}")
    return arguments


def _plain(value: object) -> object:
    """A value without a caller's own types: numpy's scalars and arrays, enums, subclasses."""
    match value:
        case bool():
            return value
        case Enum():
            return _plain(value.value)
        case np.generic() | np.ndarray():
            return _plain(value.tolist())
        case str():
            return str(value)
        case int():
            return int(value)
        case float():
            return float(value)
        case Mapping():
            return {_plain(key): _plain(one) for key, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
    return value


def _fits(value: object, hint: Any) -> bool:
    try:
        msgspec.convert(value, hint)
    except (msgspec.ValidationError, AttributeError):  # the latter for what is of no type of JSON
        return False
    return True


def _kind(name: str, value: object) -> str:
    """What came in another's place; a key is never repeated."""
    if isinstance(value, int | float) and not name.startswith("api_"):
        return str(value)[:40]
    kinds = {str: "text", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return kinds.get(type(value), type(value).__name__)


def raw_config(given: str | Mapping[str, object] | None) -> dict[str, object]:
    """The config as an object, from JSON text or as it is."""
    if given is None:
        raise ToolError("strategy_config is missing: the strategy as JSON text or as an object")
    if isinstance(given, str):
        return strategy_document(given, "strategy_config").config
    return dict(given)


def parsed_config(given: str | Mapping[str, object] | None) -> ParsedConfig:
    """The config, checked; raises ConfigError with all that is wrong."""
    return parse_config(raw_config(given))


def with_balance(
    given: str | Mapping[str, object] | None, balance: float | None
) -> dict[str, object]:
    """The config as an object, with this starting balance if one is given."""
    raw = raw_config(given)
    return raw if balance is None else {**raw, "starting_balance": balance}


def candle_files(data: str | Mapping[str, str], parsed: ParsedConfig) -> dict[str, str]:
    """A candle file for each symbol of a strategy."""
    symbols = parsed.config.symbols
    if isinstance(data, str):
        if len(symbols) > 1:
            raise ToolError(f"data: give a file for each of {', '.join(symbols)}")
        data = {symbols[0]: data}
    missing = [symbol for symbol in symbols if symbol not in data]
    if missing:
        raise ToolError(f"data: no file for {', '.join(missing)}; found {', '.join(data)}")
    return {symbol: str(expanded(data[symbol]).absolute()) for symbol in symbols}


def one_of(name: str, kind: Any, given: str) -> Any:
    """The member of an enum whose value was given; raises ToolError where there is none."""
    try:
        return kind(given)
    except ValueError:
        raise ToolError(f"{name} {given[:40]!r}: expected one of {', '.join(kind)}") from None


def broker_asked(asked: str | None, *, has_key: bool) -> BrokerKind | None:
    """Where orders are to go; None where nobody says, and the host has to choose."""
    if asked is not None:
        found: BrokerKind = one_of("broker", BrokerKind, asked)
        return found
    return BrokerKind.TESTNET if has_key else None


def trial_terms(asked: object) -> TrialTerms | None:
    """The terms of a trial, as a program may write them; None where none is asked for."""
    match asked:
        case None | False:
            return None
        case True:
            return TrialTerms()
        case str():
            return TrialTerms(days=parse_duration(asked) / DAY)
        case {"trades": int(trades), **rest} if not rest and not isinstance(trades, bool):
            return TrialTerms(trades=trades)
        case {"days": int() | float() as days, **rest} if not rest and not isinstance(days, bool):
            if math.isfinite(days):  # else JSON makes null of it, and that is the usual horizon
                return TrialTerms(days=days)
    raise ToolError(
        f'trial: expected true, a horizon such as "60d", or {{"trades": 80}}; found '
        f"{str(asked)[:80]!r}"
    )


def needed(name: str, given: str | None) -> str:
    """What an action cannot do without; raises ToolError where it was not given."""
    if given is None:
        raise ToolError(f"{name} is missing")
    return given


def unknown_action(tool: str, action: str, known: tuple[str, ...]) -> str:
    """What to say to an action that there is none of."""
    return f"{tool} has no action {str(action)[:40]!r}: expected one of {', '.join(known)}"
