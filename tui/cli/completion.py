"""What the shell is told of the command line: completion for bash and zsh, and the manual page.

All are made from the parser, so that they cannot differ from what is taken.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from functools import partial
from importlib.metadata import version
from typing import Protocol

from tui.cli.commands import Arguments, Commands
from tui.cli.output import Exit, print_text

_FILLED = {
    "ID": '$(_papertape_names "$home/sessions")',
    "STRATEGY": '$(_papertape_names "$home/strategies")',
    "BACKTEST": '$(_papertape_names "$home/backtests")',
}
# compgen expands the words it is given: a folder's name that is more than a word is left out.
_SCRIPT = """\
_papertape_names() {{
    ls "$1" 2>/dev/null | LC_ALL=C.UTF-8 grep -E '^[[:alnum:]_-]+$'
}}
_papertape() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" at="" next="" words="" options="" number
    local home="${{PAPERTAPE_HOME:-${{XDG_DATA_HOME:-$HOME/.local/share}}/papertape}}"
    for ((number = 1; number < COMP_CWORD; number++)); do
        next="${{COMP_WORDS[number]}}"
        if [ "$next" = --workspace ]; then home="${{COMP_WORDS[number + 1]}}"; fi
        case " {paths} " in *" ${{at:+$at/}}$next "*) at="${{at:+$at/}}$next" ;; esac
    done
    case "$at" in
{cases}
    esac
    case "$at ${{COMP_WORDS[COMP_CWORD - 1]}}" in
{values}
    esac
    if [[ -z "$words" || "$current" == -* ]]; then words="$words $options"; fi
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _papertape papertape"""


class CompletionArguments(Arguments, Protocol):
    """What `papertape completion` is given."""

    shell: str


def add_commands(commands: Commands) -> None:
    """Declare these commands."""
    parser = commands.add(
        "completion",
        partial(completion, commands.parser),
        "has the shell complete commands, options and IDs",
        more=(
            'bash: eval "$(papertape completion bash)" in ~/.bashrc\n'
            'zsh:  eval "$(papertape completion zsh)" in ~/.zshrc, after compinit\n'
            "There is none for fish or another shell; papertape man lists what could be typed."
        ),
    )
    parser.add_argument("shell", choices=("bash", "zsh"))
    commands.add(
        "man",
        partial(manual, commands.parser),
        "the manual page",
        more="papertape man > ~/.local/share/man/man1/papertape.1",
    )


def completion(parser: argparse.ArgumentParser, arguments: CompletionArguments) -> int:
    """Print the script of a shell; zsh has a way to run those of bash."""
    commands = list(_commands(parser))
    script = _SCRIPT.format(
        paths=" ".join(path.replace(" ", "/") for path, _ in commands if path),
        cases="\n".join(
            f'        "{path.replace(" ", "/")}") words="{_words(parser)}" '
            f'options="{_options(parser)}" ;;'
            for path, parser in commands
        ),
        values="\n".join(
            f'        {patterns}) words="{words}" options="" ;;'
            for path, parser in commands
            for words, patterns in _values(path, parser).items()
        ),
    )
    if arguments.shell == "zsh":
        script = f"autoload -U +X bashcompinit && bashcompinit\n{script}"
    print_text(script)
    return Exit.DONE


def _commands(whole: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command by its words, the whole program first."""
    waiting = [("", whole)]
    while waiting:
        path, parser = waiting.pop(0)
        yield path, parser
        waiting += [
            (f"{path} {name}".strip(), below)
            for action in _actions(parser)
            if isinstance(action.choices, dict)
            for name, below in action.choices.items()
        ]


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """What a parser takes, of which argparse tells nobody."""
    return parser._actions


def _words(parser: argparse.ArgumentParser) -> str:
    """What may follow that is no option, as words of a shell."""
    named = [_choices(one) for one in _actions(parser) if not one.option_strings]
    return " ".join(dict.fromkeys(filter(None, named)))


def _options(parser: argparse.ArgumentParser) -> str:
    """The options that may follow, as words of a shell."""
    actions = (one for one in _actions(parser) if one.help != argparse.SUPPRESS)
    return " ".join(name for action in actions for name in action.option_strings)


def _values(path: str, parser: argparse.ArgumentParser) -> dict[str, str]:
    """What may follow options that take a value, as words of a shell, and the patterns of these.

    Of a value that is not known beforehand nothing is offered: the shell completes files' names.
    """
    patterns: dict[str, list[str]] = {}
    for action in _actions(parser):
        if action.option_strings and action.nargs != 0:
            known = patterns.setdefault(_choices(action), [])
            known += [f'"{path.replace(" ", "/")} {name}"' for name in action.option_strings]
    return {words: "|".join(names) for words, names in patterns.items()}


def _choices(action: argparse.Action) -> str:
    """What is known of the values of an argument, as words of a shell."""
    if action.choices:
        return " ".join(map(str, action.choices))
    return next((words for name, words in _FILLED.items() if name in _named(action)), "")


def _named(action: argparse.Action) -> list[str]:
    """The words of what an argument is called: `STRATEGY`, or `plan` and that."""
    return re.findall(r"\w+", str(action.metavar))


def manual(whole: argparse.ArgumentParser, arguments: Arguments) -> int:
    """Print the manual page."""
    commands = list(_commands(whole))[1:]
    about = (whole.description or "").splitlines()
    lines = [
        f'.TH PAPERTAPE 1 "" "papertape {version("papertape")}" "User Commands"',
        ".SH NAME",
        "papertape \\- run trading strategies as paper-trading sessions",
        ".SH SYNOPSIS",
        ".B papertape",
        _roff("[--workspace FOLDER] [COMMAND ...]"),
        ".SH DESCRIPTION",
        *(_roff(line) or ".PP" for line in about),
        ".SH COMMANDS",
    ]
    for _, parser in commands:
        usage = re.sub(r"\s+", " ", parser.format_usage()).removeprefix("usage: ")
        lines += [".TP", f".B {_roff(usage.strip())}"]
        lines += [_roff(line) or ".br" for line in (parser.description or "").splitlines()]
        for action in _actions(parser):
            if action.help and action.help != argparse.SUPPRESS and action.dest != "help":
                name = ", ".join(action.option_strings) or str(action.metavar or action.dest)
                lines += [".br", _roff(f"{name}: {action.help}")]
    lines += [".SH FILES AND EXIT CODES"]
    lines += [_roff(line) or ".PP" for line in (whole.epilog or "").split("\n\n")[-1].splitlines()]
    print_text(*lines)
    return Exit.DONE


def _roff(line: str) -> str:
    """A line of text as roff takes it: no hyphen is broken at, and no line is a request."""
    text = line.strip().replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text[:1] in (".", "'") else text
