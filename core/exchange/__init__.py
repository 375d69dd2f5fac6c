"""The embedded Binance-compatible exchange that the demo and the tests run against."""
