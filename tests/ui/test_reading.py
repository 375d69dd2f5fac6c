"""What is read takes its time: its page is there at once, says that, and nothing that is not so."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from core.host.link import CommandError
from tests.ui.driving import NARROW, arrived, driven, make_app, until
from tests.ui.pictures import picture
from tests.ui.scripted import ScriptedLink, session
from tests.ui.test_sessions import drawn
from tui.screens.report import ReportScreen
from tui.screens.sessions import SessionsScreen


class SlowLink(ScriptedLink):
    """A host whose report comes once it is let go on, or is refused then."""

    def __init__(self) -> None:
        super().__init__([session("k3x9a1pq", "rsi_bounce")])
        self.go_on = asyncio.Event()
        self.asked = self.answered = 0
        self.why = ""

    async def report(self, session_id: str) -> Mapping[str, object]:
        self.asked += 1
        await self.go_on.wait()
        self.answered += 1
        if self.why:
            raise CommandError(self.why)
        return await super().report(session_id)


async def test_a_report_that_is_read_says_so_and_nothing_else() -> None:
    link = SlowLink()
    app = make_app(link)
    async with driven(app, NARROW) as pilot:
        await pilot.press("r")
        await arrived(pilot, ReportScreen)
        await until(pilot, lambda: link.asked == 1)
        told = picture(app, "reading")
        assert "Reading the report of rsi_bounce (k3x9a1pq) …" in told
        for early in ("No equity curve", "No trade", "SIDE", "Trades", "RETURN", "copy", "compare"):
            assert early not in told
        await pilot.press("y")
        assert app.notes[-1].message.startswith("Reading the report of")
        link.go_on.set()
        await until(pilot, lambda: "RETURN" in drawn(app, "#result-figures"))
        told = picture(app, "read")
        assert "Reading" not in told
        assert "Trades · " in told
        assert app.focused is app.screen.query_one("#result-trades")


async def test_esc_leaves_a_report_that_is_read_and_it_does_not_come_back() -> None:
    link = SlowLink()
    app = make_app(link)
    async with driven(app, NARROW) as pilot:
        await pilot.press("r")
        await arrived(pilot, ReportScreen)
        await pilot.press("escape")
        home = await arrived(pilot, SessionsScreen)
        link.go_on.set()
        await until(pilot, lambda: link.answered == 1)
        await pilot.pause()
        assert app.screen is home
        assert not app.notes


async def test_a_report_that_cannot_be_read_says_why_in_its_place() -> None:
    link = SlowLink()
    link.why = "its journal is damaged"
    link.go_on.set()
    app = make_app(link)
    async with driven(app, NARROW) as pilot:
        await pilot.press("r")
        await arrived(pilot, ReportScreen)
        why = "There is no report to show: its journal is damaged"
        await until(pilot, lambda: why in picture(app, "damaged"))
        assert "No equity curve" not in picture(app, "damaged")
