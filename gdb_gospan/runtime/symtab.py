"""The modules of a program: the executable, shared libraries of Go's and plugins (runtime/symtab.go, moduledata)."""

from __future__ import annotations

from typing import Final

from gdb_gospan.layout.resolve import Symbols
from gdb_gospan.memory import Unreadable
from gdb_gospan.runtime.record import Reader, Record

_MOST: Final = 1024


def modules(reader: Reader, symbols: Symbols) -> tuple[list[Record], bool]:
    """Follow the list of modules from the first one, and tell whether its end was reached."""
    found: list[Record] = []
    at = symbols.get("firstmoduledata")
    if at is None:
        return found, False
    struct = reader.layout["moduledata"]
    while at and len(found) < _MOST:
        data = reader.read(at, struct.size)
        if isinstance(data, Unreadable):
            return found, False
        found.append(Record(reader.layout, struct, at, data))
        at = found[-1]["next"]
    return found, not at
