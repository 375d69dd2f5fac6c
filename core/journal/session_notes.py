"""What a session's owner has put down about it: a note, tags, and what to be told of.

It stands in `sessions/ID/notes.json`, apart from the journal: it decides nothing of what the
session does, and can be changed after its end. Texts are the user's and are shown as text.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from core.market.candles.durations import in_words
from core.market.candles.timeframes import DAY
from core.store.notes import Notes, NotesError
from core.text import per_cent
from core.typed import prepare

MOST_ALERTS = 20


class AlertKind(StrEnum):
    """What an alert waits for."""

    ABOVE = "above"
    BELOW = "below"
    DRAWDOWN = "drawdown"
    NO_TRADE = "no_trade"


class AlertRule(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something to be told of once.

    `value`: a price of `symbol`; a drawdown from the highest equity, per cent; days without an
    entry or exit. `told`: when it came to be (UTC ms); None while it is waited for.
    """

    kind: AlertKind
    value: float
    symbol: str | None = None
    told: int | None = None

    @property
    def text(self) -> str:
        """What it waits for, in words."""
        match self.kind:
            case AlertKind.DRAWDOWN:
                return f"drawdown of {per_cent(self.value)}"
            case AlertKind.NO_TRADE:
                return f"no trade for {in_words(round(self.value * DAY)) or f'{self.value:g} days'}"
        return f"{self.symbol} {self.kind.value} {self.value:,.12g}"

    def same_as(self, other: AlertRule) -> bool:
        """Whether both wait for the same."""
        return msgspec.structs.replace(self, told=None) == msgspec.structs.replace(other, told=None)


class SessionNotes(Notes, frozen=True, omit_defaults=True):
    """All that the owner has put down."""

    alerts: tuple[AlertRule, ...] = ()


def checked_alerts(
    alerts: tuple[AlertRule, ...], before: tuple[AlertRule, ...], symbols: tuple[str, ...]
) -> tuple[AlertRule, ...]:
    """Alerts as they are kept: one that was there before stays as told as it was.

    Raises:
        NotesError: one cannot be, or there are too many; the message says so.
    """
    if len(alerts) > MOST_ALERTS:
        raise NotesError(f"a session has up to {MOST_ALERTS} alerts, found {len(alerts)}")
    for alert in alerts:
        if not 0 < alert.value < 1e15:
            raise NotesError(f"{alert.kind.value}: expected a number above 0")
        of_price = alert.kind in (AlertKind.ABOVE, AlertKind.BELOW)
        if of_price and alert.symbol not in symbols:
            raise NotesError(f"a price is of one of {', '.join(symbols)}")
        if alert.kind is AlertKind.DRAWDOWN and alert.value >= 100:
            raise NotesError("a drawdown is below 100 per cent")
    return tuple(
        next(
            (old for old in before if old.same_as(alert)), msgspec.structs.replace(alert, told=None)
        )
        for alert in alerts
    )


prepare(SessionNotes)
