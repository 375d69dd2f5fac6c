"""What makes an indicator: which parameters and fields has it, and how are they spelt?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.strategy.config import Parameters, ParameterValue
from core.strategy.reading import as_word
from core.strategy.series import Series


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


@dataclass(frozen=True, slots=True)
class Indicator:
    """An indicator. The first of `fields` is always called "value"; `build` gives them in order.

    `contains_candle`: its lower and upper always have the candle's own low and high between them.
    """

    name: str
    title: str
    parameters: tuple[Parameter, ...]
    fields: tuple[Field, ...]
    build: Callable[[Parameters], tuple[Series, ...]]
    aliases: tuple[str, ...] = ()
    contains_candle: bool = False

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
        return max(periods, default=1)
