"""Pretty-printers for the runtime's structures: ``print`` in Go's terms.

The collection is called ``go-spans``; each printer can be switched off, for
instance with ``disable pretty-printer global go-spans;mspan``.

There are none for ``mheap``, ``heapArena`` and ``pageAlloc``, which are bigger than
gdb's ``max-value-size`` (64 KiB): gdb refuses to print such a value before it asks
any printer. ``go-spans summary`` and the other commands show what is in them.
"""

from __future__ import annotations

import gdb
from gdb.printing import RegexpCollectionPrettyPrinter, register_pretty_printer

from gdb_gospan.interrupts import Deferred

NAME = "go-spans"

TYPES = (
    "mspan",
    "spanClass",
    "mSpanStateBox",
    "mSpanList",
    "gcBits",
    "mcentral",
    "spanSet",
    "mcache",
    "fixalloc",
    "pageCache",
    "pallocData",
    "pallocBits",
    "pageBits",
)
"""Types of package runtime that have a printer."""


class _Maker:
    """Makes the printer of a value; what it needs is imported at the first one."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, value: gdb.Value) -> gdb._PrettyPrinter:
        with Deferred():
            from gdb_gospan.debugger.printers import pages, spans

        return {**spans.PRINTERS, **pages.PRINTERS}[self._name](value)


def register() -> None:
    """Register the collection for all programs, once.

    Not with the program's object file: Go's runtime-gdb.py empties the list of
    that one when it loads. A collection that is there already stays, and with it
    what the user has disabled.
    """
    if any(getattr(printer, "name", None) == NAME for printer in gdb.pretty_printers):
        return
    collection = RegexpCollectionPrettyPrinter(NAME)
    for name in TYPES:
        collection.add_printer(name, rf"^runtime\.{name}$", _Maker(name))
    register_pretty_printer(None, collection)
