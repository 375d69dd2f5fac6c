"""Does a trial that is looked at again and again turn where something happened, and only there?

    python -m tests.benchmarks.accelerated_trials [--trials 400] [--cause slippage …] [--workers 2]

Every trial is a real session: a market with a planted edge on the embedded exchange, a backtest of
its first months over REST, a seal, then the session over the program's own stream clients with the
exchange's time moved by hand, as fast as the sessions decide. It is compared some twenty times on
its way, as by a user who cannot wait. `--cause none` injects nothing; every other cause is injected
alone, by the exchange's own faults and switches or by its market. A batch of trials shares one
exchange and one host, each with a symbol, a strategy and a backtest of its own. `--keep FILE` takes
up where an earlier run ended.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import math
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.backtest.run import run_backtest
from core.compare.comparison import ComparisonResult
from core.compare.request import ComparisonRequest
from core.compare.sources import compare_sources
from core.exchange.faults import FaultKind
from core.exchange.market.clock import ManualClock
from core.exchange.market.recorded import RecordedMarket
from core.exchange.server import EmbeddedExchange
from core.host.host import Host, HostOptions
from core.host.living_session import report_later
from core.journal.values import FeedKind
from core.market.candles.candles import Candles, Floats
from core.market.candles.timeframes import Timeframe
from core.market.feeds.delivery import DeliveryPace
from core.market.feeds.feed import Feed
from core.market.feeds.streams.follower import FollowPace, StreamFeed
from core.market.feeds.streams.gateway import VenueGateway
from core.market.feeds.streams.streams import Pace
from core.market.history.candle_history import FetchPatience
from core.market.venues.binance.addresses import embedded
from core.market.venues.binance.dialect import BinanceDialect
from core.report.stored_backtest import save_backtest
from core.session.engine import Engine
from core.session.snapshot import StartRequest, TrialTerms
from core.store.workspace import Workspace
from core.strategy.config.parsing import parse_config
from core.strategy.document.document import read_strategy
from core.strategy.document.yaml_text import write_yaml
from core.trial.boundaries import Boundaries, calibrate
from core.trial.cone import BandSide, Cone, cone
from core.trial.costs import CostFinding
from core.trial.seal import SEALED_RATES, Margins
from core.trial.state import State
from tests.unit.host.hosts import running
from tests.unit.trial.making import Draw, normal, skewed, student_t
from tests.waiting import until

SPAN = Timeframe.M5.ms
BEGIN = 1_700_006_400_000  # UTC ms; the market's first candle
CYCLE = 5  # candles: one that calls, two that are held, a quiet one, the call's move taken back
CALLED = 0.8  # share of the calls that are loud enough to be a signal
SPREAD_OF_RETURNS = 0.8  # standard deviation of a trade, per cent
ASSUMED, FEES = 1.5, 4.0  # of a fill, basis points
SHAPES: tuple[Draw, ...] = (normal, skewed, student_t)
SIZE = 0.95  # of the equity in a trade
HORIZONS = range(40, 121, 10)  # trades, of which a doubled drawdown gets the one that shows it best
CLEARLY = SPREAD_OF_RETURNS / 2  # per cent between a doubled drawdown and a line, to count as due
LOOKS = 20
PACE = 100.0  # to the connections, which live in real time and are closed after a day


@dataclass(frozen=True, slots=True)
class Cause:
    """What is injected, and into trials of which size.

    `promise`: mean return of a trade in standard deviations, net of costs; `kept`: the share of it
    that the market still pays in the trial. `half_spread`: the market's, in basis points.
    """

    backtest: int = 200
    horizon: int = 60
    promise: float = 0.4
    kept: float = 1.0
    half_spread: float = ASSUMED
    fault: FaultKind | None = None
    chance: float = 1.0
    amount: float | None = None
    drawdown: bool = False


CAUSES = {
    "none": Cause(),
    "slippage": Cause(half_spread=3 * ASSUMED),
    "gap": Cause(fault=FaultKind.MISSING_CANDLE, chance=0.05),
    "revised": Cause(fault=FaultKind.REVISED_CANDLE, chance=0.1, amount=-60),
    "late": Cause(fault=FaultKind.LATE_CLOSE, amount=60_000),
    "no edge": Cause(backtest=300, horizon=160, kept=0.0),
    "drawdown": Cause(backtest=300, horizon=HORIZONS[-1], promise=0.2, drawdown=True),
}


def strategy(number: int) -> dict[str, Any]:
    """Buys after a loud candle and holds two."""
    return {
        "name": f"caller_{number}",
        "symbols": [f"C{number}/USDT"],
        "timeframe": "5m",
        "indicators": [{"name": "roc", "params": {"period": 1}}],
        "entry_conditions": [
            {"indicator": "roc", "operator": "gt", "value": 0.8},
            {"indicator": "volume", "operator": "gt", "value": 5},
        ],
        "exit_conditions": [],
        "max_hold": 2,
        "trade_size_pct": 100 * SIZE,
        "slippage_pct": ASSUMED / 100,
        "fees": FEES / 10_000,
    }


@dataclass(frozen=True, slots=True)
class Made:
    """A market: its candles, the number of the trial's first, and the trial's horizon in trades.

    `backtest` and `trial`: what its trades bring, in per cent of the equity, costs taken off.
    `fall`: those of the fall the trial begins with, summed up.
    """

    candles: Candles
    start: int
    horizon: int
    backtest: Floats
    trial: Floats
    fall: Floats


def market(cause: Cause, number: int, seed: int) -> Made:
    """A market in which the strategy earns what it is meant to."""
    rng = np.random.default_rng((seed, number))
    draw = SHAPES[number % len(SHAPES)]
    before = math.ceil(cause.backtest / CALLED)
    after = math.ceil(cause.horizon / CALLED * 1.15) + 10
    loud = rng.random(before + after) < CALLED
    cost = 2 * (ASSUMED + FEES) / 100
    shape = draw(rng, (before + after,))
    promise = np.where(np.arange(before + after) < before, 1.0, cause.kept) * cause.promise
    held = cost + SPREAD_OF_RETURNS * (shape + promise)
    horizon, fall = cause.horizon, np.zeros(0)
    of_backtest = np.flatnonzero(loud[:before])
    of_trial = before + np.flatnonzero(loud[before:])
    if cause.drawdown:
        net = SIZE * (held - cost)
        order, horizon, fall = doubled_drawdown(rng, net[of_backtest], net[of_trial])
        held[of_trial] = held[of_trial[order]]
    net = SIZE * (held - cost)
    calls = np.where(loud, rng.uniform(0.9, 1.6, len(loud)), rng.uniform(0.2, 0.6, len(loud)))
    first = held * rng.uniform(0.3, 0.7, len(held))
    moves = np.stack((calls, first, held - first, 0 * calls, -calls), axis=1).ravel()
    close = np.round(100 * np.exp(np.cumsum(np.clip(moves, -15, 15)) / 100), 4)
    opened = np.concatenate(([100.0], close[:-1]))
    reach = np.abs(rng.normal(0, 0.001, (2, len(close))))
    high = np.round(np.maximum(opened, close) * (1 + reach[0]), 4)
    low = np.round(np.minimum(opened, close) * (1 - reach[1]), 4)
    volume = np.tile([10.0, 1.0, 1.0, 1.0, 1.0], len(held))
    times = BEGIN + SPAN * np.arange(len(close), dtype=np.int64)
    candles = Candles(times, opened, high, low, close, volume)
    return Made(candles, before * CYCLE, horizon, net[of_backtest], net[of_trial], fall)


def doubled_drawdown(
    rng: np.random.Generator, backtest: Floats, trial: Floats
) -> tuple[NDArray[np.intp], int, Floats]:
    """Order the trades of a trial so that it begins with twice the backtest's deepest drawdown.

    They stay the trades that were promised, and none is added: the worst come first, until they
    make up the fall. Where the fall ends is known before, and so is the horizon at which it lies
    most clearly between the band, which it must leave, and the line of the edge.

    Returns the order, the horizon, and the fall summed up; all returns in per cent of the equity.
    """
    gone = np.concatenate(([0.0], backtest.cumsum()))
    depth = 2 * float((np.maximum.accumulate(gone) - gone).max())
    found = []
    for horizon in HORIZONS:
        ranked = np.argsort(trial[:horizon])
        count = 1 + int(np.searchsorted(-trial[ranked].cumsum(), depth))
        first, rest = (rng.permutation(part) for part in (ranked[:count], ranked[count:]))
        order = np.concatenate((first, rest, np.arange(horizon, len(trial))))
        fall = trial[first].cumsum()
        lines = calibrate(backtest, horizon, broken=SEALED_RATES.edge)
        band = cone(backtest, horizon, rate=SEALED_RATES.path)
        found.append((clearance(fall, band, lines), horizon, order, fall))
    _, horizon, order, fall = max(found, key=lambda one: one[0])
    return order, horizon, fall


def clearance(fall: Floats, band: Cone, lines: Boundaries) -> float:
    """By how many per cent a fall leaves the band and yet stays off the line of the edge."""
    below = band.lower()[1 : len(fall) + 1] - 100 * np.expm1(fall / 100)
    return float(min(below.max(), lines.excess(np.diff(fall, prepend=0.0)).min() - lines.lower))


@dataclass(slots=True)
class Seen:
    """What any look at one trial has shown."""

    number: int
    cause: str
    looks: int = 0
    trades: int = 0
    differing: int = 0
    unexplained: int = 0
    decisions: bool = False  # broken
    dearer: bool = False
    eaten: bool = False
    path: bool = False  # left below
    edge: str = "open"
    verdict: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    decision_kinds: list[str] = field(default_factory=list)
    cost: float | None = None
    delay: float | None = None
    due: bool = True  # an injected fall lies clearly beyond the band and off the edge's line

    def look(self, found: ComparisonResult, fall: Floats) -> None:
        """Note what a comparison says; `fall`: what was injected, summed up, in per cent."""
        layers, verdict = found.layers, found.verdict
        assert verdict is not None
        assert verdict.sealed
        assert layers.decisions is not None
        assert layers.costs is not None
        assert layers.path is not None
        assert layers.edge is not None
        assert layers.edge.state is not None
        self.looks += 1
        self.trades = layers.edge.trades
        self.differing = max(self.differing, layers.decisions.judged.differing)
        self.unexplained = max(self.unexplained, layers.decisions.judged.unexplained)
        self.decisions |= layers.decisions.state is State.BROKEN
        judged = layers.costs.judged
        band, lines = layers.path.band, layers.edge.lines
        if len(fall) and band is not None and lines is not None:
            self.due = clearance(fall, band, lines) >= CLEARLY
        self.dearer |= judged.finding is CostFinding.DEARER
        self.eaten |= judged.finding is CostFinding.EATS_EDGE
        self.path |= layers.path.state is State.BROKEN
        if self.edge == "open":
            self.edge = str(layers.edge.state)
        if str(verdict.state) not in self.verdict:
            self.verdict.append(str(verdict.state))
        self.cost, self.delay = judged.seen, layers.costs.delay
        if layers.account is not None:
            self.kinds = [str(kind) for kind, _, _ in layers.account.by_cause]
        self.decision_kinds = sorted({str(d.cause.kind) for d in layers.decisions.differences})

    @property
    def turned(self) -> set[str]:
        """The layers that have turned at any look, each by its own name for it."""
        named = {
            "decisions unexplained": self.decisions,
            "decisions differ": self.differing > 0,
            "costs dearer": self.dearer,
            "costs eat the edge": self.eaten,
            "path below": self.path,
            "edge broken": self.edge == "broken",
            "account latency": "latency" in self.kinds,
        }
        return {name for name, is_so in named.items() if is_so}


# What must turn, and what may turn beside it, because it is the same thing seen by another layer.
RIGHT = {
    "none": (set[str](), set[str]()),
    "slippage": ({"costs dearer"}, set()),
    "gap": ({"decisions differ"}, {"account latency"}),
    "revised": ({"decisions differ"}, set()),
    "late": ({"account latency"}, {"costs dearer"}),
    "no edge": ({"edge broken"}, {"path below"}),
    "drawdown": ({"path below"}, set()),
}


class Batch:
    """Some trials of one cause on one exchange, in one host."""

    def __init__(self, name: str, numbers: Sequence[int], seed: int) -> None:
        self.cause = CAUSES[name]
        self.numbers = numbers
        self.seen = {number: Seen(number, name) for number in numbers}
        self.made = {number: market(self.cause, number, seed) for number in numbers}
        self.start = self.made[numbers[0]].start
        self.clock = ManualClock(BEGIN + self.start * SPAN + 500, PACE)
        self.exchange = EmbeddedExchange(
            RecordedMarket(
                {f"C{n}/USDT": (Timeframe.M5, each.candles) for n, each in self.made.items()}
            ),
            self.clock,
            seed=seed,
            half_spread=self.cause.half_spread / 10_000,
        )
        self.engines: dict[int, Engine] = {}
        self.documents: dict[int, dict[str, object]] = {}

    async def run(self, root: Path) -> list[Seen]:
        """Run them to their horizons."""
        async with self.exchange:
            desk = VenueGateway(
                BinanceDialect(embedded(self.exchange.rest_url, self.exchange.futures_rest_url)),
                pace=Pace(silent_after=1e6, longest_silence=1e6),
                patience=FetchPatience(settle=0, time_holds=0),
            )
            follow = FollowPace(
                overdue=1e6,
                longest_overdue=1e6,
                audit=1e6,
                delivery=DeliveryPace(hole_tries=2, hole_delay=0.01),
            )

            async def feed(*_: Any) -> Feed:
                return StreamFeed(desk, follow)

            try:
                workspace = Workspace(root)
                async with running(workspace, HostOptions(feeds={FeedKind.LIVE: feed})) as host:
                    await self._start(host, desk)
                    await self._pass(host, desk)
            finally:
                await desk.close()
        return list(self.seen.values())

    async def _start(self, host: Host, desk: VenueGateway) -> None:
        for number in self.numbers:
            keys = strategy(number)
            (symbol,) = keys["symbols"]
            past = await desk.history.between(symbol, Timeframe.M5, BEGIN, self.clock.now())
            folder = host.workspace.strategies / keys["name"]
            folder.mkdir(parents=True)
            document = folder / "STRATEGY.md"
            document.write_text(f"---\n{write_yaml(keys)}---\n", encoding="utf-8")
            config = parse_config(keys).config
            history = {symbol: past.candles}
            filters = {symbol: await desk.api.filters(symbol)}
            result = run_backtest(config, history, filters=filters)
            save_backtest(document, result, history, self.clock.now())
            self.documents[number] = dict(read_strategy(document).config)
            terms = TrialTerms(trades=self.made[number].horizon)
            reply = await host.start(StartRequest(keys, trial=terms))
            self.engines[number] = host.registry.alive(reply.session_id)
        await until(lambda: all(engine.handler is not None for engine in self.engines.values()))
        # A stream is subscribed to shortly after its session says that it runs.
        for _ in range(500):
            if all(engine.handler and engine.handler.prices for engine in self.engines.values()):
                break
            self.clock.advance(500)
            await asyncio.sleep(0.05)

    async def _pass(self, host: Host, desk: VenueGateway) -> None:
        cause = self.cause
        if cause.fault is not None:
            self.exchange.switch_on(
                cause.fault, "*@kline_5m", chance=cause.chance, amount=cause.amount
            )
        last = len(self.made[self.numbers[0]].candles) - 1
        steps = range(self.start, last)
        every = max(1, len(steps) // LOOKS)
        for place in steps:
            closes = BEGIN + (place + 1) * SPAN
            await self._move_to(closes - 500)
            await self._move_to(closes + 500)
            if cause.fault is FaultKind.LATE_CLOSE:
                assert cause.amount is not None
                await self._move_to(closes + int(cause.amount) + 1_000)
            await self._decided(place)
            if cause.fault is FaultKind.MISSING_CANDLE:
                # What was decided once the hole had been asked for fills at the next price.
                await self._move_to(closes + 26_000)
            if place % every == 0 or place == steps[-1]:
                await self._look(host, desk)

    async def _move_to(self, moment: int) -> None:
        """Let exchange time pass, and every session have the price it then had."""
        self.clock.advance(moment - self.clock.now())

        def priced() -> bool:
            handlers = [engine.handler for engine in self.engines.values()]
            return all((handler.last_price_at or 0) >= moment for handler in handlers if handler)

        await until(priced)

    async def _decided(self, place: int) -> None:
        """Wait for the sessions that can have decided on candle number `place`."""
        opened = BEGIN + place * SPAN
        replay = self.exchange.venue.replay
        waiting = [
            engine
            for number, engine in self.engines.items()
            if len(replay.closed(f"C{number}/USDT", Timeframe.M5, opened, opened + 1))
        ]
        await until(lambda: all(_settled(engine, opened) for engine in waiting))

    async def _look(self, host: Host, desk: VenueGateway) -> None:
        """Compare every session, as its user would."""
        for number, engine in self.engines.items():
            report = await asyncio.to_thread(report_later(engine))
            if not report["period"]["candles"]:
                continue
            present = await self._present(number, engine, desk)
            name = str(report["strategy"])
            request = ComparisonRequest(
                name,
                Timeframe.M5,
                document=host.workspace.strategies / name / "STRATEGY.md",
                blocks=self.documents[number],
            )
            found = await asyncio.to_thread(
                compare_sources, host.workspace, request, (report,), present
            )
            self.seen[number].look(found, self.made[number].fall)

    async def _present(
        self, number: int, engine: Engine, desk: VenueGateway
    ) -> dict[str, dict[str, Candles]] | None:
        """The exchange's candles as it tells them now, where it has found what it had not."""
        if self.cause.fault is not FaultKind.MISSING_CANDLE:
            return None
        symbol = f"C{number}/USDT"
        for gap in engine.handler.gaps if engine.handler else ():
            for opened in range(gap.first, gap.last + 1, SPAN):
                lost = self.made[number].candles.at((opened - BEGIN) // SPAN)
                self.exchange.venue.replay.edit(symbol, Timeframe.M5, opened, lost)
        told = await desk.history.between(symbol, Timeframe.M5, BEGIN, self.clock.now())
        return {engine.record.id: {symbol: told.candles}}


def _settled(engine: Engine, opened: int) -> bool:
    handler = engine.handler
    return handler is not None and handler.settled and (handler.runner.moment_time or 0) >= opened


def without_exchange(name: str, numbers: Sequence[int], seed: int) -> list[Seen]:
    """What path and edge say of the trades that markets are made of, without any session."""
    found = []
    for number in numbers:
        made = market(CAUSES[name], number, seed)
        margin = Margins().mean_return * max(0.0, float(made.backtest.mean()))
        lines = calibrate(
            made.backtest,
            made.horizon,
            broken=SEALED_RATES.edge,
            kept=SEALED_RATES.kept,
            margin=margin,
        )
        band = cone(made.backtest, made.horizon, rate=SEALED_RATES.path)
        side = band.judge(100 * np.expm1(made.trial.cumsum() / 100)).side
        one = Seen(number, name, looks=1, path=side is BandSide.BELOW)
        one.edge = str(lines.judge(made.trial).state)
        one.due = not len(made.fall) or clearance(made.fall, band, lines) >= CLEARLY
        broken = one.path or one.edge == "broken"
        one.verdict.append("broken" if broken else one.edge)
        found.append(one)
    return found


def batch(name: str, numbers: Sequence[int], seed: int) -> list[Seen]:
    """Run a batch in this process."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(Batch(name, numbers, seed).run(Path(folder)))


def share(seen: Sequence[Seen], true: Callable[[Seen], bool]) -> str:
    """How many of the trials, in per cent with the standard error."""
    part = sum(map(true, seen)) / len(seen)
    return f"{part:6.1%} ± {100 * math.sqrt(part * (1 - part) / len(seen)):.1f}"


def _has_turned(layer: str, one: Seen) -> bool:
    return layer in one.turned


def table(name: str, seen: Sequence[Seen]) -> str:
    """What turned in the trials of one cause."""
    must, may = RIGHT[name]
    right = share(seen, lambda one: must <= one.turned)
    alone = share(seen, lambda one: must <= one.turned <= must | may)
    lines = [
        f"{name}: {len(seen)} trials of {CAUSES[name].horizon} trades after "
        f"{CAUSES[name].backtest}, {np.mean([one.looks for one in seen]):.0f} looks each",
        f"  {'verdict broken':<24}{share(seen, lambda one: 'broken' in one.verdict)}",
        f"  {'verdict kept':<24}{share(seen, lambda one: 'kept' in one.verdict)}",
    ]
    if CAUSES[name].drawdown:
        due = [one for one in seen if one.due]
        lines.append(f"  {'fall between the lines':<24}{share(seen, lambda one: one.due)}")
        lines.append(f"  {'of these: path below':<24}{share(due, lambda one: must <= one.turned)}")
        lines.append(
            f"  {'… and no other':<24}{share(due, lambda one: must <= one.turned <= must | may)}"
        )
    names = sorted(set[str]().union(*(one.turned for one in seen)) | must)
    for turned in names:
        lines.append(f"  {turned:<24}{share(seen, partial(_has_turned, turned))}")
    lines.append(f"  {'the right layer':<24}{right}")
    lines.append(f"  {'… and no other':<24}{alone}")
    kinds = sorted({kind for one in seen for kind in one.decision_kinds})
    if kinds:
        lines.append(f"  decisions differ by: {', '.join(kinds)}")
    costs = [one.cost for one in seen if one.cost is not None]
    if costs:
        lines.append(f"  mean cost seen {np.mean(costs):.2f} bp a fill, assumed {ASSUMED}")
    return "\n".join(lines)


def main() -> None:
    """Run the trials and print the tables."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    asked.add_argument("--trials", type=int, default=400, help="with nothing injected")
    asked.add_argument("--injected", type=int, default=100, help="of each cause")
    asked.add_argument("--cause", action="append", choices=CAUSES, help="all where left out")
    asked.add_argument("--workers", type=int, default=2)
    asked.add_argument("--size", type=int, default=20, help="trials that share an exchange")
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument(
        "--without-exchange", action="store_true", help="path and edge by returns alone"
    )
    asked.add_argument("--keep", type=Path, help="file of the trials done, one a line")
    options = asked.parse_args()
    done: dict[str, dict[int, Seen]] = {name: {} for name in CAUSES}
    if options.keep is not None:
        with suppress(FileNotFoundError):
            for line in options.keep.read_text(encoding="utf-8").splitlines():
                one = Seen(**json.loads(line))
                done[one.cause][one.number] = one
    with ProcessPoolExecutor(options.workers) as pool:
        for name in options.cause or CAUSES:
            began = time.monotonic()
            count = options.trials if name == "none" else options.injected
            left = [number for number in range(count) if number not in done[name]]
            parts = [left[at : at + options.size] for at in range(0, len(left), options.size)]
            run = without_exchange if options.without_exchange else batch
            for seen in pool.map(run, [name] * len(parts), parts, [options.seed] * len(parts)):
                done[name].update({one.number: one for one in seen})
                if options.keep is not None:
                    with options.keep.open("a", encoding="utf-8") as file:
                        file.writelines(json.dumps(dataclasses.asdict(one)) + "\n" for one in seen)
            told = [one for number, one in sorted(done[name].items()) if number < count]
            print(table(name, told), flush=True)
            if left:
                print(f"  {(time.monotonic() - began) / len(left):.2f} s a trial", flush=True)


if __name__ == "__main__":
    main()
