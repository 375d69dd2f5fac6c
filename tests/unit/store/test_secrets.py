"""Keys are read, kept private, and never shown."""

from __future__ import annotations

import base64
import copy
import pickle
import stat
from pathlib import Path
from urllib.parse import quote

import pytest

from core.store.credentials import (
    ApiKey,
    CredentialsError,
    read_credentials,
    write_credentials,
)
from core.store.durable import OsDisk
from core.store.redaction import HIDDEN, Redactor, Secret

KEY, SECRET = "abcKEY123456", "s3cr3t/+with=odd&chars"


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_keys_are_read_and_known_to_the_redactor(tmp_path: Path) -> None:
    path = write(
        tmp_path / "exchanges.yaml",
        f"binance_testnet:\n  api_key: {KEY}\n  api_secret: '{SECRET}'\nbinance_demo:\n",
    )
    redactor = Redactor()
    credentials = read_credentials(path, redactor)
    assert credentials.notices == ()
    assert set(credentials.sections) == {"binance_testnet"}
    key = credentials.sections["binance_testnet"]
    assert (key.api_key.reveal(), key.api_secret.reveal()) == (KEY, SECRET)
    assert KEY not in repr(credentials)
    assert SECRET not in f"{key} {key.api_secret!s}"
    shown = redactor.redact(f"?k={KEY}&s={SECRET}&q={quote(SECRET, safe='')}")
    assert shown == f"?k={HIDDEN}&s={HIDDEN}&q={HIDDEN}"
    basic = base64.b64encode(SECRET.encode()).decode()
    assert SECRET not in base64.b64decode(redactor.redact(basic), validate=False).decode("latin1")


def test_no_file_is_no_keys(tmp_path: Path) -> None:
    assert read_credentials(tmp_path / "exchanges.yaml", Redactor()).sections == {}


def test_a_file_others_can_read_is_made_private_and_said(tmp_path: Path) -> None:
    path = write(tmp_path / "exchanges.yaml", "binance_testnet: {}\n", 0o644)
    credentials = read_credentials(path, Redactor())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert credentials.notices == (
        "exchanges.yaml could be read by other users (mode 644); it is 600 now",
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"binance_testnet:\n  api_key: {KEY}\n", "binance_testnet.api_secret is not a text"),
        (f"binance_testnet: {KEY}\n", "section binance_testnet is not a mapping"),
        (f"- {KEY}\n", "is not a mapping"),
        (f"binance_testnet:\n  api_key: {KEY}\n bad: [\n", "is not YAML at line"),
    ],
)
def test_a_file_of_another_form_is_refused_without_being_quoted(
    tmp_path: Path, text: str, message: str
) -> None:
    path = write(tmp_path / "exchanges.yaml", text)
    with pytest.raises(CredentialsError, match=message) as refused:
        read_credentials(path, Redactor())
    assert KEY not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_section_nobody_knows_is_said_and_its_texts_are_hidden(tmp_path: Path) -> None:
    path = write(tmp_path / "exchanges.yaml", f"binance_testnt:\n  api_key: {KEY}\n")
    redactor = Redactor()
    (notice,) = read_credentials(path, redactor).notices
    assert "'binance_testnt' is not used" in notice
    assert redactor.redact(KEY) == HIDDEN


def test_writing_a_key_keeps_the_others(tmp_path: Path) -> None:
    path = write(tmp_path / "exchanges.yaml", "binance_demo: {api_key: demokey1, api_secret: d2}\n")
    write_credentials(path, "binance_testnet", ApiKey(Secret(KEY), Secret(SECRET)), OsDisk())
    credentials = read_credentials(path, Redactor())
    assert set(credentials.sections) == {"binance_testnet", "binance_demo"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_secret_is_not_pickled() -> None:
    with pytest.raises(TypeError, match="not written anywhere"):
        pickle.dumps(Secret(SECRET))
    with pytest.raises(TypeError):
        copy.deepcopy(Secret(SECRET))


def test_short_texts_are_not_hidden_everywhere() -> None:
    redactor = Redactor()
    redactor.add("key")
    assert redactor.redact("the key of the market") == "the key of the market"
