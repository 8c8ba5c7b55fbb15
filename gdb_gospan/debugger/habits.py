"""Refuse shell habits, such as ``--pid`` or ``| head``, and say how gdb does the same."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from gdb_gospan.errors import UsageError
from gdb_gospan.fields.command import Command, options_of

_SIGN = re.compile(r"(?:^|\s)(\|&?|[12&]?>>?|<)(?!=)\s*(\S.*)?$")
_TARGETS = {
    "--pid": "attach {}",
    "-p": "attach {}",
    "--core": "core-file {}",
    "--dlv": "target remote {}, if it is a gdbserver",
    "--debug-directory": "set debug-file-directory {}",
}
"""Options of the shell command that choose a target, and gdb's own commands for it."""
_PLACES = {"--pid": "PID", "-p": "PID", "--dlv": "HOST:PORT", "--debug-directory": "DIR", "--core": "FILE"}


def refuse_habits(command: Command, words: Sequence[str]) -> None:
    """Raise a `UsageError` for options that choose a target, and for shell redirections."""
    own = {f"--{option.name}" for option in options_of(command)}
    for at, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in _TARGETS and name not in own:
            value = value if equals else "".join(words[at + 1 : at + 2]) or _PLACES[name]
            raise UsageError(
                f"{command.name}: {name} is for the shell; in gdb, gdb opens what is read "
                f"(try: {_TARGETS[name].format(value)})"
            )
        if command.argument is None and "/" in word and not words[at - 1 : at] and _is_file(word):
            raise UsageError(f"{command.name}: {_own_files(word, words[at + 1 :], command.name)}")
    if not command.takes_address:
        refuse_signs(command, words)


def refuse_signs(command: Command, words: Sequence[str]) -> None:
    """Raise a `UsageError` for ``| head``, ``> file`` and the like.

    To be called for an expression only if it gives nothing: in one, the signs are operators.
    """
    found = _SIGN.search(" ".join(words))
    if found is None:
        return
    sign, rest = found[1], found[2]
    if command.takes_address:
        import shutil

        if sign != "|" or shutil.which("".join((rest or "").split()[:1])) is None:
            return
    asked = " ".join(["go-spans", command.name, *" ".join(words)[: found.start()].split()])
    if sign.startswith("|"):
        way = f"pipe {asked} | {rest or 'less'}"
    elif ">" in sign:
        way = f"pipe {asked} | cat {'>>' if '>>' in sign else '>'} {rest or 'FILE'}"
    else:
        way = asked
    raise UsageError(f"{command.name}: gdb does not accept {sign} after a command (try: {way})")


def refuse_order(words: Sequence[str]) -> None:
    """Raise a `UsageError` for a program or an option in place of the subcommand."""
    from gdb_gospan.reports.catalog import find

    first, rest = words[0], words[1:]
    name = next((word for word in rest if find(word)), "summary")
    if first.startswith("-"):
        others = [word for word in words if word != name]
        raise UsageError(f"the subcommand comes before {first} (try: go-spans {name} {' '.join(others)})")
    if "/" in first or _is_file(first):
        raise UsageError(f"unknown command {first}: {_own_files(first, rest, name)}")


def _is_file(word: str) -> bool:
    return os.path.isfile(word)  # noqa: PTH113  # needs no pathlib


def _own_files(program: str, others: Sequence[str], name: str) -> str:
    core = "".join(f", core-file {word}" for word in others[:1] if not word.startswith("-") and word != name)
    return f"gdb loads files with its own commands (try: file {program}{core}, then go-spans {name})"
