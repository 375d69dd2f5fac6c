"""Makes an indicator of every function of TA-Lib, from what TA-Lib says of itself.

Names, parameters and results are TA-Lib's, in lower case; its `timeperiod` is called `period`. What
this program has under the same name wins (`core.strategy.indicators.registry`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

from core.late_imports import talib
from core.strategy.config.config import Parameters
from core.strategy.indicators.indicator import (
    MAX_PERIOD,
    PERIOD_ALIASES,
    Field,
    Indicator,
    Parameter,
)
from core.strategy.indicators.series import Output, Price, Series, TalibCall
from core.strategy.indicators.talib_calls import needed_history

_PATTERNS = "Pattern Recognition"
_LARGEST = 1e6  # of a factor, a limit, a number of deviations
_MOST_MATYPES = 30  # kinds of moving averages; TA-Lib itself refuses those that it does not have


@cache
def talib_indicators() -> Mapping[str, Indicator]:
    """Every function of TA-Lib by its name in lower case."""
    library = talib()
    names = library.get_functions()
    return {name.lower(): _indicator(library.abstract.Function(name).info) for name in names}


def _indicator(info: Mapping[str, Any]) -> Indicator:
    function = info["name"]
    inputs: list[Series] = []
    replaceable: list[Series] = []
    for names in info["input_names"].values():
        columns = [Price(name) for name in ([names] if isinstance(names, str) else names)]
        inputs += columns
        if isinstance(names, str):
            replaceable += columns
    own_names = {_name(own): own for own in info["parameters"]}
    outputs = info["output_names"]

    def call(params: Parameters) -> TalibCall:
        given = {own: float(params[name]) if isinstance(info["parameters"][own], float)
                 else int(params[name]) for name, own in own_names.items()}  # fmt: skip
        return TalibCall(function, tuple(inputs), tuple(given.items()), len(outputs))

    def build(params: Parameters) -> tuple[Series, ...]:
        made = call(params)
        series = (Output(made, position) for position in range(made.outputs))
        # Divisions by 0 give infinity where we say that there is no value: ∞ − ∞ is none.
        return tuple(one + (one - one) for one in series)

    title = info["display_name"].strip()
    if info["group"] == _PATTERNS:
        title = f"Candle pattern {title}: above 0 bullish, below 0 bearish, 0 none"
    return Indicator(
        function.lower(),
        title,
        tuple(_parameter(own, default) for own, default in info["parameters"].items()),
        (
            Field("value", () if outputs[0] in ("real", "integer") else (outputs[0],)),
            *(Field(name) for name in outputs[1:]),
        ),
        build,
        replaceable=tuple(replaceable),
        check=partial(_check, call),
        lookback=partial(_lookback, call),
    )


def _name(own: str) -> str:
    return "period" if own == "timeperiod" else own


def _parameter(own: str, default: float | int) -> Parameter:
    name = _name(own)
    aliases = PERIOD_ALIASES if name == "period" else ()
    if isinstance(default, float):
        return Parameter(name, default, -_LARGEST, _LARGEST)
    if own.endswith("matype"):
        return Parameter(name, default, 0, _MOST_MATYPES)
    return Parameter(name, default, 1, MAX_PERIOD, aliases=aliases, is_period=True)


def _lookback(call: Callable[[Parameters], TalibCall], params: Parameters) -> int:
    return needed_history(call(params)) - 1


def _check(call: Callable[[Parameters], TalibCall], params: Parameters) -> tuple[str, str] | None:
    """TA-Lib knows no lookback where it does not take the parameters together."""
    if _lookback(call, params) >= 0:
        return None
    given = ", ".join(f"{name} {value}" for name, value in params.items())
    return "", f"parameters that TA-Lib takes together, not {given}"
