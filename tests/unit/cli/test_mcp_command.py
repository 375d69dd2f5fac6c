"""Are the tool calls offered to an unmodified client of the Model Context Protocol?"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

mcp = pytest.importorskip("mcp", reason="needs the extra papertape[mcp]")


async def test_a_client_finds_both_tools_and_calls_them(tmp_path: Path) -> None:
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client

    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "tui.cli", "--workspace", str(tmp_path / "workspace"), "mcp"],
    )
    async with stdio_client(server) as streams, ClientSession(*streams) as session:
        started = (await session.initialize()).model_dump()
        assert started["server_info"]["version"] == version("papertape")
        tools = {tool.name: tool for tool in (await session.list_tools()).tools}
        assert set(tools) == {"backtest", "cron"}
        properties = tools["backtest"].model_dump()["input_schema"]["properties"]
        assert {"action", "strategy_config", "session_id", "api_key", "api_secret"} <= set(
            properties
        )
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
