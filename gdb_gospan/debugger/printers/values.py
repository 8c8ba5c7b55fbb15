"""What all printers share: numbers out of values, walks with a bound, text that gdb can show.

A printer takes offsets and widths from the value's own type. What cannot be read
shows as ``<unreadable>`` in its place, and nothing here raises because of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import gdb

from gdb_gospan.debugger.printers import TYPES

UNREADABLE = "<unreadable>"

_ERRORS = (gdb.error, TypeError, ValueError, OverflowError)
"""What gdb raises for memory, registers and fields that are not there, or hold what they cannot."""

_WITH_PRINTER = {f"runtime.{name}" for name in TYPES}

_LONGEST_WALK = 1000
"""Nodes of a list that a printer follows: a remote target takes a round trip for each."""


class Printer:
    """One value in one line."""

    def __init__(self, value: gdb.Value) -> None:
        self._value = value

    def line(self) -> str:
        """Describe the value; a subclass says how."""
        raise NotImplementedError

    def to_string(self) -> str:
        """Give gdb the line, in what its terminal can show."""
        try:
            text = self.line()
        except _ERRORS:
            text = UNREADABLE
        charsets = {gdb.host_charset(), gdb.target_charset()}
        if all(charset.lower().replace("-", "") == "utf8" for charset in charsets):
            return text
        from gdb_gospan.render.style import Style

        return Style(unicode=False).finish(text)

    def number(self, *path: str | int) -> int | None:
        """Return the integer at these fields of the value, or None."""
        return number(self._value, *path)


class StructPrinter(Printer):
    """One line for a struct, and below it the fields that Go gives it."""

    def children(self) -> Iterator[tuple[str, gdb.Value]]:
        """Yield each field, an atomic as its number; what is called ``_`` only marks or aligns the struct."""
        for field in self._value.type.strip_typedefs().fields():
            if field.name and field.name != "_":
                value = self._value[field]
                yield field.name, value if value.type.name in _WITH_PRINTER else unwrapped(value)


class PointerPrinter(Printer):
    """A pointer to what is too large for gdb to print: its address and the line.

    Only who opens it reads the fields, which is what front ends let one do. gdb's print would show all of them at once, so
    there it has none: before anything else print asks for the display hint, and a front end for children or text.
    """

    def __init__(self, kind: type[StructPrinter], pointer: gdb.Value) -> None:
        super().__init__(pointer)
        self._inner = kind(pointer.dereference())
        self._asked = ""

    def line(self) -> str:
        """Give the address and the line of what is there."""
        return f"{int(self._value):#x}: {self._inner.line()}"

    def to_string(self) -> str:
        """Give gdb the line; among the arguments of a function, as in a backtrace, the bare pointer."""
        self._asked = self._asked or "to_string"
        options = gdb.print_options() if hasattr(gdb, "print_options") else {}  # since gdb 13
        return self._value.format_string(raw=True) if options.get("summary") else super().to_string()

    def __getattr__(self, name: str) -> Callable[[], Iterator[tuple[str, gdb.Value]]]:
        if name in ("children", "display_hint"):
            self._asked = self._asked or name
        if name == "children" and self._asked != "display_hint":
            return self._inner.children
        raise AttributeError(name)


def unwrapped(value: gdb.Value) -> gdb.Value:
    """Take the one field that has a size out of structs around it; anything else stays as it is.

    An atomic is a number in one or more structs, beside fields that take no space
    (noCopy, align64); older releases have the bare number.
    """
    inner = value
    while (kind := inner.type.strip_typedefs()).code == gdb.TYPE_CODE_STRUCT:
        fields = [field for field in kind.fields() if field.type and field.type.sizeof]
        if len(fields) != 1:
            return value
        inner = inner[fields[0]]
    return inner


def number(value: gdb.Value, *path: str | int) -> int | None:
    """Return the integer at the fields and indexes of ``path``, or None when it cannot be read."""
    try:
        for step in path:
            value = value[step]
        return int(unwrapped(value))
    except _ERRORS:
        return None


def variable(name: str) -> gdb.Value | None:
    """Return package runtime's variable, not fetched yet, or None."""
    try:
        symbol = gdb.lookup_global_symbol(f"runtime.{name}")
        return symbol.value() if symbol else None
    except _ERRORS:
        return None


def heap_sweepgen() -> int | None:
    """Return ``mheap_.sweepgen``; it grows by 2 with each GC cycle (mheap.go)."""
    mheap = variable("mheap_")
    return None if mheap is None else number(mheap, "sweepgen")


class Walk(NamedTuple):
    """How far a list was followed: the address of the ``last`` node, and what stopped the walk before nil."""

    nodes: int
    last: int
    stopped: str = ""

    def counted(self, noun: str) -> str:
        """Format the length: ``2 spans``, ``2 spans, then a loop``, ``1,000 spans or more``."""
        return counted(self.nodes, noun) + self.stopped


def walk(head: gdb.Value) -> Walk:
    """Follow ``next`` from the node that ``head`` points to; to nil, a loop, unreadable memory or the bound."""
    seen: set[int] = set()
    node, address, last = head, number(head), 0
    while address:
        if address in seen:
            return Walk(len(seen), last, ", then a loop")
        if len(seen) == _LONGEST_WALK:
            return Walk(len(seen), last, " or more")
        node = node["next"]
        following = number(node)
        if following is None:
            break
        seen.add(address)
        address, last = following, address
    return Walk(len(seen), last, "" if address == 0 else f", then {UNREADABLE}")


def count(value: int | None) -> str:
    """Format a number with thousands separators."""
    return UNREADABLE if value is None else f"{value:,}"


def counted(value: int | None, noun: str, plural: str | None = None) -> str:
    """Format a number with its noun: ``1 page``, ``2 pages``."""
    return f"{count(value)} {noun if value == 1 else plural or noun + 's'}"


def hexadecimal(value: int | None) -> str:
    """Format an address."""
    return UNREADABLE if value is None else f"{value:#x}"
