"""Does the product ask for the libraries it imports, and for no others?"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = ("parquet", "mcp", "notify", "serve")


@cache
def owners() -> Mapping[str, list[str]]:
    """The libraries that a module of that name belongs to."""
    return metadata.packages_distributions()


def names(requirements: Iterable[str]) -> set[str]:
    """The names of libraries, as they are compared, in requirements like `PyYAML>=6.0,<7`."""
    found = (re.match(r"[\w.-]+", one) for one in requirements)
    return {re.sub(r"[-_.]+", "-", match[0]).lower() for match in found if match is not None}


def libraries(modules: Iterable[str]) -> set[str]:
    """The installed libraries that the modules belong to."""
    return names(owner for module in modules for owner in owners().get(module.split(".")[0], ()))


def called(node: ast.expr) -> str | None:
    """The name that an expression ends with, where it is one."""
    match node:
        case ast.Name(name) | ast.Attribute(attr=name):
            return name
    return None


@cache
def imported() -> set[str]:
    """What the product imports, late or not, and by which names it does."""
    found: set[str] = set()
    for room in ("core", "tui"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                match node:
                    case ast.Import():
                        found |= {alias.name for alias in node.names}
                    case ast.ImportFrom(module=str(module), level=0):
                        found.add(module)
                    case ast.Call() if "import_module" in map(called, (node.func, *node.args)):
                        words = (one.value for one in node.args if isinstance(one, ast.Constant))
                        found |= {word for word in words if isinstance(word, str)}
    return found


ASKED_FOR = names(PROJECT["dependencies"])
FOR_EXTRAS = names(one for extra in EXTRAS for one in PROJECT["optional-dependencies"][extra])


def test_every_library_asked_for_is_imported() -> None:
    assert libraries(imported()) >= ASKED_FOR | FOR_EXTRAS


def test_every_library_imported_is_asked_for_or_comes_with_one_that_is() -> None:
    direct = ASKED_FOR | FOR_EXTRAS
    theirs = (one for name in direct for one in metadata.requires(name) or ())
    with_them = names(one for one in theirs if "extra ==" not in one)
    # Nautilus and Dask are not where these tests run: in environments of their own (make help).
    own = ("core", "tui", "papertape", "nautilus_trader", "dask", "distributed")
    modules = {one for one in imported() if one.split(".")[0] not in own}
    foreign = {one for one in modules if one.split(".")[0] not in sys.stdlib_module_names}
    assert {one for one in foreign if not libraries([one]) & (direct | with_them)} == set()


def test_every_library_that_is_asked_for_has_its_version_in_the_constraints() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not re.match(r"[\w.-]+==", line)] == []
    extras = PROJECT["optional-dependencies"].values()
    asked = names([*PROJECT["dependencies"], *(one for extra in extras for one in extra)])
    assert asked - names(lines) == {PROJECT["name"]}
