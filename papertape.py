"""The program: makes sure of what it imports, then runs the command line.

Papertape's packages are called `core` and `tui`, as others' may be. The folder a program is started
in is anybody's, and an empty or relative entry of `$PYTHONPATH` would have Python import from it.
Only the standard library is imported before both have been looked at.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

_PACKAGES = ("core", "tui")


def main() -> int:
    """Run one command and return its exit code."""
    leave_folder_out()
    if (strange := strange_package()) is not None:
        print(f"papertape: {strange}", file=sys.stderr)  # noqa: T201  what prints is not safe yet
        return 1
    from tui.cli.main import main as run  # noqa: PLC0415

    return run()


def leave_folder_out() -> None:
    """Import nothing from where the program stands, and let no child do so either.

    Python itself puts that folder in front for `-m` without `-P`.
    """
    told = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    mine = str(Path(__file__).parent)
    kept = [path for path in told if Path(path).is_absolute()]
    dropped = {str(Path.cwd() / path) for path in told if not Path(path).is_absolute()}
    if told in ([""], kept) or mine in dropped - set(kept):
        return  # in a checkout that is on the path as the folder it is
    os.environ["PYTHONPATH"] = os.pathsep.join(kept)
    sys.path[:] = [path for path in sys.path if path in kept or path not in dropped]


def strange_package() -> str | None:
    """What is wrong where another package stands before one of this program's; runs none of it."""
    mine = Path(__file__).resolve().parent
    for name in _PACKAGES:
        found = importlib.util.find_spec(name)
        places = (
            [] if found is None else [*(found.submodule_search_locations or [str(found.origin)])]
        )
        if not places or Path(places[0]).resolve().parent != mine:
            where = ", ".join(places) or "nowhere"
            return (
                f"the package `{name}` is found at {where}, not beside this program in {mine}: "
                "another one of that name stands before it, by $PYTHONPATH or in this environment; "
                "run Papertape in an environment of its own"
            )
    return None


if __name__ == "__main__":
    sys.exit(main())
