"""Are the tool calls offered to an unmodified client of the Model Context Protocol?"""

from __future__ import annotations

import asyncio
import json
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from core.market.candles.timeframes import Timeframe
from core.market.files.candle_files import write_candles
from core.store.durable import try_lock
from tests.unit.cli.test_strategy_commands import waves
from tests.unit.tools.test_tools import DOCUMENT
from tests.waiting import until

mcp = pytest.importorskip("mcp", reason="needs the extra papertape[mcp]")


async def test_a_client_finds_both_tools_and_calls_them(tmp_path: Path) -> None:
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client

    root = tmp_path / "workspace"
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "tui.cli", "--workspace", str(root), "mcp"]
    )
    async with stdio_client(server) as streams, ClientSession(*streams) as session:
        started = (await session.initialize()).model_dump()
        assert started["server_info"]["version"] == version("papertape")
        tools = {tool.name: tool for tool in (await session.list_tools()).tools}
        assert set(tools) == {"backtest", "cron"}
        described = tools["backtest"].model_dump()
        assert "action: run, sweep, gate, plan_trial, start_paper" in described["description"]
        properties = described["input_schema"]["properties"]
        assert {"action", "strategy_config", "session_id", "api_key", "api_secret"} <= set(
            properties
        )
        assert {"vary", "sort", "split", "top", "folds", "anchored", "seed"} <= set(properties)
        assert "workspace" not in properties
        null = {"strategy_config": None, "feed": None, "flatten": None}
        listed = await session.call_tool("backtest", {"action": "list_indicators", **null})
        assert "supertrend" in json.dumps(listed.model_dump(mode="json"))
        refused = await session.call_tool("backtest", {"action": "run", "strategy_config": "{"})
        assert refused.is_error
        assert "strategy_config" in json.dumps(refused.model_dump(mode="json"))
        misspelt = {"action": "list_indicators", "sesion_id": "x"}
        for wrong in (misspelt, {"action": ["run"]}, {}):
            assert (await session.call_tool("backtest", wrong)).is_error
        nothing = await session.call_tool("cron", {"action": "insert"})
        assert nothing.is_error
        assert "has no action 'insert'" in json.dumps(nothing.model_dump(mode="json"))

        candles = tmp_path / "waves.csv"
        write_candles(candles, waves(Timeframe.H4, 3_000, hours=240))
        gate = {"action": "gate", "strategy_config": DOCUMENT, "data": str(candles)}
        kept = root / "cache" / "unfinished"
        many = {**gate, "vary": ["rsi.period=3:40", "stop_loss_pct=1:40"]}
        waits = asyncio.create_task(session.call_tool("backtest", many))
        await until(lambda: any(map(in_use, kept.glob("*.work"))))
        assert not (await session.call_tool("backtest", {"action": "list_indicators"})).is_error
        waits.cancel()
        await until(lambda: not any(map(in_use, kept.glob("*.work"))))
        assert list(kept.glob("*.work"))


def in_use(file: Path) -> bool:
    with file.open("rb") as held:
        return not try_lock(held.fileno())
