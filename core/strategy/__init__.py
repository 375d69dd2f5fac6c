"""What to trade: the config, its indicators, its conditions, and the documents they stand in."""
