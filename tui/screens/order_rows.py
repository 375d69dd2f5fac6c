"""A session's orders on a venue, as rows of a table."""

from __future__ import annotations

from collections.abc import Sequence

from core.journal.values import OrderRow
from core.text import signed_basis_points
from tui import formats
from tui.widgets.columns import Column
from tui.widgets.table_rows import Cell, Row
from tui.widgets.tones import Tone, tone_of

ORDER_COLUMNS = (
    Column("#", 4, "right"),
    Column("SYMBOL", 9, priority=2),
    Column("SIDE", 5),
    Column("QUANTITY", 11, "right", priority=3),
    Column("PRICE", 11, "right", priority=1),
    Column("FILLED", 11, "right"),
    Column("THERE", 11, "right"),
    Column("BP", 8, "right"),
    Column("MS", 6, "right", priority=4),
    Column("WHY", 12, priority=5, grow=120),
)


def order_rows(orders: Sequence[OrderRow]) -> list[Row]:
    """The orders, the newest first: the session's own price, and the venue's."""
    rows = []
    apart = [one.difference_bp for one in orders if one.difference_bp is not None]
    least = min(apart, key=abs, default=0.0)  # the column has the decimals of the smallest
    for number, order in reversed(tuple(enumerate(orders, start=1))):
        # Worse than the session's own price is a loss.
        tone = Tone.DIM if order.difference_bp is None else tone_of(-order.difference_bp)
        rows.append(
            Row(
                order.id,
                (
                    Cell(str(number), Tone.DIM, order=number),
                    Cell(order.symbol),
                    Cell(order.side),
                    Cell(formats.quantity(order.quantity), Tone.DIM, order=order.quantity),
                    Cell(formats.price(order.price), order=order.price),
                    _filled(order),
                    Cell(
                        "" if order.venue_price is None else formats.price(order.venue_price),
                        order=order.venue_price,
                    ),
                    Cell(
                        ""
                        if order.difference_bp is None
                        else signed_basis_points(order.difference_bp, least),
                        tone,
                        order=order.difference_bp or 0.0,
                    ),
                    Cell(
                        "" if order.latency is None else str(order.latency),
                        Tone.DIM,
                        order=order.latency,
                    ),
                    Cell(order.why or "", Tone.WARNING),
                ),
            )
        )
    return rows


def _filled(order: OrderRow) -> Cell:
    if order.filled is None:
        return Cell("waiting" if order.why is None else "unknown", Tone.STALE)
    if not order.filled:
        return Cell("refused", Tone.WARNING)
    return Cell(formats.quantity(order.filled), order=order.filled)
