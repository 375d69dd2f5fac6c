"""How are the indicators listed for programs?"""

from __future__ import annotations

from typing import Any

from core.strategy.catalog import INDICATORS


def indicators_to_json() -> list[dict[str, Any]]:
    """Every indicator: its name, title, parameters with defaults, fields and other names."""
    return [
        {
            "name": one.name,
            "title": one.title,
            "params": {known.name: known.default for known in one.parameters},
            "fields": [field.name for field in one.fields],
            "aliases": list(one.aliases),
        }
        for one in INDICATORS.values()
    ]
