"""A check of the trading rules that shares nothing with the code it checks."""
