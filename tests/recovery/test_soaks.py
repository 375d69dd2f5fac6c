"""The long trials in short, as `make soak` and `make soak-week` run them.

That of a real screen (`soak_terminal`) takes half a minute however short, and is not among them.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def soak(name: str, *options: str) -> str:
    """What a trial printed, which found nothing wrong.

    A process of its own: it forks, signals or counts what is left of it, which no process with
    pytest's threads must.
    """
    command = [sys.executable, "-m", f"tests.recovery.soak_{name}", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_sessions_killed_at_sampled_points_end_as_if_nothing_had_happened() -> None:
    assert " 0 with another outcome" in soak("kill", "--points", "4", "--seed", "3")


def test_commands_of_killed_hosts_hold_if_they_were_acknowledged() -> None:
    assert " 0 workspaces with something wrong" in soak("commands", "--points", "6", "--seed", "3")


def test_commands_that_write_files_and_are_killed_leave_all_of_them_or_none() -> None:
    assert "8 kills, 0 things wrong" in soak("files", "--points", "8", "--seed", "3")


def test_orders_of_killed_sessions_are_executed_once() -> None:
    assert ", 0 wrong" in soak("orders", "--points", "1", "--seed", "3")


def test_some_hours_on_a_failing_exchange_leave_the_backtests_trades_and_nothing_else() -> None:
    said = soak("week", "--sessions", "6", "--hours", "1", "--speed", "1200", "--seed", "3")
    assert "\n0 things wrong" in said
