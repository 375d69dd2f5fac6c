"""A host with one session, which does at once what it is told."""

from __future__ import annotations

from collections.abc import Mapping

from core.journal.values import FeedKind, Mode
from core.session.snapshot import SessionDetail
from core.trading.values import ExitReason, Side, Trade
from tests.ui.scripted import ScriptedLink, session

ID = "ab12cd34"


def a_trade(number: int) -> Trade:
    """A trade that made 100 on a margin of 1,000."""
    return Trade(
        id=number,
        symbol="BTC/USDT",
        side=Side.LONG,
        signal_time=0,
        entry_time=0,
        entry_price=100.0,
        exit_time=1,
        exit_price=110.0,
        quantity=10.0,
        leverage=1.0,
        margin=1_000.0,
        fees=0.0,
        funding=0.0,
        pnl=100.0,
        pnl_pct=10.0,
        exit_reason=ExitReason.SIGNAL,
    )


class OneSessionHost(ScriptedLink):
    """A host with one session, which closes trades when a test says so."""

    def __init__(self, started: int) -> None:
        only = session(
            ID,
            "rsi_bounce",
            timeframe="4h",
            mode=Mode.SIMULATED,
            feed=FeedKind.LIVE,
            started=started,
            running_since=started,
            now=started,
            last_candle=None,
            last_price_at=None,
        )
        super().__init__([only], now=started)
        self.trades: list[Trade] = []

    def trade(self) -> None:
        """Close one more trade."""
        self.trades.append(a_trade(len(self.trades) + 1))
        count = len(self.trades)
        self.change(ID, trades_count=count, equity=10_000.0 + 100 * count)

    async def report(self, session_id: str) -> Mapping[str, object]:
        self.found(session_id)
        return {
            "metrics": {
                "total_trades": len(self.trades),
                "total_return_pct": float(len(self.trades)),
                "win_rate_pct": 100.0,
                "profit_factor": None,
                "max_drawdown_pct": 0.5,
            },
            "recommendation": "Strategy validated. Consider going live with small position.",
        }

    async def closed_trades(self, session_id: str) -> tuple[Trade, ...]:
        self.found(session_id)
        return tuple(self.trades)

    async def detail(self, session_id: str) -> SessionDetail:
        self.found(session_id)
        return SessionDetail(session_id, {}, {}, tuple(self.trades), (), ())
