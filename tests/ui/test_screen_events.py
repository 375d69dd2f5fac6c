"""Screens take an event once, whatever their classes add to it."""

from __future__ import annotations

import inspect
from collections import Counter

from textual.message_pump import MessagePump

import tui.app
from tui.modals.form import Form
from tui.screens.base import BaseScreen


def handlers(kind: type[MessagePump]) -> list[str]:
    """Names of handlers that more than one of our classes of a screen has: Textual calls all."""
    found: Counter[str] = Counter()
    for one in kind.__mro__:
        if one.__module__.startswith("tui."):
            found.update(name for name in vars(one) if name.startswith("on_"))
    return [name for name, count in found.items() if count > 1]


def ours(kind: type[MessagePump]) -> list[type[MessagePump]]:
    return [kind, *(each for one in kind.__subclasses__() for each in ours(one))]


def test_no_class_calls_a_handler_that_textual_calls_by_itself() -> None:
    screens = ours(BaseScreen)
    assert tui.app.PapertapeApp.__name__  # imports every screen
    assert len(screens) > 10
    assert [one for one in screens if handlers(one)] == []
    for one in (*screens, *ours(Form)):
        assert "super().on_" not in inspect.getsource(one), one
