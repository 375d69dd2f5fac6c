"""Feeds: how candles, prices, gaps and funding reach a session, whatever they come from."""
