"""The forms for what one puts down about a session: a note with tags, and what to be told of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input

from core.journal.session_notes import AlertKind, AlertRule, checked_alerts
from core.session.snapshot import SessionSnapshot
from core.store.notes import Notes, NotesError, checked_notes
from tui import formats
from tui.modals.form import CheckedForm, TextField, field, heading, hints, number_in
from tui.widgets.choice import Choice
from tui.widgets.remarks import Remark, RemarkLines
from tui.widgets.tones import Tone

Written = tuple[str, tuple[str, ...]]
"""A note, and tags."""

_PRICES = (AlertKind.ABOVE, AlertKind.BELOW)
_FIELDS = {
    AlertKind.ABOVE: ("Above", "a price; told once the market is there", "10,000.5"),
    AlertKind.BELOW: ("Below", "a price; told once the market is there", "10,000.5"),
    AlertKind.DRAWDOWN: ("Drawdown", "per cent from the highest equity", "5"),
    AlertKind.NO_TRADE: ("No trade", "days without an entry or exit", "7"),
}
"""The label of each field, what it takes, and a number that may stand in it."""


class NotesForm(CheckedForm[Written]):
    """A note and tags of a session or a result, by its name."""

    def __init__(self, name: str, notes: Notes) -> None:
        super().__init__()
        self._of = name
        self._notes = notes

    def compose(self) -> ComposeResult:
        """Note, tags, and what is wrong with them."""
        notes = self._notes
        with Vertical(classes="form"):
            yield heading(f"Note on {self._of}")
            yield field("Note", TextField(notes.note, placeholder="any text", id="note"))
            about = "parted by commas; / finds by them"
            yield field("Tags", TextField(", ".join(notes.tags), placeholder=about, id="tags"))
            yield RemarkLines(id="verdict")
            yield hints("keep", choices=False)

    def judge(self) -> None:
        """See `CheckedForm.judge`."""
        try:
            self._checked()
            self.tell(())
        except NotesError as error:
            self.tell([Remark("✗", str(error), Tone.ERROR)])

    def outcome(self) -> Written | None:
        """What to keep."""
        try:
            return self._checked()
        except NotesError:
            return None

    def _checked(self) -> Written:
        note, tags = (self.query_one(name, Input).value for name in ("#note", "#tags"))
        return checked_notes(note, tuple(tags.split(",")))


class AlertsForm(CheckedForm[tuple[AlertRule, ...]]):
    """What to be told of once in a session: prices of one symbol, drawdown, no trade."""

    AUTO_FOCUS = "Input"

    def __init__(
        self, session: SessionSnapshot, symbol: str, prices: Callable[[], Mapping[str, float]]
    ) -> None:
        """`prices`: tells the present ones, as far as they are known, by symbol."""
        super().__init__()
        self._session = session
        self._symbol = symbol
        self._prices = prices

    def compose(self) -> ComposeResult:
        """One field a kind, and what is wrong with them."""
        with Vertical(classes="form"):
            yield heading(f"Tell me of {self._session.strategy} ({self._session.id})")
            if len(self._session.symbols) > 1:
                yield field("Symbol", Choice(self._session.symbols, self._symbol, id="symbol"))
            for kind, (label, about, _) in _FIELDS.items():
                value = self._value(kind, self._symbol)
                yield field(label, TextField(value, placeholder=about, id=kind.value))
            yield RemarkLines(id="verdict")
            yield hints("keep", choices=len(self._session.symbols) > 1)

    def on_mount(self) -> None:
        """Say what is waited for already, and from then on where the price is."""
        self.judge()
        self.set_interval(1.0, self.judge)

    @property
    def _chosen(self) -> str:
        many = len(self._session.symbols) > 1
        return self.query_one("#symbol", Choice).chosen if many else self._symbol

    def _value(self, kind: AlertKind, symbol: str) -> str:
        of = symbol if kind in _PRICES else None
        found = (one for one in self._session.notes.alerts if (one.kind, one.symbol) == (kind, of))
        return next((f"{one.value:.12g}" for one in found), "")

    def judge(self) -> None:
        """See `CheckedForm.judge`; another symbol brings its own prices."""
        if self._chosen != self._symbol:
            self._symbol = self._chosen
            for kind in _PRICES:
                self.query_one(f"#{kind}", TextField).propose(self._value(kind, self._symbol))
        wanted, problems = self._wanted()
        once = [Remark("", f"once: {one.text}{self._told(one)}", Tone.DIM) for one in wanted]
        price = self._prices().get(self._symbol)
        stands = f"{self._symbol} is at {formats.price(price)}"
        present = [] if price is None else [Remark("", stands, Tone.DIM)]
        self.tell([*self.wrong(problems), *present, *once])

    def outcome(self) -> tuple[AlertRule, ...] | None:
        """What to be told of."""
        wanted, problems = self._wanted()
        return None if problems else wanted

    def _wanted(self) -> tuple[tuple[AlertRule, ...], list[str]]:
        problems: list[str] = []
        kept = [one for one in self._session.notes.alerts if not self._is_shown(one)]
        for kind, (label, _, example) in _FIELDS.items():
            field_of_it = self.query_one(f"#{kind}", Input)
            value = number_in(field_of_it, label.lower(), problems, example)
            if value is not None:
                kept.append(AlertRule(kind, value, self._symbol if kind in _PRICES else None))
        try:
            before, symbols = self._session.notes.alerts, self._session.symbols
            return checked_alerts(tuple(kept), before, symbols), problems
        except NotesError as error:
            return (), [*problems, str(error)]

    def _is_shown(self, rule: AlertRule) -> bool:
        return rule.kind not in _PRICES or rule.symbol == self._symbol

    def _told(self, rule: AlertRule) -> str:
        """What is to be known of a rule beside what it waits for."""
        if rule.told is not None:
            return " (told already: clear the field and enter it again)"
        price = self._prices().get(rule.symbol or "") if rule.kind in _PRICES else None
        beyond = price is not None and (
            price >= rule.value if rule.kind is AlertKind.ABOVE else price <= rule.value
        )
        return f" (it is already: {formats.price(price)})" if beyond else ""


def alert_words(rules: Iterable[AlertRule]) -> list[str]:
    """What is waited for and what was told, a line each."""
    return [f"{'told: ' if one.told is not None else 'tells once of '}{one.text}" for one in rules]
