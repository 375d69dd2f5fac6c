"""The gate before paper: how much of a backtest's promise is the luck of many tries."""
