"""Describes everything that a config looks at: its indicators, references and formulas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce

from core.market.candles.candles import Candles, Floats
from core.market.candles.timeframes import HigherTimeframe, Timeframe
from core.strategy.config.conditions import Formula, Operand, Reference, references
from core.strategy.config.config import IndicatorSpec, StrategyConfig
from core.strategy.indicators.batch import Batch
from core.strategy.indicators.higher import Built
from core.strategy.indicators.registry import candle_series, indicator_of, indicator_series
from core.strategy.indicators.series import Arithmetic, Combined, Constant, Higher, Series


class Described:
    """The series that the words of one config stand for; `fields` are those of all indicators."""

    def __init__(self, indicators: Iterable[IndicatorSpec], timeframe: Timeframe) -> None:
        self._timeframe = timeframe
        self._specs = {spec.key: spec for spec in indicators}
        self._fields: dict[str, dict[str, Series]] = {}
        self._periods: dict[str, int] = {}
        self.fields = tuple(
            one for key in self._specs for one in self._seen_from(None, key).values()
        )

    @classmethod
    def of(cls, config: StrategyConfig) -> Described:
        """The words of a config."""
        return cls(config.indicators, config.timeframe)

    @property
    def higher(self) -> dict[HigherTimeframe, list[str]]:
        """The higher timeframes that it uses, each with the keys of its indicators."""
        used: dict[HigherTimeframe, list[str]] = {}
        for key, spec in self._specs.items():
            if spec.timeframe is not None:
                used.setdefault(spec.timeframe, []).append(key)
        return used

    def notes(self, built: Mapping[HigherTimeframe, Built]) -> tuple[str, ...]:
        """Sentences on higher candles that lack some of their own, or are not finished."""
        notes = []
        for higher, keys in self.higher.items():
            closed, lacking, unfinished, left_out = built[higher]
            are = "are" if len(keys) > 1 else "is"
            of_these = f"{higher} candles, of which {' and '.join(keys)} {are} made"
            if left_out:
                notes.append(f"the first of the {of_these}, begins before the data and is left out")
            if lacking:
                lost = f"lack some of their {self._timeframe} candles"
                notes.append(f"{lacking:,} of {closed:,} {of_these}, {lost}")
            if unfinished:
                notes.append(f"the last of the {of_these}, is unfinished and not looked at")
        return tuple(notes)

    def series(self, operand: Operand, on: HigherTimeframe | None = None) -> Series:
        """A number, a reference or a formula as a series of the candles of `on`.

        `on`: a higher timeframe, None for the config's own.
        """
        match operand:
            case Reference(source, field):
                if source in self._specs:
                    return self._seen_from(on, source)[field]
                return candle_series(source, (on or self._timeframe).ms)
            case Formula(operation, operands):
                parts = [self.series(one, on) for one in operands]
                if operation == "abs":
                    return abs(parts[0])
                if len(parts) == 1:
                    return parts[0] * -1.0
                how = Arithmetic(operation)
                return reduce(lambda left, right: Combined(how, left, right), parts)
        return Constant(operand)

    def periods(self, key: str) -> int:
        """How many candles of the config the indicator looks back at, what it is made of added."""
        known = self._periods.get(key)
        if known is not None:
            return known
        spec = self._specs[key]
        longest = indicator_of(spec).longest_period(spec.params)
        if spec.timeframe is not None:
            longest *= spec.timeframe.ms // self._timeframe.ms
        used = {one.source for source in spec.sources for one in references(source)}
        longest += max((self.periods(one) for one in used & self._specs.keys()), default=0)
        self._periods[key] = longest
        return longest

    def _seen_from(self, on: HigherTimeframe | None, key: str) -> dict[str, Series]:
        """The fields of an indicator by name, as the candles of a timeframe see them."""
        spec = self._specs[key]
        own = self._fields.get(key)
        if own is None:
            sources = tuple(self.series(one, spec.timeframe) for one in spec.sources)
            own = self._fields[key] = indicator_series(spec, sources)
        if spec.timeframe is None or spec.timeframe == on:
            return own
        higher, candle_ms = spec.timeframe, self._timeframe.ms
        return {name: Higher(one, higher, candle_ms) for name, one in own.items()}


def indicator_values(
    spec: IndicatorSpec, candles: Candles, timeframe: Timeframe
) -> dict[str, Floats]:
    """Every field of one indicator over candles: canonical field name → values."""
    described, batch = Described((spec,), timeframe), Batch(candles)
    fields = [field.name for field in indicator_of(spec).fields]
    return {name: batch.values(described.series(Reference(spec.key, name))) for name in fields}
