"""A REST call as the endpoints see it: its parameters, read and checked, and its security."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, auto
from urllib.parse import parse_qsl

from core.exchange.accounts.accounts import ExchangeAccount
from core.exchange.errors import ExchangeError, illegal, missing

_INTEGER = re.compile("-?[0-9]{1,20}", re.ASCII)
_DECIMAL = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?", re.ASCII)
_MOST = 2**53  # what JSON's numbers hold exactly


@dataclass(frozen=True, slots=True)
class Params:
    """The parameters of a call, each read as what it is meant to be; `read`: those asked for."""

    values: Mapping[str, str]
    read: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, query: str, body: str) -> Params:
        """The parameters of a request; what stands in both places is taken from the query.

        Raises:
            ExchangeError: -1101 where one is given twice in the same place.
        """
        values: dict[str, str] = {}
        for written in (body, query):
            pairs = parse_qsl(written)
            if len(dict(pairs)) < len(pairs):
                raise ExchangeError(-1101, "Duplicate values for a parameter detected.")
            values.update(pairs)
        return cls(values)

    def text(self, name: str) -> str:
        """A parameter that has to be there.

        Raises:
            ExchangeError: -1102 where it is not.
        """
        value = self.optional(name)
        if value is None:
            raise missing(name)
        return value

    def optional(self, name: str) -> str | None:
        """A parameter, or None."""
        self.read.add(name)
        return self.values.get(name) or None

    def integer(self, name: str) -> int | None:
        """A whole number, or None. Raises -1100 for anything else."""
        value = self.optional(name)
        if value is None:
            return None
        if not _INTEGER.fullmatch(value) or abs(int(value)) > _MOST:
            raise illegal(name)
        return int(value)

    def decimal(self, name: str) -> Decimal | None:
        """A number that is not negative, or None. Raises -1100 for anything else."""
        value = self.optional(name)
        if value is None:
            return None
        if not _DECIMAL.fullmatch(value):
            raise illegal(name)
        return Decimal(value)

    def flag(self, name: str) -> bool:
        """Whether a parameter says true; false where it is absent. Raises -1130 for other words."""
        return self.word(name, ("FALSE", "TRUE"), "FALSE") == "TRUE"

    def word(self, name: str, allowed: Collection[str], default: str) -> str:
        """One of the `allowed` words, `default` where it is absent. Raises -1130 for any other."""
        value = (self.optional(name) or default).upper()
        if value not in allowed:
            raise ExchangeError(-1130, f"Data sent for parameter '{name}' is not valid.")
        return value

    def choice(self, name: str, allowed: frozenset[str], code: int, message: str) -> str:
        """One of the `allowed` words; `code` and `message` are said about any other."""
        value = self.text(name).upper()
        if value not in allowed:
            raise ExchangeError(code, message)
        return value

    def limit(self, default: int, most: int) -> int:
        """`limit`, at least 1 and cut to `most`."""
        value = self.integer("limit")
        if value is None:
            return default
        if value < 1:
            raise ExchangeError(-1130, "Data sent for parameter 'limit' is not valid.")
        return min(value, most)


class Security(Enum):
    """What a call has to prove."""

    NONE = auto()
    KEY = auto()
    SIGNED = auto()


@dataclass(frozen=True, slots=True)
class Call:
    """One REST call, past the door: `owner` is set where a key was demanded."""

    params: Params
    now: int
    owner: ExchangeAccount | None = None

    @property
    def account(self) -> ExchangeAccount:
        """Whose call this is."""
        if self.owner is None:
            raise ExchangeError(-2014, "API-key format invalid.", 401)
        return self.owner


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How one method of one path is answered. `weight` counts against the minute's limit."""

    answer: Callable[[Call], object]
    weight: int | Callable[[Params], int] = 1
    security: Security = Security.NONE
    order: bool = False  # counts as an order placed


Routes = dict[tuple[str, str], Endpoint]  # by (method, path)
