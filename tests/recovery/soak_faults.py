"""Let sessions meet random mixtures of faults, and hold each to the backtest of its candles.

`python -m tests.recovery.soak_faults --mixtures 200 --seed 100`: a mixture for each seed, several
at a time. A seed that fails fails again: run it alone, with `--mixtures 1 --seed N`.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.recovery.test_faults import mixed

_AT_ONCE = 4


async def run(seeds: range) -> list[int]:
    """The seeds whose sessions are not what they should be."""
    failed: list[int] = []
    waiting = iter(seeds)

    async def work() -> None:
        for seed in waiting:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    await mixed(Path(folder), seed)
                except (AssertionError, TimeoutError) as error:
                    failed.append(seed)
                    print(f"seed {seed}: {str(error)[:500]}", flush=True)

    await asyncio.gather(*(work() for _ in range(_AT_ONCE)))
    return failed


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mixtures", type=int, default=200)
    parser.add_argument("--seed", type=int, default=100)
    options = parser.parse_args(arguments)
    failed = asyncio.run(run(range(options.seed, options.seed + options.mixtures)))
    print(f"{options.mixtures} mixtures of faults, {len(failed)} with another outcome")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
