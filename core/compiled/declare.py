"""Tells Cython the types of a module, from the annotations that the module has.

A compiled module is the module's own source, statement by statement and line by line. What it lacks
is C's types, and they stand in its annotations: of these a file of declarations is made (`.pxd`)
that gives classes C attributes, and functions C arguments and results. An `__init__` that Python
makes of a class's fields when it runs is written out, since a class in C is made before that; and
a function that does the same for callers in C, whose arguments need no Python objects.

Only what is not ambiguous is declared: numbers, containers, and the native classes of the modules
that are compiled. All else stays a Python object, and means what it meant.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

_PLAIN = {
    "float": "double",
    "int": "long long",
    "bool": "bint",
    "list": "list",
    "dict": "dict",
    "set": "set",
    "tuple": "tuple",
    "bytes": "bytes",
    "memoryview[float]": "const double[:]",
    "memoryview[int]": "const long long[:]",
}
_VIEW = "[:]"
_READ_ONLY = "const "
_FUTURE = "from __future__ import annotations"
_NOT_COLLECTED = ("@cython.no_gc", "@cython.freelist(8)", "@cython.cclass")
_AFTERWARDS = "__post_init__"
_MAKER = "_new_"
# How C tells of an error: by a value that may be a result, too, and then Python is asked.
_FAILS = {"double": " except? -1", "bint": " except? -1", "long long": " except *"}
_LOCALS = {
    "long long": "cython.longlong",
    "bint": "cython.bint",
    "long long[:]": "cython.longlong[:]",
}
_CLOSURES = (ast.Lambda, ast.GeneratorExp, ast.FunctionDef, ast.Yield, ast.YieldFrom)


@dataclass(frozen=True, slots=True)
class Translated:
    """A module as Cython takes it: its source, line by line, and the declarations beside it."""

    source: str
    declarations: str


def translated(sources: Mapping[str, str]) -> dict[str, Translated]:
    """The modules of `sources` (name → text), each with its declarations."""
    modules = {name: _Module(name, source) for name, source in sources.items()}
    return {name: _translate(module, modules) for name, module in modules.items()}


class _Module:
    """A module's classes and functions that have a native form."""

    def __init__(self, name: str, source: str) -> None:
        self.name = name
        self.lines = source.split("\n")
        self.body = ast.parse(source).body
        self.classes: dict[str, ast.ClassDef] = {}
        for one in self.body:
            if isinstance(one, ast.ClassDef) and _is_native(one, self.classes):
                self.classes[one.name] = one
        related = [one for one in self.classes.values() if _base(one) in self.classes]
        self.related = {one.name for one in related} | {_base(one) for one in related}
        self.records = {
            name: one
            for name, one in self.classes.items()
            if _fields(one) and not any(part.name == _AFTERWARDS for part in _methods(one))
        }
        self.functions = {
            one.name: one for one in self.body if isinstance(one, ast.FunctionDef) and _in_c(one)
        }


def _translate(module: _Module, modules: Mapping[str, _Module]) -> Translated:
    known, makers = set(module.classes), set(module.records)
    written = ["cimport cython"]
    for statement in module.body:
        if not isinstance(statement, ast.ImportFrom):
            continue
        if other := modules.get(statement.module or ""):
            names = {alias.name for alias in statement.names}
            known |= names & set(other.classes)
            shared = sorted(names & {*other.classes, *other.functions})
            if shared:
                written.append(f"from {other.name} cimport {', '.join(shared)}")
            made = [name for name in shared if name in other.records]
            makers |= set(made)
            written += [f"from {other.name} cimport {_MAKER}{name}" for name in made]
    types = _Types(known)
    written += [f"cdef class {_header(one)}" for one in module.classes.values()]
    written += _constants(module, types)
    lines = _making(module, makers)
    for name, one in module.classes.items():
        written += [
            *_kind(one, related=name in module.related),
            f"cdef class {_header(one)}:",
            *("    " + line for line in _class(one, types)),
        ]
        _write_out(one, lines)
    for function in module.functions.values():
        written += _function(function, types)
    for one in module.records.values():
        written += _declared_maker(one, types)
        lines.append(_maker(one))
    return Translated("\n".join(lines), "\n".join(written) + "\n")


class _Types:
    """What the annotations of a module are in C."""

    def __init__(self, classes: Collection[str]) -> None:
        self._classes = classes

    def of(self, annotation: ast.expr | None) -> str:
        """The C type of an annotation; `object` where it has none of its own."""
        match annotation:
            case ast.BinOp(left=kind, op=ast.BitOr(), right=ast.Constant(value=None)):
                wanted = self.of(kind)
                return wanted if wanted in self._classes else "object"
            case ast.Subscript(value=ast.Name(id=name), slice=of):
                return _PLAIN.get(name) or _PLAIN.get(f"{name}[{ast.unparse(of)}]", "object")
            case ast.Name(id=name) if name in self._classes:
                return name
            case ast.Name(id=name):
                return _PLAIN.get(name, "object")
        return "object"


def _is_native(one: ast.ClassDef, others: Collection[str]) -> bool:
    return not one.bases or ast.unparse(one.bases[0]) == "msgspec.Struct" or _base(one) in others


def _base(one: ast.ClassDef) -> str:
    """The name of the class that it derives from, as far as that may be a native one."""
    return ast.unparse(one.bases[0]) if one.bases else ""


def _header(one: ast.ClassDef) -> str:
    """A native class and its native base."""
    base = _base(one)
    return one.name if base in ("", "msgspec.Struct") else f"{one.name}({base})"


def _in_c(function: ast.FunctionDef) -> bool:
    """Whether C can call it past Python: not what is decorated, takes names only, or encloses."""
    arguments = function.args
    return not (
        function.decorator_list
        or arguments.kwonlyargs
        or arguments.vararg
        or arguments.kwarg
        or function.name.startswith("__")
        or any(isinstance(one, _CLOSURES) for part in function.body for one in ast.walk(part))
    )


def _constants(module: _Module, types: _Types) -> Iterator[str]:
    """A module's own constants: where they are annotated, and nobody else is to see them."""
    for one in module.body:
        if isinstance(one, ast.AnnAssign) and ast.unparse(one.target).startswith("_"):
            yield f"cdef {types.of(one.annotation)} {ast.unparse(one.target)}"


def _kind(one: ast.ClassDef, *, related: bool) -> Iterator[str]:
    """What a class is to C: where it has no relations, its methods are called as they stand."""
    if not related:  # of a final class Cython takes no method in place of its base's
        yield "@cython.final"


def _class(one: ast.ClassDef, types: _Types) -> Iterator[str]:
    for name, annotation in _attributes(one).items():
        kind = types.of(annotation)
        # Python cannot be given a view of C's: only the module itself sees that attribute.
        yield f"cdef {kind} {name}" if kind.endswith(_VIEW) else f"cdef public {kind} {name}"
    for method in _methods(one):
        if _in_c(method):
            yield from _function(method, types, method=True)


def _methods(one: ast.ClassDef) -> list[ast.FunctionDef]:
    return [part for part in one.body if isinstance(part, ast.FunctionDef)]


def _fields(one: ast.ClassDef) -> list[ast.AnnAssign]:
    return [part for part in one.body if isinstance(part, ast.AnnAssign)]


def _attributes(one: ast.ClassDef) -> dict[str, ast.expr | None]:
    """The annotations of its attributes: of its fields, or of what `__init__` gives it."""
    found: dict[str, ast.expr | None] = {
        ast.unparse(field.target): field.annotation for field in _fields(one)
    }
    made = {method.name: method for method in _methods(one)}.get("__init__")
    arguments = {} if made is None else {one.arg: one.annotation for one in made.args.args}
    for part in [] if made is None else ast.walk(made):
        match part:
            case ast.AnnAssign(target=ast.Attribute(attr=name), annotation=annotation):
                found[name] = annotation
            case ast.Assign(targets=[ast.Attribute(attr=name)], value=ast.Name(id=argument)):
                found.setdefault(name, arguments.get(argument))
            case ast.Assign(targets=[ast.Attribute(attr=name)], value=ast.Constant(value=value)):
                found.setdefault(name, ast.Name(type(value).__name__))
            case ast.Assign(targets=[ast.Attribute(attr=name)], value=ast.Call(func=made_by)):
                found.setdefault(name, made_by)  # of a class, or object as of any other function
            case ast.Assign(targets=[ast.Attribute(attr=name)]):
                found.setdefault(name, None)
    return found


def _function(function: ast.FunctionDef, types: _Types, *, method: bool = False) -> Iterator[str]:
    arguments = function.args.args[1:] if method else function.args.args
    obligatory = len(arguments) - len(function.args.defaults)
    declared = ["self"] if method else []
    written = {
        part.value.id
        for part in ast.walk(function)
        if isinstance(part, ast.Subscript)
        and isinstance(part.ctx, ast.Store)
        and isinstance(part.value, ast.Name)
    }

    def kind_of(name: str, annotation: ast.expr | None) -> str:
        kind = types.of(annotation)
        return kind.removeprefix(_READ_ONLY) if name in written else kind

    for place, argument in enumerate(arguments):
        given = "" if place < obligatory else "=*"
        declared.append(f"{kind_of(argument.arg, argument.annotation)} {argument.arg}{given}")
    local = {
        part.target.id: _text(part.annotation) or kind_of(part.target.id, part.annotation)
        for part in ast.walk(function)
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
    }
    typed = [f"{name}={_LOCALS.get(kind, kind)}" for name, kind in local.items()]
    if typed:
        yield f"@cython.locals({', '.join(typed)})"
    result = types.of(function.returns)
    if result.endswith(_VIEW):
        result = "object"
    yield f"cpdef {result} {function.name}({', '.join(declared)}){_FAILS.get(result, '')}"


def _text(annotation: ast.expr) -> str:
    """The type of text, whose methods C calls past Python; an attribute may hold a subclass."""
    return "str" if ast.unparse(annotation) == "str" else ""


def _write_out(one: ast.ClassDef, lines: list[str]) -> None:
    """Give a class the `__init__` that its fields mean, where the last of them stood."""
    header = one.lineno - 1
    for decorator in one.decorator_list:
        _clear(decorator, lines)
    while not lines[header].rstrip().endswith(":"):
        lines[header] = ""
        header += 1
    if any(word.arg == "gc" for word in one.keywords):  # msgspec's gc=False: not in circles
        # Cython takes these of a class alone, not of its declaration: they stand in the two empty
        # lines before it and in its own, and it stands where it is described.
        lines[header - 2 : header + 1] = _NOT_COLLECTED
        lines[:] = [f"{line}; import cython" if line == _FUTURE else line for line in lines]
        _clear(one.body[0], lines)
        header = one.body[0].lineno - 1
    lines[header] = f"class {_header(one)}:"
    for part in one.body:
        if isinstance(part, ast.Assign) and ast.unparse(part.targets[0]) == "__slots__":
            _clear(part, lines)
    fields = _fields(one)
    if not fields:
        return
    arguments, made = ["self"], []
    for field in fields:
        _clear(field, lines)
        name, value = ast.unparse(field.target), field.value
        if isinstance(value, ast.Call) and ast.unparse(value.func) == "field":
            continue  # `__post_init__` gives it
        arguments.append(name if value is None else f"{name}={ast.unparse(value)}")
        made.append(f"self.{name} = {name}")
    if any(method.name == _AFTERWARDS for method in _methods(one)):
        made.append(f"self.{_AFTERWARDS}()")
    place = fields[-1].lineno - 1
    lines[place] = f"    def __init__({', '.join(arguments)}): {'; '.join(made)}"


def _making(module: _Module, makers: Collection[str]) -> list[str]:
    """The lines of a module with calls of `makers` instead of the classes of those names."""
    lines = list(module.lines)
    calls = [
        node.func
        for statement in module.body
        for node in ast.walk(statement)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords
    ]
    for name in sorted(calls, key=lambda one: (one.lineno, one.col_offset), reverse=True):
        if name.id in makers:
            text = lines[name.lineno - 1].encode()
            before, after = text[: name.col_offset], text[name.col_offset :]
            lines[name.lineno - 1] = (before + _MAKER.encode() + after).decode()
    return lines


def _maker(one: ast.ClassDef) -> str:
    """A function that makes a record of its fields."""
    given, made = [], [f"self = {one.name}.__new__({one.name})"]
    for field in _fields(one):
        name, value = ast.unparse(field.target), field.value
        given.append(name if value is None else f"{name}={ast.unparse(value)}")
        made.append(f"self.{name} = {name}")
    return f"def {_MAKER}{one.name}({', '.join(given)}): {'; '.join([*made, 'return self'])}"


def _declared_maker(one: ast.ClassDef, types: _Types) -> Iterator[str]:
    given = []
    for field in _fields(one):
        optional = "" if field.value is None else "=*"
        given.append(f"{types.of(field.annotation)} {ast.unparse(field.target)}{optional}")
    yield f"@cython.locals(self={one.name})"
    yield f"cdef {one.name} {_MAKER}{one.name}({', '.join(given)})"


def _clear(part: ast.expr | ast.stmt, lines: list[str]) -> None:
    for line in range(part.lineno - 1, part.end_lineno or part.lineno):
        lines[line] = ""
