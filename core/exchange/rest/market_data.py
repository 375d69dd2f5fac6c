"""The public REST endpoints: candles, quotes, depth and rules, on spot and on USDⓈ-M."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from core.exchange.errors import ExchangeError
from core.exchange.market.instruments import Instrument
from core.exchange.market.quotes import FUNDING_INTERVAL, MarketQuotes
from core.exchange.rest.calls import Call, Endpoint, Params, Routes
from core.exchange.rest.payloads import (
    FUTURES_WEIGHT_LIMIT,
    SPOT_WEIGHT_LIMIT,
    futures_market,
    kline_row,
    level_rows,
    on_steps,
    price_text,
    quantity_text,
    rate_limits,
    spot_market,
)
from core.market.candles.candles import Candle
from core.market.candles.timeframes import DAY, Timeframe

_DEPTH_LIMITS = (5, 10, 20, 50, 100, 500, 1000)


class MarketData:
    """Answers the public calls of one market type: spot, or USDⓈ-M where `perpetual`."""

    def __init__(self, venue: MarketQuotes, *, perpetual: bool) -> None:
        self._venue = venue
        self._perpetual = perpetual

    def routes(self) -> Routes:
        """The calls by method and path."""
        root = "/fapi/v1" if self._perpetual else "/api/v3"
        answers = {
            "ping": Endpoint(lambda _: {}),
            "time": Endpoint(self._time),
            "exchangeInfo": Endpoint(self._exchange_info, 1 if self._perpetual else 20),
            "klines": Endpoint(self._klines, self._klines_weight),
            "ticker/24hr": Endpoint(self._day_tickers, 2),
            "ticker/price": Endpoint(self._prices, 2),
            "ticker/bookTicker": Endpoint(self._book_tickers, 2),
            "depth": Endpoint(self._depth, 5),
        }
        if self._perpetual:
            answers["premiumIndex"] = Endpoint(self._premium_index)
            answers["fundingRate"] = Endpoint(self._funding_rates)
            answers["fundingInfo"] = Endpoint(lambda _: [])
        return {("GET", f"{root}/{name}"): answer for name, answer in answers.items()}

    def _time(self, call: Call) -> object:
        return {"serverTime": call.now}

    def _exchange_info(self, call: Call) -> object:
        venue = self._venue
        chosen = self._chosen(call.params)
        if self._perpetual:
            quotes = sorted({item.quote for item in chosen})
            return {
                "exchangeFilters": [],
                "rateLimits": rate_limits(FUTURES_WEIGHT_LIMIT),
                "serverTime": call.now,
                "assets": [
                    {"asset": asset, "marginAvailable": True, "autoAssetExchange": "-10000"}
                    for asset in quotes
                ],
                "symbols": [
                    futures_market(
                        item, venue.market.span(item.symbol)[0], trading=venue.trading(item)
                    )
                    for item in chosen
                ],
                "timezone": "UTC",
                "futuresType": "U_MARGINED",
            }
        return {
            "timezone": "UTC",
            "serverTime": call.now,
            "rateLimits": rate_limits(SPOT_WEIGHT_LIMIT),
            "exchangeFilters": [],
            "symbols": [spot_market(item, trading=venue.trading(item)) for item in chosen],
        }

    def _klines(self, call: Call) -> object:
        instrument = self._instrument(call.params)
        timeframe = self._venue.timeframe(instrument, call.params.text("interval"))
        limit = call.params.limit(500, 1500 if self._perpetual else 1000)
        start, stop = call.params.integer("startTime"), call.params.integer("endTime")
        candles = self._candles(instrument, timeframe, start, stop, limit, call.now)
        return [kline_row(candle, timeframe) for candle in candles]

    def _candles(
        self,
        instrument: Instrument,
        timeframe: Timeframe,
        start: int | None,
        stop: int | None,
        limit: int,
        now: int,
    ) -> list[Candle]:
        """Up to `limit` candles opening in [start, stop].

        The first ones where `start` is given, else the last ones; the one still forming is among
        them, unflagged, as on Binance.
        """
        replay, symbol = self._venue.replay, instrument.symbol
        past = timeframe.floor(now) if stop is None else min(timeframe.floor(now), stop + 1)
        if start is None:
            moment = now if stop is None else min(now, stop + timeframe.ms)
            candles = list(replay.latest(symbol, timeframe, moment, limit))
        else:
            candles = []
            begin = max(timeframe.next_open(start - 1), replay.market.span(symbol)[0])
            # A gap in the series makes room for later candles within the limit.
            while begin < past and len(candles) < limit:
                end = min(begin + (limit - len(candles)) * timeframe.ms, past)
                candles += replay.closed(symbol, timeframe, begin, end)
                begin = end
        opened = timeframe.floor(now)
        wanted = (start is None or opened >= start) and (stop is None or opened <= stop)
        forming = replay.forming(symbol, timeframe, now) if wanted else None
        if forming is not None:
            candles.append(on_steps(instrument, forming))
        return candles[-limit:] if start is None else candles[:limit]

    def _klines_weight(self, params: Params) -> int:
        if not self._perpetual:
            return 2
        limit = params.limit(500, 1500)
        return 1 if limit < 100 else 2 if limit < 500 else 5 if limit <= 1000 else 10

    def _day_tickers(self, call: Call) -> object:
        return self._one_or_all(call, self._day_ticker)

    def _day_ticker(self, instrument: Instrument, now: int) -> dict[str, object]:
        candle, last = day_so_far(self._venue, instrument, now), self._venue.last(instrument, now)
        change = last - candle.open
        average = (candle.open + candle.high + candle.low + candle.close) / 4
        bid, ask = self._venue.best(instrument, now)
        ticker: dict[str, object] = {
            "symbol": instrument.venue_symbol,
            "priceChange": price_text(instrument, change),
            "priceChangePercent": f"{change / candle.open * 100:.3f}",
            "weightedAvgPrice": f"{average:.8f}",
            "lastPrice": price_text(instrument, last),
            "lastQty": quantity_text(instrument, bid.quantity),
            "openPrice": price_text(instrument, candle.open),
            "highPrice": price_text(instrument, candle.high),
            "lowPrice": price_text(instrument, candle.low),
            "volume": f"{candle.volume:.8f}",
            "quoteVolume": f"{candle.volume * average:.8f}",
            "openTime": candle.time,
            "closeTime": now,
            "firstId": candle.time // 10,
            "lastId": now // 10,
            "count": (now - candle.time) // 10,
        }
        if not self._perpetual:
            ticker |= {
                "prevClosePrice": price_text(instrument, candle.open),
                "bidPrice": price_text(instrument, bid.price),
                "bidQty": quantity_text(instrument, bid.quantity),
                "askPrice": price_text(instrument, ask.price),
                "askQty": quantity_text(instrument, ask.quantity),
            }
        return ticker

    def _prices(self, call: Call) -> object:
        return self._one_or_all(
            call,
            lambda item, now: {
                "symbol": item.venue_symbol,
                "price": price_text(item, self._venue.last(item, now)),
                "time": now,
            },
        )

    def _book_tickers(self, call: Call) -> object:
        return self._one_or_all(call, self._book_ticker)

    def _book_ticker(self, instrument: Instrument, now: int) -> dict[str, object]:
        bid, ask = self._venue.best(instrument, now)
        ticker: dict[str, object] = {
            "symbol": instrument.venue_symbol,
            "bidPrice": price_text(instrument, bid.price),
            "bidQty": quantity_text(instrument, bid.quantity),
            "askPrice": price_text(instrument, ask.price),
            "askQty": quantity_text(instrument, ask.quantity),
        }
        if self._perpetual:
            ticker |= {"time": now, "lastUpdateId": now}
        return ticker

    def _depth(self, call: Call) -> object:
        instrument = self._instrument(call.params)
        limit = call.params.limit(500 if self._perpetual else 100, 5000)
        if self._perpetual and limit not in _DEPTH_LIMITS:
            raise ExchangeError(-4021, f"{limit} is not valid depth limit.")
        shown = self._venue.looked  # the moments that depth streams tell the changes between
        book = self._venue.book(instrument, shown, limit)
        depth: dict[str, object] = {"lastUpdateId": shown}
        if self._perpetual:
            depth |= {"E": shown, "T": shown}
        depth["bids"] = level_rows(instrument, book.bids)
        depth["asks"] = level_rows(instrument, book.asks)
        return depth

    def _premium_index(self, call: Call) -> object:
        return self._one_or_all(
            call,
            lambda item, now: {
                "symbol": item.venue_symbol,
                "markPrice": price_text(item, self._venue.mark(item, now)),
                "indexPrice": price_text(item, self._venue.index(item, now)),
                "estimatedSettlePrice": price_text(item, self._venue.index(item, now)),
                "lastFundingRate": f"{self._venue.funding_rate(item, now):.8f}",
                "interestRate": "0.00010000",
                "nextFundingTime": self._venue.next_funding(now),
                "time": now,
            },
        )

    def _funding_rates(self, call: Call) -> object:
        limit = call.params.limit(100, 1000)
        start, stop = call.params.integer("startTime"), call.params.integer("endTime")
        rows: list[dict[str, object]] = []
        for instrument in self._chosen(call.params):
            first, end = self._venue.market.span(instrument.symbol)
            last = min(call.now, end, call.now if stop is None else stop)
            latest = last - last % FUNDING_INTERVAL
            begin = latest - (limit - 1) * FUNDING_INTERVAL if start is None else start
            begin = -(-max(begin, first) // FUNDING_INTERVAL) * FUNDING_INTERVAL
            moments = range(begin, latest + 1, FUNDING_INTERVAL)[:limit]
            rows += [
                {
                    "symbol": instrument.venue_symbol,
                    "fundingTime": moment,
                    "fundingRate": f"{self._venue.funding_rate(instrument, moment):.8f}",
                    "markPrice": price_text(instrument, self._venue.mark(instrument, moment)),
                }
                for moment in moments
            ]
        return sorted(rows, key=lambda row: str(row["fundingTime"]))[-limit:]

    def _one_or_all(
        self, call: Call, row: Callable[[Instrument, int], dict[str, object]]
    ) -> object:
        """One row where a symbol was asked for, else a list of all that trade."""
        if call.params.optional("symbol"):
            return row(self._instrument(call.params), call.now)
        return [row(item, call.now) for item in self._chosen(call.params) if self._known(item)]

    def _known(self, instrument: Instrument) -> bool:
        """Whether the instrument has a price by now."""
        return self._venue.replay.price(instrument.symbol, self._venue.clock.now()) is not None

    def _instrument(self, params: Params) -> Instrument:
        return self._venue.instrument(params.text("symbol"), perpetual=self._perpetual)

    def _chosen(self, params: Params) -> list[Instrument]:
        """The instruments that `symbol` or `symbols` (a JSON list) names, else all."""
        markets: Mapping[str, Instrument]
        markets = self._venue.perpetuals if self._perpetual else self._venue.spot
        names = params.optional("symbol") or params.optional("symbols")
        if names is None:
            return list(markets.values())
        return [
            self._venue.instrument(name.strip(' "'), perpetual=self._perpetual)
            for name in names.strip("[]").split(",")
        ]


def day_so_far(venue: MarketQuotes, instrument: Instrument, now: int) -> Candle:
    """The last 24 hours as one candle that opens 24 hours before `now`."""
    finest = venue.market.finest(instrument.symbol)
    step = Timeframe.H1 if finest.ms < Timeframe.H1.ms else finest
    start = max(now - DAY, venue.market.span(instrument.symbol)[0])
    parts = list(venue.replay.closed(instrument.symbol, step, start, step.floor(now)))
    forming = venue.replay.forming(instrument.symbol, step, now)
    if forming is not None:
        parts.append(forming)
    last = venue.last(instrument, now)
    if not parts:
        return Candle(start, last, last, last, last, 0.0)
    return Candle(
        start,
        parts[0].open,
        max(part.high for part in parts),
        min(part.low for part in parts),
        last,
        sum(part.volume for part in parts),
    )
