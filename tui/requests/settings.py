"""The commands on the settings: read and change them, try keys and notifications."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Mapping
from functools import partial

from core.host.link import CommandError
from core.store.credentials import ApiKey, write_credentials
from core.store.durable import OsDisk
from core.store.preferences import read_preferences, write_preference
from core.store.workspace import Workspace
from core.store.yaml_reader import SettingsError
from tui.commands import Command
from tui.keymap import with_key
from tui.requests import settings_files
from tui.requests.settings_files import Settings
from tui.requests.views import View
from tui.shell import Shell

_TRIER = "tui.requests.key_trial"  # loaded late: what it needs takes a second and 100 MB
_NAUTILUS = "core.trading.nautilus.process"


class SettingsCommands:
    """The settings of the app's workspace; nothing happens where it has none."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._writing = asyncio.Lock()  # one change after the other, in the order they were asked

    @property
    def workspace(self) -> Workspace | None:
        """The workspace, if there is one."""
        return None if self._shell.workspace is None else Workspace(self._shell.workspace)

    def look_up(self, done: Callable[[Settings], None]) -> None:
        """Read what is set."""
        workspace = self.workspace
        if workspace is None:
            return

        async def work() -> None:
            done(await asyncio.to_thread(settings_files.read_settings, workspace))

        self._shell.run_worker(work(), name="settings", group="settings", exit_on_error=False)

    def keep_theme(self, name: str) -> None:
        """Remember the theme."""
        self._change(lambda home: write_preference(home.preferences, "theme", name, OsDisk()))

    def keep_zone(self, name: str) -> None:
        """Remember the time zone."""
        self._change(lambda home: write_preference(home.preferences, "time_zone", name, OsDisk()))

    def keep_alerts(self, name: str) -> None:
        """Remember how loudly to tell of what happens."""
        self._change(lambda home: write_preference(home.preferences, "alerts", name, OsDisk()))

    def keep_nautilus_python(self, name: str, done: Callable[[], None]) -> None:
        """Remember which interpreter has Nautilus Trader; the next child runs with it."""
        self._change(
            lambda home: write_preference(home.preferences, "nautilus_python", name, OsDisk()),
            done,
        )

    def keep_command_key(
        self, command: Command, keys: str, done: Callable[[], None] = lambda: None
    ) -> None:
        """Remember the keys of a command, as they are written in the keymap."""

        def change(home: Workspace) -> None:
            kept = read_preferences(home.preferences).keymap  # other screens may add to it
            write_preference(home.preferences, "keymap", with_key(kept, command, keys), OsDisk())

        self._change(change, done)

    def keep_panes(self, panes: Mapping[str, Mapping[str, int]]) -> None:
        """Remember the sizes of panes."""
        kept = {layout: dict(sizes) for layout, sizes in panes.items()}
        self._change(lambda home: write_preference(home.preferences, "panes", kept, OsDisk()))

    def keep_view(self, name: str) -> None:
        """Remember the view of the sessions that was chosen last, empty for all of them."""
        self._change(lambda home: write_preference(home.preferences, "view", name, OsDisk()))

    def keep_saved_view(
        self, name: str, view: View | None, done: Callable[[], None] = lambda: None
    ) -> None:
        """Remember a view of the sessions under a name, None: no more; others stay as they are.

        `done` is called once it is remembered, or where nothing is.
        """

        def change(home: Workspace) -> None:
            kept = dict(read_preferences(home.preferences).views)  # other screens may add to them
            kept.pop(name, None)
            if view is not None:
                kept[name] = view.written
            write_preference(home.preferences, "views", kept, OsDisk())

        if self.workspace is None:
            done()
        self._change(change, done)

    def keep_key(self, section: str, key: ApiKey, done: Callable[[], None]) -> None:
        """Keep a key; sessions that start from then on order with it."""
        self._change(lambda home: write_credentials(home.credentials, section, key, OsDisk()), done)

    def add_place(self, url: str, done: Callable[[], None]) -> None:
        """Have notifications sent to one more address."""
        add = partial(settings_files.add_place, url=url)
        self._change(add, lambda: self._renew(done))

    def remove_place(self, number: int, done: Callable[[], None]) -> None:
        """Have notifications sent to one address less."""
        remove = partial(settings_files.remove_place, number=number)
        self._change(remove, lambda: self._renew(done))

    async def try_key(self, section: str, key: ApiKey | None) -> tuple[bool, str]:
        """Whether a key (None: the one that is kept) works, and the words.

        Raises:
            SettingsError: there is nothing to try.
        """
        workspace = self.workspace
        if workspace is None:
            raise SettingsError("without a workspace there are no keys")
        trier = await asyncio.to_thread(importlib.import_module, _TRIER)
        outcome: tuple[bool, str] = await trier.try_section(workspace, section, key)
        return outcome

    async def try_nautilus(self) -> tuple[bool | None, str]:
        """Whether Nautilus Trader is there, which version of it, and with which Python."""
        workspace = self.workspace
        if workspace is None:
            raise SettingsError("without a workspace there are no settings")
        trier = await asyncio.to_thread(importlib.import_module, _NAUTILUS)
        outcome: tuple[bool | None, str] = await trier.try_python(workspace.preferences)
        return outcome

    async def try_notifications(self) -> tuple[bool, str]:
        """Have the host send a notification, and say whether every service took it."""
        link = self._shell.link
        if link is None:
            return False, "the host is still starting: try again in a moment"
        try:
            await link.try_notifications()
        except CommandError as error:
            return False, str(error)
        return True, "sent, and taken by every service"

    def _renew(self, done: Callable[[], None]) -> None:
        async def work() -> None:
            if self._shell.link is not None:
                try:
                    await self._shell.link.renew_notifications()
                except CommandError as error:
                    self._shell.say(str(error), "warning", "Kept, but not used yet")
            done()

        self._shell.run_worker(work(), name="notifications", exit_on_error=False)

    def _change(
        self, change: Callable[[Workspace], None], done: Callable[[], None] = lambda: None
    ) -> None:
        workspace = self.workspace
        if workspace is None:
            return

        async def work() -> None:
            try:
                async with self._writing:
                    await asyncio.to_thread(change, workspace)
            except SettingsError as error:
                self._shell.say(str(error), "error", "Not kept")
            else:
                done()

        self._shell.run_worker(work(), name="settings", group="settings", exit_on_error=False)
