"""Candles, timeframes and durations."""
