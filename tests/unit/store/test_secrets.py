"""Keys are read, kept private, and never shown."""

from __future__ import annotations

import base64
import copy
import html
import json
import os
import pickle
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml

from core.store.credentials import (
    ApiKey,
    CredentialsError,
    checked_key,
    read_credentials,
    write_credentials,
)
from core.store.durable import OsDisk
from core.store.redaction import HIDDEN, KNOWN_SECRETS, Redactor, Secret, brief

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
        (f"binance_testnet:\n  api_key: {KEY}\n bad: [\n", "is not YAML at line 3"),
        (f"a: &a {KEY}\nb: *a\n", "an anchor or alias at line 1"),
        (f"{KEY}: " + "[" * 5_000, "a deeper nesting at line 1"),
        (f"k: !!python/name:os.system {KEY}\n", "a tag at line 1"),
        (f"k: {KEY}\nn: 2024-99-99\n", "a number or date that is none"),
        (f"k: {KEY}{'x' * 70_000}\n", "a larger file"),
        (f"k: {KEY}\n\x00", "a character that YAML does not take"),
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
    path = write(
        tmp_path / "exchanges.yaml",
        "binance_demo: {api_key: demokey12345, api_secret: demosecret12345}\n",
    )
    write_credentials(path, "binance_testnet", ApiKey(Secret(KEY), Secret(SECRET)), OsDisk())
    credentials = read_credentials(path, Redactor())
    assert set(credentials.sections) == {"binance_testnet", "binance_demo"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_secret_is_not_pickled() -> None:
    with pytest.raises(TypeError, match="not written anywhere"):
        pickle.dumps(Secret(SECRET))
    with pytest.raises(TypeError):
        copy.deepcopy(Secret(SECRET))


PLAIN = [
    *("", "key", "moment", "signal", "123456", "000000", "BTC/USDT", "BTC/USDT:USDT"),
    *("default_symbol", "max_unrealized_drawdown", "UNREALIZED", "1234567890123456"),
    *("aaaaaaaaaaaa", "ababababababab1", "2026-11-26T00:00:00Z", "1e308", "0.00000001234567"),
    "stop loss, take profit",
]


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_too_short_or_plain_to_be_a_key_is_refused_and_hidden_nowhere(
    tmp_path: Path, text: str
) -> None:
    redactor = Redactor()
    redactor.add(text)
    assert redactor.redact(f"of {text} and {text}") == f"of {text} and {text}"
    for name in ("api_key", "api_secret"):
        pair = {"api_key": KEY, "api_secret": SECRET, name: text}
        path = write(tmp_path / "exchanges.yaml", yaml.safe_dump({"binance_demo": pair}))
        if text:
            with pytest.raises(
                CredentialsError, match=rf"{name} (is too|is not a text)"
            ) as refused:
                read_credentials(path, redactor)
            assert len(text) < 5 or text not in str(refused.value)
        with pytest.raises(CredentialsError, match="too"):
            checked_key(**pair)


def test_values_that_are_no_keys_are_hidden_nowhere(tmp_path: Path) -> None:
    path = write(
        tmp_path / "exchanges.yaml",
        f"binance_demo: {{api_key: {KEY}, api_secret: {SECRET!r}, default_symbol: 1000SHIB/USDT}}\n"
        "other: {timeframe: 15minutes-of-fame, note: about session 4f2a9c1e of 2026}\n",
    )
    redactor = Redactor()
    read_credentials(path, redactor)
    text = "1000SHIB/USDT 15minutes-of-fame about session 4f2a9c1e of 2026"
    assert redactor.redact(text) == text


LONG = "Zk3+Qx/9" * 7 + "=="


@pytest.mark.parametrize("secret", [KEY, SECRET, LONG, "-----BEGIN-----\nMIIx9+ab\n-----END-----"])
@pytest.mark.parametrize(
    "encoded",
    [
        str,
        lambda text: quote(text, safe=""),
        lambda text: re.sub("%..", lambda code: code[0].lower(), quote(text, safe="")),
        lambda text: quote(quote(text, safe=""), safe=""),
        lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
        lambda text: json.dumps(text)[1:-1],
        lambda text: json.dumps(json.dumps(text))[2:-2],
        lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
        lambda text: "".join(f"\\u{ord(letter):04X}" for letter in text),
        html.escape,
        lambda text: "".join(f"&#{ord(letter)};" for letter in text),
        lambda text: text.encode().hex(),
        lambda text: text.encode().hex().upper(),
        *(
            lambda text, shift=shift, encode=encode: encode(
                b"k" * shift + text.encode() + b":x"
            ).decode()
            for shift in range(3)
            for encode in (base64.b64encode, base64.urlsafe_b64encode)
        ),
    ],
)
def test_a_secret_is_hidden_however_it_is_encoded(
    secret: str, encoded: Callable[[str], str]
) -> None:
    redactor = Redactor()
    redactor.add(secret)
    form = encoded(secret)
    shown = redactor.redact(f"the venue says: {form} is wrong")
    assert HIDDEN in shown
    assert len(shown) < len("the venue says:  is wrong") + len(HIDDEN) + 12
    assert shown.startswith("the venue says: ")


def test_half_of_a_long_secret_is_hidden_as_well() -> None:
    redactor = Redactor()
    redactor.add(LONG)
    for part in (LONG[:20], LONG[-20:], LONG[10:40], base64.b64encode(LONG.encode()).decode()[:30]):
        assert redactor.redact(f"<{part}…").replace("</", "<") == f"<{HIDDEN}…"


def each(text: str, form: str) -> str:
    return "".join(form.format(ord(letter)) for letter in text)


MORE_FORMS: list[Callable[[str], str]] = [
    "\x00".join,
    "\u200b".join,
    "\x1b[0m".join,
    " ".join,
    lambda text: "\r\n".join(re.findall(".{1,10}", text)),
    lambda text: '" + "'.join(re.findall(".{1,9}", text)),
    "<wbr>".join,
    lambda text: text.encode("utf-16-le").decode("latin-1"),
    str.lower,
    str.upper,
    lambda text: each(text, "%{:02x}")[:120],
    lambda text: each(text, "\\u{:04x}")[:240],
    lambda text: each(text, "\\U{:08x}"),
    lambda text: each(text, "\\u{{{:x}}}"),
    lambda text: each(text, "\\x{:02X}"),
    lambda text: each(text, "\\{:03o}"),
    lambda text: each(text, "={:02X}"),
    lambda text: each(text, "&#{}"),
    lambda text: html.escape(html.escape(each(text, "&#x{:X};"))),
    lambda text: quote(each(text, "&#{};"), safe=""),
    lambda text: each(text, "&#37;{:02x}"),
    lambda text: text.replace("/", "&sol;").replace("+", "&plus;"),
    lambda text: each(text, "{:02x} "),
    lambda text: each(text, ":{:02X}"),
    lambda text: each(text, "0x{:02x}, "),
    lambda text: str(list(text.encode())),
    lambda text: base64.b64encode(base64.b64encode(text.encode())).decode(),
    lambda text: base64.b64encode(quote(text, safe="").encode()).decode(),
    lambda text: base64.b64encode(text.encode("utf-16-le")).decode(),
    lambda text: base64.b64encode(text.encode().hex().encode()).decode(),
    lambda text: base64.b64encode(text.encode()).hex(),
    lambda text: "".join(chr(ord(letter) + 0xFEE0) for letter in text),  # of full width
]


def test_what_is_put_between_its_letters_or_stands_for_them_hides_no_secret() -> None:
    redactor = Redactor()
    for secret in (KEY, LONG):
        redactor.add(secret)
        for encoded in MORE_FORMS:
            form = encoded(secret)
            shown = redactor.brief(f"({form})", 10_000)
            letters = re.sub(r"\W|0m", "", shown)
            assert HIDDEN in shown, form
            assert len(letters) < 18, (form, shown)


def test_a_secret_of_other_letters_is_hidden_as_well() -> None:
    redactor = Redactor()
    secret = "\ud800ключ-\u0301Ä5678-от-биржи"
    redactor.add(secret)
    for text in (secret, secret.upper(), " ".join(secret), json.dumps(secret)):
        shown = redactor.brief(f"({text})", 1_000)
        assert re.sub(r"[\ufffd \"]", "", shown) == f"({HIDDEN})", text


def test_a_text_of_megabytes_is_looked_at_only_where_it_begins() -> None:
    redactor = Redactor()
    redactor.add(LONG)
    for before in (7_940, 7_980):  # almost all before it is hidden, and it is cut itself
        said = redactor.brief(f"{LONG * 100}{' ' * (before - 5_800)}{LONG}{'x' * 10**6}", 8_000)
        assert LONG[:4] not in said
        assert len(said) < 8_000


def test_foreign_words_are_redacted_before_they_are_cut() -> None:
    KNOWN_SECRETS.add(LONG)
    for before in range(130, 210):
        said = brief("x" * before + " " + LONG)
        assert not any(LONG[:length] in said for length in (8, 12)), before


def test_what_was_put_in_the_wrong_place_is_not_repeated(tmp_path: Path) -> None:
    path = write(tmp_path / "exchanges.yaml", f"{KEY}: {SECRET!r}\n")
    (notice,) = read_credentials(path, Redactor()).notices
    assert notice == "exchanges.yaml: a section is not used by Papertape"


def test_a_link_is_neither_made_private_nor_written_through(tmp_path: Path) -> None:
    elsewhere = write(tmp_path / "elsewhere", "binance_demo: {}\n", 0o644)
    path = tmp_path / "exchanges.yaml"
    path.symlink_to(elsewhere)
    read_credentials(path, Redactor())
    write_credentials(path, "binance_testnet", ApiKey(Secret(KEY), Secret(SECRET)), OsDisk())
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o644
    assert elsewhere.read_text() == "binance_demo: {}\n"
    assert not path.is_symlink()
    assert set(read_credentials(path, Redactor()).sections) == {"binance_testnet"}


def test_a_pipe_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "exchanges.yaml"
    os.mkfifo(path)
    with pytest.raises(CredentialsError, match="no regular file"):
        read_credentials(path, Redactor())


PEM = "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----"
ED25519 = "MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"


LINES = "Zk3+Qx/9" * 8 + "\n" + "b7R+/w2K" * 8 + "\n" + "Yt5/u+1M" * 4


@pytest.mark.parametrize("body", [ED25519, LINES])
@pytest.mark.parametrize(
    "encoded",
    [
        lambda body: body.replace("\n", "\r\n"),
        lambda body: body.replace("\n", " "),
        lambda body: body.replace("\n", ""),
        lambda body: body.replace("\n", "<br>"),
        quote,
        lambda body: quote(body.replace("\n", "\r\n"), safe=""),
        lambda body: json.dumps(json.dumps(body)),
        lambda body: base64.b64decode(body).hex(),
        lambda body: base64.b64encode(body.replace("\n", "").encode()).decode(),
        lambda body: base64.b64encode(body.splitlines()[-1].encode()).decode(),
        lambda body: base64.encodebytes(PEM.format(body).encode()).decode(),
    ],
)
def test_no_part_of_a_private_key_in_pem_is_shown(body: str, encoded: Callable[[str], str]) -> None:
    redactor = Redactor()
    redactor.add(PEM.format(body))
    form = encoded(body)
    shown = redactor.redact(f"the venue says: {form} is wrong")
    assert HIDDEN in shown
    left = set(re.findall(r"\w{5,}", shown)) - {"venue", "wrong", "hidden"}
    assert not [one for one in left if one in form and not one.startswith("LS0tLQ")]


def test_an_ed25519_key_is_taken_inline_or_from_its_file_and_its_lines_are_hidden(
    tmp_path: Path,
) -> None:
    (tmp_path / "spot.pem").write_text(PEM.format(ED25519) + "\n", encoding="utf-8")
    for secret in (PEM.format(ED25519), str(tmp_path / "spot.pem")):
        pair = {"api_key": KEY, "api_secret": secret}
        path = write(tmp_path / "exchanges.yaml", yaml.safe_dump({"binance_testnet": pair}))
        redactor = Redactor()
        found = read_credentials(path, redactor).sections["binance_testnet"]
        assert found.is_ed25519
        assert found.api_secret.reveal() == PEM.format(ED25519)
        assert redactor.redact(f"line 2 is {ED25519}") == f"line 2 is {HIDDEN}"
    assert not checked_key(KEY, SECRET).is_ed25519
    assert not checked_key(KEY, PEM.format("MIIEvQIBADANBgkqhkiG9w0BAQEFAASC")).is_ed25519
    with pytest.raises(CredentialsError, match="api_secret: the PEM file cannot be read"):
        checked_key(KEY, str(tmp_path / "none.pem"))
    with pytest.raises(CredentialsError, match="openssl pkey"):
        checked_key(KEY, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nx")


LAST_WORDS = """
import asyncio, logging, threading
from core.store.redaction import KNOWN_SECRETS
KNOWN_SECRETS.add({secret!r})

def fault():
    try:
        raise ValueError("GET /?key={secret}")
    except ValueError as error:
        raise RuntimeError("refused") from error

async def forgotten():
    task = asyncio.ensure_future(asyncio.to_thread(fault))
    await asyncio.wait([task])

asyncio.run(forgotten())
logging.getLogger("aiohttp").warning("Cookie of %s", {secret!r})
thread = threading.Thread(target=fault)
thread.start()
thread.join()
fault()
"""


def test_the_last_words_of_a_process_show_no_secret() -> None:
    program = LAST_WORDS.format(secret=LONG)
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("ValueError: GET /?key=[hidden]") == 3
    assert f"Cookie of {HIDDEN}" in done.stderr
    assert LONG[:8] not in done.stderr.replace(program, "")
