"""Saved views of the sessions: what is shown of them, in which order and groups, under a name.

They stand in config.yaml as `views`, and the one chosen last as `view`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from core.store.preferences import LONGEST_VIEW_NAME, MOST_VIEWS
from core.text import safe_text


class GroupBy(StrEnum):
    """What sessions are grouped by."""

    NOTHING = "nothing"
    STRATEGY = "strategy"
    TAG = "tag"


@dataclass(frozen=True, slots=True)
class View:
    """What is shown of the sessions. `sort`: the label of a column, None: as they were started."""

    filter: str = ""
    group: GroupBy = GroupBy.NOTHING
    sort: str | None = None
    descending: bool = False

    @property
    def about(self) -> str:
        """What it shows, in a few words."""
        parts = [
            f"“{self.filter}”" if self.filter else "",
            "" if self.group is GroupBy.NOTHING else f"by {self.group}",
            "" if self.sort is None else f"{self.sort}{'▾' if self.descending else '▴'}",
        ]
        return safe_text(" · ".join(part for part in parts if part)) or "all, as they were started"

    @property
    def written(self) -> dict[str, str]:
        """As it stands in config.yaml: what is as usual is left out."""
        order = "descending" if self.descending else "ascending"
        found = {
            "filter": self.filter,
            "group": "" if self.group is GroupBy.NOTHING else self.group.value,
            "sort": self.sort or "",
            "order": order if self.sort else "",
        }
        return {name: value for name, value in found.items() if value}


def read_view(written: Mapping[str, str]) -> View:
    """A view from config.yaml; what is not known there is as usual."""
    group = written.get("group", "")
    return View(
        written.get("filter", "").strip().casefold(),
        GroupBy(group) if group in list(GroupBy) else GroupBy.NOTHING,
        written.get("sort") or None,
        written.get("order") == "descending",
    )


def why_not(name: str, views: Mapping[str, View]) -> str | None:
    """Why a view cannot be kept under a name, None where it can."""
    if len(name) > LONGEST_VIEW_NAME or not name.isprintable():
        return f"a name has up to {LONGEST_VIEW_NAME} characters that can be seen"
    if name not in views and len(views) >= MOST_VIEWS:
        return f"there are {MOST_VIEWS} views already: d in the list removes one"
    return None
