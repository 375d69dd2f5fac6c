"""What is told another thing while it is hidden shows that, and nothing older, when shown again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date
from typing import Any

import pytest
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widget import Widget

from core.market.candles.candle import Candle
from core.session.snapshot import Level, LogLine
from tests.ui.driving import driven, make_app, shown, until
from tests.ui.pictures import picture
from tests.ui.scripted import NOW, ScriptedLink
from tui.app import PapertapeApp
from tui.widgets.answer_list import AnswerList, AnswerRow
from tui.widgets.calendar import Calendar, DayResult
from tui.widgets.candle_chart import CandleChart
from tui.widgets.choice import Choice
from tui.widgets.columns import Column
from tui.widgets.curve_chart import Curve, CurveChart
from tui.widgets.figures import Figure, Figures
from tui.widgets.heat_map import HeatCell, HeatGrid, HeatMap
from tui.widgets.line_table import LineTable
from tui.widgets.log_pane import LogPane
from tui.widgets.remarks import Remark, RemarkLines
from tui.widgets.table_rows import Cell, Row
from tui.widgets.tones import Tone
from tui.widgets.top_bar import TopBar

DAY = 86_400_000


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of widget, and how it is told the first, second or third thing."""

    make: Callable[[], Any]
    tell: Callable[[Any, int], None]


def _curve(widget: CurveChart, n: int) -> None:
    widget.draw([Curve(((0, 100.0), (DAY, 100.0 + n * n), (2 * DAY, 90.0 + n)), Tone.GAIN)])


def _candles(widget: CandleChart, n: int) -> None:
    prices = (100.0, 100.0 + n, 103.0 - n)
    widget.draw([Candle(at * DAY, p, p + 2, p - 1, p + 1, n) for at, p in enumerate(prices)])


def _map(widget: HeatMap, n: int) -> None:
    rows, columns = tuple(map(str, range(12))), tuple(map(str, range(4)))
    cells = tuple(tuple(HeatCell(f"{n}", (at % 3) / 3) for at in range(4)) for _ in rows)
    widget.draw(HeatGrid("fast", "slow", rows, columns, cells, best=(3 * n, n)))
    widget.action_best()


def _table(widget: LineTable, n: int) -> None:
    widget.set_rows([Row(f"k{at}", (Cell(f"row {at}"), Cell(str(n)))) for at in range(12)])
    widget.move_to(f"k{3 * n}")


def _answers(widget: AnswerList, n: int) -> None:
    names = map(str, range(5))
    widget.set_answers([AnswerRow(k, k, "✓", "held", Tone.GAIN, f"said {n}") for k in names])
    widget.action_edge(-1)
    widget.action_move(n)


def _log(widget: LogPane, n: int) -> None:
    text = " ".join(f"word{n}" for _ in range(20))
    widget.add([LogLine(10 * n + at, NOW + n, Level.INFO, None, text) for at in range(9)])


def _top(widget: TopBar, n: int) -> None:
    app = widget.app
    assert isinstance(app, PapertapeApp)
    widget.show(replace(shown(app), now=NOW + n * 1_000), "", UTC)


KINDS = {
    "figures": Kind(
        Figures, lambda widget, n: widget.show((Figure("P&L", f"+{n}.00"), Figure("WIN", f"{n} %")))
    ),
    "top bar": Kind(lambda: TopBar("Sessions", "web1"), _top),
    "remarks": Kind(RemarkLines, lambda w, n: w.show([Remark("!", f"said {n}", Tone.PLAIN)])),
    "table": Kind(
        lambda: LineTable((Column("NAME", 8), Column("VALUE", 6, "right"))),
        _table,
    ),
    "curves": Kind(CurveChart, _curve),
    "candles": Kind(CandleChart, _candles),
    "heat map": Kind(HeatMap, _map),
    "calendar": Kind(
        Calendar,
        lambda w, n: w.draw({date(2025, 11, 20): DayResult(n * 1.0, n)}, date(2025, 11, 22)),
    ),
    "answers": Kind(AnswerList, _answers),
    "log": Kind(LogPane, _log),
    "choice": Kind(
        lambda: Choice(("one", "two", "six")),
        lambda w, n: setattr(w, "chosen", w.options[n - 1]),
    ),
}


class OneWidget(Screen[None]):
    """Nothing but a widget in what can be hidden."""

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self.widget = widget

    def compose(self) -> ComposeResult:
        with Vertical(id="around"):
            yield self.widget


async def _seen(pilot: Pilot[int], kind: Kind, hidden: str, resized: str) -> list[str]:
    """What stands there once it was told things, some while it, or what it is in, was hidden.

    `resized`: when the terminal gets another size: `never`, `meanwhile` or `after`.
    """
    app, widget = pilot.app, kind.make()
    widget.can_focus = False  # what is hidden loses the focus, and looks otherwise
    await pilot.resize_terminal(60, 16)
    await app.push_screen(OneWidget(widget))
    what = {"widget": widget, "around": widget.parent}.get(hidden)
    seen: list[str] = []
    for first, second in ((1, 2), (3, 1)):
        kind.tell(widget, first)
        await pilot.pause()
        if what is not None:
            what.display = False
            await until(pilot, lambda: not widget.size)
        kind.tell(widget, second)
        await pilot.pause()
        if resized == "meanwhile":
            await pilot.resize_terminal(72 - 6 * second, 20)
        if what is not None:
            what.display = True
            await until(pilot, lambda: widget.size)
        if resized == "after":
            await pilot.resize_terminal(72 - 6 * second, 20)
        await pilot.pause()
        await pilot.pause()
        seen.append(picture(app, "widget"))
    app.pop_screen()
    return seen


@pytest.mark.parametrize("kind", KINDS)
async def test_a_widget_that_was_hidden_shows_what_it_was_told_meanwhile(kind: str) -> None:
    app = make_app(ScriptedLink())
    wrong: list[tuple[str, str]] = []
    async with driven(app, (60, 16)) as pilot:
        for resized in ("never", "meanwhile", "after"):
            plain = await _seen(pilot, KINDS[kind], "nothing", resized)
            assert plain[0] != plain[1]
            for hidden in ("widget", "around"):
                if await _seen(pilot, KINDS[kind], hidden, resized) != plain:
                    wrong.append((hidden, resized))
    assert not wrong
