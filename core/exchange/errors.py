"""The refusals of the exchange, with Binance's codes and words."""

from __future__ import annotations

from collections.abc import Mapping


class ExchangeError(Exception):
    """A refusal as Binance words it: an HTTP status, an error code and a message."""

    def __init__(
        self, code: int, message: str, status: int = 400, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.headers = dict(headers or {})


def missing(name: str) -> ExchangeError:
    """-1102: a mandatory parameter is not there."""
    return ExchangeError(
        -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    )


def illegal(name: str) -> ExchangeError:
    """-1100: a parameter holds something it may not."""
    return ExchangeError(-1100, f"Illegal characters found in parameter '{name}'.")


def bad_symbol() -> ExchangeError:
    """-1121: no such market."""
    return ExchangeError(-1121, "Invalid symbol.")


def filter_failure(name: str) -> ExchangeError:
    """-1013: an order breaks a spot filter."""
    return ExchangeError(-1013, f"Filter failure: {name}")
