"""Measures what the fills of sessions cost, against what the backtest assumed and the edge bears.

The shortfall of a fill is by how much it was worse than the price the rules give without slippage,
in basis points of that price; fees are apart. Only fills by the market's prices are measured: those
by the candles cost what is assumed, by definition. Targets and limit entries rest as limit orders,
which slip by nothing, and a hand's exit follows no rule: none of these is measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import msgspec

from core.compare.evidence import Journaled
from core.market.candles.timeframes import HOUR
from core.text import basis_points
from core.trading.values import ExitReason, Quote, Trade
from core.trial.costs import FEWEST_FILLS, CostFinding, Costs, judge_costs
from core.trial.seal import ErrorRates, Margins, PromisedCosts
from core.trial.state import State

_BP = 10_000.0
_SIZES = 5  # groups of fills by size
_NOT_MEASURED = (
    ExitReason.TAKE_PROFIT,
    ExitReason.ROI,
    ExitReason.LIQUIDATION,
    ExitReason.MANUAL,
)


class FillCost(msgspec.Struct, frozen=True, gc=False):
    """One fill by the market's prices.

    Attributes:
        time: the venue's time of the fill, UTC ms.
        symbol: what was traded.
        entry: whether it opened a position.
        notional: price × quantity, quote currency.
        shortfall_bp: by how much it was worse than the rules' price, basis points.
        half_spread_bp: the part of it that half the spread of its quote was; None where the quote
            had no two sides. The rest is what the market moved until the fill.
    """

    time: int
    symbol: str
    entry: bool
    notional: float
    shortfall_bp: float
    half_spread_bp: float | None


@dataclass(frozen=True, slots=True)
class CostGroup:
    """Fills that have something in common, and what one of them costs, in basis points.

    Attributes:
        low, high: what they have in common, both included: hours of the day (UTC), or notionals in
            quote currency.
        fills: how many they are, at least one.
        shortfall: their mean shortfall.
        half_spread: the mean half spread of those whose quotes told one; None where none did.
        delay: the rest of the shortfall of those; None likewise.
    """

    low: float
    high: float
    fills: int
    shortfall: float
    half_spread: float | None
    delay: float | None


@dataclass(frozen=True, slots=True)
class CostLayer:
    """What a fill costs. All in basis points of the notional.

    Attributes:
        judged: their mean with the interval that holds at every look.
        fees: what fees took of a fill; None without a trade.
        assumed_fees: what the backtest assumed.
        break_even: what slippage and fees together may come to; None where it is not known.
        fills: those measured, in order of time.
    """

    judged: Costs
    fees: float | None
    assumed_fees: float | None
    break_even: float | None
    fills: tuple[FillCost, ...]

    @property
    def state(self) -> State | None:
        """Kept where the edge bears what fills cost, broken where that eats it, else open.

        None where no fill was measured: by the candles, each costs what is assumed.
        """
        if not self.fills:
            return None
        if self.judged.finding is CostFinding.EATS_EDGE:
            return State.BROKEN
        return State.KEPT if self.judged.bearable else State.OPEN

    @property
    def word(self) -> str:
        """What they amount to, in one word."""
        return _WORDS[self.judged.finding] if self.fills else "unmeasured"

    @property
    def borne(self) -> bool:
        """Whether the edge bears what fills cost; where none was measured, what is assumed."""
        return self.state is not State.BROKEN and bool(self.judged.bearable)

    @property
    def half_spread(self) -> float | None:
        """Mean half spread, where quotes told it."""
        return _half_spread_of(self.fills)

    @property
    def delay(self) -> float | None:
        """Mean of what the market moved until the fill, beside half the spread."""
        return _delay_of(self.fills)

    def by_hour(self) -> tuple[CostGroup, ...]:
        """The fills by their hour of the day (UTC); hours without one are left out."""
        hours: dict[int, list[FillCost]] = {}
        for fill in self.fills:
            hours.setdefault(fill.time // HOUR % 24, []).append(fill)
        return tuple(_group(hour, hour, fills) for hour, fills in sorted(hours.items()))

    def by_size(self) -> tuple[CostGroup, ...]:
        """The fills by their notional, in up to five groups of about as many, the smallest first.

        Sizes that are the same to four digits are not parted: a group ends with the last of them.
        """
        fills = sorted(self.fills, key=lambda fill: fill.notional)
        edges = {0}
        for share in range(1, _SIZES + 1):
            edge = max(1, len(fills) * share // _SIZES)
            while edge < len(fills) and _same_size(fills[edge - 1], fills[edge]):
                edge += 1
            edges.add(min(edge, len(fills)))
        parts = (fills[begin:end] for begin, end in pairwise(sorted(edges)))
        return tuple(_group(part[0].notional, part[-1].notional, part) for part in parts)

    @property
    def found(self) -> str:
        """What they amount to, in words."""
        if self.judged.finding is CostFinding.OPEN and self.judged.fills < FEWEST_FILLS:
            return f"judged from {FEWEST_FILLS} fills on"
        return _FOUND[self.judged.finding]

    @property
    def text(self) -> str:
        """In words: `assumed 5.0 bp, seen 6.2 (5.1 to 7.4), break-even 31: within …`."""
        judged = self.judged
        parts = [f"assumed {basis_points(judged.assumed)} bp a fill"]
        if judged.seen is None:
            parts.append("no fill by the market's prices was measured")
        else:
            seen = f"seen {basis_points(judged.seen)}"
            if judged.low is not None and judged.high is not None:
                seen += f" ({basis_points(judged.low)} to {basis_points(judged.high)})"
            parts.append(seen)
        if self.half_spread is not None and self.delay is not None:
            parts.append(
                f"half spread {basis_points(self.half_spread)}, delay {basis_points(self.delay)}"
            )
        if self.fees is not None:
            parts.append(f"fees {basis_points(self.fees)}")
        if self.break_even is not None:
            parts.append(f"break-even {basis_points(self.break_even)} with fees")
        text = ", ".join(parts)
        if judged.seen is not None:
            text += f": {self.found}"
        return text


_WORDS = {
    CostFinding.WITHIN: "within",
    CostFinding.AS_ASSUMED: "as assumed",
    CostFinding.DEARER: "dearer",
    CostFinding.EATS_EDGE: "too dear",
    CostFinding.OPEN: "open",
}

_FOUND = {
    CostFinding.WITHIN: "within what the edge bears",
    CostFinding.AS_ASSUMED: "as assumed",
    CostFinding.DEARER: "dearer than assumed",
    CostFinding.EATS_EDGE: "they eat the edge",
    CostFinding.OPEN: "too few fills to tell",
}


def _group(low: float, high: float, fills: Sequence[FillCost]) -> CostGroup:
    mean = math.fsum(fill.shortfall_bp for fill in fills) / len(fills)
    return CostGroup(low, high, len(fills), mean, _half_spread_of(fills), _delay_of(fills))


def _same_size(one: FillCost, other: FillCost) -> bool:
    return f"{one.notional:.4g}" == f"{other.notional:.4g}"


def _half_spread_of(fills: Sequence[FillCost]) -> float | None:
    known = [one.half_spread_bp for one in fills if one.half_spread_bp is not None]
    return math.fsum(known) / len(known) if known else None


def _delay_of(fills: Sequence[FillCost]) -> float | None:
    known = [
        one.shortfall_bp - one.half_spread_bp for one in fills if one.half_spread_bp is not None
    ]
    return math.fsum(known) / len(known) if known else None


def cost_layer(
    fills: Sequence[FillCost],
    trades: Sequence[Trade],
    promised: PromisedCosts,
    margins: Margins,
    errors: ErrorRates,
) -> CostLayer:
    """Judge what fills cost.

    Args:
        fills: those measured, in order of time.
        trades: all closed trades of the sessions, for the fees.
        promised: what the backtest assumed, and what its edge bears.
        margins: how much dearer than assumed still counts as alike.
        errors: how often costs that the edge bears may be said to eat it.
    """
    fees = fees_bp(trades)
    left = None
    if promised.break_even_bp is not None:
        left = promised.break_even_bp - (promised.fee_bp if fees is None else fees)
    judged = judge_costs(
        [one.shortfall_bp for one in fills],
        promised.slippage_bp,
        left,
        margin=margins.cost_bp,
        rate=errors.costs,
    )
    if not fills and left is not None:
        # Fills by the candles cost what is assumed, by definition.
        judged = replace(judged, bearable=promised.slippage_bp < left)
    return CostLayer(judged, fees, promised.fee_bp, promised.break_even_bp, tuple(fills))


def fees_bp(trades: Sequence[Trade]) -> float | None:
    """Fees of a fill in basis points of its notional; None without a trade."""
    traded = math.fsum((trade.entry_price + trade.exit_price) * trade.quantity for trade in trades)
    return math.fsum(trade.fees for trade in trades) / traded * _BP if traded else None


def measured_fills(
    trades: Iterable[Trade],
    slippage_bp: float,
    session: Journaled | None,
    *,
    limit_entries: bool = False,
) -> list[FillCost]:
    """The fills of a session that can be measured, in order of time.

    Args:
        trades: its closed trades.
        slippage_bp: what its config assumes, which is part of the candles' prices beside the fills.
        session: its files, for the quotes; None where they cannot be read.
        limit_entries: whether it enters by limit orders.
    """
    quotes = {} if session is None else session.happened.quotes
    assumed = slippage_bp / _BP
    found = []
    for trade in trades:
        sign, left = trade.side.sign, trade.exit_reason not in _NOT_MEASURED
        # Of several exits only the last may have been a market order: parts leave at targets.
        exit_price, out = trade.exit_price, trade.quantity
        if trade.parts:
            exit_price, out = trade.parts[-1].price, trade.parts[-1].quantity
        entry_price, into = trade.entry_price, trade.quantity
        if trade.entries:
            entry_price, into = trade.entries[0].price, trade.entries[0].quantity
        entry_at = None if limit_entries else trade.entry_filled_at
        exit_at = trade.exit_filled_at if left else None
        for at, price, quantity, candle, buys in (
            (entry_at, entry_price, into, trade.candle_entry_price, sign),
            (exit_at, exit_price, out, trade.candle_exit_price, -sign),
        ):
            if at is not None and candle is not None:
                due = candle / (1 + buys * assumed)
                quote = quotes.get((trade.symbol, at))
                found.append(
                    FillCost(
                        at,
                        trade.symbol,
                        buys == sign,
                        price * quantity,
                        buys * (price - due) / due * _BP,
                        None if quote is None else _half_spread(quote),
                    )
                )
    return sorted(found, key=lambda one: (one.time, one.symbol))


def _half_spread(quote: Quote) -> float | None:
    if quote.bid is None or quote.ask is None or quote.bid <= 0:
        return None
    return (quote.ask - quote.bid) / (quote.ask + quote.bid) * _BP
