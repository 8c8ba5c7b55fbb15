"""The subcommands as GDB/MI commands, for front ends: ``-go-spans-summary`` and so on.

The result is the document that ``--json`` prints, as MI spells values: an object is a tuple, an array
a list, and every scalar the text that JSON has for it: ``null`` for what is unknown, ``true``, ``48.0``, whole
numbers of any size in digits. Options are arguments: ``-go-spans-list --limit 5 --sort start``; those that are about
text are refused. After Ctrl-C the error's message has what is known.
"""

from __future__ import annotations

import re

import gdb

from gdb_gospan.fields.command import Command
from gdb_gospan.reports.catalog import COMMANDS

TYPE_CHECKING = False  # importing typing would take a third of what may be added to gdb's start
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from gdb_gospan.errors import Interrupted

_OF_TEXT = (("--color", "always"), ("--units", "binary"), ("--format", "junit"), ("--format", "github"))
"""Options with values that MI has no way to honour."""
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")
_NO_CHARACTERS = re.compile(r"[\ud800-\udfff]+")
"""Bytes of a name that is not UTF-8, as Python has them; gdb takes no such string. Other escapes are MI's own."""


def register() -> None:
    """Create the commands where gdb can (13 on); doing so again changes nothing."""
    base = getattr(gdb, "MICommand", None)
    if base is None:
        return

    class GoSpansMI(base):  # type: ignore[misc, valid-type]
        """One subcommand."""

        def __init__(self, name: str, command: Command) -> None:
            super().__init__(f"-go-spans-{name}")
            self._command = command

        def invoke(self, words: Sequence[str]) -> dict[str, Any]:
            """Return the document; whatever goes wrong is one line."""
            from gdb_gospan.debugger.commands import guarded

            return guarded(f"go-spans {self._command.name}", lambda: _answer(self._command, words), _quit)

    for command in COMMANDS:
        for name in (command.name, *command.aliases):
            GoSpansMI(name, command)


def _answer(command: Command, words: Sequence[str]) -> tuple[dict[str, Any], int]:
    from gdb_gospan.debugger.commands import parsed, session_for
    from gdb_gospan.render.plain import plain
    from gdb_gospan.reports.catalog import load
    from gdb_gospan.reports.run import status_of
    from gdb_gospan.single_thread import import_numpy

    import_numpy()
    _refuse_text(command, words)
    arguments = parsed(command, words)
    session = session_for(command, arguments)
    from gdb_gospan.debugger.report_run import answer_of, told
    from gdb_gospan.render.style import Style

    with told(session, Style(), data=True):
        answer = answer_of(session, command, arguments)
        return _tuple(plain(answer)), status_of(load(command), answer)


def _refuse_text(command: Command, words: Sequence[str]) -> None:
    """Refuse what can be asked of a text only; that bytes are exact and nothing is coloured is so anyway."""
    for at, word in enumerate(words):
        name, equals, value = word.partition("=")
        asked = (name, value if equals else "".join(words[at + 1 : at + 2]))
        if name == "--csv" or asked in _OF_TEXT:
            from gdb_gospan.errors import UsageError

            option = name if name == "--csv" else " ".join(asked)
            raise UsageError(
                f"{command.name}: {option} is for text output, which MI results do not have "
                f'(try: -interpreter-exec console "go-spans {command.name} {option}")'
            )


def _quit(stopped: Interrupted) -> None:
    """End the command as gdb ends one that is interrupted, with what is known of the heap in the message."""
    facts = "; ".join(f"{name} {', '.join(parts)}" for name, parts in (stopped.known or {}).items())
    known = f"known so far, not checked: {facts}" if facts else "nothing is known yet"
    raise gdb.GdbError(f"Quit ({known})") from None


def _tuple(values: Mapping[str, Any]) -> dict[str, Any]:
    return {_name(key): _spelt(value) for key, value in values.items()}


def _name(key: str) -> str:
    """Make a name that MI takes: letters, digits, dashes and underscores, a letter first."""
    name = _NOT_IN_NAMES.sub("_", key)
    return name if name[:1].isalpha() else f"n{name}"


def _shown(text: str) -> str:
    from gdb_gospan.render.gate import shown

    return shown(text)


def _spelt(value: object) -> object:
    if isinstance(value, dict):
        return _tuple(value)
    if isinstance(value, str):
        return _NO_CHARACTERS.sub(lambda match: _shown(match[0]), value)
    from collections.abc import Sequence

    if isinstance(value, Sequence):
        return [_spelt(item) for item in value]
    import json

    return json.dumps(value)
