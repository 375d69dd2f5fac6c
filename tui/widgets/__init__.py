"""Widgets that draw: tables, charts, panes."""
