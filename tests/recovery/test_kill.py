"""A host killed with SIGKILL at any point comes back to what it would have come to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_sessions_killed_at_sampled_points_end_as_if_nothing_had_happened() -> None:
    # A process of its own: it forks, which a process with pytest's threads must not.
    command = [sys.executable, "-m", "tests.recovery.soak_kill", "--points", "4", "--seed", "3"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 with another outcome" in done.stdout
