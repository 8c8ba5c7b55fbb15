"""Parse what a user typed after a subcommand."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gdb_gospan.errors import UsageError
from gdb_gospan.fields.command import Command, options_of
from gdb_gospan.reports.catalog import COMMANDS, find

_FIRST = "summary"
"""The command to begin with."""
_ADDRESS = re.compile("0[xX][0-9a-fA-F]+")


def command_named(name: str, rest: Sequence[str] = (), *, program: str = "go-spans") -> Command:
    """Return the command, or raise a `UsageError` that suggests the nearest name, or the right order of words.

    Parameters
    ----------
    rest
        The words after it, of which one may be the command.
    """
    command = find(name)
    if command is not None:
        return command
    import difflib  # noqa: PLC0415  # both for a message
    import shlex  # noqa: PLC0415

    names = [command.name for command in COMMANDS]
    near = difflib.get_close_matches(name, names, 1)
    if not near and (what := _no_name(name)):
        found = next((word for word in rest if find(word) is not None), None)
        others = list(rest)
        if found is not None:
            others.remove(found)
        line = shlex.join([program, found or _FIRST, name, *others])
        raise UsageError(f"expected a command, got {what} {name} (try: {line})")
    if not near and name.isdecimal():
        raise UsageError(f"unknown command {name} (for a process, try: {program} {_FIRST} --pid {name})")
    if _ADDRESS.fullmatch(name):
        raise UsageError(
            f"unknown command {name} (for an address, try: {shlex.join([program, 'show', name, *rest])})"
        )
    hint = f"did you mean {near[0]}?" if near else "try one of: " + " ".join(names)
    raise UsageError(f"unknown command {name} ({hint})")


def _no_name(word: str) -> str:
    """Say what a word is that cannot have been meant as the name of a command; empty if it can."""
    if word.startswith("-"):
        return "the option"
    if "/" in word or "." in word or os.path.lexists(word):  # a name of any kind
        return "the file"
    return ""


def parse(
    command: Command,
    words: Sequence[str],
    defaults: Mapping[str, object] | None = None,
    *,
    shown: bool = False,
) -> dict[str, Any]:
    """Return the value of every option by name, and ``argument`` for the positional one.

    Parameters
    ----------
    defaults
        Values of options that are not given, where they are not those of the command.
    shown
        Whether the report is for people, and an option for a part that is not shown a mistake.

    Raises
    ------
    UsageError
        An unknown option, a missing or a bad value; the message says which.
    """
    arguments, plain = split(command, words, defaults=defaults, shown=shown)
    arguments["argument"] = _positional(command, plain)
    return arguments


def with_addresses(
    command: Command, arguments: Mapping[str, Any], address_of: Callable[[str, str], str]
) -> dict[str, Any]:
    """Return the arguments with an address in place of each expression that stands for one.

    Parameters
    ----------
    address_of
        Evaluates an expression for what asks for it, such as ``map --zoom``.
    """
    found = dict(arguments)
    if command.takes_address and found["argument"] is not None:
        found["argument"] = address_of(found["argument"], command.name)
    for option in command.options:
        if option.address and found[option.name] is not None:
            found[option.name] = address_of(found[option.name], f"{command.name} --{option.name}")
    return found


def split(
    command: Command,
    words: Sequence[str],
    *,
    helped_by: str = "help go-spans",
    defaults: Mapping[str, object] | None = None,
    shown: bool = False,
) -> tuple[dict[str, Any], list[str]]:
    """Return the value of every option by name, and the words that belong to none.

    Parameters
    ----------
    helped_by
        What to type before the command's name for its help.
    defaults, shown
        As for `parse`.

    Raises
    ------
    UsageError
        An unknown option, a missing or a bad value.
    """
    # A table that is small by its nature stays whole unless this very command is told to cut it.
    known = {option.name for option in options_of(command) if (option.name, option.default) != ("limit", 0)}
    own = {name: value for name, value in (defaults or {}).items() if name in known}
    plain = list(words)
    if any(word.startswith("-") for word in words):
        from gdb_gospan.reports.options import parsed  # noqa: PLC0415  # argparse takes longer to load than most reports

        arguments, plain = parsed(command, words, helped_by, own, shown=shown)
    else:
        every = options_of(command)
        arguments = {option.name.replace("-", "_"): option.default for option in every if option.metavar}
        arguments |= {option.name.replace("-", "_"): False for option in every if not option.metavar} | own
    if arguments.pop("bytes"):
        arguments["units"] = "bytes"
    return arguments, plain


def _positional(command: Command, plain: Sequence[str]) -> str | None:
    if command.argument is None:
        if plain:
            raise UsageError(
                f"{command.name}: unexpected argument {plain[0]} ({_instead(command, plain[0])})"
            )
        return None
    if not plain:
        if command.argument_optional:
            return None
        raise UsageError(f"{command.name}: needs {command.argument[0]}, {command.argument[1]}")
    return " ".join(plain)


def _instead(command: Command, word: str) -> str:
    if word.endswith(".gospan"):
        return f"a snapshot is read in a shell: go-spans {command.name} {word}"
    return f"try: help go-spans {command.name}"


def low_high(command: str, option: str, text: str | None) -> tuple[float, float] | None:
    """Parse a range such as ``10-50``; one number stands for itself. None stays None."""
    if text is None:
        return None
    low, dash, high = text.partition("-")
    try:
        first = float(low)
        last = float(high) if dash else first
    except ValueError:
        raise UsageError(
            f"{command}: invalid --{option} {text} (try: --{option} {'0-25' if option == 'occupancy' else '1-4'})"
        ) from None
    if not (0 <= first <= last):
        raise UsageError(
            f"{command}: invalid --{option} {text}: LOW must be 0 or more, and HIGH not below LOW"
        )
    return first, last
