"""What do widgets share that draw themselves line by line? Tones, and the look of lines."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from rich.style import Style
from textual.content import Content
from textual.scroll_view import ScrollView

from core.text import safe_text


class Tone(StrEnum):
    """What a piece of text means; the theme says how that looks."""

    PLAIN = "plain"
    STRONG = "strong"
    DIM = "dim"
    GAIN = "gain"
    LOSS = "loss"
    STALE = "stale"
    ACCENT = "accent"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    RULE = "rule"

    @property
    def css(self) -> str:
        """The tone as a style for `Content`."""
        return _CSS[self]


_CSS = {
    Tone.PLAIN: "$foreground",
    Tone.STRONG: "bold $foreground",
    Tone.DIM: "$dim",
    Tone.GAIN: "$gain",
    Tone.LOSS: "$loss",
    Tone.STALE: "$stale",
    Tone.ACCENT: "$accent",
    Tone.INFO: "$info",
    Tone.WARNING: "$warning",
    Tone.ERROR: "$error",
    Tone.RULE: "$rule",
}


def tone_of(value: float | None) -> Tone:
    """The tone of a gain or loss, as it is shown with two decimals."""
    if value is None:
        return Tone.DIM
    rounded = round(value, 2)
    return Tone.GAIN if rounded > 0 else Tone.LOSS if rounded < 0 else Tone.DIM


def toned(lines: Iterable[tuple[str, Tone]]) -> Content:
    """Lines of text, shown literally, each in its tone."""
    return Content("\n").join(Content.styled(safe_text(text), tone.css) for text, tone in lines)


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
