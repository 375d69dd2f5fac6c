"""Orders on the embedded exchange, and their execution."""
