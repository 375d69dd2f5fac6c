"""Conditions, and the signals they give at the close of a candle."""
