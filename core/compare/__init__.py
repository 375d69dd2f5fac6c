"""Backtest, paper and live side by side: matching, divergence, causes and the verdict."""
