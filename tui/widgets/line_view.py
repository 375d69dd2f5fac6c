"""The base of all widgets that draw themselves line by line, in tones."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from textual.scroll_view import ScrollView

from core.text import safe_text
from tui.widgets.tones import Tone


class LineView(ScrollView):
    """A scroll view drawn by `render_line`, whose text has tones."""

    COMPONENT_CLASSES = {f"tone--{tone}" for tone in Tone} | {"line--cursor", "line--cursor-idle"}
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

        & > .tone--plain { color: $foreground; }
        & > .tone--strong { color: $foreground; text-style: bold; }
        & > .tone--dim { color: $dim; }
        & > .tone--gain { color: $gain; }
        & > .tone--loss { color: $loss; }
        & > .tone--stale { color: $stale; text-style: italic; }
        & > .tone--accent { color: $accent; }
        & > .tone--info { color: $info; }
        & > .tone--warning { color: $warning; }
        & > .tone--error { color: $error; text-style: bold; }
        & > .tone--rule { color: $rule; }
        & > .line--cursor { background: $cursor; }
        & > .line--cursor-idle { background: $cursor-idle; }
        &:ansi > .line--cursor { text-style: reverse; }
        &:ansi > .line--cursor-idle { text-style: bold; }
    }
    """

    def copy_out(self, lines: Sequence[Sequence[str]], what: str) -> None:
        """Put lines of tab-parted cells on the clipboard, also over SSH (OSC 52), and say so."""
        text = "\n".join("\t".join(map(safe_text, cells)) for cells in lines)
        self.app.copy_to_clipboard(text)
        self.app.notify(f"{what} copied, if this terminal allows it.", markup=False)

    def tone(self, tone: Tone, background: str | None = None) -> Style:
        """The style of a tone, on the widget's own background or a component's."""
        style = self.get_component_rich_style(f"tone--{tone}")
        if background is not None:
            behind = self.get_component_rich_style(background)
            if behind.reverse and tone in (Tone.DIM, Tone.RULE):
                # Turned round, a dim text would be a grey block.
                style = self.get_component_rich_style(f"tone--{Tone.PLAIN}")
            style += Style(bgcolor=behind.bgcolor, reverse=behind.reverse, bold=behind.bold)
        return style
