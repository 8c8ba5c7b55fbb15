"""Evaluate the user's expressions without changing the target."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from gdb_gospan.debugger.settings import changed
from gdb_gospan.errors import UsageError

_PERMISSIONS = ("may-call-functions", "may-write-memory", "may-write-registers")
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_ASSIGNS = re.compile(r"<<=|>>=|\+\+|--|(?<![=!<>])=(?!=)")
_WANTS_A_CALL = ("may-call-functions", 'a function "malloc"', "the target program to be active")
"""What gdb says where a function would be called; for a string in an expression that is malloc."""


@contextlib.contextmanager
def untouched() -> Iterator[None]:
    """Keep gdb from calling functions of the target and from writing to it.

    What the user has forbidden stays so. gdb 13 and older do not take the permission to write registers
    from a live process; there it is `refuse_assignments` that sees to it.
    """
    with changed(dict.fromkeys(_PERMISSIONS, False)):
        yield


def refuse_assignments(expression: str, wanted_by: str) -> None:
    """Raise a `UsageError` when the expression would change something."""
    found = _ASSIGNS.search(_QUOTED.sub("''", expression))
    if found:
        raise UsageError(
            f"{wanted_by}: {expression} would change the program ({found[0]}), which go-spans never does"
        )


def reason(error: Exception) -> str:
    """Return gdb's message, or that the expression would need a function call."""
    why = str(error).rstrip(".")
    if any(words in why for words in _WANTS_A_CALL):
        return (
            "it would call a function of the program (a string literal does too), which go-spans never does"
        )
    return "it is not a number" if why == "Cannot convert value to long" else why
