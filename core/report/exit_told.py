"""Says of a closed trade why it was left: at which price, what that was made from, what reached it.

The price is worked out anew by the functions that the rules trade with, from what is recorded
alone: the trade, the settings of its strategy, its candles. It is told only where it gives the
very price at which the trade was left; where it does not, the sentence says so, and why.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import isclose, isfinite, nan

from core.market.candles.candle import Candle
from core.strategy.chart_values import Chart
from core.strategy.config.order_writing import duration_text, hhmm
from core.strategy.config.orders import Atr, Basis, PriceRule
from core.strategy.config.parsing import parse_config
from core.strategy.config.problems import ConfigError
from core.strategy.lint.order_words import distance_words, level_words
from core.text import per_cent, prices, reason_text
from core.time_format import short_time
from core.trading.position import joined
from core.trading.rules import Plan, Rules
from core.trading.values import ExitReason, Trade, TradePart

_Pieces = tuple[str | float, ...]
"""A sentence in pieces: its prices are written alike in decimals."""

_WITHIN = 1e-9  # relative: the rounding of the same arithmetic done in another order
_NO_CANDLE = "The candle in which it was left is not among those kept."
_OLD_HOST = "The host is of an older version and does not tell the settings."
_OTHERWISE = "its settings and candles do not give the price at which it was left"


@dataclass(frozen=True, slots=True)
class ExitTold:
    """Why a trade was left. `sentences`: in words, their times in UTC, `2024-01-31 04:00`.

    `decided`: the open time of the candle whose close ordered the exit. None where a price or a
    person did, and where that candle is not known.
    """

    sentences: tuple[str, ...]
    decided: int | None = None


def exit_told(trade: Trade, chart: Chart) -> ExitTold:
    """Why a trade was left.

    Args:
        trade: a closed one.
        chart: in its strategy's timeframe, from the candle of its signal or before it to the one in
            which it was left, as far as these are kept.
    """
    if not chart.candles:
        return ExitTold((_NO_CANDLE,))
    if chart.config is None:
        return ExitTold((_OLD_HOST,))
    try:
        config = parse_config(chart.config).config
    except ConfigError as error:
        return ExitTold((f"The settings of its strategy cannot be read: {error}",))
    rules = Rules.of(replace(config, symbols=(trade.symbol,)))
    return _Exit(trade, chart, rules).told()


@dataclass(frozen=True, slots=True)
class _Level:
    """A price at which the rules leave a position, and how it is made, in words.

    `sure`: it follows from the entry alone; else a price of the market cannot vouch for it.
    """

    price: float
    words: _Pieces
    sure: bool = True


class _Exit:
    """One exit, beside what the rules say of it."""

    def __init__(self, trade: Trade, chart: Chart, rules: Rules) -> None:
        self._trade, self._chart, self._rules = trade, chart, rules
        self._sign = trade.side.sign
        self._long = self._sign > 0
        self._below, self._above = ("below", "above") if self._long else ("above", "below")
        self._best = "highest price" if self._long else "lowest price"
        self._last = trade.parts[-1] if trade.parts else None
        self._fill = trade.exit_price if self._last is None else self._last.price
        self._first = trade.entries[0].price if trade.entries else trade.entry_price
        by_time = {candle.time: place for place, candle in enumerate(chart.candles)}
        self._places = by_time
        place = by_time.get(trade.exit_time)
        self._candle: Candle | None = None if place is None else chart.candles[place]

    def told(self) -> ExitTold:
        """What is to be said of it."""
        trade = self._trade
        if self._candle is None and trade.exit_filled_at is None:
            return ExitTold((_NO_CANDLE,))
        reason = trade.exit_reason
        sentences = [self._part(number, one) for number, one in enumerate(trade.parts[:-1], 1)]
        decided = None
        if reason is ExitReason.MANUAL:
            sentences.append(_render(("Closed by hand, not by the strategy; ", *self._left())))
        elif reason.at_open:
            decided = self._decided()
            sentences.append(_render((*self._ordered(decided), "; ", *self._left())))
        else:
            sentences.append(self._at_a_price())
        if trade.ambiguous:
            sentences.append(
                "Ambiguous: what came first inside that candle is not known, and the worse counts."
            )
        if trade.seen_late:
            sentences.append("Seen late: between two prices of the market, by the closed candle.")
        return ExitTold(tuple(sentences), decided)

    # ── what a close ordered ──

    def _decided(self) -> int | None:
        """The candle whose close ordered it: the one before, unless that close filled it, too."""
        candle = self._candle
        if candle is None:
            return self._chart.candles[-1].time
        at_close = self._filled_by_its_close(candle)
        if at_close is not False:
            return candle.time if at_close else None
        place = self._places[candle.time]
        return self._chart.candles[place - 1].time if place else None

    def _filled_by_its_close(self, candle: Candle) -> bool | None:
        """Whether the close that ordered it filled it (`fill_on: close`); None: not known.

        Where a candle closed as it opened, its entry tells: at its signal's close or behind it.
        """
        trade = self._trade
        if trade.exit_filled_at is not None or not self._filled_at(candle.close):
            return False
        if not self._filled_at(candle.open):
            return True
        if trade.by_hand or self._rules.entry is None:
            return trade.entry_time == trade.signal_time and not trade.by_hand
        return None  # an order that rested fills behind its signal in any case

    def _ordered(self, decided: int | None) -> _Pieces:
        close = "a close" if decided is None else f"the close of the candle {short_time(decided)}"
        match self._trade.exit_reason:
            case ExitReason.SIGNAL:
                return (f"Its exit signal came with {close}",)
            case ExitReason.REVERSE:
                return (f"The signal to enter the other side came with {close}",)
            case ExitReason.MAX_HOLD if (most := self._rules.max_hold) is not None:
                count = "one candle" if most == 1 else f"{most} candles"
                return (f"The longest hold, {count}, was over with {close}",)
            case ExitReason.FLAT_AT if (minute := self._rules.orders.flat_at) is not None:
                return (f"To be flat at {hhmm(minute)} UTC was due with {close}",)
        return (f"{reason_text(self._trade.exit_reason).capitalize()}, with {close}",)

    def _left(self) -> _Pieces:
        """How a market order was filled."""
        candle, fill = self._candle, self._fill
        if self._trade.exit_filled_at is not None:
            return ("left at the market's price ", fill)
        assert candle is not None
        pct = self._rules.slippage_pct
        slipped = (f" with {per_cent(pct)} slippage = ", self._fill) if pct else ()
        at_close = self._filled_by_its_close(candle)
        if at_close:
            return ("left at that close ", candle.close, *slipped)
        if at_close is not None and self._filled_at(candle.open):
            return ("left at the next open ", candle.open, *slipped)
        return ("left at ", fill)

    def _slippage(self) -> _Pieces:
        pct = self._rules.slippage_pct
        return ("; left at ", self._fill, f" with {per_cent(pct)} slippage") if pct else ()

    def _filled_at(self, price: float) -> bool:
        """Whether a market order at a candle's `price` gives that of the exit."""
        return _same(self._fill, self._rules.exit_price(self._sign, price))

    # ── what a price met ──

    def _at_a_price(self) -> str:
        trade, candle, why = self._trade, self._candle, _OTHERWISE
        liquidated = trade.exit_reason is ExitReason.LIQUIDATION
        if (
            liquidated
            and trade.exit_filled_at is None
            and _same(self._fill, candle.open if candle else nan)
        ):
            return _render(("The candle opened at ", self._fill, ", at its liquidation or beyond"))
        if self._trade.signal_time not in self._places:
            why = "not all candles since its signal are at hand"
        met = []
        for level in self._levels():
            if not isfinite(level.price):
                why = "what it was made from is not known at the candle of its signal"
            elif (how := self._met(level)) is not None:
                met.append((level, how))
        if met:
            level, how = met[0]
            # What a candle opened beyond is not told by the price at which the trade was left.
            if level.sure or all(_same(level.price, other.price) for other, _ in met):
                return _render((*level.words, "; ", *how))
            why = "more than one price fits what is recorded"
        name = reason_text(trade.exit_reason)
        return _render(
            (
                "Left at ",
                self._fill,
                f" for its {name}. What that was made from is not known: {why}",
            )
        )

    def _levels(self) -> Iterator[_Level]:
        """The prices at which a trade may be left for its reason."""
        match self._trade.exit_reason:
            case ExitReason.STOP_LOSS:
                yield from self._stops()
            case ExitReason.TRAILING_STOP:
                yield from self._trailing_stops()
            case ExitReason.BREAK_EVEN:
                yield from self._entries()
            case ExitReason.TAKE_PROFIT:
                yield from self._targets()
            case ExitReason.ROI:
                yield from self._falling_targets()
            case ExitReason.LIQUIDATION:
                yield from self._liquidation()

    def _stops(self) -> Iterator[_Level]:
        rules, entry = self._rules, self._trade.entry_price
        if rules.stop_loss_pct is not None:
            words = f"Stop {per_cent(rules.stop_loss_pct)} {self._below} the entry "
            at = rules.stop_price(self._sign, entry)
            yield _Level(at, (words, entry, " = ", at))
        if rules.orders.stop is not None:
            price = rules.orders.stop.price
            at = rules.price_of(price, self._sign, self._first, 0.0, self._at_signal())
            yield _Level(at, (*self._made_from("Stop", price, self._below), " = ", at))

    def _trailing_stops(self) -> Iterator[_Level]:
        rules, sign, pct = self._rules, self._sign, self._rules.trailing_stop_pct
        for bests in self._bests():
            if pct is not None:
                best = bests[-1] if bests else self._first
                words = f"Trailing stop {per_cent(pct)} {self._below} the {self._best} since entry "
                at = best * (1 - sign * pct / 100)
                yield _Level(at, (words, best, " = ", at), sure=False)
            if rules.trails_level:
                yield from self._trailing_level(bests)

    def _trailing_level(self, bests: list[float]) -> Iterator[_Level]:
        """Where the stop came to that follows a level from close to close."""
        rules, sign, stop = self._rules, self._sign, self._rules.orders.stop
        assert stop is not None
        found: _Level | None = None
        for candle, best in zip(self._held(), bests, strict=True):
            levels = self._levels_at(candle.time)
            price = rules.trailing_level(sign, best, levels)
            if not isfinite(price) or (found and (price - found.price) * sign <= 0):
                continue
            close = f" at the close of {short_time(candle.time)}"
            words: _Pieces
            if stop.price.basis is Basis.ATR:
                far = levels[rules.level_of(stop.price, sign)]
                distance = f"Trailing stop {distance_words(stop.price)} ("
                words = (distance, far, f") {self._below} the {self._best} ", best, close)
            else:
                words = (f"Trailing stop at {self._level_words(stop.price)}{close}",)
            found = _Level(price, (*words, " = ", price), sure=False)
        if found is not None:
            yield found

    def _entries(self) -> Iterator[_Level]:
        """The entry, to which a stop had moved: that of the time, whatever was added since."""
        at_r, plan = self._rules.orders.break_even_at_r, self._plan()
        means, quantity, margin = [self._first], 0.0, 0.0
        for number, more in enumerate(self._trade.entries):
            if not number:
                quantity, margin = more.quantity, more.margin
                continue
            mean, quantity, margin = joined(means[-1], quantity, margin, more)
            means.append(mean)
        for mean in reversed(means):
            after: _Pieces = ()
            if at_r is not None and plan is not None:
                risk = f", {at_r:.12g} times the risk beyond the entry"
                after = (", once the price had come to ", plan.break_even_at, risk)
            yield _Level(mean, ("Stop moved to the entry ", mean, *after), sure=False)

    def _targets(self) -> Iterator[_Level]:
        rules, entry = self._rules, self._trade.entry_price
        if rules.take_profit_pct is not None:
            words = f"Target {per_cent(rules.take_profit_pct)} {self._above} the entry "
            at = rules.target_price(self._sign, entry)
            yield _Level(at, (words, entry, " = ", at))
        plan = self._plan()
        risk = nan if plan is None else (self._first - plan.first_stop) * self._sign
        for target in rules.orders.targets:
            price = target.price
            at = rules.price_of(price, self._sign, self._first, risk, self._at_signal())
            yield _Level(at, (*self._made_from("Target", price, self._above, risk), " = ", at))

    def _falling_targets(self) -> Iterator[_Level]:
        rules, trade, entry = self._rules, self._trade, self._trade.entry_price
        at_close = trade.entry_time == trade.signal_time and not trade.by_hand  # `fill_on: close`
        held = trade.exit_time - trade.entry_time - rules.timeframe_ms * at_close
        for place in range(rules.roi_at(held), -1, -1):
            since, pct = rules.roi[place]
            when = f" from {duration_text(since)} after it on" if since else ""
            words = f"Target {per_cent(pct)} {self._above} the entry "
            at = rules.roi_price(self._sign, entry, place)
            yield _Level(at, (words, entry, f"{when} = ", at))

    def _liquidation(self) -> Iterator[_Level]:
        """The price of the exit itself, unless the open lay beyond it; the rate follows from it."""
        entry, leverage = self._trade.entry_price, self._trade.leverage
        # The maintenance margin rate is the market's (docs/rules.md §3.8), and in no setting.
        rate = 1 / leverage - self._sign * (1 - self._fill / entry)
        kept = f"a maintenance margin of {per_cent(round(rate * 100, 6))}"
        words = f" at leverage {leverage:.12g} with {kept} = "
        yield _Level(self._fill, ("Liquidation of the entry ", entry, words, self._fill))

    def _made_from(self, name: str, price: PriceRule, side: str, risk: float = nan) -> _Pieces:
        """What a price that is fixed at the signal is made from."""
        match price.basis:
            case Basis.PCT:
                return (f"{name} {per_cent(price.number)} {side} the entry ", self._first)
            case Basis.R:
                number = f"{name} {price.number:.12g} times the risk ("
                return (number, risk, f") {side} the entry ", self._first)
            case Basis.ATR:
                far = self._at_signal()[self._rules.level_of(price, self._sign)]
                start = f"{name} {distance_words(price)} ("
                return (start, far, f") {side} the entry ", self._first)
        return (f"{name} at {self._level_words(price)} at the signal",)

    def _level_words(self, price: PriceRule) -> str:
        level = price.long if self._long else price.short
        assert level is not None
        assert not isinstance(level, Atr)
        return level_words(level)

    # ── what met it ──

    def _met(self, level: _Level) -> _Pieces | None:
        """What had the trade left at a price; None: nothing that is recorded."""
        if self._trade.exit_reason in (ExitReason.TAKE_PROFIT, ExitReason.ROI):
            return self._target_met(level)
        if self._trade.exit_reason is ExitReason.LIQUIDATION:
            return self._reached(level, -self._sign)
        return self._stop_met(level)

    def _stop_met(self, level: _Level) -> _Pieces | None:
        """A market order follows where a price comes to a stop, and slippage with it."""
        trade, candle = self._trade, self._candle
        stop = self._rules.exit_price(self._sign, level.price)
        if trade.exit_filled_at is None:
            assert candle is not None
            if self._opened_beyond(level, -self._sign) and self._filled_at(candle.open):
                return ("the candle opened beyond it, at ", candle.open, *self._slippage())
            how = self._reached(level, -self._sign)
            return None if how is None or not _same(self._fill, stop) else (*how, *self._slippage())
        if (self._fill - level.price) * self._sign > abs(level.price) * _WITHIN:
            return None
        # What its candle would have given for the same stop is recorded once that has closed.
        if not level.sure and not _same(trade.candle_exit_price or nan, stop):
            return None
        return ("the market's price ", self._fill, " reached it")

    def _target_met(self, level: _Level) -> _Pieces | None:
        """A target waits as a limit order: it fills at its own price."""
        trade, candle, toward = self._trade, self._candle, self._sign
        gone = self._opened_beyond(level, toward)
        if _same(self._fill, level.price):
            if not gone or trade.exit_filled_at is not None:
                return self._reached(level, toward)
            assert candle is not None
            beyond = ("the candle opened beyond it, at ", candle.open)
            return (*beyond, ", and a limit order fills at its own price")
        if trade.exit_reason is not ExitReason.ROI or (self._fill - level.price) * toward < 0:
            return None
        if trade.exit_filled_at is not None:  # it fell to where the market was beyond it
            return ("the market's price ", self._fill, " was beyond it already")
        if gone and candle is not None and self._filled_at(candle.open):
            return ("the candle opened beyond it, at ", candle.open, *self._slippage())
        return None

    def _opened_beyond(self, level: _Level, toward: int) -> bool:
        """Whether the candle opened there, and with the position."""
        candle = self._candle
        if candle is None or not self._held_at_open(candle):
            return False
        return (candle.open - level.price) * toward >= 0

    def _held_at_open(self, candle: Candle) -> bool:
        """Whether the candle in which it was left opened with it."""
        trade = self._trade
        if trade.entry_time != candle.time:
            return True
        opened = candle.open, self._rules.entry_price(self._sign, candle.open)
        return trade.entry_filled_at is None and any(_same(self._first, one) for one in opened)

    def _reached(self, level: _Level, toward: int) -> _Pieces | None:
        """How a price came to a level, on the way up (`toward` +1) or down (-1)."""
        candle = self._candle
        if self._trade.exit_filled_at is not None:
            return ("a price of the market reached it",)
        assert candle is not None
        farthest = ("high", candle.high) if toward > 0 else ("low", candle.low)
        # Of a candle that did not open with it, its close alone surely came behind the entry.
        ways = (farthest,) if self._held_at_open(candle) else (("close", candle.close), farthest)
        for name, price in ways:
            if (price - level.price) * toward >= -abs(level.price) * _WITHIN:
                return (f"the candle's {name} ", price, " reached it")
        return None

    def _part(self, number: int, part: TradePart) -> str:
        """A part of it that was left before, at a target."""
        for level in self._targets():
            if _same(part.price, level.price):
                return _render((f"Part {number}: ", *level.words))
        return _render((f"Part {number}: left at ", part.price, f" for its target; {_OTHERWISE}."))

    # ── what is recorded ──

    def _held(self) -> list[Candle]:
        """The candles since the entry that had closed when it was left."""
        since, until = self._trade.entry_time, self._trade.exit_time
        return [one for one in self._chart.candles if since <= one.time < until]

    def _bests(self) -> Iterator[list[float]]:
        """The best price since the entry at each close. None where not all candles are kept.

        Two, where it is not recorded what the candle of the entry had reached before it: with the
        whole way of that candle, and with its close alone.
        """
        held, better = self._held(), max if self._long else min
        if self._trade.signal_time not in self._places:
            return
        for whole in self._entry_candle_counts():
            best, bests = self._first, []
            for candle in held:
                far = candle.high if self._long else candle.low
                inside = candle.time == self._trade.entry_time and not whole
                best = better(best, candle.close if inside else far)
                bests.append(best)
            yield bests

    def _entry_candle_counts(self) -> tuple[bool, ...]:
        """Whether the whole candle of the entry counts for the best price, or its close alone."""
        trade, rested = self._trade, self._rules.entry
        if trade.entry_filled_at is not None:
            return True, False
        if trade.entry_time == trade.signal_time and not trade.by_hand:
            return (False,)  # `fill_on: close`
        place = self._places.get(trade.entry_time)
        if rested is None or not rested.limit or trade.by_hand or place is None:
            return (True,)
        return (_same(self._first, self._chart.candles[place].open),)  # else filled inside it

    def _levels_at(self, time: int) -> tuple[float, ...]:
        place = self._places.get(time)
        values = (None if place is None else column[place] for column in self._chart.levels)
        return tuple(nan if one is None else one for one in values)

    def _at_signal(self) -> tuple[float, ...]:
        return self._levels_at(self._trade.signal_time)

    def _plan(self) -> Plan | None:
        if not self._rules.plans:
            return None
        plan = self._rules.plan(self._sign, self._first, self._at_signal())
        return None if isinstance(plan, str) else plan


def _same(one: float, other: float) -> bool:
    return isclose(one, other, rel_tol=_WITHIN)


def _render(pieces: _Pieces) -> str:
    """A sentence from its pieces."""
    figures = [one for one in pieces if not isinstance(one, str)]
    shown = iter(prices(*figures) if figures else ())
    text = "".join(one if isinstance(one, str) else next(shown) for one in pieces)
    return text if text.endswith(".") else f"{text}."
