"""Parse what a user typed after a subcommand."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Sequence
from typing import Any, NoReturn

from gdb_gospan.commands.catalog import COMMANDS, Command, find, options_of
from gdb_gospan.errors import UsageError


class _Parser(argparse.ArgumentParser):
    """argparse that raises one line instead of printing usage and leaving the process."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message} (try: {self.usage} {self.prog})")


def command_named(name: str) -> Command:
    """Return the command, or raise a `UsageError` that suggests the nearest name."""
    command = find(name)
    if command is None:
        names = [command.name for command in COMMANDS]
        near = difflib.get_close_matches(name, names, 1)
        hint = f"did you mean {near[0]}?" if near else "try one of: " + " ".join(names)
        raise UsageError(f"no subcommand {name} ({hint})")
    return command


def parse(command: Command, words: Sequence[str]) -> dict[str, Any]:
    """Return the value of every option by name, and ``argument`` for the positional one.

    Raises
    ------
    UsageError
        An unknown option, a missing or a bad value; the message says which.
    """
    arguments, plain = split(command, words)
    arguments["argument"] = _positional(command, plain)
    return arguments


def split(
    command: Command, words: Sequence[str], *, helped_by: str = "help go-spans"
) -> tuple[dict[str, Any], list[str]]:
    """Return the value of every option by name, and the words that belong to none.

    Parameters
    ----------
    helped_by
        What to type before the command's name for its help.

    Raises
    ------
    UsageError
        An unknown option, a missing or a bad value.
    """
    parser = _Parser(prog=command.name, add_help=False, usage=helped_by)
    for option in options_of(command):
        if option.metavar:
            kind = _number if option.number else str
            parser.add_argument(
                f"--{option.name}", type=kind, default=option.default, choices=option.choices or None
            )
        else:
            parser.add_argument(f"--{option.name}", action="store_true")
    parser.add_argument("plain", nargs="*")
    values, unknown = parser.parse_known_intermixed_args(list(words))
    if unknown:
        names = [f"--{option.name}" for option in options_of(command)]
        near = difflib.get_close_matches(unknown[0], names, 1, cutoff=0.75)
        hint = f"did you mean {near[0]}?" if near else f"try: {helped_by} {command.name}"
        raise UsageError(f"{command.name}: no option {unknown[0]} ({hint})")
    arguments = vars(values)
    plain: list[str] = arguments.pop("plain")
    return arguments, plain


def _number(text: str) -> int:
    try:
        number = int(text, 0)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not a number") from None
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return number


def _positional(command: Command, plain: Sequence[str]) -> str | None:
    if command.argument is None:
        if plain:
            raise UsageError(
                f"{command.name}: takes no argument {plain[0]} (try: help go-spans {command.name})"
            )
        return None
    if not plain:
        raise UsageError(f"{command.name}: needs {command.argument[0]}, {command.argument[1]}")
    return " ".join(plain)


def low_high(command: str, option: str, text: str | None) -> tuple[float, float] | None:
    """Parse a range such as ``10-50``; one number stands for itself. None stays None."""
    if text is None:
        return None
    low, dash, high = text.partition("-")
    try:
        first = float(low)
        last = float(high) if dash else first
    except ValueError:
        raise UsageError(f"{command}: --{option} takes LOW-HIGH, such as 0-25, not {text}") from None
    if first > last:
        raise UsageError(f"{command}: --{option} {text}: {low} is more than {high}")
    return first, last
