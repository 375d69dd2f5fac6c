"""What becomes of a message between the publisher and the listeners?"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass

from core.exchange.connections import Audience, Category
from core.exchange.faults import FaultKind, Faults


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a stream; `final` for what must arrive (a closed candle)."""

    category: Category
    stream: str
    text: str
    final: bool


class Wire:
    """Carries messages to the listeners, and lets the faults that concern messages strike them.

    A fault strikes a stream for all its listeners alike.
    """

    def __init__(self, audience: Audience, faults: Faults) -> None:
        self._audience = audience
        self._faults = faults
        self._order = itertools.count()
        self._late: list[tuple[int, int, Message]] = []
        self._held: dict[tuple[Category, str, bool], Message] = {}

    def deliver_late(self, now: int) -> None:
        """Send the messages whose delay is over."""
        while self._late and self._late[0][0] <= now:
            self._send(heapq.heappop(self._late)[2])

    def send(self, message: Message, now: int) -> None:
        """Carry one message."""
        faults, stream = self._faults, message.stream
        if faults.strikes(FaultKind.DROP, stream):
            self._audience.cut(message.category, stream)
            return
        if faults.strikes(FaultKind.SILENT_STALL, stream):
            return
        if message.final and (late := faults.strikes(FaultKind.LATE_CLOSE, stream)):
            heapq.heappush(self._late, (now + int(late.amount), next(self._order), message))
            return
        key = (message.category, stream, message.final)
        held = self._held.pop(key, None)
        if held is None and faults.strikes(FaultKind.REORDER, stream):
            self._held[key] = message
            return
        self._send(message)
        if held is not None:
            self._send(held)
        if faults.strikes(FaultKind.DUPLICATE, stream):
            self._send(message)

    def _send(self, message: Message) -> None:
        self._audience.tell(message.category, message.stream, message.text, final=message.final)
