"""How does a session get live prices from Binance, or from an exchange that speaks like it?"""

from __future__ import annotations

from core.market.follower import Follower, FollowPace
from core.market.funding_watch import FundingWatch
from core.market.market_desk import BinanceMarket
from core.market.sequence import CandleSequence
from core.market.venue_feed import VenueFeed


class LiveFeed(VenueFeed):
    """Public streams with REST back-fill, for one session.

    `market` is shared by all sessions of the host, and outlives the feed. The last price comes with
    the candles' stream, whether quotes are asked for or not.
    """

    def __init__(self, market: BinanceMarket, pace: FollowPace | None = None) -> None:
        super().__init__(market.history)
        self._market = market
        self._pace = pace or FollowPace()

    def _follow(
        self, sequence: CandleSequence, funding: FundingWatch | None, *, quotes: bool
    ) -> Follower:
        return Follower(self._market, self._inbox, sequence, funding, self._pace, quotes=quotes)
