"""A trial for tests: a saved backtest, and the sealed session that is to keep its promise."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import orjson

from core.backtest.run import run_backtest
from core.compare.service import add_comparison
from core.journal.manifest import EVENTS, RECORD, SEALED_AS, SessionManifest
from core.market.candles.candles import Candles
from core.market.feeds.feed import PriceSeen
from core.report.stored_backtest import save_backtest, stored_backtest
from core.session.reports import write_report
from core.store.durable import OsDisk
from core.store.journal_file import encode_line
from core.strategy.config.parsing import parse_config
from core.strategy.document.document import read_strategy
from core.trial.seal import Seal
from core.trial.sealing import seal_trial
from tests.unit.compare.test_sources import KNOWN, SYMBOL, Stage, Venue, on_stage
from tests.unit.session.sessions import SPAN, START

TREND: dict[str, Any] = {
    "name": "trend",
    "symbols": [SYMBOL],
    "timeframe": "5m",
    "indicators": [{"name": "sma", "params": {"period": 4}}],
    "entry_conditions": [{"indicator": "close", "operator": "cross_above", "value": "sma"}],
    "exit_conditions": [{"indicator": "close", "operator": "cross_below", "value": "sma"}],
    "fees": 0.0002,
    "slippage_pct": 0.02,
}


@dataclass(frozen=True, slots=True)
class Market:
    """Candles whose moves follow each other: `streak` is their first autocorrelation."""

    count: int
    seed: int
    streak: float = 0.5
    start: int = START

    def candles(self) -> Candles:
        random = np.random.default_rng(self.seed)
        drawn = random.normal(0, 0.003, self.count)
        moves = np.zeros(self.count)
        for at in range(1, self.count):
            moves[at] = self.streak * moves[at - 1] + drawn[at]
        close = 100 * np.exp(np.cumsum(moves - moves.mean()))
        opened = np.concatenate(([100.0], close[:-1]))
        reach = np.abs(random.normal(0, 0.001, (2, self.count)))
        high = np.maximum(opened, close) * (1 + reach[0])
        low = np.minimum(opened, close) * (1 - reach[1])
        time = self.start + SPAN * np.arange(self.count, dtype=np.int64)
        return Candles(time, opened, high, low, close, random.uniform(1, 2, self.count))


def save_promise(strategies: Path, config: dict[str, Any], candles: int = 1_900) -> Path:
    """A strategy's document with a saved backtest of an earlier time; its path."""
    document = strategies / str(config["name"]) / "STRATEGY.md"
    document.parent.mkdir(parents=True)
    front = "\n".join(f"{key}: {json.dumps(value)}" for key, value in config.items())
    document.write_text(f"---\n{front}\n---\nProse that stays.\n")
    history = {SYMBOL: Market(candles, 11, start=START - (candles + 100) * SPAN).candles()}
    save_backtest(document, run_backtest(parse_config(config).config, history), history, START)
    return document


def start_as(folder: Path, record: SessionManifest, *, told: bool = True) -> None:
    """Put the record of a session as if it had been started with it.

    With `told` false its journal is as versions began it that did not write the seal there.
    """
    (folder / RECORD).write_bytes(msgspec.json.encode(record))
    first, _, rest = (folder / EVENTS).read_bytes().partition(b"\n")
    header = orjson.loads(first)
    del header["crc"]
    header.pop(SEALED_AS, None)
    if told:
        header[SEALED_AS] = None if record.seal is None else record.seal.hash
    (folder / EVENTS).write_bytes(encode_line(header) + rest)


def seal_of(document: Path, horizon: int, **changed: Any) -> Seal:
    """A seal on a document's saved backtest, over so many trades."""
    found = read_strategy(document).config
    stored = stored_backtest(document, found["backtest"])
    config = {key: value for key, value in found.items() if key not in ("backtest", "updated")}
    given: dict[str, Any] = {"trades": horizon, "now": START} | changed
    return seal_trial(parse_config(config).config, stored, **given)


async def a_trial(
    root: Path,
    *,
    candles: int = 700,
    horizon: int = 60,
    streak: float = 0.5,
    half_spread_bp: float = 1.0,
    config: dict[str, Any] = TREND,
) -> Stage:
    """A sealed session that has ended, its report in its folder beside the saved backtest.

    `streak`: of its market, 0.5 is what the backtest promises. `half_spread_bp`: of the quotes that
    fill its orders, around a price that has moved by some 2 bp since its candle opened.
    """
    document = save_promise(root / "strategies", config)
    seal = seal_of(document, horizon)
    venue = Venue(candles=Market(candles, 5, streak).candles())
    random = np.random.default_rng(3)
    async with on_stage(
        root, venue, config, digest=seal.config_hash, seal=seal, warmup=200
    ) as stage:
        for place in range(KNOWN, candles):
            candle = venue.at(place)
            middle = candle.open * (1 + random.normal(0.0, 2.0) / 10_000)
            bid, ask = (middle * (1 + side * half_spread_bp / 10_000) for side in (-1, 1))
            venue.time = max(venue.time, candle.time + 300)
            venue.say(PriceSeen(SYMBOL, candle.time + 300, bid, ask, middle))
            venue.candle(place)
            if place % 50 == 0:
                await stage.decided(place)
        await stage.decided(candles - 1)
        report = await stage.stop()
    finished = add_comparison(stage.bench.workspace, report)
    folder = stage.bench.workspace.session(str(report["session_id"]))
    write_report(folder, finished, OsDisk())
    return stage
