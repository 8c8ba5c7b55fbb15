"""Complete Go names: package variables and their fields."""

from __future__ import annotations

import re
from collections.abc import Sequence

import gdb

from gdb_gospan.debugger.expressions import value_of
from gdb_gospan.debugger.safe_expressions import refuse_assignments
from gdb_gospan.debugger.settings import changed, like_c
from gdb_gospan.debugger.text_output import said
from gdb_gospan.errors import GoSpansError

_DOTTED = re.compile(r"[&*]?((?:[\w.~%-]+/)*[\w%-]+\.\w*)")
_FIRST = "main."
"""What is offered before anything is typed: gdb's own offers then begin with what is no Go name."""


def go_names(typed: str) -> Sequence[str] | None:
    """Return the completions of a Go name; None if gdb's own completion should be used."""
    match = _DOTTED.fullmatch(typed or _FIRST)
    if match is not None:
        prefix = typed[: match.start(1)]
        found = [prefix + name for name in _variables(match[1])]
        if found:
            return found
    head, dot, begun = typed.rpartition(".")
    if not dot or "'" in typed.rpartition("]")[2] or not head or not (begun.isidentifier() or not begun):
        return None
    return [f"{head}.{field}" for field in _fields(head)]


def _variables(begun: str) -> list[str]:
    """Return the package variables whose name begins so: gdb finds the names, of types and functions too."""
    with like_c(), changed({"max-completions": "unlimited"}):
        every = said(f"complete output '{begun}")
    names = (line.removeprefix("output '").removesuffix("'") for line in every.splitlines())
    return [name for name in names if name.startswith(begun) and _is_variable(name)]


def _is_variable(name: str) -> bool:
    symbol = gdb.lookup_global_symbol(name)
    return symbol is not None and symbol.is_variable


def _fields(head: str) -> list[str]:
    try:
        refuse_assignments(head, "TAB")
        kind = value_of(head.lstrip("&*")).type.strip_typedefs()
        if kind.code == gdb.TYPE_CODE_PTR:
            kind = kind.target().strip_typedefs()
        return [field.name for field in kind.fields() if field.name and field.name != "_"]
    except (gdb.error, GoSpansError, TypeError, OverflowError):
        return []
