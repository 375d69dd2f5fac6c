"""What do the conditions say at the close of a candle?

A signal is a set of the four flags below, as a small int: raw, before the rules of
`core.trading` weigh the flags against each other and against the position.
"""

from __future__ import annotations

ENTER_LONG = 1
EXIT_LONG = 2
ENTER_SHORT = 4
EXIT_SHORT = 8
