"""Many sessions: the host that runs them, its registry, and the links that speak to it."""
