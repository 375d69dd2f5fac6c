"""Writes a config so that equal ones are written alike, and hashes it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields

from core.strategy.config.conditions import operand_text
from core.strategy.config.config import IndicatorSpec, StrategyConfig
from core.strategy.config.order_writing import orders_to_dict
from core.strategy.config.rule_writing import rule_to_dict


def config_to_dict(config: StrategyConfig) -> dict[str, object]:
    """The config as JSON values that `parse_config` reads back to an equal one.

    Defaults are written out; what is not set is left out.
    """
    written: dict[str, object] = {
        "name": config.name,
        "symbols": list(config.symbols),
        "timeframe": config.timeframe.value,
        "indicators": [_indicator(spec) for spec in config.indicators],
        "entry_conditions": [rule_to_dict(one) for one in config.entry_conditions],
        "exit_conditions": [rule_to_dict(one) for one in config.exit_conditions],
        "direction": config.direction.value,
    }
    for field in fields(config):
        value = getattr(config, field.name)
        if field.name not in (*written, "extras", "orders") and value is not None:
            written[field.name] = value
    if config.orders.risk_pct is not None or config.orders.trade_amount is not None:
        del written["trade_size_pct"]  # exactly one of the three
    return {**written, **orders_to_dict(config.orders), **config.extras}


def config_digest(config: StrategyConfig) -> str:
    """SHA-256 (hex) of what a config trades: the same however it was spelt, whatever its extras.

    What identifies a strategy is `SignalSource.digest`, which may cover more than the config.
    """
    trading = {
        key: value for key, value in config_to_dict(config).items() if key not in config.extras
    }
    canonical = json.dumps(trading, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _indicator(spec: IndicatorSpec) -> dict[str, object]:
    params: dict[str, object] = dict(spec.params)
    if spec.offset:
        params["offset"] = spec.offset
    written: dict[str, object] = {"name": spec.name, "params": params, "key": spec.key}
    if spec.sources:
        sources = [operand_text(one) for one in spec.sources]
        written["source"] = sources[0] if len(sources) == 1 else sources
    if spec.timeframe is not None:
        written["timeframe"] = str(spec.timeframe)
    return written
