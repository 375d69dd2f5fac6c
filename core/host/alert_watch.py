"""Sees whether what the owner of a session wants to be told of has come to be.

Only what is durable counts: the same moment of a session that is taken up again is told once.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable

from msgspec.structs import replace

from core.host.living_session import snapshot_of
from core.host.registry import SessionRegistry
from core.journal.session_notes import AlertKind, AlertRule, SessionNotes
from core.market.candles.candles import Candle
from core.market.candles.timeframes import DAY
from core.session.engine import Engine
from core.session.runner import Runner
from core.session.snapshot import SessionSnapshot
from core.session.view import mark_of
from core.text import number, per_cent

_EVERY = 1.0  # seconds between two looks


class AlertWatch:
    """Looks at living sessions again and again.

    `tell` is called once for each rule that came true, with the session's ID and the news.
    """

    def __init__(self, registry: SessionRegistry, tell: Callable[[str, str], None]) -> None:
        self._registry = registry
        self._tell = tell
        self._conditions = AlertConditions()

    async def run(self) -> None:
        """Tell of what owners of sessions wait for until cancelled."""
        while True:
            await asyncio.sleep(_EVERY)
            for engine, alerts in self._registry.waiting_for_alerts():
                for alert, now in self._conditions.come_true(engine, alerts).items():
                    await self._note(engine, alert, now)

    async def _note(self, engine: Engine, alert: AlertRule, now: str) -> None:
        """Write down that a rule has been told, then tell it."""
        session_id = engine.record.id
        told = replace(alert, told=engine.now())

        def mark(notes: SessionNotes) -> SessionNotes:
            alerts = tuple(told if one == alert else one for one in notes.alerts)
            return replace(notes, alerts=alerts)

        await self._registry.notes.change(session_id, mark)
        self._tell(session_id, f"{engine.config.name} ({session_id}): {alert.text}{now}")


class AlertConditions:
    """What makes the rules of sessions true.

    Remembers the highest equity of each session, and how far the market had gone when a rule of
    price was looked at first: candles tell what it touched between two looks, and also what it did
    before anybody waited for it.
    """

    def __init__(self) -> None:
        self._peaks: dict[str, float] = {}
        self._before: dict[str, dict[AlertRule, tuple[int, float]]] = {}

    def come_true(self, engine: Engine, alerts: Iterable[AlertRule]) -> dict[AlertRule, str]:
        """Those of `alerts` that are so now, and what of each is to be added: `, now 1,000.5`."""
        handler = engine.handler
        if handler is None or not handler.settled or engine.state.ended:
            return {}
        shown, runner = snapshot_of(engine), handler.runner
        peak = self._peaks.get(shown.id)
        if peak is None:
            peak = max((equity for _, equity in runner.equity_curve()), default=0.0)
        self._peaks[shown.id] = peak = max(peak, shown.starting_balance, shown.equity)
        known, alerts = self._before.get(shown.id, {}), tuple(alerts)
        before = self._before[shown.id] = {one: known[one] for one in alerts if one in known}
        found = {}
        for alert in alerts:
            if alert.kind in (AlertKind.ABOVE, AlertKind.BELOW):
                now = _reached(alert, engine, runner, before)
            else:
                now = _come_true(alert, engine, runner, shown, peak)
            if now is not None:
                found[alert] = now
                before.pop(alert, None)
        return found


def _come_true(
    alert: AlertRule, engine: Engine, runner: Runner, shown: SessionSnapshot, peak: float
) -> str | None:
    """How it stands with what an alert waits for, in words to add; None where it is not so yet."""
    if alert.kind is AlertKind.DRAWDOWN:
        drawdown = (peak - shown.equity) / peak * 100
        return f", now {per_cent(drawdown, 2)}" if drawdown >= alert.value else None
    since = _last_trade(runner, shown)
    return "" if since is not None and engine.now() - since >= alert.value * DAY else None


def _reached(
    alert: AlertRule, engine: Engine, runner: Runner, before: dict[AlertRule, tuple[int, float]]
) -> str | None:
    """The same of a price, which the market may have touched between two looks.

    Args:
        before: by rules, the candle in which it was looked at first (open time, UTC ms), and the
            highest (lowest) price of that candle then.
    """
    price = _price(alert.symbol, engine, runner)
    if price is None:
        return None
    sign = 1 if alert.kind is AlertKind.ABOVE else -1
    closed, forming = _newest(alert.symbol, engine, runner)
    if alert not in before:
        timeframe = engine.config.timeframe
        latest = timeframe.floor(engine.now())
        if closed is not None:
            latest = max(latest, timeframe.next_open(closed.time))
        if forming is not None and forming.time >= latest:
            before[alert] = forming.time, forming.high if sign > 0 else forming.low
        else:  # what forms now, and what an outage keeps back, was anywhere before anybody waited
            before[alert] = latest, sign * math.inf
    begun, extreme = before[alert]
    since = [
        at
        for candle in (closed, forming)
        if candle is not None and candle.time >= begun
        for at in [candle.high if sign > 0 else candle.low]
        if candle.time > begun or (at - extreme) * sign > 0
    ]
    furthest = max([price, *since], key=lambda at: at * sign)
    if (furthest - alert.value) * sign < 0:
        return None
    touched = f", reached {number(furthest)}" if (price - alert.value) * sign < 0 else ""
    return f"{touched}, now {number(price)}"


def _newest(
    symbol: str | None, engine: Engine, runner: Runner
) -> tuple[Candle | None, Candle | None]:
    """The candle that closed last and the one that forms, None where it is not known."""
    if symbol is None or engine.handler is None:
        return None, None
    closed, seen = runner.recent[runner.slots[symbol]], engine.handler.prices.get(symbol)
    return (closed[-1] if closed else None), (None if seen is None else seen.forming)


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
