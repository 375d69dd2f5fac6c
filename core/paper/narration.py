"""How is what happened told in the log, one sentence an event?"""

from __future__ import annotations

from datetime import UTC, datetime

from core.paper.snapshot import Level
from core.trading.values import (
    Decided,
    Entered,
    Event,
    Exited,
    ExitReason,
    FundingPaid,
    Halted,
    Priced,
    Refused,
    Trade,
)

_WORDS = {
    ExitReason.SIGNAL: "exit signal",
    ExitReason.STOP_LOSS: "stop loss",
    ExitReason.TAKE_PROFIT: "take profit",
    ExitReason.TRAILING_STOP: "trailing stop",
    ExitReason.MAX_HOLD: "held for the maximum time",
    ExitReason.LIQUIDATION: "liquidation",
    ExitReason.REVERSE: "reversal",
    ExitReason.MANUAL: "asked for by hand",
}


def clock_text(time: int) -> str:
    """A time (UTC ms) as the log writes it."""
    return datetime.fromtimestamp(time / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def tell(event: Event) -> tuple[Level, str]:
    """An event as a sentence, and how loud it is."""
    match event:
        case Decided(time, symbol, side, None):
            return Level.INFO, f"{symbol}: enter {side}, decided at the {clock_text(time)} candle"
        case Decided(time, symbol, side, reason) if reason is not None:
            why = _WORDS[reason]
            return (
                Level.INFO,
                f"{symbol}: leave {side}, {why}, decided at the {clock_text(time)} candle",
            )
        case Entered():
            return Level.INFO, (
                f"{event.symbol}: entered {event.side} {event.quantity:.8g} at "
                f"{event.price:.8g}, fee {event.fee:.4g}"
            )
        case Exited(_, trade):
            return Level.INFO, _trade_text(trade)
        case Priced(_, trade):
            return Level.DEBUG, (
                f"{trade.symbol}: trade {trade.id} by candles: entry "
                f"{_price_text(trade.candle_entry_price)}, exit "
                f"{_price_text(trade.candle_exit_price)}"
            )
        case Refused():
            return Level.WARNING, f"{event.symbol}: no {event.side} entry: {event.why}"
        case FundingPaid():
            verb = "paid" if event.amount > 0 else "received"
            return Level.INFO, f"{event.symbol}: funding {verb}: {abs(event.amount):.4f}"
        case Halted():
            return Level.WARNING, (
                f"{event.limit_name} of {event.limit:g} % reached: equity fell to "
                f"{event.equity:.2f}"
            )
    raise TypeError(f"expected an event of core.trading.values, got {event!r}")


def _trade_text(trade: Trade) -> str:
    marks = [name for name in ("ambiguous", "seen_late") if getattr(trade, name)]
    also = f" ({', '.join(mark.replace('_', ' ') for mark in marks)})" if marks else ""
    return (
        f"{trade.symbol}: left {trade.side} at {trade.exit_price:.8g}, "
        f"{_WORDS[trade.exit_reason]}: {trade.pnl:+.2f} ({trade.pnl_pct:+.2f} %){also}"
    )


def _price_text(price: float | None) -> str:
    return "unknown" if price is None else f"{price:.8g}"
