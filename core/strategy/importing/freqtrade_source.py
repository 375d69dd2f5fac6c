"""Reads classes and literal values in the files of a freqtrade strategy, and runs none of it."""

from __future__ import annotations

import ast
import json
import operator
import re
from collections.abc import Callable, Iterator, Mapping

from core.text import safe_text

LARGEST_NUMBER = 1e15
_LARGEST = 1 << 20  # characters
_DEEPEST = 50
_SHOWN = 80  # characters

_OPERATIONS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


class ImportRefusedError(ValueError):
    """A file holds no strategy that could be read; the message says what was expected."""


def parsed_source(source: str, where: str) -> ast.Module:
    """The syntax tree of a file's text; `where` is its name, for errors.

    Raises:
        ImportRefusedError: it is no Python, or too long.
    """
    if len(source) > _LARGEST:
        raise ImportRefusedError(f"{where}: longer than the {_LARGEST} characters of a strategy")
    try:
        return ast.parse(source)
    except SyntaxError as error:
        place = where if error.lineno is None else f"{where}, line {error.lineno}"
        raise ImportRefusedError(f"{place}: no Python: {safe_text(str(error.msg))}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise ImportRefusedError(f"{where}: no Python that can be read") from error


def strategy_class(tree: ast.Module, where: str, wanted: str | None) -> ast.ClassDef:
    """The class that is wanted, with what it inherits of others in the file."""
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    lines = {node.name: _lineage(node, classes) for node in classes}
    strategies = [node for node in classes if node.name == wanted]
    if wanted is None:
        inherited = {one.name for line in lines.values() for one in line[:-1]}
        strategies = [
            node
            for node in classes
            if node.name not in inherited
            and any(_bases(one, "IStrategy") for one in lines[node.name])
        ]
    if len(strategies) == 1:
        (found,) = strategies
        found.body = _own_and_inherited(lines[found.name])
        return found
    names = ", ".join(node.name for node in (strategies or classes)) or "none"
    if strategies:
        raise ImportRefusedError(f"{where}: several strategies ({names}): say which with --class")
    expected = "a class of IStrategy" if wanted is None else f"a class {wanted[:_SHOWN]}"
    raise ImportRefusedError(f"{where}: expected {expected}, found classes: {names}")


def _bases(node: ast.ClassDef, name: str) -> bool:
    return any(ast.unparse(base).rpartition(".")[2] == name for base in node.bases)


def _lineage(node: ast.ClassDef, classes: list[ast.ClassDef]) -> list[ast.ClassDef]:
    """The classes of the file that it inherits from, those first that others inherit, and it."""
    line = [node]
    for one in line:
        line += [base for base in classes if base not in line and _bases(one, base.name)]
    return line[::-1]


def _own_and_inherited(line: list[ast.ClassDef]) -> list[ast.stmt]:
    """What a class says, each name once: by the last of its line that says it."""
    said: dict[object, ast.stmt] = {}
    for node in line:
        assigned = {id(statement): name for name, _, statement in assignments(node.body)}
        for statement in node.body:
            key = getattr(statement, "name", assigned.get(id(statement), id(statement)))
            said.pop(key, None)
            said[key] = statement
    return list(said.values())


def json_with_comments(text: str) -> dict[str, object]:
    """A config.json of freqtrade's, which may have comments and commas too many."""

    def kept(match: re.Match[str]) -> str:
        return match[0] if match[0].startswith('"') else ""

    plain = re.sub(r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/', kept, text[:_LARGEST], flags=re.DOTALL)
    plain = re.sub(r'"(?:\\.|[^"\\])*"|,(?=\s*[}\]])', kept, plain)
    try:
        found = json.loads(plain)
    except (ValueError, RecursionError) as error:
        raise ImportRefusedError(f"the configuration is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise ImportRefusedError("the configuration: expected an object, as in config.json")
    return found


class NoValueError(ValueError):
    """An expression is none whose value stands in the file; the message says why."""


def literal_value(node: ast.expr, names: Mapping[str, object], depth: int = 0) -> object:
    """What an expression of literals, and of names for such, is."""
    if depth > _DEEPEST:
        raise NoValueError("nested too deeply")
    match node:
        case ast.Constant(value=None | bool() | int() | float() | str() as value):
            return value
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            number = literal_value(operand, names, depth + 1)
            if isinstance(number, int | float):
                return -number
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATIONS:
            sides = literal_value(left, names, depth + 1), literal_value(right, names, depth + 1)
            if all(isinstance(side, int | float) and abs(side) < LARGEST_NUMBER for side in sides):
                try:
                    return _OPERATIONS[type(op)](*sides)  # type: ignore[arg-type]
                except ArithmeticError as error:
                    raise NoValueError(str(error)) from error
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            return [literal_value(part, names, depth + 1) for part in parts]
        case ast.Dict(keys=keys, values=values) if all(key is not None for key in keys):
            return {
                str(literal_value(key, names, depth + 1)): literal_value(value, names, depth + 1)
                for key, value in zip(keys, values, strict=True)
                if key is not None
            }
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Parameter"):
        defaults = [_short(one.value) for one in node.keywords if one.arg == "default"]
        raise NoValueError(f"optimised by freqtrade, from {', '.join(defaults) or 'no default'} on")
    raise NoValueError(f"{_short(node)} is worked out by code")


def _short(node: ast.AST) -> str:
    try:
        text = safe_text(ast.unparse(node))
    except (RecursionError, ValueError):
        return "an expression"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def assignments(body: list[ast.stmt]) -> Iterator[tuple[str, ast.expr, ast.stmt]]:
    """Each assignment to a plain name: the name, what is assigned, and the statement."""
    for statement in body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield name, value, statement
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, value, statement


def constants(body: list[ast.stmt]) -> dict[str, object]:
    """The names of a body whose last assignment is a literal value, and that value."""
    names: dict[str, object] = {}
    for name, value, _ in assignments(body):
        try:
            names[name] = literal_value(value, names)
        except NoValueError:
            names.pop(name, None)
    return names
