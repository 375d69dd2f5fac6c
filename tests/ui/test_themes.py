"""Themes are files, complete, and readable."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from textual.color import Color
from textual.command import CommandList
from textual.theme import Theme
from textual.widget import Widget

from tests.ui.driving import driven, make_app, until
from tests.ui.scripted import busy
from tui.shipped import shipped
from tui.theming import DEFAULT_THEME, SIXTEEN_COLORS, ThemeError, find_themes, read_theme
from tui.widgets.line_table import LineTable
from tui.widgets.line_view import FAINT, SHADE, SHADES

SHIPPED = find_themes([shipped("themes")])


def test_the_shipped_themes_are_dark_light_and_clear() -> None:
    assert set(SHIPPED.themes) == {
        "papertape-dark",
        "papertape-light",
        "papertape-clear",
        "papertape-ansi",
        "papertape-ansi-light",
    }
    assert SHIPPED.problems == ()
    assert {t.dark for t in SHIPPED.themes.values()} == {True, False}


OWN_COLORS = [theme for theme in SHIPPED.themes.values() if not theme.ansi]


@pytest.mark.parametrize("theme", OWN_COLORS, ids=lambda theme: theme.name)
def test_every_text_can_be_read_on_every_background(theme: Theme) -> None:
    texts = {
        "foreground": theme.foreground,
        "accent": theme.accent,
        "warning": theme.warning,
        "error": theme.error,
        "success": theme.success,
    } | {name: theme.variables[name] for name in ("gain", "loss", "stale", "dim", "info")}
    backgrounds = {"background": theme.background, "surface": theme.surface} | {
        name: theme.variables[name] for name in ("cursor", "cursor-idle")
    }
    for background_name, background in backgrounds.items():
        for name, text in texts.items():
            assert text is not None
            assert background is not None
            contrast = contrast_of(text, background)
            assert contrast >= 4.5, f"{name} on {background_name}: {contrast:.2f}"


@pytest.mark.parametrize("theme", OWN_COLORS, ids=lambda theme: theme.name)
def test_figures_can_be_read_on_every_shade(theme: Theme) -> None:
    assert theme.background is not None
    assert theme.foreground is not None
    for name in ("gain", "loss"):
        colour = theme.variables[name]
        for step in range(1, SHADES + 1):
            mixed = Color.parse(theme.background).blend(Color.parse(colour), step * SHADE / 100)
            for text in (theme.foreground, *[colour] * (step <= FAINT)):
                contrast = contrast_of(text, mixed.hex)
                assert contrast >= 4.5, f"{text} on shade {step} of {name}: {contrast:.2f}"


XTERM = {
    "ansi_red": "#cd0000", "ansi_green": "#00cd00", "ansi_yellow": "#cdcd00",
    "ansi_blue": "#0000ee", "ansi_magenta": "#cd00cd", "ansi_cyan": "#00cdcd",
    "ansi_bright_black": "#7f7f7f", "ansi_bright_red": "#ff0000",
}  # fmt: skip
"""Of the sixteen colours those that themes use, as xterm has them."""


@pytest.mark.parametrize("name", ["papertape-ansi", "papertape-ansi-light"])
def test_of_sixteen_colours_those_are_used_that_can_be_read(name: str) -> None:
    theme = SHIPPED.themes[name]
    background = "#000000" if theme.dark else "#ffffff"
    texts = {theme.accent, theme.warning, theme.error}
    texts |= {theme.variables[one] for one in ("gain", "loss", "stale", "dim", "info")}
    for text in texts:
        assert text is not None
        assert contrast_of(XTERM[text], background) >= 4.0, text
    assert theme.variables["gain"] != theme.variables["loss"]


def contrast_of(text: str, background: str) -> float:
    """The contrast ratio of WCAG 2.1."""

    def luminance(colour: str) -> float:
        channels = [channel / 255 for channel in Color.parse(colour).rgb]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(text), luminance(background)), reverse=True)
    return (high + 0.05) / (low + 0.05)


THEME = (shipped("themes") / "papertape-dark.yaml").read_text()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[", "cannot be read"),
        ("- a list", "expected a mapping"),
        (THEME.replace("name: papertape-dark", "name: 7"), "`name` must be a text"),
        (THEME.replace('  primary: "#d3a550"\n', ""), "`colors` lacks primary"),
        (THEME.replace('gain: "#7fc793"', "gain: shiny"), "variables.gain is 'shiny'"),
        (THEME.replace("variables:", "variables:\n  glow: red"), "unknown glow"),
    ],
)
def test_a_broken_theme_is_refused_with_a_reason(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ThemeError, match=r"mine\.yaml") as refusal:
        read_theme(path)
    assert complaint in str(refusal.value)


async def test_a_theme_of_the_workspace_is_found_and_a_broken_one_is_told(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(THEME.replace("papertape-dark", "mine"))
    (tmp_path / "bad.yaml").write_text("[")
    found = find_themes([shipped("themes"), tmp_path])
    assert "mine" in found.themes
    assert len(found.problems) == 1


async def test_t_goes_through_the_themes() -> None:
    app = make_app(busy())
    async with driven(app) as pilot:
        seen = [app.theme]
        for _ in SHIPPED.themes:
            await pilot.press("t")
            seen.append(app.theme)
        assert seen[0] == seen[-1] == DEFAULT_THEME
        assert set(seen) == set(SHIPPED.themes)


async def test_styles_are_parsed_once_for_each_theme() -> None:
    app = make_app(busy())
    async with driven(app) as pilot:
        theme, parsed, colour = app.theme, app.stylesheet.rules[0], app.screen.styles.background
        await pilot.press("4")
        await until(pilot, lambda: app.current_mode == "compare")
        assert app.stylesheet.rules[0] is parsed
        assert app.screen.styles.background == colour
        app.theme = "papertape-light"
        await until(pilot, lambda: app.screen.styles.background != colour)
        assert app.stylesheet.rules[0] is not parsed
        app.theme = theme
        await until(pilot, lambda: app.screen.styles.background == colour)
        assert app.stylesheet.rules[0] is parsed


async def test_a_screen_that_is_opened_first_styles_no_other_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = make_app(busy())
    async with driven(app) as pilot:
        dark = app.screen.styles.background
        app.theme = "papertape-light"
        await until(pilot, lambda: app.screen.styles.background != dark)
        light = app.screen.styles.background
        styled: list[object] = []
        monkeypatch.setattr(app, "refresh_css", styled.append)
        await pilot.press("4")
        await until(pilot, lambda: app.current_mode == "compare" and app.screen.is_mounted)
        assert styled == []
        assert app.screen.styles.background == light


async def test_of_sixteen_colours_a_row_turned_round_is_of_one_look() -> None:
    app = make_app(busy())
    async with driven(app) as pilot:
        app.theme = SIXTEEN_COLORS
        await pilot.pause()
        table = app.screen.query_one("#sessions", LineTable)
        assert table.has_focus
        own, other = (
            {one.style.color for one in table.render_line(y) if one.style and not one.style.bold}
            for y in (1, 2)
        )
        assert len(own) == 1 < len(other)
        await pilot.press("n")
        await until(pilot, lambda: bool(app.screen.query("#balance")))
        field = app.screen.query_one("#balance")
        assert not field.get_component_rich_style("input--placeholder").dim
        await pilot.press("escape", "ctrl+p")
        await until(pilot, lambda: bool(app.screen.query(CommandList)))
        listed = app.screen.query_one(CommandList)
        await until(pilot, lambda: listed.option_count)
        assert "$dim" not in repr(listed.get_option_at_index(0).prompt)


async def test_without_colours_the_terminals_own_stay_legible(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = make_app(busy())
    async with driven(app) as pilot:
        app.theme = SIXTEEN_COLORS
        await pilot.pause()
        styles = [
            segment.style
            for widget in app.screen.walk_children(Widget)
            for strip in widget.render_lines(widget.size.region)
            for segment in strip
            if segment.style is not None and segment.text.strip()
        ]
        assert styles
        assert {style.color.name for style in styles if style.color} == {"default"}


def test_no_colour_is_written_in_code() -> None:
    root = Path(__file__).parents[2] / "tui"
    for path in [*root.rglob("*.py"), *root.rglob("*.tcss")]:
        found = re.findall(r"[\"'\s]#[0-9a-fA-F]{6}\b", path.read_text())
        assert not found, f"{path.name}: {found}"
