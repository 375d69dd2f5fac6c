"""Sizes the panes of a screen by keys, and gives them the sizes that were chosen before.

A size is a share: panes beside each other part what their container has in the proportion of their
sizes, so that it holds on terminals of other sizes as well. Low and narrow terminals have layouts
of their own, and sizes of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from textual.widget import Widget

Axis = Literal["width", "height"]
Shares = Mapping[str, int]
"""Sizes of panes by their IDs, in cells of the terminal on which they were chosen."""

_STEP: Mapping[Axis, int] = {"width": 4, "height": 2}
_LEAST: Mapping[Axis, int] = {"width": 16, "height": 4}
_LAYOUT: Mapping[Axis, str] = {"width": "horizontal", "height": "vertical"}


def resized(pane: Widget | None, axis: Axis, step: int) -> Shares | None:
    """The sizes of the pane and those beside it once it has become larger (`step` 1) or smaller.

    Of the containers that a pane is in, the innermost counts that parts what it has along the
    axis. None where there is none, or no room is left to give or take.
    """
    while pane is not None and isinstance(pane.parent, Widget):
        beside = [one for one in _parts(pane.parent, axis) if one.display]
        if pane in beside and len(beside) > 1:
            shares = {one: _size(one, axis) for one in beside}
            place, change = beside.index(pane), step * _STEP[axis]
            for other in (*beside[place + 1 :], *beside[:place][::-1]):  # the next that has room
                if min(shares[pane] + change, shares[other] - change) >= _LEAST[axis]:
                    shares[pane] += change
                    shares[other] -= change
                    return {one.id or "": share for one, share in shares.items()}
            return None
        pane = pane.parent
    return None


def give_sizes(screen: Widget, shares: Shares) -> None:
    """Give panes these sizes, also those not shown just now, and all others the style sheets'."""
    for pane in screen.query("*"):
        share = shares.get(pane.id or "")
        for axis in _LAYOUT:
            along = share is not None and pane in _parts(pane.parent, axis)
            if along or pane.styles.inline.has_rule(axis):
                setattr(pane.styles, axis, f"{share}fr" if along else None)
                setattr(pane.styles, f"max_{axis}", "100%" if along else None)


def _parts(container: object, axis: Axis) -> list[Widget]:
    """What parts a container along an axis, and has a name to be remembered by."""
    if not isinstance(container, Widget) or container.styles.layout is None:
        return []
    if container.styles.layout.name != _LAYOUT[axis]:
        return []
    return [
        one
        for one in container.children
        if one.id is not None and (one.has_class("pane") or one.query(".pane"))
    ]


def _size(pane: Widget, axis: Axis) -> int:
    return pane.outer_size.width if axis == "width" else pane.outer_size.height
