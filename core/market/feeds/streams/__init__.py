"""Feeds from the market streams of a venue, whose dialect alone knows how they are written."""
