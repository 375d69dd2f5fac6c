"""A polled session from the command line, at the addresses of the configuration."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

from core.exchange.market.clock import RunningClock
from core.exchange.market.synthetic import SyntheticMarket
from core.journal.candle_journal import read_candle_journal
from core.market.candles.timeframes import MINUTE, Timeframe
from core.time_format import parse_time, wall_clock
from tests.unit.cli.conftest import Run, serving, write_addresses
from tests.unit.cli.hosted import hosted
from tests.unit.cli.test_session_commands import state_of
from tests.unit.cli.test_strategy_commands import rsi_bounce
from tests.waiting import until_blocking

BEHIND = 30 * MINUTE  # the venue's clock must stay within an hour of this machine's
SPEED = 60.0  # some candles at each of the looks, which are ten seconds apart


def test_a_polled_session_keeps_to_closed_candles_and_to_what_the_exchange_asks_for(
    run: Run, workspace: Path
) -> None:
    config = json.dumps(rsi_bounce(timeframe="1m"))
    start = wall_clock() // MINUTE * MINUTE - BEHIND
    with serving(RunningClock(start, SPEED)) as served:
        write_addresses(workspace, served)
        with hosted(workspace):
            fault = {"kind": "too_many_requests", "target": "/api/v3/klines", "times": 1}
            asked = urllib.request.Request(
                f"{served.spot}/_papertape/faults", json.dumps({**fault, "amount": 1}).encode()
            )
            urllib.request.urlopen(asked).close()
            started = run(
                *("start", "--config", config, "--feed", "poll", "--exchange", "binance", "--json")
            )
            assert started.code == 0, started.err
            session_id = started.json["session_id"]
            until_blocking(lambda: state_of(run, session_id) == "running")
            first = run("status", session_id, "--json").json["last_candle"]
            until_blocking(lambda: run("status", session_id, "--json").json["last_candle"] != first)
            with urllib.request.urlopen(f"{served.spot}/_papertape/faults") as answer:
                assert json.load(answer) == []
            report = run("stop", session_id, "--json").json
            with urllib.request.urlopen(f"{served.spot}/_papertape/status") as answer:
                now = json.load(answer)["time"]
    assert report["gaps"] == []
    assert parse_time(report["period"]["end"]) >= start  # the candle it began in
    received = read_candle_journal(
        workspace / "journal" / "poll-binance" / "BTC-USDT-1m.jsonl"
    ).as_received
    begin, end = int(received.time[0]), int(received.time[-1]) + MINUTE
    assert end <= now
    assert list(received) == list(SyntheticMarket(1).candles("BTC/USDT", Timeframe.M1, begin, end))
