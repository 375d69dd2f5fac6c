"""The form for a session: strategy, feed, broker, fills, balance, duration, trial."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.timer import Timer
from textual.widgets import Input, Static

from core.journal.values import BrokerKind, FeedKind
from core.market.candles.durations import SpanError, in_words, parse_duration
from core.market.files.symbol_files import SymbolFilesError, files_in_line, other_markets
from core.market.history.exchange_names import exchange_problem
from core.market.symbols import money_decimals
from core.session.snapshot import StartRequest, TrialTerms
from core.store.workspace import Workspace
from core.trading.values import Fills
from tui import formats
from tui.modals import strategy_picker
from tui.modals.ask import Ask
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
    row_remarks,
)
from tui.modals.path_field import CandleFileSuggester
from tui.requests.trial import AskOutlook, TrialOutlook
from tui.shell import OfferedAnswer
from tui.strategies import StrategyChoice
from tui.widgets.choice import Choice
from tui.widgets.remarks import Remark, RemarkLines
from tui.widgets.tones import Tone

AUTOMATIC = "automatic"
_FEEDS = {
    FeedKind.LIVE: "Binance's public streams",
    FeedKind.POLL: "any exchange, by REST",
    FeedKind.REPLAY: "candle files, at any speed",
    FeedKind.DEMO: "the embedded exchange",
}
_UNSEALED, _SEALED = "no", "sealed"
_FULL_SPEED = "max"  # as the command line has it
_DAY = 86_400_000
_TRADES = re.compile(r"(\d{1,6}) *trades?")
_SETTLED = 0.3  # seconds without a change, after which a trial is planned
_HOW_TO_PROMISE = "Here: 2, where b runs one and w saves it; of a sample, D makes a copy first."
_TEST_VENUES = "the test venue whose keys are set (7)"


Start = Callable[[StartRequest, Callable[[str | None], bool]], None]
"""Starts a session, and calls back once it is, or with why it was refused."""

_Asked = tuple[str, TrialTerms, float | None]
"""What an outlook is of: the strategy's path, the terms, and the balance."""


class NewSession(strategy_picker.StrategyForm[StartRequest]):
    """The form for a new session. Enter on a strategy starts it with what the form says."""

    def __init__(
        self,
        list_strategies: strategy_picker.ListStrategies,
        feed: FeedKind,
        picked: str | None = None,
        ask_outlook: AskOutlook | None = None,
        keys_of: Path | None = None,
        start: Start | None = None,
    ) -> None:
        """`keys_of`: the workspace whose keys a session would order with, None without one.

        `start`: starts the session while the form is still there, so that a refusal is told in it.
        """
        super().__init__(list_strategies, picked)
        self._keys_of = keys_of
        self._start = start
        self._starting = False
        self._ask_outlook = ask_outlook
        self._outlook: tuple[_Asked, TrialOutlook] | None = None
        self._settling: Timer | None = None
        self._planning: object | None = None  # what stands for the outlook that is awaited
        self._sealing_chosen = False  # by hand: from then on the form does not choose it
        self._feed = feed

    def compose(self) -> ComposeResult:
        """Strategies above, fields beneath, then what is wrong with them."""
        with Vertical(classes="form"):
            yield heading("New session")
            yield from self.strategies()
            feed = Choice([feed.value for feed in FeedKind], self._feed.value, id="feed")
            yield field("Feed", feed, Static("", id="feed-note", classes="field-note"))
            data = TextField(id="data", suggester=CandleFileSuggester())
            speed = TextField(id="speed", placeholder=_FULL_SPEED)
            yield field("Candles", data, "Speed", speed, id="data-field")
            yield field("Exchange", TextField("binance", id="exchange"), id="exchange-field")
            brokers = [broker.value for broker in BrokerKind]
            yield field("Broker", Choice([AUTOMATIC, *brokers], id="broker"), id="broker-field")
            fills = [fills.value for fills in Fills]
            yield field("Fills", Choice([AUTOMATIC, *fills], id="fills"))
            balance = TextField(id="balance", placeholder="the strategy's")
            duration = TextField(id="duration", placeholder="until stopped")
            yield field("Balance", balance, "Run for", duration)
            sealed, horizon = Choice([_UNSEALED, _SEALED], id="trial"), TextField(id="horizon")
            yield field("Trial", sealed, "Horizon", horizon, id="trial-field")
            yield RemarkLines(id="verdict")
            yield hints("start", finds=True)

    def on_mount(self) -> None:
        """Show the fields of the feed."""
        self._show_feed()

    # ── what the form says ──

    @property
    def feed(self) -> FeedKind:
        """The feed chosen."""
        return FeedKind(self.query_one("#feed", Choice).chosen)

    @property
    def broker(self) -> BrokerKind | None:
        """Where orders go, None where the host chooses as it does for `start` without `--broker`.

        Only prices as they come can be followed by orders elsewhere.
        """
        if self.feed not in (FeedKind.LIVE, FeedKind.DEMO):
            return BrokerKind.SIMULATED
        chosen = self.query_one("#broker", Choice).chosen
        return None if chosen == AUTOMATIC else BrokerKind(chosen)

    def request(self) -> tuple[StartRequest | None, list[str]]:
        """The request the form stands for, or every reason why there is none."""
        problems: list[str] = []
        strategy = self.picked
        if strategy is None:
            problems.append(Missing("pick a strategy"))
        else:
            problems += strategy.problems
        balance = number_in(self.query_one("#balance", Input), "balance", problems)
        speed = None
        if self.feed is FeedKind.REPLAY:
            field_of_it = self.query_one("#speed", Input)
            if field_of_it.value.strip().lower() != _FULL_SPEED:
                example = f"60, or {_FULL_SPEED}"
                speed = number_in(field_of_it, "speed", problems, example)
        run_for = None
        text = self.query_one("#duration", Input).value.strip()
        if text:
            try:
                run_for = parse_duration(text)
            except SpanError as error:
                problems.append(Wrong(f"run for: {error}", "duration"))
        data = columns = None
        if self.feed is FeedKind.REPLAY:
            text = self.query_one("#data", Input).value.strip()
            try:
                symbols = strategy.symbols if strategy else ()
                files, columns = files_in_line("candles", text, symbols)
                data = {symbol: str(path.absolute()) for symbol, path in files.items()}
                problems += not_there(files.values(), "data")
            except SymbolFilesError as error:
                is_wrong = text and symbols
                problems.append((Wrong if is_wrong else Missing)(error, "data"))
        exchange = None
        if self.feed is FeedKind.POLL:
            exchange = exchange_in(self.query_one("#exchange", Input), problems)
        terms = self._terms(strategy, run_for, problems)
        fills = self.query_one("#fills", Choice).chosen
        orders = self.broker not in (None, BrokerKind.SIMULATED)
        if orders and fills == Fills.CANDLE:
            problems.append("fills: orders on the testnet follow prices as they come, not candles")
        if strategy is None or problems:
            return None, problems
        return (
            StartRequest(
                config=dict(strategy.raw),
                feed=self.feed,
                broker=self.broker,
                exchange=exchange,
                fallback=self.feed is FeedKind.LIVE,
                fills=None if fills == AUTOMATIC else Fills(fills),
                data=data,
                columns=columns,
                speed=speed,
                run_for=run_for,
                starting_balance=balance,
                trial=terms if self.sealing else None,
            ),
            [],
        )

    @property
    def sealing(self) -> bool:
        """Whether the session is to be a trial."""
        return self.query_one("#trial", Choice).chosen == _SEALED

    @property
    def _horizon(self) -> str:
        return self.query_one("#horizon", Input).value.strip().lower()

    def _terms(
        self, strategy: StrategyChoice | None, run_for: int | None, problems: list[str]
    ) -> TrialTerms:
        """What a trial is judged over: what is asked for, else the time it runs for."""
        document = None if strategy is None else str(strategy.path)
        text = self._horizon if self.sealing else ""
        days = None if run_for is None else run_for / _DAY
        if (count := _TRADES.fullmatch(text)) is not None:
            return TrialTerms(trades=int(count[1]), document=document)
        if text:
            try:
                days = parse_duration(text) / _DAY
            except SpanError as error:
                told = f"horizon: {error}, or a number of trades such as 80 trades"
                problems.append(Wrong(told, "horizon"))
        return TrialTerms(days=days, document=document)

    def _asked(self, strategy: StrategyChoice, request: StartRequest) -> _Asked:
        terms = self._terms(strategy, request.run_for, [])
        return str(strategy.path), terms, request.starting_balance

    # ── what a trial could tell ──

    def _plan(self) -> None:
        """Ask what a trial could tell, once nothing has been changed for a moment."""
        if self._settling is not None:
            self._settling.stop()
        self._planning = object()
        self._settling = self.set_timer(_SETTLED, self._begin_plan)

    def _begin_plan(self) -> None:
        self.run_worker(
            self._look_ahead(), name="plan", group="plan", exclusive=True, exit_on_error=False
        )

    async def _look_ahead(self) -> None:
        awaited = self._planning
        try:
            await self._ask_ahead()
        finally:
            if self._planning is awaited:
                self._planning = None
        self.checked()

    @property
    def is_checking(self) -> bool:
        """See `CheckedForm.is_checking`: what is to be sealed waits for what it could tell."""
        waits = self.sealing and self._ask_outlook is not None and self._planning is not None
        return waits or super().is_checking

    async def _ask_ahead(self) -> None:
        strategy, (request, _) = self.picked, self.request()
        if strategy is None or request is None or self._ask_outlook is None:
            return
        asked = self._asked(strategy, request)
        if self._outlook is not None and self._outlook[0] == asked:
            return
        _, terms, balance = asked
        found = await self._ask_outlook(strategy, terms, balance)
        self._outlook = (asked, found)
        if not self._sealing_chosen and not self._horizon:  # which is typed for a trial
            worth_it = found.rows and found.doubt is None
            with self.prevent(Choice.Changed):
                self.query_one("#trial", Choice).chosen = _SEALED if worth_it else _UNSEALED
        self._say_verdict()

    def _outlook_told(self, strategy: StrategyChoice, request: StartRequest) -> list[Remark]:
        if self._outlook is None:
            return []
        asked, found = self._outlook
        if asked != self._asked(strategy, request):
            waiting = Remark("", "… what a trial of this could tell", Tone.DIM)
            return [waiting] if self.sealing else []
        if not found.rows:
            if not self.sealing:
                return []
            refused = Remark("✗", f"trial: {found.refusal}", Tone.ERROR)
            how = Remark("", _HOW_TO_PROMISE, Tone.PLAIN)
            return [refused] if self._horizon else [refused, how]
        if self.sealing:
            told = [] if found.doubt is None else [Remark("!", found.doubt, Tone.WARNING)]
            short = request.run_for is not None and not self._horizon  # it is told that it runs so
            if found.warning is not None and not short:
                told.append(Remark("!", found.warning, Tone.WARNING))
            return [*told, *row_remarks(found.rows)]
        # Nothing is wrong: no trial was asked for.
        described = "not sealed: its edge will only be described, not judged"
        return [Remark("·", described, Tone.DIM)]

    def _say_verdict(self) -> None:
        for part in self.query("#trial-field .second, #horizon"):
            part.visible = self.sealing
        usual = self.query_one("#duration", Input).value.strip() or "60d"
        self.query_one("#horizon", Input).placeholder = f"{usual}, or 80 trades"
        self.query_one("#feed-note", Static).update(_FEEDS[self.feed])
        request, problems = self.request()
        strategy = self.picked
        told = self.wrong(problems)
        if strategy is not None and request is not None:
            if request.run_for is not None:
                told.append(Remark("", f"runs for {in_words(request.run_for)}", Tone.DIM))
            of_files = other_markets(request.data or {})
            warnings = [*strategy.warnings, *_too_short(strategy, request), *of_files]
            told += [Remark("!", warning, Tone.WARNING) for warning in warnings]
            told += self._where_orders_go(strategy, request)
            told += self._outlook_told(strategy, request)
        self.tell(told)

    def _where_orders_go(self, strategy: StrategyChoice, request: StartRequest) -> list[Remark]:
        broker = request.broker
        if broker is BrokerKind.SIMULATED or (broker is None and not self._may_order(request)):
            return []
        if self.feed is FeedKind.DEMO:
            told = f"{broker}: orders go to the embedded exchange as well"
            return [Remark("", told, Tone.DIM)]
        # Loads exchange libraries, which the first frame must not wait for; the host has them.
        from tui.requests.key_trial import missing_keys  # noqa: PLC0415

        missing = missing_keys(self._keys_of, strategy.symbols)
        if broker is None:
            told = f"orders go to {_TEST_VENUES} as well, unless Broker is simulated"
            return [] if missing is not None else [Remark("", told, Tone.ACCENT)]
        if missing is not None:
            return [Remark("!", f"without keys it runs simulated: {missing}", Tone.WARNING)]
        return [Remark("", f"{broker}: orders go to {_TEST_VENUES} as well", Tone.DIM)]

    def _may_order(self, request: StartRequest) -> bool:
        """Whether a session for which no broker is chosen could order anywhere."""
        live = request.feed is FeedKind.LIVE and request.fills is not Fills.CANDLE
        return live and self._keys_of is not None and Workspace(self._keys_of).credentials.exists()

    def _show_feed(self) -> None:
        live = self.feed in (FeedKind.LIVE, FeedKind.DEMO)
        self.query_one("#data-field").display = self.feed is FeedKind.REPLAY
        self.query_one("#exchange-field").display = self.feed is FeedKind.POLL
        self.query_one("#broker-field").display = live

    @on(Choice.Changed, "#trial")
    def _chose_sealing(self) -> None:
        self._sealing_chosen = True

    def judge(self) -> None:
        """See `CheckedForm.judge`."""
        self._show_feed()
        strategy = self.picked
        several = strategy is not None and len(strategy.symbols) > 1
        self.query_one("#data", Input).placeholder = "SYMBOL=FILE …" if several else "candles.csv"
        if strategy is not None and strategy.starting_balance is not None:
            decimals = money_decimals(*strategy.symbols)
            balance = formats.money(strategy.starting_balance, decimals)
            self.query_one("#balance", Input).placeholder = balance
        self._say_verdict()
        self._plan()

    def lacking(self) -> Input | None:
        """See `CheckedForm.lacking`."""
        data, exchange = self.query_one("#data", Input), self.query_one("#exchange", Input)
        if self.feed is FeedKind.POLL and exchange_problem(exchange.value.strip()) is not None:
            return exchange
        return data if self.feed is FeedKind.REPLAY and not data.value.strip() else None

    def finish(self, outcome: StartRequest) -> None:
        """Start it; ask before a trial is sealed that has no use: a seal cannot be changed."""
        doubt = None if self._outlook is None else self._outlook[1].doubt
        if outcome.trial is None or doubt is None:
            self._begin(outcome)
            return

        def answered(answer: str | None) -> None:
            if answer is not None:
                self._begin(outcome if answer == "seal" else replace(outcome, trial=None))

        offered = [
            OfferedAnswer("seal", "y", "Seal it all the same"),
            OfferedAnswer("open", "n", "Start it without a seal"),
        ]
        text = f"{doubt[0].upper()}{doubt[1:]}. What is sealed cannot be changed."
        self.app.push_screen(Ask("Seal this trial?", text, offered), answered)

    def _begin(self, outcome: StartRequest) -> None:
        """Start it; the form stays, with all that was filled in, until that is done."""
        if self._start is None:
            self.dismiss(outcome)
        elif not self._starting:
            self._starting = True
            self.takes_keys = False  # what is typed now is for the screen that it leads back to
            self.tell([Remark("…", "starting", Tone.PLAIN)])
            self._start(outcome, partial(self._answered, outcome))

    def holds(self, event: events.Key) -> bool:
        """While it starts, Esc alone does not wait."""
        return not (self._starting and event.key == "escape") and super().holds(event)

    def _answered(self, request: StartRequest, refusal: str | None) -> bool:
        self._starting = False
        if not self.is_attached:
            return False
        if refusal is None:
            self.dismiss(request)
            self.take_keys()
        else:
            self.drop_keys()
            self.app.bell()
            self.tell([Remark("✗", refusal, Tone.ERROR)])
            self.call_after_refresh(self.query_one("#verdict").scroll_visible, animate=False)
        return True

    def outcome(self) -> StartRequest | None:
        """What to start; no trial of what is known to promise nothing."""
        strategy, (request, _) = self.picked, self.request()
        if strategy is not None and request is not None and request.trial and self._ask_outlook:
            known = self._outlook is not None and self._outlook[0] == self._asked(strategy, request)
            if not known and self._planning is not None:
                return None
            if known and self._outlook is not None and self._outlook[1].refusal:
                return None
        return request


def _too_short(strategy: StrategyChoice, request: StartRequest) -> list[str]:
    """What there is to say of how long a session would run."""
    # Loads numpy, which the first frame must not wait for; the host has it by now.
    from core.compare.before_start import duration_warning  # noqa: PLC0415
    from core.market.candles.timeframes import Timeframe  # noqa: PLC0415

    if request.feed is FeedKind.REPLAY:
        return []
    warning = duration_warning(Timeframe(strategy.timeframe), request.run_for)
    return [] if warning is None else [warning]
