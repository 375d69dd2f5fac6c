"""Venues whose market streams are spoken, each in its own place, and the dialect they share."""
