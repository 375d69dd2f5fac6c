"""Checks that a request was signed by the owner of its key, and in time.

An account's secret is that of an HMAC key, or either half of an Ed25519 key as PEM: the public one
suffices, the private one stands in a file of keys.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from urllib.parse import unquote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from core.exchange.accounts.accounts import ExchangeAccount
from core.exchange.errors import ExchangeError, illegal, missing
from core.exchange.market.clock import ExchangeClock
from core.exchange.rest.calls import Params

_SIGNATURE = re.compile(r"(?:^|&)signature=([^&]*)")
_DEFAULT_WINDOW = 5000
_LONGEST_WINDOW = 60_000


def check_request(account: ExchangeAccount, query: str, body: str) -> None:
    """Check the signature of a REST request over its raw query and body, as sent.

    Raises:
        ExchangeError: -1102 without a signature, -1022 with a wrong one.
    """
    given = _SIGNATURE.search(query) or _SIGNATURE.search(body)
    if given is None:
        raise missing("signature")
    signed = _SIGNATURE.sub("", query) + _SIGNATURE.sub("", body)
    _compare(account, signed, unquote(given[1]))


def check_message(account: ExchangeAccount, params: Mapping[str, object]) -> None:
    """Check the signature of a WebSocket API request over its sorted parameters.

    Raises:
        ExchangeError: -1102 without a signature, -1022 with a wrong one.
    """
    given = params.get("signature")
    if not isinstance(given, str):
        raise missing("signature")
    names = sorted(name for name in params if name != "signature")
    _compare(account, "&".join(f"{name}={params[name]}" for name in names), given)


def check_time(params: Params, clock: ExchangeClock, now: int) -> None:
    """Check that the request is neither too old nor from the future.

    No client can keep step with a clock that is accelerated, or moved by hand: there any time will
    do.

    Raises:
        ExchangeError: -1102 without a timestamp, -1021 with one out of `recvWindow`, -1131 for a
        window
            above a minute.
    """
    stamp = params.integer("timestamp")
    if stamp is None:
        raise missing("timestamp")
    window = params.integer("recvWindow")
    window = _DEFAULT_WINDOW if window is None else window
    if window < 0:
        raise illegal("recvWindow")
    if window > _LONGEST_WINDOW:
        raise ExchangeError(-1131, "recvWindow must be less than 60000.")
    if not clock.real_time:
        return
    if stamp >= now + 1000:
        raise ExchangeError(
            -1021, "Timestamp for this request was 1000ms ahead of the server's time."
        )
    if now - stamp > window:
        raise ExchangeError(-1021, "Timestamp for this request is outside of the recvWindow.")


def ed25519_pair() -> tuple[str, str]:
    """A new Ed25519 key as PEM: its private half, for a client, and its public one, for here."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


def public_key(account: ExchangeAccount) -> Ed25519PublicKey | None:
    """The public half of the account's key, where that is an Ed25519 one."""
    if account.secret.startswith("-----BEGIN PRIVATE KEY-----"):
        private = load_pem_private_key(account.secret.encode(), None)
        return private.public_key() if isinstance(private, Ed25519PrivateKey) else None
    if not account.secret.startswith("-----BEGIN PUBLIC KEY-----"):
        return None
    found = load_pem_public_key(account.secret.encode())
    return found if isinstance(found, Ed25519PublicKey) else None


def _compare(account: ExchangeAccount, signed: str, given: str) -> None:
    key = public_key(account)
    if key is None:
        expected = hmac.new(account.secret.encode(), signed.encode(), hashlib.sha256).hexdigest()
        valid = hmac.compare_digest(expected.encode(), given.lower().encode())
    else:
        try:
            key.verify(base64.b64decode(given, validate=True), signed.encode())
            valid = True
        except (InvalidSignature, binascii.Error, ValueError):
            valid = False
    if not valid:
        raise ExchangeError(-1022, "Signature for this request is not valid.")
