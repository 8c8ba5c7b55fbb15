"""Check indexes in expressions as Go does: gdb goes past the end of an array, and takes a map for a pointer."""

from __future__ import annotations

import re
from collections.abc import Iterator

import gdb

from gdb_gospan.errors import GoSpansError

_TYPED = {"map[": "map", "chan ": "channel", "<-chan ": "channel", "chan<- ": "channel"}
"""How the names of Go's types begin that are pointers to a struct of the runtime's own."""
_POINTED_TO = {
    "hash<": "map",
    "map<": "map",
    "runtime.hmap": "map",
    "internal/runtime/maps.Map": "map",
    "hchan<": "channel",
    "runtime.hchan": "channel",
}
"""How the names of these structs begin, for types with a name of their own; maps are in package maps since Go 1.24."""

_TOKEN = re.compile(r"(?P<operand>'[^']*'|\"(?:[^\"\\]|\\.)*\"|[\w$]+)|(?P<join>\.|->)|[^\s]")


class NoElementError(GoSpansError):
    """The indexed value has no elements that can be shown; ``operand`` is its text as typed."""

    def __init__(self, operand: str, kind: str) -> None:
        super().__init__(f"{operand} is a {kind}; its elements have no fixed address")
        self.operand = operand


def element(value: gdb.Value, index: gdb.Value) -> gdb.Value:
    """Index an array, a pointer as gdb does, or a slice or string, within its bounds.

    Raises
    ------
    gdb.error
        There is no such element.
    """
    number, kind = int(index), value.type.strip_typedefs()
    if kind.code == gdb.TYPE_CODE_PTR and kind.target().strip_typedefs().code == gdb.TYPE_CODE_ARRAY:
        value = value.dereference()  # as in Go
    if length := bounds(value):
        refuse_beyond(number, *length)
    names = _fields(value)
    inside = next((name for name in ("array", "str") if {name, "len"} <= names), None)
    return item(value[inside] if inside else value, number)


def item(value: gdb.Value, number: int) -> gdb.Value:
    """Return an element of an array or pointer, in any language that gdb is set to."""
    pointer = value.type.strip_typedefs().code == gdb.TYPE_CODE_PTR
    return (value + number).dereference() if pointer else value[number]


def refuse_maps(value: gdb.Value, operand: str) -> None:
    """Raise a `NoElementError` when the value is a map or a channel."""
    kind = _without_elements(value.type)
    if kind:
        raise NoElementError(operand, kind)


def refuse_beyond(number: int, noun: str, length: int) -> None:
    """Raise a `gdb.error` for an index out of range."""
    if not 0 <= number < length:
        raise gdb.error(f"index {number} is out of range for {noun} of {length}")


def bounds(value: gdb.Value) -> tuple[str, int] | None:
    """Return the kind of the value and its length; None if unknown."""
    kind = value.type.strip_typedefs()
    if kind.code == gdb.TYPE_CODE_ARRAY:
        low, high = kind.range()
        return "an array", high - low + 1
    names = _fields(value)
    if {"array", "len", "cap"} <= names:
        return "a slice", int(value["len"])
    return ("a string", int(value["len"])) if {"str", "len"} <= names else None


def indexed(expression: str) -> Iterator[tuple[str, str]]:
    """Yield each indexed operand and its index, both as typed: from ``*f(p).m[i]``, ``f(p).m`` and ``i``."""
    begin: int | None = None  # of the operand that ends here
    joined = False  # a dot or an arrow is open: what follows belongs to the operand
    opened: list[tuple[int | None, int]] = []
    for token in _TOKEN.finditer(expression):
        text, at = token[0], token.start()
        if token.lastgroup == "operand":  # in (T)x[i] it is x that is indexed
            begin, joined = begin if joined else at, False
        elif token.lastgroup == "join":
            begin, joined = at if begin is None else begin, True
        elif text in "([":
            begin = at if begin is None and text == "(" else begin
            opened.append((begin, at))
            begin, joined = None, False
        elif text in ")]" and opened:
            begin, start = opened.pop()
            joined = False
            if text == "]" and begin is not None:
                yield expression[begin:start].strip(), expression[start + 1 : at].strip()
        else:
            begin, joined = None, False


def _without_elements(kind: gdb.Type) -> str | None:
    while kind.code == gdb.TYPE_CODE_TYPEDEF:
        if found := _beginning(_TYPED, kind.name):
            return found
        kind = kind.target()
    return (
        _beginning(_POINTED_TO, kind.target().strip_typedefs().name)
        if kind.code == gdb.TYPE_CODE_PTR
        else None
    )


def _beginning(names: dict[str, str], name: str | None) -> str | None:
    return next((kind for begun, kind in names.items() if (name or "").startswith(begun)), None)


def _fields(value: gdb.Value) -> set[str | None]:
    kind = value.type.strip_typedefs()
    return {field.name for field in kind.fields()} if kind.code == gdb.TYPE_CODE_STRUCT else set()
