"""The screen of settings: keys, notifications, theme and time zone, changed in place."""

from __future__ import annotations

import asyncio
from datetime import UTC
from pathlib import Path
from typing import ClassVar
from zoneinfo import available_timezones

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from core.session.snapshot import HostSnapshot
from core.store.credentials import ApiKey
from core.store.yaml_reader import SettingsError
from core.text import safe_text
from tui import formats
from tui.commands import COMMANDS, Command, Place, bindings
from tui.keymap import key_problem, shown_key
from tui.modals.key import KeyForm
from tui.modals.name import AskName
from tui.modals.pick import Pick
from tui.requests.settings_files import Settings
from tui.screens.base import BaseScreen, entitle, write
from tui.shell import OfferedAnswer
from tui.widgets.columns import Column
from tui.widgets.line_table import LineTable
from tui.widgets.table_rows import Cell, Row
from tui.widgets.tones import Tone

_COLUMNS = (
    Column("SETTING", 17, grow=6),
    Column("VALUE", 24, grow=4),
    Column("", 16, grow=50, priority=1),
)
_FILE_COLUMNS = (
    Column("WHAT", 18),
    Column("WHERE", 40, grow=120, middle=True),  # a path's end tells most
    Column("", 9, priority=1),
)
_VENUES = {
    "binance_testnet": (
        "Testnet keys",
        "Binance Spot Testnet: make a key at testnet.binance.vision (log in with GitHub, “Generate "
        "HMAC-SHA-256 Key”). Keys of the futures testnet go here too. A key of the real exchange "
        "does not work there, and nothing is ever sent to the real exchange.",
    ),
    "binance_demo": (
        "Demo keys",
        "Binance Demo: make a key at demo.binance.com, under API Management. Orders for perpetuals "
        "go there first, spot orders to the testnet first. Nothing is ever sent to the real "
        "exchange.",
    ),
}
_JUDGED: dict[bool | None, tuple[str, str]] = {
    True: ("✓ ", "$foreground"),
    False: ("✗ ", "$error"),
    None: ("", "$dim"),
}
_PLACES, _PLACE, _THEME, _ZONE, _NAUTILUS = "places", "place", "theme", "zone", "nautilus"
_ALERTS, _KEYS = "alerts", "keys"
_HEADINGS = {
    _THEME: "Theme",
    _ZONE: "Time zone",
    _NAUTILUS: "Nautilus Trader",
    _ALERTS: "Alerts",
    _KEYS: "Keys",
}
_ABOUT = {
    _PLACES: "Where trades, reports and failures are told of away from the terminal. Enter adds an "
    "address as apprise writes them (tgram://TOKEN/CHAT, mailto://USER:PASSWORD@HOST, and some "
    "hundred more); it is kept in notifications.yaml, for you alone, and never shown. Needs the "
    "extra papertape[notify].",
    _PLACE: "One address that notifications go to. d takes it out.",
    _NAUTILUS: "Sessions of the broker nautilus send their orders to the same test venues through "
    "Nautilus Trader, in a process of its own. It needs a Python 3.12 or later that has it: "
    "`make nautilus` in a checkout makes one. Enter names that python, R tries it.",
    _THEME: "How everything looks. The files of themes are in the program's own folder and in "
    "themes/ of the workspace; one of the same name replaces the shipped one. t takes the next "
    "one on any screen.",
    _ALERTS: "How loudly the screen tells of fills, failures, silence of a feed, ends, pauses, "
    "answers of a trial that turn, messages of jobs and what you asked to be told of (W on a "
    "session). all is with the bell for each, warnings with the bell for what is wrong alone: a "
    "failure, silence, a stop or pause by another hand, what you asked for. quiet is without the "
    "bell, off not at all. B takes the next on any screen.",
    _KEYS: "Every command can have another key: Enter asks for the command and for its key. One "
    "that would do two things in one place is refused. They are kept in config.yaml under keymap; "
    "? on any screen lists those that work there.",
    _ZONE: "The zone in which the screen writes moments, as the clock in the corner says. Days of "
    "candles, such as where a backtest begins, are UTC's in every zone and say so in another; "
    "periods that you type, files and cron expressions are in UTC.",
}


class SettingsScreen(BaseScreen):
    """The settings, and what the one under the cursor means."""

    PLACE = Place.SETTINGS
    TITLE = "Settings"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.SETTINGS)

    def __init__(self) -> None:
        super().__init__()
        self._settings = Settings((), ())
        self._outcomes: dict[str, tuple[bool | None, str]] = {}

    def body(self) -> ComposeResult:
        """The settings, and words on one of them."""
        with Container(id="settings-both"):
            yield self.pane(LineTable(_COLUMNS, id="settings", sorts=False), "Settings")
            with Vertical(id="settings-more"):
                with VerticalScroll(id="setting-about", classes="pane"):
                    yield Static("", id="setting-text")
                files = LineTable(
                    _FILE_COLUMNS, id="setting-files", header=False, idle_cursor=False
                )
                yield self.pane(files, "Files · y copies where one is")

    def mounted(self) -> None:
        """Read them."""
        super().mounted()
        self._draw()
        self.query_one("#settings").focus()
        self.watch(self.app, "theme", self._draw, init=False)

    def resumed(self) -> None:
        """Read the files anew: they may have been edited meanwhile."""
        super().resumed()
        self._look_up()

    # ── what is shown ──

    def show(self, snapshot: HostSnapshot) -> None:
        """Draw the time of day in the zone chosen."""
        super().show(snapshot)
        self._draw()

    def _look_up(self) -> None:
        self.papertape.settings.look_up(self._take)

    def _take(self, settings: Settings) -> None:
        self._settings = settings
        if self.is_attached:
            self._draw()

    def _draw(self) -> None:
        rows = [self._key_row(section) for section in _VENUES]
        places = self._settings.places
        count = f"{len(places)} address{'es'[: 2 * (len(places) != 1)]}" if places else "none"
        rows.append(self._row(_PLACES, "Notifications", count, "Enter adds one", bool(places)))
        for number, kind in enumerate(places):
            rows.append(self._row(f"{_PLACE} {number}", "", kind, "d takes it out", True))
        rows.append(self._row(_THEME, "Theme", self.app.theme, "Enter chooses", True))
        zone, snapshot = self.papertape.zone, self.papertape.snapshot
        now = None if snapshot is None else snapshot.now
        clock = "" if now is None else f"it is {formats.clock(now, zone)} there"
        rows.append(self._row(_ZONE, "Time zone", str(getattr(zone, "key", "UTC")), clock, True))
        python = self._settings.nautilus_python
        works, _ = self._outcomes.get(_NAUTILUS, (None, ""))
        told = {True: "✓ there", False: "✗ not there", None: python or "this Python"}[works]
        note = "R tries, Enter sets"
        rows.append(self._row(_NAUTILUS, "Nautilus Trader", told, note, python is not None))
        loudness = self.papertape.alerts.loudness.value
        rows.append(self._row(_ALERTS, "Alerts", loudness, "Enter takes the next", True))
        own = len(self.papertape.keymap)
        counted_keys = f"{own:,} of your own" if own else "as they come"
        rows.append(self._row(_KEYS, "Keys", counted_keys, "Enter changes one", bool(own)))
        self.query_one("#settings", LineTable).set_rows(rows)
        self.query_one("#setting-files", LineTable).set_rows(map(_file_row, self._settings.files))
        self._describe()

    def _key_row(self, section: str) -> Row:
        name, _ = _VENUES[section]
        is_set = section in self._settings.keys
        works, _ = self._outcomes.get(section, (None, ""))
        if not is_set:
            return self._row(section, name, "none", "Enter puts some in", False)
        told = {True: "✓ set, and they work", False: "✗ set, but refused", None: "set"}[works]
        return self._row(section, name, told, "R tries them, Enter replaces them", True)

    def _row(self, key: str, name: str, value: str, note: str, is_set: bool) -> Row:
        tone = Tone.PLAIN if is_set else Tone.DIM
        if value.startswith("✗"):
            tone = Tone.ERROR
        return Row(key, (Cell(name, Tone.STRONG), Cell(value, tone), Cell(note, Tone.DIM)))

    def _describe(self) -> None:
        key = self.selected
        name = key.partition(" ")[0]
        heading, about = _VENUES.get(name, ("", _ABOUT.get(name, "")))
        if not heading:
            heading = _HEADINGS.get(name, "Notifications")
        lines = [Content.styled(f"✗ {safe_text(text)}", "$error") for text in self._problems]
        if key in self._outcomes:
            works, text = self._outcomes[key]
            mark, tone = _JUDGED[works]
            lines += [Content.styled(f"{mark}{safe_text(text)}", tone), Content("")]
        lines.append(Content.styled(about, "$dim"))
        write(self.query_one("#setting-text", Static), Content("\n").join(lines))
        entitle(self.query_one("#setting-about"), heading)

    @property
    def _problems(self) -> tuple[str, ...]:
        return self._settings.problems

    @property
    def selected(self) -> str:
        """The key of the setting under the cursor."""
        return self.query_one("#settings", LineTable).cursor_key or _THEME

    @on(LineTable.Highlighted, "#settings")
    def _another_selected(self) -> None:
        self._describe()
        self.refresh_hints()

    @on(LineTable.Chosen, "#settings")
    async def _opened(self) -> None:
        await self.run_action("change")  # which says why not

    @on(LineTable.Chosen, "#setting-files")
    def _copied(self) -> None:
        self.query_one("#setting-files", LineTable).action_copy_row()

    # ── commands ──

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what can be done with the setting under the cursor."""
        if not self.ready:
            return True
        if action == "try_it":
            tried = (*self._settings.keys, _NAUTILUS, *([_PLACES] if self._settings.places else []))
            return self.selected in tried
        if action == "remove":
            return self.selected.startswith(f"{_PLACE} ")
        if action == "change":
            return not self.selected.startswith(f"{_PLACE} ")
        return True

    def action_change(self) -> None:
        """Change the setting under the cursor."""
        key = self.selected
        if key in _VENUES:
            self._change_key(key)
        elif key == _PLACES:
            self._add_place()
        elif key == _NAUTILUS:
            self._name_python()
        elif key == _THEME:
            self._pick_theme()
        elif key == _ALERTS:
            self.papertape.action_next_alerts()
            self._draw()
        elif key == _KEYS:
            self._pick_command()
        elif key == _ZONE:
            self.app.run_worker(self._pick_zone(), name="time zones", exit_on_error=False)

    def action_try_it(self) -> None:
        """Try the keys, or the notifications."""
        key = self.selected
        self._outcomes[key] = (None, "asking …")
        self._describe()
        self.app.run_worker(self._try(key), name="try", group="settings", exit_on_error=False)

    async def _try(self, key: str) -> None:
        commands = self.papertape.settings
        try:
            outcome: tuple[bool | None, str]
            if key == _PLACES:
                outcome = await commands.try_notifications()
            elif key == _NAUTILUS:
                outcome = await commands.try_nautilus()
            else:
                outcome = await commands.try_key(key, None)
        except SettingsError as error:
            outcome = False, str(error)
        self._outcomes[key] = outcome
        if self.is_attached:
            self._draw()

    def action_remove(self) -> None:
        """Ask, then have notifications go to one address less."""
        number = int(self.selected.partition(" ")[2])

        kind = self._settings.places[number]
        self.papertape.ask(
            f"Take this address ({kind}) out?",
            "It is not kept anywhere else.",
            [OfferedAnswer("remove", "y", "Take out")],
            lambda _: self.papertape.settings.remove_place(number, self._look_up),
        )

    def _change_key(self, section: str) -> None:
        name, where = _VENUES[section]

        async def try_it(key: ApiKey) -> tuple[bool, str]:
            outcome = await self.papertape.settings.try_key(section, key)
            self._outcomes[section] = outcome
            return outcome

        def answered(key: ApiKey | None) -> None:
            if key is not None:
                self.papertape.settings.keep_key(section, key, self._look_up)
            else:
                self._outcomes.pop(section, None)

        self.app.push_screen(KeyForm(name, where, try_it), answered)

    def _name_python(self) -> None:
        def answered(name: str | None) -> None:
            if name is not None:
                self._outcomes.pop(_NAUTILUS, None)
                self.papertape.settings.keep_nautilus_python(name, self._look_up)

        self.app.push_screen(
            AskName(
                "Which python has Nautilus Trader?",
                "Its path, such as /home/you/papertape/.venv-nautilus/bin/python.",
            ),
            answered,
        )

    def _add_place(self) -> None:
        def answered(url: str | None) -> None:
            if url is not None:
                self.papertape.settings.add_place(url, self._look_up)

        self.app.push_screen(
            AskName(
                "Where are notifications to go as well?",
                "An address as apprise writes them, such as tgram://BOT_TOKEN/CHAT_ID. "
                "It is masked here and never shown.",
                secret=True,
            ),
            answered,
        )

    def _pick_theme(self) -> None:
        before = self.app.theme

        def tried(name: str) -> None:
            self.app.theme = name

        def answered(name: str | None) -> None:
            if name is None:
                self.app.theme = before
            else:
                self.papertape.choose_theme(name)

        self.app.push_screen(Pick("Theme", self.papertape.theme_names, before, tried), answered)

    def _pick_command(self) -> None:
        """Ask for a command, then for its key."""
        mine = self.papertape.keymap
        listed = {
            f"{shown_key(command, mine):<10} {command.label} · {command.place}": command
            for command in COMMANDS
            if not command.fixed
        }

        def answered(name: str | None) -> None:
            if name is not None:
                self._ask_key(listed[name])

        pick = Pick("Which command is to have another key?", [*listed], next(iter(listed)))
        self.app.push_screen(pick, answered)

    def _ask_key(self, command: Command) -> None:
        app = self.papertape

        def answered(keys: str | None) -> None:
            if keys is not None:
                app.choose_key(command, keys)
                shown = shown_key(command, app.keymap)
                app.say(f"{shown} is {command.label} now ({command.place}).")
                self._draw()
                self.refresh_hints()

        self.app.push_screen(
            AskName(
                f"Which key for {command.label} ({command.place})?",
                f"{command.help}. It comes on {command.key} and is on "
                f"{shown_key(command, app.keymap)} now. Write a key such as X, f5 or ctrl+e.",
                refuse=lambda keys: key_problem(app.keymap, command, keys),
            ),
            answered,
        )

    async def _pick_zone(self) -> None:
        def answered(name: str | None) -> None:
            if name is not None:
                self.papertape.choose_zone(name)

        there = await asyncio.to_thread(available_timezones)
        names = ["UTC", *sorted(there - {"UTC", "localtime"})]
        chosen = "UTC" if self.papertape.zone is UTC else str(self.papertape.zone)
        self.app.push_screen(Pick("Time zone", names, chosen), answered)


def _file_row(file: tuple[str, Path, bool]) -> Row:
    name, path, there = file
    where = Cell(str(path), Tone.PLAIN if there else Tone.DIM)
    return Row(name, (Cell(name, Tone.DIM), where, Cell("" if there else "not there", Tone.DIM)))
