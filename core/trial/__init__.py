"""What a backtest promises and whether a session keeps it: sealing, boundaries, cone and costs."""
