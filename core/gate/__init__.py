"""The gate before paper: how much of a backtest's promise is the luck of many tries."""

FOLDS = 6
"""How often a walk-forward chooses, unless told otherwise."""

SETTINGS, WALK_FORWARD = "all settings", "walk-forward"
EDGELESS, CIRCUMSTANCES = "edgeless markets", "other circumstances"
PARTS = {
    SETTINGS: "each of them on all candles",
    WALK_FORWARD: "chosen on the time before, traded on what follows",
    EDGELESS: "the best of them on markets without an edge",
    CIRCUMSTANCES: "with costs doubled, entries late, another beginning",
}
"""The parts of its work in their order, and what is run in each."""
