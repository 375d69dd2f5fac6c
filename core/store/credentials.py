"""Reads and writes the user's keys for the test venues (exchanges.yaml)."""

from __future__ import annotations

import base64
import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from core.store.durable import Disk, make_private, write_durably
from core.store.redaction import Redactor, Secret, why_no_key
from core.store.yaml_reader import SettingsError, YamlError, read_settings_file, small_text

SECTIONS = ("binance_testnet", "binance_demo")
_FIELDS = ("api_key", "api_secret")
_HOW = "expected `binance_testnet:` with `api_key:` and `api_secret:` below it"
# What a field is called that holds something private, also where its section is misspelt.
_PRIVATE = re.compile(r"key|secret|token|passw|passphrase|private|credential", re.IGNORECASE)
_PEM = "-----BEGIN PRIVATE KEY-----"
_ED25519 = bytes((6, 3, 43, 101, 112))  # its object identifier, 1.3.101.112
_SURELY_PRIVATE = 32  # characters of a text that is hidden whatever its field is called


class CredentialsError(SettingsError):
    """exchanges.yaml cannot be used. The message never repeats what stands in it."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key and its secret. Neither shows itself."""

    api_key: Secret
    api_secret: Secret

    @property
    def is_ed25519(self) -> bool:
        """Whether the secret is the private half of an Ed25519 key, as PEM, and not one of HMAC."""
        lines = self.api_secret.reveal().splitlines()
        if not lines[0].startswith(_PEM):
            return False
        with contextlib.suppress(ValueError):
            body = "".join(line for line in lines if not line.startswith("-----"))
            return _ED25519 in base64.b64decode(body, validate=True)
        return False


@dataclass(frozen=True, slots=True)
class Credentials:
    """The keys by section; sections that are missing or empty are not in it.

    `notices` are sentences for the user (a file that others could read, a section nobody knows).
    """

    sections: Mapping[str, ApiKey]
    notices: tuple[str, ...] = ()


def checked_key(api_key: str, api_secret: str, where: str = "") -> ApiKey:
    """A key and its secret, if they can be ones. `where` begins the words of a refusal.

    The secret may be the name of a PEM file that holds it.

    Raises:
        CredentialsError: one is too short or too plain, or there is no such file.
    """
    if api_secret.endswith(".pem"):
        try:
            api_secret = small_text(Path(api_secret).expanduser()).strip()
        except (OSError, ValueError, RuntimeError) as error:
            raise CredentialsError(
                f"{where}api_secret: the PEM file cannot be read ({error})"
            ) from None
    if api_secret.startswith("-----BEGIN ENCRYPTED"):
        raise CredentialsError(
            f"{where}api_secret is an encrypted key: decrypt it with `openssl pkey -in FILE`"
        )
    for field, value in zip(_FIELDS, (api_key, api_secret), strict=True):
        if (why := why_no_key(value)) is not None:
            raise CredentialsError(f"{where}{field} {why}")
    return ApiKey(Secret(api_key), Secret(api_secret))


def read_credentials(path: Path, redactor: Redactor) -> Credentials:
    """The keys in exchanges.yaml, every one of them made known to `redactor`.

    A file that other users may read is made private, and that is said.

    Raises:
        CredentialsError: the file cannot be read or does not have the expected form.
    """
    document, notices = _read(path)
    sections = {}
    for name, section in document.items():
        _learn(str(name), section, redactor)
        if name not in SECTIONS:
            # What looks like a key is not repeated: it may have been put in the wrong place.
            shown = f"section {str(name)[:40]!r}" if why_no_key(str(name)) else "a section"
            notices.append(f"{path.name}: {shown} is not used by Papertape")
        elif section is not None:
            key = _section(path, str(name), section)
            if key is not None:
                redactor.add(key.api_secret.reveal())  # it may have come from a file of its own
                sections[str(name)] = key
    return Credentials(sections, tuple(notices))


def _read(path: Path) -> tuple[dict[object, object], list[str]]:
    notices = []
    try:
        before = make_private(path)
        document = read_settings_file(path)
    except FileNotFoundError:
        return {}, []
    except YamlError as error:
        raise CredentialsError(f"{path}: {error}; {_HOW}") from None
    except OSError as error:
        raise CredentialsError(f"{path} cannot be read ({error.strerror})") from None
    if before is not None:
        notices.append(f"{path.name} could be read by other users (mode {before:o}); it is 600 now")
    if document is None:
        return {}, notices
    if not isinstance(document, dict):
        raise CredentialsError(f"{path} is not a mapping: {_HOW}")
    return document, notices


def _section(path: Path, name: str, section: object) -> ApiKey | None:
    if not isinstance(section, dict):
        raise CredentialsError(f"{path}: section {name} is not a mapping: {_HOW}")
    values = [section.get(field) for field in _FIELDS]
    if not any(values):
        return None
    for field, value in zip(_FIELDS, values, strict=True):
        if not isinstance(value, str) or not value.strip():
            raise CredentialsError(
                f"{path}: {name}.{field} is not a text: put the key in quotes ({_HOW})"
            )
    key, secret = (str(value).strip() for value in values)
    return checked_key(key, secret, f"{path}: {name}.")


def _learn(name: str, value: object, redactor: Redactor) -> None:
    """What a field holds that is private by its name or its looks may be a secret, also where its
    section is not used or misspelt."""
    if isinstance(value, str):
        text = value.strip()
        if _PRIVATE.search(name) or (len(text) >= _SURELY_PRIVATE and len(text.split()) == 1):
            redactor.add(text)
    elif isinstance(value, dict):
        for inner_name, inner in value.items():
            _learn(f"{name}.{inner_name}", inner, redactor)
    elif isinstance(value, list):
        for inner in value:
            _learn(name, inner, redactor)


def write_credentials(path: Path, section: str, key: ApiKey, disk: Disk) -> None:
    """Put a key into exchanges.yaml (0600), leaving its other sections' values as they are.

    Raises:
        CredentialsError: the file there cannot be read as a mapping, or cannot be written; or the
            key cannot be one.
        ValueError: `section` is not one of `SECTIONS`.
    """
    if section not in SECTIONS:
        raise ValueError(f"section {section!r}: expected one of {', '.join(SECTIONS)}")
    values = {"api_key": key.api_key.reveal(), "api_secret": key.api_secret.reveal()}
    checked_key(*values.values())
    document, _ = _read(path)
    document = {**document, section: values}
    try:
        write_durably(path, yaml.safe_dump(document, sort_keys=False).encode(), disk, mode=0o600)
    except OSError as error:
        raise CredentialsError(f"{path} cannot be written ({error.strerror})") from None
