"""Turns candles, prices and commands into the account of one session.

Everything here follows from what is put in, in order, and from nothing else: no clock, no disk, no
feed. The engine puts in what happens and recovery puts in what the journal says happened, so both
arrive at the same account to the last bit.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, tzinfo
from functools import partial

import numpy as np

from core.market.candles.candles import Candle
from core.market.filters import MarketFilters
from core.report.curves import kept_points
from core.report.equity import MarkedEquity
from core.report.result import RunResult, run_result
from core.report.trade_columns import TradeColumns
from core.session.alignment import Moment
from core.strategy.config.config import StrategyConfig
from core.strategy.signals.source import SignalStream
from core.strategy.signals.sources import signal_source
from core.time_format import day_begin
from core.trading.account import Account
from core.trading.bar import Bar
from core.trading.quotes import on_quote
from core.trading.rules import Rules
from core.trading.step import step
from core.trading.values import Event, ExitReason, Fills, Quote, Side, Trade

_RECENT = 500  # candles and equities a screen may ask for


class Runner:
    """The deterministic part of one session.

    Candles count from the first moment on that may decide: where the signals of any symbol are
    known, and not before `decide_from` (UTC ms; None: there is no such bound). What comes before
    only warms the signals up. `moment_time` is the open time of the
    last moment, `slots` the position of each symbol. `streams`: the signals of each symbol, where
    they have been made already.
    """

    def __init__(
        self,
        config: StrategyConfig,
        filters: Mapping[str, MarketFilters],
        fills: Fills,
        decide_from: int | None,
        streams: Sequence[SignalStream] | None = None,
    ) -> None:
        symbols = config.symbols
        self.config = config
        self.decide_from = decide_from
        self.account = Account(Rules.of(config, filters, fills=fills))
        self.streams = streams or [signal_source(config).stream() for _ in symbols]
        self.slots = {symbol: slot for slot, symbol in enumerate(symbols)}
        self.moment_time: int | None = None
        self.recent: list[deque[Candle]] = [deque(maxlen=_RECENT) for _ in symbols]
        self.wins = 0
        self._times = array("q")
        self._equity = array("d")
        self._filled_since = False  # whether a price has filled anything since equity was marked
        self._funding: list[list[tuple[int, float]]] = [[] for _ in symbols]
        self._first_open: list[float | None] = [None] * len(symbols)
        self._last_close = [0.0] * len(symbols)

    @property
    def forming(self) -> int | None:
        """Open time of the candle that is forming, as far as the candles seen tell."""
        if self.moment_time is None:
            return None
        return self.moment_time + self.config.timeframe.ms

    @property
    def decided(self) -> bool:
        """Whether the session has come to the candles that count."""
        return bool(self._times)

    def moment(self, moment: Moment) -> list[Event]:
        """Let the closed candles of one moment happen."""
        time, account = moment.time, self.account
        bars = []
        for slot, candle in enumerate(moment.candles):
            if candle is None:
                continue
            stream = self.streams[slot]
            flags = stream.update(candle)
            self.recent[slot].append(candle)
            rate = self._due_funding(slot, time) if self._funding[slot] else 0.0
            if (
                flags
                or account.positions[slot] is not None
                or account.due_entries[slot] is not None
                or account.resting[slot] is not None
                or slot in account.asked_in
                or account.unpriced
            ):  # the others change nothing (`step`)
                _, open_, high, low, close, _ = candle
                levels = (*stream.levels().values(),)
                bars.append(Bar(slot, open_, high, low, close, flags, rate, levels))
        self.moment_time = time
        if not self._counts(time):
            return []
        for slot, candle in enumerate(moment.candles):
            if candle is not None:
                if self._first_open[slot] is None:
                    self._first_open[slot] = candle.open
                self._last_close[slot] = candle.close
        before = len(self.account.trades)
        events = list(step(self.account, time, bars))
        self._count(before)
        self._mark(time)
        return events

    def quote(self, symbol: str, quote: Quote) -> list[Event]:
        """Let a price between two candles happen."""
        if self.forming is None or not self.decided:
            return []
        before = len(self.account.trades)
        events = on_quote(self.account, self.slots[symbol], quote, self.forming)
        self._count(before)
        self._filled_since = self._filled_since or bool(events)
        return events

    def funding(self, symbol: str, time: int, rate: float) -> None:
        """Remember a funding rate; it is due at the open of the first candle not before it."""
        self._funding[self.slots[symbol]].append((time, rate))

    def pause(self, paused: bool, symbol: str | None = None) -> None:
        """Forbid or allow entries, in all symbols or only in this one."""
        if symbol is None:
            self.account.entries_paused = paused
        elif paused:
            self.account.blocked.add(self.slots[symbol])
        else:
            self.account.blocked.discard(self.slots[symbol])

    @property
    def blocked(self) -> tuple[str, ...]:
        """The symbols in which entries are forbidden, each by itself."""
        return tuple(name for name, slot in self.slots.items() if slot in self.account.blocked)

    @property
    def asked_in(self) -> tuple[str, ...]:
        """The symbols whose entry a person asked for, and no price has filled yet."""
        return tuple(name for name, slot in self.slots.items() if slot in self.account.asked_in)

    @property
    def asked_out(self) -> tuple[str, ...]:
        """The symbols whose exit a person asked for, and no price has filled yet."""
        return tuple(name for name, slot in self.slots.items() if slot in self.account.asked_out)

    @property
    def sides(self) -> tuple[Side, ...]:
        """The sides that the strategy trades."""
        return tuple(Side(direction.value) for direction in self.config.sides)

    def enter(self, symbol: str, side: Side) -> str | None:
        """Ask for an entry by hand; returns why there can be none, or None where it is asked for.

        It goes by the levels of the symbol's last closed candle (docs/rules.md §3.21).
        """
        slot, account = self.slots[symbol], self.account
        if not self.decided or not self.streams[slot].ready:
            return "its indicators are still warming up"
        if side not in self.sides:
            return f"its strategy trades {self.config.direction} only"
        if account.positions[slot] is not None:
            return f"it has a position in {symbol}"
        if account.due_entries[slot] is not None or slot in account.asked_in:
            return f"an entry in {symbol} is under way already"
        if account.stopped:
            return "its drawdown limit has been reached"
        if barred := account.barred(slot):
            return barred
        levels = (*self.streams[slot].levels().values(),)
        account.order_entry(slot, side, self.recent[slot][-1].time, levels)
        return None

    def flatten(self, symbol: str | None) -> list[str]:
        """Ask for the exit of a position (of all: None); returns the symbols concerned."""
        return self.account.order_exit(symbol)

    @property
    def flat(self) -> bool:
        """Whether no position is open."""
        return all(position is None for position in self.account.positions)

    def day_start_equity(self, now: int, zone: tzinfo = UTC) -> float:
        """Equity at the close of the last candle of a zone's days before that of `now` (UTC ms)."""
        closed = bisect_right(self._times, day_begin(now, zone) - self.config.timeframe.ms)
        return self._equity[closed - 1] if closed else self.config.starting_balance

    @property
    def began(self) -> int | None:
        """Open time of the first candle decided on, UTC ms; None before it."""
        return self._times[0] if self._times else None

    def equity_curve(self) -> Iterator[tuple[int, float]]:
        """(open time, equity at the close) of every moment that was decided on."""
        return zip(self._times, self._equity, strict=True)

    def curve(self, columns: int | None = None) -> list[tuple[int, float]]:
        """The whole equity curve.

        With `columns`, of the whole period what can be seen in so many (`kept_points`).
        """
        times, equity = self._times, self._equity
        if columns is None:
            return list(self.equity_curve())
        at = kept_points(np.array(equity), columns) if equity else ()
        return [(times[place], equity[place]) for place in at]

    def equity_at(self, points: int) -> tuple[float, ...]:
        """The equities at that many candle closes, evenly parted, of its whole life; oldest first.

        The last one is the newest. Fewer where fewer candles have closed.
        """
        count = len(self._equity)
        shown = min(points, count)
        return tuple(self._equity[(number + 1) * count // shown - 1] for number in range(shown))

    def recent_equity(self, newest: int) -> tuple[float, ...]:
        """The newest equities at candle closes, oldest first."""
        return tuple(self._equity[-newest:])

    def result(self, warnings: Sequence[str]) -> RunResult:
        """What the session comes to so far, in the shape a backtest has."""
        return self.result_later(warnings)()

    def result_later(self, warnings: Sequence[str]) -> Callable[[], RunResult]:
        """What computes the result of this moment, in another thread if need be.

        It has its own copy of everything that may change meanwhile. What grows with the trades but
        for that copy is left to it: of a million, their columns alone take a second.
        """
        trades, notes = list(self.account.trades), self._notes()
        equity = np.array(self._equity, dtype=np.float64)
        if self._filled_since:  # after the last whole candle: its trades count, and so their money
            equity[-1] = self.account.equity()
        entered = sum(one is not None and one.by_hand for one in self.account.positions)
        made = partial(
            run_result,
            self.config,
            times=np.array(self._times, dtype=np.int64),
            equity=MarkedEquity(equity),
            open_trades=self.account.open_trades(),
            benchmark_prices=[
                (first, last)
                for first, last in zip(self._first_open, self._last_close, strict=True)
                if first is not None
            ],
            refused=dict(self.account.refused),
            capped=self.account.capped,
        )
        return lambda: made(
            closed=TradeColumns.of(trades),
            warnings=[*_by_hand(trades, entered), *warnings, *notes],
        )

    def _notes(self) -> list[str]:
        return [
            f"{symbol}: {note}"
            for symbol, slot in self.slots.items()
            for note in self.streams[slot].notes()
        ]

    def _counts(self, time: int) -> bool:
        """Whether the moment `time`, just taken in, is one that may decide."""
        if not self.decided and (self.decide_from is None or time >= self.decide_from):
            return any(stream.ready for stream in self.streams)
        return self.decided

    def _due_funding(self, slot: int, time: int) -> float:
        waiting = self._funding[slot]
        due = sum(rate for at, rate in waiting if at <= time)
        self._funding[slot] = [(at, rate) for at, rate in waiting if at > time]
        return due

    def _count(self, before: int) -> None:
        """Count the wins among the trades closed since there were `before` of them."""
        self.wins += sum(trade.pnl > 0 for trade in self.account.trades[before:])

    def _mark(self, time: int) -> None:
        self._times.append(time)
        self._equity.append(self.account.equity())
        self._filled_since = False


def _by_hand(closed: Sequence[Trade], entered: int) -> list[str]:
    """What was done by hand, in words; `entered`: how many of the open positions were."""
    entered += sum(trade.by_hand for trade in closed)
    left = sum(trade.exit_reason is ExitReason.MANUAL for trade in closed)
    return [
        f"{count} {'trade was' if count == 1 else 'trades were'} {done} by hand: what came of "
        f"{'it' if count == 1 else 'them'} is not the strategy's alone"
        for count, done in ((entered, "entered"), (left, "closed"))
        if count
    ]
