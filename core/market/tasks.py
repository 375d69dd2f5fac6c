"""Ends tasks on behalf of a caller that may itself be cancelled; tells such ends from faults."""

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


def is_own_end(error: BaseException) -> bool:
    """Whether an error ends the current task itself, and is no fault of what the task awaited.

    Plug-ins may raise `SystemExit`, errors made outside of Python are no `Exception` either, and a
    cancellation of another task may come out of what was awaited from it.
    """
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0
    return isinstance(error, GeneratorExit | KeyboardInterrupt)
