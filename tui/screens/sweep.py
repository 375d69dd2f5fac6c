"""A sweep on the screen: how far it is, its best settings in a heat map, and all in a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import isfinite
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from core.report.library import Setting
from core.report.metric_words import undefined_text
from tui import formats
from tui.commands import Place, bindings
from tui.modals.vary import RANKS, VaryForm
from tui.requests.exporting import export_sweep
from tui.requests.varying import Control, Variation, Varied
from tui.screens.base import entitle
from tui.screens.long_work import LongWorkScreen
from tui.widgets.columns import Column
from tui.widgets.heat_map import HeatCell, HeatGrid, HeatMap
from tui.widgets.line_table import LineTable
from tui.widgets.remarks import Remark, RemarkLines, Remarks
from tui.widgets.table_rows import Cell, Row
from tui.widgets.tones import Tone, tone_of

if TYPE_CHECKING:
    from core.backtest.sweep import Sweep, SweepRow
    from core.backtest.sweep_map import SweepMap
    from core.report.metrics import Metrics

_METRICS = (*RANKS.values(), "total_trades")
_WIDTHS = {"total_return_pct": 10, "win_rate_pct": 8}
# A figure of few trades is known by their number, not by wins.
_GIVES_WAY = {"win_rate_pct": 6, "total_trades": 1}
_MOST_ROWS = 2_000  # in the table; an export has all
_MOST_OF_HEIGHT = 42  # per cent, that the map takes where the table stands beneath it
_LEAST_OF_TABLE = 4  # lines: its title, its columns' names, two rows
_OTHERS = 2  # settings of a cell that it does not show, told beneath the map
_MOST_OF_WIDTH = 65  # per cent, that the map takes where its columns need it


class SweepScreen(LongWorkScreen):
    """A sweep."""

    PLACE = Place.SWEEP
    TITLE = "Sweep"
    WHAT = "sweep"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.SWEEP)

    _found: Sweep | None = None
    _sweep: Sweep | None = None  # the same, by the metric shown
    _map: SweepMap | None = None
    _warmup: int | None = None
    _best: SweepRow | None = None  # of those on the map, by the metric shown
    _own: Mapping[str, object] = MappingProxyType({})  # what the strategy is set to, by path
    _metric = ""

    def results(self) -> tuple[Widget, ...]:
        """What is to be said, the map and the table."""
        heat = Vertical(
            self.pane(HeatMap(id="sweep-map"), ""), RemarkLines(id="sweep-cells"), id="sweep-left"
        )
        # Its columns are known once there is a sweep.
        table = self.pane(LineTable((Column("", 1),), id="sweep-table"), "Settings")
        said = Remarks(RemarkLines(id="sweep-luck"), id="sweep-said")
        return said, Horizontal(heat, table, id="sweep-both")

    def run_order(self, variation: Variation) -> None:
        """See `LongWorkScreen.run_order`; what was found before is no answer to it."""
        self._found = self._sweep = self._map = None
        super().run_order(variation)

    async def work(self, control: Control) -> Varied:
        """Try every setting."""
        return await self.papertape.varying.sweep(self._order, self._variation, control)

    # ── what is shown ──

    def came(self, varied: Varied) -> None:
        """Show the map, the table, and what luck would have found."""
        from core.backtest.sweep import Sweep  # noqa: PLC0415  (numpy's room, loaded by now)

        found = varied.found
        assert isinstance(found, Sweep)
        self._found, self._warmup, self._own = found, varied.warmup, varied.own
        self._rank(found, found.sort)
        self.query_one("#sweep-map").focus()
        self.refresh_hints()

    def _rank(self, found: Sweep, metric: str) -> None:
        """Show by a metric: the best of map, table and of what is said is the same setting."""
        from core.backtest.sweep_map import (  # noqa: PLC0415
            doubt,
            luck,
            ranked,
            sweep_map,
            unfinished,
        )

        self._metric = metric
        self._sweep = sweep = found if found.sort == metric else ranked(found, metric)
        self._map = sweep_map(sweep)
        warned = filter(None, (unfinished(sweep), doubt(sweep)))
        lines = [Remark("!", told, Tone.WARNING) for told in warned]
        said, *others = luck(sweep)
        lines += [Remark("", said, Tone.PLAIN), *(Remark("", text, Tone.DIM) for text in others)]
        self.query_one("#sweep-luck", RemarkLines).show(lines)
        self._fill_table(sweep)
        self._draw_map()

    @property
    def _own_row(self) -> SweepRow | None:
        """The strategy as it is set itself, where that is among what was tried."""
        if self._sweep is None:
            return None
        wanted = [self._own.get(axis.path) for axis in self._sweep.axes]
        return next((row for row in self._sweep.rows if [*row.values] == wanted), None)

    def _draw_map(self) -> None:
        from core.backtest.sweep_map import best_row, heats, shade  # noqa: PLC0415

        shown = self._map
        if shown is None or self._sweep is None:
            return
        heat, shares = heats(shown, self._metric), shown.shares(self._metric)
        cells = tuple(
            tuple(
                HeatCell(
                    self._figure(_metrics(shown.best.get((down, across))), self._metric),
                    heat.get((down, across)),
                    shade(shares.get((down, across))),
                )
                for across in shown.columns
            )
            for down in shown.rows
        )
        self._best = best_row(self._sweep)
        places = {
            id(row): (shown.rows.index(down), shown.columns.index(across))
            for (down, across), row in shown.best.items()
        }
        place, in_use = (places.get(id(row)) for row in (self._best, self._own_row))
        down, across = formats.setting_names([shown.down, shown.across])
        grid = HeatGrid(
            down, across, tuple(map(str, shown.rows)), tuple(map(str, shown.columns)),
            cells, place, in_use,
        )  # fmt: skip
        self.query_one(HeatMap).draw(grid)
        self._give_sizes()
        self._tell_cells()

    def _tell_cells(self) -> None:
        """Say what the map shows: the best by its metric, and the setting under its cursor.

        Where other axes lie behind it, also which of their values each cell shows, and what the
        others came to.
        """
        from core.backtest.sweep_map import first_word, label  # noqa: PLC0415

        heat, best, own = self.query_one(HeatMap), self._best, self._own_row
        first = first_word(self._metric)
        most = "best" if first == "best" else "most"
        title = label(self._metric)
        if best is None:
            title += ", known of none of them; M shows another"
        elif behind := self._behind():
            title += f" · each cell the {most} of {behind}"
        entitle(heat, title)
        row = self._row_of_map(*heat.at)
        lines = [] if best is None else [self._told(f"★ {most}", best)]
        the_first = "the best" if first == "best" else f"the first by {label(self._metric)}"
        if own is not None and own is best:
            lines.append(Remark("○ own  ", the_first, Tone.PLAIN))
        elif own is not None:
            ahead = next(iter(self._cell(own)), own)
            hidden = "" if ahead is own else f"; on the map behind {self._behind(ahead)}"
            lines.append(self._told("○ own ", own, hidden))
        others = "" if row is None else self._others(row)
        if row is not None and row is best:
            lines.append(Remark("◂ here ", the_first + others, Tone.PLAIN))
        elif row is not None and row is own:
            lines.append(Remark("◂ here ", "the strategy's own" + others, Tone.PLAIN))
        elif row is not None:
            lines.append(self._told("◂ here", row, others))
        self.query_one("#sweep-cells", RemarkLines).show(lines)
        self.call_after_refresh(self._leave_rows)

    def _leave_rows(self) -> None:
        """Have the map leave room for some rows of the table, where this stands beneath it."""
        if not self.is_attached:
            return
        most = None
        if self.has_class("-narrow"):
            both, told = self.query_one("#sweep-both"), self.query_one("#sweep-cells")
            left = both.size.height - told.size.height - _LEAST_OF_TABLE
            most = min(self.size.height * _MOST_OF_HEIGHT // 100, left) - 1  # its title
        self.query_one(HeatMap).limit(most)

    def _cell(self, row: SweepRow) -> list[SweepRow]:
        """All settings of a row's cell on the map, the one that it shows first."""
        rows = () if self._sweep is None else self._sweep.rows
        return [one for one in rows if one.values[:2] == row.values[:2]]

    def _behind(self, row: SweepRow | None = None) -> str:
        """The axes that lie behind the map, with a row's values there; empty where none do."""
        if self._sweep is None:
            return ""
        names = formats.setting_names([axis.path for axis in self._sweep.axes])[2:]
        if row is None:
            return " and ".join(names)
        told = zip(names, row.values[2:], strict=True)
        return " ".join(f"{name}={formats.setting(value)}" for name, value in told)

    def _others(self, row: SweepRow) -> str:
        """What the other settings of its cell came to, as many as there is room for."""
        others = [one for one in self._cell(row) if one is not row]
        told = [
            f"{self._behind(one)} {self._figure(one.metrics, self._metric)}"
            for one in others[:_OTHERS]
        ]
        told += [f"{len(others) - _OTHERS:,} more"] * (len(others) > _OTHERS)
        return f"; {', '.join(told)}" if told else ""

    def _told(self, which: str, row: SweepRow, after: str = "") -> Remark:
        """The figure of a setting, that of what the ranking did not see, its trades, and it."""
        trades = row.metrics.total_trades
        count = f"{trades:,} trade{'s'[: trades != 1]}"
        rest = f"rest {self._figure(row.rest, self._metric)}  " if row.rest else ""
        figure = f"{which}  {self._figure(row.metrics, self._metric):>7}  {count:>11} "
        return Remark(figure, f"{rest}{self._settings_text(row)}{after}", Tone.PLAIN)

    def _give_sizes(self) -> None:
        """Give map and table what their columns need, unless sizes were chosen."""
        super()._give_sizes()
        left = self.query_one("#sweep-left")
        chosen = self.papertape.panes.get(self._layout, {})
        table = self.query_one("#sweep-table", LineTable)
        if self._map is None or self.has_class("-narrow") or "sweep-left" in chosen:
            left.styles.min_width = table.styles.min_width = None
        else:
            least = table.least_width
            table.styles.min_width = least
            most = min(self.size.width * _MOST_OF_WIDTH // 100, self.size.width - least)
            left.styles.min_width = min(self.query_one(HeatMap).wanted_width, most)

    def laid_out(self, event: events.Resize) -> None:
        """Stack map and table where there is no room side by side."""
        super().laid_out(event)
        heat = self.query_one(HeatMap)
        heat.flat = self.has_class("-narrow")
        heat.refresh(layout=True)
        self.call_after_refresh(self._leave_rows)

    @on(HeatMap.Highlighted)
    def _another_cell(self) -> None:
        self._tell_cells()

    def _fill_table(self, sweep: Sweep) -> None:
        from core.backtest.sweep_map import FIGURES, best_row, label  # noqa: PLC0415

        paths = [axis.path for axis in sweep.axes]
        named = zip(formats.setting_names(paths), sweep.axes, strict=True)
        rest, told = sweep.split_time is not None, label(sweep.sort)
        table = self.query_one("#sweep-table", LineTable)
        # What ranks stays where there is little room; the others go from the right.
        table.set_columns(
            (
                Column("", 1),  # the signs of the map
                *(setting_column(name, axis.values) for name, axis in named),
                *(
                    Column(
                        title,
                        _WIDTHS.get(name, 6),
                        "right",
                        priority=0 if name == sweep.sort else _GIVES_WAY.get(name, place),
                    )
                    for place, (name, title) in enumerate(FIGURES.items(), start=1)
                ),
                # What the ranking did not see is why one splits: it stays whatever gives way.
                *((Column(f"rest: {told}", len(f"rest: {told}"), "right"),) if rest else ()),
            )
        )
        signs = {id(self._own_row): "○", id(best_row(sweep)): "★"}
        table.set_rows(
            Row(str(number), (Cell(signs.get(id(row), "")), *self._cells(row, rest=rest)))
            for number, row in enumerate(sweep.rows[:_MOST_ROWS])
        )
        shown, tried = len(table.rows), len(sweep.rows)
        count = f"{tried:,}" if shown == tried else f"{shown:,} of {tried:,}"
        entitle(table, f"Settings by {told} · {count}")

    def _cells(self, row: SweepRow, *, rest: bool) -> tuple[Cell, ...]:
        from core.backtest.sweep import figure  # noqa: PLC0415
        from core.backtest.sweep_map import FIGURES  # noqa: PLC0415

        cells = [
            Cell(str(value), Tone.STRONG, order=value if isinstance(value, str) else float(value))
            for value in row.values
        ]
        shown: list[tuple[Metrics | None, str]] = [(row.metrics, name) for name in FIGURES]
        if rest:
            shown.append((row.rest, self._metric))
        for metrics, name in shown:
            value = None if metrics is None else figure(metrics, name)
            tone = tone_of(value) if name == "total_return_pct" else Tone.PLAIN
            cells.append(Cell(self._figure(metrics, name), tone, order=value))
        return tuple(cells)

    @staticmethod
    def _figure(metrics: Metrics | None, metric: str) -> str:
        from core.backtest.sweep import figure  # noqa: PLC0415

        value = None if metrics is None else figure(metrics, metric)
        if metrics is not None and (value is None or not isfinite(value)):
            return undefined_text(metric, {"best": metrics.best, "worst": metrics.worst})
        if metric == "total_return_pct":
            return formats.gain(value)
        if metric.endswith("_pct"):
            return (
                formats.drawdown(value) if metric == "max_drawdown_pct" else formats.percent(value)
            )
        return formats.number(value, 0 if metric == "total_trades" else 2)

    def _row_of_map(self, row: int, column: int) -> SweepRow | None:
        shown = self._map
        if shown is None:
            return None
        return shown.best.get((shown.rows[row], shown.columns[column]))

    def _settings(self, row: SweepRow) -> dict[str, Setting]:
        if self._sweep is None:
            return {}
        paths = [axis.path for axis in self._sweep.axes]
        return dict(zip(paths, row.values, strict=True))

    def _settings_text(self, row: SweepRow) -> str:
        return formats.setting_words(self._settings(row))

    # ── commands ──

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what can be done now."""
        if action == "cancel":
            return self.is_busy
        if action in ("open", "metric", "view", "export"):
            return self._sweep is not None and not self.is_busy
        return not self.is_busy if action == "again" else True

    def action_open(self) -> None:
        """Run the setting under the cursor by itself, with its orders filled as in the sweep."""
        table = self.query_one("#sweep-table", LineTable)
        if self._sweep is None:
            return
        if table.has_focus and table.cursor_key is not None:
            row: SweepRow | None = self._sweep.rows[int(table.cursor_key)]
        else:
            row = self._row_of_map(*self.query_one(HeatMap).at)
        if row is not None:
            settings = {**self._order.settings, **self._settings(row)}
            order = replace(self._order, settings=settings, fill_on="next_open")
            split = self._variation.split if row.rest else None
            self._run_setting(replace(order, warmup=self._warmup, ranked_on=split))

    @on(HeatMap.Chosen)
    @on(LineTable.Chosen, "#sweep-table")
    def _opened(self) -> None:
        self.action_open()

    def action_metric(self) -> None:
        """Rank by the next metric."""
        place = _METRICS.index(self._metric) if self._metric in _METRICS else -1
        if self._found is not None:
            self._rank(self._found, _METRICS[(place + 1) % len(_METRICS)])

    def action_view(self) -> None:
        """Go to the other of map and table, which alone is shown where there is little room."""
        self.toggle_class("-table")
        name = "sweep-table" if self.has_class("-table") else "sweep-map"
        self.query_one(f"#{name}").focus()
        self.refresh_hints()

    def action_again(self) -> None:
        """Vary something else."""

        def answered(variation: Variation | None) -> None:
            if variation is not None:
                self.run_order(variation)

        order, varying = self._order, self.papertape.varying
        form = VaryForm(
            order.name,
            order.raw,
            varying,
            self._variation,
            settings=order.settings,
            material=order.material(self.papertape.zone),
        )
        self.app.push_screen(form, answered)

    def action_export(self) -> None:
        """Write every setting into a file."""
        if self._sweep is not None:
            self.export(partial(export_sweep, self._sweep, self._order.name))


def _metrics(row: SweepRow | None) -> Metrics | None:
    return None if row is None else row.metrics


def setting_column(name: str, values: Sequence[Setting]) -> Column:
    """The column of what was varied, as wide as its name and values are."""
    width = max(len(name), *(len(str(value)) for value in values))
    return Column(name, min(max(width, 6), 16), "right", grow=max(0, min(width, 30) - 16))
