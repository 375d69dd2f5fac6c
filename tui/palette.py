"""The command palette: the commands of the screen one is on, and the themes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Protocol, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.types import IgnoreReturnCallbackType

from core.text import safe_text
from tui.commands import Place, commands_at


class Themed(Protocol):
    """An application with themes to choose from."""

    @property
    def theme_names(self) -> tuple[str, ...]:
        """The themes there are."""
        ...

    def choose_theme(self, name: str) -> None:
        """Use a theme from now on, and the next time."""
        ...


class PaletteCommands(Provider):
    """Commands for Ctrl+P."""

    def _offers(self) -> Iterator[tuple[str, str, IgnoreReturnCallbackType]]:
        place = getattr(self.screen, "PLACE", Place.ANYWHERE)
        for command in commands_at(place):
            run = partial(self.app.run_action, command.target, self.screen)
            yield f"{command.label} ({command.key})", command.help, run
        themed = cast(Themed, self.app)
        for name in themed.theme_names:
            yield f"theme {safe_text(name)}", "Use this theme", partial(themed.choose_theme, name)

    async def discover(self) -> Hits:
        """Everything that can be done here."""
        for label, text, run in self._offers():
            yield DiscoveryHit(label, run, help=text)

    async def search(self, query: str) -> Hits:
        """What fits the words typed."""
        matcher = self.matcher(query)
        for label, text, run in self._offers():
            score = max(matcher.match(label), matcher.match(text) * 0.8)
            if score > 0:
                yield Hit(score, matcher.highlight(label), run, help=text)
