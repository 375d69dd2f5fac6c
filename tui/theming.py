"""Finds the themes: files in the shipped folder and in the workspace, one theme each.

A theme file is YAML: `name`, `dark`, `colors` (Textual's base colours), `variables` (the semantic
ones this program's style sheets use), and `ansi: true` where they are the terminal's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from textual.color import Color, ColorParseError
from textual.theme import BUILTIN_THEMES, Theme

from core.store.yaml_reader import YamlError, read_settings_file

COLORS = (
    "primary",
    "secondary",
    "warning",
    "error",
    "success",
    "accent",
    "foreground",
    "background",
    "surface",
    "panel",
)
VARIABLES = ("gain", "loss", "stale", "dim", "rule", "info", "cursor", "cursor-idle")
DEFAULT_THEME = "papertape-dark"
SIXTEEN_COLORS = "papertape-ansi"


class ThemeError(ValueError):
    """A theme file cannot be used; the message says where and why."""


@dataclass(frozen=True, slots=True)
class ThemeFiles:
    """What was found: themes by name, and a sentence for every file that is not one."""

    themes: dict[str, Theme]
    problems: tuple[str, ...]


def read_theme(path: Path) -> Theme:
    """The theme in a file.

    Raises:
        ThemeError: if the file cannot be read, is not YAML, lacks a colour or names an unknown one.
    """
    try:
        raw = read_settings_file(path)
    except (OSError, YamlError) as error:
        raise ThemeError(f"theme {path.name} cannot be read: {error}") from error
    if not isinstance(raw, dict):
        raise ThemeError(f"theme {path.name}: expected a mapping with name, colors and variables")
    name = raw.get("name")
    if not isinstance(name, str) or not name.strip():
        raise ThemeError(f"theme {path.name}: `name` must be a text")
    colors = _section(path, raw, "colors", COLORS)
    variables = _section(path, raw, "variables", VARIABLES)
    ansi = raw.get("ansi") is True
    shade = "light" if raw.get("dark") is False else "dark"
    return Theme(
        name=name.strip(),
        dark=shade == "dark",
        ansi=ansi,
        # The toolkit's own style sheets need some names more where colours are the terminal's.
        variables={**(BUILTIN_THEMES[f"ansi-{shade}"].variables if ansi else {}), **variables},
        luminosity_spread=0.08,
        **colors,  # type: ignore[arg-type]  # the keys are exactly COLORS
    )


def _section(
    path: Path, raw: dict[object, object], key: str, names: tuple[str, ...]
) -> dict[str, str]:
    section = raw.get(key)
    if not isinstance(section, dict):
        raise ThemeError(f"theme {path.name}: `{key}` must be a mapping of colours")
    missing = [name for name in names if name not in section]
    if missing:
        raise ThemeError(f"theme {path.name}: `{key}` lacks {', '.join(missing)}")
    unknown = [str(name) for name in section if name not in names]
    if unknown:
        raise ThemeError(
            f"theme {path.name}: `{key}` has unknown {', '.join(unknown)}; "
            f"known are {', '.join(names)}"
        )
    for name, value in section.items():
        try:
            Color.parse(str(value))
        except ColorParseError as error:
            raise ThemeError(
                f"theme {path.name}: {key}.{name} is {value!r}, expected a colour"
            ) from error
    return {str(name): str(value) for name, value in section.items()}


def problems_of(found: ThemeFiles, wanted: str | None) -> tuple[str, ...]:
    """What of the themes cannot be used; `wanted`: the one that config.yaml asks for."""
    if wanted is None or wanted in found.themes:
        return found.problems
    return (*found.problems, f"config.yaml asks for theme {wanted!r}, which is not there.")


def find_themes(folders: Iterable[Path]) -> ThemeFiles:
    """Every theme in the folders; a later one replaces an earlier one of the same name."""
    themes: dict[str, Theme] = {}
    problems: list[str] = []
    for folder in folders:
        for path in sorted(folder.glob("*.y*ml")):
            try:
                theme = read_theme(path)
            except ThemeError as error:
                problems.append(str(error))
            else:
                themes[theme.name] = theme
    return ThemeFiles(themes, tuple(problems))
