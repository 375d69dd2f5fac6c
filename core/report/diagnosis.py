"""Explains why a run closed no trade (docs/rules.md §4)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.strategy.config.conditions import Condition, Direction, Rule
from core.strategy.config.config import StrategyConfig
from core.strategy.signals.conditions import rule_text
from core.strategy.signals.source import (
    ENTER_LONG,
    ENTER_SHORT,
    EXIT_LONG,
    EXIT_SHORT,
    ConditionSeries,
    Flags,
)
from core.text import counted

_FLAGS = {
    Direction.LONG: (ENTER_LONG, EXIT_LONG),
    Direction.SHORT: (ENTER_SHORT, EXIT_SHORT),
}


@dataclass(frozen=True, slots=True, eq=False)
class SymbolConditions:
    """What the signals of one symbol were, and the conditions behind them.

    `flags` are those of all its candles, `first` is the position of the first candle that was
    decided on. `series` are its conditions over all candles; empty where its signals come from
    something else.
    """

    series: Sequence[ConditionSeries]
    flags: Flags
    first: int

    @property
    def decided(self) -> Flags:
        """The flags of the candles decided on."""
        return self.flags[self.first :]


@dataclass(slots=True)
class _Count:
    """One condition over all symbols; `without`: entries there would be were it dropped.

    `without` None: nothing would be left to enter by. `ever`: whether it had a value on any candle
    at all; `closest`: the value that came nearest to its `threshold`, `distance` away from it;
    `apart`: whether the two ever differed.
    """

    group: str
    condition: Rule
    hits: int = 0
    valid: int = 0
    nan: int = 0
    ever: bool = False
    without: int | None = None
    closest: float | None = None
    threshold: float = math.nan
    distance: float = math.inf
    apart: bool = False

    @property
    def text(self) -> str:
        return rule_text(self.condition)


def diagnose(
    config: StrategyConfig,
    symbols: Sequence[SymbolConditions],
    refusals: Sequence[str] = (),
    still_open: int = 0,
) -> dict[str, object]:
    """What kept a run from closing a trade, as plain JSON values.

    Args:
        config: the strategy.
        symbols: what the conditions said, for each symbol.
        refusals: why orders that were due did not become trades, a sentence each.
        still_open: how many positions the run ended with.

    Returns:
        `summary` (a sentence); `candles` and `decided` (how many there were, how many were decided
        on, over all symbols); `conditions`, each with its `hits` among the `valid` candles decided
        on (a hit in the warm-up could have entered nothing), its `nan` candles (of all candles)
        and, for an entry, `without`: on how many decided candles the entry would have held without
        it (the drop-one analysis; null for the only one of its side), and `closest`: the value that
        came nearest, where it never held (null where it is never apart from what it is held to);
        `entries`, candles on which a whole entry held, and how many of them were
        `cancelled` by an exit or the opposite entry on the same candle; `refused`, by reason;
        `bottleneck`, the condition whose absence would have given the most entries, or null.
    """
    counts: list[_Count] = []
    entries = cancelled = decided = 0
    for symbol in symbols:
        if not counts:
            counts = [_Count(one.group, one.condition) for one in symbol.series]
        for count, one in zip(counts, symbol.series, strict=True):
            _add(count, one, symbol.first)
        flags = symbol.decided
        decided += len(flags)
        both = (flags & ENTER_LONG != 0) & (flags & ENTER_SHORT != 0)
        for side in config.sides:
            enter, leave = _FLAGS[side]
            entered = flags & enter != 0
            entries += int(np.count_nonzero(entered))
            cancelled += int(np.count_nonzero(entered & ((flags & leave != 0) | both)))
            _drop_each(side, symbol, counts)
    bottleneck = _bottleneck(counts, entries)
    return {
        "summary": _summary(counts, entries, cancelled, decided, refusals, still_open, bottleneck),
        "candles": sum(len(symbol.flags) for symbol in symbols),
        "decided": decided,
        "conditions": [
            {
                "group": count.group,
                "condition": count.text,
                "hits": count.hits,
                "valid": count.valid,
                "nan": count.nan,
                "without": count.without,
                "closest": count.closest if count.hits == 0 and count.apart else None,
            }
            for count in counts
        ],
        "entries": entries,
        "cancelled": cancelled,
        "refused": [{"why": why, "count": n} for why, n in Counter(refusals).most_common()],
        "bottleneck": None if bottleneck is None else bottleneck.text,
    }


def _add(count: _Count, one: ConditionSeries, first: int) -> None:
    """Count what a condition said, from the first candle on that was decided on."""
    valid = one.valid[first:]
    count.hits += int(np.count_nonzero(one.holds[first:]))
    count.valid += int(np.count_nonzero(valid))
    count.nan += len(one.valid) - int(np.count_nonzero(one.valid))
    count.ever = count.ever or bool(one.valid.any())
    if valid.any() and count.hits == 0:
        values = one.values[first:]
        gaps = np.where(valid, np.abs(values - one.thresholds[first:]), np.inf)
        nearest = int(np.argmin(gaps))
        count.apart = count.apart or bool(gaps[valid].any())
        if gaps[nearest] < count.distance:
            count.closest, count.distance = float(values[nearest]), float(gaps[nearest])
            count.threshold = float(one.thresholds[first + nearest])


def _drop_each(side: Direction, symbol: SymbolConditions, counts: list[_Count]) -> None:
    """Add to the count of each entry condition of `side` what dropping it would have given.

    How many conditions fail on a candle tells: none fails, or only this one. Without the only one
    there is no entry.
    """
    members = [
        at
        for at, one in enumerate(symbol.series)
        if one.group == "entry" and one.condition.concerns(side)
    ]
    if len(members) < 2:
        return
    held = [symbol.series[at].holds[symbol.first :] for at in members]
    failing = np.zeros(len(held[0]), dtype=np.int16)
    for one in held:
        failing += ~one
    enough = int(np.count_nonzero(failing == 0))
    for at, one in zip(members, held, strict=True):
        more = enough + int(np.count_nonzero((failing == 1) & ~one))
        counts[at].without = (counts[at].without or 0) + more


def _bottleneck(counts: Sequence[_Count], entries: int) -> _Count | None:
    candidates = [count for count in counts if (count.without or 0) > entries]
    return max(candidates, key=lambda count: (count.without or 0, -count.hits), default=None)


def _nearest(never: Sequence[_Count]) -> str:
    """How near conditions came that never held."""
    alone = len(never) == 1
    if alone and never[0].closest is not None and not never[0].apart:
        return "; both sides of it are the same on every candle"
    known = [one for one in never if one.closest is not None and one.apart]
    # Of what must hold once, none held; of what must not, one did: that is no nearness.
    near = [(one.text, _closest(one)) for one in known if one.threshold > 1 or not _counts(one)]
    if alone:
        return "".join(f"; it came closest at {value}" for _, value in near)
    return f"; closest: {', '.join(f'{name} at {value}' for name, value in near)}" if near else ""


def _counts(count: _Count) -> bool:
    """Whether its values say how many hold: members of a group, or candles in a row."""
    return not isinstance(count.condition, Condition) or count.condition.lasting is not None


def _closest(count: _Count) -> str:
    """The value that came nearest, beside its threshold where that is no number of the config."""
    rule = count.condition
    if _counts(count):
        return f"{count.closest:.0f} of {count.threshold:.0f}"
    fixed = isinstance(rule, Condition) and isinstance(rule.right, float)
    against = "" if fixed else f" against {count.threshold:,.6g}"
    return f"{count.closest:,.6g}{against}"


def _summary(
    counts: Sequence[_Count],
    entries: int,
    cancelled: int,
    decided: int,
    refusals: Sequence[str],
    still_open: int,
    bottleneck: _Count | None,
) -> str:
    if decided == 0:
        unknown = [count.text for count in counts if not count.ever]
        of_these = f" ({', '.join(unknown)} never had a value)" if unknown else ""
        return f"too few candles: the indicators were not complete on any of them{of_these}"
    candles = counted(decided, "candle")
    if entries == 0 and not counts:
        return f"no entry was signalled on {candles}"
    if entries == 0:
        never = [count for count in counts if count.group == "entry" and count.hits == 0]
        if never:
            names = ", ".join(count.text for count in never)
            return f"{names} never held on {candles}{_nearest(never)}"
        if bottleneck is None:
            return (
                f"the entry conditions never held together on {candles}, "
                "nor would they with any one of them dropped"
            )
        return (
            f"the entry conditions never held together on {candles}; "
            f"the bottleneck is {bottleneck.text}: "
            f"without it there would be {counted(bottleneck.without or 0, 'entry', 'entries')}"
        )
    reasons = []
    if still_open:
        reasons.append(f"{counted(still_open, 'position is', 'positions are')} still open")
    if cancelled:
        reasons.append(
            f"{cancelled:,} cancelled by an exit or the opposite entry on the same candle"
        )
    if refusals:
        why, times = Counter(refusals).most_common(1)[0]
        reasons.append(f"{len(refusals):,} refused (most often, {times:,} times: {why})")
    if not reasons:
        reasons.append("none could still be filled within the data")
    mark = ";" if still_open else ", but:"
    return f"the entry held on {entries:,} of {candles}{mark} {'; '.join(reasons)}"
