"""Parses the indicators of a config (docs/rules.md §1.2 and §2)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from core.strategy.config.config import IndicatorSpec, ParameterValue
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
from core.strategy.indicators.registry import (
    INDICATOR_NAMES,
    INDICATORS,
    MAX_OFFSET,
    PRICE_ALIASES,
    PRICES,
    Indicator,
    Parameter,
    indicator_named,
)

_KEYS = ("name", "params", "key", "offset")
_MEANT = {"parameters": "params", "id": "key", "alias": "key"}
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_FORMS = 'a list of {"name": …, "params": {…}}, or a mapping of names to parameters'


@dataclass(frozen=True, slots=True)
class Named:
    """What a key stands for: its indicator, and how it is configured.

    Either is None where the config has a problem there: it has been noted, and what refers to the
    key need not be blamed for it.
    """

    indicator: Indicator | None
    spec: IndicatorSpec | None


def parse_indicators(problems: Problems, path: str, raw: object) -> dict[str, Named]:
    """The indicators of a config by key, in its order."""
    named: dict[str, Named] = {}
    paths: dict[str, str] = {}
    meant: list[str] = []
    for where, written in _entries(problems, path, raw):
        key, one = _indicator(problems, where, written)
        if one.indicator is None and "key" not in written:
            meant += filter(None, (_nearest(problems, written.get("name")),))
        if key is None:
            continue
        if key in named:
            problems.add(f"{where}.key", key, f'a "key" of its own: {paths[key]} has this one')
            continue
        named[key] = one
        paths[key] = where
    # What spells right the name that is misspelt here is not to blame either.
    return {key: Named(None, None) for key in meant if key not in named} | named


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
            problems.add(path, value, f"its parameters by name: {_parameter_names(indicator)}")
            yield path, {"name": key}  # refused already, but what refers to it is not to blame
    else:
        expected = 'a mapping like {"params": {"period": 14}}, or the period'
        written = mapping(problems, path, value, expected) or {}
        # {"fast": {"name": "ema", …}}: the word it stands under is then its key.
        yield path, {"key": key, **written} if "name" in written else {"name": key, **written}


def _indicator(
    problems: Problems, path: str, written: Mapping[str, object]
) -> tuple[str | None, Named]:
    name = written.get("name")
    indicator = indicator_named(name) if isinstance(name, str) else None
    _check_keys(problems, path, written, indicator)
    if "name" not in written:
        problems.missing(f"{path}.name", "the name of an indicator")
    elif indicator is None:
        expected = f"one of {', '.join(INDICATORS)}"
        problems.add(f"{path}.name", name, expected, _nearest(problems, name))
    key = _key(problems, f"{path}.key", written.get("key"), indicator, name)
    if indicator is None:
        return key, Named(None, None)
    params, offset = _params(problems, path, written, indicator)
    if key is None or params is None:
        return key, Named(indicator, None)
    return key, Named(indicator, IndicatorSpec(indicator.name, key, params, offset))


def _nearest(problems: Problems, name: object) -> str | None:
    """The indicator that a misspelt name is most like, by its own name."""
    nearest = problems.nearest(name, INDICATOR_NAMES)
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
) -> tuple[dict[str, ParameterValue] | None, int]:
    before = len(problems.found)
    given: dict[str, tuple[str, object]] = {}
    if "offset" in written:
        given["offset"] = (f"{path}.offset", written["offset"])
    raw = written.get("params")
    where = f"{path}.params"
    items = {} if raw is None else mapping(problems, where, raw, "a mapping of parameters") or {}
    for key, value in items.items():
        parameter = indicator.parameter(key)
        canonical = "offset" if as_word(key) == "offset" else parameter.name if parameter else None
        if canonical is None:
            names = [one.name for one in indicator.parameters] + ["offset"]
            right = problems.nearest(key, names)
            expected = f"only {_parameter_names(indicator)}"
            problems.found_text(child(where, key), "an unknown parameter", expected, right)
        elif canonical in given:
            problems.found_text(
                child(where, key), f"{canonical} again", f"it once: {given[canonical][0]} gives it"
            )
        else:
            given[canonical] = (child(where, key), value)
    params: dict[str, ParameterValue] = {}
    for parameter in indicator.parameters:
        if parameter.name in given:
            value_read = _parameter(problems, *given[parameter.name], parameter)
            params[parameter.name] = parameter.default if value_read is None else value_read
        else:
            params[parameter.name] = parameter.default
    offset = whole(problems, *given["offset"], 0, MAX_OFFSET) if "offset" in given else 0
    if len(problems.found) == before and indicator.name == "psar":
        _check_psar(problems, where, params)
    return (params if len(problems.found) == before else None), offset or 0


def _parameter(
    problems: Problems, path: str, value: object, parameter: Parameter
) -> ParameterValue | None:
    if parameter.choices:
        word = "none" if value is None else value
        return choice(problems, path, word, parameter.choices)
    if parameter.whole:
        return whole(problems, path, value, int(parameter.low), int(parameter.high))
    return number(problems, path, value, Range(parameter.low, parameter.high))


def _check_psar(problems: Problems, path: str, params: Mapping[str, ParameterValue]) -> None:
    if float(params["step"]) > float(params["max"]):
        problems.add(f"{path}.step", params["step"], f"at most max, which is {params['max']}")


def _parameter_names(indicator: Indicator) -> str:
    return ", ".join([*(one.name for one in indicator.parameters), "offset"])
