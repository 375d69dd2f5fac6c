"""Tries the keys for a test venue. Loads exchange libraries: import it late, in a thread."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.host.venue_accounts import NoAccountError, VenueAccounts
from core.journal.values import FeedKind
from core.store.credentials import ApiKey, checked_key, read_credentials
from core.store.preferences import read_preferences
from core.store.redaction import KNOWN_SECRETS
from core.store.workspace import Workspace
from core.store.yaml_reader import SettingsError
from core.trading.key_trial import try_key
from core.trading.venue_hosts import ForbiddenAddressError, OrderAddresses


def missing_keys(root: Path | None, symbols: Sequence[str]) -> str | None:
    """Why a live session of these symbols would order nowhere; None where there are keys for it."""
    if root is None:
        return None
    accounts = VenueAccounts(Workspace(root).credentials, KNOWN_SECRETS)
    try:
        accounts.accounts(symbols, FeedKind.LIVE, None)
    except NoAccountError as error:
        return str(error)
    return None


async def try_section(workspace: Workspace, section: str, key: ApiKey | None) -> tuple[bool, str]:
    """Whether a key, or without one that in exchanges.yaml, is good for anything; and the words.

    Raises:
        SettingsError: there is nothing to try, or nowhere.
    """
    try:
        addresses = OrderAddresses().with_addresses(
            read_preferences(workspace.preferences).order_addresses
        )
        if key is None:
            key = read_credentials(workspace.credentials, KNOWN_SECRETS).sections.get(section)
    except ForbiddenAddressError as error:
        raise SettingsError(str(error)) from None
    if key is None:
        raise SettingsError(f"there are no keys of {section} to try")
    key = checked_key(key.api_key.reveal(), key.api_secret.reveal())  # it may name a PEM file
    trial = await try_key(section, key, addresses)
    return trial.works, trial.text
