"""The base of screens whose work takes its time: how far it is, its end, and its results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static

from core.text import safe_lines, safe_text
from tui import formats
from tui.requests.backtest import BacktestOrder, BacktestRefusedError
from tui.requests.library import OpenedResult
from tui.requests.varying import Control, Variation, Varied
from tui.screens.base import BaseScreen, write
from tui.widgets.tones import Tone, toned

if TYPE_CHECKING:
    from core.backtest.progress import Progress

_LOOK_EVERY = 0.25  # seconds
_BAR = 24  # cells
_GOES_ON = "what is finished is kept, and the same again goes on from it"


class LongWorkScreen(BaseScreen):
    """A title, a line of progress, and what came of it.

    The work goes on while another screen is shown, and ends with this one.
    """

    WHAT: ClassVar[str]
    PARTS: ClassVar[Mapping[str, str]] = {}  # of the work, in their order, with what is run in each
    AUTO_FOCUS = ""  # no key goes to a result that is not there yet

    def __init__(
        self,
        order: BacktestOrder,
        variation: Variation,
        run: Callable[[BacktestOrder], None],
        done: Varied | None = None,
        show: Callable[[OpenedResult], None] | None = None,
    ) -> None:
        """`run`: has a setting's backtest made, and shown. `done`: what came of it already.

        `show`: has a backtest that is kept shown.
        """
        super().__init__()
        self._run_setting = run
        self._show_kept = show
        self._done_before = done
        self._order = order
        self._variation = variation
        self._control: Control | None = None  # while it runs
        self._timer: Timer | None = None

    def body(self) -> ComposeResult:
        """Title and progress, then the results, hidden before there are any."""
        yield Static("", id="work-title")
        yield Static("", id="work-progress")
        for widget in self.results():
            widget.add_class("work-result")
            yield widget

    def results(self) -> tuple[Widget, ...]:
        """The widgets that show what came of it."""
        raise NotImplementedError

    async def work(self, control: Control) -> Varied:
        """Do it."""
        raise NotImplementedError

    def came(self, varied: Varied) -> None:
        """Show what came of it."""
        raise NotImplementedError

    @property
    def is_busy(self) -> bool:
        """Whether it still runs."""
        return self._control is not None

    def mounted(self) -> None:
        """Begin."""
        super().mounted()
        if self._done_before is None:
            self.run_order(self._variation)
            return
        self._show_title()
        self._say_last(_noted(self._done_before))
        self.set_class(True, "-done")
        self.came(self._done_before)

    def draw_in(self, zone: tzinfo) -> None:
        """Say in another zone whose the days of the candles are."""
        self._show_title()

    def on_unmount(self) -> None:
        """Nobody waits for it any more."""
        if self._control is not None:
            self._control.cancel.set()

    def run_order(self, variation: Variation) -> None:
        """Run it, with what is varied."""
        self._variation = variation
        self._control = Control()
        self._show_title()
        self.query_one("#work-progress").display = True
        self.set_class(False, "-done")
        self.set_focus(None)
        self._timer = self.set_interval(_LOOK_EVERY, self._look)
        self._look()
        self.app.run_worker(
            self._run(self._control), name=self.WHAT, group="varying", exit_on_error=False
        )
        self.refresh_hints()

    def _show_title(self) -> None:
        zone = self.papertape.zone
        title = work_title(self._order, self.WHAT, self._variation, zone)
        write(self.query_one("#work-title", Static), title)

    def _look(self) -> None:
        """Say how far it is; the same again repaints nothing."""
        control = self._control
        if control is None:
            return
        lines = [_bar(control), *part_lines(self.PARTS, control.progress)]
        if control.resumed:
            lines.append(Content.styled(control.resumed, Tone.DIM.css))
        lines += [Content(""), Content.styled(f"x ends the {self.WHAT}; {_GOES_ON}", Tone.DIM.css)]
        write(self.query_one("#work-progress", Static), Content("\n").join(lines))

    async def _run(self, control: Control) -> None:
        try:
            varied = await self.work(control)
        except BacktestRefusedError as error:
            self._end(control, [(line, Tone.ERROR) for line in str(error).splitlines()])
        else:
            self._order = replace(self._order, span=varied.span)  # as what is asked of it next
            self._end(control, _noted(varied))
            if self.is_attached:
                self._show_title()
                self.set_class(True, "-done")
                self.came(varied)
                if not self.is_foremost:
                    # In its own mode something lies over it, which 3 would leave together with it.
                    where = (
                        "Esc leads back to it" if self in self.app.screen_stack else "3 shows it"
                    )
                    self.papertape.say(f"{self._order.name}: the {self.WHAT} is done. {where}.")
        finally:
            # The app says what went wrong where nobody foresaw it.
            failed = f"the {self.WHAT} has failed; R begins another"
            self._end(control, [(failed, Tone.ERROR)])

    def _end(self, control: Control, lines: Sequence[tuple[str, Tone]]) -> None:
        if control is not self._control:
            return
        self._control = None
        if self._timer is not None:
            self._timer.stop()
        if self.is_attached:
            self._say_last(lines)
            self.refresh_hints()

    def _say_last(self, lines: Sequence[tuple[str, Tone]]) -> None:
        """Say what is to be known of its end, in no line where that is nothing."""
        progress = self.query_one("#work-progress", Static)
        write(progress, toned(lines))
        progress.display = bool(lines)

    def why_not(self, action: str) -> str:
        """While it runs, and where nothing came of it, no result can be shown."""
        if self.is_busy:
            return f"The {self.WHAT} still runs: x ends it."
        if action == "cancel" or self.has_class("-done"):
            return ""
        return f"The {self.WHAT} came to no result: R begins another."

    def action_cancel(self) -> None:
        """End it with what is finished."""
        if self._control is not None:
            self._control.cancel.set()
            self._look()

    def action_back(self) -> None:
        """End it with what is finished; then return."""
        if self.is_busy:
            self.action_cancel()
        else:
            self.dismiss()


def _bar(control: Control) -> Content:
    """How far it is, at what rate, and how long the rest takes."""
    progress = control.progress
    if progress is None:
        return Content.styled(safe_lines(control.told), Tone.DIM.css)
    from core.backtest.progress import progress_text  # noqa: PLC0415  (numpy's room, there now)

    filled = _BAR * progress.done // max(1, progress.total)
    ending = "ending with what is finished …" if control.cancel.is_set() else ""
    return Content.assemble(
        ("━" * filled, Tone.ACCENT.css),
        ("─" * (_BAR - filled), Tone.RULE.css),
        # The parts beneath say which is worked on.
        f"  {ending or progress_text(replace(progress, part=''))}",
    )


def part_lines(parts: Mapping[str, str], progress: Progress | None) -> Iterator[Content]:
    """The parts of some work: those that are done, the one that is worked on, those to come."""
    if not parts:
        return
    names = list(parts)
    at = names.index(progress.part) if progress and progress.part in names else 0
    width = max(map(len, names))
    yield Content("")
    for number, (name, what) in enumerate(parts.items()):
        sign = "▸" if number == at else "✓" if number < at else " "
        tone = Tone.PLAIN if number == at else Tone.DIM
        yield Content.styled(f"{sign} {name:<{width}}  {what}", tone.css)


def work_title(
    order: BacktestOrder, what: str, variation: Variation, zone: tzinfo = UTC
) -> Content:
    """What is worked on: the strategy with what was set of it, on which candles, and the axes."""
    candles = order.material(zone)
    name = " ".join(filter(None, (order.name, formats.setting_words(order.settings))))
    axes = "".join(f" · {axis}" for axis in formats.axis_words(variation.axes))
    return Content.assemble(
        (safe_text(name), "bold $foreground"),
        (f" · {what}", "$dim"),
        (safe_text(f" · {candles}" if candles else ""), "$dim"),
        (safe_text(axes), "$dim"),
    )


def _noted(varied: Varied) -> list[tuple[str, Tone]]:
    warned = [(f"! {note}", Tone.WARNING) for note in varied.notes]
    return [*warned, *([(" ".join(varied.aside), Tone.DIM)] if varied.aside else [])]
