"""The documents that strategies stand in: STRATEGY.md, JSON and YAML, with write-back."""
