"""What is known of a session that could explain why it traded otherwise than its backtest?

Values only, taken from the session's journal by whoever reads it. Times are open times of candles,
UTC ms.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from core.market.timeframes import Timeframe
from core.trading.values import Refused


@dataclass(frozen=True, slots=True)
class Span:
    """Candles from `first` to `last`, both included, of one symbol or (None) of all.

    `note` says what happened in words, if there is more to say than the dates.
    """

    first: int
    last: int
    symbol: str | None = None
    note: str = ""

    def meets(self, symbol: str, first: int, last: int) -> bool:
        """Whether it has a candle of `symbol` in common with `first` to `last`, both included."""
        return self.symbol in (None, symbol) and self.first <= last and first <= self.last


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that happened to a session, and to the backtest it is compared with.

    Attributes:
        timeframe: of the strategy.
        gaps: candles the session never had.
        revised: candles the exchange now tells otherwise than the session saw them.
        away: candles that closed while no host ran the session.
        refused: orders of the session that were due and did not become trades: for a risk limit, a
            pause, a filter, the balance.
        backtest_refused: the same of the backtest.
        backtest_halted: since when a risk limit had stopped the backtest for good.
        same_warmup: whether both began their indicators with the same candle.
        lookback: how many candles back an indicator still feels one, for gaps and revisions.
    """

    timeframe: Timeframe
    gaps: tuple[Span, ...] = ()
    revised: tuple[Span, ...] = ()
    away: tuple[Span, ...] = ()
    refused: tuple[Refused, ...] = ()
    backtest_refused: tuple[Refused, ...] = ()
    backtest_halted: tuple[Span, ...] = ()
    same_warmup: bool = True
    lookback: int = 200


def first_met(spans: Iterable[Span], symbol: str, first: int, last: int) -> Span | None:
    """The first of `spans` that has a candle in common with `first` to `last`, or None."""
    return next((span for span in spans if span.meets(symbol, first, last)), None)
