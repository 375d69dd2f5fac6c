"""The form for a backtest: strategy, candles and where they come from, fills and balance."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input

from core.market.candles.durations import SpanError, period_in_words, period_span
from core.market.files.symbol_files import SymbolFilesError, files_in_line
from core.market.history.exchange_names import exchange_problem
from core.time_format import LATEST, wall_clock
from core.trading.values import FillOn
from tui.modals import strategy_picker
from tui.modals.form import (
    Missing,
    TextField,
    Wrong,
    exchange_in,
    field,
    heading,
    hints,
    not_there,
    number_in,
)
from tui.modals.path_field import CandleFileSuggester
from tui.requests.backtest import DEMO_MARKET, BacktestOrder
from tui.widgets.choice import Choice
from tui.widgets.remarks import Remark, RemarkLines
from tui.widgets.tones import Tone

_FILE, _EXCHANGE = "file", "exchange"
# Of each source: a demo makes its candles up, which takes its time.
_USUAL = {DEMO_MARKET: "1mo", _FILE: "", _EXCHANGE: "6mo"}


class NewBacktest(strategy_picker.StrategyForm[BacktestOrder]):
    """The form for a backtest; it begins with what the last one was asked for."""

    def __init__(
        self,
        list_strategies: strategy_picker.ListStrategies,
        last: BacktestOrder | None,
        picked: str | None = None,
        *,
        demo: bool = False,
        title: str = "New backtest",
        verb: str = "run",
        check: Callable[[BacktestOrder], Awaitable[str | None]] | None = None,
        propose: Callable[[], Awaitable[BacktestOrder | None]] | None = None,
    ) -> None:
        """`check`: why the candles of an order cannot be had; None where they can.

        `propose`: finds an order to begin with rather than with `last`; None where there is none.
        """
        super().__init__(list_strategies, picked or (last.name if last else None))
        self._title = title
        self._verb = verb
        self._check = check
        self._propose = propose
        self._asked: BacktestOrder | None = None  # whose candles are being read
        self._last = last
        self._proposed_for = _FILE  # the source whose period was proposed
        self._sources = [DEMO_MARKET, _FILE, _EXCHANGE] if demo else [_FILE, _EXCHANGE]

    def compose(self) -> ComposeResult:
        """Strategies above, fields beneath, then what is wrong with them."""
        self._proposed_for = source = self._sources[0]
        with Vertical(classes="form"):
            yield heading(self._title)
            yield from self.strategies()
            yield field("Candles", Choice(self._sources, source, id="source"))
            data = TextField(
                placeholder="candles.csv.gz, or SYMBOL=FILE …",
                id="data",
                suggester=CandleFileSuggester(),
            )
            yield field("File", data, id="file-field")
            yield field("Exchange", TextField("binance", id="exchange"), id="exchange-field")
            period = TextField(_USUAL[source], id="period", placeholder="all of the file")
            yield field("Period", period, id="period-field")
            fills = [fill.value for fill in FillOn]
            yield field("Fill on", Choice(fills, id="fill-on"))
            yield field("Balance", TextField(id="balance", placeholder="the strategy's"))
            yield RemarkLines(id="verdict")
            yield hints(self._verb, finds=True)

    def on_mount(self) -> None:
        """Begin with what the last one was asked for."""
        if self._last is not None:
            self._begin_with(self._last)

    async def _read(self) -> None:
        """Find what to begin with, before a key is taken, and read the strategies."""
        found = None if self._propose is None else await self._propose()
        if found is not None and self.is_attached and not self.takes_keys:
            self._begin_with(found)
        await super()._read()

    def _begin_with(self, order: BacktestOrder) -> None:
        source = _source(order)
        if source in self._sources:  # a demo's market is in a demo alone
            self._proposed_for = source
            self.query_one("#source", Choice).chosen = source
            self.query_one("#data", TextField).propose(order.data)
            if source == _EXCHANGE:
                self.query_one("#exchange", TextField).propose(order.exchange)
            self.query_one("#period", TextField).propose(order.period or _USUAL[source])
        fill_on = self.query_one("#fill-on", Choice)
        if order.fill_on in fill_on.options:
            fill_on.chosen = order.fill_on

    def order(self) -> tuple[BacktestOrder | None, list[str]]:
        """What the form asks for, or every reason why that cannot be."""
        strategy = self.picked
        problems: list[str] = [Missing("pick a strategy")]
        if strategy is not None:
            problems = list(strategy.problems)
        balance = number_in(self.query_one("#balance", Input), "balance", problems)
        source = self.query_one("#source", Choice).chosen
        data, period = (
            self.query_one(f"#{name}", Input).value.strip() for name in ("data", "period")
        )
        exchange = ""
        if source == _EXCHANGE:
            exchange = exchange_in(self.query_one("#exchange", Input), problems)
        if source != _FILE or period:
            try:
                # When a demo began is known once it is made: its run says what lies after that.
                period_span(period, LATEST if source == DEMO_MARKET else wall_clock())
            except SpanError as error:
                problems.append(Wrong(f"period: {error}", "period"))
        if source == _FILE and not data:
            expected = "file: expected a candle file, such as candles.csv.gz"
            problems.append(Missing(expected, "data"))
        elif source == _FILE and strategy is not None:
            try:
                files, _ = files_in_line("candles", data, strategy.symbols)
            except SymbolFilesError as error:
                problems.append(Missing(error, "data"))
            else:
                problems += not_there(files.values(), "data")
        if strategy is None or problems:
            return None, problems
        return (
            BacktestOrder(
                strategy.name,
                strategy.path,
                strategy.raw,
                data=data if source == _FILE else "",
                exchange={_FILE: "", _EXCHANGE: exchange}.get(source, DEMO_MARKET),
                period=period,
                fill_on=self.query_one("#fill-on", Choice).chosen,
                balance=balance,
            ),
            [],
        )

    def judge(self) -> None:
        """See `CheckedForm.judge`."""
        source = self.query_one("#source", Choice).chosen
        period = self.query_one("#period", TextField)
        if source != self._proposed_for and period.value == _USUAL[self._proposed_for]:
            with self.prevent(Input.Changed):
                period.value = _USUAL[source]
        self._proposed_for = source
        self.query_one("#file-field").display = source == _FILE
        self.query_one("#exchange-field").display = source == _EXCHANGE
        order, problems = self.order()
        told = self.wrong(problems)
        if order is not None and order.period:
            told.append(Remark("", _in_words(order), Tone.DIM))
        self.tell(told)

    def lacking(self) -> Input | None:
        """See `CheckedForm.lacking`."""
        data, exchange = self.query_one("#data", Input), self.query_one("#exchange", Input)
        source = self.query_one("#source", Choice).chosen
        if source == _EXCHANGE and exchange_problem(exchange.value.strip()) is not None:
            return exchange
        return data if source == _FILE and not data.value.strip() else None

    def finish(self, outcome: BacktestOrder) -> None:
        """End once its files are known to be good; the form stays, with all of it, until then."""
        if self._check is None or not outcome.data:
            self.dismiss(outcome)
        elif outcome != self._asked:
            self._asked = outcome
            self.tell([Remark("…", "reading the candles", Tone.PLAIN)])
            self.run_worker(
                self._read_candles(outcome, self._check),
                name="candles",
                group="candles",
                exclusive=True,
                exit_on_error=False,
            )

    async def _read_candles(
        self, order: BacktestOrder, check: Callable[[BacktestOrder], Awaitable[str | None]]
    ) -> None:
        try:
            refusal = await check(order)
        finally:
            if self._asked is order:
                self._asked = None
        if not self.is_attached or self.outcome() != order:
            return  # Enter was meant for what stood there before
        if refusal is None:
            self.dismiss(order)
            return
        self.app.bell()
        self.tell([Remark("✗", line, Tone.ERROR) for line in refusal.splitlines()])
        self.query_one("#data", Input).focus()
        self.call_after_refresh(self.query_one("#verdict").scroll_visible, animate=False)

    def outcome(self) -> BacktestOrder | None:
        """What to run."""
        return self.order()[0]


def _source(order: BacktestOrder) -> str:
    if order.exchange == DEMO_MARKET:
        return DEMO_MARKET
    return _EXCHANGE if order.exchange else _FILE


def _in_words(order: BacktestOrder) -> str:
    ends = {DEMO_MARKET: "the demo's beginning", "": "the end of the file"}
    return period_in_words(order.period, ends.get(order.exchange, "now"))
