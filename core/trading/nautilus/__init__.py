"""Orders through Nautilus Trader's Binance adapter, in a process of its own."""
