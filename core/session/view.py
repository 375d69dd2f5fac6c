"""Makes the snapshot of a session that screens and commands see."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo

from core.journal.manifest import SessionManifest
from core.journal.values import Mode, OrderRow, SessionState
from core.journal.venue_orders import VenueOrders
from core.market.candles.candle import Candle
from core.market.feeds.feed import PriceSeen
from core.session.runner import Runner
from core.session.snapshot import (
    SessionDetail,
    SessionSnapshot,
    TrialHorizon,
)
from core.session.start_notices import as_it_began
from core.trading.values import OpenTrade, Side
from core.trial.cone_over_time import ConeOverTime
from core.trial.plan import sealed_cone
from core.trial.seal import closed_at, is_of_period

_SPARK = 60  # points of a sparkline
_COLUMNS = 400  # into which a whole equity curve is reduced; no terminal is wider


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """Where a session is in its life. Times are UTC ms on the feed's clock."""

    state: SessionState
    reason: str | None
    now: int
    running_since: int | None = None
    planned_end: int | None = None
    ended: int | None = None
    last_price_at: int | None = None


def session_snapshot(
    record: SessionManifest,
    runner: Runner | None,
    lifecycle: Lifecycle,
    prices: Mapping[str, PriceSeen],
    jobs: tuple[str, ...] = (),
    orders: VenueOrders | None = None,
    notices: Iterable[str] = (),
    stand_ins: tuple[str, ...] = (),
    *,
    orders_fail: bool = False,
    unread: bool = False,
    zone: tzinfo = UTC,
) -> SessionSnapshot:
    """One row of the sessions table. Positions are marked at `prices` where there are any.

    `notices`: what is so for the time being. `unread`: its past is not known yet. While its orders
    cannot be executed (`orders_fail`) it runs simulated. `zone`: whose day today is.
    """
    config = record.config
    starting = float(config.get("starting_balance", 10_000.0))
    open_positions: tuple[OpenTrade, ...] = ()
    equity, realized, today = starting, 0.0, starting
    if runner is not None:
        marks = {symbol: mark for symbol, seen in prices.items() if (mark := mark_of(seen))}
        open_positions = runner.account.open_trades(marks)
        equity = runner.account.free + sum(trade.worth for trade in open_positions)
        realized = runner.account.realized_pnl
        today = runner.day_start_equity(lifecycle.now, zone)
    return SessionSnapshot(
        id=record.id,
        strategy=str(config["name"]),
        symbols=tuple(config["symbols"]),
        timeframe=str(config["timeframe"]),
        mode=Mode.SIMULATED if orders_fail and record.mode is Mode.TESTNET else record.mode,
        state=lifecycle.state,
        state_reason=lifecycle.reason,
        feed=record.feed,
        broker=record.broker,
        fills=record.fills,
        started=record.created,
        running_since=lifecycle.running_since,
        planned_end=lifecycle.planned_end,
        ended=lifecycle.ended,
        now=lifecycle.now,
        trial=trial_horizon(record),
        seal_problem=record.seal_problem or None,
        last_candle=None if runner is None else runner.moment_time,
        last_price_at=lifecycle.last_price_at,
        trades_count=0 if runner is None else len(runner.account.trades),
        wins=0 if runner is None else runner.wins,
        open_positions=open_positions,
        waiting_orders=() if runner is None else runner.account.waiting_orders(),
        blocked=() if runner is None else runner.blocked,
        sides=_sides(record, runner),
        asked_in=() if runner is None else runner.asked_in,
        asked_out=() if runner is None else runner.asked_out,
        starting_balance=starting,
        realized_pnl=realized,
        unrealized_pnl=sum(trade.unrealized_pnl for trade in open_positions),
        equity=equity,
        pnl_today=equity - today,
        equity_curve=() if runner is None else runner.equity_at(_SPARK),
        notices=(
            *as_it_began(record.notices),
            *_seal_notice(record),
            *stand_ins,
            *notices,
            *_refusals(orders),
        ),
        next_jobs=jobs,
        orders=(orders or VenueOrders(record)).counts(),
        stand_ins=stand_ins,
        unread=unread,
    )


def _sides(record: SessionManifest, runner: Runner | None) -> tuple[Side, ...]:
    """The sides that may be entered by hand: none before the candles that count."""
    if runner is None or not runner.decided or record.accounts or record.seal:
        return ()
    return runner.sides


def _seal_notice(record: SessionManifest) -> Iterator[str]:
    """It is none of the record's own notices: a report keeps those, and a seal may hold again."""
    if record.seal_problem:
        yield record.seal_problem


def _refusals(orders: VenueOrders | None) -> Iterator[str]:
    counts = None if orders is None else orders.counts()
    if orders is not None and counts is not None and orders.last_refusal is not None:
        number = f"{counts.refused} of {counts.made} orders"
        yield f"{number} were refused on the testnet; the last: {orders.last_refusal}"


def trial_horizon(record: SessionManifest) -> TrialHorizon | None:
    """Over what a session is judged by the seal in its record; None where there is none."""
    seal = record.seal
    if seal is None:
        return None
    return TrialHorizon(seal.sealed_at, seal.horizon.trades, seal.horizon.days)


def session_detail(
    session_id: str,
    runner: Runner | None,
    health: Iterable[str],
    orders: tuple[OrderRow, ...] = (),
    prices: Mapping[str, PriceSeen] | None = None,
    snapshot: SessionSnapshot | None = None,
    cone: ConeOverTime | None = None,
) -> SessionDetail:
    """What the session screen shows beyond the row; `snapshot` is that row of the same moment."""
    if runner is None:
        return SessionDetail(session_id, {}, {}, (), (), tuple(health), orders, snapshot=snapshot)
    seen = prices or {}
    marks = {symbol: mark for symbol, price in seen.items() if (mark := mark_of(price))}
    readings = {symbol: runner.streams[slot].readings() for symbol, slot in runner.slots.items()}
    return SessionDetail(
        session_id,
        {symbol: tuple(runner.recent[slot]) for symbol, slot in runner.slots.items()},
        readings,
        tuple(runner.account.trades),
        tuple(runner.curve(_COLUMNS)),
        tuple(health),
        orders,
        {
            symbol: now
            for symbol in runner.slots
            if (now := _forming(runner, symbol, seen.get(symbol)))
        },
        marks,
        snapshot,
        cone,
    )


async def prepare_readings(runner: Runner) -> None:
    """Compute in a thread what the first `session_detail` of a replay would take long for."""
    for stream in runner.streams:
        prepare = stream.preparation()
        if prepare is not None:
            await asyncio.to_thread(prepare)


async def trial_cone(record: SessionManifest, runner: Runner | None) -> ConeOverTime | None:
    """The band of a session's trial, drawn in a thread and anew only with a trade or a day.

    None where it is no trial, or its seal does not hold, or nothing was decided yet; and where it
    runs over its backtest's own period, which the comparison does not judge.
    """
    seal = record.seal
    if seal is None or runner is None or record.seal_problem:
        return None
    start, last = runner.began, runner.moment_time
    if start is None or last is None:
        return None
    if is_of_period(start, last, seal.backtest_start, seal.backtest_end):
        return None
    closes = tuple(sorted(closed_at(trade) for trade in runner.account.trades))
    try:
        return await asyncio.to_thread(sealed_cone, seal, start, closes, last)
    except ValueError:  # of such trades no band can be drawn, which the comparison says
        return None


def _forming(runner: Runner, symbol: str, price: PriceSeen | None) -> Candle | None:
    """The candle of a symbol that forms now, where the feed has told of it and none is newer."""
    if price is None or price.forming is None:
        return None
    closed = runner.recent[runner.slots[symbol]]
    if closed and price.forming.time <= closed[-1].time:
        return None
    now, mark = price.forming, mark_of(price)
    if mark is None:
        return now
    # It ends where positions are marked: quotes go on while trades fail to come.
    return now._replace(high=max(now.high, mark), low=min(now.low, mark), close=mark)


def mark_of(price: PriceSeen) -> float | None:
    """The price a position is shown at: the last one, else the middle of bid and ask."""
    if price.last is not None:
        return price.last
    if price.bid is None or price.ask is None:
        return price.ask if price.bid is None else price.bid
    return (price.bid + price.ask) / 2
