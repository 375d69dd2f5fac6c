"""Declares the commands of the command line."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import Any, NoReturn, Protocol

from core.text import nearest

_NO_NUMBER = re.compile(r"invalid (?P<kind>int|float) value: (?P<word>.*)")
_UNKNOWN_WORD = re.compile(r"invalid choice: '(?P<word>[^']*)' \(choose from (?P<known>.*)\)")
Run = Callable[[Any], int]
"""A command; what it is given is typed where it is written, from the arguments it declares."""


class Arguments(Protocol):
    """What every command is given."""

    json: bool
    workspace: str | None


class Parser(argparse.ArgumentParser):
    """A parser that names the nearest spelling of a word or option it does not know."""

    def parse_known_args(self, *given: Any, **named: Any) -> Any:
        """Refuse what is left over here: the parser above would show the usage of another command.

        Nothing of it could be meant for that one, for a command takes all words after it.
        """
        found, left = super().parse_known_args(*given, **named)
        if left:
            options = re.findall(r"--([\w-]+)", self.format_help())
            # Without their dashes, in which all are alike.
            words = (word.partition("=")[0].lstrip("-") for word in left if word.startswith("-"))
            near = next(filter(None, (nearest(word, options) for word in words)), None)
            hint = f" (did you mean --{near}?)" if near else ""
            self.error(f"unrecognized arguments: {' '.join(left)}{hint}")
        return found, left

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and end with the code of bad usage."""
        if found := _UNKNOWN_WORD.search(message):
            known = re.findall(r"[\w-]+", found["known"])
            if near := nearest(found["word"], known):
                message = f"there is no {found['word']!r}: did you mean {near!r}?"
        if found := _NO_NUMBER.search(message):
            kind = "whole number" if found["kind"] == "int" else "number"
            message = f"{message[: found.start()]}expected a {kind}, found {found['word']}"
        super().error(message)


class Commands:
    """The commands of a parser, in groups, each with `--json` and `--workspace`."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self.parser = parser
        parser.add_argument(
            "--workspace",
            metavar="FOLDER",
            default=None,
            help="the workspace (else $PAPERTAPE_HOME, else the XDG data folder)",
        )
        self._below = Subcommands(parser, "papertape", "COMMAND", top=True)
        self._listed: list[tuple[str, list[tuple[str, str]]]] = []

    def group(self, title: str) -> None:
        """Begin a group: the commands added from here on are listed under `title`."""
        self._listed.append((title, []))

    def add(self, name: str, run: Run, summary: str, *, more: str = "") -> argparse.ArgumentParser:
        """Add a command and return its parser, to which its own arguments are added.

        `summary`: one line, without a full stop. `more`: what else its help says.
        """
        self._listed[-1][1].append((name, summary))
        return self._below.add(name, run, summary, more=more)

    def below(self, parser: argparse.ArgumentParser) -> Subcommands:
        """Commands of a command."""
        return Subcommands(parser, parser.prog, "VERB", top=False)

    def overview(self) -> str:
        """All commands, a line each, under their groups' titles."""
        blocks = [
            "\n".join([f"{title}:", *(f"  {name:<12}{summary}" for name, summary in rows)])
            for title, rows in self._listed
        ]
        return "\n\n".join(blocks)


class Subcommands:
    """The next word of a command line.

    Below the top, what the words before it have set stays as it is, and the words are listed.
    """

    def __init__(
        self, parser: argparse.ArgumentParser, program: str, word: str, *, top: bool
    ) -> None:
        self._everywhere = argparse.ArgumentParser(add_help=False)
        self._everywhere.add_argument(
            "--json",
            action="store_true",
            default=False if top else argparse.SUPPRESS,
            help="print JSON, and nothing but JSON, on stdout",
        )
        self._everywhere.add_argument(
            "--workspace", metavar="FOLDER", default=argparse.SUPPRESS, help="the workspace"
        )
        self._added = parser.add_subparsers(
            metavar=word, prog=program, help=argparse.SUPPRESS if top else None
        )

    def add(self, name: str, run: Run, summary: str, *, more: str = "") -> argparse.ArgumentParser:
        """See `Commands.add`."""
        parser = self._added.add_parser(
            name,
            parents=[self._everywhere],
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.\n\n{more}".rstrip(),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        parser.set_defaults(run=run)
        return parser
