"""Parses the indicators of a config (docs/rules.md §1.2 and §2)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from core.market.candles.timeframes import HigherTimeframe, Timeframe
from core.strategy.config.conditions import Operand, references
from core.strategy.config.config import IndicatorSpec, ParameterValue
from core.strategy.config.expressions import Named, parse_expression, series_names
from core.strategy.config.problems import Problems, child
from core.strategy.config.validators import (
    LONGEST_LIST,
    Range,
    as_word,
    choice,
    listing,
    mapping,
    number,
    unknown_keys,
    whole,
)
from core.strategy.indicators.indicator import Indicator, Parameter
from core.strategy.indicators.plugins import plugins
from core.strategy.indicators.registry import (
    INDICATORS,
    MAX_OFFSET,
    PRICE_ALIASES,
    PRICES,
    indicator_named,
    known_names,
)
from core.strategy.indicators.series import columns_in

_OF_ANY = ("offset", "source", "timeframe")
_KEYS = ("name", "params", "key", *_OF_ANY)
_LONGEST_CHAIN = 10  # indicators that are each computed of the next
_MEANT = {"parameters": "params", "id": "key", "alias": "key"}
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_FORMS = 'a list of {"name": …, "params": {…}}, or a mapping of names to parameters'


@dataclass(frozen=True, slots=True)
class _Sources:
    """The sources of one indicator as written, each with its path."""

    path: str
    texts: tuple[tuple[str, str], ...]


def parse_indicators(
    problems: Problems, path: str, raw: object, timeframe: Timeframe | None
) -> dict[str, Named]:
    """The indicators of a config by key, in its order; `timeframe`: the config's, where known."""
    named: dict[str, Named] = {}
    paths: dict[str, str] = {}
    sources: dict[str, _Sources] = {}
    meant: list[str] = []
    for where, written in _entries(problems, path, raw):
        key, one, given = _indicator(problems, where, written, timeframe)
        if one.indicator is None and "key" not in written:
            meant += filter(None, (_nearest(problems, written.get("name")),))
        if key is None:
            continue
        if key in named:
            problems.add(f"{where}.key", key, f'a "key" of its own: {paths[key]} has this one')
            continue
        named[key] = one
        paths[key] = where
        if given is not None:
            sources[key] = given
    # What spells right the name that is misspelt here is not to blame either.
    named = {key: Named(None, None) for key in meant if key not in named} | named
    for key, given in sources.items():
        named[key] = _with_sources(problems, named, key, given)
    _check_chains(problems, named, sources)
    return named


def _with_sources(
    problems: Problems, named: Mapping[str, Named], key: str, given: _Sources
) -> Named:
    indicator, spec = named[key].indicator, named[key].spec
    operands = []
    for path, text in given.texts:
        operand = parse_expression(problems, path, text, named)
        if isinstance(operand, float):
            problems.add(path, text, f"a series: {series_names(named)}")
        elif operand is not None:
            operands.append(operand)
            _check_timeframes(problems, path, named, spec, operand)
    if spec is None or len(operands) < len(given.texts):
        return Named(indicator, None)
    return Named(indicator, replace(spec, sources=tuple(operands)))


def _check_timeframes(
    problems: Problems,
    path: str,
    named: Mapping[str, Named],
    spec: IndicatorSpec | None,
    operand: Operand,
) -> None:
    """What is computed of higher candles sees nothing but these."""
    if spec is None or spec.timeframe is None:
        return
    for one in references(operand):
        other = named[one.source].spec if one.source in named else None
        if other is not None and other.timeframe != spec.timeframe:
            its = "the strategy's timeframe" if other.timeframe is None else other.timeframe
            expected = f"a source on {spec.timeframe} too: {one.source} is on {its}"
            problems.add(path, str(operand), expected)


def _check_chains(
    problems: Problems, named: dict[str, Named], sources: Mapping[str, _Sources]
) -> None:
    """Refuse indicators that are computed of themselves, or of too many others in a row."""
    lengths: dict[str, int] = {}

    def length(key: str, above: tuple[str, ...]) -> int:
        if key in above or len(above) > _LONGEST_CHAIN:
            return _LONGEST_CHAIN + 1
        spec = named[key].spec if key in named else None
        if key not in lengths or lengths[key] > _LONGEST_CHAIN:
            used = (
                {one.source for operand in spec.sources for one in references(operand)}
                if spec is not None
                else set()
            )
            below = [length(one, (*above, key)) for one in used if one in named]
            lengths[key] = 1 + max(below, default=0)
        return lengths[key]

    for key, given in sources.items():
        if length(key, ()) > _LONGEST_CHAIN:
            expected = f"a chain of at most {_LONGEST_CHAIN} indicators that does not lead back"
            problems.add(f"{given.path}.source", given.texts[0][1], expected)
            named[key] = Named(named[key].indicator, None)


def _entries(
    problems: Problems, path: str, raw: object
) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Every indicator as written, in list form: mapping forms gain the `name` they stand under."""
    if isinstance(raw, Mapping):
        if len(raw) > LONGEST_LIST:
            problems.found_text(path, f"{len(raw)} indicators", f"at most {LONGEST_LIST}")
            return
        for key, value in (mapping(problems, path, raw, _FORMS) or {}).items():
            yield from _named_entry(problems, child(path, key), key, value)
        return
    for position, item in enumerate(listing(problems, path, raw, _FORMS) or ()):
        where = f"{path}[{position}]"
        expected = 'an indicator like {"name": "rsi", "params": {"period": 14}}'
        written = mapping(problems, where, item, expected)
        if written is None:
            if isinstance(item, str) and indicator_named(item):
                yield where, {"name": item}
        elif len(written) == 1 and "name" not in written:
            ((key, value),) = written.items()
            yield from _named_entry(problems, child(where, key), key, value)
        else:
            yield where, written


def _named_entry(
    problems: Problems, path: str, key: str, value: object
) -> Iterator[tuple[str, Mapping[str, object]]]:
    if value is None:
        yield path, {"name": key}
    elif isinstance(value, int | float) and not isinstance(value, bool):
        indicator = indicator_named(key)
        if indicator is None or (indicator.parameters and indicator.parameters[0].name == "period"):
            yield path, {"name": key, "params": {"period": value}}
        else:
            problems.add(
                path, value, f"its parameters by name: {', '.join([*indicator.defaults, 'offset'])}"
            )
            yield path, {"name": key}  # refused already, but what refers to it is not to blame
    else:
        expected = 'a mapping like {"params": {"period": 14}}, or the period'
        written = mapping(problems, path, value, expected) or {}
        # {"fast": {"name": "ema", …}}: the word it stands under is then its key.
        yield path, {"key": key, **written} if "name" in written else {"name": key, **written}


def _indicator(
    problems: Problems, path: str, written: Mapping[str, object], timeframe: Timeframe | None
) -> tuple[str | None, Named, _Sources | None]:
    name = written.get("name")
    indicator = indicator_named(name) if isinstance(name, str) else None
    _check_keys(problems, path, written, indicator)
    if "name" not in written:
        problems.missing(f"{path}.name", "the name of an indicator")
    elif indicator is None:
        expected = f"one of {', '.join(INDICATORS)}, or a function of TA-Lib such as trix"
        refused = plugins(known_names()).refused
        if isinstance(name, str) and name in refused:
            expected = f"another one: this plug-in is refused, {refused[name]}"
        problems.add(f"{path}.name", name, expected, _nearest(problems, name))
    key = _key(problems, f"{path}.key", written.get("key"), indicator, name)
    if indicator is None:
        return key, Named(None, None), None
    params, of_any = _params(problems, path, written, indicator)
    before = len(problems.found)
    offset = higher = sources = None
    if "offset" in of_any:
        offset = whole(problems, *of_any["offset"], 0, MAX_OFFSET)
    if "timeframe" in of_any:
        higher = _higher(problems, *of_any["timeframe"], timeframe)
    if "source" in of_any:
        sources = _written_sources(problems, path, *of_any["source"], indicator)
    elif len(indicator.sources) and not columns_in(indicator.sources) <= set(PRICES):
        problems.missing(f"{path}.source", f"a list of {len(indicator.sources)} series")
    if key is None or params is None or len(problems.found) > before:
        return key, Named(indicator, None), sources
    spec = IndicatorSpec(indicator.name, key, params, offset or 0, (), higher)
    return key, Named(indicator, spec), sources


def _higher(
    problems: Problems, path: str, raw: object, timeframe: Timeframe | None
) -> HigherTimeframe | None:
    """A timeframe that the strategy's divides; None for the strategy's own."""
    higher = None
    if isinstance(raw, str):
        with suppress(ValueError):
            higher = HigherTimeframe(raw)
    if timeframe is None:
        if higher is None:
            problems.misspelt(path, raw, Timeframe)
        return None
    if higher is None or higher.ms < timeframe.ms or higher.ms % timeframe.ms:
        several = [one for one in Timeframe if one.ms > timeframe.ms and one.ms % timeframe.ms == 0]
        known = f": {', '.join(several)}, or another that a day is a multiple of" if several else ""
        expected = f"a multiple of the strategy's timeframe {timeframe}{known}"
        problems.add(path, raw, expected, problems.nearest(raw, several))
        return None
    return None if higher.ms == timeframe.ms else higher


def _written_sources(
    problems: Problems, path: str, where: str, raw: object, indicator: Indicator
) -> _Sources | None:
    """The texts of `source`: one, or a list where the indicator takes several."""
    wanted = len(indicator.sources)
    texts = list(raw) if isinstance(raw, list | tuple) else [raw]
    if wanted == 0:
        columns = ", ".join(sorted(columns_in(indicator.build(indicator.defaults))))
        problems.add(where, raw, f"no source: {indicator.name} is made of {columns}")
    elif len(texts) != wanted:
        problems.add(where, raw, "one series" if wanted == 1 else f"a list of {wanted} series")
    elif not all(isinstance(text, str) for text in texts):
        problems.add(where, raw, 'a series like "volume", "hl2" or the key of another indicator')
    else:
        several = isinstance(raw, list | tuple)
        paths = [f"{where}[{at}]" if several else where for at in range(wanted)]
        return _Sources(path, tuple(zip(paths, map(str, texts), strict=True)))
    return None


def _nearest(problems: Problems, name: object) -> str | None:
    """The indicator that a misspelt name is most like, by its own name."""
    nearest = problems.nearest(name, known_names())
    right = indicator_named(nearest) if nearest else None
    return right.name if right else None


def _check_keys(
    problems: Problems, path: str, written: Mapping[str, object], indicator: Indicator | None
) -> None:
    rest = {}
    for key, value in written.items():
        parameter = indicator.parameter(key) if indicator is not None else None
        if key not in _KEYS and parameter is not None:
            expected = f'it within "params": {{"params": {{"{parameter.name}": …}}}}'
            problems.found_text(child(path, key), "a parameter", expected)
        else:
            rest[key] = value
    unknown_keys(problems, path, rest, _KEYS, _MEANT)


def _key(
    problems: Problems, path: str, raw: object, indicator: Indicator | None, name: object
) -> str | None:
    if raw is None:
        if indicator is not None:
            return indicator.name
        return name if isinstance(name, str) and _KEY.fullmatch(name) else None
    if not isinstance(raw, str) or not _KEY.fullmatch(raw):
        problems.add(path, raw, "a word of letters, digits, - and _ that begins with a letter")
        return None
    if as_word(raw) in (*PRICES, *PRICE_ALIASES):
        problems.add(path, raw, f"another word: {', '.join((*PRICES, *PRICE_ALIASES))} are prices")
        return None
    return raw


def _params(
    problems: Problems, path: str, written: Mapping[str, object], indicator: Indicator
) -> tuple[dict[str, ParameterValue] | None, dict[str, tuple[str, object]]]:
    """The parameters, and what every indicator takes as written: each with its path."""
    before = len(problems.found)
    given: dict[str, tuple[str, object]] = {
        name: (f"{path}.{name}", written[name]) for name in _OF_ANY if name in written
    }
    raw = written.get("params")
    where = f"{path}.params"
    items = {} if raw is None else mapping(problems, where, raw, "a mapping of parameters") or {}
    for key, value in items.items():
        parameter, word = indicator.parameter(key), as_word(key)
        canonical = word if word in _OF_ANY else parameter.name if parameter else None
        if canonical is None:
            names = [*indicator.defaults, *_OF_ANY]
            right = problems.nearest(key, names)
            expected = f"only {', '.join(names)}"
            problems.found_text(child(where, key), "an unknown parameter", expected, right)
        elif canonical in given:
            problems.found_text(
                child(where, key), f"{canonical} again", f"it once: {given[canonical][0]} gives it"
            )
        else:
            given[canonical] = (child(where, key), value)
    params = indicator.defaults
    for parameter in indicator.parameters:
        if parameter.name in given:
            value_read = _parameter(problems, *given[parameter.name], parameter)
            if value_read is not None:
                params[parameter.name] = value_read
    if len(problems.found) == before:
        wrong = indicator.check(params)
        if wrong is not None:
            name, expected = wrong
            place = f"{where}.{name}".rstrip(".")
            problems.add(place, params.get(name, dict(params)), expected)
    of_any = {name: given[name] for name in _OF_ANY if name in given}
    return (params if len(problems.found) == before else None), of_any


def _parameter(
    problems: Problems, path: str, value: object, parameter: Parameter
) -> ParameterValue | None:
    if parameter.choices:
        word = "none" if value is None else value
        return choice(problems, path, word, parameter.choices)
    if parameter.whole:
        return whole(problems, path, value, int(parameter.low), int(parameter.high))
    return number(problems, path, value, Range(parameter.low, parameter.high))
