"""Where prices come from: candles, timeframes, symbols, candle files, history and feeds."""
