"""What a session is told to have been found when it began, then and later.

A manifest keeps the sentences as they were said at the start. Whatever of them may change with the
workspace (a backtest is saved, keys are put in) is shown as of then from there on.
"""

from __future__ import annotations

from collections.abc import Iterable

NOT_BACKTESTED = "No backtest is saved in this strategy's document yet."
"""True also where one was run and kept, but not saved: only a saved one is compared with."""
OLDER_BACKTEST = (
    "The saved backtest is of an older version of this strategy's config: run "
    "`papertape backtest {name} --save` again."
)
ODD_BLOCK = "Its `backtest:` block"
SIMULATED = "asked for {}, runs simulated: {}"
KEYS_UNUSED = "it runs simulated, though there are keys: {}"
KEYS_USED = (
    "there are keys for the testnet, so its fills are ordered there as well; the simulated broker "
    "has to be asked for"
)
NO_TRIAL = "it was a trial, and is none now: {}"

_NOT_BACKTESTED_THEN = "When it began, no backtest was saved in this strategy's document."
_LATER = (
    (NOT_BACKTESTED, _NOT_BACKTESTED_THEN),
    ("No backtest stands behind this strategy yet.", _NOT_BACKTESTED_THEN),  # as 0.2.0 has it
    (ODD_BLOCK, "When it began: its `backtest:` block"),
    ("there are keys for", "when it began, there were keys for"),
    ("it runs simulated, though there are keys:", "it runs simulated; when it began:"),
    ("it was a trial, and is none now:", "it was a trial, and is none now; when it began:"),
)


def as_it_began(notices: Iterable[str]) -> tuple[str, ...]:
    """Notices of a session's start, in words that stay true whatever changes afterwards."""
    return tuple(map(_as_it_began, notices))


def _as_it_began(notice: str) -> str:
    if notice.startswith(OLDER_BACKTEST.partition(":")[0]):
        return "When it began, the saved backtest was of an older version of its config."
    if notice.startswith(SIMULATED.partition("{")[0]):
        return notice.replace(" simulated: ", " simulated; when it began: ", 1)
    for now, later in _LATER:
        if notice.startswith(now):
            return later + notice.removeprefix(now)
    return notice
