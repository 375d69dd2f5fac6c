"""The command that looks whether everything is in order: doctor."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tui.cli.commands import Arguments, Commands
from tui.cli.output import Exit, print_json, print_text
from tui.cli.workspace import existing_workspace

if TYPE_CHECKING:
    from core.store.credentials import ApiKey
    from core.store.workspace import Workspace
    from core.trading.venue_hosts import OrderAddresses

_PATIENCE = 10.0  # seconds an address may take to answer
_LEAST_SPACE = 500_000_000  # bytes
_LARGEST_OFFSET = 1_000  # ms the local clock may be off; sessions go by the venue's
_ERROR_NUMBER = re.compile(r"\[Errno -?\d+\] ")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `fine` is None where there is nothing to judge."""

    check: str
    fine: bool | None
    text: str


def add_commands(commands: Commands) -> None:
    """Declare this group's command."""
    commands.add(
        "doctor", doctor, "check workspace, keys, clock, the venue's addresses and the terminal"
    )


def doctor(arguments: Arguments) -> int:
    """Say what is in order and what is not."""
    workspace = existing_workspace(arguments)
    findings = [
        *_packages(),
        *_build(),
        *_workspace(workspace),
        *asyncio.run(_keys(workspace)),
        *asyncio.run(_nautilus(workspace)),
        *asyncio.run(_venue(workspace)),
        *_screen(workspace),
        *_terminal(),
    ]
    if arguments.json:
        print_json({"findings": [asdict(finding) for finding in findings]})
    else:
        marks = {True: "ok   ", False: "WRONG", None: "-    "}
        print_text(
            *(f"{marks[finding.fine]} {finding.check:<23}{finding.text}" for finding in findings)
        )
    return Exit.FAILED if any(finding.fine is False for finding in findings) else Exit.DONE


def _workspace(workspace: Workspace) -> Iterator[Finding]:
    from core.store.lock import current_host
    from core.store.workspace import WorkspaceError

    if not workspace.root.exists():
        text = f"there is no workspace {workspace.root} yet: papertape init makes it"
        yield Finding("workspace", None, text)
        return
    try:
        mended = workspace.prepare()
    except WorkspaceError as error:
        yield Finding("workspace", fine=False, text=str(error))
        return
    yield from (Finding("workspace", fine=False, text=text) for text in mended)
    mode = workspace.root.stat().st_mode & 0o777
    private = mode & 0o077 == 0
    told = str(workspace.root) if private else f"{workspace.root} has mode {mode:o}; chmod 700 it"
    yield Finding("workspace", private, told)
    free = workspace.free_bytes()
    yield Finding("disk", free >= _LEAST_SPACE, f"{free / 1e9:.1f} GB free")
    holder = current_host(workspace)
    yield Finding(
        "host",
        None,
        "none is running"
        if holder is None
        else f"process {holder.pid or 'unknown'} ({holder.kind})",
    )
    for fault in _host_faults(workspace):
        yield Finding("host", fine=False, text=fault)


def _host_faults(workspace: Workspace) -> tuple[str, ...]:
    """What is wrong with the workspace's host, if one runs."""
    from core.bootstrap import attach
    from core.host.link import CommandError

    try:
        link = attach(workspace)
    except CommandError as error:
        return (str(error),)
    return () if link is None else link.snapshot().faults


def _packages() -> Iterator[Finding]:
    """Whether this program's two packages are its own: their names are common ones."""
    from importlib.metadata import packages_distributions

    import core
    import tui

    homes = {Path(str(package.__file__)).resolve().parents[1] for package in (core, tui)}
    owners = packages_distributions()
    others = sorted({*owners.get("core", ()), *owners.get("tui", ())} - {"papertape"})
    if len(homes) > 1:
        where = " and ".join(sorted(map(str, homes)))
        yield Finding("packages", fine=False, text=f"`core` and `tui` come from {where}")
    elif others:
        text = (
            f"{', '.join(others)} has a package called core or tui as well, which may stand in for "
            "Papertape's: install Papertape into an environment of its own"
        )
        yield Finding("packages", fine=False, text=text)
    else:
        yield Finding("packages", fine=True, text=str(*homes))


def _build() -> Iterator[Finding]:
    """In which form the rules and the driver of backtests run here."""
    from core.compiled import build_in_use

    yield Finding("rules", None, build_in_use().why)


async def _keys(workspace: Workspace) -> list[Finding]:
    from core.store.credentials import SECTIONS, CredentialsError, read_credentials
    from core.store.preferences import PreferencesError, read_preferences
    from core.store.redaction import KNOWN_SECRETS
    from core.trading.venue_hosts import ForbiddenAddressError, OrderAddresses

    try:
        credentials = read_credentials(workspace.credentials, KNOWN_SECRETS)
        moved = read_preferences(workspace.preferences).order_addresses
        addresses = OrderAddresses().with_addresses(moved)
    except (CredentialsError, ForbiddenAddressError) as error:
        return [Finding("keys", fine=False, text=str(error))]
    except PreferencesError:
        return []  # said of the venue
    from core.host.venue_accounts import HOW_TO_ORDER

    there = [section for section in SECTIONS if section in credentials.sections]
    return [
        *(Finding("keys", None, f"{name}: none") for name in SECTIONS if name not in there),
        *(
            Finding("keys", None, f"sessions run simulated; to order on the testnet, {how}")
            for how in [HOW_TO_ORDER.format("binance_testnet")]
            if not there
        ),
        *await asyncio.gather(
            *(_account(name, credentials.sections[name], addresses) for name in there)
        ),
        *(Finding("keys", None, notice) for notice in credentials.notices),
    ]


async def _account(section: str, key: ApiKey, addresses: OrderAddresses) -> Finding:
    from core.trading.key_trial import try_key

    trial = await try_key(section, key, addresses)
    return Finding("keys", trial.works, f"{section}: {trial.text}")


async def _nautilus(workspace: Workspace) -> list[Finding]:
    from core.trading.nautilus.process import try_python

    works, text = await try_python(workspace.preferences)
    return [Finding("nautilus", works, text)]


async def _venue(workspace: Workspace) -> list[Finding]:
    from core.market.feeds.streams.probe import probe_venue
    from core.market.venues.addresses import VenueError
    from core.market.venues.registry import venue_dialect
    from core.store.preferences import PreferencesError, read_preferences

    try:
        addresses = read_preferences(workspace.preferences).addresses
        venue = venue_dialect(addresses=addresses)
    except (PreferencesError, VenueError) as error:
        return [Finding("config", fine=False, text=str(error))]
    return [
        Finding(
            probe.name,
            probe.well and abs(probe.ahead or 0) <= _LARGEST_OFFSET,
            _ERROR_NUMBER.sub("", probe.text),
        )
        for probe in await probe_venue(venue, _PATIENCE)
    ]


def _screen(workspace: Workspace) -> Iterator[Finding]:
    """What of the screen's preferences cannot be used; what sessions need is said of the venue."""
    from core.store.preferences import PreferencesError, read_preferences
    from tui.keymap import checked_keymap
    from tui.requests.settings_files import read_appearance
    from tui.shipped import shipped
    from tui.theming import find_themes, problems_of

    try:
        read_preferences(workspace.preferences)
    except PreferencesError:
        return
    appearance = read_appearance(workspace)
    themes = find_themes((shipped("themes"), workspace.root / "themes"))
    unused = problems_of(themes, appearance.theme)
    for text in (*unused, *appearance.problems, *checked_keymap(appearance.keymap)[1]):
        yield Finding("config", fine=False, text=text)


def _terminal() -> Iterator[Finding]:
    from tui.terminal import SMALLEST, unfit

    refusal = unfit(os.environ, is_terminal=sys.stdin.isatty() and sys.stdout.isatty())
    size = shutil.get_terminal_size()
    if refusal is not None:
        yield Finding("terminal", None, refusal)
        return
    wide, high = SMALLEST
    yield Finding(
        "terminal",
        size.columns >= wide and size.lines >= high,
        f"{os.environ.get('TERM')}, {size.columns}×{size.lines} (at least {wide}×{high})",
    )
    encoding = sys.stdout.encoding
    yield Finding("encoding", encoding.lower() == "utf-8", f"{encoding} (UTF-8 is expected)")
