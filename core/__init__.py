"""Papertape without a screen: what it trades, by which rules, on which data, what it reports."""

from __future__ import annotations

import os

from core.compiled import install

# NumPy's matrices are multiplied by as many threads as there are cores, which then wait for more at
# full speed: for the few of a sweep, some hundred numbers wide, that takes sixty times the work.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when NumPy is first imported
install()
