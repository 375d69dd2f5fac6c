"""Candle files: read, checked and written."""
