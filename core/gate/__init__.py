"""The gate before paper: how much of a backtest's promise is the luck of many tries."""

FOLDS = 6
"""How often a walk-forward chooses, unless told otherwise."""

FEWEST_DAYS = 60
"""UTC days on which candles lie: of fewer no verdict is reached."""

SETTINGS, WALK_FORWARD = "all settings", "walk-forward"
EDGELESS, CIRCUMSTANCES = "edgeless markets", "other circumstances"
PARTS = {
    SETTINGS: "each of them on all candles",
    WALK_FORWARD: "chosen on the time before, traded on what follows",
    EDGELESS: "the best of them on markets without an edge",
    CIRCUMSTANCES: "with costs doubled, entries late, another beginning",
}
"""The parts of its work in their order, and what is run in each."""


def few_days(days: int) -> str:
    """That candles on so many UTC days are too few for a verdict."""
    return f"candles on {days:,} day{'s'[: days != 1]}, fewer than {FEWEST_DAYS}"
