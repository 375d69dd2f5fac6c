"""The rules: what a closed candle does to an account."""
