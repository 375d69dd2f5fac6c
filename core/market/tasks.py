"""Ends a task on behalf of a caller that may itself be cancelled meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any


async def cancelled(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and return when they have ended.

    Awaiting a cancelled task and suppressing its `CancelledError` would swallow a cancellation of
    the caller as well.
    """
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
