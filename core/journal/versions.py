"""The formats of the journals: their versions, and how lines of older ones become today's.

A change that an older line could not be read with needs the next version here and, under the
version it comes from, a function from such a line to one of the next. Every reader applies them; a
journal that a host goes on with is put there anew first (`core.store.journal_file.Journal.reopen`).
A field with a default needs nothing of this.
"""

from __future__ import annotations

from core.store.journal_file import JournalFormat

SESSION_JOURNAL = JournalFormat("session", version=1)
"""sessions/ID/events.jsonl: `core.journal.records`."""

CANDLE_JOURNAL = JournalFormat("candles", version=1)
"""journal/FEED/SYMBOL-TIMEFRAME.jsonl: `core.journal.candle_journal`."""
