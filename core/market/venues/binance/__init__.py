"""What is Binance's own: addresses, stream names, messages, and how its REST API is asked."""
