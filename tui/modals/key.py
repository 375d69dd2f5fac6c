"""The form for a key of a test venue: masked, tried before it is stored, never shown again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from core.store.credentials import ApiKey
from core.store.redaction import Secret
from core.store.yaml_reader import SettingsError
from tui.modals.form import Form, TextField, field, heading, hints
from tui.widgets.remarks import Remark, RemarkLines
from tui.widgets.tones import Tone

Try = Callable[[ApiKey], Awaitable[tuple[bool, str]]]


class KeyForm(Form[ApiKey]):
    """A key and its secret; `try_it` says whether the venue takes them.

    Those that work are kept at once, others (the venue may be down) with a second Enter.
    """

    def __init__(self, title: str, where: str, try_it: Try) -> None:
        super().__init__()
        self._heading = title
        self._where = where
        self._try_it = try_it
        self._failed = False
        self._trying = False

    def compose(self) -> ComposeResult:
        """Where to get them, the two fields, what the venue says."""
        with Vertical(classes="form"):
            yield heading(self._heading)
            yield Static(Content.styled(self._where, "$dim"), classes="form-text")
            for label, name in (("API key", "api-key"), ("Secret", "api-secret")):
                yield field(label, TextField(secret=True, id=name))
            yield RemarkLines(id="verdict")
            yield hints("try and keep", choices=False)

    def on_mount(self) -> None:
        """Begin with the key."""
        self.query_one("#api-key").focus()
        self._say("Only test venues ever get them. They are kept in exchanges.yaml, for you alone.")

    def _say(self, text: str, *, wrong: bool = False) -> None:
        self.tell([Remark("✗", text, Tone.ERROR) if wrong else Remark("", text, Tone.DIM)])

    def _key(self) -> ApiKey | None:
        key, secret = (
            self.query_one(f"#{name}", Input).value.strip() for name in ("api-key", "api-secret")
        )
        return ApiKey(Secret(key), Secret(secret)) if key and secret else None

    @on(Input.Changed)
    def _changed(self) -> None:
        self._failed = False

    @on(Input.Submitted)
    def _submitted(self) -> None:
        key = self._key()
        if key is None:
            self.app.bell()
            self._say("expected both, the key and its secret", wrong=True)
        elif self._failed:
            self.dismiss(key)
        elif not self._trying:
            self._trying = True
            self._say("asking the venue …")
            self.run_worker(self._try(key), name="try keys", exit_on_error=False)

    async def _try(self, key: ApiKey) -> None:
        try:
            works, text = await self._try_it(key)
        except SettingsError as error:
            works, text = False, str(error)
        finally:
            self._trying = False
        if not self.is_attached:
            return
        if works:
            self.dismiss(key)
        else:
            self._failed = True
            self._say(f"{text}. Enter once more keeps them all the same.", wrong=True)
