"""The base of all widgets that draw themselves line by line, in tones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from rich.style import Style
from textual.geometry import Region, Size
from textual.screen import Screen
from textual.scroll_view import ScrollView
from textual.strip import Strip

from core.text import safe_text
from tui.widgets.tones import Tone

SHADES = 6  # of heat on either side of the middle
SHADE = 7  # per cent of the tone's colour; on the last one plain text can still be read
FAINT = 2  # shades on which text in that colour can be read too


class LineView(ScrollView):
    """A scroll view drawn by `render_line`, whose text has tones."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"line--cursor", "line--cursor-idle"}
    DEFAULT_CSS = """
    LineView {
        background: $background;
        scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 1;
        scrollbar-background: $background;
        scrollbar-background-hover: $background;
        scrollbar-background-active: $background;
        scrollbar-color: $rule;
        scrollbar-color-hover: $dim;
        scrollbar-color-active: $accent;
        overflow-x: hidden;

        & > .line--cursor { background: $cursor; }
        & > .line--cursor-idle { background: $cursor-idle; }
        &:ansi > .line--cursor { text-style: reverse; }
        &:ansi > .line--cursor-idle { text-style: bold; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name for it)
        self._toned: dict[str, Style] = {}
        self._fitted = Size()  # the size that what is shown was last fitted to
        super().__init__(id=id)

    def fit(self) -> None:
        """Lay out what is shown for the size that it has now, which is another than before."""

    def on_mount(self) -> None:
        """Look at the size after every layout.

        Textual sends neither Resize nor Show to what was refreshed while it, or what it is in, was
        hidden, and is shown again.
        """
        self.screen.screen_layout_refresh_signal.subscribe(self, self._laid_out, immediate=True)

    def _laid_out(self, _: Screen[Any]) -> None:
        if self.size != self._fitted:
            self.call_next(self.on_resize)

    def on_resize(self) -> None:
        """Fit what is shown to another size; while there is none, to that which comes."""
        if self.size != self._fitted:
            self._fitted = self.size
            if self._fitted:
                self.fit()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Its lines, fitted to its size: the first paint comes before Textual tells of that."""
        self.on_resize()
        return super().render_lines(crop)

    def copy_out(self, lines: Sequence[Sequence[str]], what: str) -> None:
        """Put lines of tab-parted cells on the clipboard, also over SSH (OSC 52), and say so."""
        text = "\n".join("\t".join(map(safe_text, cells)) for cells in lines)
        self.app.copy_to_clipboard(text)
        self.app.notify(f"{what} copied, if this terminal allows it.", markup=False)

    def notify_style_update(self) -> None:
        """Forget what the theme gave the tones."""
        self._toned.clear()
        super().notify_style_update()

    def tone(self, tone: Tone, background: str | None = None) -> Style:
        """The style of a tone, on the widget's own background or a component's."""
        if background is None:
            return self.themed(tone.css)
        behind = self.get_component_rich_style(background)
        if behind.reverse and tone is not Tone.STRONG:
            tone = Tone.PLAIN  # turned round, a colour would be a block, a short bar a full one
        over = Style(bgcolor=behind.bgcolor, reverse=behind.reverse, bold=behind.bold)
        return self.themed(tone.css) + over

    def themed(self, css: str) -> Style:
        """A style of the theme, as `Content` knows it, on the widget's own background.

        Components of the style sheet would say the same, and be looked for among all its rules
        whenever a class changes somewhere: with a dozen tones most of the time that a screen takes.
        """
        style = self._toned.get(css)
        if style is None:
            parsed = self.app.stylesheet.parse_style(css)
            style = self._toned[css] = (self.visual_style + parsed).rich_style
        return style

    @property
    def few_colours(self) -> bool:
        """Whether there are no shades: signs and glyphs say it there alone.

        Of 256 colours the nearest to some shades are one and the same, or grey, of others darker
        where they should be lighter.
        """
        app = self.app
        cube = not app.is_headless and app.console.color_system == "256"
        return cube or app.no_color or app.native_ansi_color

    def shade(self, heat: float | None, tone: Tone = Tone.PLAIN) -> Style:
        """Text on a background that says how good something is, from -1 (worst) to 1 (best).

        `tone`: of the text, where it can be read on that shade.
        """
        step = 0 if heat is None else min(SHADES, round(abs(heat) * SHADES))
        if heat is None or not step or self.few_colours:
            return self.tone(tone)
        colour = Tone.GAIN if heat > 0 else Tone.LOSS
        behind = self.themed(f"on {colour.css} {step * SHADE}%").bgcolor
        return self.tone(tone if step <= FAINT else Tone.PLAIN) + Style(bgcolor=behind)
