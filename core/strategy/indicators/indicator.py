"""The type of an indicator: its name, parameters and fields, and the series it is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from core.strategy.config.config import Parameters, ParameterValue
from core.strategy.config.validators import as_word
from core.strategy.indicators.series import CLOSE, Series, columns_in

MAX_PERIOD = 10_000
PERIOD_ALIASES = ("length", "window", "timeperiod", "time_period", "periods", "len", "n")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter: a whole number or a number within `low` and `high`, or one of `choices`.

    `is_period`: it counts candles, and warm-up grows with it.
    """

    name: str
    default: ParameterValue
    low: float = 0.0
    high: float = 0.0
    choices: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    is_period: bool = False

    @property
    def whole(self) -> bool:
        """Whether only whole numbers will do."""
        return isinstance(self.default, int)


@dataclass(frozen=True, slots=True)
class Field:
    """One output of an indicator. `bounds`: the range it cannot leave, where there is one."""

    name: str
    aliases: tuple[str, ...] = ()
    bounds: tuple[float, float] | None = None


@dataclass(frozen=True)
class Indicator:
    """An indicator. The first of `fields` is always called "value"; `build` gives them in order.

    `contains_candle`: its lower and upper always have the candle's own low and high between them.
    `replaceable`: the series that a `source` takes the place of, each with one; where this is not
    said, the close if no other column is looked at. `check` says of parameters that are each
    within their bounds but do not go together which is wrong, and what is expected of it.
    `lookback`: how many candles before the newest one it needs, where the periods do not say it.
    `package`: the name and version of the other package that it comes from.
    """

    name: str
    title: str
    parameters: tuple[Parameter, ...]
    fields: tuple[Field, ...]
    build: Callable[[Parameters], tuple[Series, ...]]
    aliases: tuple[str, ...] = ()
    contains_candle: bool = False
    replaceable: tuple[Series, ...] | None = None
    check: Callable[[Parameters], tuple[str, str] | None] = lambda _: None
    lookback: Callable[[Parameters], int] = lambda _: 0
    package: str = ""

    @property
    def main(self) -> str:
        """What people call the first of several fields; empty where there is one, or no name."""
        first, *others = self.fields
        return first.aliases[0] if others and first.aliases else ""

    @property
    def defaults(self) -> dict[str, ParameterValue]:
        """Every parameter with its default."""
        return {known.name: known.default for known in self.parameters}

    @cached_property
    def sources(self) -> tuple[Series, ...]:
        """The series that a `source` replaces; empty where it takes none."""
        if self.replaceable is not None:
            return self.replaceable
        return (CLOSE,) if columns_in(self.build(self.defaults)) == {"close"} else ()

    def field(self, written: str) -> str | None:
        """The canonical name of a field as written, None if there is no such field."""
        word = as_word(written)
        for known in self.fields:
            if word == known.name or word in known.aliases:
                return known.name
        return self.fields[0].name if word in (self.name, *self.aliases) else None

    def parameter(self, written: str) -> Parameter | None:
        """The parameter of a name as written, None if there is no such parameter."""
        word = as_word(written)
        for known in self.parameters:
            if word == known.name or word in known.aliases:
                return known
        return None

    def longest_period(self, params: Parameters) -> int:
        """The largest parameter that counts candles, 1 if there is none."""
        periods = [int(params[known.name]) for known in self.parameters if known.is_period]
        return max([*periods, self.lookback(params) + 1])
