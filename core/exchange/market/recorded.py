"""A market made of candle files."""

from __future__ import annotations

from collections.abc import Mapping

from core.exchange.market.instruments import Instrument, digits_of, instrument
from core.exchange.market.market_replay import aggregate
from core.market.candles.candles import Candles
from core.market.candles.timeframes import Timeframe
from core.market.symbols import unified_symbol


class RecordedMarket:
    """Replays candles: `series` maps a unified symbol to its timeframe and candles.

    Every candle is served exactly as given; coarser ones are aggregated from them, except one that
    the series begins in the middle of. A gap in a series stays a gap. When a series runs out its
    instrument stops trading: no further candle, its quotes and streams fall silent, and
    exchangeInfo says status BREAK (SETTLING for a perpetual).
    """

    def __init__(self, series: Mapping[str, tuple[Timeframe, Candles]]) -> None:
        self._series: dict[str, tuple[Timeframe, Candles]] = {}
        self._aggregated: dict[tuple[str, Timeframe], Candles] = {}
        instruments: list[Instrument] = []
        for name, (timeframe, candles) in series.items():
            symbol = unified_symbol(name)
            if len(candles) == 0:
                raise ValueError(f"the candles of {symbol} are empty: a market needs at least one")
            self._series[symbol] = (timeframe, candles)
            instruments.append(instrument(symbol, float(candles.close[-1]), digits_of(candles)))
        if not instruments:
            raise ValueError("a market needs candles of at least one symbol")
        self._instruments = tuple(instruments)

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """Everything that is traded."""
        return self._instruments

    def finest(self, symbol: str) -> Timeframe:
        """The timeframe of the symbol's own series."""
        return self._series[symbol][0]

    def candles(self, symbol: str, timeframe: Timeframe, start: int, stop: int) -> Candles:
        """Complete candles that open in [start, stop) (UTC ms)."""
        return self._whole(symbol, timeframe).between(start, stop)

    def span(self, symbol: str) -> tuple[int, int]:
        """When the series' first candle opens and its last one has closed (UTC ms)."""
        timeframe, candles = self._series[symbol]
        return int(candles.time[0]), int(candles.time[-1]) + timeframe.ms

    def _whole(self, symbol: str, timeframe: Timeframe) -> Candles:
        own, candles = self._series[symbol]
        if timeframe is own:
            return candles
        known = self._aggregated.get((symbol, timeframe))
        if known is None:
            first = timeframe.next_open(int(candles.time[0]) - 1)
            known = aggregate(candles.slice(int(candles.time.searchsorted(first))), timeframe)
            self._aggregated[symbol, timeframe] = known
        return known
