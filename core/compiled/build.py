"""Compiles the modules of `core.compiled.MODULES` for the interpreter that runs this.

It needs a C compiler, the interpreter's headers and Cython. Whatever is missing or goes wrong, the
answer is a sentence, and Papertape runs in pure Python as before.
"""

from __future__ import annotations

import importlib.metadata
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from core.compiled import MODULES, PURE, Build, compiled_file, folder, source_file
from core.compiled.declare import translated

_DIRECTIVES = {
    "language_level": "3",
    "annotation_typing": "False",  # an annotation is checked by mypy, not at every call
    "infer_types": "True",
    "nonecheck": "True",  # an attribute of None raises, as it does in Python
    "boundscheck": "True",
    "wraparound": "True",
    "cdivision": "False",  # // and % round down, and division by zero raises, as in Python
    "auto_pickle": "False",  # none of it goes to another process; it would be a seventh of the C
}
# A product and a sum stay two operations with two roundings, and integers wrap, on every machine.
_FLAGS = ("-O2", "-fwrapv", "-ffp-contract=off", "-w")
_CHECK = (
    "import core.compiled as c, importlib\n"
    "assert c.build_in_use().folder\n"
    "for name in c.MODULES: assert not importlib.import_module(name).__file__.endswith('.py')"
)


_CYTHON = "3.2."  # the results of others are not known: 3.3.1 loses the sign of zero in products


class _CannotBuildError(Exception):
    """Why nothing is compiled."""


def build() -> Build:
    """Compile the source as it is now, unless that has been done.

    Blocks, up to a minute.
    """
    if os.environ.get(PURE):
        return Build(None, f"pure Python: not compiled, as {PURE} is set")
    try:
        made = folder()
        if made.is_dir():
            return Build(made, f"compiled already, {made}")
        compiler = _compiler()
        made.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=made.parent, prefix="making-") as name:
            _make(Path(name), compiler)
            try:
                Path(name, "made").rename(made)
            except OSError:
                if not made.is_dir():
                    raise
                return Build(made, f"compiled already by another, {made}")
        _try_out(made)
    except (_CannotBuildError, OSError) as error:
        return Build(None, f"pure Python: not compiled, as {error}")
    return Build(made, f"compiled, {made}")


def _compiler() -> list[str]:
    """The command that makes an extension module of a C file."""
    include = sysconfig.get_paths()["include"]
    if not Path(include, "Python.h").is_file():
        raise _CannotBuildError(f"there is no Python.h in {include}")
    try:
        version = importlib.metadata.version("cython")
    except importlib.metadata.PackageNotFoundError:
        raise _CannotBuildError("Cython is not installed (extra: compiled)") from None
    if not version.startswith(_CYTHON):
        raise _CannotBuildError(f"Cython {version} is installed, and {_CYTHON}* is needed")
    command = shlex.split(sysconfig.get_config_var("LDSHARED") or "")
    if not command or shutil.which(command[0]) is None:
        raise _CannotBuildError(f"there is no C compiler ({' '.join(command[:1]) or 'cc'})")
    position_independent = shlex.split(sysconfig.get_config_var("CCSHARED") or "")
    return [*command, *position_independent, *_FLAGS, "-I", include]


def _make(work: Path, compiler: Sequence[str]) -> None:
    """Compile all modules into `made` below a folder."""
    texts = {module: source_file(module).read_text(encoding="utf-8") for module in MODULES}
    sources = []
    for module, one in translated(texts).items():
        source = work.joinpath(*module.split(".")).with_suffix(".py")
        source.parent.mkdir(parents=True, exist_ok=True)
        for package in list(source.relative_to(work).parents)[:-1]:
            work.joinpath(package, "__init__.py").touch()
        source.write_text(one.source, encoding="utf-8")
        source.with_suffix(".pxd").write_text(one.declarations, encoding="utf-8")
        sources.append(source)
    directives = ",".join(f"{name}={value}" for name, value in _DIRECTIVES.items())

    def compile_one(module: str, source: Path) -> None:
        made = compiled_file(work / "made", module)
        made.parent.mkdir(parents=True, exist_ok=True)
        written = str(source.relative_to(work))
        _run([sys.executable, "-m", "cython", "-X", directives, written], work)
        _run([*compiler, str(source.with_suffix(".c")), "-o", str(made)], work)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(compile_one, MODULES, sources))


def _try_out(made: Path) -> None:
    """See that a fresh interpreter takes what was made; take it away if it does not."""
    try:
        _run([sys.executable, "-c", _CHECK], source_file("core").parent)
    except BaseException:  # also Ctrl-C: the next process would take what nobody has tried
        shutil.rmtree(made, ignore_errors=True)
        raise


def _run(command: Sequence[str], folder: Path) -> None:
    done = subprocess.run(  # noqa: S603 - this interpreter, and the compiler that it was made by
        command, cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise _CannotBuildError(
            f"{Path(command[0]).name} failed: {said[-1] if said else done.returncode}"
        )
