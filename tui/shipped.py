"""Finds the files that come with the program, in a checkout and in an installed wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def shipped(name: str) -> Path:
    """The shipped folder of that name (`themes`, `sample_strategies`).

    A wheel carries it inside the package, a checkout beside it.

    Raises:
        FileNotFoundError: if the installation lacks it.
    """
    for candidate in (_PACKAGE / "_shipped" / name, _PACKAGE.parent / name):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(
        f"the shipped folder {name!r} is neither in {_PACKAGE / '_shipped'} nor in "
        f"{_PACKAGE.parent}: the installation is incomplete, install papertape again"
    )
