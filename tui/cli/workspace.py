"""The commands about the workspace itself: init, paths, themes, keys."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tui.cli.commands import Arguments, Commands
from tui.cli.output import Exit, Refusal, complain, print_json, print_text, refusing, table

if TYPE_CHECKING:
    from core.store.workspace import Workspace

_DOCUMENT = "STRATEGY.md"


def add_commands(commands: Commands) -> None:
    """Declare this group."""
    commands.group("Workspace")
    commands.add(
        "init",
        init,
        "make the workspace, with the sample strategies in it",
        more="Strategies that are already there stay as they are.",
    )
    commands.add("paths", paths, "where everything is kept")
    commands.add("themes", themes, "the colour themes, and where to put your own")
    commands.add("keys", keys, "every key of the screen")


def workspace_of(arguments: Arguments) -> Workspace:
    """The workspace that the arguments and the environment name. Nothing is made or read."""
    from core.store.workspace import WorkspaceError, locate_workspace

    with refusing(WorkspaceError):
        return locate_workspace(arguments.workspace, os.environ)


def existing_workspace(arguments: Arguments) -> Workspace:
    """The same, which must be there where it was named.

    The usual one may be missing: nothing has been done in it yet.
    """
    workspace = workspace_of(arguments)
    if is_to_be_made(arguments, workspace):
        raise Refusal(
            f"there is no workspace {workspace.root}: papertape init makes one",
            Exit.NOTHING_FOUND,
        )
    return workspace


def is_named(arguments: Arguments) -> bool:
    """Whether it is not the usual workspace but one that was named, and may be mistyped."""
    from core.store.workspace import ENVIRONMENT_VARIABLE

    return bool(arguments.workspace or os.environ.get(ENVIRONMENT_VARIABLE))


def is_to_be_made(arguments: Arguments, workspace: Workspace) -> bool:
    """Whether a workspace that was named is not there yet, so that who mistyped it should know."""
    return is_named(arguments) and not workspace.root.exists()


def prepared_workspace(arguments: Arguments, *, asked_for: bool = False) -> Workspace:
    """The same, its folders made; that it is new is told, unless just that was `asked_for`."""
    from core.store.workspace import WorkspaceError

    workspace = workspace_of(arguments)
    is_new = is_to_be_made(arguments, workspace)
    with refusing(WorkspaceError):
        complain(*workspace.prepare())
    if is_new and not asked_for:
        complain(f"papertape: {workspace.root} is a new workspace, made just now")
    return workspace


def init(arguments: Arguments) -> int:
    """Make the workspace and copy the samples that it lacks."""
    from core.store.durable import remove_leftovers
    from tui.shipped import shipped

    workspace = prepared_workspace(arguments, asked_for=True)
    done: dict[str, list[str]] = {"added": [], "kept": [], "repaired": []}
    with refusing(FileNotFoundError, code=Exit.FAILED):
        samples = sorted(path for path in shipped("sample_strategies").iterdir() if path.is_dir())
    remove_leftovers(workspace.strategies)
    for sample in samples:
        target = workspace.strategies / sample.name
        try:
            done[_put(sample, target)].append(sample.name)
        except OSError as error:
            raise Refusal(f"{target} cannot be written ({error.strerror})") from error
    if arguments.json:
        print_json({"workspace": str(workspace.root), **done})
    else:
        print_text(f"workspace {workspace.root}")
        print_text(*(f"  added    {name}" for name in done["added"]))
        print_text(*(f"  repaired {name}" for name in done["repaired"]))
        print_text(*(f"  as it is {name}" for name in done["kept"]))
        print_text("next: papertape backtest NAME --data FILE, or papertape start NAME")
    return Exit.DONE


def _put(sample: Path, target: Path) -> str:
    """Have a sample strategy at `target`; returns what that took.

    A folder appears whole or not at all. One without its document, or with an empty one, is what
    an interrupted copy leaves.
    """
    from core.store.durable import OsDisk, new_folder, write_durably

    files = [path for path in sample.rglob("*") if path.is_file()]
    if not os.path.lexists(target):
        with new_folder(target) as folder:
            for path in files:
                place = folder / path.relative_to(sample)
                place.parent.mkdir(parents=True, exist_ok=True)
                write_durably(place, path.read_bytes(), OsDisk())
        return "added"
    lacking = [path for path in files if not _is_filled(target / path.relative_to(sample))]
    if target.is_symlink() or not any(path.name == _DOCUMENT for path in lacking):
        return "kept"
    for path in lacking:
        place = target / path.relative_to(sample)
        place.parent.mkdir(parents=True, exist_ok=True)
        write_durably(place, path.read_bytes(), OsDisk())
    return "repaired"


def _is_filled(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def paths(arguments: Arguments) -> int:
    """Say where everything is."""
    from tui.requests.settings_files import named_places

    places = named_places(workspace_of(arguments))
    if arguments.json:
        print_json({name.replace(" ", "_"): str(path) for name, path in places.items()})
    else:
        print_text(
            *(
                f"{name:<20}{path}{'' if path.exists() else '   (not there)'}"
                for name, path in places.items()
            )
        )
    return Exit.DONE


def themes(arguments: Arguments) -> int:
    """List the themes, shipped and own."""
    from tui.shipped import shipped
    from tui.theming import find_themes

    own = workspace_of(arguments).root / "themes"
    found = find_themes([shipped("themes"), own])
    if arguments.json:
        print_json(
            {
                "themes": [
                    {"name": name, "dark": theme.dark} for name, theme in found.themes.items()
                ],
                "problems": list(found.problems),
                "folder": str(own),
            }
        )
    else:
        grounds = [
            (name, "dark" if theme.dark else "light") for name, theme in found.themes.items()
        ]
        print_text(
            *table(("theme", "ground"), grounds),
            *found.problems,
            f"your own go into {own}: copy one of {shipped('themes')} and change it",
        )
    return Exit.DONE


def keys(arguments: Arguments) -> int:
    """List every key of the screen, the user's own in place of the usual ones."""
    from tui.commands import COMMANDS
    from tui.keymap import checked_keymap, shown_key
    from tui.requests.settings_files import read_appearance

    appearance = read_appearance(workspace_of(arguments))
    mine, problems = checked_keymap(appearance.keymap)
    for problem in (*appearance.problems, *problems):
        complain(problem)
    if arguments.json:
        print_json(
            [
                {
                    "id": command.id,
                    "place": str(command.place),
                    "keys": mine.get(command.id, command.keys).split(","),
                    "label": command.label,
                    "help": command.help,
                }
                for command in COMMANDS
            ]
        )
    else:
        rows = [(str(one.place), shown_key(one, mine), one.id, one.help) for one in COMMANDS]
        print_text(*table(("where", "key", "id", "what it does"), rows))
    return Exit.DONE
