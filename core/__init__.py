"""Papertape without a screen: what it trades, by which rules, on which data, what it reports."""
