"""The gate before paper: how much of a backtest's promise is the luck of many tries."""

FOLDS = 6
"""How often a walk-forward chooses, unless told otherwise."""
