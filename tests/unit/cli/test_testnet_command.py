"""`start --broker testnet`, from another process's point of view."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.exchange.server import DEMO_KEYS
from tests.unit.cli.conftest import Run, Served, write_addresses
from tests.unit.cli.hosted import hosted
from tests.waiting import until_blocking

RESTLESS: dict[str, Any] = {
    "name": "restless",
    "symbols": ["BTC/USDT:USDT", "ETH/USDT"],
    "timeframe": "30m",
    "indicators": [],
    "entry_conditions": [{"indicator": "close", "operator": "gt", "value": 0}],
    "exit_conditions": [],
    "max_hold": 2,
    "trade_size_pct": 20,
}


def test_a_demo_session_orders_on_the_exchange_it_shows(run: Run, workspace: Path) -> None:
    with hosted(workspace):
        started = run(
            *("start", "--config", json.dumps(RESTLESS), "--feed", "demo"),
            *("--broker", "testnet", "--json"),
        ).json
        assert started["mode"] == "DEMO"
        session = started["session_id"]

        def orders() -> Any:
            return run("status", session, "--json").json["orders"]

        until_blocking(lambda: orders()["filled"] >= 4)
        assert "orders: " in run("status", session).out
        done = run("stop", session, "--flatten", "--json").json
        told = done["venue_orders"]
        assert told["made"] == told["filled"] + told["refused"]
        assert told["still_held"] == {}
        assert abs(told["mean_difference_bp"]) < 100
        assert "On the testnet" in run("report", session, "--format", "md").out
        logged = run("logs", session).out
        assert "the testnet bought" in logged
        assert "the testnet sold" in logged
    retold = run("logs", session).out
    assert retold.count("the testnet") == told["made"]


def test_a_live_session_with_keys_is_one_of_the_testnet(
    run: Run, workspace: Path, exchange: Served
) -> None:
    write_addresses(workspace, exchange)
    ((key, secret),) = DEMO_KEYS.items()
    start = ("start", "--config", json.dumps(RESTLESS), "--broker", "testnet", "--json")
    with hosted(workspace):
        without = run(*start).json
        assert without["mode"] == "SIMULATED"
        assert any("exchanges.yaml" in notice for notice in without["notices"])
        (workspace / "exchanges.yaml").write_text(
            f"binance_demo: {{api_key: {key}, api_secret: {secret}}}\n", "utf-8"
        )
        assert run(*start).json["mode"] == "TESTNET"
        clash = run(*start)
        assert clash.code == 2
        assert "trades BTC/USDT:USDT on the testnet already" in clash.err
        replay = run(*start, "--feed", "poll")
        assert replay.code == 2
        assert "not a poll feed" in replay.err


def test_a_host_does_not_start_with_orders_to_another_host(run: Run, workspace: Path) -> None:
    workspace.mkdir(mode=0o700)
    (workspace / "config.yaml").write_text(
        "order_addresses: {testnet_spot: 'https://api.binance.com'}\n", "utf-8"
    )
    done = run("host")
    assert done.code != 0
    assert "orders never go to 'https://api.binance.com'" in done.err
