"""Completion of the command line in a shell: shtab writes the script, from the same facts that help is written from."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from gdb_gospan.errors import NOT_TOLD, GoSpansError, UsageError
from gdb_gospan.fields.command import Command, Option, options_of

SHELLS = ("bash", "zsh", "fish")


class CompletionError(GoSpansError):
    """What writes the script is not installed."""

    exit_status = NOT_TOLD


def completion(
    shell: str,
    program: str,
    commands: Sequence[Command],
    *,
    more: Sequence[Option],
    terms: Callable[[Command], Sequence[str]],
) -> str:
    """Return the script that completes a program's commands, options, their values and the names of files.

    Parameters
    ----------
    more
        Options that the command line has besides for each command that needs a target.
    terms
        Returns what may stand for the argument of a command, if that can be listed.
    """
    if shell not in SHELLS:
        what = f"invalid --completion {shell}" if shell else "--completion needs a shell"
        raise UsageError(f"{what} (choose from {', '.join(SHELLS)})")
    try:
        import shtab  # noqa: PLC0415  # an extra
    except ImportError:
        raise CompletionError(
            "cannot write the completion: the Python package shtab is not installed (try: pip install shtab)"
        ) from None
    parser = argparse.ArgumentParser(prog=program)
    parser.add_argument("-V", "--version", action="store_true", help="print versions")
    parser.add_argument("--completion", choices=SHELLS, help="print a completion script for a shell")
    below = parser.add_subparsers()
    for command in commands:
        for name in (command.name, *command.aliases):
            one = below.add_parser(name, help=_plain(command.summary))
            for option in (*options_of(command), *(more if command.needs_target else ())):
                _add(one, option, shtab)
            _add_words(one, command, terms(command), shtab)
    named = below.add_parser("help", help="explain a command")
    named.add_argument("command", choices=[command.name for command in commands], help="command to explain")
    return str(shtab.complete(parser, shell))


def _add(parser: argparse.ArgumentParser, option: Option, shtab: Any) -> None:
    names = [*([f"-{option.short}"] if option.short else []), f"--{option.name}"]
    if not option.metavar:
        parser.add_argument(*names, action="store_true", help=_plain(option.help))
        return
    made = parser.add_argument(
        *names, choices=option.choices or None, metavar=option.metavar, help=_plain(option.help)
    )
    if option.metavar == "DIR":
        made.complete = shtab.DIRECTORY  # type: ignore[attr-defined]  # read by shtab


def _add_words(parser: argparse.ArgumentParser, command: Command, terms: Sequence[str], shtab: Any) -> None:
    """Add what stands after the command: terms, or files, before which the argument of the command may stand."""
    if terms:
        parser.add_argument("term", nargs="?", choices=terms, help=command.argument and command.argument[1])
    if command.needs_target:
        made = parser.add_argument("files", nargs="*", help="program and core, or a snapshot")
        made.complete = shtab.FILE  # type: ignore[attr-defined]  # read by shtab


def _plain(text: str) -> str:
    return text.replace("%", "%%")
