"""Sees whether what the owner of a session wants to be told of has come to be.

Only what is durable counts: the same moment of a session that is taken up again is told once.
"""

from __future__ import annotations

from collections.abc import Iterable

from core.host.living_session import snapshot_of
from core.journal.session_notes import AlertKind, AlertRule
from core.market.candles.timeframes import DAY
from core.session.engine import Engine
from core.session.runner import Runner
from core.session.snapshot import SessionSnapshot
from core.session.view import mark_of


class AlertWatch:
    """Looks at sessions again and again, and remembers the highest equity of each."""

    def __init__(self) -> None:
        self._peaks: dict[str, float] = {}

    def come_true(self, engine: Engine, alerts: Iterable[AlertRule]) -> list[AlertRule]:
        """Those of `alerts` not told yet that are so now."""
        waiting = [alert for alert in alerts if alert.told is None]
        handler = engine.handler
        if not waiting or handler is None or not handler.settled or engine.state.ended:
            return []
        shown, runner = snapshot_of(engine), handler.runner
        peak = self._peaks.get(shown.id)
        if peak is None:
            peak = max((equity for _, equity in runner.equity_curve()), default=0.0)
        self._peaks[shown.id] = peak = max(peak, shown.starting_balance, shown.equity)
        return [alert for alert in waiting if _holds(alert, engine, runner, shown, peak)]


def _holds(
    alert: AlertRule, engine: Engine, runner: Runner, shown: SessionSnapshot, peak: float
) -> bool:
    match alert.kind:
        case AlertKind.DRAWDOWN:
            return (peak - shown.equity) / peak * 100 >= alert.value
        case AlertKind.NO_TRADE:
            since = _last_trade(runner, shown)
            return since is not None and engine.now() - since >= alert.value * DAY
    price = _price(alert.symbol, engine, runner)
    if price is None:
        return False
    return price >= alert.value if alert.kind is AlertKind.ABOVE else price <= alert.value


def _last_trade(runner: Runner, shown: SessionSnapshot) -> int | None:
    """When the session last entered or left anything, else since when it runs; UTC ms."""
    held = [one.entry_filled_at or one.entry_time for one in shown.open_positions]
    closed = [one.exit_filled_at or one.exit_time for one in runner.account.trades[-1:]]
    return max((*held, *closed), default=shown.running_since)


def _price(symbol: str | None, engine: Engine, runner: Runner) -> float | None:
    slot = None if symbol is None else runner.slots.get(symbol)
    if slot is None or symbol is None or engine.handler is None:
        return None
    seen = engine.handler.prices.get(symbol)
    price = None if seen is None else mark_of(seen)
    closed = runner.recent[slot]
    return closed[-1].close if price is None and closed else price
