"""What may be known of the sessions from outside: frozen values, safe to hand to any thread.

Times are UTC milliseconds, money is in quote currency, percentages are per cent. A value that is
not known is None.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from core.journal.session_notes import SessionNotes
from core.journal.values import BrokerKind, FeedKind, Mode, OrderCounts, OrderRow, SessionState
from core.market.candles.candle import Candle
from core.strategy.signals.reading import Reading
from core.trading.values import Fills, OpenTrade, Side, Trade, WaitingOrder
from core.trial.cone_over_time import ConeOverTime
from core.typed import prepare


class Level(StrEnum):
    """How loud a log line is."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the log. `number` rises by one a line within a host, so one can ask for news.

    `alert`: whoever is at a screen is to be told at once.
    """

    number: int
    time: int
    level: Level
    session_id: str | None
    text: str
    alert: bool = False


@dataclass(frozen=True, slots=True)
class TrialHorizon:
    """How long a sealed trial runs: `trades` closed ones; `days` where it was set in days."""

    sealed_at: int
    trades: int
    days: float | None


@dataclass(frozen=True, slots=True)
class SessionSnapshot:
    """One row of the sessions table and what hangs below it.

    `interrupted`: it is in error only because it could not be gone on with here (a disk that
    failed, say). Its journal goes on: resuming takes it up again, and so does the next host.
    `unread`: its journal is still to be read, or cannot be: nothing of its account is known yet.
    """

    id: str
    strategy: str
    symbols: tuple[str, ...]
    timeframe: str
    mode: Mode
    state: SessionState
    state_reason: str | None
    feed: FeedKind
    broker: BrokerKind
    fills: Fills
    started: int
    running_since: int | None
    planned_end: int | None
    ended: int | None
    now: int  # the feed's clock: ages and elapsed times count from here
    last_candle: int | None  # open time of the last closed candle decided on
    last_price_at: int | None  # when the last price of any kind arrived, on the feed's clock
    trades_count: int
    wins: int
    open_positions: tuple[OpenTrade, ...]
    starting_balance: float
    realized_pnl: float
    unrealized_pnl: float
    equity: float
    pnl_today: float
    equity_curve: tuple[float, ...]  # of its whole life, thinned, at candle closes, oldest first
    notices: tuple[str, ...]
    next_jobs: tuple[str, ...]
    interrupted: bool = False
    unread: bool = False
    trial: TrialHorizon | None = None  # None: it is none
    seal_problem: str | None = None  # why it is not judged by its seal; one of `notices` as well
    orders: OrderCounts | None = None  # on a venue, where its fills are mirrored on one
    waiting_orders: tuple[WaitingOrder, ...] = ()  # to enter at a price
    blocked: tuple[str, ...] = ()  # symbols in which entries are forbidden, each by itself
    sides: tuple[Side, ...] = ()  # those that may be entered by hand
    asked_in: tuple[str, ...] = ()  # symbols whose entry a person asked for; no price came yet
    asked_out: tuple[str, ...] = ()  # the same of exits
    notes: SessionNotes = field(default_factory=SessionNotes)  # what its owner has put down
    stand_ins: tuple[str, ...] = ()  # what stands in for its streams or its venue, and why

    @property
    def resumable(self) -> bool:
        """Whether resuming changes anything."""
        return self.interrupted or self.state is SessionState.PAUSED


@dataclass(frozen=True, slots=True)
class SessionDetail:
    """What the session screen shows beyond the row. Candles are the most recent, oldest first.

    `equity` is the whole period, (open time, equity at the close), reduced to what can be seen.
    `forming` is each symbol's candle that has not closed yet and `prices` the present price, where
    the feed tells them; `snapshot` is the row of the same moment. `cone`: of a sealed trial, the
    band that its equity is to stay in.
    """

    id: str
    candles: dict[str, tuple[Candle, ...]]
    readings: dict[str, tuple[Reading, ...]]  # by symbol
    trades: tuple[Trade, ...]
    equity: tuple[tuple[int, float], ...]
    feed_health: tuple[str, ...]
    orders: tuple[OrderRow, ...] = ()
    forming: dict[str, Candle] = field(default_factory=dict)
    prices: dict[str, float] = field(default_factory=dict)
    snapshot: SessionSnapshot | None = None
    cone: ConeOverTime | None = None


@dataclass(frozen=True, slots=True)
class LastDay:
    """What a session that has ended, and was archived since, gained on the day it ended."""

    mode: Mode
    symbols: tuple[str, ...]
    ended: int
    pnl_today: float


@dataclass(frozen=True, slots=True)
class HostSnapshot:
    """Everything a viewer draws a few times a second.

    `faults`: the parts of the host that have failed and do not run yet again. `archived`: of the
    archived sessions those that may have ended today, in whatever zone that is.
    """

    pid: int
    kind: str  # "tui" or "headless"
    since: int
    now: int  # the host's own clock
    workspace: str
    sessions: tuple[SessionSnapshot, ...]
    last_log: int  # number of the newest log line
    faults: tuple[str, ...] = ()
    archived: tuple[LastDay, ...] = ()


@dataclass(frozen=True, slots=True)
class TrialTerms:
    """How long a trial is to run: `days`, or `trades` closed; with neither, the usual 60 days.

    `document`: the file whose saved backtest is put to the test; None: the workspace's strategy of
    that name.
    """

    days: float | None = None
    trades: int | None = None
    document: str | None = None


@dataclass(frozen=True, slots=True)
class StartRequest:
    """What to run. `config` is the strategy as parsed from JSON or a document, not yet validated.

    `data`: candle files by symbol (replay), `columns`: the names of their columns in their order,
    where the files do not say them; `speed`: times real time, None for full speed.
    `run_for`: milliseconds counted from running; `until`: UTC ms. `exchange`: the ccxt name of the
    one to poll. `warmup`: candles before the first decision, None: as many as the strategy wants.
    `broker` None: the testnet for a live feed where there are keys for it, else simulated.
    `fallback`: poll while a live feed's streams do not answer.
    `api_key`, `api_secret`: of the testnet, for this session alone; never kept.
    `trial`: seal it as a trial before its first candle; None: it is none.
    """

    config: dict[str, object]
    feed: FeedKind = FeedKind.LIVE
    broker: BrokerKind | None = BrokerKind.SIMULATED
    fills: Fills | None = None  # None: market on live and demo, candle elsewhere
    data: dict[str, str] | None = None
    columns: str | None = None
    speed: float | None = None
    run_for: int | None = None
    until: int | None = None
    starting_balance: float | None = None
    exchange: str | None = None
    fallback: bool = False
    warmup: int | None = None
    api_key: str | None = field(default=None, repr=False)
    api_secret: str | None = field(default=None, repr=False)
    trial: TrialTerms | None = None


@dataclass(frozen=True, slots=True)
class StartReply:
    """The session that was started, and what its owner should know of it.

    `message` tells the user in a sentence or two what was started and how it is watched.
    """

    session_id: str
    mode: Mode
    notices: tuple[str, ...]
    jobs: tuple[str, ...] = ()
    message: str = ""


prepare(HostSnapshot, SessionSnapshot, SessionDetail, StartRequest, StartReply)
