"""Parses what a config compares: numbers, references to series, and arithmetic on these.

A text is a reference where it is the name of a series as a whole, else arithmetic: `+ - * /`,
parentheses, `min`, `max` and `abs`. Python's own parser reads it; only the nodes named here count.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from core.strategy.config.conditions import ARITHMETIC, Formula, Operand, Reference
from core.strategy.config.config import IndicatorSpec
from core.strategy.config.problems import Problems
from core.strategy.config.validators import ANY_NUMBER, as_word, is_quoted_number, number
from core.strategy.indicators.indicator import Indicator
from core.strategy.indicators.registry import CANDLE_SERIES, PRICE_ALIASES, indicator_named

VALUE = 'a number, or a series like "close", "ema_21", "macd.signal"'

_LONGEST = 300  # characters
_DEEPEST = 30
_NOT_ARITHMETIC = re.compile(r"[^\w\s.+\-*/(),]")
_SIGN_AT_AN_END = re.compile(r"\s*[+-]|.*[+-]\s*$", re.DOTALL)
_WORDS = "series, numbers, + - * / ( ), min, max and abs"
_BINARY: Mapping[type, str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_FUNCTIONS = {"min": (2, 10), "max": (2, 10), "abs": (1, 1)}


@dataclass(frozen=True, slots=True)
class Named:
    """What a key stands for: its indicator, and how it is configured.

    Either is None where the config has a problem there: it has been noted, and what refers to the
    key need not be blamed for it.
    """

    indicator: Indicator | None
    spec: IndicatorSpec | None


def parse_operand(
    problems: Problems, path: str, value: object, named: Mapping[str, Named]
) -> Operand | None:
    """One side of a condition, or a price level: a number, a reference, or arithmetic.

    None where it is none of these, which is noted, or where it refers to an indicator that has a
    problem of its own.
    """
    if isinstance(value, str):
        if is_quoted_number(value):
            problems.add(path, value, "a number without quotes")
            return None
        return parse_expression(problems, path, value, named)
    if isinstance(value, bool) or not isinstance(value, int | float):
        problems.add(path, value, VALUE)
        return None
    return number(problems, path, value, ANY_NUMBER)


def parse_expression(
    problems: Problems, path: str, text: str, named: Mapping[str, Named]
) -> Operand | None:
    """A reference, or arithmetic on references and numbers; a number if it names no series."""
    if is_reference(text, named):
        return parse_reference(problems, path, text, named)
    return _Arithmetic(problems, path, text, named).read()


def is_reference(text: str, named: Mapping[str, Named]) -> bool:
    """Whether a text is no arithmetic, or is as a whole the name of a series (`fast-ema`, `%k`)."""
    if not any(sign in text for sign in "+-*/^(),"):
        return True
    trial = Problems()
    parse_reference(trial, "", text, named)
    return not trial.found and not _SIGN_AT_AN_END.match(text)


def parse_reference(
    problems: Problems,
    path: str,
    written: str,
    named: Mapping[str, Named],
    field: str | None = None,
    field_path: str | None = None,
    column: int | None = None,
) -> Reference | None:
    """The series a text names; None with a problem noted, or where its indicator has one."""
    source, dot, rest = written.strip().partition(".")
    if dot and field is None:
        field = rest
    price = PRICE_ALIASES.get(as_word(source), as_word(source))
    if source not in named and price in CANDLE_SERIES:
        if field is None or as_word(field) in ("value", price, as_word(source)):
            return Reference(price)
        found = field if field_path else written
        expected = f"no field: {price} is a series by itself"
        problems.add(field_path or path, found, expected, column=column)
        return None
    key = _key(source, named)
    if key is None:
        names = (*named, *CANDLE_SERIES, *PRICE_ALIASES)
        nearest = problems.nearest(written, names)
        problems.add(path, written, series_names(named), nearest, column=column)
        return None
    indicator = named[key].indicator
    if indicator is None:
        return None
    canonical = "value" if field is None else indicator.field(field)
    if canonical is None:
        known = [one.name for one in indicator.fields]
        nearest = problems.nearest(field, known)
        whole_text = f"{key}.{nearest}" if nearest and not field_path else nearest
        problems.add(
            field_path or path,
            field if field_path else written,
            f"a field of {indicator.name}: {', '.join(known)}",
            whole_text,
            column=column,
        )
        return None
    return Reference(key, canonical, indicator.main if canonical == "value" else "")


def series_names(named: Mapping[str, Named]) -> str:
    """What a reference may be, as an error says it."""
    return f"one of {', '.join((*named, *CANDLE_SERIES))}"


def _key(source: str, named: Mapping[str, Named]) -> str | None:
    """The key a word means: itself, or the canonical name of the indicator it is an alias of."""
    if source in named:
        return source
    indicator = indicator_named(source)
    if indicator is not None and indicator.name in named:
        one = named[indicator.name].indicator
        return indicator.name if one is None or one is indicator else None
    return None


class _UnreadableError(Exception):
    """A problem was noted, or the indicator that is referred to has one."""


class _Arithmetic:
    def __init__(
        self, problems: Problems, path: str, text: str, named: Mapping[str, Named]
    ) -> None:
        self._problems = problems
        self._path = path
        self._text = " ".join(text.splitlines())
        self._named = named

    def read(self) -> Operand | None:
        text = self._text
        if len(text) > _LONGEST:
            expected = f"at most {_LONGEST} characters"
            self._problems.found_text(self._path, f"{len(text)} characters", expected)
            return None
        foreign = _NOT_ARITHMETIC.search(text)
        try:
            if foreign:
                self._refuse(foreign[0], f"only {_WORDS}", foreign.start())
            self._refuse_hyphens()
            start = len(text) - len(text.lstrip())
            try:
                tree = ast.parse(text[start:], mode="eval").body
            except SyntaxError as error:
                at = start + (error.offset or 1) - 1
                self._refuse(text[at:] or text, f"arithmetic: {_WORDS}", min(at, len(text) - 1))
            except (ValueError, MemoryError, RecursionError):
                self._refuse(text, f"arithmetic: {_WORDS}", 0)
            return self._operand(tree, start, 0)
        except _UnreadableError:
            return None

    def _refuse(
        self, found: object, expected: str, at: int, nearest: str | None = None
    ) -> NoReturn:
        self._problems.add(self._path, found, expected, nearest, column=at + 1)
        raise _UnreadableError

    def _refuse_hyphens(self) -> None:
        """A minus sign within a key would be taken for one between two series."""
        for key in self._named:
            at = self._text.find(key) if "-" in key else -1
            if at >= 0:
                expected = 'a key without "-", which means minus in arithmetic'
                self._refuse(key, expected, at, key.replace("-", "_"))

    def _operand(self, node: ast.expr, start: int, depth: int) -> Operand:
        line = self._text[start:].encode()
        at = start + len(line[: node.col_offset].decode(errors="replace"))
        written = line[node.col_offset : node.end_col_offset].decode(errors="replace")
        if depth > _DEEPEST:
            self._refuse(written, f"arithmetic at most {_DEEPEST} levels deep", at)
        operands: list[Operand]
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                return self._finite(value, written, at)
            case ast.Name() | ast.Attribute(value=ast.Name()):
                plain = "".join(written.split())
                found = parse_reference(
                    self._problems, self._path, plain, self._named, column=at + 1
                )
                if found is None:
                    raise _UnreadableError
                return found
            case ast.UnaryOp(op=ast.UAdd() | ast.USub() as sign, operand=of):
                inner = self._operand(of, start, depth + 1)
                if isinstance(sign, ast.UAdd):
                    return inner
                return -inner if isinstance(inner, float) else Formula("-", (inner,))
            case ast.BinOp(op=operator, left=left, right=right) if type(operator) in _BINARY:
                operation = _BINARY[type(operator)]
                operands = [self._operand(side, start, depth + 1) for side in (left, right)]
            case ast.Call(func=ast.Name(id=operation), args=arguments, keywords=[]) if (
                operation in _FUNCTIONS
            ):
                least, most = _FUNCTIONS[operation]
                if not least <= len(arguments) <= most:
                    count = f"{least}" if least == most else f"{least} to {most}"
                    self._refuse(written, f"{operation} of {count} values", at)
                operands = [self._operand(one, start, depth + 1) for one in arguments]
            case _:
                self._refuse(written, f"arithmetic: {_WORDS}", at)
        if operation == "/" and operands[1] == 0.0:
            self._refuse(written, "a divisor other than 0", at)
        numbers = [one for one in operands if isinstance(one, float)]
        if len(numbers) == len(operands):
            return self._finite(ARITHMETIC[operation](*numbers), written, at)
        return Formula(operation, tuple(operands))

    def _finite(self, value: float, written: str, at: int) -> float:
        try:
            read = float(value)
        except OverflowError:
            read = math.inf
        if not math.isfinite(read):
            self._refuse(written, "a number that is finite", at)
        return read + 0.0
