"""A host's commands by name, for callers that have a name and arguments as JSON or as values.

Both links and the control socket use the same table, so a command is the same from everywhere.
Arguments are checked against the method's signature: what does not fit is refused before it runs.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, get_type_hints

import msgspec

from core.host.link import BadRequestError
from core.typed import prepare

HostCommand = Callable[[Mapping[str, Any]], Awaitable[object]]
"""Carries out one command, given its arguments by name, on the host's loop."""

CommandTable = Mapping[str, HostCommand]


def command_table(*methods: Callable[..., object]) -> CommandTable:
    """The methods, plain or coroutines, by their names.

    Each raises `BadRequestError` for arguments that do not fit.
    """
    return {method.__name__: _command(method) for method in methods}


def _command(method: Callable[..., object]) -> HostCommand:
    hints = get_type_hints(method)
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = [
        (name, hints[name]) if one.default is one.empty else (name, hints[name], one.default)
        for name, one in inspect.signature(method).parameters.items()
    ]
    expected = msgspec.defstruct(
        method.__name__, fields, kw_only=True, forbid_unknown_fields=True, frozen=True
    )
    prepare(expected)

    async def command(arguments: Mapping[str, Any]) -> object:
        try:
            given = msgspec.convert(arguments, expected)
        except msgspec.ValidationError as error:
            raise BadRequestError(f"{method.__name__}: wrong arguments ({error})") from error
        answer = method(**{name: getattr(given, name) for name, *_ in fields})
        return await answer if inspect.isawaitable(answer) else answer

    return command
