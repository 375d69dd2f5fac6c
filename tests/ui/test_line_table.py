"""The live table: it repaints little, keeps its cursor and marks, and gives up no row."""

from __future__ import annotations

from dataclasses import replace

from textual.app import ComposeResult
from textual.screen import Screen
from textual.strip import Strip

from tests.ui.driving import driven, make_app
from tests.ui.scripted import ScriptedHosting, ScriptedLink, session
from tui.app import PapertapeApp
from tui.widgets.columns import Column
from tui.widgets.line_table import LineTable
from tui.widgets.table_rows import Cell, Row

COLUMNS = (
    Column("NAME", 8),
    Column("SPARE", 10, priority=2),
    Column("VALUE", 6, "right"),
    Column("MORE", 12, priority=1),
)


class CountingTable(LineTable):
    """Counts the lines it is asked to draw anew."""

    drawn: list[int]

    def render_line(self, y: int) -> Strip:
        self.drawn.append(y)
        return super().render_line(y)


class TableScreen(Screen[None]):
    """Nothing but a table."""

    def __init__(self, table: LineTable) -> None:
        super().__init__()
        self.table = table

    def compose(self) -> ComposeResult:
        yield self.table


class TableApp(PapertapeApp):
    """The app, for its themes, with nothing but a table on it."""

    DEFAULT_MODE = "table"

    def __init__(
        self, rows: list[Row], *, follows: bool = False, columns: tuple[Column, ...] = COLUMNS
    ) -> None:
        hosting = ScriptedHosting(ScriptedLink())
        super().__init__(hosting, list, host_name="x", poll_every=3_600)
        self.table = CountingTable(columns, marks=True, follows=follows)
        self.table.drawn = []
        self.table.set_rows(rows)
        self.add_mode("table", lambda: TableScreen(self.table))


def rows(*values: int, tail: str = "") -> list[Row]:
    return [
        Row(
            f"k{n}",
            (
                Cell(f"row {n}{tail}"),
                Cell("spare"),
                Cell(str(value), order=value),
                Cell("more"),
            ),
        )
        for n, value in enumerate(values)
    ]


def text(table: LineTable, y: int) -> str:
    return table.render_line(y).text.rstrip()


async def test_only_lines_that_differ_are_repainted() -> None:
    app = TableApp(rows(*range(10)))
    async with app.run_test(size=(60, 20)) as pilot:
        await pilot.pause()
        app.table.drawn.clear()
        app.table.set_rows(rows(0, 1, 2, 99, 4, 5, 6, 98, 8, 9))
        await pilot.pause()
        assert sorted(set(app.table.drawn)) == [4, 8]
        app.table.drawn.clear()
        app.table.set_rows(rows(0, 1, 2, 99, 4, 5, 6, 98, 8, 9))
        await pilot.pause()
        assert app.table.drawn == []


async def test_the_cursor_stays_with_its_row() -> None:
    app = TableApp(rows(*range(6)))
    async with app.run_test(size=(60, 20)) as pilot:
        app.table.focus()
        await pilot.press("j", "j", "j")
        assert app.table.cursor_key == "k3"
        app.table.set_rows(list(reversed(rows(*range(6)))))
        await pilot.pause()
        assert app.table.cursor_key == "k3"
        assert text(app.table, 3).startswith("▌ row 3")
        app.table.set_rows([row for row in rows(*range(6)) if row.key != "k3"])
        await pilot.pause()
        assert app.table.cursor_key == "k2", "the one now in its place"
        app.table.set_rows([])
        await pilot.pause()
        assert app.table.cursor_key is None


async def test_a_cursor_that_follows_stays_on_the_first_row_until_it_is_moved() -> None:
    newest_first = rows(*range(6))[::-1]
    app = TableApp(newest_first[3:], follows=True)
    async with app.run_test(size=(60, 20)) as pilot:
        app.table.focus()
        app.table.set_rows(newest_first[2:])
        await pilot.pause()
        assert app.table.cursor_key == "k3", "the newest by now"
        assert text(app.table, 1).startswith("▌ row 3")
        await pilot.press("j")
        app.table.set_rows(newest_first)
        await pilot.pause()
        assert app.table.cursor_key == "k2", "the one it was moved to"


async def test_a_sorted_table_follows_no_newest_row() -> None:
    newest_first = rows(*range(6))[::-1]
    app = TableApp(newest_first[3:], follows=True)
    async with app.run_test(size=(60, 20)) as pilot:
        app.table.focus()
        app.table.order_by("NAME", descending=True)
        await pilot.pause()
        assert app.table.cursor_key == "k2"
        app.table.set_rows(newest_first)
        await pilot.pause()
        assert app.table.cursor_key == "k2", "the one that is looked at"


async def test_narrow_tables_drop_columns_and_never_rows() -> None:
    app = TableApp(rows(*range(5)))
    async with app.run_test(size=(60, 20)) as pilot:
        await pilot.pause()
        assert text(app.table, 0).split() == ["NAME", "SPARE", "VALUE", "MORE"]
        await pilot.resize_terminal(36, 20)
        await pilot.pause()
        assert text(app.table, 0).split() == ["NAME", "VALUE", "MORE"]
        await pilot.resize_terminal(22, 20)
        await pilot.pause()
        assert text(app.table, 0).split() == ["NAME", "VALUE"]
        assert [text(app.table, y).strip("▌ ").split() for y in range(1, 6)] == [
            ["row", str(n), str(n)] for n in range(5)
        ]


async def test_sorting_by_keys_and_back_to_the_order_given() -> None:
    app = TableApp(rows(5, 3, 9))
    async with app.run_test(size=(36, 20)) as pilot:
        app.table.focus()
        await pilot.press("o", "o")
        assert [row.key for row in app.table.rows] == ["k1", "k0", "k2"]
        await pilot.press("O")
        assert [row.key for row in app.table.rows] == ["k2", "k0", "k1"]
        app.table.set_rows(rows(5, 99, 9))
        await pilot.pause()
        assert [row.key for row in app.table.rows] == ["k1", "k2", "k0"]
        await pilot.press("o", "o")
        assert [row.key for row in app.table.rows] == ["k0", "k1", "k2"]


async def test_the_name_of_the_column_sorted_by_is_whole() -> None:
    narrow = (Column("NAME", 4), Column("SPARE", 5), Column("VALUE", 5, "right"))
    app = TableApp(rows(2, 1), columns=narrow)
    async with app.run_test(size=(40, 12)) as pilot:
        app.table.focus()
        plain = text(app.table, 0)
        for label in ("NAME", "SPARE", "VALUE"):
            await pilot.press("o")
            head = text(app.table, 0)
            assert f"{label}▴" in head, "with its arrow"
            assert head.replace("▴", "").split() == plain.split()
        assert head.index("VALUE▴") == plain.index("VALUE") - 1, "it ends where its figures do"


async def test_columns_of_other_widths_leave_cursor_marks_and_order() -> None:
    app = TableApp(rows(5, 3, 9))
    async with app.run_test(size=(60, 20)) as pilot:
        app.table.focus()
        app.table.order_by("VALUE")
        await pilot.press("j", "space")
        wider = [replace(one, width=9) if one.label == "VALUE" else one for one in COLUMNS]
        app.table.take_columns(wider)
        app.table.set_rows(rows(5, 300, 9))
        assert [row.key for row in app.table.rows] == ["k0", "k2", "k1"]
        assert (app.table.cursor_key, app.table.marked) == ("k2", ("k2",))
        assert text(app.table, 0).index("VALUE") == text(app.table, 1).index("5") - 5
        app.table.take_columns(COLUMNS[:3])
        assert app.table.rows == ()


async def test_rows_whose_order_says_something_are_not_sorted() -> None:
    app = TableApp(rows(5, 3, 9))
    async with app.run_test(size=(36, 20)) as pilot:
        app.table.sorts = False
        app.table.focus()
        await pilot.press("o", "O")
        await pilot.click(app.table, offset=(4, 0))
        assert app.table.order == (None, False)
        assert [row.key for row in app.table.rows] == ["k0", "k1", "k2"]


async def test_marks_belong_to_keys() -> None:
    app = TableApp(rows(*range(4)))
    async with app.run_test(size=(60, 20)) as pilot:
        app.table.focus()
        await pilot.press("space", "space")
        marked = [app.table.marked]
        app.table.set_rows([row for row in rows(*range(4)) if row.key != "k0"])
        await pilot.pause()
        marked.append(app.table.marked)
        assert marked == [("k0", "k1"), ("k1",)]
        assert text(app.table, 1).startswith(" •row 1")


async def test_long_lists_scroll_with_the_cursor() -> None:
    app = TableApp(rows(*range(100)))
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.focus()
        await pilot.press("G")
        assert app.table.cursor_key == "k99"
        assert "row 99" in text(app.table, app.table.size.height - 1)
        await pilot.press("g", "pagedown", "k")
        assert app.table.cursor_key == "k9"
        assert "NAME" in text(app.table, 0), "the heading stays"


async def test_the_cursors_row_is_in_view_when_rows_came_while_another_screen_was_shown() -> None:
    app = TableApp(rows(0, 1))
    async with driven(app, (40, 6)) as pilot:
        await app.push_screen(Screen())
        await pilot.pause()
        app.table.set_rows(rows(*range(30)))
        app.table.move_to("k20")
        await pilot.pause()
        await app.pop_screen()
        await pilot.pause()
        assert "row 20" in [text(app.table, y).strip("▌ ")[:6] for y in range(6)]


async def test_a_click_selects_and_a_heading_sorts() -> None:
    app = TableApp(rows(5, 3, 9))
    async with app.run_test(size=(60, 12)) as pilot:
        await pilot.click(CountingTable, offset=(10, 3))
        assert app.table.cursor_key == "k2"
        await pilot.click(CountingTable, offset=(26, 0))
        assert [row.key for row in app.table.rows] == ["k1", "k0", "k2"]


async def test_wide_characters_keep_the_columns_in_line() -> None:
    app = TableApp([Row("a", (Cell("日本語日本語"), Cell("x"), Cell("7"), Cell("y")))])
    async with app.run_test(size=(60, 12)) as pilot:
        await pilot.pause()
        strip = app.table.render_line(1)
        assert strip.cell_length == app.table.size.width
        assert "日本語 …" in strip.text


async def test_the_table_on_the_sessions_screen_repaints_one_line_for_one_session() -> None:
    link = ScriptedLink([session(f"s{n:07d}", f"strategy_{n}") for n in range(12)])
    app = make_app(link)
    async with driven(app) as pilot:
        table = app.screen.query_one("#sessions", LineTable)
        lines = range(1, len(table.rows) + 1)  # below the header
        before = [table.render_line(line) for line in lines]
        link.change("s0000005", equity=10_250.0, unrealized_pnl=250.0)
        app.poll()
        await pilot.pause()
        after = [table.render_line(line) for line in lines]
        drawn = [old is not new for old, new in zip(before, after, strict=True)]
        assert [row.key for row, anew in zip(table.rows, drawn, strict=True) if anew] == [
            "s0000005"
        ]


async def test_marks_of_gains_stand_in_one_column() -> None:
    def of(*texts: str) -> list[Row]:
        return [Row(f"k{n}", (Cell("x"), Cell(text))) for n, text in enumerate(texts)]

    table = LineTable((Column("NAME", 6), Column("P&L", 12, "right")))
    app = make_app(ScriptedLink())
    async with driven(app, (80, 24)) as pilot:
        app.push_screen(TableScreen(table))
        await pilot.pause()
        table.set_rows(of("▲ +9.50", "–", "▼ -57.59"))
        await pilot.pause()
        lines = [text(table, line) for line in (1, 2, 3)]
        assert [line[10:] for line in lines] == [
            line.rjust(12) for line in ("▲  +9.50", "–", "▼ -57.59")
        ]
        before = [table.render_line(line) for line in (1, 2, 3)]
        table.set_rows(of("▲ +9.50", "–", "▼ -1,057.59"))
        await pilot.pause()
        assert text(table, 1).endswith("▲     +9.50"), "it goes with the widest"
        assert table.render_line(2) is before[1], "what has no mark is not drawn again"
