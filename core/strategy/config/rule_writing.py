"""Writes conditions in the one way that counts for a config's hash."""

from __future__ import annotations

from core.strategy.config.conditions import Formula, Group, Joint, Reference, Rule


def rule_to_dict(rule: Rule) -> dict[str, object]:
    """One entry of a list of conditions as JSON values."""
    if isinstance(rule, Group):
        members: object = [rule_to_dict(one) for one in rule.members]
        if rule.joint is Joint.NOT:
            members = rule_to_dict(rule.members[0])
        written: dict[str, object] = {rule.joint.value: members}
    else:
        left, right = rule.left, rule.right
        written = {"indicator": str(left)}
        if isinstance(left, Reference):
            written = {"indicator": left.source, "field": left.field}
        written |= {
            "operator": rule.operator.value,
            "value": str(right) if isinstance(right, Reference | Formula) else right,
        }
    if rule.lasting is not None:
        written["for" if rule.lasting.every else "within"] = rule.lasting.candles
    if rule.direction is not None:
        written["direction"] = rule.direction.value
    return written
