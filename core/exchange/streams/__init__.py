"""The embedded exchange's WebSocket streams and its WebSocket API."""
