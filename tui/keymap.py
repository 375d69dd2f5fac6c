"""The user's own keys (`keymap` in config.yaml): which are used, and what is wrong with the others.

A command is named by its ID, as `papertape keys` lists them. What clashes is left as it was, so
that no key ever does two things in one place.
"""

from __future__ import annotations

from collections.abc import Mapping

from textual.binding import Binding
from textual.keys import Keys, key_to_character

from core.text import nearest, safe_text
from tui.commands import COMMANDS, Command, Place

_WITHIN: Mapping[Place, tuple[Place, ...]] = {
    Place.TABLE: (),
    Place.MAP: (Place.SWEEP,),
    Place.CHART: (
        Place.SESSION, Place.TRADE, Place.REPORT, Place.RESULT, Place.COMPARED_TRADE,
    ),
    Place.LOG: (Place.SESSIONS, Place.SESSION, Place.SCHEDULE, Place.LOGS),
    Place.ANSWERS: (Place.COMPARE, Place.COMPARED_LAYER, Place.GATE),
}  # fmt: skip
"""Places within others, where what is nearest to the focus has a key first. Tables are in all."""

_SCREENS = tuple(place for place in Place if place not in _WITHIN and place is not Place.ANYWHERE)


def checked_keymap(wanted: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The keys that can be used, by the IDs of their commands, and why others cannot."""
    known = {command.id: command for command in COMMANDS}
    problems = []
    used: dict[str, str] = {}
    for name, keys in wanted.items():
        if name not in known:
            near = nearest(name, known)
            hint = f", did you mean {near}?" if near else ": `papertape keys` lists all"
            problems.append(f"keymap: there is no command {safe_text(name, limit=40)!r}{hint}")
        elif known[name].fixed and _keys(keys) != _keys(known[name].keys):
            problems.append(f"keymap: {name} stays on {known[name].key}, as in every form and pane")
        elif not _keys(keys):
            problems.append(f"keymap: {name}: expected a key such as x, F5 or ctrl+e")
        else:
            used[name] = ",".join(_keys(keys))
    while clash := _clash(used):
        one, other, key = clash
        mine = one if one.id in used else other
        del used[mine.id]
        theirs = other if mine is one else one
        problems.append(f"keymap: {_clashing(mine, key, theirs, mine.key)}")
    return used, problems


def with_key(wanted: Mapping[str, str], command: Command, keys: str) -> dict[str, str]:
    """A keymap with other keys for a command; those it comes with take it out."""
    changed = {name: kept for name, kept in wanted.items() if name != command.id}
    if keys != command.key and _keys(keys) != _keys(command.keys):
        changed[command.id] = keys
    return changed


def key_problem(used: Mapping[str, str], command: Command, keys: str) -> str | None:
    """Why a command cannot have these keys beside the others that are used; None where it can."""
    changed = with_key(used, command, keys)
    if clash := _clash(changed) if _keys(keys) else None:
        one, other, key = clash
        return _clashing(command, key, other if one is command else one, shown_key(command, used))
    problems = checked_keymap(changed)[1]
    return problems[0].removeprefix("keymap: ") if problems else None


def _clashing(mine: Command, key: str, theirs: Command, stays: str) -> str:
    on, named = _written(key), f"{theirs.id} ({theirs.label})"
    return f"{mine.id} on {on} clashes with {named}; it stays on {stays}"


def shown_key(command: Command, keymap: Mapping[str, str]) -> str:
    """How the key of a command is shown."""
    mine = keymap.get(command.id)
    if mine is None:
        return command.key
    return _written(mine.partition(",")[0])


def _written(key: str) -> str:
    """A key as it is on the keyboard: `?` of question_mark, `#` of number_sign."""
    usual = _CHARACTERS.get(key) or key_to_character(key) or ""
    return usual if usual.strip() and usual.isprintable() else key


_SAME = {
    "ctrl+i": "tab", "ctrl+m": "enter", "ctrl+h": "backspace", "ctrl+space": "ctrl+at",
    "ctrl+[": "escape", "ctrl+left_square_bracket": "escape",
}  # fmt: skip
"""Keys for which terminals send the same, by which of the two Textual tells it."""

_HELD = frozenset({"ctrl", "alt", "shift"})

_NAMED = frozenset(
    {key.value for key in Keys if not key.value.startswith("<")}
    | {name for command in COMMANDS for name in command.keys.split(",") if len(name) > 1}
)

_CHARACTERS = {
    key: command.key.partition(" ")[0]  # of `j ↓` the first key alone
    for command in COMMANDS
    for key in command.keys.split(",")[:1]
}  # such as question_mark: ?


def _keys(written: str) -> list[str]:
    """Keys as Textual names them (`?` is question_mark, F5 is f5); none where one is no key."""
    found = []
    for part in filter(str.strip, written.split(",")):
        *held, name = part.strip().split("+") if len(part.strip()) > 1 else [part.strip()]
        held = [one.lower() for one in held]
        known = name.lower() if name.lower() in _NAMED or "ctrl" in held else name
        usual = known in _NAMED or (len(known) == 1 and known.isprintable())
        if not usual or not _HELD.issuperset(held):
            return []
        (binding,) = Binding.make_bindings([("+".join([*held, known]), "", "")])
        found.append(_SAME.get(binding.key, binding.key))
    return found


def _clash(used: Mapping[str, str]) -> tuple[Command, Command, str] | None:
    """Two commands that would share a key in one place, where that is the keymap's doing."""
    taken: dict[tuple[Place, str], Command] = {}
    for command in COMMANDS:
        for key in _keys(used.get(command.id, command.keys)):
            for place in _where(command):
                other = taken.setdefault((place, key), command)
                if other is command or not {command.id, other.id} & used.keys():
                    continue
                if not (key in _keys(command.keys) and key in _keys(other.keys)):
                    return other, command, key
    return None


def _where(command: Command) -> tuple[Place, ...]:
    """The places in which a command has its key: one of anywhere has it on every screen."""
    if command.place is Place.ANYWHERE:
        return _SCREENS
    if command.place in _WITHIN:
        return (command.place, *(_WITHIN[command.place] or _SCREENS))
    return (command.place,)
