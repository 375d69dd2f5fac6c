"""What forms share: moving between fields, telling what is wrong with them, and how they end."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Self, TypeVar, cast

from textual import events, on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.suggester import Suggester, SuggestionReady
from textual.widget import Widget
from textual.widgets import Input, Static

from core.market.history.exchange_names import exchange_problem
from core.store.workspace import program_for
from core.text import TextRow, safe_text, typed_for
from tui import formats
from tui.shell import Shell
from tui.widgets.choice import Choice
from tui.widgets.filter_box import FilterBox
from tui.widgets.line_table import LineTable
from tui.widgets.remarks import Remark, RemarkLines, labelled
from tui.widgets.tones import Tone

T = TypeVar("T")
_LOW = 30  # lines of a terminal
_ACROSS = 68  # cells of a line in a form
_LABEL = 13  # of them its label, of the 14 in forms.tcss
_SOON = 1.0  # seconds after which no key waits any longer
_LARGEST = 1e15
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(,\d{3})+(\.\d*)?")
_FEW = 3  # lines beneath the fields for which there is room everywhere


class Form(ModalScreen[T | None]):
    """Fields, and beneath them `#verdict`. It ends with what they say, or with None.

    `told_lines`: about how many lines stand in `#verdict`.
    """

    told_lines = 0
    takes_keys = False  # what is typed before it does waits for that, rather than go elsewhere
    _held: tuple[events.Key, ...] = ()

    @on(events.Mount)
    def _hold_keys(self) -> None:
        """Take keys once its fields are there, or soon, whatever they wait for."""
        self.call_after_refresh(self.fields_are_there)
        self._latest = self.set_timer(_SOON, self.take_keys)

    def fields_are_there(self) -> None:
        """Take keys; what has still to read something does so later."""
        self.take_keys()

    def take_keys(self) -> None:
        """Take the keys that were typed meanwhile, and all others."""
        self._latest.stop()
        self.takes_keys = True
        held, self._held = self._held, ()
        for event in held:  # before any that come later
            self.app.post_message(event)

    def drop_keys(self) -> None:
        """Take keys from now on; those typed meanwhile were meant for another screen."""
        self._held = ()
        self.takes_keys = True

    def holds(self, event: events.Key) -> bool:
        """Whether a key waits until it takes keys; with the form it is gone."""
        if self.takes_keys:
            return False
        self._held += (event,)
        return True

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", show=False),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
        # At once, not when the field gets to it: what is typed behind a Tab goes to the next one.
        Binding("tab", "app.focus_next", show=False, priority=True),
        Binding("shift+tab", "app.focus_previous", show=False, priority=True),
        Binding("pagedown", "page(1)", show=False, priority=True),
        Binding("pageup", "page(-1)", show=False, priority=True),
    ]

    def tell(self, remarks: Iterable[Remark]) -> None:
        """Say beneath the fields what comes of them.

        Where there is more to say than a low terminal has room for, the list above gives way.
        """
        verdict = self.query_one("#verdict", RemarkLines)
        program = program_for(cast(Shell, self.app).workspace)
        verdict.show(tuple(replace(one, text=typed_for(program, one.text)) for one in remarks))
        self.told_lines = verdict.lines_on(_ACROSS)
        self.set_class(self.size.height < _LOW and self.told_lines > _FEW, "-low")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave paging to its lists where all of the form is to be seen."""
        return action != "page" or any(form.max_scroll_y > 0 for form in self.query(".form"))

    def action_page(self, step: int) -> None:
        """Show what lies beneath, or above."""
        for form in self.query(".form"):
            form.scroll_relative(y=step * form.size.height // 2, animate=False)

    def action_cancel(self) -> None:
        """Change nothing."""
        self.dismiss(None)


class Wrong(str):
    """What is wrong with a form, and the ID of the field in which it is, where it is in one."""

    field: str | None

    def __new__(cls, text: object, field: str | None = None) -> Self:
        """`text` in which `field`."""
        made = super().__new__(cls, text)
        made.field = field
        return made


class Missing(Wrong):
    """What a form still lacks: said quietly until somebody tries to end the form without it."""


_NO_EXCHANGE = "exchange: expected a name that ccxt knows, such as binance"


class CheckedForm(Form[T]):
    """A form that tells at every change what is wrong, and ends only when nothing is."""

    _tried = False  # whether somebody tried to end it while something was missing
    _entered = False  # whether Enter waits for what is being found out

    def wrong(self, problems: Iterable[str]) -> list[Remark]:
        """What is wrong with the fields, as it is told; those concerned are marked."""
        remarks, marked = [], set()
        for problem in problems:
            if isinstance(problem, Missing) and not self._tried:
                remarks.append(Remark("·", problem, Tone.DIM))
                continue
            remarks.append(Remark("✗", problem, Tone.ERROR))
            if isinstance(problem, Wrong):
                marked.add(problem.field)
        for field in self.query(TextField):
            field.set_class(field.id in marked, "-wrong")
        return remarks

    def judge(self) -> None:
        """Say what comes of what stands in the fields."""
        raise NotImplementedError

    def outcome(self) -> T | None:
        """What the fields say, None where something is wrong with them."""
        raise NotImplementedError

    def lacking(self) -> Input | None:
        """The field without which it cannot end: that is where who tries to is led."""
        return None

    @property
    def is_checking(self) -> bool:
        """Whether what stands in the fields is still being looked into; `checked` ends it."""
        return False

    def checked(self) -> None:
        """Take the Enter that was pressed before it was known what comes of it."""
        if self._entered and not self.is_checking:
            self._entered = False
            self._end()

    @on(Choice.Changed)
    @on(Input.Changed)
    @on(LineTable.Highlighted)
    def _changed(self) -> None:
        self._entered = False  # it was meant for what stood there before
        self.judge()

    @on(Input.Changed)
    @on(events.DescendantBlur)
    @on(SuggestionReady)
    def _completes(self, event: Message) -> None:
        """Say which key completes a path while that is offered; what is typed ends the offer."""
        field, there = self.focused, False
        if isinstance(event, SuggestionReady) and isinstance(field, Input):
            there = event.value == field.value
        for one in self.query(FormHints):
            one.offer_completion(there=there)

    @on(LineTable.Chosen)
    @on(Choice.Submitted)
    @on(Input.Submitted)
    def _submitted(self, event: Message) -> None:
        if isinstance(event, Input.Submitted) and isinstance(event.input, FilterBox):
            return  # it leads back to what it filters
        self._end()

    def _end(self) -> None:
        """End with what the fields say, now or once it is known; or say why that cannot be."""
        outcome = self.outcome()
        if outcome is None and self.is_checking:
            self._entered = True
            self.tell([Remark("…", "looking into it", Tone.DIM)])
        elif outcome is None:
            self._tried = True
            self.app.bell()
            self.judge()
            if (lacking := self.lacking()) is not None:
                lacking.focus()
            # On a low terminal it lies beneath what is seen, and Enter would seem to do nothing.
            self.call_after_refresh(self.query_one("#verdict").scroll_visible, animate=False)
        else:
            self.finish(outcome)

    def finish(self, outcome: T) -> None:
        """End with what the fields say."""
        self.dismiss(outcome)


class TextField(Input):
    """A field of a form. What it proposes is typed over; what was typed into it stays."""

    def __init__(
        self,
        value: str = "",
        *,
        id: str,  # noqa: A002  (Textual's own name for it)
        placeholder: str = "",
        secret: bool = False,
        suggester: Suggester | None = None,
    ) -> None:
        super().__init__(
            value,
            id=id,
            placeholder=placeholder,
            password=secret,
            suggester=suggester,
            compact=True,
        )
        self._proposed = value

    def propose(self, value: str) -> None:
        """Put a value there that is typed over."""
        self.value = self._proposed = value
        if self.has_focus:
            self.action_select_all()

    def on_blur(self) -> None:
        """From now on keep what somebody wrote."""
        self.select_on_focus = self.value == self._proposed


def heading(text: str) -> Static:
    """What a form is for."""
    return Static(Content.styled(safe_text(text), "bold $foreground"), classes="form-title")


def field(label: str, *parts: Widget | str, id: str | None = None) -> Horizontal:  # noqa: A002
    """A line of a form: a label and what is filled in, then perhaps another label with its own."""
    widgets = [
        Static(part, classes="field-label second", markup=False) if isinstance(part, str) else part
        for part in parts
    ]
    first = Static(label, classes="field-label", markup=False)
    return Horizontal(first, *widgets, classes="field", id=id)


def row_remarks(rows: Iterable[TextRow]) -> list[Remark]:
    """Rows of text, labels beneath those of the fields, texts beneath what the fields hold."""
    return labelled(((row.label, row.text) for row in rows), least=_LABEL)


def not_there(files: Iterable[Path], field: str) -> list[str]:
    """What is wrong with files that do not exist; who is still typing their names has time.

    `field`: the ID of the one they were typed into.
    """
    return [
        Missing(f"file: there is none at {formats.path(file)}", field)
        for file in files
        if not os.path.exists(file)  # noqa: PTH110  (what may not be looked at is no error here)
    ]


def exchange_in(field: Input, problems: list[str]) -> str:
    """The exchange in a field; what ccxt does not know is a problem, told once it is typed."""
    name = field.value.strip()
    if not name:
        problems.append(Missing(_NO_EXCHANGE, field.id))
    elif (problem := exchange_problem(name)) is not None:
        problems.append(Missing(problem, field.id))
    return name


def number_in(
    field: Input, name: str, problems: list[str], example: str = "10,000.5"
) -> float | None:
    """The number in a field, None where it is empty; what else stands there is a problem.

    `example`: one that may stand in it.
    """
    text = field.value.strip()
    if not text:
        return None
    try:
        value = float(text.replace(",", "") if _THOUSANDS.fullmatch(text) else text)
    except ValueError:  # `1,5` is one and a half to some, and fifteen to nobody
        value = 0.0
    if not 0 < value < _LARGEST:
        expected = f"a number above 0, such as {example}"
        if value >= _LARGEST:
            expected = f"a number below {_LARGEST:g}"
        problems.append(Wrong(f"{name}: expected {expected}, found {text!r}", field.id))
        return None
    return value


class FormHints(Static):
    """What the keys do in a form, by their names, in one line; on the narrowest without `/`."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        super().__init__(classes="form-hints")
        self._keys = keys
        self._completes = False

    def offer_completion(self, *, there: bool) -> None:
        """Name the key that takes over how a field's text may go on, while that is shown."""
        if there != self._completes:
            self._completes = there
            self.refresh()

    def render(self) -> Content:
        """The keys that fit."""
        more = {"→": "complete"} if self._completes else {}
        keys = {**self._keys, **more, "Esc": "cancel"}
        told = {
            key: Content.assemble((key, "$accent"), (f" {does}", "$dim"))
            for key, does in keys.items()
        }
        line = Content("  ").join(told.values())
        if line.cell_length > self.size.width:
            told.pop("/", None)
            line = Content("  ").join(told.values())
        return line


def hints(
    verb: str, *, fields: bool = True, choices: bool = True, finds: bool = False
) -> FormHints:
    """What the keys do in a form.

    Without `fields` not how one moves, without `choices` not how one chooses; `finds`: how one
    finds a strategy.
    """
    keys = {"Enter": verb}
    keys |= {"/": "find"} if finds else {}
    keys |= {"Tab ↑↓": "field"} if fields else {}
    keys |= {"←→": "choose"} if choices else {}
    return FormHints(keys)
