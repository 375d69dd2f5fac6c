"""The command that offers the two tool calls over the Model Context Protocol: mcp."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any

from tui.cli.commands import Arguments, Commands
from tui.cli.output import Exit, Refusal
from tui.cli.workspace import prepared_workspace


def add_commands(commands: Commands) -> None:
    """Declare this group's command."""
    commands.add(
        "mcp",
        mcp,
        "the tool calls backtest and cron, over the Model Context Protocol on stdio",
        more="It needs the extra papertape[mcp].",
    )


def mcp(arguments: Arguments) -> int:
    """Serve until the client hangs up."""
    try:
        from mcp.server import MCPServer
        from mcp.server.mcpserver.tools import Tool
    except ImportError as error:
        raise Refusal("the package mcp is not installed: install papertape[mcp]") from error
    from core.tools import backtest, cron

    root = str(prepared_workspace(arguments).root)
    tools = [Tool.from_function(on_workspace(tool, root)) for tool in (backtest, cron)]
    for tool in tools:
        model = tool.fn_metadata.arg_model
        model.model_config["extra"] = "forbid"  # a misspelt argument would be passed over
        model.model_rebuild(force=True)
        tool.parameters = model.model_json_schema(by_alias=True)
    server = MCPServer("papertape", version=version("papertape"), tools=tools, log_level="WARNING")
    server.run("stdio")
    return Exit.DONE


def on_workspace(
    tool: Callable[..., dict[str, Any]], root: str
) -> Callable[..., Awaitable[dict[str, Any]]]:
    """A tool call tied to one workspace, which its caller can neither see nor change.

    The calls block, so each runs in a thread of its own, and one that is cancelled ends. What they
    answer as an error is one of the protocol.
    """
    from mcp.server.mcpserver.exceptions import ToolError

    from core.tools import in_thread

    @functools.wraps(tool)
    async def call(**arguments: Any) -> dict[str, Any]:
        answer = await in_thread(tool, workspace=root, **arguments)
        if set(answer) == {"error"}:
            raise ToolError(answer["error"])
        return answer

    signature = inspect.signature(tool, eval_str=True)
    shown = [
        parameter.replace(
            kind=inspect.Parameter.KEYWORD_ONLY, annotation=_or_null(parameter.annotation)
        )
        for parameter in signature.parameters.values()
        if parameter.name != "workspace"
    ]
    call.__signature__ = signature.replace(parameters=shown)  # type: ignore[attr-defined]
    call.__annotations__ = {
        name: _or_null(hint)
        for name, hint in inspect.get_annotations(tool, eval_str=True).items()
        if name != "workspace"
    }
    del call.__wrapped__  # its annotations would be read instead
    return call


def _or_null(hint: Any) -> Any:
    """What a client may write for an argument: null is as good as leaving it out."""
    return hint | None
