"""What is durable about a session: its manifest, its journal, its candles and its venue orders."""
