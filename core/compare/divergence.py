"""Matches the trades of a session with its backtest's, and explains each difference.

Every trade of both runs is there once; the parts of its difference sum to the cent, and what
differs carries a cause (docs/rules.md §6).
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cached_property

import msgspec

from core.compare.causes import (
    Cause,
    CauseKind,
    Evidence,
    extra_cause,
    knock_on,
    last_resort,
    left_open_cause,
    missing_cause,
    pair_cause,
)
from core.compare.matching import Matching, Pair, decision, match_trades
from core.compare.waterfall import Part, Parts, in_cents, pair_parts, sum_parts
from core.market.symbols import money_decimals
from core.text import reason_text, signed_per_cent
from core.trading.values import ExitReason, OpenTrade, Trade, TradePart

_NEVER = 1 << 62

Readings = Callable[[str, int], Mapping[str, float | None]]
"""The indicator values of a symbol at the candle that opened then."""


class MatchKind(StrEnum):
    """Which of the two runs made a trade."""

    MATCHED = "matched"
    MISSING = "missing"
    EXTRA = "extra"


class TradeDifference(msgspec.Struct, frozen=True):
    """One decision in both runs.

    `parts` sum to its difference in P&L; `cause` is None where the trades are the same. `held`:
    the position of the run that did not close the trade, where it still holds it at the end.
    """

    backtest: Trade | None
    paper: Trade | None
    parts: Parts
    cause: Cause | None
    held: OpenTrade | None = None

    @property
    def kind(self) -> MatchKind:
        """Which of the two made it."""
        if self.paper is None:
            return MatchKind.MISSING
        return MatchKind.EXTRA if self.backtest is None else MatchKind.MATCHED

    @property
    def trade(self) -> Trade:
        """The trade that was made: the backtest's where both were."""
        made = self.backtest or self.paper
        assert made is not None
        return made

    @property
    def difference(self) -> float:
        """P&L of the session minus P&L of the backtest; what is `held` counts as it is marked."""
        return math.fsum(self.parts.values())


@dataclass(frozen=True)
class Divergence:
    """Every trade of both runs in order of its decision.

    `starting_balance`: the session's, quote currency, for effects in per cent.
    """

    trades: tuple[TradeDifference, ...]
    starting_balance: float

    @cached_property
    def parts(self) -> Parts:
        """The difference in P&L split into its parts, all of them."""
        return sum_parts(each.parts for each in self.trades)

    @property
    def difference(self) -> float:
        """P&L of the session minus P&L of the backtest: the correctly rounded sum of the parts."""
        return math.fsum(self.parts.values())

    @cached_property
    def decimals(self) -> int:
        """Those that its amounts are written with."""
        return money_decimals(*(each.trade.symbol for each in self.trades))

    @cached_property
    def differing(self) -> tuple[TradeDifference, ...]:
        """The trades that are not the same in both."""
        return tuple(trade for trade in self.trades if trade.cause is not None)

    def count(self, kind: MatchKind) -> int:
        """How many trades are matched, missing or extra."""
        return sum(trade.kind is kind for trade in self.trades)

    @cached_property
    def by_cause(self) -> tuple[tuple[CauseKind, int, float], ...]:
        """Each cause with its number of trades and its effect on P&L, the most frequent first."""
        effects: dict[CauseKind, list[float]] = defaultdict(list)
        for trade in self.trades:
            if trade.cause is not None:
                effects[trade.cause.kind].append(trade.difference)
        found = [(kind, len(each), math.fsum(each)) for kind, each in effects.items()]
        return tuple(sorted(found, key=lambda row: (-row[1], -abs(row[2]))))

    @cached_property
    def causes_in_cents(self) -> dict[CauseKind, Decimal]:
        """The effect of each cause as it is written: they sum as the parts do (`in_cents`)."""
        return in_cents({kind: effect for kind, _, effect in self.by_cause}, self.decimals)

    @cached_property
    def fees(self) -> float:
        """What the session's trades paid in fees, quote currency."""
        return math.fsum(each.paper.fees for each in self.trades if each.paper is not None)

    @property
    def summary(self) -> str:
        """In words: `4 of 31 trades differ: 2 slippage -0.40%, 1 data gap +0.10%, …`.

        Per cent of the starting balance; an effect that rounds to nothing is left out.
        """
        n = len(self.trades)
        if not n:
            return "no trades in either run"
        causes = self.by_cause
        if not causes:
            return f"all {n} trades are the same" if n > 1 else "the one trade is the same"
        told = []
        for kind, count, effect in causes:
            share = effect / self.starting_balance * 100
            shown = f" {signed_per_cent(share)}" if abs(share) >= 0.005 else ""
            told.append(f"{count} {reason_text(kind)}{shown}")
        differing = sum(count for _, count, _ in causes)
        verb = "differs" if differing == 1 else "differ"
        return f"{differing} of {n} trades {verb}: {', '.join(told)}"


def find_divergence(
    backtest: Sequence[Trade],
    paper: Sequence[Trade],
    evidence: Evidence,
    starting_balance: float,
    *,
    backtest_open: Sequence[OpenTrade] = (),
    paper_open: Sequence[OpenTrade] = (),
) -> Divergence:
    """Match the trades of a session and of its backtest over the same period, and explain them.

    Args:
        backtest: its closed trades, in exit order.
        paper: the session's.
        evidence: what happened to the session.
        starting_balance: of the session, quote currency.
        backtest_open: positions the backtest ended with: a trade the session closed and the
            backtest did not is told apart from one it never made.
        paper_open: positions the session ended with.
    """
    matching = match_trades(backtest, paper)
    differences = [
        TradeDifference(pair.backtest, pair.paper, pair_parts(pair), pair_cause(pair, evidence))
        for pair in matching.pairs
    ]
    differences += _unmatched(matching, differences, evidence, backtest_open, paper_open)
    differences.sort(key=lambda each: (each.trade.signal_time, each.trade.id))
    return Divergence(tuple(differences), starting_balance)


_Explained = tuple[Trade, Cause | None]


def _decided(one: _Explained) -> int:
    return one[0].signal_time


def _unmatched(
    matching: Matching,
    matched: Sequence[TradeDifference],
    evidence: Evidence,
    backtest_open: Sequence[OpenTrade],
    paper_open: Sequence[OpenTrade],
) -> list[TradeDifference]:
    """The missing and extra trades with their causes.

    In order of their decisions, so that a trade which only follows from another finds that one
    already explained.
    """
    if not matching.missing and not matching.extra:
        return []
    # By symbol, in order of decision: what could have kept that run from deciding otherwise.
    in_paper: dict[str, list[_Explained]] = defaultdict(list)
    in_backtest: dict[str, list[_Explained]] = defaultdict(list)
    for each in matched:
        if each.paper is not None and each.backtest is not None:
            in_paper[each.paper.symbol].append((each.paper, each.cause))
            in_backtest[each.backtest.symbol].append((each.backtest, each.cause))
    for made in (*in_paper.values(), *in_backtest.values()):
        made.sort(key=_decided)
    open_in_paper = {decision(one): one for one in paper_open if not one.by_hand}
    open_in_backtest = {decision(one): one for one in backtest_open}
    alone = [(trade, True) for trade in matching.missing]
    alone += [(trade, False) for trade in matching.extra]
    alone.sort(key=lambda one: one[0].signal_time)
    found = []
    for trade, missing in alone:
        there = open_in_paper if missing else open_in_backtest
        held = None if trade.by_hand else there.get(decision(trade))
        if held is None:
            direct = (missing_cause if missing else extra_cause)(trade, evidence)
        else:
            direct = left_open_cause(trade, held, evidence)
        others = (in_paper if missing else in_backtest)[trade.symbol]
        before = bisect_left(others, trade.signal_time, key=_decided)
        follows = knock_on(trade, *others[before - 1]) if before else None
        cause = direct or follows or last_resort(trade, evidence)
        if held is not None:
            where = "session" if missing else "replay"
            worth = f"{held.unrealized_pnl:+z,.{money_decimals(held.symbol)}f}"
            cause = Cause(cause.kind, f"still open in the {where} at {worth}; {cause.detail}")
            # The position that is still open keeps its run from entering again.
            kept = (msgspec.structs.replace(trade, exit_time=_NEVER), cause)
            insort(others, kept, key=_decided)
        insort((in_backtest if missing else in_paper)[trade.symbol], (trade, cause), key=_decided)
        found.append(
            TradeDifference(trade, None, _alone(trade, held, Part.MISSING), cause, held)
            if missing
            else TradeDifference(None, trade, _alone(trade, held, Part.EXTRA), cause, held)
        )
    return found


def _alone(trade: Trade, held: OpenTrade | None, part: Part) -> Parts:
    """What a trade that one run alone has closed makes of the difference.

    All it made, unless the other still holds the position: then it is set against what that has
    come to, as if it were left by hand at its mark.
    """
    if held is None:
        return {part: trade.pnl if part is Part.EXTRA else -trade.pnl}
    parts = held.parts
    if parts:
        left = TradePart(trade.exit_time, held.mark_price, held.quantity, 0.0, ExitReason.MANUAL)
        parts = (*parts, left)
    marked = msgspec.structs.replace(
        trade,
        entry_price=held.entry_price,
        exit_price=held.mark_price,
        quantity=held.quantity + sum(one.quantity for one in held.parts),
        fees=held.fees,
        funding=held.funding,
        pnl=held.unrealized_pnl,
        exit_reason=ExitReason.MANUAL,
        parts=parts,
        entries=held.entries,
    )
    return pair_parts(Pair(marked, trade) if part is Part.EXTRA else Pair(trade, marked))
