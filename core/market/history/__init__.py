"""Past candles, order limits and funding rates from any exchange that ccxt knows, with a cache."""
