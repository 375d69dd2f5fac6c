"""Which keys does the user have for the testnets? (exchanges.yaml)"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from core.store.durable import Disk, write_durably
from core.store.redaction import Redactor, Secret

SECTIONS = ("binance_testnet", "binance_demo")
_FIELDS = ("api_key", "api_secret")
_HOW = "expected `binance_testnet:` with `api_key:` and `api_secret:` below it"


class CredentialsError(Exception):
    """exchanges.yaml cannot be used. The message never repeats what stands in it."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key and its secret. Neither shows itself."""

    api_key: Secret
    api_secret: Secret


@dataclass(frozen=True, slots=True)
class Credentials:
    """The keys by section; sections that are missing or empty are not in it.

    `notices` are sentences for the user (a file that others could read, a section nobody knows).
    """

    sections: Mapping[str, ApiKey]
    notices: tuple[str, ...] = ()


def read_credentials(path: Path, redactor: Redactor) -> Credentials:
    """The keys in exchanges.yaml, every one of them made known to `redactor`.

    A file that other users may read is made private, and that is said.

    Raises:
        CredentialsError: the file cannot be read or does not have the expected form.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Credentials({})
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise CredentialsError(f"{path} cannot be read ({why})") from None
    notices = []
    if mode & 0o077:
        path.chmod(0o600)
        notices.append(f"{path.name} could be read by other users (mode {mode:o}); it is 600 now")
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        # The error's own text quotes the file.
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f" at line {mark.line + 1}"
        raise CredentialsError(f"{path} is not YAML{where}: {_HOW}") from None
    if document is None:
        return Credentials({}, tuple(notices))
    if not isinstance(document, dict):
        raise CredentialsError(f"{path} is not a mapping: {_HOW}")
    sections = {}
    for name, section in document.items():
        if name not in SECTIONS:
            notices.append(f"{path.name}: section {str(name)[:40]!r} is not used by Papertape")
        _learn(section, redactor)
        if name in SECTIONS and section is not None:
            key = _section(path, str(name), section)
            if key is not None:
                sections[str(name)] = key
    return Credentials(sections, tuple(notices))


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
    return ApiKey(Secret(key), Secret(secret))


def _learn(value: object, redactor: Redactor) -> None:
    """Every text below a section may be a secret, also in one that is not used or misspelt."""
    if isinstance(value, str):
        redactor.add(value.strip())
    elif isinstance(value, dict):
        for inner in value.values():
            _learn(inner, redactor)
    elif isinstance(value, list):
        for inner in value:
            _learn(inner, redactor)


def write_credentials(path: Path, section: str, key: ApiKey, disk: Disk) -> None:
    """Put a key into exchanges.yaml (0600), leaving its other sections' values as they are.

    Raises:
        CredentialsError: the file there cannot be read as a mapping, or cannot be written.
        ValueError: `section` is not one of `SECTIONS`.
    """
    if section not in SECTIONS:
        raise ValueError(f"section {section!r}: expected one of {', '.join(SECTIONS)}")
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        raise CredentialsError(f"{path} cannot be read: repair or remove it first") from None
    if not isinstance(document or {}, dict):
        raise CredentialsError(f"{path} is not a mapping: {_HOW}")
    document = dict(document or {})
    document[section] = {
        "api_key": key.api_key.reveal(),
        "api_secret": key.api_secret.reveal(),
    }
    try:
        write_durably(path, yaml.safe_dump(document, sort_keys=False).encode(), disk, mode=0o600)
    except OSError as error:
        raise CredentialsError(f"{path} cannot be written ({error.strerror})") from None
