"""Pretty-printers for the runtime's structures: ``print`` in Go's terms.

The collection is called ``go-spans``; each printer can be switched off, for
instance with ``disable pretty-printer global go-spans;mspan``.

``mheap``, ``heapArena`` and ``pageAlloc`` are bigger than gdb's ``max-value-size``
(64 KiB): gdb refuses to print such a value before it asks any printer. Pointers to them
have a printer, which reads the few fields of its line one by one.
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
    "mheap",
    "heapArena",
    "pageAlloc",
    "p",
    "special",
)
"""Types of package runtime that have a printer."""

POINTERS = ("mheap", "heapArena", "pageAlloc")
"""Those that pointers to have one, too."""


class _Maker:
    """Makes the printer of a value; what it needs is imported at the first one."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, value: gdb.Value) -> gdb._PrettyPrinter:
        with Deferred():
            from gdb_gospan.debugger.printers import heap, pages, spans, values

        kind = {**spans.PRINTERS, **pages.PRINTERS, **heap.PRINTERS}[self._name]
        if value.type.strip_typedefs().code == gdb.TYPE_CODE_PTR and issubclass(kind, values.StructPrinter):
            return values.PointerPrinter(kind, value)
        return kind(value)


class _Collection(RegexpCollectionPrettyPrinter):
    """Printers by the names of types; a pointer has no name, so it goes by what it points to."""

    def __call__(self, value: gdb.Value) -> gdb._PrettyPrinter | None:
        kind = value.type.strip_typedefs()
        if kind.code != gdb.TYPE_CODE_PTR:
            return super().__call__(value)
        package, _, name = (kind.target().name or "").partition(".")
        if package != "runtime" or name not in POINTERS:
            return None
        try:
            nil = not int(value)
        except gdb.error:
            return None
        enabled = any(printer.name == name and printer.enabled for printer in self.subprinters or ())
        return _Maker(name)(value) if enabled and not nil else None


def register() -> None:
    """Register the collection for all programs, once.

    Not with the program's object file: Go's runtime-gdb.py empties the list of
    that one when it loads. A collection that is there already stays, and with it
    what the user has disabled.
    """
    if any(getattr(printer, "name", None) == NAME for printer in gdb.pretty_printers):
        return
    collection = _Collection(NAME)
    for name in TYPES:
        collection.add_printer(name, rf"^runtime\.{name}$", _Maker(name))
    register_pretty_printer(None, collection)
