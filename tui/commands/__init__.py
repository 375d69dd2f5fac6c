"""Everything that can be done, where and with which key, in one definition a command.

Key bindings, footer, palette, help, `papertape keys` and the documentation are made from it.
"""

from __future__ import annotations

from textual.binding import Binding, BindingType

from tui.commands.backtests import BACKTESTS
from tui.commands.command import Command, Place
from tui.commands.comparison import COMPARISON
from tui.commands.everywhere import EVERYWHERE, OF_TEXTUAL
from tui.commands.sessions import SESSIONS
from tui.commands.workspace import WORKSPACE

__all__ = [
    "COMMANDS",
    "Command",
    "Place",
    "bindings",
    "commands_at",
    "commands_elsewhere",
    "refusal",
]

COMMANDS = (*SESSIONS, *BACKTESTS, *COMPARISON, *WORKSPACE, *EVERYWHERE)


def bindings(place: Place) -> list[BindingType]:
    """The bindings of the commands that belong to a place."""
    return [
        Binding(command.keys, command.action, command.label, show=False, id=command.id)
        for command in COMMANDS
        if command.place is place and command not in OF_TEXTUAL
    ]


def commands_elsewhere(place: Place) -> tuple[Command, ...]:
    """What can be done on other screens and in parts of them, but for fixed keys and ways back.

    Of what has one name on a list and on what is opened from that, it is the list's.
    """
    listed = {(command.place, command.label) for command in COMMANDS}
    return tuple(
        command
        for command in COMMANDS
        if command.place not in (place, Place.ANYWHERE) and command.label != "back"
        if not command.fixed
        if command.place.home in (None, command.place)
        or (command.place.home, command.label) not in listed
    )


def refusal(place: Place, action: str) -> str:
    """Why an action of that place is not possible now; empty where nothing need be said."""
    found = (one for one in COMMANDS if one.place is place and one.action == action)
    return next((one.unless for one in found), "")


def commands_at(place: Place) -> tuple[Command, ...]:
    """What can be done on the screen of that place: its own commands, then those of anywhere.

    Fixed keys are not among them: what they do is done by nothing else.
    """
    offered = [command for command in COMMANDS if not command.fixed]
    return tuple(command for command in offered if command.place is place) + tuple(
        command for command in offered if command.place is Place.ANYWHERE is not place
    )
