"""Papertape without a screen: what it trades, by which rules, on which data, and what it reports."""
