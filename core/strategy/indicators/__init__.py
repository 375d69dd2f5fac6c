"""Indicators: the registry, and how each is computed in batch and in stream."""
