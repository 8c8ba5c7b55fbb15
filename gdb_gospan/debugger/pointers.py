"""Turn a value that a user calls a pointer into an address."""

from __future__ import annotations

import gdb

_INSIDE = ("array", "str", "data")
"""Where a Go slice, string and interface keep their pointer."""


def pointer_in(value: gdb.Value) -> gdb.Value:
    """Return the heap pointer of a value: the data of a slice, string or interface; the address of a struct."""
    kind = value.type.strip_typedefs()
    if kind.code == gdb.TYPE_CODE_ARRAY and kind.target().name == "char":  # a literal; Go's own are of uint8
        raise gdb.error(
            "a string is not an address; put a package variable in single quotes: 'main.sessions'"
        )
    if kind.code != gdb.TYPE_CODE_STRUCT:
        return value
    names = {field.name for field in kind.fields()}
    inside = next((name for name in _INSIDE if name in names), None)
    if inside is not None:
        return value[inside]
    if value.address is None:
        raise gdb.error("a struct without an address")
    return value.address
