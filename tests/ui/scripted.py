"""A host that does what a test says, when it says so: a `HostLink` with a clock of its own."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from core.host.job_values import JobAction, ListedJob, ListedRun
from core.host.link import CommandError, HostLink, NotFoundError
from core.journal.session_notes import AlertRule
from core.journal.values import BrokerKind, FeedKind, Mode, OrderRow, SessionState
from core.market.candles.candle import Candle
from core.market.candles.timeframes import Timeframe
from core.market.symbols import unified_symbol
from core.session.snapshot import (
    HostSnapshot,
    LastDay,
    Level,
    LogLine,
    SessionDetail,
    SessionSnapshot,
    StartReply,
    StartRequest,
)
from core.strategy.chart_values import Chart, ChartLine, together
from core.strategy.signals.reading import Reading
from core.time_format import iso_time
from core.trading.values import ExitReason, Fills, OpenTrade, Side, Trade
from core.trial.cone_over_time import ConeOverTime
from tui.strategies import StrategyChoice

NOW = 1_763_820_131_000  # 2025-11-22 14:02:11 UTC
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_MODES = {
    FeedKind.LIVE: Mode.SIMULATED,
    FeedKind.POLL: Mode.SIMULATED,
    FeedKind.REPLAY: Mode.REPLAY,
    FeedKind.DEMO: Mode.DEMO,
}


def session(session_id: str, strategy: str, **changes: Any) -> SessionSnapshot:
    """A session that has run for two days without a trade, but for what is changed."""
    named = changes.get("timeframe", "5m")
    step = next((one.ms for one in Timeframe if one.value == named), 5 * MINUTE)
    plain = SessionSnapshot(
        id=session_id,
        strategy=strategy,
        symbols=("BTC/USDT",),
        timeframe="5m",
        mode=Mode.DEMO,
        state=SessionState.RUNNING,
        state_reason=None,
        feed=FeedKind.DEMO,
        broker=BrokerKind.SIMULATED,
        fills=Fills.MARKET,
        started=NOW - 2 * DAY,
        running_since=NOW - 2 * DAY,
        planned_end=None,
        ended=None,
        now=NOW,
        last_candle=NOW - NOW % step - step,
        last_price_at=NOW - 2_000,
        trades_count=0,
        wins=0,
        open_positions=(),
        starting_balance=10_000.0,
        realized_pnl=0.0,
        unrealized_pnl=0.0,
        equity=10_000.0,
        pnl_today=0.0,
        equity_curve=(10_000.0,),
        notices=(),
        next_jobs=(),
    )
    return replace(plain, **changes)


def position(symbol: str = "BTC/USDT", pnl: float = 54.2, **changes: Any) -> OpenTrade:
    """A long position opened three hours ago."""
    values: dict[str, Any] = {
        "symbol": symbol,
        "side": Side.LONG,
        "signal_time": NOW - 3 * HOUR - 5 * MINUTE,
        "entry_time": NOW - 3 * HOUR,
        "entry_price": 64_210.5,
        "quantity": 0.15512,
        "leverage": 1.0,
        "margin": 9_960.31,
        "fees": 5.98,
        "funding": 0.0,
        "mark_price": 64_598.35,
        "unrealized_pnl": pnl,
        "stop_price": 61_000.0,
        "target_price": 73_842.1,
        "liquidation_price": None,
    }
    return OpenTrade(**(values | changes))


READINGS = (
    Reading("entry", "rsi < 30", 41.8, 30.0, 11.8, False),
    Reading("entry", "any of", 1, 1, 0, True),
    Reading("entry", "close > ema_200", 64_598.35, 63_120.4, 0.0, True, 1),
    Reading("entry", "for 3 candles", 2, 3, 1, False, 1),
    Reading("entry", "close > 1.01 * vwap", 64_598.35, 63_994.2, 0.0, True, 2),
    Reading("entry", "vwap", 63_360.6, None, None, None, 3),
    Reading("exit", "rsi > 70", 41.8, 70.0, 28.2, False),
)
"""What the conditions of every strategy read, now and at every candle."""
CONFIG: dict[str, Any] = {
    "name": "rsi_bounce",
    "symbols": ["BTC/USDT"],
    "timeframe": "4h",
    "indicators": [{"name": "rsi", "params": {"period": 14}}],
    "entry_conditions": [{"indicator": "rsi", "operator": "lt", "value": 30}],
    "stop_loss_pct": 2,
}
"""The settings of every strategy; at what its trades were left does not follow from them."""


@dataclass
class ScriptedLink(HostLink):
    """A host whose sessions and log lines are what the test put there; commands act on them."""

    sessions: list[SessionSnapshot] = field(default_factory=list)
    lines: list[LogLine] = field(default_factory=list)
    now: int = NOW
    kind: str = "tui"
    pid: int = field(default_factory=os.getpid)
    refuse: str | None = None
    requests: list[StartRequest] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    earlier: list[LogLine] = field(default_factory=list)  # logged before `lines`
    jobs: list[ListedJob] = field(default_factory=list)
    orders: tuple[OrderRow, ...] = ()
    taken_out: list[SessionSnapshot] = field(default_factory=list)

    # ── what a test does ──

    def log(self, text: str, session_id: str | None = None, level: Level = Level.INFO) -> None:
        """Write a log line."""
        self.lines.append(LogLine(len(self.lines) + 1, self.now, level, session_id, text))

    def change(self, session_id: str, **changes: Any) -> None:
        """Change a session."""
        for index, each in enumerate(self.sessions):
            if each.id == session_id:
                self.sessions[index] = replace(each, **changes)
                return
        raise AssertionError(f"no session {session_id}")

    def state(self, session_id: str) -> SessionState:
        """The state of a session."""
        return self.found(session_id).state

    # ── HostLink ──

    def snapshot(self) -> HostSnapshot:
        """The sessions as they stand."""
        return HostSnapshot(
            pid=self.pid,
            kind=self.kind,
            since=NOW - 3 * DAY,
            now=self.now,
            workspace="/home/trader/papertape",
            sessions=tuple(self.sessions),
            last_log=len(self.lines),
            archived=tuple(
                LastDay(one.mode, one.symbols, one.ended, one.pnl_today)
                for one in self.taken_out
                if one.ended is not None
            ),
        )

    def logs(self, after: int = 0, session_id: str | None = None) -> tuple[LogLine, ...]:
        """The lines after a number."""
        return tuple(
            line
            for line in self.lines[after:]
            if session_id is None or line.session_id == session_id
        )

    async def earlier_log(self, session_id: str) -> tuple[LogLine, ...]:
        """What a test put there of the session."""
        self._check()
        return tuple(line for line in self.earlier if line.session_id == session_id)

    async def start(self, request: StartRequest) -> StartReply:
        """A running session at once."""
        self._check()
        self.requests.append(request)
        session_id = f"new{len(self.requests):05d}"
        symbols = request.config["symbols"]
        assert isinstance(symbols, list)
        new = session(
            session_id,
            str(request.config["name"]),
            symbols=tuple(unified_symbol(str(symbol)) for symbol in symbols),
            timeframe=str(request.config["timeframe"]),
            mode=_MODES[request.feed],
            feed=request.feed,
            started=self.now,
            running_since=self.now,
            now=self.now,
            last_price_at=self.now,
        )
        self.sessions.append(new)
        self.log("running", session_id)
        return StartReply(session_id, new.mode, ())

    async def stop_at_end(self, session_id: str) -> Mapping[str, object]:
        return await self.stop(session_id)

    async def stop(self, session_id: str, *, flatten: bool = False) -> Mapping[str, object]:
        """The session stopped, and its report."""
        self._check()
        self.found(session_id)
        self.commands.append(f"stop {session_id}{' flatten' * flatten}")
        self.change(session_id, state=SessionState.STOPPED, ended=self.now)
        self.log("stopped", session_id)
        return await self.report(session_id)

    async def pause(self, session_id: str, symbol: str | None = None) -> None:
        """Paused, or a symbol of it blocked."""
        self._check()
        if symbol is None:
            self.change(session_id, state=SessionState.PAUSED)
        else:
            blocked = self.found(session_id).blocked
            self.change(session_id, blocked=(*blocked, symbol))

    async def resume(self, session_id: str, symbol: str | None = None) -> None:
        """Running, or a symbol of it allowed."""
        self._check()
        if symbol is None:
            self.change(session_id, state=SessionState.RUNNING)
        else:
            blocked = self.found(session_id).blocked
            self.change(session_id, blocked=tuple(one for one in blocked if one != symbol))

    async def enter(self, session_id: str, symbol: str, side: Side) -> None:
        """With a position."""
        self._check()
        self.commands.append(f"enter {session_id} {symbol} {side}")
        made = position(symbol, 0.0, side=side, by_hand=True)
        self.change(session_id, open_positions=(*self.found(session_id).open_positions, made))

    async def flatten(self, session_id: str, symbol: str | None = None) -> None:
        """Without positions."""
        self._check()
        self.commands.append(f"flatten {session_id} {symbol or 'all'}")
        held = self.found(session_id).open_positions
        left = tuple(one for one in held if symbol not in (None, one.symbol))
        self.change(session_id, open_positions=left, unrealized_pnl=0.0)

    async def annotate(self, session_id: str, note: str, tags: tuple[str, ...]) -> None:
        """With a note and tags."""
        self._check()
        notes = msgspec.structs.replace(self.found(session_id).notes, note=note, tags=tags)
        self.change(session_id, notes=notes)

    async def set_alerts(self, session_id: str, alerts: tuple[AlertRule, ...]) -> None:
        """With these alerts."""
        self._check()
        notes = msgspec.structs.replace(self.found(session_id).notes, alerts=alerts)
        self.change(session_id, notes=notes)

    async def restart(self, session_id: str) -> StartReply:
        """A new session with the same strategy."""
        self._check()
        old = self.found(session_id)
        new = session(f"again{len(self.sessions):03d}", old.strategy, started=self.now)
        self.sessions.append(new)
        return StartReply(new.id, new.mode, ())

    async def archive(self, session_id: str) -> None:
        """Gone from the list."""
        self._check()
        found = self.found(session_id)
        self.sessions.remove(found)
        self.taken_out.append(found)

    async def archived(self) -> tuple[SessionSnapshot, ...]:
        """What was archived."""
        return tuple(self.taken_out)

    async def unarchive(self, session_id: str) -> None:
        """Back in the list."""
        self._check()
        found = next(one for one in self.taken_out if one.id == session_id)
        self.taken_out.remove(found)
        self.sessions.append(found)

    async def delete(self, session_id: str) -> None:
        """Gone."""
        await self.archive(session_id)

    async def detail(self, session_id: str) -> SessionDetail:
        """A hundred and fifty candles, two trades, and what was read at the last close."""
        found = next((one for one in self.taken_out if one.id == session_id), None)
        found = found or self.found(session_id)
        step = Timeframe(found.timeframe).ms
        return SessionDetail(
            found.id,
            {symbol: candles(step=step) for symbol in found.symbols},
            dict.fromkeys(found.symbols, READINGS),
            closed_trades(found.symbols[0], step),
            equity(),
            ("connected for 2d 1h, 1 reconnect", "BTC/USDT last candle 13:57, 2 s behind"),
            self.orders,
            {symbol: forming(step) for symbol in found.symbols},
            snapshot=found,
            cone=None if found.trial is None else cone(),
        )

    async def closed_trades(self, session_id: str) -> tuple[Trade, ...]:
        """As many as the session counts, over as many days."""
        found = self.found(session_id)
        one, other = closed_trades(found.symbols[0], Timeframe(found.timeframe).ms)
        made = []
        for number in range(found.trades_count):
            shape = one if number % 3 == 0 else other
            back = NOW - (found.trades_count - number) * 31 * HOUR
            gain = shape.pnl * (1 + number % 4) / 2
            changes = {"id": number + 1, "exit_time": back, "entry_time": back - 5 * HOUR}
            made.append(msgspec.structs.replace(shape, pnl=gain, **changes))
        return tuple(made)

    async def chart(
        self,
        session_id: str,
        symbol: str,
        timeframe: str | None = None,
        until: int | None = None,
        count: int = 1_000,
    ) -> Chart:
        """The candles with a mean over them and an oscillator of their own beneath."""
        own = Timeframe(self.found(session_id).timeframe)
        length = Timeframe(timeframe or own).ms
        made = together(candles(step=own.ms), length)
        made = [one for one in made if until is None or one.time < until]
        closes = [one.close for one in made]
        means = [None if n < 9 else sum(closes[n - 9 : n + 1]) / 10 for n in range(len(closes))]
        waves = [50 + 30 * math.sin(n / 5) for n in range(len(closes))]
        lines = (
            ChartLine("sma_10", "", tuple(means)),
            ChartLine("rsi", "rsi", tuple(waves), (30.0, 70.0)),
        )
        return Chart(timeframe or own, tuple(made), lines, conditions=READINGS, config=CONFIG)

    async def report(self, session_id: str) -> Mapping[str, object]:
        """A small report of that session."""
        found = self.found(session_id)
        return report(found.strategy, session_id=found.id, mode=found.mode.value)

    async def ask(self, do: str, answer: type[object], **arguments: object) -> Any:
        """The jobs. What comes of anything else must be looked at on a real host."""
        self.commands.append(do)
        return tuple(self.jobs) if do == "list_jobs" else None

    def _check(self) -> None:
        if self.refuse is not None:
            raise CommandError(self.refuse)

    def found(self, session_id: str) -> SessionSnapshot:
        """The session of that ID."""
        for each in self.sessions:
            if each.id == session_id:
                return each
        raise NotFoundError(f"there is no session {session_id!r}")


class ScriptedHosting:
    """Holds a scripted link the way the app holds a host: on a thread, until let go."""

    def __init__(self, link: ScriptedLink, failure: Exception | None = None) -> None:
        self.link = link
        self.kept_running: bool | None = None
        self.runs = 0
        self._failure = failure
        self._gone = threading.Event()

    def run(self, ready: Callable[[HostLink], None]) -> None:
        """Ready at once, then wait to be let go or lost."""
        if self._failure is not None:
            raise self._failure
        self.runs += 1
        ready(self.link)
        self._gone.wait()
        if self.kept_running is None:
            self._gone.clear()

    def lose(self) -> None:
        """The host is gone, as one in another process may be."""
        self._gone.set()

    def take_over(self) -> None:
        """The sessions are this process's from the next run on."""
        if self.link.refuse is not None:
            raise CommandError(self.link.refuse)
        self.link.pid, self.link.kind = os.getpid(), "tui"
        self.lose()

    def let_go(self, *, keep_running: bool) -> None:
        """Remember how."""
        self.kept_running = keep_running
        self._gone.set()


def job(job_id: str, due_in: int, **changes: Any) -> ListedJob:
    """A check of rsi_bounce every four hours, due in so many ms, but for what is changed."""
    values: dict[str, Any] = {
        "job_id": job_id,
        "trigger": "every 4h",
        "every_seconds": 14_400,
        "cron_expr": None,
        "at": None,
        "action": JobAction.CHECK,
        "message": "",
        "session_id": "k3x9a1pq",
        "created": iso_time(NOW - DAY),
        "next_run": iso_time(NOW + due_in),
        "due_in": due_in / 1_000,
        "runs": 12,
        "max_runs": None,
        "paused": False,
        "history": (),
    }
    return ListedJob(**(values | changes))


def jobs() -> list[ListedJob]:
    """Jobs of every kind: near and far, paused, failed, and one that never ran."""
    checked = tuple(
        ListedRun(
            iso_time(NOW - ago * HOUR),
            iso_time(NOW - ago * HOUR + 40_000),
            True,
            f"rsi_bounce (k3x9a1pq) is running, {48 - ago}h in: {trades} trades, 1 open position, "
            f"equity {equity:,.2f} ({equity / 100 - 100:+.2f}%); {news}",
        )
        for ago, trades, equity, news in (
            (12, 11, 10_207.4, "no new trade"),
            (8, 13, 10_288.1, "2 new trades, +80.85 in all\n"
             "Trade: #12 long BTC/USDT 64,210.5 → 65,494.7 (take_profit), +186.22 (+1.87%)\n"
             "Trade: #13 long BTC/USDT 64,880 → 64,231.2 (stop_loss), -105.37 (-1.06%)"),
            (4, 14, 10_346.2, "1 new trade: #14 long BTC/USDT 64,010 → 64,470.9 (signal), "
             "+58.10 (+0.58%)\nBacktest / paper: win rate 62.0% / 58.3%, trades 45 / 14\n"
             "Verdict: open, not sealed\nDecisions: kept: 430 candles, 0 differ"),
        )
    )  # fmt: skip
    return [
        job("5b1c9e02", 83_000, history=checked),
        job("a90d44f1", 57 * MINUTE, session_id="m81c0zzt",
            history=(ListedRun(iso_time(NOW - 3 * HOUR), iso_time(NOW - 3 * HOUR), False,
                               "the host was asked and refused"),)),
        job("0c7be3a8", 5 * DAY, trigger="at 2025-11-27 14:02 UTC", every_seconds=None,
            at="2025-11-27T14:02:11Z", action=JobAction.FINISH, runs=0),
        job("77d2f016", 20 * HOUR, trigger="At 10:00 every day (UTC)", every_seconds=None,
            cron_expr="0 10 * * *", action=JobAction.SAY, session_id=None, runs=3, max_runs=10,
            message="Look at the funding rates before Asia opens",
            history=(ListedRun(iso_time(NOW - 4 * HOUR), iso_time(NOW - 4 * HOUR), True,
                               "Look at the funding rates"),)),
        job("e18a5b9d", HOUR, session_id="t5b2n8vv", paused=True),
    ]  # fmt: skip


def forming(step: int = 5 * MINUTE) -> Candle:
    """The candle after those of `candles`, at the present price."""
    last = candles(step=step)[-1]
    return Candle(last.time + step, last.close, 64_001.5, last.close - 20, 63_987.25, 0.0)


def candles(count: int = 150, step: int = 5 * MINUTE) -> tuple[Candle, ...]:
    """A market that swings and rises a little, in candles of a length up to now."""
    made = []
    before = 63_900.0
    for number in range(count):
        close = 63_900 + 420 * math.sin(number / 13) + 130 * math.sin(number / 3.1) + 3.2 * number
        wiggle = 40 + 55 * abs(math.sin(number * 1.7))
        time = NOW - NOW % step - (count - number) * step
        high, low = max(before, close) + wiggle, min(before, close) - wiggle
        made.append(Candle(time, before, high, low, close, 12.0 + 9 * math.sin(number)))
        before = close
    return tuple(made)


def equity(count: int = 200) -> tuple[tuple[int, float], ...]:
    """Equity that rises with setbacks."""
    start = NOW - count * 5 * MINUTE
    return tuple(
        (
            start + number * 5 * MINUTE,
            10_000 + 0.9 * number + 60 * math.sin(number / 17) + 25 * math.sin(number / 4),
        )
        for number in range(count)
    )


def cone() -> ConeOverTime:
    """A band around that equity, wider with time."""
    points = (
        (time, -0.5 - 0.005 * number, 0.01 * number, 0.6 + 0.022 * number)
        for number, (time, _) in enumerate(equity())
        if number % 10 == 0
    )
    return ConeOverTime(tuple(points), 0.015)


def closed_trades(symbol: str, step: int) -> tuple[Trade, ...]:
    """A win and a loss among the candles of `candles`."""
    market = candles(step=step)
    made = []
    for number, (first, last, reason) in enumerate(
        ((30, 52, ExitReason.TAKE_PROFIT), (74, 90, ExitReason.STOP_LOSS)), start=1
    ):
        entry, exit_price = market[first].open, market[last].open
        pnl = (exit_price - entry) * 0.155
        made.append(
            Trade(
                id=number, symbol=symbol, side=Side.LONG,
                signal_time=market[first - 1].time, entry_time=market[first].time,
                entry_price=entry, exit_time=market[last].time, exit_price=exit_price,
                quantity=0.155, leverage=1.0, margin=entry * 0.155, fees=11.96, funding=0.0,
                pnl=pnl, pnl_pct=pnl / (entry * 0.155) * 100, exit_reason=reason,
            )
        )  # fmt: skip
    return tuple(made)


def trade(number: int, pnl: float, reason: str, **changes: Any) -> dict[str, Any]:
    """A closed trade as a report writes it."""
    entry = 63_000.0 + 137.25 * number
    return {
        "id": number,
        "symbol": "BTC/USDT",
        "side": "long",
        "signal_time": f"2025-11-{number + 1:02d}T08:00:00Z",
        "entry_time": f"2025-11-{number + 1:02d}T12:00:00Z",
        "entry_price": entry,
        "exit_time": f"2025-11-{number + 3:02d}T04:00:00Z",
        "exit_price": entry + pnl * 6.4,
        "quantity": 0.15512,
        "leverage": 1.0,
        "margin": 9_800.0,
        "fees": 11.96,
        "funding": 0.0,
        "pnl": pnl,
        "pnl_pct": pnl / 100,
        "exit_reason": reason,
        "ambiguous": False,
    } | changes


def report(strategy: str, **changes: Any) -> dict[str, Any]:
    """A report of eleven trades."""
    reasons = ("take_profit", "stop_loss", "signal")
    gains = (184.2, -95.1, 41.77, 203.4, -88.25, 12.6, -101.3, 151.9, 38.05, -64.4, 97.13)
    trades = [trade(n + 1, pnl, reasons[n % 3]) for n, pnl in enumerate(gains)]
    trades[6]["ambiguous"] = True
    return {
        "strategy": strategy,
        "symbols": ["BTC/USDT"],
        "timeframe": "4h",
        "period": {
            "start": "2025-11-01T00:00:00Z",
            "end": "2025-11-22T12:00:00Z",
            "candles": 130,
        },
        "fill_on": "next_open",
        "fees": 0.0006,
        "starting_balance": 10_000.0,
        "ending_balance": 10_380.0,
        "metrics": {
            "total_trades": 11,
            "win_rate_pct": 63.6,
            "win_rate_ci": [35.4, 84.8],
            "profit_factor": 2.09,
            "total_return_pct": 3.8,
            "max_drawdown_pct": 1.42,
            "sharpe_ratio": 2.31,
            "sortino_ratio": None,
            "calmar_ratio": 47.1,
            "expectancy": 34.5,
            "best": 203.4,
            "worst": -101.3,
            "avg_win": 104.2,
            "avg_loss": -87.3,
            "payoff_ratio": 1.19,
            "sqn": 1.13,
            "max_consecutive_losses": 1,
            "avg_hold": 144_000.0,
            "exposure_pct": 67.7,
            "benchmark_return_pct": 5.1,
            "metrics_undefined": {"sortino_ratio": "no negative day"},
        },
        "trades": trades,
        "open_trades": [],
        "warnings": [],
        "quality_flags": [
            "fewer than 30 trades (11): too few to tell luck from skill",
            "behind buy and hold (+3.80% against +5.10%)",
        ],
        "diagnosis": None,
        "gaps": [],
        "restarts": [],
        "comparison": None,
        "recommendation": None,
    } | changes


def choices() -> tuple[StrategyChoice, ...]:
    """Two strategies that run and one that does not."""
    return (
        StrategyChoice(
            "rsi_bounce",
            "sample",
            Path("sample_strategies/rsi_bounce/STRATEGY.md"),
            {"name": "rsi_bounce", "symbols": ["BTC/USDT"], "timeframe": "5m"},
            ("BTC/USDT",),
            "5m",
            meaning=(
                ("Trades", "BTC/USDT at the close of every 5m candle, long only"),
                ("Enter long", "rsi is below 30"),
                ("Exit long", "rsi is above 70"),
                ("Stop", "5% below the entry"),
                ("Indicators", "rsi = Relative strength index (period 14)"),
            ),
            starting_balance=10_000.0,
        ),
        StrategyChoice(
            "ema_cross",
            "workspace",
            Path("strategies/ema_cross/STRATEGY.md"),
            {"name": "ema_cross", "symbols": ["ETH/USDT", "BTC/USDT"], "timeframe": "1h"},
            ("ETH/USDT", "BTC/USDT"),
            "1h",
            backtested=True,
            starting_balance=25_000.0,
        ),
        StrategyChoice(
            "broken",
            "workspace",
            Path("strategies/broken/STRATEGY.md"),
            {"name": "broken"},
            problems=(
                "entry_conditions[0].operator: found 'lessthan', did you mean 'lt'?",
                "timeframe: found '7m', allowed are 1m 3m 5m 15m …",
            ),
        ),
    )


def busy() -> ScriptedLink:
    """A host in the middle of its work: every state, gains and losses, several symbols."""
    rising = tuple(10_000 + 8.1 * n + 40 * ((n * 7) % 5) for n in range(40))
    falling = tuple(10_000 - 6.3 * n + 55 * ((n * 5) % 7) for n in range(40))
    link = ScriptedLink(
        sessions=[
            session(
                "k3x9a1pq", "rsi_bounce",
                timeframe="4h", planned_end=NOW + 5 * DAY, trades_count=12, wins=7,
                open_positions=(position(),), unrealized_pnl=54.2, realized_pnl=112.35,
                equity=10_166.55, pnl_today=61.2, equity_curve=rising,
            ),
            session(
                "m81c0zzt", "ema_cross",
                symbols=("ETH/USDT", "BTC/USDT", "SOL/USDT"), mode=Mode.SIMULATED,
                feed=FeedKind.LIVE, started=NOW - 7 * HOUR, running_since=NOW - 7 * HOUR,
                trades_count=5, wins=1,
                open_positions=(
                    position("ETH/USDT", -31.4, side=Side.SHORT, entry_price=3_120.4,
                             mark_price=3_151.8, quantity=1.0021, stop_price=3_276.42,
                             target_price=None, margin=3_127.0),
                ),
                unrealized_pnl=-31.4, realized_pnl=-142.0, equity=9_826.6, pnl_today=-48.75,
                equity_curve=falling,
            ),
            session(
                "p0d7w2ee", "breakout_20", mode=Mode.TESTNET, timeframe="1h",
                broker=BrokerKind.TESTNET, state=SessionState.STALE,
                state_reason="no price for 94 s", last_price_at=NOW - 94_000,
                trades_count=3, wins=2, realized_pnl=12.0, equity=10_012.0,
                equity_curve=rising[:12], symbols=("SOL/USDT",),
                open_positions=(position("SOL/USDT", 8.0, entry_price=142.1, mark_price=142.9,
                                         quantity=70.0),),
                unrealized_pnl=8.0,
            ),
            session(
                "t5b2n8vv", "band_fade", state=SessionState.PAUSED, timeframe="15m",
                symbols=("ADA/USDT",), trades_count=21, wins=12, realized_pnl=84.6,
                equity=10_084.6, equity_curve=rising[5:30], pnl_today=4.4,
            ),
            session(
                "q9f4h6jj", "ema_cross", mode=Mode.REPLAY, feed=FeedKind.REPLAY,
                state=SessionState.STOPPED, ended=NOW - HOUR, trades_count=38, wins=15,
                realized_pnl=-212.4, equity=9_787.6, equity_curve=falling, timeframe="1h",
                symbols=("ETH/USDT",),
            ),
        ]
    )  # fmt: skip
    link.jobs = jobs()
    link.now = NOW - 9 * MINUTE
    for minutes, session_id, level, text in (
        (0, "k3x9a1pq", Level.INFO, "warming up: 200 of 200 candles from 2025-11-19 04:00"),
        (1, "k3x9a1pq", Level.INFO, "running; first decision at the close of 12:00"),
        (2, "m81c0zzt", Level.WARNING, "reconnected after 3 s; 1 candle back-filled"),
        (3, "k3x9a1pq", Level.INFO, "BTC/USDT close 64,190.10: rsi 28.41 < 30 holds, entry due"),
        (3, "k3x9a1pq", Level.INFO, "BTC/USDT long 0.15512 at 64,210.50 (ask), margin 9,960.31"),
        (4, "p0d7w2ee", Level.ERROR, "SOL/USDT: feed silent for 94 s, waiting for prices"),
        (5, "k3x9a1pq", Level.DEBUG, "BTC/USDT close 64,412.00: rsi 41.80, nothing due"),
        (9, "m81c0zzt", Level.INFO, "ETH/USDT short 1.0021 at 3,120.40 (bid)"),
    ):
        link.now = NOW - (9 - minutes) * MINUTE
        link.log(text, session_id, level)
    link.now = NOW
    return link
