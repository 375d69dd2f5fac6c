"""What the screens have done: sessions, jobs, backtests, comparisons, settings."""
