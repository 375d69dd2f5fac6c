"""Says in plain English what a config means, a labelled line a thing, made from the config alone.

What is read as something else than was meant is seen before money is risked on it.
"""

from __future__ import annotations

from collections.abc import Iterator

from core.strategy.config.conditions import (
    Condition,
    Direction,
    Joint,
    Operator,
    Rule,
    operand_shown,
)
from core.strategy.config.config import IndicatorSpec, StrategyConfig
from core.strategy.indicators.registry import indicator_of
from core.strategy.lint.order_words import Said, order_lines

_VERBS = {
    Operator.LT: "is below",
    Operator.GT: "is above",
    Operator.LTE: "is at or below",
    Operator.GTE: "is at or above",
    Operator.EQ: "equals",
    Operator.NE: "differs from",
    Operator.CROSS_ABOVE: "crosses above",
    Operator.CROSS_BELOW: "crosses below",
}


def meaning(config: StrategyConfig) -> tuple[Said, ...]:
    """What a config does: what a line is about, what it says.

    It goes from entries to limits; what the indicators are that it names stands last. A line about
    the same as the one before it has no label.
    """
    found: list[Said] = []
    before = ""
    indicators = (("Indicators", _indicator(config, spec)) for spec in config.indicators)
    for label, text in (*_signals(config), *order_lines(config), *indicators):
        found.append(("" if label == before else label, text))
        before = label
    return tuple(found)


def paragraph(config: StrategyConfig) -> str:
    """The same in one line, for programs."""
    parts = (f". {label}: {text}" if label else f"; {text}" for label, text in meaning(config))
    return f"{''.join(parts).removeprefix('. ')}."


def _signals(config: StrategyConfig) -> Iterator[Said]:
    both = config.direction is Direction.BOTH
    sides = "long and short" if both else f"{config.direction} only"
    candle = f"the close of every {config.timeframe} candle"
    yield "Trades", f"{_listed(config.symbols, 'and')} at {candle}, {sides}"
    if config.signals is not None:
        yield "Signals", f"from {config.signals['source']}"
        return
    for side in config.sides:
        entries = [_rule(config, one) for one in config.entry_conditions if one.concerns(side)]
        exits = [_rule(config, one) for one in config.exit_conditions if one.concerns(side)]
        yield from _rules(f"Enter {side}", entries, "and")
        yield from _rules(f"Exit {side}", exits, "or")


def _rules(label: str, rules: list[str], word: str) -> Iterator[Said]:
    for number, rule in enumerate(rules):
        yield label, f"{word} {rule}" if number else rule


def _indicator(config: StrategyConfig, spec: IndicatorSpec) -> str:
    params = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in spec.params.items())
    text = f"{spec.key} = {indicator_of(spec).title}"
    text += f" ({params})" if params else ""
    if spec.sources:
        text += f" of {_listed([operand_shown(one) for one in spec.sources], 'and')}"
    if spec.timeframe is not None:
        text += f" on {spec.timeframe} candles, known when they close"
    if spec.offset:
        ago = "one candle" if spec.offset == 1 else f"{spec.offset} candles"
        text += f", as it was {ago} ago"
    return text


def _rule(config: StrategyConfig, rule: Rule) -> str:
    if isinstance(rule, Condition):
        left, right = (operand_shown(one) for one in (rule.left, rule.right))
        text = f"{left} {_VERBS[rule.operator]} {right}"
    else:
        parts = [_rule(config, one) for one in rule.members]
        if rule.joint is Joint.NOT:
            text = f"it is not so that {parts[0]}"
        else:
            text = f"({_listed(parts, 'or' if rule.joint is Joint.ANY else 'and')})"
    if rule.lasting is not None:
        candles = rule.lasting.candles
        text += f" on {'each' if rule.lasting.every else 'one'} of the last {candles} candles"
    return text


def _listed(texts: list[str] | tuple[str, ...], word: str) -> str:
    """Texts one after the other: a; a and b; a, b and c."""
    head, last = ", ".join(texts[:-1]), texts[-1]
    return f"{head} {word} {last}" if head else last
