"""Papertape without a screen: what it trades, by which rules, on which data, what it reports."""

from __future__ import annotations

from core.compiled import install

install()
