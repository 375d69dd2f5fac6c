"""The form for a sweep or a gate: what is varied of a strategy, and what ranks the settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input

from core.gate import FEWEST_DAYS, FOLDS, few_days
from core.text import TextRow
from tui.formats import setting_words
from tui.modals.form import (
    CheckedForm,
    Missing,
    TextField,
    Wrong,
    field,
    heading,
    hints,
    number_in,
    row_remarks,
)
from tui.requests.backtest import BacktestRefusedError
from tui.requests.varying import Variation, VaryingCommands
from tui.widgets.choice import Choice
from tui.widgets.remarks import Remark, RemarkLines
from tui.widgets.tones import Tone

RANKS = {
    "Sharpe": "sharpe_ratio",
    "return": "total_return_pct",
    "drawdown": "max_drawdown_pct",
    "PF": "profit_factor",
    "win rate": "win_rate_pct",
}
_AXES = ("Vary", "and", "and")
_ROLLING, _ANCHORED = "the last part", "all that was"  # of the time, by each fold
_MANY = 5_000  # settings: from here on it is said that they take their time


class VaryForm(CheckedForm[Variation]):
    """What to vary: of a sweep at least one thing, of a gate as much as was tried."""

    AUTO_FOCUS = "Input"

    def __init__(
        self,
        name: str,
        raw: Mapping[str, object],
        commands: VaryingCommands,
        last: Variation | None = None,
        *,
        settings: Mapping[str, float | int | str] = MappingProxyType({}),
        gate: bool = False,
        days: int | None = None,
        material: str = "",
    ) -> None:
        """`settings`: what was set of the strategy already, by path.

        `days`: of the candles; `material`: which they are.
        """
        super().__init__()
        self._few = few_days(days) if gate and days is not None and days < FEWEST_DAYS else ""
        self._set = setting_words(settings)
        self._of = " ".join(filter(None, (name, self._set)))
        self._material = material
        self._raw = raw
        self._commands = commands
        self._last = last
        self._gate = gate
        self._checked: tuple[Variation, int] | None = None
        self._asked = 0
        self._checking = False
        self._suggested: Sequence[str] = ()

    def compose(self) -> ComposeResult:
        """Axes, what ranks, and what comes of it."""
        last = self._last or Variation()
        what = "gate" if self._gate else "sweep"
        with Vertical(classes="form"):
            yield heading(" · ".join(filter(None, (self._of, what, self._material))))
            for number, label in enumerate(_AXES):
                written = last.axes[number] if number < len(last.axes) else ""
                yield field(label, TextField(written, id=f"axis-{number}"))
            ranks = list(RANKS)
            ranked = list(RANKS.values()).index(last.sort) if last.sort in RANKS.values() else 0
            yield field("Rank by", Choice(ranks, ranks[ranked], id="sort"))
            if self._gate:
                seed = TextField(str(last.seed), id="seed")
                yield field("Folds", TextField(str(last.folds), id="folds"), "Seed", seed)
                seen = _ANCHORED if last.anchored else _ROLLING
                yield field("Choose on", Choice((_ROLLING, _ANCHORED), seen, id="seen"))
            else:
                split = "" if last.split is None else f"{last.split:g}"
                about = "70: rank on the first 70%, show the rest beside it"
                yield field("Split", TextField(split, placeholder=about, id="split"))
            yield RemarkLines(id="verdict")
            yield hints("run")

    async def on_mount(self) -> None:
        """Find out what could be varied, and offer it."""
        self.run_worker(self._suggest(), name="suggest", exit_on_error=False)

    def fields_are_there(self) -> None:
        """Wait for what is proposed: the first keys are meant for that."""

    @property
    def is_checking(self) -> bool:
        """See `CheckedForm.is_checking`."""
        return self._checking

    async def _suggest(self) -> None:
        self._suggested = await self._commands.suggest(self._raw)
        if not self.is_attached:
            return
        fields = [self.query_one(f"#axis-{number}", TextField) for number in range(len(_AXES))]
        fresh = self._last is None and not self._gate and not any(one.value for one in fields)
        with self.prevent(Input.Changed):  # judged once, before any key
            for number, (axis, written) in enumerate(zip(self._suggested, fields, strict=False)):
                written.placeholder = f"such as {axis}"
                if fresh and number < 2:
                    written.propose(axis)
        self.judge()
        self.take_keys()

    def judge(self) -> None:
        """See `CheckedForm.judge`: in a thread, as it takes reading the config again and again."""
        self._checked = None
        self._asked += 1  # what was found out about anything else is not wanted any more
        variation, problems = self._variation()
        self._checking = not problems
        if problems:
            self.tell(self.wrong(problems))
        else:
            self.run_worker(self._check(variation, self._asked), name="check", exit_on_error=False)

    async def _check(self, variation: Variation, asked: int) -> None:
        try:
            count, problem = await self._commands.check(self._raw, variation), ""
        except BacktestRefusedError as error:
            count, problem = 0, str(error)
        if asked != self._asked or not self.is_attached:
            return  # something else is asked for by now
        self._checking = False
        if problem:
            self.tell([Remark("✗", problem, Tone.ERROR), *self._offer()])
            self.checked()
            return
        self._checked = variation, count
        alone = self._set if self._set and not variation.axes else "the strategy as it is"
        settings = f"1 setting: {alone}" if count == 1 else f"{count:,} settings"
        if count >= _MANY:
            settings += ", which take their time; x shows what is finished"
        few = [Remark("!", f"{self._few}: too little for a verdict", Tone.WARNING)]
        told = [Remark("", settings, Tone.PLAIN), *(few if self._few else ()), *self._offer()]
        self.tell(told)
        self.checked()

    def _offer(self) -> list[Remark]:
        paths = [axis.partition("=")[0] for axis in self._suggested]
        return row_remarks([TextRow("Can be varied", ", ".join(paths))] if paths else ())

    def _variation(self) -> tuple[Variation, list[str]]:
        problems: list[str] = []
        fields = [self.query_one(f"#axis-{n}", Input).value.strip() for n in range(len(_AXES))]
        axes = tuple(text for text in fields if text)
        if not axes and not self._gate:
            expected = "vary: expected PATH=FIRST:LAST:STEP or PATH=VALUE,VALUE,…"
            problems.append(Missing(expected, "axis-0"))
        sort = RANKS[self.query_one("#sort", Choice).chosen]
        if self._gate:
            folds = self._whole("folds", FOLDS, range(1, 101), problems)
            seed = self._whole("seed", 0, range(1_000_000_000), problems)
            anchored = self.query_one("#seen", Choice).chosen == _ANCHORED
            return Variation(axes, sort, None, folds, anchored, seed), problems
        split = number_in(self.query_one("#split", Input), "split", problems, "70")
        if split is not None and split >= 100:
            problems.append(Wrong("split: expected a number below 100", "split"))
        return Variation(axes, sort, split), problems

    def _whole(self, name: str, usual: int, allowed: range, problems: list[str]) -> int:
        text = self.query_one(f"#{name}", Input).value.strip().replace(",", "")
        if not text:
            return usual
        if not (text.isdecimal() and len(text) < 16 and int(text) in allowed):
            least, most = allowed[0], allowed[-1]
            told = f"{name}: expected {least} to {most:,}, found {text[:20]!r}"
            problems.append(Wrong(told, name))
            return usual
        return int(text)

    def outcome(self) -> Variation | None:
        """What to run; None while it is not known whether it can be."""
        variation, problems = self._variation()
        if problems or self._checked is None or self._checked[0] != variation:
            return None
        return variation
