"""Binance's market streams, and how a session follows them."""
