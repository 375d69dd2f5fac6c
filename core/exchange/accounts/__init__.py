"""Accounts on the embedded exchange: balances, positions and what orders lock."""
