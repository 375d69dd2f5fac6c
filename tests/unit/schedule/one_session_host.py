"""A host with one session, which does at once what it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from core.paper.link import CommandError
from core.paper.snapshot import (
    BrokerKind,
    FeedKind,
    HostSnapshot,
    LogLine,
    Mode,
    SessionDetail,
    SessionSnapshot,
    SessionState,
    StartReply,
    StartRequest,
)
from core.trading.values import ExitReason, Fills, Side, Trade

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


class OneSessionHost:
    """`HostLink` to a host with one session. `commands` lists what it was told."""

    def __init__(self, started: int) -> None:
        self.commands: list[str] = []
        self.trades: list[Trade] = []
        self.session: SessionSnapshot | None = SessionSnapshot(
            id=ID,
            strategy="rsi_bounce",
            symbols=("BTC/USDT",),
            timeframe="4h",
            mode=Mode.DEMO,
            state=SessionState.RUNNING,
            state_reason=None,
            feed=FeedKind.DEMO,
            broker=BrokerKind.SIMULATED,
            fills=Fills.MARKET,
            started=started,
            running_since=started,
            planned_end=None,
            ended=None,
            now=started,
            last_candle=None,
            last_price_at=None,
            trades_count=0,
            wins=0,
            open_positions=(),
            starting_balance=10_000.0,
            realized_pnl=0.0,
            unrealized_pnl=0.0,
            equity=10_000.0,
            pnl_today=0.0,
            equity_curve=(),
            notices=(),
            next_jobs=(),
        )

    def change(self, **fields: object) -> None:
        """Change the session's snapshot."""
        assert self.session is not None
        self.session = replace(self.session, **fields)

    def trade(self) -> None:
        """Close one more trade."""
        self.trades.append(a_trade(len(self.trades) + 1))
        count = len(self.trades)
        self.change(trades_count=count, equity=10_000.0 + 100 * count)

    def snapshot(self) -> HostSnapshot:
        sessions = () if self.session is None else (self.session,)
        return HostSnapshot(1, "headless", 0, 0, "/nowhere", sessions, 0)

    def logs(self, after: int = 0, session_id: str | None = None) -> tuple[LogLine, ...]:
        return ()

    async def start(self, request: StartRequest) -> StartReply:
        self.commands.append("start")
        self.change(planned_end=request.until)
        return StartReply(ID, Mode.DEMO, ())

    async def stop(self, session_id: str, *, flatten: bool = False) -> Mapping[str, object]:
        self.commands.append(f"stop {session_id}")
        self._known(session_id)
        self.change(state=SessionState.STOPPED)
        return await self.report(session_id)

    async def report(self, session_id: str) -> Mapping[str, object]:
        self._known(session_id)
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

    async def detail(self, session_id: str) -> SessionDetail:
        self._known(session_id)
        return SessionDetail(session_id, {}, {}, tuple(self.trades), (), ())

    async def pause(self, session_id: str) -> None:
        self.commands.append(f"pause {session_id}")

    async def resume(self, session_id: str) -> None:
        self.commands.append(f"resume {session_id}")

    async def flatten(self, session_id: str, symbol: str | None = None) -> None:
        self.commands.append(f"flatten {session_id} {symbol}")

    async def restart(self, session_id: str) -> StartReply:
        self.commands.append(f"restart {session_id}")
        return StartReply(ID, Mode.DEMO, ())

    async def archive(self, session_id: str) -> None:
        self.commands.append(f"archive {session_id}")

    async def delete(self, session_id: str) -> None:
        self.commands.append(f"delete {session_id}")

    async def ask(self, do: str, answer: type[object], **arguments: object) -> Any:
        raise CommandError(f"this host has no command {do!r}")

    def _known(self, session_id: str) -> None:
        if self.session is None or session_id != self.session.id:
            raise CommandError(f"there is no session {session_id!r}")
